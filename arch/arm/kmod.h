/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* arm: what the module needs to know of the kernel. Included by ../kmod.h, which documents it. */
#ifndef _ARCH_ARM_KMOD_H
#define _ARCH_ARM_KMOD_H

#include <linux/highmem.h>
#include <linux/mm_types.h>

#include <asm/barrier.h>
#include <asm/cacheflush.h>
#include <asm/processor.h>

#ifndef CONFIG_VDSO
#error "vdso_remap: needs a kernel with CONFIG_VDSO"
#endif

/* The addresses of the kernel's functions would need bit 0. */
#ifdef CONFIG_THUMB2_KERNEL
#error "vdso_remap: does not work in a kernel with CONFIG_THUMB2_KERNEL"
#endif

/* Older processors lack instructions of stubs, and their data caches have aliases. */
#if defined(CONFIG_CPU_V6) || defined(CONFIG_CPU_V6K)
#error "vdso_remap: does not work in a kernel that also runs on ARMv6: see CONFIG_CPU_V6"
#endif

#define ARCH_VR_HAS_COMPAT	0

static inline unsigned long arch_vr_vdso(const struct mm_struct *mm)
{
	return mm->context.vdso;
}

static inline void arch_vr_set_vdso(struct mm_struct *mm, unsigned long text)
{
	mm->context.vdso = text;
}

/*
 * flush_icache_range() works on the lines of a kernel address, on all CPUs without interrupting
 * them. Cortex-A7 and Cortex-A9 have instruction caches that are indexed by virtual addresses: the
 * process's lines may be others. So the whole instruction cache is invalidated, too: by ICIALLUIS
 * on all CPUs, or by ICIALLU, which the kernel's module loader writes in its place on a single
 * processor, where the former may fault. The kernel's __flush_icache_all() needs a function that
 * is not exported. Data caches behave as if indexed by physical addresses on all ARMv7 processors.
 */
#define arch_vr_publish_code	arch_vr_publish_code
static inline void arch_vr_publish_code(struct page *page, unsigned int off, unsigned int len)
{
	u8 *addr = kmap_local_page(page);

	flush_icache_range((unsigned long)addr + off, (unsigned long)addr + off + len);
	kunmap_local(addr);
	asm volatile(__ALT_SMP_ASM("mcr	p15, 0, %0, c7, c1, 0", "mcr	p15, 0, %0, c7, c5, 0")
		     : : "r" (0) : "memory");
	dsb(ish);
}

/* After the kernel has started a handler of Thumb code, bit 0 of pc says so. It is no address. */
#define ARCH_VR_IP_STATE	1UL

static inline void arch_vr_sync_code(void)
{
	isb();
}

#endif /* _ARCH_ARM_KMOD_H */
