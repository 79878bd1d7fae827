/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* arm64: what the module needs to know of the kernel. Included by ../kmod.h, which documents it. */
#ifndef _ARCH_ARM64_KMOD_H
#define _ARCH_ARM64_KMOD_H

#include <linux/mm_types.h>

#include <asm/barrier.h>
#include <asm/cacheflush.h>

#define ARCH_VR_HAS_COMPAT	IS_ENABLED(CONFIG_COMPAT_VDSO)

static inline unsigned long arch_vr_vdso(const struct mm_struct *mm)
{
	return (unsigned long)mm->context.vdso;
}

static inline void arch_vr_set_vdso(struct mm_struct *mm, unsigned long text)
{
	mm->context.vdso = (void *)text;
}

/* 32-bit programs have mappings of their own. exec() decides, and nothing changes it later. */
#define ARCH_VR_NR_KINDS	2
static inline unsigned int arch_vr_kind(const struct mm_struct *mm)
{
	return !!(mm->context.flags & MMCF_AARCH32);
}

#ifdef VR_HAS_OLD_CACHE_NAMES
#define caches_clean_inval_pou(start, end)	__flush_icache_range(start, end)
#define icache_inval_all_pou()			__flush_icache_all()
#endif

/*
 * flush_icache_range() would interrupt the other CPUs, which may be held. Its first half broadcasts
 * by itself: it cleans the data cache and invalidates these lines of the instruction cache. But in
 * an instruction cache that is indexed by virtual addresses, the process's lines are not those of
 * the kernel's address, so all are invalidated. Each CPU's arch_vr_sync_code() is the second half.
 */
#define arch_vr_publish_code	arch_vr_publish_code
static inline void arch_vr_publish_code(struct page *page, unsigned int off, unsigned int len)
{
	unsigned long addr = (unsigned long)page_address(page) + off;

	caches_clean_inval_pou(addr, addr + len);
	icache_inval_all_pou();
}

/*
 * After the kernel has started a handler of Thumb code, or a program of it, bit 0 of pc says so. It
 * is no address. 64-bit code can't stand at such an address.
 */
#define ARCH_VR_IP_STATE	1UL

static inline void arch_vr_sync_code(void)
{
	isb();
}

#endif /* _ARCH_ARM64_KMOD_H */
