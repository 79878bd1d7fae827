// SPDX-License-Identifier: GPL-2.0
/* Threads, and who stops them; see threads.h. */
#include "threads.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

struct start {
	void (*fn)(unsigned int number);
	unsigned int number;
};

static void *run_thread(void *arg)
{
	struct start start = *(struct start *)arg;

	free(arg);
	start.fn(start.number);
	return NULL;
}

void threads_have(unsigned int nr, void (*fn)(unsigned int number))
{
	static unsigned int have = 1;
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 << 10);
	for (; have < nr; have++) {
		struct start *start = malloc(sizeof(*start));
		pthread_t thread;

		*start = (struct start){ .fn = fn, .number = have };
		if (pthread_create(&thread, &attr, run_thread, start))
			bench_die("pthread_create");
	}
	pthread_attr_destroy(&attr);
}

static pid_t tids[MAX_THREADS];
static unsigned int nr_tids;

void threads_seize(pid_t pid, pid_t but)
{
	char path[32];
	struct dirent *entry;
	DIR *dir;

	nr_tids = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)) && nr_tids < MAX_THREADS) {
		pid_t tid = atoi(entry->d_name);

		if (tid <= 0 || tid == but)
			continue;
		if (ptrace(PTRACE_SEIZE, tid, 0, 0))
			bench_die("PTRACE_SEIZE");
		tids[nr_tids++] = tid;
	}
	closedir(dir);
}

/* To all first: they stop while others are still waited for. */
void threads_stop(void)
{
	int status;

	for (unsigned int i = 0; i < nr_tids; i++)
		ptrace(PTRACE_INTERRUPT, tids[i], 0, 0);
	for (unsigned int i = 0; i < nr_tids; i++)
		waitpid(tids[i], &status, __WALL);
}

static void continue_all(void)
{
	for (unsigned int i = 0; i < nr_tids; i++)
		ptrace(PTRACE_CONT, tids[i], 0, 0);
}

static _Noreturn void obey(int from, int to, pid_t parent)
{
	char order;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	threads_seize(parent, parent);
	while (read(from, &order, 1) == 1 && order != 'e') {
		if (order == 's')
			threads_stop();
		else
			continue_all();
		if (write(to, &order, 1) != 1)
			break;
	}
	_exit(0);
}

static void give(const struct tracer *tracer, char order)
{
	if (write(tracer->to, &order, 1) != 1 || read(tracer->from, &order, 1) != 1)
		bench_die("the tracer is gone");
}

void tracer_start(struct tracer *tracer)
{
	pid_t self = getpid();
	int to[2], from[2];

	if (pipe(to) || pipe(from))
		bench_die("pipe");
	switch (fork()) {
	case -1:
		bench_die("fork");
	case 0:
		close(to[1]);
		close(from[0]);
		obey(to[0], from[1], self);
	}
	close(to[0]);
	close(from[1]);
	*tracer = (struct tracer){ .to = to[1], .from = from[0] };
	give(tracer, 'c');	/* has seized them when it answers */
}

void tracer_stop(const struct tracer *tracer)
{
	give(tracer, 's');
}

void tracer_continue(const struct tracer *tracer)
{
	give(tracer, 'c');
}

void tracer_end(const struct tracer *tracer)
{
	const char order = 'e';

	if (write(tracer->to, &order, 1) != 1)
		bench_die("the tracer is gone");
	wait(NULL);
	close(tracer->to);
	close(tracer->from);
}
