// SPDX-License-Identifier: MIT
/* vdsoctl: stopping every thread of a process, and letting all go as they were. */
#include "vdsoctl.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#define STOP_TIMEOUT_MS	10000
#define EVICT_TIMEOUT_S	20

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
	const struct timespec pause = { .tv_nsec = 1000000 };
	int status, ms;

	for (ms = 0; ms < STOP_TIMEOUT_MS; ms++) {
		pid_t got = waitpid(tid, &status, __WALL | WNOHANG);

		if (got < 0 || (got == tid && !WIFSTOPPED(status)))
			return -ESRCH;
		if (!got) {
			nanosleep(&pause, NULL);
			continue;
		}
		if (status >> 16 == PTRACE_EVENT_STOP)
			return 0;
		if (ptrace(PTRACE_CONT, tid, 0, WSTOPSIG(status)))
			return -ESRCH;
	}
	return complain("thread %d of process %d does not stop (state %c). Is it in the middle of "
			"vfork() or waiting for a disk?", tid, pid,
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

		/* A thread that just ended is no failure, a leader that did is. */
		if (tid != tracees->pid && (err == ESRCH || state == 'Z' || state == 'X'))
			return 0;
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
	if (tid == tracees->pid)
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

int tracees_stop_leader(struct tracees *tracees, pid_t pid)
{
	sigset_t all;

	memset(tracees, 0, sizeof(*tracees));
	tracees->pid = pid;
	/* Dying while a thread has its signals held back or is being stepped would harm it. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &tracees->sigmask);
	if (stop_thread(tracees, pid) == 1)
		return 0;
	tracees_release(tracees);
	return -1;
}

int tracees_stop_all(struct tracees *tracees, pid_t pid)
{
	int ret;

	if (tracees_stop_leader(tracees, pid))
		return -1;
	/* Threads that still run may make new ones: until a pass finds none. */
	do {
		ret = stop_new_threads(tracees);
	} while (ret > 0);
	if (!ret)
		return 0;
	tracees_release(tracees);
	return -1;
}

void tracees_release(struct tracees *tracees)
{
	size_t i;

	if (!tracees->pid)
		return;
	/* A process that was stopped is stopped again: the kernel sees to that. */
	for (i = 0; i < tracees->nr; i++)
		ptrace(PTRACE_DETACH, tracees->tids[i], 0, 0);
	free(tracees->tids);
	sigprocmask(SIG_SETMASK, &tracees->sigmask, NULL);
	memset(tracees, 0, sizeof(*tracees));
}

static void do_nothing(int __attribute__((unused)) sig)
{
}

/* The one signal that is not blocked, and interrupts a step, again and again until it is 0. */
static void set_timer(int seconds)
{
	const struct itimerval timer = { { seconds, 0 }, { seconds, 0 } };
	const struct sigaction action = { .sa_handler = do_nothing };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigaction(SIGALRM, &action, NULL);
	sigprocmask(seconds ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

int tracees_evict(const struct tracees *tracees, const struct vdso_remap_range *ranges,
		  unsigned int nr_ranges, struct evicted *evicted)
{
	size_t i;
	int ret;

	memset(evicted, 0, sizeof(*evicted));
	for (i = 0; i < tracees->nr; i++) {
		set_timer(EVICT_TIMEOUT_S);
		ret = vdso_remap_evict(tracees->tids[i], ranges, nr_ranges, 0);
		set_timer(0);
		if (ret == -EOPNOTSUPP) {
			evicted->nr_calling++;
			continue;
		}
		if (ret == -ETIME)
			return complain("thread %d of process %d does not leave the vDSO within %d "
					"steps. Try again", tracees->tids[i], tracees->pid,
					VDSO_REMAP_EVICT_MAX_STEPS);
		if (ret == -EINTR)
			return complain("thread %d of process %d does not leave the vDSO within %d "
					"s. Is its control group frozen?", tracees->tids[i],
					tracees->pid, EVICT_TIMEOUT_S);
		if (ret < 0)
			return complain("can't step thread %d of process %d: %s", tracees->tids[i],
					tracees->pid, strerror(-ret));
		evicted->nr_moved += ret > 0;
		evicted->nr_steps += ret;
	}
	return 0;
}
