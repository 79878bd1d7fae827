// SPDX-License-Identifier: GPL-2.0
/* The process that a command is about: the whole permission check, and work in its mm. */
#include "internal.h"

#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/ptrace.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/workqueue.h>

/*
 * Only the tracing thread itself passes. It is busy in this ioctl, so nobody can resume
 * the task, detach from it or make it exec. The task may be killed, but then it does not
 * return to user space, and the reference keeps its mm.
 */
static int check_traced_by_caller(struct task_struct *task)
{
	struct task_struct *tracer;

	rcu_read_lock();
	tracer = ptrace_parent(task);
	rcu_read_unlock();

	if (tracer != current)
		return -EPERM;
	return vr_is_ptrace_stopped(task) ? 0 : -ESRCH;
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
	/* As for PTRACE_POKEDATA: a process that is not dumpable takes CAP_SYS_PTRACE. */
	if (pid && !vr_compat_ptracer_may_access(task, target->mm)) {
		ret = -EPERM;
		goto err_put_mm;
	}
	target->task = task;
	target->caller = current;
	return 0;

err_put_mm:
	mmput(target->mm);
err_put_task:
	put_task_struct(task);
	return ret;
}

void vr_target_put(struct vr_target *target)
{
	mmput(target->mm);
	put_task_struct(target->task);
}

/* The target's memory is the caller's own. */
bool vr_target_is_own(const struct vr_target *target)
{
	return target->mm == target->caller->mm;
}

/**
 * struct vr_work - what a worker does for a caller
 * @work: of the worker
 * @here: the worker runs
 * @go: the caller has set @locked
 * @locked: the caller has locked the mm; else the worker does nothing
 * @target: whose mm is adopted
 * @fn: what is to be done
 * @arg: of @fn
 * @ret: of @fn
 */
struct vr_work {
	struct work_struct work;
	struct completion here;
	struct completion go;
	bool locked;
	struct vr_target *target;
	vr_locked_fn fn;
	void *arg;
	int ret;
};

/*
 * The caller locks the mm and keeps the lock until the work is done, since a worker that
 * waits for a lock can't be killed. Lockdep keeps locks per task, so it is told that the
 * worker has this one.
 */
static void run_in_mm(struct work_struct *work)
{
	struct vr_work *w = container_of(work, struct vr_work, work);
	struct mm_struct *mm = w->target->mm;

	complete(&w->here);
	/* No signal reaches a worker. Interruptible only so that it does not count as hung. */
	while (wait_for_completion_interruptible(&w->go))
		;
	if (!w->locked)
		return;
	kthread_use_mm(mm);
	rwsem_acquire(&mm->mmap_lock.dep_map, 0, 1, _THIS_IP_);
	w->ret = w->fn(w->target, w->arg);
	rwsem_release(&mm->mmap_lock.dep_map, _THIS_IP_);
	kthread_unuse_mm(mm);
}

/* The module's own queue: requests that wait delay no other work. */
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
 * The caller takes the lock only when the worker runs: the kernel may have to fork a
 * worker, a fork waits while a task is moved to another control group, and such a move
 * may wait for the lock.
 *
 * Once the worker works on the mm, the caller can't be killed: it would let its tracee
 * run.
 */
static int run_worker(struct vr_target *target, vr_locked_fn fn, void *arg)
{
	struct vr_work w = { .target = target, .fn = fn, .arg = arg, .ret = -EINTR };

	init_completion(&w.here);
	init_completion(&w.go);
	INIT_WORK_ONSTACK(&w.work, run_in_mm);
	queue_work(workers, &w.work);
	w.locked = !wait_for_completion_killable(&w.here) &&
		   !mmap_write_lock_killable(target->mm);
	complete(&w.go);
	if (w.locked)
		flush_work(&w.work);
	else
		cancel_work_sync(&w.work);
	if (w.locked)
		mmap_write_unlock(target->mm);
	destroy_work_on_stack(&w.work);
	return w.ret;
}

static int run_here(struct vr_target *target, vr_locked_fn fn, void *arg)
{
	int ret;

	if (mmap_write_lock_killable(target->mm))
		return -EINTR;
	ret = fn(target, arg);
	mmap_write_unlock(target->mm);
	return ret;
}

/*
 * Runs fn with the target's mm as current->mm, locked for writing: the kernel's mremap
 * hooks and get_unmapped_area() act on current->mm, and do_munmap() takes the limit of
 * addresses, from 6.12 on also the count of mappings, from current. For another process
 * a worker adopts the mm.
 *
 * Return: what fn returns; -EINTR: the caller was killed while it waited for a worker
 * or the lock, or for a moment to call fn again.
 */
int vr_target_run(struct vr_target *target, vr_locked_fn fn, void *arg)
{
	int ret;

	for (;;) {
		ret = vr_target_is_own(target) ? run_here(target, fn, arg) :
						 run_worker(target, fn, arg);
		if (ret != -EAGAIN)
			return ret;
		schedule_timeout_killable(1);
		if (fatal_signal_pending(current))
			return -EINTR;
	}
}
