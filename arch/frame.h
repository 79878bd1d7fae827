/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the kernel writes on a thread's stack when a signal handler starts, and reads when
 * it returns. Pure functions from bytes to numbers, for the library.
 */
#ifndef _ARCH_FRAME_H
#define _ARCH_FRAME_H

#include "encode.h"

#define VDSO_FRAME_SIZE		256	/* more than what any port looks at */

/**
 * struct vdso_frame - registers that a handler will return with
 * @ip: instruction pointer
 * @sp: stack pointer
 */
struct vdso_frame {
	__u64 ip;
	__u64 sp;
};

#define VDSO_FRAME_ALIGN	16

#include "x86/frame.h"

/*
 * The first address at which a frame of a thread that runs such code can start, if its stack
 * pointer is sp. The next ones follow at distances of VDSO_FRAME_ALIGN.
 */
static inline __u64 vdso_frame_first(enum vdso_abi abi, __u64 sp)
{
	return VDSO_ARCH_X86 && vdso_abi_is_x86(abi) ? x86_frame_first(abi, sp) : sp;
}

/* Whether the VDSO_FRAME_SIZE bytes, which are at addr, are a frame; abi is of the code. */
static inline int vdso_frame_read(enum vdso_abi abi, struct vdso_frame *frame, const __u8 *bytes,
				  __u64 addr)
{
	return VDSO_ARCH_X86 && vdso_abi_is_x86(abi) && x86_frame_read(abi, frame, bytes, addr);
}

#endif /* _ARCH_FRAME_H */
