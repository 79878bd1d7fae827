/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the kernel writes on a thread's stack when a signal handler starts, and reads when
 * it returns. Pure functions from bytes to numbers, for the library.
 */
#ifndef _ARCH_FRAME_H
#define _ARCH_FRAME_H

#include "encode.h"

#define VDSO_FRAME_SIZE		256	/* more than any port reads of a frame */

/**
 * struct vdso_frame - registers of the thread after the handler has returned
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
 * The first address at which a signal frame can start, for a thread that runs code of this ABI
 * and whose stack pointer is sp. Later candidates follow every VDSO_FRAME_ALIGN bytes.
 */
static inline __u64 vdso_frame_first(enum vdso_abi abi, __u64 sp)
{
	return VDSO_ARCH_X86 && vdso_abi_is_x86(abi) ? x86_frame_first(abi, sp) : sp;
}

/*
 * Whether bytes, VDSO_FRAME_SIZE of them from the address addr, are a signal frame of a thread
 * that runs code of this ABI. If so, sets *frame.
 */
static inline int vdso_frame_read(enum vdso_abi abi, struct vdso_frame *frame, const __u8 *bytes,
				  __u64 addr)
{
	return VDSO_ARCH_X86 && vdso_abi_is_x86(abi) && x86_frame_read(abi, frame, bytes, addr);
}

#endif /* _ARCH_FRAME_H */
