// SPDX-License-Identifier: GPL-2.0
/*
 * A restore tool's usual case: it installs a proxy and parks the runtime vDSO in
 * another process, all of whose threads it has ptrace-stopped. PROXY is compared with
 * what a tracer does without it. A process that does the same for itself is measured,
 * too, without a goal: it looks at no thread and needs no worker.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "proxy.h"
#include "threads.h"
#include "lib/note.h"

#define ROUNDS	200

static void by_module(void *arg, unsigned long times)
{
	proxy_install(arg, true);
}

static void by_ptrace(void *arg, unsigned long times)
{
	proxy_install_by_ptrace(arg);
}

static void by_itself(void *arg, unsigned long times)
{
	proxy_install_by_hand(arg, true);
}

static void sleep_on(unsigned int number)
{
	for (;;)
		pause();
}

/* A process like this one, of so many threads. */
static pid_t start_process(unsigned int nr_threads)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe(ready))
		bench_die("pipe");
	pid = fork();
	if (pid < 0)
		bench_die("fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		threads_have(nr_threads, sleep_on);
		if (write(ready[1], "", 1) == 1)
			sleep_on(0);
		_exit(1);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		bench_die("the other process is gone");
	close(ready[0]);
	return pid;
}

/* It ends when all of its threads, which this one traces, have been waited for. */
static void end_process(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(-1, NULL, __WALL) > 0)
		;
}

enum { MODULE, PTRACE, ITSELF, NR_WAYS };

int main(int argc, char **argv)
{
	static const unsigned int counts[] = { 1, 8, 64, 512 };
	static struct proxy own, other;
	struct bench_way ways[NR_WAYS] = {
		[MODULE] = { "PROXY", NULL, by_module, &other },
		[PTRACE] = { "by ptrace", NULL, by_ptrace, &other },
		[ITSELF] = { "by itself", NULL, by_itself, &own },
	};
	double to_ptrace[ARRAY_SIZE(counts)], to_itself[ARRAY_SIZE(counts)];
	char name[80];

	proxy_make(&own);
	bench_begin(argc, argv);
	bench_table_ways("Parking and installing, another process, all of it stopped", ways,
			 NR_WAYS);
	for (unsigned int i = 0; i < ARRAY_SIZE(counts); i++) {
		other = own;
		other.pid = start_process(counts[i]);
		threads_seize(other.pid, 0);
		threads_stop();
		bench_best(ways, NR_WAYS, ROUNDS, 1);
		end_process(other.pid);
		snprintf(name, sizeof(name), "%u thread%s", counts[i], i ? "s" : "");
		bench_row_ways(name, ways, NR_WAYS);
		to_ptrace[i] = ways[MODULE].best / ways[PTRACE].best;
		to_itself[i] = ways[MODULE].best / ways[ITSELF].best;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(counts); i++) {
		snprintf(name, sizeof(name), "another process of %u thread%s: PROXY / by ptrace",
			 counts[i], i ? "s" : "");
		bench_ratio(name, to_ptrace[i], 1);
		snprintf(name, sizeof(name), "another process of %u thread%s: PROXY / by itself",
			 counts[i], i ? "s" : "");
		bench_ratio(name, to_itself[i], 0);
	}
	return bench_end();
}
