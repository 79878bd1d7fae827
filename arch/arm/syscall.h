/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* arm: the raw system call. Included by ../syscall.h. */
#ifndef _ARCH_ARM_SYSCALL_H
#define _ARCH_ARM_SYSCALL_H

#define RAW_NR_MMAP	__NR_mmap2
#define RAW_MAP_LOW	0	/* all addresses are */

/* r7 may be the frame pointer, so no constraint can name it. A system call preserves ip. */
static inline long raw_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r0 __asm__("r0") = a;
	register long r1 __asm__("r1") = b;
	register long r2 __asm__("r2") = c;
	register long r3 __asm__("r3") = d;
	register long r4 __asm__("r4") = e;
	register long r5 __asm__("r5") = f;

	__asm__ volatile("mov	ip, r7\n\t"
			 "mov	r7, %1\n\t"
			 "svc	#0\n\t"
			 "mov	r7, ip"
			 : "+r"(r0)
			 : "r"(nr), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5)
			 : "ip", "memory");
	return r0;
}

#endif /* _ARCH_ARM_SYSCALL_H */
