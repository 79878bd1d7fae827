// SPDX-License-Identifier: GPL-2.0
/*
 * An x32 process and its own vDSO. Without a libc, which there is none of: test_x32
 * starts it. Its exit status is the number of the first claim that does not
 * hold, or 0.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>

#include <linux/vdso_remap.h>

#include "../x32.h"

#define PLACE		0x40000000U
#define IMAGE		0x50000000U
#define FAR		0xf0000000U	/* more than 2 GiB from IMAGE */
#define PROT_ALL	7

static int fd;

static int ask(unsigned long command, void *req)
{
	return sys(NR_ioctl, fd, command, (long)req, 0, 0);
}

static struct vdso_remap_info info;

static bool has_group_at(__u64 text)
{
	info.size = sizeof(info);
	return !ask(VDSO_REMAP_GET_INFO, &info) && info.machine == EM_X86_64 &&
	       info.state & VDSO_REMAP_STATE_PRESENT && info.vdso == text &&
	       info.areas[info.nr_areas - 1].start == text;
}

static bool tells_the_time(unsigned long text)
{
	int (*gettime)(int clock, struct x32_timespec *ts) = find(text, "__vdso_clock_gettime");
	struct x32_timespec ts[3];
	long long ns[3];
	int i;

	if (!gettime)
		return false;
	sys(NR_clock_gettime, CLOCK_MONOTONIC, (long)&ts[0], 0, 0, 0);
	if (gettime(CLOCK_MONOTONIC, &ts[1]))
		return false;
	sys(NR_clock_gettime, CLOCK_MONOTONIC, (long)&ts[2], 0, 0, 0);
	for (i = 0; i < 3; i++)
		ns[i] = ts[i].sec * 1000000000 + ts[i].nsec;
	return ns[0] <= ns[1] && ns[1] <= ns[2];
}

static bool tells_the_second(unsigned long text)
{
	long long (*time)(long long *second) = find(text, "__vdso_time");
	struct x32_timespec ts;

	if (!time)
		return false;
	sys(NR_clock_gettime, CLOCK_REALTIME, (long)&ts, 0, 0, 0);
	return time(NULL) - ts.sec <= 1;
}

/* Of this kernel's own vDSO, which is at PLACE, a copy. */
static bool put_image(void)
{
	const char *from = (void *)(unsigned long)PLACE;
	char *to = (void *)(unsigned long)IMAGE;
	unsigned long size = info.areas[info.nr_areas - 1].size;

	if (sys(NR_mmap, IMAGE, size, PROT_ALL,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1) != IMAGE)
		return false;
	while (size--)
		*to++ = *from++;
	return true;
}

/* A jump at one function, a stub at another. */
static int make_proxy(__u32 flags, __u64 addr)
{
	__u32 gettime = (unsigned long)find(IMAGE, "__vdso_clock_gettime") - IMAGE;
	__u32 time = (unsigned long)find(IMAGE, "__vdso_time") - IMAGE;
	const struct vdso_remap_site jump = {
		.off = gettime, .room = 16, .kind = VDSO_REMAP_SITE_JUMP, .target = gettime,
	};
	const struct vdso_remap_site stub = {
		.off = time, .room = 16, .kind = VDSO_REMAP_SITE_STUB,
		.target = VDSO_REMAP_STUB_TIME,
	};
	struct vdso_remap_site sites[2];
	struct vdso_remap_proxy proxy = {
		.size = sizeof(proxy),
		.flags = flags,
		.nr_sites = 2,
		.sites = (unsigned long)sites,
		.image = IMAGE,
		.image_size = info.areas[info.nr_areas - 1].size,
		.addr = addr,
	};

	sites[gettime > time] = jump;
	sites[gettime < time] = stub;
	return ask(VDSO_REMAP_PROXY, &proxy);
}

/* Behind a landing pad, if there is one. */
static bool stands_at_gettime(const char *bytes, int size)
{
	const char *code = find(IMAGE, "__vdso_clock_gettime");

	if (code[0] == '\xf3')
		code += 4;
	while (size && *code == *bytes) {
		code++;
		bytes++;
		size--;
	}
	return !size;
}

static int claim;

static void must(bool holds)
{
	claim++;
	if (!holds)
		sys(NR_exit, claim, 0, 0, 0, 0);
}

static void check(void)
{
	static struct vdso_remap_move move = { .size = sizeof(move) };
	static struct vdso_remap_map map = { .size = sizeof(map), .addr = PLACE };
	unsigned int i;

	fd = sys(NR_open, (long)"/dev/vdso_remap", O_RDWR, 0, 0, 0);
	must(fd >= 0);
	info.size = sizeof(info);
	must(!ask(VDSO_REMAP_GET_INFO, &info));
	must(has_group_at(info.vdso));						/* 3 */
	must(tells_the_time(info.vdso));

	move.addr = 1ULL << 32;
	must(ask(VDSO_REMAP_MOVE, &move) == -EINVAL);
	must(has_group_at(info.vdso));						/* 6 */
	move.addr = PLACE;
	must(!ask(VDSO_REMAP_MOVE, &move));
	must(has_group_at(PLACE));						/* 8 */
	must(tells_the_time(PLACE));

	for (i = 0; i < info.nr_areas; i++)
		sys(NR_munmap, info.areas[i].start, info.areas[i].size, 0, 0, 0);
	must(!ask(VDSO_REMAP_MAP, &map));					/* 10 */
	must(has_group_at(PLACE));
	must(tells_the_time(PLACE));

	must(put_image());							/* 13 */
	must(!make_proxy(0, 0));
	must(has_group_at(PLACE));
	must(stands_at_gettime("\xe9", 1));					/* 16 */
	must(tells_the_time(IMAGE));
	must(tells_the_second(IMAGE));
	must(!make_proxy(VDSO_REMAP_PROXY_PARK, FAR));				/* 19 */
	must(has_group_at(FAR));
	must(stands_at_gettime("\x41\xbb", 2));					/* 21 */
	must(tells_the_time(IMAGE));
	must(make_proxy(0, 1ULL << 32) == -EINVAL);
}

/* Inside the vDSO nearly all the time, for the tracer. */
static void spin(void)
{
	int (*gettime)(int clock, struct x32_timespec *ts);
	struct x32_timespec ts;

	fd = sys(NR_open, (long)"/dev/vdso_remap", O_RDWR, 0, 0, 0);
	info.size = sizeof(info);
	must(fd >= 0 && !ask(VDSO_REMAP_GET_INFO, &info));
	gettime = find(info.vdso, "__vdso_clock_gettime");
	must(gettime);
	for (;;)
		gettime(CLOCK_MONOTONIC, &ts);
}

void run(const int *argc);

void run(const int *argc)
{
	if (*argc > 1)
		spin();
	check();
	sys(NR_exit, 0, 0, 0, 0, 0);
}

START_BY_RUN;
