// SPDX-License-Identifier: GPL-2.0
/*
 * Linked into the 32-bit tests, so that their libc outlives a move.
 *
 * On i386 libc makes every system call through the address of __kernel_vsyscall
 * that the kernel gave the program at its start. There is nothing when the vDSO
 * has moved, and the next write() would be the end. A restored process has that
 * vDSO where it remembers it; these tests don't, and get a function of their own
 * instead. The address is in two places: a variable for the static libc's own
 * use, and in the header of each thread's control block, where new threads copy
 * it from their parent's.
 */
#include <stdint.h>

extern uintptr_t _dl_sysinfo;
extern const char t_int80[];

__asm__(".pushsection .text\n"
	"t_int80:\n"
	"	int	$0x80\n"
	"	ret\n"
	".popsection\n");

static void __attribute__((constructor(101))) leave_the_vdso(void)
{
	_dl_sysinfo = (uintptr_t)t_int80;
	__asm__ volatile("movl %0, %%gs:0x10" : : "r"(t_int80) : "memory");
}
