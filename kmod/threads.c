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

static bool stands_in_patch(const struct vr_standstill *still, unsigned long ip)
{
	unsigned int i;

	for (i = 0; i < still->nr_patches; i++) {
		const struct vr_patch *patch = &still->patches[i];

		if (ip > patch->addr + patch->skip && ip < patch->addr + patch->len)
			return true;
	}
	return false;
}

/* The thread is held, or is the caller: its saved user registers are valid. */
static int check_thread(struct vr_standstill *still, struct task_struct *thread)
{
	bool is_caller = still->target->self && thread == still->target->task;
	unsigned long ip = instruction_pointer(task_pt_regs(thread));
	bool busy = stands_in_patch(still, ip);

	if (still->moving && !is_caller)
		busy |= !task_is_stopped_or_traced(thread) ||
			(ip >= still->moving->start && ip < still->moving->end);
	if (!busy)
		return 0;
	still->busy_tid = task_pid_nr_ns(thread, still->target->ns);
	return -EBUSY;
}

/*
 * A task with an mm has its stack still, and with it the registers: it gives
 * up the mm first, and while all CPUs are held it can't go on from there.
 */
static int check_threads(struct vr_standstill *still)
{
	struct task_struct *process, *thread;
	int ret = 0;

	if (still->target->alone)
		return check_thread(still, still->target->task);

	rcu_read_lock();
	for_each_process_thread(process, thread) {
		if (READ_ONCE(thread->mm) != still->target->mm ||
		    thread->flags & (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER))
			continue;
		ret = check_thread(still, thread);
		if (ret)
			goto out_unlock;
	}
out_unlock:
	rcu_read_unlock();
	return ret;
}

/* Taking patches back is no place to fail, so nobody is asked then. */
static int check_and_write(struct vr_standstill *still)
{
	int ret = still->action == VR_UNDO ? 0 : check_threads(still);
	unsigned int i;

	if (ret || still->action == VR_CHECK)
		return ret;
	for (i = 0; i < still->nr_patches; i++) {
		const struct vr_patch *patch = &still->patches[i];

		memcpy(patch->dst, still->action == VR_UNDO ? patch->old : patch->new, patch->len);
	}
	return 0;
}

struct vr_hold {
	struct vr_standstill *still;
	atomic_t arrived;
	bool done;
	int ret;
};

/* On every CPU at once, with interrupts off: the first one works. */
static int hold_cpu(void *data)
{
	struct vr_hold *hold = data;

	if (atomic_inc_return(&hold->arrived) == 1) {
		hold->ret = check_and_write(hold->still);
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
 * Looks where the threads are and writes the patches; others see none of them
 * or all. Who is alone does not pay for holding all CPUs.
 *
 * Return: 0; -EBUSY: still->busy_tid is in the way, nothing was written.
 */
int vr_standstill(struct vr_standstill *still)
{
	struct vr_hold hold = { .still = still, .arrived = ATOMIC_INIT(0) };
	int ret;

	mmap_assert_write_locked(still->target->mm);

	if (still->target->alone) {
		ret = check_and_write(still);
		arch_vr_sync_code();
		return ret;
	}
	ret = static_call(vr_stop_machine_cpuslocked)(hold_cpu, &hold, cpu_online_mask);
	return ret ?: hold.ret;
}
