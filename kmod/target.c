// SPDX-License-Identifier: GPL-2.0
/* Whom a command is about: the whole permission check. */
#include "internal.h"

#include <linux/ptrace.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>

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
		goto out_put_task;

	target->mm = get_task_mm(task);
	if (!target->mm) {
		ret = -ESRCH;
		goto out_put_task;
	}
	target->caller = current;
	/* Two users: the task, and the reference just taken. */
	target->alone = task == current && thread_group_empty(task) &&
			atomic_read(&target->mm->mm_users) == 2;
out_put_task:
	put_task_struct(task);
	return ret;
}

void vr_target_put(struct vr_target *target)
{
	mmput(target->mm);
}
