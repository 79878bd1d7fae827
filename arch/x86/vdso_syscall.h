/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * x86_64: the raw system call, for code that has no libc.
 */
#ifndef _VDSO_SYSCALL_H
#define _VDSO_SYSCALL_H

#if !defined(__x86_64__) || defined(__ILP32__)
#error "libvdsoremap makes 64-bit x86 system calls only"
#endif

/* Returns what the kernel returns: -errno on failure. */
static inline long raw_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

#endif /* _VDSO_SYSCALL_H */
