// SPDX-License-Identifier: GPL-2.0
/* See vdso_calls.h. */
#include "lib/vdso_calls.h"

#include <errno.h>
#include <linux/time_types.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "arch/test.h"
#include "lib/note.h"

/* Clocks from here on are auxiliary ones, of which vDSO and kernel differ when there are none. */
#define NR_CLOCKS	16

/* As older functions of 32 bits have it and as newer ones do; with 64 bits both are the same. */
union stamp {
	struct timespec native;
	struct __kernel_timespec wide;
};

/* A function and the system call that it stands for. */
struct clock_source {
	const void *fn;
	long nr;
	bool wide;
};

long t_raw(long nr, long a, long b, long c)
{
	long ret = syscall(nr, a, b, c);

	return ret == -1 ? -errno : ret;
}

long t_raw_time(void)
{
	struct timespec now = { 0 };

	t_raw(SYS_clock_gettime, CLOCK_REALTIME_COARSE, (long)&now, 0);
	return now.tv_sec;
}

static long by_syscall(const struct clock_source *source, clockid_t id, union stamp *stamp)
{
	return t_raw(source->nr, id, (long)stamp, 0);
}

static long long nanoseconds(const struct clock_source *source, const union stamp *stamp)
{
	if (source->wide)
		return stamp->wide.tv_sec * 1000000000LL + stamp->wide.tv_nsec;
	return stamp->native.tv_sec * 1000000000LL + stamp->native.tv_nsec;
}

static bool are_in_order(const struct clock_source *source, const union stamp *a,
			 const union stamp *b, const union stamp *c)
{
	return nanoseconds(source, a) <= nanoseconds(source, b) &&
	       nanoseconds(source, b) <= nanoseconds(source, c);
}

static bool right_gettime(const struct clock_source *source)
{
	/* CPU clocks of the own process and thread, and two that there never were */
	static const clockid_t ids[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, -1, 10, 99 };

	for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++) {
		union stamp before = {}, now = {}, after = {};
		long want = by_syscall(source, ids[i], &before);
		long ret = t_call(source->fn, ids[i], (long)&now);

		by_syscall(source, ids[i], &after);
		if (ret == want && (ret || are_in_order(source, &before, &now, &after)))
			continue;
		t_note("clock %d: %ld (want %ld), %lld not in %lld..%lld", ids[i], ret, want,
		       nanoseconds(source, &now), nanoseconds(source, &before),
		       nanoseconds(source, &after));
		return false;
	}
	return true;
}

static bool right_getres(const struct clock_source *source)
{
	for (clockid_t id = -1; id < NR_CLOCKS; id++) {
		union stamp want = {}, res = {};
		long want_ret = by_syscall(source, id, &want);
		long ret = t_call(source->fn, id, (long)&res);

		if (ret == want_ret && t_call(source->fn, id, 0) == want_ret &&
		    !memcmp(&res, &want, sizeof(res)))
			continue;
		t_note("resolution of clock %d: %ld (want %ld), %lld (want %lld)", id, ret,
		       want_ret, nanoseconds(source, &res), nanoseconds(source, &want));
		return false;
	}
	return true;
}

static bool right_clock_gettime(const void *fn)
{
	return right_gettime(&(struct clock_source){ .fn = fn, .nr = SYS_clock_gettime });
}

static bool right_clock_getres(const void *fn)
{
	return right_getres(&(struct clock_source){ .fn = fn, .nr = SYS_clock_getres });
}

static bool right_gettimeofday(const void *fn)
{
	struct timeval before, tv = { 0 }, after;
	struct timezone want, tz = { -1, -1 };
	long ret;

	t_raw(SYS_gettimeofday, (long)&before, (long)&want, 0);
	ret = t_call(fn, (long)&tv, (long)&tz);
	t_raw(SYS_gettimeofday, (long)&after, 0, 0);
	if (!ret && !timercmp(&tv, &before, <) && !timercmp(&tv, &after, >) &&
	    !memcmp(&tz, &want, sizeof(tz)) && !t_call(fn, (long)&tv, 0) &&
	    !t_call(fn, 0, (long)&tz))
		return true;
	t_note("gettimeofday: %ld, %ld.%06ld not in %ld.%06ld..%ld.%06ld", ret, tv.tv_sec,
	       tv.tv_usec, before.tv_sec, before.tv_usec, after.tv_sec, after.tv_usec);
	return false;
}

static bool right_time(const void *fn)
{
	time_t before, t = 0, ret;
	struct timespec after;

	before = t_raw_time();
	ret = t_call(fn, (long)&t);
	t_raw(SYS_clock_gettime, CLOCK_REALTIME, (long)&after, 0);
	if (ret == t && ret >= before && ret <= after.tv_sec && t_call(fn, 0) >= ret)
		return true;
	t_note("time: %ld, %ld not in %ld..%ld", ret, t, before, after.tv_sec);
	return false;
}

/* On one CPU, since else any answer could be true. */
static bool right_getcpu(const void *fn)
{
	unsigned int cpu = -1, node = -1, want_cpu, want_node;
	cpu_set_t all, one;
	long ret;

	sched_getaffinity(0, sizeof(all), &all);
	t_raw(SYS_getcpu, (long)&want_cpu, 0, 0);
	CPU_ZERO(&one);
	CPU_SET(want_cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
	t_raw(SYS_getcpu, (long)&want_cpu, (long)&want_node, 0);
	ret = t_call(fn, (long)&cpu, (long)&node, 0);
	sched_setaffinity(0, sizeof(all), &all);

	if (!ret && cpu == want_cpu && node == want_node && !t_call(fn, 0, 0, 0))
		return true;
	t_note("getcpu: %ld, cpu %u (want %u), node %u (want %u)", ret, cpu, want_cpu, node,
	       want_node);
	return false;
}

/* The lock's word becomes 0 if there is just its owner in it, and then so does the pending one. */
static bool right_unlock(const void *fn, size_t pending_size)
{
	const uint32_t tid = 0x1234, waiters = 0x80000000;
	const uint64_t untouched = ~0ULL;
	uint64_t pending = untouched, cleared = untouched;
	uint32_t lock = tid | waiters, was;

	memset(&cleared, 0, pending_size);
	was = t_call(fn, (long)&lock, tid, (long)&pending);
	if (was != (tid | waiters) || lock != was || pending != untouched) {
		t_note("unlock with waiters: was %x, is %x, pending %llx", was, lock,
		       (unsigned long long)pending);
		return false;
	}
	lock = tid;
	was = t_call(fn, (long)&lock, tid, (long)&pending);
	if (was == tid && !lock && pending == cleared)
		return true;
	t_note("unlock: was %x, is %x, pending %llx", was, lock, (unsigned long long)pending);
	return false;
}

static bool right_unlock32(const void *fn)
{
	return right_unlock(fn, 4);
}

/* What the kernel is told about a handler, without a libc that has its own trampolines. */
struct handler {
	void (*handle)(int sig);
	unsigned long flags;
	const void *restorer;
	uint64_t mask;
};

#define WITH_RESTORER	0x04000000	/* SA_RESTORER, which not every libc shows */

static volatile int handled;

static void count_handled(int __attribute__((unused)) sig)
{
	handled++;
}

static bool right_return(const void *fn, unsigned long flags)
{
	struct handler handler = { count_handled, WITH_RESTORER | flags, fn, 0 }, saved;
	const int handled_before = handled;

	syscall(SYS_rt_sigaction, SIGUSR2, &handler, &saved, sizeof(handler.mask));
	kill(getpid(), SIGUSR2);
	syscall(SYS_rt_sigaction, SIGUSR2, &saved, NULL, sizeof(handler.mask));
	if (handled == handled_before + 1)
		return true;
	t_note("no signal came");
	return false;
}

static bool right_sigreturn(const void *fn)
{
	return right_return(fn, 0);
}

static bool right_rt_sigreturn(const void *fn)
{
	return right_return(fn, SA_SIGINFO);
}

#ifdef __LP64__
static bool right_unlock64(const void *fn)
{
	return right_unlock(fn, 8);
}

/* With no state: what is the system call's own business. */
static bool right_getrandom(const void *fn)
{
	/* A state that lies in two pages is refused before its size is. */
	static _Alignas(256) uint8_t some[256];
	uint8_t first[64] = { 0 }, second[64] = { 0 };
	long ret = t_call(fn, (long)first, 64, 0, 0, 0);
	long other = t_call(fn, (long)second, 64, 0, (long)some, 64);
	long wrong_flags = t_call(fn, (long)some, 64, 0x80, 0, 0);
	long nothing = t_call(fn, (long)some, 0, 0, 0, 0);

	if (ret == 64 && other == 64 && memcmp(first, second, 64) && wrong_flags == -EINVAL &&
	    !nothing)
		return true;
	t_note("getrandom: %ld %ld, with wrong flags %ld, for no bytes %ld", ret, other,
	       wrong_flags, nothing);
	return false;
}
#else
static bool right_clock_gettime64(const void *fn)
{
	return right_gettime(&(struct clock_source){
		.fn = fn, .nr = SYS_clock_gettime64, .wide = true });
}

static bool right_clock_getres_time64(const void *fn)
{
	return right_getres(&(struct clock_source){
		.fn = fn, .nr = SYS_clock_getres_time64, .wide = true });
}
#endif

static const struct t_vdso_call calls[] = {
	{ T_VDSO "clock_gettime", right_clock_gettime },
	{ T_VDSO "clock_getres", right_clock_getres },
	{ T_VDSO "gettimeofday", right_gettimeofday },
	{ T_VDSO "time", right_time },
	{ T_VDSO "getcpu", right_getcpu },
	{ T_VDSO "futex_robust_list32_try_unlock", right_unlock32 },
	{ "__kernel_sigreturn", right_sigreturn },
	{ "__kernel_rt_sigreturn", right_rt_sigreturn },
#ifdef __LP64__
	{ T_VDSO "futex_robust_list64_try_unlock", right_unlock64 },
	{ T_VDSO "getrandom", right_getrandom },
#else
	{ T_VDSO "clock_gettime64", right_clock_gettime64 },
	{ T_VDSO "clock_getres_time64", right_clock_getres_time64 },
#endif
};

static bool answers(const char *name, const void *fn)
{
	const struct t_vdso_call *call;

	for (unsigned int i = 0; i < ARRAY_SIZE(calls); i++) {
		if (!strcmp(name, calls[i].name))
			return calls[i].is_right(fn);
	}
	for (call = t_arch_vdso_calls; call->name; call++) {
		if (!strcmp(name, call->name))
			return call->is_right(fn);
	}
	t_note("%s: nobody knows what is right", name);
	return false;
}

bool t_image_answers(const struct vdso_remap_image *parsed, const uint8_t *addr)
{
	bool right = true;

	for (unsigned int i = 0; i < parsed->nr_entry_points; i++) {
		const struct vdso_remap_entry_point *entry = &parsed->entry_points[i];

		/* An alias, without the two underscores, follows its first name. */
		if (i && entry->off == entry[-1].off)
			continue;
		if (!answers(entry->name, addr + entry->off)) {
			t_note("that was %s", entry->name);
			right = false;
		}
	}
	return right;
}
