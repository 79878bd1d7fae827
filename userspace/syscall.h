/* SPDX-License-Identifier: MIT */
/*
 * The system calls that the library makes, typed; each returns -errno on
 * failure.
 */
#ifndef _VDSO_REMAP_SYSCALL_H
#define _VDSO_REMAP_SYSCALL_H

#include <asm/unistd.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch/syscall.h"

/* Addresses are 64 bits wide in the interface; in a 32-bit process few of them fit. */
static inline bool fits_long(uint64_t val)
{
	return val == (unsigned long)val;
}

static inline int sys_open(const char *path, int flags)
{
	return raw_syscall(__NR_openat, -100 /* AT_FDCWD */, (long)path, flags, 0, 0, 0);
}

static inline long sys_read(int fd, void *buf, unsigned long size)
{
	return raw_syscall(__NR_read, fd, (long)buf, size, 0, 0, 0);
}

/* Unlike pwrite64(), it takes the offset in the same way on all machines: as two words. */
static inline long sys_pwritev(int fd, const void *iov, uint64_t off)
{
	return raw_syscall(__NR_pwritev, fd, (long)iov, 1, off, off >> 32, 0);
}

static inline int sys_close(int fd)
{
	return raw_syscall(__NR_close, fd, 0, 0, 0, 0, 0);
}

static inline int sys_ioctl(int fd, unsigned int cmd, void *arg)
{
	return raw_syscall(__NR_ioctl, fd, cmd, (long)arg, 0, 0, 0);
}

/* Private, anonymous memory at *addr; 0 is anywhere, and *addr says where. */
static inline int sys_mmap(uint64_t *addr, uint64_t size, int prot, int flags)
{
	unsigned long ret;

	if (!fits_long(*addr) || !fits_long(size))
		return -EINVAL;
	ret = raw_syscall(RAW_NR_MMAP, *addr, size, prot, flags, -1, 0);
	if (ret > -4096UL)	/* an address may have the highest bit set, too */
		return ret;
	*addr = ret;
	return 0;
}

static inline int sys_munmap(uint64_t addr, uint64_t size)
{
	return raw_syscall(__NR_munmap, addr, size, 0, 0, 0, 0);
}

static inline int sys_unshare(unsigned long flags)
{
	return raw_syscall(__NR_unshare, flags, 0, 0, 0, 0, 0);
}

static inline int sys_getpid(void)
{
	return raw_syscall(__NR_getpid, 0, 0, 0, 0, 0, 0);
}

static inline long sys_getdents64(int fd, void *buf, unsigned long size)
{
	return raw_syscall(__NR_getdents64, fd, (long)buf, size, 0, 0, 0);
}

/* Only asks. */
static inline int sys_prlimit64(int pid, int resource, void *limit)
{
	return raw_syscall(__NR_prlimit64, pid, resource, 0, (long)limit, 0, 0);
}

static inline long sys_process_vm_readv(int pid, const void *local, const void *remote)
{
	return raw_syscall(__NR_process_vm_readv, pid, (long)local, 1, (long)remote, 1, 0);
}

static inline long sys_ptrace(long request, int tid, unsigned long addr, void *data)
{
	return raw_syscall(__NR_ptrace, request, tid, addr, (long)data, 0, 0);
}

static inline int sys_wait4(int tid, int *status, int options)
{
	return raw_syscall(__NR_wait4, tid, (long)status, options, 0, 0, 0);
}

static inline int sys_tkill(int tid, int sig)
{
	return raw_syscall(__NR_tkill, tid, sig, 0, 0, 0, 0);
}

#endif /* _VDSO_REMAP_SYSCALL_H */
