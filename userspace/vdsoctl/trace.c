// SPDX-License-Identifier: MIT
/* vdsoctl: stopping every thread of a process, and letting all go as they were. */
#include "vdsoctl.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

static int complain_seize(pid_t pid, pid_t tid, int err)
{
	long tracer;

	if (err == ESRCH)
		return complain("there is no process %d", pid);
	tracer = thread_status(pid, tid, "TracerPid");
	if (err == EPERM && tracer > 0)
		return complain("can't trace process %d: process %ld traces it already, and a "
				"process has one tracer only", pid, tracer);
	if (err == EPERM)
		return complain("can't trace process %d: not allowed. Be root, or its owner with "
				"kernel.yama.ptrace_scope=0", pid);
	return complain("can't trace process %d: %s", pid, strerror(err));
}

/*
 * Waits until a seized and interrupted thread has stopped. A signal that was on
 * its way out when we came takes its course first: held back, it would be lost.
 */
static int wait_stopped(pid_t pid, pid_t tid)
{
	int status;

	while (!patience_over()) {
		pid_t got = waitpid(tid, &status, __WALL | WNOHANG);

		if (got < 0 || (got == tid && !WIFSTOPPED(status)))
			return -ESRCH;
		if (!got) {
			patience_report("waiting for thread %d of process %d to stop", tid, pid);
			patience_pause();
			continue;
		}
		if (status >> 16 == PTRACE_EVENT_STOP)
			return 0;
		if (ptrace(PTRACE_CONT, tid, 0, WSTOPSIG(status)))
			return -ESRCH;
	}
	return patience_complain("Is it frozen with its control group, in the middle of vfork() "
				 "or waiting for a disk?",
				 "thread %d of process %d (state %c) does not stop", tid, pid,
				 (int)thread_status(pid, tid, "State"));
}

static bool has_thread(const struct tracees *tracees, pid_t tid)
{
	size_t i;

	for (i = 0; i < tracees->nr; i++)
		if (tracees->tids[i] == tid)
			return true;
	return false;
}

/* Returns 1 if the thread was stopped, 0 if there is nothing to stop any more; complains. */
static int stop_thread(struct tracees *tracees, pid_t tid)
{
	pid_t *tids;
	int ret;

	tids = reallocarray(tracees->tids, tracees->nr + 1, sizeof(*tids));
	if (!tids)
		return complain("out of memory");
	tracees->tids = tids;

	if (ptrace(PTRACE_SEIZE, tid, 0, 0)) {
		int err = errno;
		long state = thread_status(tracees->pid, tid, "State");

		if (err == ESRCH || state == 'Z' || state == 'X') {
			/* A thread that just ended is no failure, nor a leader that may end. */
			if (tid != tracees->pid ||
			    (tracees->may_end && process_has_ended(tracees->pid)))
				return 0;
		}
		if (state == 'Z')
			return complain("process %d, or its first thread, has ended already",
					tracees->pid);
		return complain_seize(tracees->pid, tid, err);
	}
	tids[tracees->nr++] = tid;
	if (ptrace(PTRACE_INTERRUPT, tid, 0, 0))
		ret = -ESRCH;
	else
		ret = wait_stopped(tracees->pid, tid);
	if (ret != -ESRCH)
		return ret ? -1 : 1;
	tracees->nr--;
	if (tid == tracees->pid && !tracees->may_end)
		return complain("process %d ended before it could be stopped", tid);
	return 0;
}

/* One pass over the threads. Returns how many were new; complains. */
static int stop_new_threads(struct tracees *tracees)
{
	struct dirent *entry;
	char path[32];
	int ret = 0, nr_new = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", tracees->pid);
	dir = opendir(path);
	if (!dir)
		return complain("process %d is gone", tracees->pid);
	while (ret >= 0 && (entry = readdir(dir))) {
		pid_t tid = atoi(entry->d_name);

		if (tid <= 0 || has_thread(tracees, tid))
			continue;
		ret = stop_thread(tracees, tid);
		nr_new += ret;
	}
	closedir(dir);
	return ret < 0 ? -1 : nr_new;
}

static int stop_leader(struct tracees *tracees, pid_t pid, bool may_end)
{
	int ret;

	*tracees = (struct tracees){
		.pid = pid,
		.was_stopped = thread_status(pid, pid, "State") == 'T',
		.may_end = may_end,
	};
	/* Dying while a thread has its signals held back or is being stepped would harm it. */
	patience_begin(PATIENCE_S);
	ret = stop_thread(tracees, pid);
	if (ret == 1)
		return 0;
	tracees_release(tracees);
	return ret < 0 ? -1 : 1;
}

static int stop_all(struct tracees *tracees, pid_t pid, bool may_end)
{
	int ret;

	ret = stop_leader(tracees, pid, may_end);
	if (ret)
		return ret;
	/* Threads that still run may make new ones: until a pass finds none. */
	do {
		ret = stop_new_threads(tracees);
	} while (ret > 0);
	if (!ret)
		return 0;
	tracees_release(tracees);
	return -1;
}

int tracees_stop_leader(struct tracees *tracees, pid_t pid)
{
	return stop_leader(tracees, pid, false);
}

int tracees_stop_all(struct tracees *tracees, pid_t pid)
{
	return stop_all(tracees, pid, false);
}

int tracees_stop_if_there(struct tracees *tracees, pid_t pid)
{
	return stop_all(tracees, pid, true);
}

void tracees_detach(struct tracees *tracees)
{
	size_t i;

	/* A process that was stopped is stopped again: the kernel sees to that. */
	for (i = 0; i < tracees->nr; i++)
		ptrace(PTRACE_DETACH, tracees->tids[i], 0, 0);
	tracees->nr = 0;
}

void tracees_release(struct tracees *tracees)
{
	if (!tracees->pid)
		return;
	tracees_detach(tracees);
	free(tracees->tids);
	memset(tracees, 0, sizeof(*tracees));
	patience_end();
}

/* The instruction pointer of a stopped thread; 0 if /proc does not tell. */
static uint64_t thread_ip(pid_t pid, pid_t tid)
{
	char path[64], line[256] = "";
	char *last;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", pid, tid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (!fgets(line, sizeof(line), file))
		line[0] = 0;
	fclose(file);
	last = strrchr(line, ' ');
	return last ? strtoull(last, NULL, 16) : 0;
}

/* Of signal handlers that will return into the vDSO */
static void warn_of_handlers(pid_t pid, const struct vdso_remap_thread *thread)
{
	uint32_t i;

	if (thread->handlers_error)
		complain("warning: can't see whether thread %d of process %d is in a signal "
			 "handler: %s", thread->tid, pid, strerror(-thread->handlers_error));
	for (i = 0; i < thread->nr_handlers; i++)
		complain("warning: thread %d of process %d is in a signal handler that will return "
			 "into the vDSO, %s%#" PRIx64 ". Let the handler end, and try again",
			 thread->tid, pid,
			 thread->handlers[i].at_syscall ? "to the system call at " : "to ",
			 thread->handlers[i].addr);
}

/* What was done with a thread; complains. */
static int count_thread(pid_t pid, const struct vdso_remap_thread *thread, struct evicted *evicted)
{
	struct vdso_remap_error error = VDSO_REMAP_INIT(error, .stage = VDSO_REMAP_STAGE_THREADS,
							.error = thread->error, .pid = pid,
							.tid = thread->tid);
	char what[96];

	switch (thread->state) {
	case VDSO_REMAP_THREAD_OUTSIDE:
		evicted->nr_moved += thread->nr_steps > 0;
		evicted->nr_steps += thread->nr_steps;
		break;
	case VDSO_REMAP_THREAD_AT_SYSCALL:
		evicted->nr_calling++;
		break;
	default:
		snprintf(what, sizeof(what), "process %d, at %#" PRIx64, pid,
			 thread_ip(pid, thread->tid));
		return group_complain(&error, what);
	}
	warn_of_handlers(pid, thread);
	return 0;
}

/* Says who was not brought out when the time was over, or that an error kept all from it. */
static int complain_evict(const struct vdso_remap_evict_args *args, pid_t pid, int err)
{
	struct vdso_remap_error error = VDSO_REMAP_INIT(error, .stage = VDSO_REMAP_STAGE_THREADS,
							.error = err, .pid = pid);
	uint32_t i;

	for (i = 0; i + 1 < args->nr_threads && args->threads[i].state; i++)
		;
	error.tid = args->threads[i].tid;
	if (err == -EINTR)
		return patience_complain("Is its control group frozen?", "thread %d of process %d "
					 "does not leave the vDSO", error.tid, pid);
	return group_complain(&error, "can't bring the threads out of the vDSO");
}

int tracees_evict(const struct tracees *tracees, const struct vdso_remap_status *status,
		  struct evicted *evicted)
{
	struct vdso_remap_evict_args args = VDSO_REMAP_INIT(args, .nr_threads = tracees->nr);
	size_t i;
	int ret;

	memset(evicted, 0, sizeof(*evicted));
	args.threads = calloc(tracees->nr, sizeof(*args.threads));
	if (!args.threads)
		return complain("out of memory");
	for (i = 0; i < tracees->nr; i++)
		args.threads[i].tid = tracees->tids[i];
	patience_watch();
	ret = vdso_remap_evict_process(status, &args);
	patience_watch_no_more();
	if (ret < 0)
		ret = complain_evict(&args, tracees->pid, ret);
	else
		ret = 0;
	for (i = 0; i < tracees->nr && !ret; i++)
		ret = count_thread(tracees->pid, &args.threads[i], evicted);
	free(args.threads);
	return ret;
}
