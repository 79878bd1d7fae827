/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * x86: signal frames. Included by ../frame.h. Offsets from the frame's start:
 *
 *		x86_64		x32		i386, SA_SIGINFO	i386, otherwise
 *   0		return address	return address	return address		return address
 *   4						signal			signal
 *   8		flags		flags (u32)	address of offset 16	registers
 *   12						address of offset 144
 *   32				registers
 *   48		registers
 *   164					registers
 *
 * Each frame holds addresses of its own parts, so a copy of it elsewhere is not taken for a
 * frame.
 */
#ifndef _ARCH_X86_FRAME_H
#define _ARCH_X86_FRAME_H

/* A frame's address modulo 16: like the stack pointer's at the start of a function. */
#define X86_FRAME_BIAS_64	8
#define X86_FRAME_BIAS_32	12
/* While a handler returns, the stack pointer is at most this far above the frame's start. */
#define X86_FRAME_POPPED	8
/* The floating point registers start at most this far above the frame's start. */
#define X86_FRAME_FP_REACH	1024
/* UC_SIGCONTEXT_SS and UC_STRICT_RESTORE_SS, which frames of 64-bit code have; UC_FP_XSTATE */
#define X86_FRAME_FLAGS_64	6
#define X86_FRAME_FLAG_XSTATE	1
#define X86_FRAME_MAX_SIGNAL	64

#define X86_CS_64	0x33
#define X86_CS_32	0x23

static inline __u64 x86_frame_first(enum vdso_abi abi, __u64 sp)
{
	__u64 bias = abi == VDSO_ABI_I386 ? X86_FRAME_BIAS_32 : X86_FRAME_BIAS_64;

	sp -= X86_FRAME_POPPED;
	return sp + ((bias - sp) & 15);
}

static inline int x86_frame_has_flags(__u64 flags)
{
	return (flags & ~(__u64)X86_FRAME_FLAG_XSTATE) == X86_FRAME_FLAGS_64;
}

static inline int x86_frame_is_near(__u64 fp, __u64 addr)
{
	return fp > addr && fp - addr < X86_FRAME_FP_REACH;
}

/* Reads the registers of 64-bit code. The caller has checked the flags. */
static inline int x86_frame_read_64(struct vdso_frame *frame, const __u8 *regs, __u64 addr)
{
	if ((vdso_get_le32(regs + 144) & 0xffff) != X86_CS_64 ||
	    !x86_frame_is_near(vdso_get_le64(regs + 184), addr))
		return 0;
	frame->sp = vdso_get_le64(regs + 120);
	frame->ip = vdso_get_le64(regs + 128);
	return 1;
}

static inline int x86_frame_read_32(struct vdso_frame *frame, const __u8 *bytes, __u64 addr)
{
	__u32 sig = vdso_get_le32(bytes + 4);
	int has_info = vdso_get_le32(bytes + 8) == (__u32)(addr + 16) &&
		       vdso_get_le32(bytes + 12) == (__u32)(addr + 144);
	const __u8 *regs = bytes + (has_info ? 164 : 8);

	/* A frame holds the stack pointer twice. */
	if (!sig || sig > X86_FRAME_MAX_SIGNAL ||
	    (vdso_get_le32(regs + 60) & 0xffff) != X86_CS_32 ||
	    vdso_get_le32(regs + 28) != vdso_get_le32(regs + 68) ||
	    !x86_frame_is_near(vdso_get_le32(regs + 76), addr))
		return 0;
	frame->sp = vdso_get_le32(regs + 28);
	frame->ip = vdso_get_le32(regs + 56);
	return 1;
}

/* abi is x86_64's also for x32 programs, whose code is the same: both layouts are tried. */
static inline int x86_frame_read(enum vdso_abi abi, struct vdso_frame *frame, const __u8 *bytes,
				 __u64 addr)
{
	if (abi == VDSO_ABI_I386)
		return x86_frame_read_32(frame, bytes, addr);
	if (x86_frame_has_flags(vdso_get_le64(bytes + 8)) &&
	    x86_frame_read_64(frame, bytes + 48, addr))
		return 1;
	return x86_frame_has_flags(vdso_get_le32(bytes + 8)) &&
	       x86_frame_read_64(frame, bytes + 32, addr);
}

#endif /* _ARCH_X86_FRAME_H */
