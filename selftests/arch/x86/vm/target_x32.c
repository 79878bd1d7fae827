// SPDX-License-Identifier: GPL-2.0
/*
 * An x32 program for the tests of vdsoctl, which exits with 9 if the vDSO that its auxiliary
 * vector names tells the time. With an argument it goes on telling the time.
 */
#include <linux/auxvec.h>

#include "../x32.h"

#define CLOCK_MONOTONIC	1

/* Behind the arguments and the environment, each of which ends in 0. */
static unsigned long find_vdso(const unsigned int *stack)
{
	const unsigned int *word = stack + 1 + *stack + 1;

	while (*word++)
		;
	for (; *word; word += 2)
		if (*word == AT_SYSINFO_EHDR)
			return word[1];
	return 0;
}

static long long nanoseconds(const struct x32_timespec *ts)
{
	return ts->sec * 1000000000 + ts->nsec;
}

static bool tells_the_time(int (*gettime)(int clock, struct x32_timespec *ts))
{
	struct x32_timespec before, now, after;

	sys(NR_clock_gettime, CLOCK_MONOTONIC, (long)&before, 0, 0, 0);
	if (gettime(CLOCK_MONOTONIC, &now))
		return false;
	sys(NR_clock_gettime, CLOCK_MONOTONIC, (long)&after, 0, 0, 0);
	return nanoseconds(&before) <= nanoseconds(&now) &&
	       nanoseconds(&now) <= nanoseconds(&after);
}

void run(const unsigned int *stack);

void run(const unsigned int *stack)
{
	unsigned long vdso = find_vdso(stack);
	int (*gettime)(int clock, struct x32_timespec *ts);
	bool right;

	gettime = vdso ? find(vdso, "__vdso_clock_gettime") : NULL;
	do {
		right = gettime && tells_the_time(gettime);
	} while (right && *stack > 1);
	sys(NR_exit, right ? 9 : 1, 0, 0, 0, 0);
}

START_BY_RUN;
