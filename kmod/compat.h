/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels; everything else reads as if for the newest. What
 * no macro of theirs tells, Kbuild has looked up in their headers (VR_*).
 */
#ifndef _VR_COMPAT_H
#define _VR_COMPAT_H

#include <linux/version.h>

/* Before anything is included that such kernels do not have. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 10, 0)
#error "vdso_remap: needs Linux 5.10 or later: older kernels have no static calls"
#endif

#include <linux/mm.h>
#include <linux/sched.h>

#if !IS_ENABLED(CONFIG_KPROBES) || !IS_ENABLED(CONFIG_KALLSYMS)
#error "vdso_remap: needs a kernel with CONFIG_KPROBES and CONFIG_KALLSYMS"
#endif

#ifndef CONFIG_SMP
#error "vdso_remap: needs a kernel with CONFIG_SMP"
#endif

/* Before 6.1 vmas are a linked list and a tree, without a common iterator. */
#ifndef for_each_vma
struct vma_iterator {
	struct mm_struct *mm;
	unsigned long addr;
};

#define VMA_ITERATOR(name, __mm, __addr) \
	struct vma_iterator name = { .mm = __mm, .addr = __addr }

static inline struct vm_area_struct *vma_next(struct vma_iterator *vmi)
{
	struct vm_area_struct *vma = find_vma(vmi->mm, vmi->addr);

	if (vma)
		vmi->addr = vma->vm_end;
	return vma;
}

#define for_each_vma(__vmi, __vma) \
	while (((__vma) = vma_next(&(__vmi))) != NULL)
#endif

/* Sealed mappings: 6.10 and later, 64-bit only. */
#ifdef VM_SEALED
#define vr_compat_seal(vma)	vm_flags_set(vma, VM_SEALED)
#define vr_compat_unseal(vma)	vm_flags_clear(vma, VM_SEALED)
#else
#define VM_SEALED		VM_NONE
#define vr_compat_seal(vma)	((void)(vma))
#define vr_compat_unseal(vma)	((void)(vma))
#endif

/* 5.13 and later */
#ifndef VM_UFFD_MINOR
#define VM_UFFD_MINOR	VM_NONE
#endif

/* PR_SET_MDWE: 6.3 and later. The flags of an mm were a plain word before 6.18. */
#ifndef MMF_HAS_MDWE
#define vr_compat_has_mdwe(mm)	((void)(mm), false)
#elif defined(VR_HAS_MM_FLAGS_TEST)
#define vr_compat_has_mdwe(mm)	mm_flags_test(MMF_HAS_MDWE, mm)
#else
#define vr_compat_has_mdwe(mm)	test_bit(MMF_HAS_MDWE, &(mm)->flags)
#endif

/* Threads that never return to user space: io_uring's, later vhost's too. */
#ifndef PF_USER_WORKER
#define PF_USER_WORKER	PF_IO_WORKER
#endif

/* The vmas argument went in 6.5. */
#ifdef VR_PIN_PAGES_HAS_VMAS
#define vr_compat_pin_pages(mm, start, nr, flags, pages) \
	pin_user_pages_remote(mm, start, nr, flags, pages, NULL, NULL)
#else
#define vr_compat_pin_pages(mm, start, nr, flags, pages) \
	pin_user_pages_remote(mm, start, nr, flags, pages, NULL)
#endif

#endif /* _VR_COMPAT_H */
