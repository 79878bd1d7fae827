/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* arm64: its ABI. Included by ../abi.h. That of its 32-bit tasks is in ../arm/abi.h. */
#ifndef _ARCH_ARM64_ABI_H
#define _ARCH_ARM64_ABI_H

#define ARM64_MACHINE	183	/* EM_AARCH64 */

/* Unless a program asks for more, it gets addresses of 48 bits. b reaches 128 MiB. */
#define ARM64_ABI_ROWS \
	[VDSO_ABI_ARM64] = { "arm64", ARM64_MACHINE, 64, 0xffffffff, 0x800 },

#endif /* _ARCH_ARM64_ABI_H */
