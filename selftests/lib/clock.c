// SPDX-License-Identifier: GPL-2.0
/* See clock.h. */
#include "lib/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "arch/test.h"
#include "lib/note.h"
#include "lib/vdso.h"

static int64_t ns(const struct timespec *ts)
{
	return ts->tv_sec * 1000000000LL + ts->tv_nsec;
}

static bool lies_between(const char *what, int64_t before, int64_t seen, int64_t after)
{
	if (before <= seen && seen <= after)
		return true;
	t_note("%s: the vDSO says %" PRId64 ", system calls %" PRId64 " before, %" PRId64 " after",
	       what, seen, before, after);
	return false;
}

static bool clock_between_syscalls(uint64_t text, clockid_t clock)
{
	struct timespec before = {}, seen = {}, after = {};
	char what[32];
	int ret;

	syscall(SYS_clock_gettime, clock, &before);
	ret = t_call(text + t_entry_point(T_VDSO "clock_gettime"), clock, (long)&seen);
	syscall(SYS_clock_gettime, clock, &after);
	snprintf(what, sizeof(what), "clock %d", clock);
	if (ret)
		t_note("%s: the vDSO returns %d", what, ret);
	return !ret && lies_between(what, ns(&before), ns(&seen), ns(&after));
}

/* The coarse clock, unlike the time system call, is read under a sequence lock. */
static bool seconds_between_syscalls(uint64_t text)
{
	const uint32_t entry_point = t_entry_point(T_VDSO "time");
	struct timespec before, after;
	long seen;

	if (!entry_point)	/* not every machine's vDSO has it */
		return true;
	syscall(SYS_clock_gettime, CLOCK_REALTIME_COARSE, &before);
	seen = t_call(text + entry_point, 0);
	syscall(SYS_clock_gettime, CLOCK_REALTIME_COARSE, &after);
	return lies_between("time", before.tv_sec, seen, after.tv_sec);
}

bool t_time_between_syscalls(uint64_t text)
{
	static const clockid_t clocks[] = {
		CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI,
		CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(clocks); i++) {
		if (!clock_between_syscalls(text, clocks[i]))
			return false;
	}
	return seconds_between_syscalls(text);
}

long t_uptime(void)
{
	struct timespec now = {};

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}
