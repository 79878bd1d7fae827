/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* arm64: the raw system call. Included by ../syscall.h. */
#ifndef _ARCH_ARM64_SYSCALL_H
#define _ARCH_ARM64_SYSCALL_H

#define RAW_NR_MMAP	__NR_mmap
#define RAW_MAP_LOW	0	/* there is none: programs of arm find their own place */

static inline long raw_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc	#0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}

#endif /* _ARCH_ARM64_SYSCALL_H */
