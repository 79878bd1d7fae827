/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * arm64: signal frames. Included by ../frame.h. Offsets from the frame's start, to which the stack
 * pointer points when the handler starts and when it has returned:
 *
 *   0	what the handler is told of the signal, if it asked for that
 *   128	flags, 0
 *   136	address of another context, 0
 *   312	registers: x0 to x30, sp, pc, pstate
 *   592	the first record of other state: the floating point registers
 *
 * Nothing in it tells its address, so a copy on the stack is taken for a frame.
 */
#ifndef _ARCH_ARM64_FRAME_H
#define _ARCH_ARM64_FRAME_H

#define ARM64_PSTATE_MODE	0x1f	/* 0 for 64-bit user code */
#define ARM64_FPSIMD_MAGIC	0x46508001
#define ARM64_FPSIMD_SIZE	528

static inline int arm64_frame_read(struct vdso_frame *frame, const __u8 *bytes)
{
	const __u8 *regs = bytes + 312, *record = bytes + 592;

	if (vdso_get_le64(bytes + 128) || vdso_get_le64(bytes + 136) ||
	    vdso_get_le64(regs + 33 * 8) & (ARM64_PSTATE_MODE | ~0ULL << 32) ||
	    vdso_get_le32(record) != ARM64_FPSIMD_MAGIC ||
	    vdso_get_le32(record + 4) != ARM64_FPSIMD_SIZE)
		return 0;
	frame->sp = vdso_get_le64(regs + 31 * 8);
	frame->ip = vdso_get_le64(regs + 32 * 8);
	return 1;
}

#endif /* _ARCH_ARM64_FRAME_H */
