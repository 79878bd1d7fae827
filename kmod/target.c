// SPDX-License-Identifier: GPL-2.0
/* Whom a command is about: the permission check, and working in its mm. */
#include "internal.h"

#include <linux/cpu.h>
#include <linux/kthread.h>
#include <linux/pid_namespace.h>
#include <linux/ptrace.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/workqueue.h>

/*
 * Only the tracing thread itself passes, and it is busy in this ioctl: nobody
 * can resume the task, detach from it or make it exec. It may be killed, but
 * then it does not return to user space, and its mm is ours to keep.
 */
static int check_traced_by_caller(struct task_struct *task)
{
	struct task_struct *tracer;

	rcu_read_lock();
	tracer = ptrace_parent(task);
	rcu_read_unlock();

	if (tracer != current)
		return -EPERM;
	return task_is_traced(task) ? 0 : -ESRCH;
}

static struct task_struct *find_task(pid_t nr)
{
	struct pid *pid = find_get_pid(nr);
	struct task_struct *task = get_pid_task(pid, PIDTYPE_PID);

	put_pid(pid);
	return task;
}

int vr_target_get(struct vr_target *target, pid_t pid)
{
	struct task_struct *task = pid ? find_task(pid) : get_task_struct(current);
	int ret = 0;

	if (!task)
		return -ESRCH;
	if (pid)
		ret = check_traced_by_caller(task);
	if (ret)
		goto err_put_task;
	ret = -ESRCH;
	target->mm = get_task_mm(task);
	if (!target->mm)
		goto err_put_task;

	target->task = task;
	target->ns = task_active_pid_ns(current);
	target->self = !pid;
	/* Two users: the task, and the reference just taken. */
	target->alone = target->self && thread_group_empty(task) &&
			atomic_read(&target->mm->mm_users) == 2;
	return 0;

err_put_task:
	put_task_struct(task);
	return ret;
}

void vr_target_put(struct vr_target *target)
{
	mmput(target->mm);
	put_task_struct(target->task);
}

struct vr_work {
	struct work_struct work;
	struct vr_target *target;
	int (*fn)(struct vr_target *target, void *arg);
	void *arg;
	int ret;
};

/*
 * CPU hotplug is locked before the mmap lock, since cpuset code takes the mmap
 * lock inside it; who is alone holds no CPU and does not need it.
 */
static void run_locked(struct vr_work *w)
{
	if (!w->target->alone)
		cpus_read_lock();
	w->ret = -EINTR;
	if (!mmap_write_lock_killable(w->target->mm)) {
		w->ret = w->fn(w->target, w->arg);
		mmap_write_unlock(w->target->mm);
	}
	if (!w->target->alone)
		cpus_read_unlock();
}

static void run_in_mm(struct work_struct *work)
{
	struct vr_work *w = container_of(work, struct vr_work, work);

	kthread_use_mm(w->target->mm);
	run_locked(w);
	kthread_unuse_mm(w->target->mm);
}

/*
 * Runs fn with the target's mm locked for writing and as current->mm, which the
 * kernel's mremap hooks want.
 *
 * For another process that is a worker that adopts its mm. The wait can't be
 * interrupted: were the caller allowed to die, its tracee would be let go and
 * run while the worker is in the middle.
 */
int vr_target_run(struct vr_target *target, int (*fn)(struct vr_target *, void *), void *arg)
{
	struct vr_work w = { .target = target, .fn = fn, .arg = arg };

	if (target->self) {
		run_locked(&w);
		return w.ret;
	}
	INIT_WORK_ONSTACK(&w.work, run_in_mm);
	queue_work(system_unbound_wq, &w.work);
	flush_work(&w.work);
	destroy_work_on_stack(&w.work);
	return w.ret;
}
