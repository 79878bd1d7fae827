/* SPDX-License-Identifier: GPL-2.0 */
/* What the module's files know of each other. */
#ifndef _VR_INTERNAL_H
#define _VR_INTERNAL_H

#include "compat.h"

#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/security.h>
#include <linux/static_call.h>
#include <linux/stop_machine.h>
#include <linux/vdso_remap.h>

#include "vdso_encode.h"

/* ksyms.c: functions of the kernel that are global but not exported. */
DECLARE_STATIC_CALL(vr_install_special_mapping, _install_special_mapping);
DECLARE_STATIC_CALL(vr_do_munmap, do_munmap);
DECLARE_STATIC_CALL(vr_security_mmap_addr, security_mmap_addr);
DECLARE_STATIC_CALL(vr_stop_machine_cpuslocked, stop_machine_cpuslocked);

int vr_ksyms_init(void);

/* Addresses from start up to, not including, end. */
struct vr_span {
	unsigned long start;
	unsigned long end;
};

static inline bool vr_spans_overlap(const struct vr_span *a, const struct vr_span *b)
{
	return a->start < b->end && b->start < a->end;
}

/**
 * struct vr_target - the process that a command is about; target.c
 * @task: the one that was named, or the caller; a reference is held
 * @mm: its address space; a user reference is held
 * @caller: the thread that called
 * @alone: it is the caller's own, and nobody else uses @mm. That stays true
 *	during the command, since only a user of @mm can add one.
 */
struct vr_target {
	struct task_struct *task;
	struct mm_struct *mm;
	struct task_struct *caller;
	bool alone;
};

typedef int (*vr_locked_fn)(struct vr_target *target, void *arg);

int vr_target_init(void);
void vr_target_exit(void);
int vr_target_get(struct vr_target *target, pid_t pid);
void vr_target_put(struct vr_target *target);
int vr_target_run(struct vr_target *target, vr_locked_fn fn, void *arg);

/**
 * struct vr_patch - bytes that are to be replaced in user memory; threads.c
 * @addr: where the process sees them
 * @dst: where the kernel can write them
 * @len: how many
 * @skip: the first so many stay the same: a thread that stands at the end of
 *	them or among them has done what the new bytes say as well
 * @new: what is to be there
 */
struct vr_patch {
	unsigned long addr;
	u8 *dst;
	u8 len;
	u8 skip;
	u8 new[VDSO_ENCODE_MAX];
};

struct vr_patches {
	struct vr_patch *patch;
	unsigned int nr;
};

int vr_check_stopped(const struct vr_target *target, const struct vr_span *leave,
		     const struct vr_patches *patches, pid_t *busy_tid);
int vr_write_patches(const struct vr_target *target, const struct vr_patches *patches,
		     pid_t *busy_tid);

/* The kernel's own copy of a runtime vDSO's text, an ELF file; image.c */
struct vr_image {
	const void *data;
	unsigned long size;
};

bool vr_image_get(struct vr_image *image, const struct mm_struct *mm);
unsigned int vr_image_machine(const struct vr_image *image);
unsigned int vr_image_bits(const struct vr_image *image);
unsigned int vr_image_build_id(const struct vr_image *image, u8 *id, unsigned int max);
bool vr_image_has_entry_point(const struct vr_image *image, u32 off);

/* The special mappings of one process, while its mmap lock is held; group.c */
struct vr_group {
	unsigned int nr;
	struct vm_area_struct *vma[VDSO_REMAP_MAX_AREAS];	/* the text is the last */
	struct vr_span span;
};

int vr_group_init(void);
int vr_group_find(struct mm_struct *mm, struct vr_group *group);
struct vm_area_struct *vr_group_text(const struct vr_group *group);
unsigned long vr_group_start(unsigned long text);
int vr_group_place(struct mm_struct *mm, unsigned long text, struct vr_span *span);
int vr_group_install(struct mm_struct *mm, struct vr_group *group, const struct vr_group *like);
int vr_group_announce(const struct vr_group *group);
void vr_group_remove(struct mm_struct *mm, const struct vr_group *group);

/**
 * struct vr_move - a move of a group; move.c
 * @target: its mm is current->mm and locked for writing all the time
 * @addr: of the text afterwards
 * @replace: unmap what is in the way
 * @unseal: the group may be a sealed one; vr_may_unseal() said so
 * @old: found by the caller; empty if there is none
 * @new: vr_move_check() sets its span, vr_move_prepare() puts it up
 */
struct vr_move {
	const struct vr_target *target;
	unsigned long addr;
	bool replace;
	bool unseal;
	struct vr_group old;
	struct vr_group new;
};

extern bool vr_allow_unseal;

bool vr_may_unseal(void);
int vr_check_destination(const struct mm_struct *mm, u64 addr);
int vr_move_check(struct vr_move *move);
int vr_move_prepare(struct vr_move *move);
void vr_move_abort(struct vr_move *move);
void vr_move_finish(struct vr_move *move);

/*
 * The commands: the request is the command's structure, its out fields are set; those
 * that errors set, too, are clear before.
 */
int vr_get_info(struct vr_target *target, void *request);
int vr_move(struct vr_target *target, void *request);
int vr_map(struct vr_target *target, void *request);
int vr_proxy(struct vr_target *target, void *request);

#endif /* _VR_INTERNAL_H */
