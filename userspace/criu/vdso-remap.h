/* SPDX-License-Identifier: MIT */
/*
 * vdso-remap in CRIU: criu/include/vdso-remap.h in CRIU's tree.
 */
#ifndef __CR_VDSO_REMAP_H__
#define __CR_VDSO_REMAP_H__

#include <stdbool.h>
#include <sys/mman.h>

#include "images/vma.pb-c.h"

/* <linux/mman.h>, <asm-generic/mman-common.h>; the libc's headers may be older */
#define VDSO_REMAP_MAP_DROPPABLE	0x08
#define VDSO_REMAP_MADV_WIPEONFORK	18

/*
 * Memory that the kernel may drop at any time (VmFlags "dp") has the state of vDSO
 * getrandom, which must not come back: two processes would get the same random
 * bytes. Its pages are left out of images, where it is private memory, as any
 * kernel can restore, with advice that no mapping else has: MADV_DOFORK, which
 * changes nothing.
 */
#define VDSO_REMAP_RANDOM_STATE		(1ULL << VDSO_REMAP_MADV_WIPEONFORK | 1ULL << MADV_DOFORK)

static inline bool vdso_remap_is_random_state(const VmaEntry *vma)
{
	return vma->has_madv && (vma->madv & 1ULL << MADV_DOFORK);
}

/**
 * vdso_remap_evict_tasks() - bring the threads of all seized tasks out of the vDSO
 *
 * To be called when all of them are stopped, before anything of them is looked at.
 *
 * Return: 0, also if there is no module; -1: an error, logged.
 */
int vdso_remap_evict_tasks(void);

/**
 * vdso_remap_init_restore() - open the device for the tasks that will be restored
 *
 * To be called while CRIU is in its own namespaces, after fdstore_init().
 *
 * Return: 0, also if there is no module; -1: an error, logged.
 */
int vdso_remap_init_restore(void);

/**
 * vdso_remap_get_device() - a descriptor of the device in the task that is restored
 * @fd: receives it, or -1 if there is no module
 *
 * To be called when the task has its own descriptors; the restorer closes it.
 *
 * Return: 0; -1: an error, logged.
 */
int vdso_remap_get_device(int *fd);

#endif /* __CR_VDSO_REMAP_H__ */
