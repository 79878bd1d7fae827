/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * arm: how a tracer steps ARM code, since arm's own kernels have no single steps. Included by
 * regs.h; ../regs.h documents it. Of the branches it knows those that compilers use in a vDSO, and
 * the jumps that are written there.
 */
#ifndef _ARCH_ARM_STEP_H
#define _ARCH_ARM_STEP_H

#define VDSO_BREAKPOINT		0xe7f001f0U	/* udf, for which the kernel sends a SIGTRAP */

#define ARM_PC	15
#define ARM_LR	14

static inline int arm_is_pc(__u32 insn)
{
	return (insn >> 12 & 15) == ARM_PC;
}

/* b, bl; bx, blx; mov pc, register */
static inline int arm_is_b(__u32 insn)
{
	return (insn & 0x0e000000) == 0x0a000000;
}

static inline int arm_is_bx(__u32 insn)
{
	return (insn & 0x0fffffd0) == 0x012fff10 || (insn & 0x0ffffff0) == 0x01a0f000;
}

/* ldm from the address upwards, as pop is; ldr with a number as its offset */
static inline int arm_is_ldm(__u32 insn)
{
	return (insn & 0x0fd08000) == 0x08908000;
}

static inline int arm_is_ldr(__u32 insn)
{
	return (insn & 0x0e50f000) == 0x0410f000;
}

/* Whether it may write pc in a way that is none of these. */
static inline int arm_is_other_branch(__u32 insn)
{
	unsigned int kind = insn >> 25 & 7, op = insn >> 21 & 15;

	if (insn >> 28 == 15)
		return kind == 5;			/* blx to Thumb code */
	if ((!kind && (insn & 0x90) == 0x90) ||		/* mul, ldrh, strd and the like */
	    (kind == 3 && insn & 0x10))			/* sdiv and the like */
		return 0;
	if (kind < 2)					/* arithmetic; 8 to 11 have no result */
		return (insn & 0x0ffffff0) == 0x012fff20 ||	/* bxj */
		       ((op < 8 || op > 11) && arm_is_pc(insn));
	if (kind < 4)					/* ldr, str */
		return insn & 1 << 20 && arm_is_pc(insn);
	return kind == 4 && (insn & 0x108000) == 0x108000;	/* ldm */
}

/* Whether the flags of the thread fulfill the condition of the instruction. */
static inline int arm_condition(__u32 insn, __u32 cpsr)
{
	int n = cpsr >> 31, z = cpsr >> 30 & 1, c = cpsr >> 29 & 1, v = cpsr >> 28 & 1;
	int holds;

	switch (insn >> 29) {
	case 0:
		holds = z;
		break;
	case 1:
		holds = c;
		break;
	case 2:
		holds = n;
		break;
	case 3:
		holds = v;
		break;
	case 4:
		holds = c && !z;
		break;
	case 5:
		holds = n == v;
		break;
	case 6:
		holds = !z && n == v;
		break;
	default:
		return 1;
	}
	return insn & 1 << 28 ? !holds : holds;
}

static inline __u32 arm_step_reg(const struct vdso_regs *regs, unsigned int nr)
{
	__u32 val = arm_regs_load(regs, nr);

	return nr == ARM_PC ? val + 8 : val;
}

static inline __u32 arm_ldr_offset(__u32 insn)
{
	__u32 off = insn & 0xfff;

	return insn & 1 << 23 ? off : -off;
}

static inline enum vdso_step vdso_step_kind(const struct vdso_regs *regs, __u32 insn,
					    struct vdso_step_load *load)
{
	__u32 base = arm_step_reg(regs, insn >> 16 & 15);

	*load = (struct vdso_step_load){ 0 };
	if (vdso_regs_code(regs) & ARM_STATE_BITS || insn == VDSO_BREAKPOINT)
		return VDSO_STEP_UNKNOWN;
	if (insn >> 28 != 15 && (insn & 0x0f000000) == 0x0f000000)
		return VDSO_STEP_ALONE;
	if (insn >> 28 != 15 && (arm_is_b(insn) || arm_is_bx(insn)))
		return VDSO_STEP_BRANCH;
	if (insn >> 28 != 15 && arm_is_ldm(insn)) {
		*load = (struct vdso_step_load){ base, 4 * __builtin_popcount(insn & 0xffff) };
		return VDSO_STEP_BRANCH;
	}
	if (insn >> 28 != 15 && arm_is_ldr(insn)) {
		*load = (struct vdso_step_load){
			base + (insn & 1 << 24 ? arm_ldr_offset(insn) : 0), 4
		};
		return VDSO_STEP_BRANCH;
	}
	return arm_is_other_branch(insn) ? VDSO_STEP_UNKNOWN : VDSO_STEP_PLAIN;
}

static inline void arm_step_ldm(struct vdso_regs *regs, __u32 insn, const __u8 *loaded)
{
	unsigned int nr, base = insn >> 16 & 15;
	__u32 val, addr = arm_regs_load(regs, base);

	for (nr = 0; nr <= ARM_PC; nr++) {
		if (!(insn & 1 << nr))
			continue;
		__builtin_memcpy(&val, loaded, sizeof(val));
		loaded += sizeof(val);
		addr += sizeof(val);
		if (nr == ARM_PC)
			vdso_regs_set_code(regs, val);
		else
			arm_regs_store(regs, nr, val);
	}
	if (insn & 1 << 21)
		arm_regs_store(regs, base, addr);
}

static inline void arm_step_ldr(struct vdso_regs *regs, __u32 insn, const __u8 *loaded)
{
	unsigned int base = insn >> 16 & 15;
	__u32 val;

	/* Written back: without an offset before, or if it says so */
	if (!(insn & 1 << 24) || insn & 1 << 21)
		arm_regs_store(regs, base, arm_regs_load(regs, base) + arm_ldr_offset(insn));
	__builtin_memcpy(&val, loaded, sizeof(val));
	vdso_regs_set_code(regs, val);
}

static inline void vdso_step_branch(struct vdso_regs *regs, __u32 insn, const __u8 *loaded)
{
	__u32 ip = arm_regs_load(regs, ARM_PC);
	__u32 target;

	if (!arm_condition(insn, arm_regs_load(regs, ARM_REG_CPSR))) {
		arm_regs_store(regs, ARM_PC, ip + 4);
		return;
	}
	if (arm_is_ldm(insn)) {
		arm_step_ldm(regs, insn, loaded);
		return;
	}
	if (arm_is_ldr(insn)) {
		arm_step_ldr(regs, insn, loaded);
		return;
	}
	target = arm_is_b(insn) ? ip + 8 + ((__s32)(insn << 8) >> 6) :
				  arm_step_reg(regs, insn & 15);
	if (arm_is_b(insn) ? insn & 1 << 24 : (insn & 0xf0) == 0x30)	/* bl, blx */
		arm_regs_store(regs, ARM_LR, ip + 4);
	vdso_regs_set_code(regs, target);
}

#endif /* _ARCH_ARM_STEP_H */
