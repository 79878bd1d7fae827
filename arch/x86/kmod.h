/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* x86: what the module needs to know of the kernel. Included by ../kmod.h, which documents it. */
#ifndef _ARCH_X86_KMOD_H
#define _ARCH_X86_KMOD_H

#include <linux/mm_types.h>

#include <asm/sync_core.h>
#include <asm/vdso.h>

#define ARCH_VR_HAS_COMPAT	IS_ENABLED(CONFIG_IA32_EMULATION)

/*
 * A 32-bit thread returns from a system call into the vDSO. When the text moves, the hook
 * changes the thread's instruction pointer to the same place in the moved text.
 */
#define ARCH_VR_HOOK_MOVES_IP	1

/* Where the kernel believes the text to be. A plain munmap() does not change it. */
static inline unsigned long arch_vr_vdso(const struct mm_struct *mm)
{
	return (unsigned long)mm->context.vdso;
}

static inline void arch_vr_set_vdso(struct mm_struct *mm, unsigned long text)
{
	mm->context.vdso = (void __user *)text;
}

/*
 * The kernel fills the pages of the mapping from the image that it keeps for the mm. NULL if the
 * process was started without a vDSO.
 */
#define arch_vr_runtime	arch_vr_runtime
static inline const void *arch_vr_runtime(const struct mm_struct *mm,
					  const struct vm_special_mapping *text,
					  unsigned long *size)
{
	const struct vdso_image *image = mm->context.vdso_image;

	if (!image)
		return NULL;
	*size = image->size;
	return image->data;
}

/*
 * x86 keeps its instruction caches coherent with memory, also if code was written through
 * another mapping. Only the instructions that this CPU has fetched already may be old.
 */
static inline void arch_vr_sync_code(void)
{
	sync_core();
}

#endif /* _ARCH_X86_KMOD_H */
