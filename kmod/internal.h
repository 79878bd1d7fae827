/* SPDX-License-Identifier: GPL-2.0 */
/* What each file of the module offers to the others. */
#ifndef _VR_INTERNAL_H
#define _VR_INTERNAL_H

#include "compat.h"

#include <linux/capability.h>
#include <linux/mm.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/sched/jobctl.h>
#include <linux/static_call.h>
#include <linux/stop_machine.h>
#include <linux/vdso_remap.h>

#include "arch/encode.h"

/* ksyms.c: functions of the kernel that are global but not exported. */
DECLARE_STATIC_CALL(vr_install_special_mapping, _install_special_mapping);
DECLARE_STATIC_CALL(vr_do_munmap, do_munmap);
DECLARE_STATIC_CALL(vr_get_unmapped_area, VR_GET_UNMAPPED_AREA);
DECLARE_STATIC_CALL(vr_stop_machine_cpuslocked, stop_machine_cpuslocked);
DECLARE_STATIC_CALL(vr_ptracer_check, VR_PTRACER_CHECK);

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
 */
struct vr_target {
	struct task_struct *task;
	struct mm_struct *mm;
	struct task_struct *caller;
};

/* If it returns -EAGAIN, it has undone what it did; vr_target_run() calls it again. */
typedef int (*vr_locked_fn)(struct vr_target *target, void *arg);

int vr_target_init(void);
void vr_target_exit(void);
int vr_target_get(struct vr_target *target, pid_t pid);
void vr_target_put(struct vr_target *target);
bool vr_target_is_own(const struct vr_target *target);
int vr_target_run(struct vr_target *target, vr_locked_fn fn, void *arg);

/* A task in PTRACE_LISTEN is stopped, but ptrace(2) does not act on it either. */
static inline bool vr_is_ptrace_stopped(const struct task_struct *task)
{
	/*
	 * Another tracer may be changing other flags of a task that is not the caller's, and the
	 * kernel does not mark such writes.
	 */
	return data_race(task_is_traced(task) && !(READ_ONCE(task->jobctl) & JOBCTL_LISTENING));
}

/* The kernel's own copy of a runtime vDSO's text, an ELF file; runtime.c */
struct vr_runtime {
	const void *data;
	unsigned long size;
};

bool vr_runtime_get(struct vr_runtime *runtime, const struct mm_struct *mm);
unsigned int vr_runtime_machine(const struct vr_runtime *runtime);
unsigned int vr_runtime_bits(const struct vr_runtime *runtime);
unsigned int vr_runtime_build_id(const struct vr_runtime *runtime, u8 *id, unsigned int max);
bool vr_runtime_has_entry_point(const struct vr_runtime *runtime, u32 off);

/* Pages of a process; window.c */
struct vr_window {
	struct page **pages;
	unsigned int nr;
	u8 *addr;	/* where the kernel has mapped them */
};

int vr_window_alloc(struct vr_window *window, unsigned int max);
int vr_window_pin(struct vr_window *window, struct mm_struct *mm, unsigned long addr, bool force);
int vr_window_open(struct vr_window *window);
void vr_window_write(const struct vr_window *window, unsigned long off, const void *bytes,
		     unsigned int len);
void vr_window_close(struct vr_window *window);

/**
 * struct vr_patch - bytes that are to be replaced in user memory; patch.c
 * @addr: where the process sees them
 * @window_off: where they are in the window
 * @len: how many
 * @skip: the first so many stay the same: a thread that stands at the end of
 *	them or among them has done what the new bytes say as well
 * @busy: a thread that stands behind @skip and before this offset is in the way.
 *	It is @len, or the length of a longer jump that is there now; 0 if no byte
 *	changes.
 * @new: what is to be there
 */
struct vr_patch {
	unsigned long addr;
	unsigned long window_off;
	u8 len;
	u8 skip;
	u8 busy;
	u8 new[VDSO_ENCODE_MAX];
};

struct vr_patches {
	struct vr_patch *patch;
	unsigned int nr;
	const struct vr_window *window;
};

struct vr_others;

/*
 * Whether a thread that stands at ip stands inside bytes that change. Inline, as it is called for
 * each thread.
 */
static inline bool vr_patches_cover(const struct vr_patches *patches, unsigned long ip)
{
	unsigned int i;

	/* They are ordered, and most threads are far away. */
	if (!patches->nr || ip <= patches->patch[0].addr ||
	    ip >= patches->patch[patches->nr - 1].addr + patches->patch[patches->nr - 1].busy)
		return false;
	for (i = 0; i < patches->nr; i++) {
		const struct vr_patch *patch = &patches->patch[i];

		if (ip > patch->addr + patch->skip && ip < patch->addr + patch->busy)
			return true;
	}
	return false;
}

int vr_patches_write(const struct vr_target *target, const struct vr_patches *patches,
		     const struct vr_others *others, pid_t *busy_tid);

/**
 * struct vr_others - the threads that use the target's mm, beside the caller; threads.c
 * @may_run: one of them may return to user space before the command ends
 * @only_own: all of them are the target's own, and nobody else holds a reference
 */
struct vr_others {
	bool may_run;
	bool only_own;
};

/* How many of the newest processes are remembered: more than one, since some may end. */
#define VR_NR_NEWEST	16

/**
 * struct vr_sharers - the processes that share an mm, found before CPUs are held
 * @process: a thread of each; references are held
 * @nr: how many
 * @newest: the last ones that were met in the kernel's list of processes;
 *	references are held. Processes that came later are behind all of them.
 * @nr_newest: how many; 0: the list was not walked
 */
struct vr_sharers {
	struct task_struct **process;
	unsigned int nr;
	struct task_struct *newest[VR_NR_NEWEST];
	unsigned int nr_newest;
};

int vr_sharers_find(struct vr_sharers *sharers, const struct mm_struct *mm);
void vr_sharers_put(struct vr_sharers *sharers);
int vr_threads_look(const struct vr_target *target, const struct vr_span *leave,
		    const struct vr_patches *patches, struct vr_others *others,
		    pid_t *busy_tid);
int vr_threads_look_held(const struct vr_target *target, const struct vr_patches *patches,
			 const struct vr_sharers *sharers, pid_t *busy_tid);

/*
 * Whether an image vDSO may be in this mapping: anonymous memory that is executable
 * already. A process that may execute files only (SELinux without execmem and execmod)
 * has no such memory.
 */
static inline bool vr_may_be_image(const struct vm_area_struct *vma)
{
	return vma_is_anonymous((struct vm_area_struct *)vma) && vma->vm_flags & VM_EXEC &&
	       !(vma->vm_flags & (VM_IO | VM_PFNMAP | VM_MIXEDMAP | VM_SHADOW_STACK));
}

/* The special mappings of one process, while its mmap lock is held; group.c */
struct vr_group {
	unsigned int nr;
	struct vm_area_struct *vma[VDSO_REMAP_MAX_AREAS];	/* the text is the last */
	struct vr_span span;
};

int vr_group_init(void);
int vr_group_find(struct mm_struct *mm, struct vr_group *group);
const struct vm_special_mapping *vr_group_text_spec(const struct mm_struct *mm);
bool vr_group_is_text(const struct vm_area_struct *vma);
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
 * @sealed: the group that is found is sealed
 * @old: found by the caller; empty if there is none
 * @new: vr_move_check() sets its span, vr_move_prepare() installs it
 * @pointer: the kernel's pointer to the text before
 * @ip: the instruction pointer to which the current thread returned before
 */
struct vr_move {
	const struct vr_target *target;
	unsigned long addr;
	bool replace;
	bool unseal;
	bool sealed;
	struct vr_group old;
	struct vr_group new;
	unsigned long pointer;
	unsigned long ip;
};

int vr_check_destination(const struct mm_struct *mm, u64 addr);
int vr_move_check(struct vr_move *move);
int vr_move_prepare(struct vr_move *move);
void vr_move_abort(struct vr_move *move);
void vr_move_finish(struct vr_move *move);

/* main.c: whether sealed groups may be changed, and the line in the log if one was */
extern bool vr_allow_unseal;

bool vr_may_unseal(void);
void vr_log_unseal(const struct vr_target *target, const struct vr_group *group);

/*
 * The commands; info.c, move.c, proxy.c. The request is the command's structure. A command
 * sets its out fields. Those that are also set on errors are clear when it is called.
 */
int vr_get_info(struct vr_target *target, void *request);
int vr_move(struct vr_target *target, void *request);
int vr_map(struct vr_target *target, void *request);
int vr_proxy(struct vr_target *target, void *request);

#endif /* _VR_INTERNAL_H */
