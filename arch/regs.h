/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Registers of a stopped thread, as PTRACE_GETREGSET gives them; how the thread makes system
 * calls; how a single step is reported. For the library and vdsoctl.
 */
#ifndef _ARCH_REGS_H
#define _ARCH_REGS_H

#include <stdbool.h>
#include <stddef.h>

#include "abi.h"

#define VDSO_REGS_MAX	512	/* bytes, more than any port's */

/**
 * struct vdso_regs - general registers
 * @size: how many bytes the kernel gave; this depends on the code that the thread runs
 * @bytes: in the layout for that code
 */
struct vdso_regs {
	unsigned int size;
	__u8 bytes[VDSO_REGS_MAX] __attribute__((aligned(8)));
};

enum vdso_reg {
	VDSO_REG_IP,
	VDSO_REG_SP,
	VDSO_REG_CALL,		/* a system call instruction makes the call of this number */
	VDSO_REG_RESULT,	/* what a system call or a function returned */
	VDSO_REG_IN_CALL,	/* number of the system call that the thread is in; -1: none */
};

#define VDSO_NR_ARGS	6	/* arguments of a system call */

/* System calls that vdsoctl makes a program execute */
enum vdso_call {
	VDSO_CALL_MMAP,		/* of anonymous memory: the offset is 0, whatever its unit */
	VDSO_CALL_PRCTL,
	VDSO_CALL_EXIT_GROUP,
};

/* What the next instruction of a thread does */
enum vdso_insn {
	VDSO_INSN_OTHER,
	VDSO_INSN_CALL,		/* a system call of the code's own ABI */
	VDSO_INSN_FOREIGN_CALL,	/* a system call of another ABI */
};

/* How a tracer steps an instruction, where the kernel has no single steps */
enum vdso_step {
	VDSO_STEP_UNKNOWN,	/* it can't */
	VDSO_STEP_PLAIN,	/* the thread makes it, and goes on at the next one */
	VDSO_STEP_ALONE,	/* the same, but it is a step of its own: a system call */
	VDSO_STEP_BRANCH,	/* the tracer makes it, by changing the thread's registers */
};

/**
 * struct vdso_step_load - what a branch loads from memory
 * @addr: address
 * @size: in bytes, at most VDSO_STEP_LOAD_MAX; 0: nothing
 */
struct vdso_step_load {
	__u64 addr;
	unsigned int size;
};

#define VDSO_STEP_LOAD_MAX	64

/**
 * struct vdso_call_insn - a system call instruction
 * @size: of the instruction
 * @align: of its address
 * @bytes: it
 */
struct vdso_call_insn {
	__u8 size;
	__u8 align;
	__u8 bytes[4];
};

/*
 * A port defines, for its machine only:
 *
 * vdso_regs_abi(regs)			the ABI of the code that the thread runs
 * vdso_regs_get(regs, reg)		a register (enum vdso_reg), zero-extended
 * vdso_regs_set(regs, reg, val)
 * vdso_regs_code(regs)			the instruction pointer with its vdso_abi_state_bits()
 * vdso_regs_set_code(regs, addr)	makes the thread go on there, in that state
 * vdso_regs_result(regs)		what a system call returned: -errno, or its result
 * vdso_regs_set_call(regs, nr, args)	sets up this system call for the next instruction
 * VDSO_USER_OFFSET(reg)		where ptrace(2) pokes one; only for a kernel that can refuse
 *					the whole set, see vrl_write_regs()
 * vdso_call_nr(abi, call)		the system call number of an enum vdso_call
 * vdso_call_insn(abi, addr)		the system call instruction for code at this address;
 *					only its state bits count
 * vdso_insn_kind(regs, bytes)		enum vdso_insn of the instruction in these bytes, of which
 *					VDSO_CALL_INSN_MAX are read
 * VDSO_CALL_INSN_MAX			the size of the longest system call instruction
 * vdso_plain_call_nr(nr)		nr without the bits that mark a call of another ABI
 * vdso_call_return(abi, size)		if programs of the ABI make their system calls inside the
 *					vDSO, in the function VDSO_CALL_RETURN_SYMBOL: the
 *					instructions there from the system call on, *size bytes, at
 *					most VDSO_CALL_RETURN_MAX; else NULL. If no programs do,
 *					the port defines none of these
 * VDSO_TRAP_STEP			si_code of the SIGTRAP after most single steps
 * vdso_trap_is_step(code, sender, in_call)
 *					whether a SIGTRAP with this si_code, and si_pid if a process
 *					sent it, reports a step; in_call is the register
 *					VDSO_REG_IN_CALL
 * vdso_trap_is_breakpoint(code, in_call)	the same for a breakpoint
 *
 * If its kernels have no single steps, also for instructions of 32 bits, in the byte order of data:
 *
 * VDSO_BREAKPOINT			the breakpoint that the tracer writes
 * vdso_step_kind(regs, insn, load)	enum vdso_step of the next instruction; sets *load
 * vdso_step_branch(regs, insn, loaded)	makes a branch, which has loaded these bytes
 */
#if defined(__x86_64__) || defined(__i386__)
#include "x86/regs.h"
#elif defined(__aarch64__) || defined(__arm__)
#include "arm/regs.h"
#endif

#ifndef VDSO_CALL_RETURN_MAX
#define VDSO_CALL_RETURN_MAX	1
#define VDSO_CALL_RETURN_SYMBOL	""

static inline const __u8 *vdso_call_return(enum vdso_abi abi, unsigned int *size)
{
	(void)abi;
	*size = 0;
	return NULL;
}
#endif

#endif /* _ARCH_REGS_H */
