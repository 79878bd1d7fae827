/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* arm: its ABI, which 32-bit tasks of arm64 have, too. Included by ../abi.h. */
#ifndef _ARCH_ARM_ABI_H
#define _ARCH_ARM_ABI_H

#define ARM_MACHINE	40	/* EM_ARM */

/* Bit 0: the code is Thumb code, else ARM code. */
#define ARM_STATE_BITS	1

/* The kernel has the last GiB and the 16 MiB before it. A jump reaches every address. */
#define ARM_ABI_ROWS \
	[VDSO_ABI_ARM] = { "arm", ARM_MACHINE, 32, 0xbf00, 0x10000 },

#endif /* _ARCH_ARM_ABI_H */
