// SPDX-License-Identifier: GPL-2.0
/*
 * 200 threads read the clocks through libc, which goes through the vDSO, for
 * some seconds; every answer must lie between those of two system calls.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NR_THREADS	200
#define SECONDS		3

static uint64_t nr_answers;

static int64_t nsec(const struct timespec *ts)
{
	return ts->tv_sec * 1000000000LL + ts->tv_nsec;
}

static int64_t by_syscall(clockid_t id)
{
	struct timespec ts;

	syscall(SYS_clock_gettime, id, &ts);
	return nsec(&ts);
}

static void check(const char *what, int64_t before, int64_t answer, int64_t after)
{
	if (before <= answer && answer <= after)
		return;
	printf("%s: %lld is not in %lld..%lld\n", what, (long long)answer, (long long)before,
	       (long long)after);
	exit(1);
}

static void read_clock(clockid_t id)
{
	int64_t before = by_syscall(id);
	struct timespec ts;

	clock_gettime(id, &ts);
	check("clock_gettime", before, nsec(&ts), by_syscall(id));
}

static void read_time_of_day(void)
{
	int64_t before = by_syscall(CLOCK_REALTIME) / 1000;
	struct timeval tv;
	time_t t;

	gettimeofday(&tv, NULL);
	check("gettimeofday", before, tv.tv_sec * 1000000LL + tv.tv_usec,
	      by_syscall(CLOCK_REALTIME) / 1000);
	before = by_syscall(CLOCK_REALTIME_COARSE) / 1000000000;
	time(&t);
	check("time", before, t, by_syscall(CLOCK_REALTIME) / 1000000000);
}

static void *work(void *end)
{
	unsigned int cpu;

	while (by_syscall(CLOCK_MONOTONIC) < *(int64_t *)end) {
		read_clock(CLOCK_REALTIME);
		read_clock(CLOCK_MONOTONIC);
		read_clock(CLOCK_MONOTONIC_RAW);
		read_clock(CLOCK_MONOTONIC_COARSE);
		read_clock(CLOCK_BOOTTIME);
		read_clock(CLOCK_THREAD_CPUTIME_ID);
		read_time_of_day();
		getcpu(&cpu, NULL);
		check("getcpu", 0, cpu, sysconf(_SC_NPROCESSORS_CONF) - 1);
		__atomic_add_fetch(&nr_answers, 9, __ATOMIC_RELAXED);
	}
	return NULL;
}

int main(void)
{
	int64_t end = by_syscall(CLOCK_MONOTONIC) + SECONDS * 1000000000LL;
	pthread_t threads[NR_THREADS];

	for (unsigned int i = 0; i < NR_THREADS; i++) {
		if (pthread_create(&threads[i], NULL, work, &end)) {
			printf("thread %u could not be made\n", i);
			return 1;
		}
	}
	for (unsigned int i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("%llu answers in %u threads, all right\n", (unsigned long long)nr_answers,
	       NR_THREADS);
	return !nr_answers;
}
