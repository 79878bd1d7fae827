/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the module needs to know of an architecture. Each port's kmod.h defines:
 *
 *   ARCH_VR_HAS_COMPAT	whether processes can have the vDSO of a 32-bit ABI
 *   arch_vr_vdso()		where the kernel believes the text of an mm's vDSO to be
 *   arch_vr_set_vdso()		changes that
 *   arch_vr_sync_code()	makes this CPU discard the instructions that it has fetched
 *
 * The rest of this file is defaults. A port that needs something else defines its own
 * function, and a macro of the same name.
 */
#ifndef _ARCH_KMOD_H
#define _ARCH_KMOD_H

#include <linux/elf.h>
#include <linux/highmem.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mmu_context.h>
#include <linux/ptrace.h>
#include <linux/sched/task_stack.h>

#include <asm/cacheflush.h>

#if defined(CONFIG_X86)
#include "x86/kmod.h"
#elif defined(CONFIG_ARM64)
#include "arm64/kmod.h"
#elif defined(CONFIG_ARM)
#include "arm/kmod.h"
#else
#error "vdso_remap: no port to this machine: see arch/README"
#endif

/* Bits of an instruction pointer that are no part of the address. */
#ifndef ARCH_VR_IP_STATE
#define ARCH_VR_IP_STATE	0UL
#endif

/* Whether the kernel's mremap hook may change the instruction pointer of the current thread. */
#ifndef ARCH_VR_HOOK_MOVES_IP
#define ARCH_VR_HOOK_MOVES_IP	0
#endif

/*
 * How many kinds of processes there are whose vDSOs have different special mappings, and of which
 * kind this mm is. By default the processes of all ABIs have the same ones.
 */
#ifndef ARCH_VR_NR_KINDS
#define ARCH_VR_NR_KINDS	1
static inline unsigned int arch_vr_kind(const struct mm_struct *mm)
{
	return 0;
}
#endif

/*
 * The kernel's own copy of the text that belongs to mm, and its size; NULL if there is none. text
 * is the mapping of the text for mm's kind. Its pages are a part of the kernel, one behind the
 * other. Their number is not known, but the section headers are the last thing in that ELF file.
 */
#ifndef arch_vr_runtime
static inline const void *arch_vr_runtime(const struct mm_struct *mm,
					  const struct vm_special_mapping *text,
					  unsigned long *size)
{
	const void *data = text->pages ? page_address(text->pages[0]) : NULL;
	const Elf32_Ehdr *elf32 = data;
	const Elf64_Ehdr *elf64 = data;

	if (!data)
		return NULL;
	*size = elf32->e_ident[EI_CLASS] == ELFCLASS64 ?
		elf64->e_shoff + elf64->e_shnum * sizeof(Elf64_Shdr) :
		elf32->e_shoff + elf32->e_shnum * sizeof(Elf32_Shdr);
	return data;
}
#endif

/*
 * Where a thread will return to user space. A kernel thread, such as the worker that adopts an
 * mm, has no user registers on some machines; on others, its user registers mean nothing.
 */
#ifndef arch_vr_user_ip
static inline unsigned long arch_vr_user_ip(struct task_struct *thread)
{
	struct pt_regs *regs = task_pt_regs(thread);

	return regs ? instruction_pointer(regs) & ~ARCH_VR_IP_STATE : 0;
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

/* The end of the addresses in this mm that programs with 32-bit or 64-bit addresses can use. */
#ifndef arch_vr_task_size
static inline unsigned long arch_vr_task_size(const struct mm_struct *mm, unsigned int bits)
{
	return bits == 32 ? min_t(unsigned long, mm->task_size, U32_MAX) : mm->task_size;
}
#endif

/*
 * To be called after code was written to the page through a kernel address. Then every CPU that
 * has called arch_vr_sync_code() executes the new code at the addresses of the process. It may
 * run while this CPU holds all others, so it must not wait for another CPU. Where
 * flush_icache_range() does (arm64, riscv), the port needs a function of its own.
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
