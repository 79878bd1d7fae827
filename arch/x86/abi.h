/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* x86: its ABIs. Included by ../abi.h. */
#ifndef _ARCH_X86_ABI_H
#define _ARCH_X86_ABI_H

#define X86_MACHINE_64	62	/* EM_X86_64; of class 32: x32 */
#define X86_MACHINE_32	3	/* EM_386 */

/*
 * jmp rel32 reaches 2 GiB. In 32-bit code the sum wraps at 4 GiB, so the jump reaches all
 * addresses. x32 programs run 64-bit code, where the sum does not wrap.
 */
#define X86_ABI_ROWS \
	[VDSO_ABI_X86_64] = { "x86_64", X86_MACHINE_64, 64, 0x7fffffff, 0x8000 }, \
	[VDSO_ABI_I386] = { "i386", X86_MACHINE_32, 32, 0xffff, 0x10000 }, \
	[VDSO_ABI_X32] = { "x32", X86_MACHINE_64, 32, 0xffff, 0x8000 },

static inline int vdso_abi_is_x86(enum vdso_abi abi)
{
	return abi >= VDSO_ABI_X86_64 && abi <= VDSO_ABI_X32;
}

/* By code: it is smaller than the table, which the restorer's archive would have several times. */
static inline int x86_abi_is_32bit(enum vdso_abi abi)
{
	return abi == VDSO_ABI_I386 || abi == VDSO_ABI_X32;
}

#endif /* _ARCH_X86_ABI_H */
