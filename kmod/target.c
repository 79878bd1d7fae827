// SPDX-License-Identifier: GPL-2.0
/* Whom a command is about: the whole permission check, and working in its mm. */
#include "internal.h"

#include <linux/cpu.h>
#include <linux/kthread.h>
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

	target->mm = get_task_mm(task);
	if (!target->mm) {
		ret = -ESRCH;
		goto err_put_task;
	}
	target->task = task;
	target->caller = current;
	/* Two users: the task, and the reference just taken. */
	target->alone = task == current && thread_group_empty(task) &&
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

/*
 * Locks the mm for writing and, unless the target is alone, CPU hotplug out.
 * cpuset code nests them the other way round, so the second is only tried; if
 * hotplug is under way its end is awaited without the mmap lock.
 */
static int run_locked(struct vr_target *target, vr_locked_fn fn, void *arg)
{
	int ret;

	for (;;) {
		if (mmap_write_lock_killable(target->mm))
			return -EINTR;
		if (target->alone || cpus_read_trylock())
			break;
		mmap_write_unlock(target->mm);
		cpus_read_lock();
		cpus_read_unlock();
	}
	ret = fn(target, arg);
	if (!target->alone)
		cpus_read_unlock();
	mmap_write_unlock(target->mm);
	return ret;
}

struct vr_work {
	struct work_struct work;
	struct vr_target *target;
	vr_locked_fn fn;
	void *arg;
	int ret;
};

static void run_in_mm(struct work_struct *work)
{
	struct vr_work *w = container_of(work, struct vr_work, work);

	kthread_use_mm(w->target->mm);
	w->ret = run_locked(w->target, w->fn, w->arg);
	kthread_unuse_mm(w->target->mm);
}

/* Our own: whoever's mmap lock is stuck keeps no one else's work waiting. */
static struct workqueue_struct *workers;

int __init vr_target_init(void)
{
	workers = alloc_workqueue("vdso_remap", WQ_UNBOUND, 0);
	return workers ? 0 : -ENOMEM;
}

void vr_target_exit(void)
{
	destroy_workqueue(workers);
}

/*
 * Runs fn with the target's mm as current->mm, locked for writing. The kernel's
 * mremap hooks want it so, and do_munmap() takes the limit of addresses, from
 * 6.12 on also the count of mappings, from current.
 *
 * For another process that is a worker that adopts its mm. The caller waits for
 * it whatever comes, so that its tracee stays where it is. A worker can't be
 * killed: the lock is waited for here, and only who takes it in between, one of
 * the process's own, can still keep the two waiting.
 */
int vr_target_run(struct vr_target *target, vr_locked_fn fn, void *arg)
{
	struct vr_work w = { .target = target, .fn = fn, .arg = arg };

	if (target->mm == current->mm)
		return run_locked(target, fn, arg);

	if (mmap_write_lock_killable(target->mm))
		return -EINTR;
	mmap_write_unlock(target->mm);

	INIT_WORK_ONSTACK(&w.work, run_in_mm);
	queue_work(workers, &w.work);
	flush_work(&w.work);
	destroy_work_on_stack(&w.work);
	return w.ret;
}
