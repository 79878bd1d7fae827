// SPDX-License-Identifier: GPL-2.0
/*
 * What threads feel that call the vDSO in a loop while proxies are installed, or
 * while all of them are stopped by ptrace for that, as tools do. Each records for
 * how long it has not come to a call.
 *
 * 62 threads share a processor, and wait most of the time until it is their turn.
 * So one more is a real-time thread with one of its own: what keeps that from its
 * calls is what is asked about. (So processors have to run in parallel: QEMU's
 * that take turns keep each other from anything.)
 *
 * (RCU's kernel threads must come before it: rcutree.kthread_prio=2.)
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "proxy.h"
#include "threads.h"
#include "arch/test.h"
#include "lib/vdso.h"

#define NR_THREADS	64
#define REAL_TIME	1	/* this one's number */
#define SECONDS		4
#define PAUSE_US	1000	/* between events */
#define MAX_EVENTS	10000

/* Of each thread, the longest since it was last asked. */
static _Atomic uint64_t longest[NR_THREADS];
static atomic_bool recording;
static atomic_uint at_work;
static struct proxy proxy;

static int (*gettime)(clockid_t clock, struct timespec *ts);

static uint64_t now(void)
{
	struct timespec ts;

	gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void record(_Atomic uint64_t *mine)
{
	uint64_t last = now();

	while (recording) {
		uint64_t this = now();

		if (this - last > *mine)
			*mine = this - last;
		last = this;
	}
}

static void set_real_time(void)
{
	const struct sched_param param = { .sched_priority = 1 };

	if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &param))
		bench_die("SCHED_FIFO");
}

static void stay_on(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		bench_die("sched_setaffinity");
}

static void call_in_a_loop(unsigned int number)
{
	const struct sched_param ordinary = { .sched_priority = 0 };

	if (number == REAL_TIME)
		stay_on(1);
	else if (pthread_setschedparam(pthread_self(), SCHED_OTHER, &ordinary))
		bench_die("SCHED_OTHER");
	for (;;) {
		while (!recording)
			usleep(1000);
		at_work++;
		record(&longest[number]);
		at_work--;
	}
}

/* What is done meanwhile, over and over, with a pause. */
static void nothing(void *arg)
{
}

static void install(void *arg)
{
	proxy_install(&proxy, false);
}

static void stop_and_install(void *arg)
{
	tracer_stop(arg);
	proxy_install_by_hand(&proxy, false);
	tracer_continue(arg);
}

enum { EVENTS, EACH, MEDIAN, MOST, LONGEST, OTHERS, NR_COLUMNS };

static const char *const columns[NR_COLUMNS + 1] = {
	"events", "one takes", "gap: median", "90 %", "longest", "others", NULL
};

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Of the real-time thread the longest gap around each event, in us. */
static double around[MAX_EVENTS];

static void measure(const char *name, void (*event)(void *arg), void *arg, double *values)
{
	uint64_t end, of_others = 0, in_events = 0;
	unsigned int nr = 0;

	recording = true;
	while (at_work < NR_THREADS - 1)
		usleep(1000);
	for (unsigned int i = 0; i < NR_THREADS; i++)
		longest[i] = 0;
	end = bench_now() + SECONDS * 1000000000ULL;
	for (; nr < MAX_EVENTS && bench_now() < end; nr++) {
		uint64_t begin = bench_now();

		event(arg);
		in_events += bench_now() - begin;
		usleep(PAUSE_US);
		around[nr] = atomic_exchange(&longest[REAL_TIME], 0) / 1e3;
	}
	recording = false;
	while (at_work)
		usleep(1000);

	for (unsigned int i = REAL_TIME + 1; i < NR_THREADS; i++)
		of_others = longest[i] > of_others ? longest[i] : of_others;
	qsort(around, nr, sizeof(around[0]), compare);
	values[EVENTS] = nr;
	values[EACH] = in_events / 1e3 / nr;
	values[MEDIAN] = around[nr / 2];
	values[MOST] = around[nr * 9 / 10];
	values[LONGEST] = around[nr - 1];
	values[OTHERS] = of_others / 1e3;
	bench_row(name, values);
}

/* Else a real-time thread is kept from running for a twentieth of each second. */
static void allow_real_time(void)
{
	FILE *file = fopen("/proc/sys/kernel/sched_rt_runtime_us", "w");

	if (!file || fputs("-1", file) < 0 || fclose(file))
		bench_die("sched_rt_runtime_us");
}

int main(int argc, char **argv)
{
	double none[NR_COLUMNS], ours[NR_COLUMNS], ptraced[NR_COLUMNS];
	struct tracer tracer;

	allow_real_time();
	proxy_make(&proxy);
	proxy_install(&proxy, true);
	gettime = (void *)(proxy.image.addr + t_entry_point(T_VDSO "clock_gettime"));
	/* Who installs or stops comes before those that it shares the other processor with. */
	stay_on(0);
	set_real_time();
	threads_have(NR_THREADS, call_in_a_loop);

	bench_begin(argc, argv);
	bench_table("A real-time thread that calls the vDSO beside 62 others", "us", columns);
	measure("nothing happens", nothing, NULL, none);
	measure("PROXY", install, NULL, ours);
	tracer_start(&tracer);
	measure("stopped by ptrace", stop_and_install, &tracer, ptraced);
	tracer_end(&tracer);

	bench_ratio("median gap caused: PROXY / stopped by ptrace",
		    (ours[MEDIAN] - none[MEDIAN]) / (ptraced[MEDIAN] - none[MEDIAN]), 1. / 20);
	bench_ratio("90 % gap caused: PROXY / stopped by ptrace",
		    (ours[MOST] - none[MOST]) / (ptraced[MOST] - none[MOST]), 1. / 20);
	bench_ratio("longest gap of all: PROXY / stopped by ptrace",
		    ours[LONGEST] / ptraced[LONGEST], 0);
	bench_ratio("longest gap of all: nothing / stopped by ptrace",
		    none[LONGEST] / ptraced[LONGEST], 0);
	return bench_end();
}
