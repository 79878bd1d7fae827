/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the kernel writes on a thread's stack when a signal handler starts, and reads when
 * it returns. Pure functions from bytes to numbers, for the library.
 */
#ifndef _ARCH_FRAME_H
#define _ARCH_FRAME_H

#include "encode.h"

#define VDSO_FRAME_SIZE		640	/* more than any port reads of a frame */

/**
 * struct vdso_frame - registers of the thread after the handler has returned
 * @ip: instruction pointer
 * @sp: stack pointer
 */
struct vdso_frame {
	__u64 ip;
	__u64 sp;
};

#include "x86/frame.h"
#include "arm64/frame.h"
#include "arm/frame.h"

/* The distance between addresses at which a signal frame can start */
static inline unsigned int vdso_frame_align(enum vdso_abi abi)
{
	return VDSO_ARCH_ARM && abi == VDSO_ABI_ARM ? ARM_FRAME_ALIGN : 16;
}

/*
 * The first address at which a signal frame can start, for a thread that runs code of this ABI
 * and whose stack pointer is sp.
 */
static inline __u64 vdso_frame_first(enum vdso_abi abi, __u64 sp)
{
	unsigned int align = vdso_frame_align(abi);

	return VDSO_ARCH_X86 && vdso_abi_is_x86(abi) ? x86_frame_first(abi, sp) :
						       (sp + align - 1) & -(__u64)align;
}

/*
 * Whether bytes, VDSO_FRAME_SIZE of them from the address addr, are a signal frame of a thread
 * that runs code of this ABI. If so, sets *frame.
 */
static inline int vdso_frame_read(enum vdso_abi abi, struct vdso_frame *frame, const __u8 *bytes,
				  __u64 addr)
{
	if (VDSO_ARCH_X86 && vdso_abi_is_x86(abi))
		return x86_frame_read(abi, frame, bytes, addr);
	if (VDSO_ARCH_ARM64 && abi == VDSO_ABI_ARM64)
		return arm64_frame_read(frame, bytes);
	return VDSO_ARCH_ARM && abi == VDSO_ABI_ARM && arm_frame_read(frame, bytes);
}

#endif /* _ARCH_FRAME_H */
