/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* arm64 and arm: registers and system calls of a stopped thread. Included by ../regs.h. */
#ifndef _ARCH_ARM_REGS_H
#define _ARCH_ARM_REGS_H

/* Indexes of registers. Arguments of system calls are in the first ones. */
struct arm_regs_layout {
	__u8 width;
	__u8 reg[VDSO_REG_RESULT + 1];
};

static const struct arm_regs_layout arm_regs_64 = { 8, { 32, 31, 8, 0 } };	/* x0..x30 */
static const struct arm_regs_layout arm_regs_32 = { 4, { 15, 13, 7, 0 } };	/* r0..r15 */

#define ARM_REGS_SIZE_64	(34 * 8)
#define ARM_REGS_SIZE_32	(18 * 4)

/* The state of 32-bit code */
#define ARM_REG_CPSR	16
#define ARM_CPSR_THUMB	(1U << 5)
#define ARM_CPSR_32BIT	(1U << 4)

static inline const struct arm_regs_layout *arm_regs_layout(const struct vdso_regs *regs)
{
	return regs->size == ARM_REGS_SIZE_32 ? &arm_regs_32 : &arm_regs_64;
}

static inline __u64 arm_regs_load(const struct vdso_regs *regs, unsigned int index)
{
	unsigned int width = arm_regs_layout(regs)->width;
	__u64 val = 0;

	__builtin_memcpy(&val, regs->bytes + index * width, width);
	return val;
}

/* A 32-bit tracer gets only halves of the registers of a 64-bit thread, but the state is right. */
static inline enum vdso_abi vdso_regs_abi(const struct vdso_regs *regs)
{
	switch (regs->size) {
	case ARM_REGS_SIZE_64:
		return VDSO_ABI_ARM64;
	case ARM_REGS_SIZE_32:
		return arm_regs_load(regs, ARM_REG_CPSR) & ARM_CPSR_32BIT ? VDSO_ABI_ARM :
									    VDSO_ABI_ARM64;
	default:
		return VDSO_ABI_UNKNOWN;
	}
}

static inline void arm_regs_store(struct vdso_regs *regs, unsigned int index, __u64 val)
{
	unsigned int width = arm_regs_layout(regs)->width;

	__builtin_memcpy(regs->bytes + index * width, &val, width);
}

/*
 * When a thread stops that is to start its system call again, it stands before the instruction
 * already, with its arguments in the registers: it is in no system call.
 */
static inline __u64 vdso_regs_get(const struct vdso_regs *regs, enum vdso_reg reg)
{
	__u64 val;

	if (reg == VDSO_REG_IN_CALL)
		return ~0ULL;
	val = arm_regs_load(regs, arm_regs_layout(regs)->reg[reg]);
	/* at a program's start, arm64 leaves the state bit of the ELF header in there, too */
	return reg == VDSO_REG_IP ? vdso_abi_code(vdso_regs_abi(regs), val) : val;
}

static inline void vdso_regs_set(struct vdso_regs *regs, enum vdso_reg reg, __u64 val)
{
	if (reg != VDSO_REG_IN_CALL)
		arm_regs_store(regs, arm_regs_layout(regs)->reg[reg], val);
}

static inline __u64 vdso_regs_code(const struct vdso_regs *regs)
{
	__u64 ip = vdso_regs_get(regs, VDSO_REG_IP);

	if (vdso_regs_abi(regs) != VDSO_ABI_ARM)
		return ip;
	return arm_regs_load(regs, ARM_REG_CPSR) & ARM_CPSR_THUMB ? ip | ARM_STATE_BITS : ip;
}

static inline void vdso_regs_set_code(struct vdso_regs *regs, __u64 addr)
{
	__u32 cpsr;

	if (vdso_regs_abi(regs) == VDSO_ABI_ARM) {
		cpsr = arm_regs_load(regs, ARM_REG_CPSR) & ~ARM_CPSR_THUMB;
		if (addr & ARM_STATE_BITS)
			cpsr |= ARM_CPSR_THUMB;
		arm_regs_store(regs, ARM_REG_CPSR, cpsr);
		addr &= ~(__u64)ARM_STATE_BITS;
	}
	vdso_regs_set(regs, VDSO_REG_IP, addr);
}

/* 32-bit results: the last 4095 values are errors. Others, such as high addresses, are positive. */
static inline __s64 vdso_regs_result(const struct vdso_regs *regs)
{
	__u64 result = vdso_regs_get(regs, VDSO_REG_RESULT);

	if (vdso_regs_abi(regs) == VDSO_ABI_ARM && (__u32)result > -4096U)
		return (__s32)result;
	return result;
}

static inline void vdso_regs_set_call(struct vdso_regs *regs, unsigned int nr,
				      const __u64 args[VDSO_NR_ARGS])
{
	unsigned int i;

	vdso_regs_set(regs, VDSO_REG_CALL, nr);
	for (i = 0; i < VDSO_NR_ARGS; i++)
		arm_regs_store(regs, i, args[i]);
}

static inline unsigned int vdso_call_nr(enum vdso_abi abi, enum vdso_call call)
{
	static const __u8 nrs[][2] = {
		[VDSO_CALL_MMAP] = { 222, 192 },
		[VDSO_CALL_PRCTL] = { 167, 172 },
		[VDSO_CALL_EXIT_GROUP] = { 94, 248 },
	};

	return nrs[call][abi == VDSO_ABI_ARM];
}

/* svc #0 */
#define VDSO_CALL_INSN_MAX	4
static const struct vdso_call_insn arm_call_insns[] = {
	{ 4, 4, { 0x01, 0x00, 0x00, 0xd4 } },	/* arm64 */
	{ 4, 4, { 0x00, 0x00, 0x00, 0xef } },	/* ARM code */
	{ 2, 2, { 0x00, 0xdf } },			/* Thumb code */
};

static inline const struct vdso_call_insn *vdso_call_insn(enum vdso_abi abi, __u64 addr)
{
	if (abi != VDSO_ABI_ARM)
		return &arm_call_insns[0];
	return &arm_call_insns[addr & ARM_STATE_BITS ? 2 : 1];
}

/*
 * svc with any number. In ARM code the number may say that it is a system call of the old ABI,
 * from before the EABI; and the instruction may have a condition.
 */
static inline enum vdso_insn vdso_insn_kind(const struct vdso_regs *regs, const __u8 *bytes)
{
	__u32 insn = bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (__u32)bytes[3] << 24;

	if (vdso_regs_abi(regs) != VDSO_ABI_ARM)
		return (insn & 0xffe0001f) == 0xd4000001 ? VDSO_INSN_CALL : VDSO_INSN_OTHER;
	if (vdso_regs_code(regs) & ARM_STATE_BITS)
		return (insn & 0xff00) == 0xdf00 ? VDSO_INSN_CALL : VDSO_INSN_OTHER;
	if ((insn & 0x0f000000) != 0x0f000000 || insn >> 28 == 0xf)
		return VDSO_INSN_OTHER;
	return insn & 0xffffff ? VDSO_INSN_FOREIGN_CALL : VDSO_INSN_CALL;
}

static inline __u32 vdso_plain_call_nr(__u32 nr)
{
	return nr;
}

/* si_code of a SIGTRAP; not every <signal.h> defines these */
#define ARM_TRAP_BRKPT	1
#define VDSO_TRAP_STEP	2
#define ARM_TRAP_HWBKPT	4

/*
 * A step over a system call reports a SIGTRAP that looks as if a process without a pid, one
 * outside of the pid namespace, had sent it.
 */
static inline bool vdso_trap_is_step(int si_code, int sender, int in_call)
{
	(void)in_call;
	return si_code == VDSO_TRAP_STEP || (!si_code && !sender);
}

static inline bool vdso_trap_is_breakpoint(int si_code, int in_call)
{
	(void)in_call;
	return si_code == ARM_TRAP_BRKPT || si_code == ARM_TRAP_HWBKPT;
}

#ifdef __arm__
#include "step.h"
#endif

#endif /* _ARCH_ARM_REGS_H */
