// SPDX-License-Identifier: GPL-2.0
/*
 * Other threads of the process: where they stand, and writing code that they
 * may be executing.
 *
 * The caller of every function here holds the mmap lock for writing. Meanwhile no
 * thread can give up the mm: exit_mm() and exec take that lock first. So a thread
 * that has the mm has its stack, and with it its user registers. New threads can
 * come at any time, from a thread that runs.
 */
#include "internal.h"

#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/nmi.h>
#include <linux/pid_namespace.h>
#include <linux/ptrace.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>

#include "kmod.h"

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

static bool stands_in_patch(const struct vr_patches *patches, unsigned long ip)
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
	ip = instruction_pointer(task_pt_regs(thread));
	if (stands_in_patch(look->patches, ip) ||
	    (look->leave && ip >= look->leave->start && ip < look->leave->end))
		look->busy = thread;
}

/* At the process's threads that use the mm, up to the first one in the way. */
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

/* The references to the mm that were met are all that there are. */
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
 * is not looked for in the bytes: vr_write_patches() does that.
 *
 * If no thread may run, the result holds until the end of the command, and no thread
 * can come: new threads and processes are appended to the lists that are walked here,
 * so a thread that another one created before it stopped is still met.
 *
 * Return: 0, with *others; -EBUSY, with *busy_tid. A stop that is not the caller's does
 * not last: somebody else may resume such a thread right after this.
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

static void write_all(const struct vr_patches *patches)
{
	unsigned int i;

	for (i = 0; i < patches->nr; i++)
		memcpy(patches->patch[i].dst, patches->patch[i].new, patches->patch[i].len);
}

/* How many of the newest processes are remembered: more than one, since some may end. */
#define NR_NEWEST	16
/* How many threads of new processes are looked at while all CPUs are held. */
#define MAX_NEWCOMERS	256
/* How often the sharers are looked for if too many come and go. */
#define MAX_TRIES	10

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
	struct task_struct *newest[NR_NEWEST];
	unsigned int nr_newest;
};

static void put_sharers(struct vr_sharers *sharers)
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
static int find_sharers(struct vr_sharers *sharers, const struct mm_struct *mm)
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
		sharers->newest[met++ % NR_NEWEST] = process;
		if (!shares_mm(process, mm))
			continue;
		if (sharers->nr == max) {
			ret = -EAGAIN;
			break;
		}
		sharers->process[sharers->nr++] = get_task_struct(process);
	}
	sharers->nr_newest = min_t(unsigned int, met, NR_NEWEST);
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

/**
 * struct vr_hold - writing while every CPU is held
 * @target: whose threads may be executing the code
 * @patches: what is written
 * @sharers: whose threads are looked at beside the target's own
 * @busy_tid: out, with -EBUSY
 * @arrived: how many CPUs are held
 * @done: the first of them has written, or has found a reason not to
 * @ret: 0, -EBUSY or -EAGAIN
 */
struct vr_hold {
	const struct vr_target *target;
	const struct vr_patches *patches;
	struct vr_sharers sharers;
	pid_t *busy_tid;
	atomic_t arrived;
	bool done;
	int ret;
};

static int check_held_threads(const struct vr_hold *hold)
{
	const struct vr_sharers *sharers = &hold->sharers;
	struct vr_look look = {
		.target = hold->target,
		.patches = hold->patches,
		.all_held = true,
		.nr_users = 1,
	};
	unsigned int i;
	int ret = 0;

	rcu_read_lock();
	look_at_process(&look, hold->target->task);
	for (i = 0; i < sharers->nr && !look.busy; i++) {
		if (!same_thread_group(sharers->process[i], hold->target->task))
			look_at_process(&look, sharers->process[i]);
	}
	if (!look.busy && !all_users_met(&look))
		ret = look_at_newcomers(&look, sharers);
	if (look.busy)
		ret = busy_error(&look, hold->busy_tid);
	rcu_read_unlock();
	return ret;
}

/* On every CPU at once, with interrupts off: the first one works. */
static int hold_cpu(void *data)
{
	struct vr_hold *hold = data;

	if (atomic_inc_return(&hold->arrived) == 1) {
		hold->ret = check_held_threads(hold);
		if (!hold->ret)
			write_all(hold->patches);
		/* pairs with the other CPUs' acquire below: then they see the bytes */
		smp_store_release(&hold->done, true);
	} else {
		/* pairs with the release above */
		while (!smp_load_acquire(&hold->done)) {
			cpu_relax();
			/* As the kernel's own stopper does: the first CPU may be slow. */
			touch_nmi_watchdog();
			rcu_momentary_eqs();
		}
	}
	arch_vr_sync_code();
	return 0;
}

/* Return: 0; -EBUSY; -EAGAIN: hotplug is under way; 1: the sharers have to be found anew. */
static int hold_and_write(struct vr_hold *hold)
{
	int ret;

	/*
	 * A trylock, since cpusets take this lock and the mmap lock in the opposite order.
	 * Nothing that is done under this one waits for user space or for memory.
	 */
	if (!cpus_read_trylock())
		return -EAGAIN;
	atomic_set(&hold->arrived, 0);
	hold->done = false;
	ret = static_call(vr_stop_machine_cpuslocked)(hold_cpu, hold, cpu_online_mask);
	cpus_read_unlock();
	if (ret)
		return ret;
	return hold->ret == -EAGAIN ? 1 : hold->ret;
}

static int write_held(struct vr_hold *hold, bool only_own)
{
	unsigned int tries;
	int ret = 1;

	/* Sharers are looked for only if that turns out to be wrong. */
	if (only_own)
		ret = hold_and_write(hold);
	for (tries = 0; ret > 0 && tries < MAX_TRIES; tries++) {
		ret = find_sharers(&hold->sharers, hold->target->mm);
		if (!ret)
			ret = hold_and_write(hold);
		else if (ret == -EAGAIN)
			ret = 1;
		put_sharers(&hold->sharers);
	}
	/* No thread can be named. */
	return ret > 0 ? -EBUSY : ret;
}

/*
 * Writes code that other threads may be executing, if any may run at all: they see
 * all of it or none. No CPU is held unless vr_threads_look() says that one may.
 *
 * Return: 0; -EBUSY: *busy_tid stands inside bytes that change, or, if that is 0,
 * processes that may share the mm come and go too fast; -EAGAIN: CPU hotplug is under
 * way: the caller has to give up the mmap lock and start over; -ENOMEM. On errors
 * nothing was written.
 */
int vr_write_patches(const struct vr_target *target, const struct vr_patches *patches,
		     const struct vr_others *others, pid_t *busy_tid)
{
	struct vr_hold hold = { .target = target, .patches = patches, .busy_tid = busy_tid };

	mmap_assert_write_locked(target->mm);

	if (others->may_run)
		return write_held(&hold, others->only_own);
	write_all(patches);
	arch_vr_sync_code();
	return 0;
}
