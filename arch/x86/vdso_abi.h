/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * x86: what a vDSO of this machine is, and what stands for its functions.
 */
#ifndef _VDSO_ABI_H
#define _VDSO_ABI_H

#include <linux/vdso_remap.h>

#define VDSO_ABI_MACHINE	62	/* EM_X86_64, with ELFCLASS32: x32 */
#define VDSO_ABI_MACHINE_32	3	/* EM_386 */

/*
 * The ABIs whose code we can write. Each has a vDSO of its own: the machine and
 * the class of that ELF file say which one it is.
 */
enum vdso_abi {
	VDSO_ABI_UNKNOWN,	/* x32, too */
	VDSO_ABI_X86_64,
	VDSO_ABI_I386,
};

static inline enum vdso_abi vdso_abi_of(unsigned int machine, unsigned int bits)
{
	if (machine == VDSO_ABI_MACHINE && bits == 64)
		return VDSO_ABI_X86_64;
	if (machine == VDSO_ABI_MACHINE_32 && bits == 32)
		return VDSO_ABI_I386;
	return VDSO_ABI_UNKNOWN;
}

static inline int vdso_abi_is_32bit(enum vdso_abi abi)
{
	return abi == VDSO_ABI_I386;
}

#ifndef __KERNEL__	/* names and registers are the library's business */

/* Where the addresses of programs end, at the least; those of 32-bit code */
#define VDSO_ABI_ADDR_END	0x7ffffffff000ULL
#define VDSO_ABI_ADDR_END_32	0xffffe000ULL

/* Farther away than this in both directions no group is parked: jmp rel32. */
#define VDSO_ABI_REACH		0x80000000ULL

/*
 * Indices of registers in struct user, for PTRACE_POKEUSER, and in its first part, which
 * PTRACE_GETREGS gives. AX is the number of a system call before the instruction that
 * makes it, and its result afterwards; then ORIG_AX is the number.
 */
#ifdef __x86_64__
#define VDSO_ABI_NR_REGS	27
#define VDSO_ABI_REG_AX		10
#define VDSO_ABI_REG_ORIG_AX	15
#define VDSO_ABI_REG_IP		16
#define VDSO_ABI_REG_CS		17
#define VDSO_ABI_REG_SP		19
#else
#define VDSO_ABI_NR_REGS	17
#define VDSO_ABI_REG_AX		6
#define VDSO_ABI_REG_ORIG_AX	11
#define VDSO_ABI_REG_IP		12
#define VDSO_ABI_REG_CS		13
#define VDSO_ABI_REG_SP		15
#endif

/* The code segment of a thread that runs 64-bit code. */
#define VDSO_ABI_CS_64BIT	0x33

/* si_code of a SIGTRAP; not every <signal.h> has them */
#define VDSO_ABI_TRAP_BRKPT	1
#define VDSO_ABI_TRAP_TRACE	2
#define VDSO_ABI_TRAP_HWBKPT	4
#define VDSO_ABI_TRAP_KERNEL	0x80	/* SI_KERNEL */

/*
 * Whether a SIGTRAP with this si_code is that of a single step. A step over a system
 * call has TRAP_BRKPT, and so has int1: orig_ax is -1 for int1 and the number for a
 * system call.
 */
static inline int vdso_abi_is_step(int si_code, int orig_ax)
{
	return si_code == VDSO_ABI_TRAP_TRACE ||
	       (si_code == VDSO_ABI_TRAP_BRKPT && orig_ax != -1);
}

/* Whether the SIGTRAP is that of a breakpoint: int3, int1, or a debug register. */
static inline int vdso_abi_is_breakpoint(int si_code, int orig_ax)
{
	return si_code == VDSO_ABI_TRAP_KERNEL || si_code == VDSO_ABI_TRAP_HWBKPT ||
	       (si_code == VDSO_ABI_TRAP_BRKPT && orig_ax == -1);
}

/*
 * The end of i386's __kernel_vsyscall: int $0x80; pop %ebp; pop %edx; pop %ecx;
 * ret. However a thread entered the kernel, it returns to behind the int $0x80.
 */
#define VDSO_ABI_LANDING_PAD	{ 0xcd, 0x80, 0x5d, 0x5a, 0x59, 0xc3 }

/* In the numbers of x32's system calls, which else are those of x86_64 */
#define VDSO_ABI_X32_CALL	0x40000000

/* The instructions that make a system call: syscall, int $0x80, sysenter. */
#define VDSO_ABI_SYSTEM_CALLS	{ { 0x0f, 0x05 }, { 0xcd, 0x80 }, { 0x0f, 0x34 } }

/*
 * The functions that have a stub, by their names without the prefix; not every
 * ABI has all of them. Arrays, not pointers: the library must do without
 * relocations.
 */
static const struct vdso_abi_stub {
	char name[24];
	unsigned int stub;
} vdso_abi_stubs[] = {
	{ "clock_gettime", VDSO_REMAP_STUB_CLOCK_GETTIME },
	{ "clock_getres", VDSO_REMAP_STUB_CLOCK_GETRES },
	{ "gettimeofday", VDSO_REMAP_STUB_GETTIMEOFDAY },
	{ "time", VDSO_REMAP_STUB_TIME },
	{ "getcpu", VDSO_REMAP_STUB_GETCPU },
	{ "getrandom", VDSO_REMAP_STUB_GETRANDOM },
	{ "clock_gettime64", VDSO_REMAP_STUB_CLOCK_GETTIME64 },
	{ "clock_getres_time64", VDSO_REMAP_STUB_CLOCK_GETRES_TIME64 },
};

#endif /* __KERNEL__ */

#endif /* _VDSO_ABI_H */
