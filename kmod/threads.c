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
 * Whether every thread but the caller is stopped, outside of the span and not
 * inside bytes that are to change. Somebody who may resume them can still do
 * so at once; nothing but their own manners keeps them from that.
 */
int vr_check_stopped(const struct vr_target *target, const struct vr_span *span,
		     const struct vr_patches *patches, pid_t *busy_tid)
{
	struct task_struct *process, *thread;
	int ret = 0;

	if (target->alone)
		return 0;

	rcu_read_lock();
	for_each_process_thread(process, thread) {
		bool busy = false;

		if (thread == target->caller)
			continue;
		/* Keeps an exiting task from giving up its mm, and its stack after that. */
		task_lock(thread);
		if (runs_in(thread, target->mm)) {
			unsigned long ip = instruction_pointer(task_pt_regs(thread));

			busy = !task_is_stopped_or_traced(thread) ||
			       (ip >= span->start && ip < span->end) ||
			       stands_in_patch(patches, ip);
		}
		task_unlock(thread);
		if (busy) {
			*busy_tid = task_pid_nr_ns(thread, target->ns);
			ret = -EBUSY;
			goto out_unlock;
		}
	}
out_unlock:
	rcu_read_unlock();
	return ret;
}

struct vr_hold {
	const struct vr_target *target;
	const struct vr_patches *patches;
	pid_t *busy_tid;
	atomic_t arrived;
	bool done;
	int ret;
};

/*
 * No lock is needed to look at the others: while all CPUs are held, a task with
 * an mm has its stack, too, and with it its user registers.
 */
static int check_held(const struct vr_hold *hold)
{
	struct task_struct *process, *thread;

	for_each_process_thread(process, thread) {
		if (runs_in(thread, hold->target->mm) &&
		    stands_in_patch(hold->patches, instruction_pointer(task_pt_regs(thread)))) {
			*hold->busy_tid = task_pid_nr_ns(thread, hold->target->ns);
			return -EBUSY;
		}
	}
	return 0;
}

static void write_all(const struct vr_patches *patches)
{
	unsigned int i;

	for (i = 0; i < patches->nr; i++)
		memcpy(patches->patch[i].dst, patches->patch[i].new, patches->patch[i].len);
}

/* On every CPU at once, with interrupts off: the first one works. */
static int hold_cpu(void *data)
{
	struct vr_hold *hold = data;

	if (atomic_inc_return(&hold->arrived) == 1) {
		rcu_read_lock();
		hold->ret = check_held(hold);
		rcu_read_unlock();
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
