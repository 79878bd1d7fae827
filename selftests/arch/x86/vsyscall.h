/* SPDX-License-Identifier: GPL-2.0 */
/* Calls of i386's __kernel_vsyscall. */
#ifndef _SELFTESTS_ARCH_X86_VSYSCALL_H
#define _SELFTESTS_ARCH_X86_VSYSCALL_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether this processor can run an i386 __kernel_vsyscall: which instruction it
 * enters the kernel by was chosen for the one that the image was taken on.
 * Processors of AMD have no sysenter in 32-bit code under a 64-bit kernel,
 * those of others no syscall.
 */
bool t_vsyscall_fits(const uint8_t *vsyscall);

#ifdef __i386__
/* For a call with all registers set, and what was in them afterwards. */
struct t_registers {
	unsigned long eax, ebx, ecx, edx, esi, edi, ebp;
	unsigned long args[3];	/* on the stack */
};

void t_call_with(const void *fn, struct t_registers *regs);
#endif

#endif /* _SELFTESTS_ARCH_X86_VSYSCALL_H */
