/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The ABIs of all ports. Each ABI has a vDSO of its own. The machine and the class of that
 * ELF file say which ABI it is. Compiled into the module, the library, vdsoctl and the tests.
 */
#ifndef _ARCH_ABI_H
#define _ARCH_ABI_H

#include <linux/types.h>
#include <linux/vdso_remap.h>

/* Only this machine's port is compiled, or all ports if VDSO_ARCH_ALL is 1. */
#ifndef VDSO_ARCH_ALL
#define VDSO_ARCH_ALL	0
#endif

#if VDSO_ARCH_ALL || defined(__x86_64__) || defined(__i386__)
#define VDSO_ARCH_X86	1
#else
#define VDSO_ARCH_X86	0
#endif

#if VDSO_ARCH_ALL || defined(__aarch64__)
#define VDSO_ARCH_ARM64	1
#else
#define VDSO_ARCH_ARM64	0
#endif

/* The kernel of the 64-bit machine runs 32-bit tasks, too. */
#if VDSO_ARCH_ALL || defined(__arm__) || defined(__aarch64__)
#define VDSO_ARCH_ARM	1
#else
#define VDSO_ARCH_ARM	0
#endif

#if !VDSO_ARCH_X86 && !VDSO_ARCH_ARM64 && !VDSO_ARCH_ARM
#error "vdso-remap: no port to this machine: see arch/README"
#endif

/* There, code is little-endian, but literals in it are big-endian, which no encoder knows. */
#if defined(__ARMEB__) || defined(__AARCH64EB__)
#error "vdso-remap: no port to this byte order of the machine"
#endif

/* The byte order of this machine's ELF files: ELFDATA2LSB or ELFDATA2MSB */
#define VDSO_ELF_DATA	(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 1 : 2)

enum vdso_abi {
	VDSO_ABI_UNKNOWN,
	VDSO_ABI_X86_64,
	VDSO_ABI_I386,
	VDSO_ABI_X32,
	VDSO_ABI_ARM64,
	VDSO_ABI_ARM,
};

/**
 * struct vdso_abi_row - an ABI
 * @name: its usual name
 * @machine: ELF machine of its vDSO
 * @bits: of its ELF class, 32 or 64
 * @addr_end: where the addresses end that all its programs can use, in units of 64 KiB
 * @reach: a near jump reaches targets that are less than this far away, in both directions;
 *	in units of 64 KiB
 */
struct vdso_abi_row {
	char name[8];
	__u16 machine;
	__u8 bits;
	__u32 addr_end;
	__u32 reach;
};

#include "x86/abi.h"
#include "arm64/abi.h"
#include "arm/abi.h"

/*
 * Indexed by enum vdso_abi. Rows of other machines are zero, or missing at the end. No pointers:
 * the freestanding library has no relocations.
 */
static const struct vdso_abi_row vdso_abi_rows[] = {
	[VDSO_ABI_UNKNOWN] = { .name = "unknown" },
#if VDSO_ARCH_X86
	X86_ABI_ROWS
#endif
#if VDSO_ARCH_ARM64
	ARM64_ABI_ROWS
#endif
#if VDSO_ARCH_ARM
	ARM_ABI_ROWS
#endif
};

#define VDSO_NR_ABIS	(sizeof(vdso_abi_rows) / sizeof(vdso_abi_rows[0]))

/* The row of an ABI. A number that is no ABI gets the row of VDSO_ABI_UNKNOWN. */
static inline const struct vdso_abi_row *vdso_abi_row(unsigned int abi)
{
	return &vdso_abi_rows[abi < VDSO_NR_ABIS ? abi : VDSO_ABI_UNKNOWN];
}

/* The ABI of a vDSO with this ELF machine, an ELF class of bits, and the kernel's byte order. */
static inline enum vdso_abi vdso_abi_of(unsigned int machine, unsigned int bits)
{
	unsigned int abi;

	for (abi = 1; abi < VDSO_NR_ABIS; abi++)
		if (vdso_abi_rows[abi].machine == machine && vdso_abi_rows[abi].bits == bits)
			return (enum vdso_abi)abi;
	return VDSO_ABI_UNKNOWN;
}

/* Whether its programs can use addresses below 4 GiB only. */
static inline int vdso_abi_is_32bit(enum vdso_abi abi)
{
	return (VDSO_ARCH_X86 && x86_abi_is_32bit(abi)) ||
	       (VDSO_ARCH_ARM && abi == VDSO_ABI_ARM);
}

/*
 * Which bits of a code's address, as st_value of an ELF symbol has it, are no part of the address
 * but say in what state the processor executes the code.
 */
static inline __u32 vdso_abi_state_bits(enum vdso_abi abi)
{
	return VDSO_ARCH_ARM && abi == VDSO_ABI_ARM ? ARM_STATE_BITS : 0;
}

/* An address or offset of code without these bits: where its bytes are. */
static inline __u64 vdso_abi_code(enum vdso_abi abi, __u64 addr)
{
	return addr & ~(__u64)vdso_abi_state_bits(abi);
}

#endif /* _ARCH_ABI_H */
