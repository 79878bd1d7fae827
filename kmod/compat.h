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

#include <linux/capability.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/coredump.h>
#ifdef VR_HAS_EXEC_STATE
#include <linux/sched/exec_state.h>
#endif

#if !IS_ENABLED(CONFIG_KPROBES) || !IS_ENABLED(CONFIG_KALLSYMS)
#error "vdso_remap: needs a kernel with CONFIG_KPROBES and CONFIG_KALLSYMS"
#endif

#ifndef CONFIG_SMP
#error "vdso_remap: needs a kernel with CONFIG_SMP"
#endif

/* get_unmapped_area() checks vm.mmap_min_addr by a security hook. Not tested without these. */
#ifndef CONFIG_SECURITY
#error "vdso_remap: needs a kernel with CONFIG_SECURITY, which checks vm.mmap_min_addr"
#endif

/*
 * Below, the name of a macro tells whether this kernel has a flag that forbids
 * something. If a kernel names that flag otherwise, the build must fail: the module
 * would ignore the flag.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0) && defined(CONFIG_64BIT) && !defined(VM_SEALED)
#error "vdso_remap: does not know how this kernel marks sealed mappings: there is no VM_SEALED"
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0) && !defined(MMF_HAS_MDWE)
#error "vdso_remap: does not know how this kernel keeps PR_SET_MDWE: there is no MMF_HAS_MDWE"
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

/* 6.6 and later: VM_WRITE is set in these, but plain writes fault */
#ifndef VM_SHADOW_STACK
#define VM_SHADOW_STACK	VM_NONE
#endif

/* PR_SET_MDWE: 6.3 and later. The flags of an mm were a plain word before 6.18. */
#ifndef MMF_HAS_MDWE
#define vr_compat_has_mdwe(mm)	((void)(mm), false)
#elif defined(VR_HAS_MM_FLAGS_TEST)
#define vr_compat_has_mdwe(mm)	mm_flags_test(MMF_HAS_MDWE, mm)
#else
#define vr_compat_has_mdwe(mm)	test_bit(MMF_HAS_MDWE, &(mm)->flags)
#endif

/*
 * Whether the calling tracer may access the memory of its tracee, as the kernel checks
 * it for ptrace(2). 7.2 and later have a function for that. Neither function is
 * exported; see ksyms.c.
 */
#ifdef VR_HAS_PTRACER_ACCESS_ALLOWED
#define VR_PTRACER_CHECK	ptracer_access_allowed
#define vr_compat_ptracer_may_access(task, mm) \
	((void)(mm), static_call(vr_ptracer_check)(task))
#else
#define VR_PTRACER_CHECK	ptracer_capable
#define vr_compat_ptracer_may_access(task, mm) \
	(get_dumpable(mm) == SUID_DUMP_USER || \
	 static_call(vr_ptracer_check)(task, (mm)->user_ns))
#endif

/*
 * Whether the caller has the capability for checkpoint and restore in the user
 * namespace that owns its memory. 7.2 and later keep that namespace in the task.
 */
#ifdef VR_HAS_EXEC_STATE
static inline bool vr_compat_may_restore_self(void)
{
	bool may;

	rcu_read_lock();
	may = checkpoint_restore_ns_capable(rcu_dereference(current->exec_state)->user_ns);
	rcu_read_unlock();
	return may;
}
#else
static inline bool vr_compat_may_restore_self(void)
{
	return checkpoint_restore_ns_capable(current->mm->user_ns);
}
#endif

/*
 * What the kernel answers if the current task calls mmap(MAP_FIXED): the address, or an error.
 * Since 6.10, __get_unmapped_area() does this and takes one more argument, and
 * get_unmapped_area() is an inline function, which ksyms.c can't find.
 */
#ifdef VR_HAS_GET_UNMAPPED_AREA_FLAGS
#define VR_GET_UNMAPPED_AREA	__get_unmapped_area
#define vr_compat_claim_addresses(start, size) \
	static_call(vr_get_unmapped_area)(NULL, start, size, 0, MAP_FIXED, VR_NO_VMA_FLAGS)
#else
#define VR_GET_UNMAPPED_AREA	get_unmapped_area
#define vr_compat_claim_addresses(start, size) \
	static_call(vr_get_unmapped_area)(NULL, start, size, 0, MAP_FIXED)
#endif

/* The type of the flags in that argument is a structure in 7.3 and later. */
#ifdef VR_UNMAPPED_AREA_TAKES_VMA_FLAGS
#define VR_NO_VMA_FLAGS	EMPTY_VMA_FLAGS
#else
#define VR_NO_VMA_FLAGS	VM_NONE
#endif

/* Before 6.12 it has another name. */
#ifndef VR_HAS_RCU_MOMENTARY_EQS
#define rcu_momentary_eqs	rcu_momentary_dyntick_idle
#endif

/* 5.11 and later */
#ifndef VR_HAS_KMAP_LOCAL
#define kmap_local_page(page)	kmap_atomic(page)
#define kunmap_local(addr)	kunmap_atomic(addr)
#endif

/* In 5.14 functions for caches got other names; a port that uses them knows both. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 14, 0)
#define VR_HAS_OLD_CACHE_NAMES
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
