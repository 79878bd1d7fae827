/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* x86: the instruction pointer in CRIU's signal frames. Included by ../criu.h. */
#ifndef _ARCH_X86_CRIU_H
#define _ARCH_X86_CRIU_H

#define ARCH_CRIU_MAP_LOW	MAP_32BIT

static inline unsigned long arch_criu_frame_ip(const struct rt_sigframe *frame)
{
	return frame->is_native ? frame->native.uc.uc_mcontext.rip :
				  frame->compat.uc.uc_mcontext.ip;
}

static inline void arch_criu_set_frame_ip(struct rt_sigframe *frame, unsigned long ip)
{
	if (frame->is_native)
		frame->native.uc.uc_mcontext.rip = ip;
	else
		frame->compat.uc.uc_mcontext.ip = ip;
}

#endif /* _ARCH_X86_CRIU_H */
