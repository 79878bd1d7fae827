/* SPDX-License-Identifier: GPL-2.0 */
/* What the module's files know of each other. */
#ifndef _VR_INTERNAL_H
#define _VR_INTERNAL_H

#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/security.h>
#include <linux/static_call.h>
#include <linux/stop_machine.h>
#include <linux/vdso_remap.h>

#include "compat.h"

/* ksyms.c: functions of the kernel that are global but not exported. */
DECLARE_STATIC_CALL(vr_install_special_mapping, _install_special_mapping);
DECLARE_STATIC_CALL(vr_do_munmap, do_munmap);
DECLARE_STATIC_CALL(vr_security_mmap_addr, security_mmap_addr);
DECLARE_STATIC_CALL(vr_stop_machine_cpuslocked, stop_machine_cpuslocked);

int vr_ksyms_init(void);

/**
 * struct vr_target - the task that a command is about
 * @task: it; a reference is held
 * @mm: its address space; a user reference is held
 * @ns: pid namespace in which the caller is told about threads
 * @self: @task is the caller
 * @alone: @task is the caller and nobody else uses @mm. Stays true during the
 *	command, since only a user of @mm can add one.
 */
struct vr_target {
	struct task_struct *task;
	struct mm_struct *mm;
	struct pid_namespace *ns;
	bool self;
	bool alone;
};

/* target.c */
int vr_target_get(struct vr_target *target, pid_t pid);
void vr_target_put(struct vr_target *target);
int vr_target_lock(struct vr_target *target);
void vr_target_unlock(struct vr_target *target);
int vr_target_run(struct vr_target *target, int (*fn)(struct vr_target *, void *), void *arg);

/**
 * struct vr_patch - bytes that are to be replaced in user memory
 * @addr: where the process sees them
 * @dst: where the kernel can write them
 * @len: how many
 * @skip: the first so many are the same before and after: a thread that
 *	stands among them has done what the new bytes say as well
 * @old: what is there before
 * @new: what is there afterwards
 */
struct vr_patch {
	unsigned long addr;
	u8 *dst;
	u8 len;
	u8 skip;
	u8 old[sizeof(struct vdso_remap_mark)];
	u8 new[sizeof(struct vdso_remap_mark)];
};

/**
 * struct vr_standstill - what other threads must not be doing, and what is
 *	written while none does
 * @target: whose threads
 * @leave_start: if not equal to @leave_end: every thread but the caller has
 *	to be stopped outside of this range
 * @leave_end: exclusive
 * @patches: bytes that no thread may stand in
 * @nr_patches: how many
 * @write: write them if nobody does
 * @undo: put the old bytes back, without any check
 * @busy_tid: set with -EBUSY, in @target's namespace
 */
struct vr_standstill {
	struct vr_target *target;
	unsigned long leave_start;
	unsigned long leave_end;
	const struct vr_patch *patches;
	unsigned int nr_patches;
	bool write;
	bool undo;
	pid_t busy_tid;
};

/* threads.c */
int vr_standstill(struct vr_standstill *still);

/**
 * struct vr_image - the kernel's own copy of a runtime vDSO's text
 * @data: ELF file; ours, so trusted
 * @size: in bytes
 */
struct vr_image {
	const void *data;
	unsigned long size;
};

/* image.c */
bool vr_image_get(struct vr_image *image, const struct mm_struct *mm);
bool vr_image_is_native(const struct vr_image *image);
unsigned int vr_image_machine(const struct vr_image *image);
unsigned int vr_image_build_id(const struct vr_image *image, u8 *id, unsigned int max);
bool vr_image_has_entry_point(const struct vr_image *image, u32 off);

/**
 * struct vr_group - the special mappings of one process
 * @nr: how many
 * @vma: ordered by address while the group is whole
 * @text: the one of kind TEXT, NULL if there is none
 * @start: of the lowest
 * @end: of the highest, exclusive
 */
struct vr_group {
	unsigned int nr;
	struct vm_area_struct *vma[VDSO_REMAP_MAX_AREAS];
	struct vm_area_struct *text;
	unsigned long start;
	unsigned long end;
};

/* group.c */
int vr_group_init(void);
int vr_group_find(struct mm_struct *mm, struct vr_group *group);
bool vr_group_owns(const struct vm_area_struct *vma);
int vr_group_span(struct mm_struct *mm, unsigned long text, unsigned long *start,
		  unsigned long *end);
int vr_group_install(struct mm_struct *mm, unsigned long text, const struct vr_group *like,
		     struct vr_group *group);
void vr_group_remove(struct mm_struct *mm, unsigned long start, unsigned long end);
int vr_group_announce(const struct vr_group *group);
int vr_group_info(struct vr_target *target, struct vdso_remap_info *info);
int vr_pin_private_page(struct mm_struct *mm, unsigned long addr, struct page **page);

/**
 * struct vr_move - a move of a group, from vr_move_prepare() until
 *	vr_move_commit() or vr_move_abort()
 * @mm: locked for writing all the time
 * @addr: of the text afterwards
 * @replace: unmap what is in the way
 * @old: found by the caller
 * @new: installed by vr_move_prepare()
 */
struct vr_move {
	struct mm_struct *mm;
	unsigned long addr;
	bool replace;
	struct vr_group old;
	struct vr_group new;
};

/* move.c */
int vr_check_destination(struct mm_struct *mm, u64 addr);
int vr_move_check(const struct vr_move *move);
int vr_move_prepare(struct vr_move *move);
int vr_move_commit(struct vr_move *move);
void vr_move_abort(struct vr_move *move);
int vr_move(struct vr_target *target, struct vdso_remap_move *req);
int vr_map(struct vr_target *target, struct vdso_remap_map *req);

/* proxy.c */
int vr_proxy(struct vr_target *target, struct vdso_remap_proxy *req);

#endif /* _VR_INTERNAL_H */
