/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the module asks of an architecture. Each answers in its own kmod.h:
 *
 *   ARCH_VR_HAS_COMPAT	whether processes can have the vDSO of a 32-bit ABI
 *   arch_vr_vdso()		the kernel's own idea of where an mm's text is
 *   arch_vr_set_vdso()		changes that
 *   arch_vr_runtime()		the pristine text that belongs to an mm
 *   arch_vr_sync_code()	this CPU forgets what code it has fetched already
 *
 * For what follows there are defaults. An architecture that needs something else has a
 * function of its own, and a macro of the same name.
 */
#ifndef _ARCH_KMOD_H
#define _ARCH_KMOD_H

#include <linux/highmem.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/ptrace.h>
#include <linux/sched/task_stack.h>

#include <asm/cacheflush.h>

#ifdef CONFIG_X86
#include "x86/kmod.h"
#else
#error "vdso_remap: no port to this machine: see arch/README"
#endif

/* Whether the kernel's mremap hook changes the instruction pointer of the current thread. */
#ifndef ARCH_VR_HOOK_MOVES_IP
#define ARCH_VR_HOOK_MOVES_IP	0
#endif

/*
 * Where a thread returns to user space. Kernel threads, such as the worker that adopts an
 * mm, have no user registers on some machines, and on others registers that mean nothing.
 */
#ifndef arch_vr_user_ip
static inline unsigned long arch_vr_user_ip(struct task_struct *thread)
{
	struct pt_regs *regs = task_pt_regs(thread);

	return regs ? instruction_pointer(regs) : 0;
}
#endif

#ifndef arch_vr_set_user_ip
static inline void arch_vr_set_user_ip(struct task_struct *thread, unsigned long ip)
{
	struct pt_regs *regs = task_pt_regs(thread);

	if (regs)
		instruction_pointer_set(regs, ip);
}
#endif

/* Where the addresses end that code of so many bits can use in this mm. */
#ifndef arch_vr_task_size
static inline unsigned long arch_vr_task_size(const struct mm_struct *mm, unsigned int bits)
{
	return bits == 32 ? min_t(unsigned long, mm->task_size, U32_MAX) : mm->task_size;
}
#endif

/*
 * Code was written to the page through an address of the kernel's: after this, fetches
 * through addresses of the process find it, once a CPU has done arch_vr_sync_code(). It is
 * also called while this CPU holds all others, so it must not wait for one; where
 * flush_icache_range() does (arm64, riscv), this has to be another function.
 */
#ifndef arch_vr_publish_code
static inline void arch_vr_publish_code(struct page *page, unsigned int off, unsigned int len)
{
	u8 *addr = kmap_local_page(page);

	flush_dcache_page(page);
	flush_icache_range((unsigned long)addr + off, (unsigned long)addr + off + len);
	kunmap_local(addr);
}
#endif

#endif /* _ARCH_KMOD_H */
