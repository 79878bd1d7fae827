// SPDX-License-Identifier: GPL-2.0
/*
 * Looks at the other threads of the process: whether one stands in the way.
 *
 * The caller of every function here holds the mmap lock for writing. Meanwhile no
 * thread can give up the mm: exit_mm() and exec take that lock first. So a thread
 * that has the mm has its stack, and with it its user registers. New threads can
 * come at any time, from a thread that runs.
 */
#include "internal.h"

#include <linux/pid_namespace.h>
#include <linux/ptrace.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "arch/kmod.h"

/**
 * struct vr_look - what is looked for among the threads that share an mm
 * @target: whose threads; its caller is not looked at
 * @leave: if set, every thread has to be stopped outside of this
 * @patches: no thread may stand inside bytes that change
 * @all_held: every CPU is held, so the registers of all threads are valid; else
 *	only those of stopped threads are
 * @busy: found: a thread that is in the way
 * @may_run: found: a thread that could return to user space during the command
 * @nr_users: found: references to the mm that are accounted for
 */
struct vr_look {
	const struct vr_target *target;
	const struct vr_span *leave;
	const struct vr_patches *patches;
	bool all_held;
	struct task_struct *busy;
	bool may_run;
	int nr_users;
};

static bool may_return_to_user(const struct task_struct *thread)
{
	return !(thread->flags & (PF_EXITING | PF_IO_WORKER | PF_USER_WORKER));
}

/*
 * Whether a thread can't return to user space before the command ends: only the
 * caller could resume it, and SIGKILL makes it exit.
 */
static bool is_held_by_caller(const struct vr_target *target, struct task_struct *thread)
{
	return ptrace_parent(thread) == target->caller && vr_is_ptrace_stopped(thread);
}

static void look_at_thread(struct vr_look *look, struct task_struct *thread)
{
	bool held = is_held_by_caller(look->target, thread);
	bool stopped = held || task_is_stopped_or_traced(thread);
	unsigned long ip;

	look->may_run |= !held;
	if (look->leave && !stopped) {
		look->busy = thread;
		return;
	}
	if (!stopped && !look->all_held)
		return;
	ip = arch_vr_user_ip(thread);
	if (vr_patches_cover(look->patches, ip) ||
	    (look->leave && ip >= look->leave->start && ip < look->leave->end))
		look->busy = thread;
}

/* Looks at the process's threads that use the mm, up to the first one in the way. */
static void look_at_process(struct vr_look *look, struct task_struct *process)
{
	const struct mm_struct *mm = look->target->mm;
	struct task_struct *thread;

	for_each_thread(process, thread) {
		/* A kernel thread that borrows the mm, as our worker does, is no user of it. */
		if (READ_ONCE(thread->mm) != mm || thread->flags & PF_KTHREAD)
			continue;
		look->nr_users++;
		if (thread != look->target->caller && may_return_to_user(thread))
			look_at_thread(look, thread);
		if (look->busy)
			break;
	}
}

/*
 * Whether the counted users hold all references to the mm. They can't give up theirs
 * meanwhile. A new user raises mm_users; then every process has to be looked at.
 */
static bool all_users_met(const struct vr_look *look)
{
	return look->nr_users == atomic_read(&look->target->mm->mm_users);
}

static int busy_error(const struct vr_look *look, pid_t *busy_tid)
{
	if (!look->busy)
		return 0;
	*busy_tid = task_pid_nr_ns(look->busy, task_active_pid_ns(look->target->caller));
	return -EBUSY;
}

/*
 * Looks for a thread in the way: one that stands inside bytes that are to change or, if
 * there is something to leave, that is not stopped outside of that. A thread that runs
 * is not looked for in the bytes: vr_patches_write() does that.
 *
 * If no thread may run, the result holds until the end of the command, and no thread
 * can come: new threads and processes are appended to the lists that are walked here,
 * so a thread that another one created before it stopped is still met.
 *
 * Return: 0, with *others; -EBUSY, with *busy_tid. Nothing prevents another tracer, or
 * SIGCONT, from resuming right after this a thread that the caller has not stopped.
 */
int vr_threads_look(const struct vr_target *target, const struct vr_span *leave,
		    const struct vr_patches *patches, struct vr_others *others,
		    pid_t *busy_tid)
{
	struct vr_look look = {
		.target = target,
		.leave = leave,
		.patches = patches,
		.nr_users = 1,	/* the target's own reference */
	};
	struct task_struct *process;
	int ret;

	mmap_assert_write_locked(target->mm);

	rcu_read_lock();
	look_at_process(&look, target->task);
	others->only_own = all_users_met(&look);
	if (!others->only_own) {
		/* Another process shares the mm, or somebody holds a reference to it. */
		for_each_process(process) {
			if (look.busy)
				break;
			if (!same_thread_group(process, target->task))
				look_at_process(&look, process);
		}
	}
	others->may_run = look.may_run;
	ret = busy_error(&look, busy_tid);
	rcu_read_unlock();
	return ret;
}

/* How many threads of new processes are looked at while all CPUs are held. */
#define MAX_NEWCOMERS	256

void vr_sharers_put(struct vr_sharers *sharers)
{
	while (sharers->nr)
		put_task_struct(sharers->process[--sharers->nr]);
	kvfree(sharers->process);
	while (sharers->nr_newest)
		put_task_struct(sharers->newest[--sharers->nr_newest]);
}

static bool shares_mm(struct task_struct *process, const struct mm_struct *mm)
{
	const struct mm_struct *its = NULL;
	struct task_struct *thread;

	/* All threads have the same mm, except those that have exited. */
	for_each_thread(process, thread) {
		its = READ_ONCE(thread->mm);
		if (its)
			break;
	}
	return its == mm && !(process->flags & PF_KTHREAD);
}

/* Return: 0; -ENOMEM; -EAGAIN: there are more sharers than when they were counted. */
int vr_sharers_find(struct vr_sharers *sharers, const struct mm_struct *mm)
{
	/* each of them holds a reference */
	unsigned int max = atomic_read(&mm->mm_users), met = 0, i;
	struct task_struct *process;
	int ret = 0;

	*sharers = (struct vr_sharers) {
		.process = kvmalloc_array(max, sizeof(*sharers->process), GFP_KERNEL),
	};
	if (!sharers->process)
		return -ENOMEM;
	rcu_read_lock();
	for_each_process(process) {
		sharers->newest[met++ % VR_NR_NEWEST] = process;
		if (!shares_mm(process, mm))
			continue;
		if (sharers->nr == max) {
			ret = -EAGAIN;
			break;
		}
		sharers->process[sharers->nr++] = get_task_struct(process);
	}
	sharers->nr_newest = min_t(unsigned int, met, VR_NR_NEWEST);
	for (i = 0; i < sharers->nr_newest; i++)
		get_task_struct(sharers->newest[i]);
	rcu_read_unlock();
	return ret;
}

static bool is_among_newest(const struct vr_sharers *sharers, const struct task_struct *process)
{
	unsigned int i;

	for (i = 0; i < sharers->nr_newest; i++) {
		if (process == sharers->newest[i])
			return true;
	}
	return false;
}

/*
 * Looks at the processes that have come since the sharers were found; no list changes
 * meanwhile. Return: 0; -EAGAIN: there are too many, or all @newest have left the list,
 * or the list has not been walked yet.
 */
static int look_at_newcomers(struct vr_look *look, const struct vr_sharers *sharers)
{
	struct task_struct *process = &init_task;
	unsigned int nr = 0;

	if (!sharers->nr_newest)
		return -EAGAIN;
	while (!look->busy) {
		process = list_entry(process->tasks.prev, struct task_struct, tasks);
		if (is_among_newest(sharers, process))
			break;
		nr += get_nr_threads(process);
		if (nr > MAX_NEWCOMERS || process == &init_task)
			return -EAGAIN;
		look_at_process(look, process);
	}
	return 0;
}

/*
 * Looks for a thread that stands inside bytes that are to change, while every CPU is held:
 * then the registers of all threads are valid. If no sharers have been looked for yet,
 * the target's own threads must be the only users of the mm.
 *
 * Return: 0; -EBUSY, with *busy_tid; -EAGAIN: the sharers have to be found anew.
 */
int vr_threads_look_held(const struct vr_target *target, const struct vr_patches *patches,
			 const struct vr_sharers *sharers, pid_t *busy_tid)
{
	struct vr_look look = {
		.target = target,
		.patches = patches,
		.all_held = true,
		.nr_users = 1,
	};
	unsigned int i;
	int ret = 0;

	rcu_read_lock();
	look_at_process(&look, target->task);
	for (i = 0; i < sharers->nr && !look.busy; i++) {
		if (!same_thread_group(sharers->process[i], target->task))
			look_at_process(&look, sharers->process[i]);
	}
	if (!look.busy && !all_users_met(&look))
		ret = look_at_newcomers(&look, sharers);
	if (look.busy)
		ret = busy_error(&look, busy_tid);
	rcu_read_unlock();
	return ret;
}
