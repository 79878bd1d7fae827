/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* arm64: the instruction pointer in CRIU's signal frames. Included by ../criu.h. */
#ifndef _ARCH_ARM64_CRIU_H
#define _ARCH_ARM64_CRIU_H

#define ARCH_CRIU_MAP_LOW	0	/* CRIU has no 32-bit processes here */

static inline unsigned long arch_criu_frame_ip(const struct rt_sigframe *frame)
{
	return frame->uc.uc_mcontext.pc;
}

static inline void arch_criu_set_frame_ip(struct rt_sigframe *frame, unsigned long ip)
{
	frame->uc.uc_mcontext.pc = ip;
}

#endif /* _ARCH_ARM64_CRIU_H */
