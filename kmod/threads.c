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

		if (patch->skip == patch->len)
			continue;
		/* At the first byte that changes all of the new ones will run. */
		if (ip > patch->addr + patch->skip && ip < patch->addr + patch->len)
			return true;
	}
	return false;
}

/* The thread is held, or is the caller: its saved user registers are valid. */
static int check_thread(struct vr_standstill *still, struct task_struct *thread)
{
	unsigned long ip = instruction_pointer(task_pt_regs(thread));
	bool busy = stands_in_patch(still, ip);

	if (still->leave_start != still->leave_end &&
	    !(still->target->self && thread == still->target->task))
		busy |= !task_is_stopped_or_traced(thread) ||
			(ip >= still->leave_start && ip < still->leave_end);
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

static void write_patches(const struct vr_standstill *still)
{
	unsigned int i;

	for (i = 0; i < still->nr_patches; i++) {
		const struct vr_patch *patch = &still->patches[i];
		const u8 *bytes = still->undo ? patch->old : patch->new;

		memcpy(patch->dst + patch->skip, bytes + patch->skip, patch->len - patch->skip);
	}
}

/* Taking patches back is no place to fail: bytes that were valid stay so. */
static int check_and_write(struct vr_standstill *still)
{
	int ret = still->undo ? 0 : check_threads(still);

	if (!ret && still->write)
		write_patches(still);
	return ret;
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
		smp_store_release(&hold->done, true);
	} else {
		while (!smp_load_acquire(&hold->done))
			cpu_relax();
	}
	arch_vr_sync_code();
	return 0;
}

/*
 * Checks that no thread is in the way and writes the patches, if wanted.
 * Others see none of them or all.
 *
 * The caller holds cpus_read_lock() unless the target is alone, and takes it
 * before the mmap lock: cpuset code nests them that way round.
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
