/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* x86: where this architecture keeps what the module asks of the kernel. */
#ifndef _ARCH_X86_KMOD_H
#define _ARCH_X86_KMOD_H

#include <linux/mm_types.h>

#include <asm/mmu_context.h>	/* arch_vma_access_permitted() */
#include <asm/sync_core.h>
#include <asm/vdso.h>

/* Whether processes can have the vDSO of the 32-bit ABI. */
#define ARCH_VR_HAS_COMPAT	IS_ENABLED(CONFIG_IA32_EMULATION)

/*
 * A system call of a 32-bit thread returns into the vDSO. The hook moves the thread there
 * along with the text.
 */
#define ARCH_VR_HOOK_MOVES_IP	1

/* The kernel's own idea of where the text is; stale after a plain munmap(). */
static inline unsigned long arch_vr_vdso(const struct mm_struct *mm)
{
	return (unsigned long)mm->context.vdso;
}

static inline void arch_vr_set_vdso(struct mm_struct *mm, unsigned long text)
{
	mm->context.vdso = (void __user *)text;
}

/*
 * The pristine text of the vDSO that belongs to mm, in kernel memory: what its
 * pages are filled from, so it holds for every ABI and whatever the process
 * has done to its own. NULL if the process was started without a vDSO.
 */
static inline const void *arch_vr_runtime(const struct mm_struct *mm, unsigned long *size)
{
	const struct vdso_image *image = mm->context.vdso_image;

	if (!image)
		return NULL;
	*size = image->size;
	return image->data;
}

/*
 * After code was written through another mapping: the instruction cache
 * follows by itself, but what this CPU has fetched already does not.
 */
static inline void arch_vr_sync_code(void)
{
	sync_core();
}

#endif /* _ARCH_X86_KMOD_H */
