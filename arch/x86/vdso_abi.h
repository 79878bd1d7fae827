/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * x86_64: what a vDSO of this machine is, and what stands for its functions.
 */
#ifndef _VDSO_ABI_H
#define _VDSO_ABI_H

#include <linux/vdso_remap.h>

#define VDSO_ABI_MACHINE	62	/* EM_X86_64, with ELFCLASS32: x32 */
#define VDSO_ABI_MACHINE_32	3	/* EM_386 */

/* Farther away than this in both directions no group is parked: jmp rel32. */
#define VDSO_ABI_REACH		0x80000000ULL

/* The instruction pointer in struct user, for PTRACE_PEEKUSER. */
#define VDSO_ABI_USER_IP	(16 * 8)

/* The code segment there, and its value in a thread that runs 64-bit code. */
#define VDSO_ABI_USER_CS	(17 * 8)
#define VDSO_ABI_CS_64BIT	0x33

/*
 * The functions of a 64-bit vDSO that have a stub, without their prefix.
 * Arrays, not pointers: the library must do without relocations.
 */
static const struct vdso_abi_stub {
	char name[16];
	unsigned int stub;
} vdso_abi_stubs[] = {
	{ "clock_gettime", VDSO_REMAP_STUB_CLOCK_GETTIME },
	{ "clock_getres", VDSO_REMAP_STUB_CLOCK_GETRES },
	{ "gettimeofday", VDSO_REMAP_STUB_GETTIMEOFDAY },
	{ "time", VDSO_REMAP_STUB_TIME },
	{ "getcpu", VDSO_REMAP_STUB_GETCPU },
	{ "getrandom", VDSO_REMAP_STUB_GETRANDOM },
};

#endif /* _VDSO_ABI_H */
