/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* x86: registers and system calls of a stopped thread. Included by ../regs.h. */
#ifndef _ARCH_X86_REGS_H
#define _ARCH_X86_REGS_H

#include <stddef.h>

/*
 * Indexes of registers in struct user_regs_struct. Before a system call instruction, ax holds
 * the number of the call. After it, ax holds the result and orig_ax the number.
 */
struct x86_regs_layout {
	__u8 width;
	__u8 reg[VDSO_REG_IN_CALL + 1];
	__u8 arg[VDSO_NR_ARGS];
};

static const struct x86_regs_layout x86_regs_64 = {
	8, { 16, 19, 10, 10, 15 }, { 14, 13, 12, 7, 9, 8 },
};

static const struct x86_regs_layout x86_regs_32 = {
	4, { 12, 15, 6, 6, 11 }, { 0, 1, 2, 3, 4, 5 },
};

/*
 * In struct user of the tracer, whatever code the thread runs. The kernel refuses null selectors,
 * which a thread of i386 can load.
 */
#ifdef __x86_64__
#define VDSO_USER_OFFSET(which)	((unsigned long)x86_regs_64.reg[which] * 8)
#else
#define VDSO_USER_OFFSET(which)	((unsigned long)x86_regs_32.reg[which] * 4)
#endif

#define X86_REGS_SIZE_64	(27 * 8)
#define X86_REGS_SIZE_32	(17 * 4)

static inline const struct x86_regs_layout *x86_regs_layout(const struct vdso_regs *regs)
{
	return regs->size == X86_REGS_SIZE_32 ? &x86_regs_32 : &x86_regs_64;
}

/* x32 programs run x86_64 code. */
static inline enum vdso_abi vdso_regs_abi(const struct vdso_regs *regs)
{
	switch (regs->size) {
	case X86_REGS_SIZE_64:
		return VDSO_ABI_X86_64;
	case X86_REGS_SIZE_32:
		return VDSO_ABI_I386;
	default:
		return VDSO_ABI_UNKNOWN;
	}
}

static inline __u64 vdso_regs_get(const struct vdso_regs *regs, enum vdso_reg reg)
{
	const struct x86_regs_layout *layout = x86_regs_layout(regs);
	__u64 val = 0;

	__builtin_memcpy(&val, regs->bytes + layout->reg[reg] * layout->width, layout->width);
	return val;
}

static inline void x86_regs_store(struct vdso_regs *regs, unsigned int index, __u64 val)
{
	unsigned int width = x86_regs_layout(regs)->width;

	__builtin_memcpy(regs->bytes + index * width, &val, width);
}

static inline void vdso_regs_set(struct vdso_regs *regs, enum vdso_reg reg, __u64 val)
{
	x86_regs_store(regs, x86_regs_layout(regs)->reg[reg], val);
}

/* Its addresses hold no state bits. */
static inline __u64 vdso_regs_code(const struct vdso_regs *regs)
{
	return vdso_regs_get(regs, VDSO_REG_IP);
}

static inline void vdso_regs_set_code(struct vdso_regs *regs, __u64 addr)
{
	vdso_regs_set(regs, VDSO_REG_IP, addr);
}

/* 32-bit results: the last 4095 values are errors. Others, such as high addresses, are positive. */
static inline __s64 vdso_regs_result(const struct vdso_regs *regs)
{
	__u64 ax = vdso_regs_get(regs, VDSO_REG_RESULT);

	if (vdso_regs_abi(regs) == VDSO_ABI_I386 && (__u32)ax > -4096U)
		return (__s32)ax;
	return ax;
}

static inline void vdso_regs_set_call(struct vdso_regs *regs, unsigned int nr,
				      const __u64 args[VDSO_NR_ARGS])
{
	unsigned int i;

	vdso_regs_set(regs, VDSO_REG_IN_CALL, ~0ULL);	/* the kernel restarts no system call */
	vdso_regs_set(regs, VDSO_REG_CALL, nr);
	for (i = 0; i < VDSO_NR_ARGS; i++)
		x86_regs_store(regs, x86_regs_layout(regs)->arg[i], args[i]);
}

static inline unsigned int vdso_call_nr(enum vdso_abi abi, enum vdso_call call)
{
	static const __u16 nrs[][2] = {
		[VDSO_CALL_MMAP] = { 9, 192 },
		[VDSO_CALL_PRCTL] = { 157, 172 },
		[VDSO_CALL_EXIT_GROUP] = { 231, 252 },
	};

	return nrs[call][abi == VDSO_ABI_I386];
}

/* syscall, int $0x80, sysenter */
#define VDSO_CALL_INSN_MAX	2
static const struct vdso_call_insn x86_call_insns[] = {
	{ 2, 1, { 0x0f, 0x05 } }, { 2, 1, { 0xcd, 0x80 } }, { 2, 1, { 0x0f, 0x34 } }
};

static inline const struct vdso_call_insn *vdso_call_insn(enum vdso_abi abi, __u64 addr)
{
	(void)addr;
	return &x86_call_insns[abi == VDSO_ABI_I386];
}

/*
 * In 32-bit code all three make the system calls of i386. In 64-bit code syscall makes those of
 * x86_64, and int $0x80 those of i386.
 */
static inline enum vdso_insn vdso_insn_kind(const struct vdso_regs *regs, const __u8 *bytes)
{
	unsigned int i;

	for (i = 0; i < sizeof(x86_call_insns) / sizeof(x86_call_insns[0]); i++)
		if (!__builtin_memcmp(bytes, x86_call_insns[i].bytes, x86_call_insns[i].size))
			return i && vdso_regs_abi(regs) != VDSO_ABI_I386 ? VDSO_INSN_FOREIGN_CALL :
									   VDSO_INSN_CALL;
	return VDSO_INSN_OTHER;
}

/* This bit marks a system call of x32; most of the numbers are x86_64's otherwise. */
#define X86_X32_CALL	0x40000000U

static inline __u32 vdso_plain_call_nr(__u32 nr)
{
	return nr & ~X86_X32_CALL;
}

/*
 * The end of i386's __kernel_vsyscall: int $0x80; pop %ebp; pop %edx; pop %ecx; ret. By
 * whatever instruction a thread entered the kernel there, it returns to the first pop.
 */
static const __u8 x86_call_return[] = { 0xcd, 0x80, 0x5d, 0x5a, 0x59, 0xc3 };

#define VDSO_CALL_RETURN_MAX	6
#define VDSO_CALL_RETURN_SYMBOL	"__kernel_vsyscall"

static inline const __u8 *vdso_call_return(enum vdso_abi abi, unsigned int *size)
{
	*size = sizeof(x86_call_return);
	return abi == VDSO_ABI_I386 ? x86_call_return : NULL;
}

/* si_code of a SIGTRAP; not every <signal.h> defines these */
#define X86_TRAP_BRKPT		1
#define VDSO_TRAP_STEP		2
#define X86_TRAP_HWBKPT		4
#define X86_TRAP_KERNEL		0x80	/* SI_KERNEL */

/*
 * A step over a system call reports TRAP_BRKPT, and so does int1. orig_ax tells them apart: it
 * is the number of the system call, and -1 for int1.
 */
static inline bool vdso_trap_is_step(int si_code, int sender, int in_call)
{
	(void)sender;
	return si_code == VDSO_TRAP_STEP || (si_code == X86_TRAP_BRKPT && in_call != -1);
}

/* int3, int1, or a debug register */
static inline bool vdso_trap_is_breakpoint(int si_code, int in_call)
{
	return si_code == X86_TRAP_KERNEL || si_code == X86_TRAP_HWBKPT ||
	       (si_code == X86_TRAP_BRKPT && in_call == -1);
}

#endif /* _ARCH_X86_REGS_H */
