/* SPDX-License-Identifier: GPL-2.0 */
/* General registers of a thread in a ptrace stop; arch/regs.h knows them by name. */
#ifndef _SELFTESTS_LIB_REGS_H
#define _SELFTESTS_LIB_REGS_H

#include <elf.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "arch/regs.h"

/* Bytes that the kernel does not give are 0. */
static inline bool t_get_regs(pid_t tid, struct vdso_regs *regs)
{
	struct iovec iov = { regs->bytes, sizeof(regs->bytes) };

	memset(regs, 0, sizeof(*regs));
	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &iov))
		return false;
	regs->size = iov.iov_len;
	return true;
}

static inline bool t_set_regs(pid_t tid, const struct vdso_regs *regs)
{
	struct iovec iov = { (void *)regs->bytes, regs->size };

	return !ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &iov);
}

/* Of a stopped thread; ~0: there is none. */
static inline uint64_t t_get_reg(pid_t tid, enum vdso_reg reg)
{
	struct vdso_regs regs;

	return t_get_regs(tid, &regs) ? vdso_regs_get(&regs, reg) : ~0ULL;
}

static inline bool t_set_reg(pid_t tid, enum vdso_reg reg, uint64_t val)
{
	struct vdso_regs regs;

	if (!t_get_regs(tid, &regs))
		return false;
	vdso_regs_set(&regs, reg, val);
	return t_set_regs(tid, &regs);
}

/* It goes on at the code with this address, which may have state bits. */
static inline bool t_set_code(pid_t tid, uint64_t addr)
{
	struct vdso_regs regs;

	if (!t_get_regs(tid, &regs))
		return false;
	vdso_regs_set_code(&regs, addr);
	return t_set_regs(tid, &regs);
}

#endif /* _SELFTESTS_LIB_REGS_H */
