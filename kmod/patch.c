// SPDX-License-Identifier: GPL-2.0
/*
 * Writes patches over code that threads of the process may be executing. The caller of
 * every function here holds the mmap lock for writing.
 */
#include "internal.h"

#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/nmi.h>

#include "arch/kmod.h"

/* How often the sharers are looked for if too many come and go. */
#define MAX_TRIES	10

static void write_all(const struct vr_patches *patches)
{
	unsigned int i;

	for (i = 0; i < patches->nr; i++) {
		const struct vr_patch *patch = &patches->patch[i];

		vr_window_write(patches->window, patch->window_off, patch->new, patch->len);
	}
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

/* Runs on every CPU at once, with interrupts off. The first CPU that arrives does the work. */
static int hold_cpu(void *data)
{
	struct vr_hold *hold = data;

	if (atomic_inc_return(&hold->arrived) == 1) {
		hold->ret = vr_threads_look_held(hold->target, hold->patches, &hold->sharers,
						 hold->busy_tid);
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

	/* If this finds that others use the mm by now, it returns 1, and they are looked for. */
	if (only_own)
		ret = hold_and_write(hold);
	for (tries = 0; ret > 0 && tries < MAX_TRIES; tries++) {
		ret = vr_sharers_find(&hold->sharers, hold->target->mm);
		if (!ret)
			ret = hold_and_write(hold);
		else if (ret == -EAGAIN)
			ret = 1;
		vr_sharers_put(&hold->sharers);
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
int vr_patches_write(const struct vr_target *target, const struct vr_patches *patches,
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
