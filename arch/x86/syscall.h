/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* x86: the raw system call of x86_64 and i386. Included by ../syscall.h. */
#ifndef _ARCH_X86_SYSCALL_H
#define _ARCH_X86_SYSCALL_H

#if defined(__x86_64__) && !defined(__ILP32__)

#define RAW_NR_MMAP	__NR_mmap
#define RAW_MAP_LOW	0x40	/* MAP_32BIT */

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

#elif defined(__i386__)

#define RAW_NR_MMAP	__NR_mmap2
#define RAW_MAP_LOW	0	/* all addresses are */

/*
 * int $0x80 and not __kernel_vsyscall, which lies in the vDSO that is about to move. No
 * constraint names ebp, and the code changes ebp and esp, so no operand may be addressed by
 * them: edi points to the last two arguments.
 */
static inline long raw_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	const long last[] = { e, f };
	const long *edi = last;
	long ret;

	__asm__ volatile("push	%%ebp\n\t"
			 "mov	4(%%edi), %%ebp\n\t"
			 "mov	(%%edi), %%edi\n\t"
			 "int	$0x80\n\t"
			 "pop	%%ebp"
			 : "=a"(ret), "+D"(edi)
			 : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d)
			 : "memory", "cc");
	return ret;
}

#else
#error "libvdsoremap makes the system calls of x86_64 and i386 only"
#endif

#endif /* _ARCH_X86_SYSCALL_H */
