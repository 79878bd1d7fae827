// SPDX-License-Identifier: GPL-2.0
/* Where the tests' image vDSOs come from, and what is right of them. */
#include "image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

static void *die(const char *what, const char *name)
{
	t_note("%s %s: %s", what, name, strerror(errno));
	exit(1);
}

static void *xmalloc(size_t size)
{
	void *bytes = malloc(size);

	return bytes ?: die("no memory for", "an image");
}

static int is_image(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && !strcmp(dot, ".vdso");
}

const void *t_image_read(enum t_image_kind kind, size_t *size)
{
	const char *dir = getenv("VDSO_IMAGES");
	struct dirent **names;
	char path[4096];
	struct stat st;
	void *bytes;
	int nr, fd;

	if (kind == T_IMAGE_OWN)
		return t_vdso_image(size);
	if (!dir)
		return NULL;

	nr = scandir(dir, &names, is_image, versionsort);
	if (nr < 2)
		return die("no images of two other kernels in", dir);
	snprintf(path, sizeof(path), "%s/%s", dir,
		 names[kind == T_IMAGE_OLDEST ? 0 : nr - 1]->d_name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return die("cannot open", path);
	bytes = xmalloc(st.st_size);
	if (!st.st_size || read(fd, bytes, st.st_size) != st.st_size)
		return die("cannot read", path);
	close(fd);
	*size = st.st_size;
	return bytes;
}

void *t_image_build(size_t size)
{
	uint8_t *bytes = xmalloc(size);

	memset(bytes, 0xcc, size);
	for (uint32_t slot = 0; slot < size / T_SLOT_SIZE; slot++) {
		uint8_t *at = bytes + slot * T_SLOT_SIZE;

		at[0] = 0xb8;	/* mov $slot, %eax */
		memcpy(at + 1, &slot, 4);
		at[5] = 0xc3;	/* ret */
	}
	return bytes;
}

bool t_image_map(struct t_image *image, uint64_t addr, const void *bytes, size_t size)
{
	void *mem = mmap((void *)addr, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (mem != (void *)addr)
		return false;
	memcpy(mem, bytes, size);
	*image = (struct t_image){
		.addr = mem,
		.size = size,
		.pristine = memcpy(xmalloc(size), bytes, size),
		.expected = memcpy(xmalloc(size), bytes, size),
		.now = xmalloc(size),
	};
	return !mprotect(mem, size, PROT_READ | PROT_EXEC);
}

void t_image_snapshot(const struct t_image *image, uint8_t *bytes)
{
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);

	for (size_t off = 0; off < image->size; off += T_PAGE) {
		if (pread(fd, bytes + off, T_PAGE, (uint64_t)image->addr + off) != T_PAGE)
			memset(bytes + off, 0xee, T_PAGE);
	}
	close(fd);
}

bool t_image_is_expected(const struct t_image *image)
{
	size_t off = 0;

	t_image_snapshot(image, image->now);
	while (off < image->size && image->now[off] == image->expected[off])
		off++;
	if (off < image->size)
		t_note("image byte %#zx is %02x, not %02x", off, image->now[off],
		       image->expected[off]);
	return off == image->size;
}

/* What is to stand at a site, written down a second time; returns its length. */
static size_t expect_jump(uint8_t *at, uint64_t site, uint64_t target)
{
	int64_t dist = target - (site + 5);

	if (dist >= INT32_MIN && dist <= INT32_MAX) {
		at[0] = 0xe9;			/* jmp target */
		memcpy(at + 1, &dist, 4);
		return 5;
	}
	memcpy(at, "\x49\xbb", 2);		/* movabs $target, %r11 */
	memcpy(at + 2, &target, 8);
	memcpy(at + 10, "\x41\xff\xe3", 3);	/* jmp *%r11 */
	return 13;
}

static size_t expect_stub(uint8_t *at, uint32_t stub)
{
	static const uint32_t nr[] = {
		[VDSO_REMAP_STUB_CLOCK_GETTIME] = SYS_clock_gettime,
		[VDSO_REMAP_STUB_CLOCK_GETRES] = SYS_clock_getres,
		[VDSO_REMAP_STUB_GETTIMEOFDAY] = SYS_gettimeofday,
		[VDSO_REMAP_STUB_TIME] = SYS_time,
		[VDSO_REMAP_STUB_GETCPU] = SYS_getcpu,
		[VDSO_REMAP_STUB_GETRANDOM] = SYS_getrandom,
	};
	uint8_t *to = at;

	if (stub == VDSO_REMAP_STUB_GETRANDOM) {
		/* push $-38; pop %rax; inc %r8; jz to the ret */
		memcpy(to, "\x6a\xda\x58\x49\xff\xc0\x74\x07", 8);
		to += 8;
	}
	*to++ = 0xb8;				/* mov $nr, %eax */
	memcpy(to, &nr[stub], 4);
	memcpy(to + 4, "\x0f\x05\xc3", 3);	/* syscall; ret */
	return to + 7 - at;
}

void t_image_expect(struct t_image *image, const struct vdso_remap_site *sites,
		    unsigned int nr, uint64_t text)
{
	for (unsigned int i = 0; i < nr; i++) {
		uint64_t site = (uint64_t)image->addr + sites[i].off;
		uint8_t *at = image->expected + sites[i].off;

		if (!memcmp(at, "\xf3\x0f\x1e\xfa", 4)) {	/* endbr64 */
			site += 4;
			at += 4;
		}
		if (sites[i].kind == VDSO_REMAP_SITE_JUMP)
			expect_jump(at, site, text + sites[i].target);
		else
			expect_stub(at, sites[i].target);
	}
}

long t_raw(long nr, long a, long b, long c)
{
	long ret = syscall(nr, a, b, c);

	return ret == -1 ? -errno : ret;
}

static bool ts_le(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec <= b->tv_nsec);
}

static bool right_clock_gettime(const void *fn)
{
	long (*gettime)(clockid_t id, struct timespec *ts) = fn;
	/* CPU clocks of the own process and thread, and two that there never were */
	static const clockid_t ids[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, -1, 10, 99 };

	for (unsigned int i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct timespec before = { 0 }, ts = { .tv_nsec = -1 }, after = { 0 };
		long want = t_raw(SYS_clock_gettime, ids[i], (long)&before, 0);
		long ret = gettime(ids[i], &ts);

		t_raw(SYS_clock_gettime, ids[i], (long)&after, 0);
		if (ret == want && (ret || (ts.tv_nsec >= 0 && ts_le(&before, &ts) &&
					    ts_le(&ts, &after))))
			continue;
		t_note("clock_gettime(%d): %ld (want %ld), %ld.%09ld not in %ld.%09ld..%ld.%09ld",
		       ids[i], ret, want, ts.tv_sec, ts.tv_nsec, before.tv_sec, before.tv_nsec,
		       after.tv_sec, after.tv_nsec);
		return false;
	}
	return true;
}

static bool right_clock_getres(const void *fn)
{
	long (*getres)(clockid_t id, struct timespec *ts) = fn;

	for (clockid_t id = -1; id < 20; id++) {
		struct timespec want = { 0 }, ts = { 0 };
		long want_ret = t_raw(SYS_clock_getres, id, (long)&want, 0);
		long ret = getres(id, &ts);

		if (ret == want_ret && getres(id, NULL) == want_ret &&
		    !memcmp(&ts, &want, sizeof(ts)))
			continue;
		t_note("clock_getres(%d): %ld (want %ld), %ld.%09ld (want %ld.%09ld)", id, ret,
		       want_ret, ts.tv_sec, ts.tv_nsec, want.tv_sec, want.tv_nsec);
		return false;
	}
	return true;
}

static bool right_gettimeofday(const void *fn)
{
	long (*get)(struct timeval *tv, struct timezone *tz) = fn;
	struct timeval before, tv = { 0 }, after;
	struct timezone want, tz = { -1, -1 };
	long ret;

	t_raw(SYS_gettimeofday, (long)&before, (long)&want, 0);
	ret = get(&tv, &tz);
	t_raw(SYS_gettimeofday, (long)&after, 0, 0);
	if (!ret && !timercmp(&tv, &before, <) && !timercmp(&tv, &after, >) &&
	    !memcmp(&tz, &want, sizeof(tz)) && !get(&tv, NULL) && !get(NULL, &tz))
		return true;
	t_note("gettimeofday: %ld, %ld.%06ld not in %ld.%06ld..%ld.%06ld", ret, tv.tv_sec,
	       tv.tv_usec, before.tv_sec, before.tv_usec, after.tv_sec, after.tv_usec);
	return false;
}

static bool right_time(const void *fn)
{
	time_t (*get)(time_t *t) = fn;
	time_t before, t = 0, ret;
	struct timespec after;

	before = t_raw(SYS_time, 0, 0, 0);
	ret = get(&t);
	/* The time call may lag behind the vDSO, this one waits for the update. */
	t_raw(SYS_clock_gettime, CLOCK_REALTIME, (long)&after, 0);
	if (ret == t && ret >= before && ret <= after.tv_sec && get(NULL) >= ret)
		return true;
	t_note("time: %ld, %ld not in %ld..%ld", ret, t, before, after.tv_sec);
	return false;
}

/* On one CPU, since else any answer could be true. */
static bool right_getcpu(const void *fn)
{
	long (*get)(unsigned int *cpu, unsigned int *node, void *unused) = fn;
	unsigned int cpu = -1, node = -1, want_cpu, want_node;
	cpu_set_t all, one;
	long ret;

	sched_getaffinity(0, sizeof(all), &all);
	t_raw(SYS_getcpu, (long)&want_cpu, 0, 0);
	CPU_ZERO(&one);
	CPU_SET(want_cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
	t_raw(SYS_getcpu, (long)&want_cpu, (long)&want_node, 0);
	ret = get(&cpu, &node, NULL);
	sched_setaffinity(0, sizeof(all), &all);

	if (!ret && cpu == want_cpu && node == want_node && !get(NULL, NULL, NULL))
		return true;
	t_note("getcpu: %ld, cpu %u (want %u), node %u (want %u)", ret, cpu, want_cpu, node,
	       want_node);
	return false;
}

/* A proxy's: without state behind it. */
static bool right_getrandom(const void *fn)
{
	long (*get)(void *buf, size_t len, unsigned int flags, void *state, size_t state_len) = fn;
	uint8_t a[64] = { 0 }, b[64] = { 0 }, params[64] = { 0 };
	long query = get(NULL, 0, 0, params, ~0UL);

	if (query == -ENOSYS && get(a, 64, 0, NULL, 0) == 64 && get(b, 64, 0, params, 64) == 64 &&
	    memcmp(a, b, 64) && get(a, 64, 0x80, NULL, 0) == -EINVAL && !get(a, 0, 0, NULL, 0))
		return true;
	t_note("getrandom: wrong, its parameter query says %ld", query);
	return false;
}

static const struct {
	const char *name;
	bool (*right)(const void *fn);
} checks[] = {
	{ "__vdso_clock_gettime", right_clock_gettime },
	{ "__vdso_clock_getres", right_clock_getres },
	{ "__vdso_gettimeofday", right_gettimeofday },
	{ "__vdso_time", right_time },
	{ "__vdso_getcpu", right_getcpu },
	{ "__vdso_getrandom", right_getrandom },
};

int t_image_call(const struct vdso_remap_image *parsed, const uint8_t *addr)
{
	int called = 0;

	for (unsigned int i = 0; i < parsed->nr_entry_points; i++) {
		for (unsigned int j = 0; j < sizeof(checks) / sizeof(checks[0]); j++) {
			if (strcmp(parsed->entry_points[i].name, checks[j].name))
				continue;
			if (!checks[j].right(addr + parsed->entry_points[i].off))
				return -1;
			called++;
		}
	}
	return called;
}
