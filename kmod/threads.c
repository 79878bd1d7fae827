// SPDX-License-Identifier: GPL-2.0
/*
 * Other threads of the process: where they stand, and writing code that they
 * may be executing.
 */
#include "internal.h"

#include <linux/cpumask.h>
#include <linux/pid_namespace.h>
#include <linux/ptrace.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>

#include "kmod.h"

static bool stands_in_patch(const struct vr_patches *patches, unsigned long ip)
{
	unsigned int i;

	/* They are ordered, and most threads are far away. */
	if (!patches->nr || ip <= patches->patch[0].addr ||
	    ip >= patches->patch[patches->nr - 1].addr + patches->patch[patches->nr - 1].len)
		return false;
	for (i = 0; i < patches->nr; i++) {
		const struct vr_patch *patch = &patches->patch[i];

		if (ip > patch->addr + patch->skip && ip < patch->addr + patch->len)
			return true;
	}
	return false;
}

/* Threads of the kernel that borrow an mm never return to user space. */
static bool runs_in(const struct task_struct *thread, const struct mm_struct *mm)
{
	return READ_ONCE(thread->mm) == mm &&
	       !(thread->flags & (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER));
}

/*
 * Whether a thread is in the way: inside bytes that are to change or, if there
 * is something to leave, not stopped outside of that.
 */
static bool is_busy(const struct vr_target *target, const struct task_struct *thread,
		    const struct vr_span *leave, const struct vr_patches *patches)
{
	unsigned long ip;

	if (thread == target->caller || !runs_in(thread, target->mm))
		return false;
	ip = instruction_pointer(task_pt_regs((struct task_struct *)thread));
	return stands_in_patch(patches, ip) ||
	       (leave && (!task_is_stopped_or_traced(thread) ||
			  (ip >= leave->start && ip < leave->end)));
}

/*
 * The process's own threads first. If those are all users of its mm no other
 * process is looked at: there may be thousands, and every CPU may be held. The
 * users are counted last: none of those that were seen can have left, so whoever
 * has come meanwhile makes them more.
 */
static struct task_struct *find_busy(const struct vr_target *target, const struct vr_span *leave,
				     const struct vr_patches *patches)
{
	struct task_struct *process, *thread;
	int nr_users = 1;	/* our reference */

	for_each_thread(target->task, thread) {
		if (READ_ONCE(thread->mm) == target->mm)
			nr_users++;
		if (is_busy(target, thread, leave, patches))
			return thread;
	}
	if (nr_users == atomic_read(&target->mm->mm_users))
		return NULL;
	for_each_process_thread(process, thread) {
		if (is_busy(target, thread, leave, patches))
			return thread;
	}
	return NULL;
}

/*
 * No thread can give up the mm meanwhile (exit_mm() and exec take its lock
 * first), so those that have it have their stacks, and with them their user
 * registers. Only those of a thread that runs are not to be relied on.
 */
static int check_threads(const struct vr_target *target, const struct vr_span *leave,
			 const struct vr_patches *patches, pid_t *busy_tid)
{
	struct task_struct *busy;

	rcu_read_lock();
	busy = find_busy(target, leave, patches);
	if (busy)
		*busy_tid = task_pid_nr_ns(busy, task_active_pid_ns(target->caller));
	rcu_read_unlock();
	return busy ? -EBUSY : 0;
}

/*
 * Before a group moves: every thread but the caller has to be stopped, outside
 * of it. Somebody who may resume them can still do so at once; nothing but
 * their own manners keeps them from that.
 */
int vr_check_stopped(const struct vr_target *target, const struct vr_span *leave,
		     const struct vr_patches *patches, pid_t *busy_tid)
{
	mmap_assert_write_locked(target->mm);

	return target->alone ? 0 : check_threads(target, leave, patches, busy_tid);
}

static void write_all(const struct vr_patches *patches)
{
	unsigned int i;

	for (i = 0; i < patches->nr; i++)
		memcpy(patches->patch[i].dst, patches->patch[i].new, patches->patch[i].len);
}

struct vr_hold {
	const struct vr_target *target;
	const struct vr_patches *patches;
	pid_t *busy_tid;
	atomic_t arrived;
	bool done;
	int ret;
};

/* On every CPU at once, with interrupts off: the first one works. */
static int hold_cpu(void *data)
{
	struct vr_hold *hold = data;

	if (atomic_inc_return(&hold->arrived) == 1) {
		hold->ret = check_threads(hold->target, NULL, hold->patches, hold->busy_tid);
		if (!hold->ret)
			write_all(hold->patches);
		/* pairs with the other CPUs' acquire below: then they see the bytes */
		smp_store_release(&hold->done, true);
	} else {
		/* pairs with the release above */
		while (!smp_load_acquire(&hold->done))
			cpu_relax();
	}
	arch_vr_sync_code();
	return 0;
}

/*
 * Writes code that other threads may be executing: they see all of it or none.
 * Who is alone does not pay for holding all CPUs; else the caller holds
 * cpus_read_lock().
 *
 * Return: 0; -EBUSY: *busy_tid stands inside bytes that change, none was written.
 */
int vr_write_patches(const struct vr_target *target, const struct vr_patches *patches,
		     pid_t *busy_tid)
{
	struct vr_hold hold = {
		.target = target,
		.patches = patches,
		.busy_tid = busy_tid,
		.arrived = ATOMIC_INIT(0),
	};
	int ret;

	mmap_assert_write_locked(target->mm);

	/* Its own instruction pointer is behind the system call. */
	if (target->alone) {
		write_all(patches);
		arch_vr_sync_code();
		return 0;
	}
	ret = static_call(vr_stop_machine_cpuslocked)(hold_cpu, &hold, cpu_online_mask);
	return ret ?: hold.ret;
}
