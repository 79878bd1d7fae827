/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Registers of a stopped thread, as PTRACE_GETREGSET gives them, and how it makes system
 * calls and steps. For the library and vdsoctl.
 */
#ifndef _ARCH_REGS_H
#define _ARCH_REGS_H

#include <stdbool.h>

#include "abi.h"

#define VDSO_REGS_MAX	512	/* bytes, more than any port's */

/**
 * struct vdso_regs - general registers
 * @size: how many bytes the kernel gave, which tells the code that the thread runs
 * @bytes: in the form of that code
 */
struct vdso_regs {
	unsigned int size;
	__u8 bytes[VDSO_REGS_MAX] __attribute__((aligned(8)));
};

enum vdso_reg {
	VDSO_REG_IP,
	VDSO_REG_SP,
	VDSO_REG_CALL,		/* number of the system call that the next instruction makes */
	VDSO_REG_RESULT,	/* of a system call or a function */
	VDSO_REG_IN_CALL,	/* number of the system call that the thread is in; -1: none */
};

#define VDSO_NR_ARGS	6	/* of a system call */

/* System calls that vdsoctl has a program make. */
enum vdso_call {
	VDSO_CALL_MMAP,		/* of anonymous memory: the offset is 0, in whatever unit */
	VDSO_CALL_PRCTL,
	VDSO_CALL_EXIT_GROUP,
};

/* What the next instruction of a thread does */
enum vdso_insn {
	VDSO_INSN_OTHER,
	VDSO_INSN_CALL,		/* a system call of the code's own ABI */
	VDSO_INSN_FOREIGN_CALL,	/* a system call of another ABI */
};

/*
 * A port defines, for its machine only:
 *
 * vdso_regs_abi(regs)			the ABI of the code that the thread runs
 * vdso_regs_get(regs, reg)		a register, zero-extended
 * vdso_regs_set(regs, reg, val)
 * vdso_regs_result(regs)		what a system call returned: -errno, or its result
 * vdso_regs_set_call(regs, nr, args)	has the next system call instruction make this call
 * vdso_call_nr(abi, call)		the number of enum vdso_call
 * VDSO_CALL_INSN_SIZE			the size of a system call instruction
 * vdso_call_insn(abi)			its bytes
 * vdso_insn_kind(abi, bytes)		enum vdso_insn of VDSO_CALL_INSN_SIZE bytes
 * vdso_plain_call_nr(nr)		without what marks a call as one of another ABI
 * vdso_call_return(abi, size)		the bytes in the vDSO, at most VDSO_CALL_RETURN_MAX, to which
 *					the kernel returns from system calls, in the function
 *					VDSO_CALL_RETURN_SYMBOL; NULL: it returns to the caller
 * VDSO_TRAP_STEP			si_code of most SIGTRAPs of single steps
 * vdso_trap_is_step(code, in_call)	whether a SIGTRAP with this si_code is that of a step;
 *					in_call is the register VDSO_REG_IN_CALL
 * vdso_trap_is_breakpoint(code, in_call)
 */
#if defined(__x86_64__) || defined(__i386__)
#include "x86/regs.h"
#endif

#endif /* _ARCH_REGS_H */
