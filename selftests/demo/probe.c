// SPDX-License-Identifier: GPL-2.0
/* For demo.py: calls a vDSO's functions by address, checks and times them. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <vdso_remap.h>

#define ROUNDS	5
#define CALLS	2000

/* As declared in demo.py. */
struct result {
	int right;
	char answer[40];
	double proxy;
	double direct;
	double syscall;
};

typedef long (*vdso_fn)(long, void *, long, void *, unsigned long);

/* The system calls, in the shape of the vDSO's functions. */
static long sys_clock_gettime(long clock, void *ts, long a, void *b, unsigned long c)
{
	return syscall(SYS_clock_gettime, clock, ts);
}

static long sys_clock_getres(long clock, void *ts, long a, void *b, unsigned long c)
{
	return syscall(SYS_clock_getres, clock, ts);
}

static long sys_gettimeofday(long tv, void *tz, long a, void *b, unsigned long c)
{
	return syscall(SYS_gettimeofday, tv, tz);
}

/* There is no time() in the kernels of newer machines. */
static long sys_time(long t, void *a, long b, void *c, unsigned long d)
{
	struct timespec ts;

	return syscall(SYS_clock_gettime, CLOCK_REALTIME_COARSE, &ts) ? -1 : ts.tv_sec;
}

static long sys_getcpu(long cpu, void *node, long a, void *b, unsigned long c)
{
	return syscall(SYS_getcpu, cpu, node, NULL);
}

static long sys_getrandom(long buf, void *len, long flags, void *state, unsigned long size)
{
	return syscall(SYS_getrandom, buf, len, flags);
}

/* How to ask each function, and how to judge its answer. */
enum shape { CLOCK, RESOLUTION, DAY, SECONDS, CPU, RANDOM };

static const struct {
	const char *name;
	enum shape shape;
	vdso_fn syscall;
} functions[] = {
	{ "clock_gettime", CLOCK, sys_clock_gettime },
	{ "clock_getres", RESOLUTION, sys_clock_getres },
	{ "gettimeofday", DAY, sys_gettimeofday },
	{ "time", SECONDS, sys_time },
	{ "getcpu", CPU, sys_getcpu },
	{ "getrandom", RANDOM, sys_getrandom },
};

/* The answer as one number: nanoseconds, microseconds, seconds, a CPU, bytes. */
static long long ask(enum shape shape, vdso_fn fn, int clock)
{
	struct timespec ts = { 0 };
	struct timeval tv = { 0 };
	unsigned int cpu = 0;
	char bytes[8];
	int failed;	/* most of them return an int: the upper half is undefined */

	switch (shape) {
	case CLOCK:
	case RESOLUTION:
		failed = fn(clock, &ts, 0, NULL, 0);
		return failed ? -1 : ts.tv_sec * 1000000000LL + ts.tv_nsec;
	case DAY:
		failed = fn((long)&tv, NULL, 0, NULL, 0);
		return failed ? -1 : tv.tv_sec * 1000000LL + tv.tv_usec;
	case SECONDS:
		return fn(0, NULL, 0, NULL, 0);
	case CPU:
		failed = fn((long)&cpu, NULL, 0, NULL, 0);
		return failed ? -1 : (int)cpu;
	case RANDOM:
		return fn((long)bytes, (void *)sizeof(bytes), 0, NULL, 0);
	}
	return -1;
}

static double seconds(void)
{
	struct timespec ts;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC_RAW, &ts);
	return ts.tv_sec + ts.tv_nsec * 1e-9;
}

/* Nanoseconds per call, the best of a few short rounds. */
static double cost(enum shape shape, vdso_fn fn, int clock)
{
	double best = 1e9;
	int round, i;

	for (round = 0; round < ROUNDS; round++) {
		double start = seconds();

		for (i = 0; i < CALLS; i++)
			ask(shape, fn, clock);
		start = (seconds() - start) * 1e9 / CALLS;
		best = start < best ? start : best;
	}
	return best;
}

static bool is_right(enum shape shape, vdso_fn fn, vdso_fn by_syscall, int clock, char *answer)
{
	char bytes[8];
	/* opaque_len ~0UL asks how large a state must be; a stub has none */
	bool refuses = shape != RANDOM || fn((long)bytes, NULL, 0, bytes, ~0UL) == -ENOSYS;
	long long before = ask(shape, by_syscall, clock);
	long long now = ask(shape, fn, clock);
	long long after = ask(shape, by_syscall, clock);

	switch (shape) {
	case CLOCK:
		sprintf(answer, "%lld.%09lld", now / 1000000000, now % 1000000000);
		break;
	case DAY:
		sprintf(answer, "%lld.%06lld", now / 1000000, now % 1000000);
		break;
	case RANDOM:
		sprintf(answer, "%lld bytes", now);
		break;
	default:
		sprintf(answer, "%lld%s", now, shape == RESOLUTION ? " ns" : "");
	}
	return now >= 0 && before <= now && now <= after && refuses;
}

unsigned long probe_image(void)
{
	return getauxval(AT_SYSINFO_EHDR);
}

static long find(const void *data, size_t size, const char *symbol)
{
	struct vdso_remap_image image = VDSO_REMAP_INIT(image);
	unsigned int i;

	if (vdso_remap_parse(&image, data, size))
		return -1;
	for (i = 0; i < image.nr_entry_points; i++) {
		if (!strcmp(image.entry_points[i].name, symbol))
			return image.entry_points[i].off;
	}
	return -1;
}

/* Offset of a function in the image that this process has; -1: not in it. */
long probe_find(unsigned long image, size_t size, const char *symbol)
{
	return find((void *)image, size, symbol);
}

/* The same in a file: the parked vDSO's own header lies under the mark. */
long probe_runtime_find(const char *path, const char *symbol)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	long off = -1;
	struct stat st;

	if (fd < 0)
		return -1;
	if (!fstat(fd, &st)) {
		void *data = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

		if (data != MAP_FAILED) {
			off = find(data, st.st_size, symbol);
			munmap(data, st.st_size);
		}
	}
	close(fd);
	return off;
}

void probe_call(const char *name, int clock, unsigned long proxy, unsigned long direct,
		struct result *result)
{
	cpu_set_t one;
	size_t i;

	/* so that getcpu has one right answer */
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);

	for (i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		enum shape shape = functions[i].shape;
		vdso_fn by_syscall = functions[i].syscall;

		if (strcmp(functions[i].name, name))
			continue;
		result->right = is_right(shape, (vdso_fn)proxy, by_syscall, clock, result->answer);
		result->proxy = cost(shape, (vdso_fn)proxy, clock);
		result->direct = direct ? cost(shape, (vdso_fn)direct, clock) : -1;
		result->syscall = cost(shape, by_syscall, clock);
	}
}
