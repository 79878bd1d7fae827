/* SPDX-License-Identifier: GPL-2.0 */
/* What differs between kernels; everything else reads as if for the newest. */
#ifndef _VR_COMPAT_H
#define _VR_COMPAT_H

#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "vdso_remap: kernels before 6.1 are not supported yet"
#endif

#if !IS_ENABLED(CONFIG_KPROBES) || !IS_ENABLED(CONFIG_KALLSYMS)
#error "vdso_remap: needs a kernel with CONFIG_KPROBES and CONFIG_KALLSYMS"
#endif

#ifndef CONFIG_SMP
#error "vdso_remap: needs a kernel with CONFIG_SMP"
#endif

/* Sealed mappings: 6.10 and later, 64-bit only. */
#ifndef VM_SEALED
#define VM_SEALED	VM_NONE
#endif

/* Threads that never return to user space: io_uring's, later vhost's too. */
#ifndef PF_USER_WORKER
#define PF_USER_WORKER	PF_IO_WORKER
#endif

/* The vmas argument went in 6.5. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define vr_compat_pin_pages(mm, start, nr, flags, pages) \
	pin_user_pages_remote(mm, start, nr, flags, pages, NULL, NULL)
#else
#define vr_compat_pin_pages(mm, start, nr, flags, pages) \
	pin_user_pages_remote(mm, start, nr, flags, pages, NULL)
#endif

#endif /* _VR_COMPAT_H */
