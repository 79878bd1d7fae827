/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * x86: what the kernel writes on a thread's stack when a signal handler starts, and
 * reads when it returns. Pure functions from bytes to numbers.
 *
 *		x86_64			i386, SA_SIGINFO	i386, without
 *   0		return address		return address		return address
 *   4					signal			signal
 *   8		flags			address of 16		registers
 *   12					address of 144
 *   48		registers
 *   164				registers
 *
 * Each frame holds addresses of parts of itself, so a copy elsewhere is not taken for
 * a frame.
 */
#ifndef _VDSO_FRAME_H
#define _VDSO_FRAME_H

#include "vdso_abi.h"

#define VDSO_FRAME_SIZE		256	/* more than what is looked at */
#define VDSO_FRAME_ALIGN	16
/* A frame's address modulo VDSO_FRAME_ALIGN: that of a stack pointer at a function's start. */
#define VDSO_FRAME_BIAS_64	8
#define VDSO_FRAME_BIAS_32	12
/* While a handler returns, the stack pointer is at most this far above the frame's start. */
#define VDSO_FRAME_POPPED	8

#define VDSO_FRAME_CS_32BIT	0x23
/* The floating point registers start at most this far above the frame's start. */
#define VDSO_FRAME_FP_REACH	1024
#define VDSO_FRAME_MAX_FLAGS	7	/* UC_* */
#define VDSO_FRAME_MAX_SIGNAL	64

/**
 * struct vdso_frame - registers that a handler will return with
 * @ip: instruction pointer
 * @sp: stack pointer
 */
struct vdso_frame {
	__u64 ip;
	__u64 sp;
};

static inline unsigned int vdso_frame_bias(enum vdso_abi abi)
{
	return vdso_abi_is_32bit(abi) ? VDSO_FRAME_BIAS_32 : VDSO_FRAME_BIAS_64;
}

static inline __u16 vdso_frame_u16(const __u8 *bytes)
{
	__u16 val;

	__builtin_memcpy(&val, bytes, sizeof(val));
	return val;
}

static inline __u32 vdso_frame_u32(const __u8 *bytes)
{
	__u32 val;

	__builtin_memcpy(&val, bytes, sizeof(val));
	return val;
}

static inline __u64 vdso_frame_u64(const __u8 *bytes)
{
	__u64 val;

	__builtin_memcpy(&val, bytes, sizeof(val));
	return val;
}

static inline int vdso_frame_is_near(__u64 fp, __u64 addr)
{
	return fp > addr && fp - addr < VDSO_FRAME_FP_REACH;
}

static inline int vdso_frame_read_x86_64(struct vdso_frame *frame, const __u8 *bytes, __u64 addr)
{
	const __u8 *regs = bytes + 48;

	if (vdso_frame_u64(bytes + 8) > VDSO_FRAME_MAX_FLAGS ||
	    vdso_frame_u16(regs + 144) != VDSO_ABI_CS_64BIT ||
	    !vdso_frame_is_near(vdso_frame_u64(regs + 184), addr))
		return 0;
	frame->sp = vdso_frame_u64(regs + 120);
	frame->ip = vdso_frame_u64(regs + 128);
	return 1;
}

static inline int vdso_frame_read_i386(struct vdso_frame *frame, const __u8 *bytes, __u64 addr)
{
	__u32 sig = vdso_frame_u32(bytes + 4);
	int has_info = vdso_frame_u32(bytes + 8) == (__u32)(addr + 16) &&
		       vdso_frame_u32(bytes + 12) == (__u32)(addr + 144);
	const __u8 *regs = bytes + (has_info ? 164 : 8);

	/* A frame holds the stack pointer twice. */
	if (!sig || sig > VDSO_FRAME_MAX_SIGNAL ||
	    vdso_frame_u16(regs + 60) != VDSO_FRAME_CS_32BIT ||
	    vdso_frame_u32(regs + 28) != vdso_frame_u32(regs + 68) ||
	    !vdso_frame_is_near(vdso_frame_u32(regs + 76), addr))
		return 0;
	frame->sp = vdso_frame_u32(regs + 28);
	frame->ip = vdso_frame_u32(regs + 56);
	return 1;
}

/* Whether the VDSO_FRAME_SIZE bytes, which are at addr, are a frame. */
static inline int vdso_frame_read(enum vdso_abi abi, struct vdso_frame *frame, const __u8 *bytes,
				  __u64 addr)
{
	return vdso_abi_is_32bit(abi) ? vdso_frame_read_i386(frame, bytes, addr) :
					vdso_frame_read_x86_64(frame, bytes, addr);
}

#endif /* _VDSO_FRAME_H */
