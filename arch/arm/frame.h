/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * arm: signal frames. Included by ../frame.h. Offsets from the frame's start, to which the stack
 * pointer points when the handler starts and when it has returned:
 *
 *   SA_SIGINFO	otherwise
 *	0			signal
 *	128		0	flags: 0; without SA_SIGINFO this number
 *	132			address of another context, 0
 *	160		32	registers: r0 to r15, cpsr
 *	360		232	the first record of other state, which begins with one of
 *				these numbers
 *
 * Nothing in it tells its address, so a copy on the stack is taken for a frame.
 */
#ifndef _ARCH_ARM_FRAME_H
#define _ARCH_ARM_FRAME_H

#define ARM_FRAME_ALIGN		8
#define ARM_FRAME_PLAIN		0x5ac3c35a
#define ARM_FRAME_MAX_SIGNAL	64

#define ARM_RECORD_VFP		0x56465001
#define ARM_RECORD_IWMMXT	0x12ef842a
#define ARM_RECORD_DUMMY	0xb0d9ed01

#define ARM_CPSR_MODE	0x1f
#define ARM_CPSR_USER	0x10

static inline int arm_frame_has_info(const __u8 *bytes)
{
	__u32 sig = vdso_get_le32(bytes);

	return sig && sig <= ARM_FRAME_MAX_SIGNAL && !vdso_get_le32(bytes + 128) &&
	       !vdso_get_le32(bytes + 132);
}

static inline int arm_frame_is_record(__u32 magic)
{
	return magic == ARM_RECORD_VFP || magic == ARM_RECORD_IWMMXT || magic == ARM_RECORD_DUMMY;
}

static inline int arm_frame_read(struct vdso_frame *frame, const __u8 *bytes)
{
	const __u8 *regs = bytes + (arm_frame_has_info(bytes) ? 160 : 32);

	if ((regs == bytes + 32 && vdso_get_le32(bytes) != ARM_FRAME_PLAIN) ||
	    !arm_frame_is_record(vdso_get_le32(regs + 200)) ||
	    (vdso_get_le32(regs + 16 * 4) & ARM_CPSR_MODE) != ARM_CPSR_USER)
		return 0;
	frame->sp = vdso_get_le32(regs + 13 * 4);
	frame->ip = vdso_get_le32(regs + 15 * 4);
	return 1;
}

#endif /* _ARCH_ARM_FRAME_H */
