// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that are calling through a proxy while it is installed again and
 * again: none crashes, none is told a wrong time, none sees half of a site.
 *
 * VDSO_REMAP_INSTALLS in the environment is the number of installs (2000).
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include "arch/test.h"
#include "lib/device.h"
#include "lib/image.h"
#include "lib/note.h"
#include "lib/vdso.h"
#include "lib/vdso_calls.h"

#define NR_THREADS	8
#define TEXT_ADDR	(T_IMAGE_ADDR + 0x100000)	/* of the group, when parked */

/* Where the functions of an image are; NULL: it lacks one. */
struct functions {
	long (*clock_gettime)(clockid_t id, struct timespec *ts);
	long (*clock_getres)(clockid_t id, struct timespec *ts);
	long (*gettimeofday)(struct timeval *tv, struct timezone *tz);
	time_t (*time)(time_t *t);
	long (*getcpu)(unsigned int *cpu, unsigned int *node, void *unused);
	long (*getrandom)(void *buf, size_t len, unsigned int flags, void *state, size_t state_len);
};

struct worker {
	pthread_t thread;
	pid_t tid;
	const struct functions *functions;	/* of both images */
	uint64_t rounds;
	const char *wrong;
};

static bool stop;

static int64_t now(clockid_t id)
{
	struct timespec ts;

	t_raw(SYS_clock_gettime, id, (long)&ts, 0);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static bool is_between(int64_t before, int64_t answer, int64_t after)
{
	return before <= answer && answer <= after;
}

/* Calls each function once: which of them was wrong, or NULL. */
static const char *call_all(const struct functions *fn)
{
	uint64_t random[2] = { 0 };
	struct timespec ts, res;
	struct timeval tv;
	unsigned int cpu;
	int64_t before;
	time_t t;

	before = now(CLOCK_MONOTONIC);
	if (fn->clock_gettime(CLOCK_MONOTONIC, &ts) ||
	    !is_between(before, ts.tv_sec * 1000000000LL + ts.tv_nsec, now(CLOCK_MONOTONIC)))
		return "clock_gettime";

	before = now(CLOCK_REALTIME);
	if (fn->gettimeofday(&tv, NULL) ||
	    !is_between(before / 1000, tv.tv_sec * 1000000LL + tv.tv_usec,
			now(CLOCK_REALTIME) / 1000))
		return "gettimeofday";

	before = t_raw_time();
	if (fn->time && (fn->time(&t) != t ||
			 !is_between(before, t, now(CLOCK_REALTIME) / 1000000000)))
		return "time";

	if (fn->clock_getres(CLOCK_MONOTONIC, &res) || res.tv_sec || res.tv_nsec != 1)
		return "clock_getres";
	if (fn->getcpu && (fn->getcpu(&cpu, NULL, NULL) || cpu >= CPU_SETSIZE))
		return "getcpu";
	if (fn->getrandom && (fn->getrandom(random, sizeof(random), 0, NULL, 0) !=
			      sizeof(random) || random[0] == random[1]))
		return "getrandom";
	return NULL;
}

static void *work(void *arg)
{
	struct worker *worker = arg;

	worker->tid = gettid();
	while (!worker->wrong && !__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		for (unsigned int i = 0; i < 16 && !worker->wrong; i++, worker->rounds++)
			worker->wrong = call_all(&worker->functions[i % 2]);
		/*
		 * Who waits for a processor waits here and not, as stubs take
		 * long, inside a site: that would be all of the time.
		 */
		sched_yield();
	}
	return NULL;
}

static struct worker *find_worker(struct worker *workers, pid_t tid)
{
	for (unsigned int i = 0; i < NR_THREADS; i++) {
		if (workers[i].tid == tid)
			return &workers[i];
	}
	return NULL;
}

static unsigned int nr_installs(void)
{
	const char *installs = getenv("VDSO_REMAP_INSTALLS");

	return installs ? strtoul(installs, NULL, 0) : 2000;
}

FIXTURE(threads)
{
	int fd;
	struct t_image images[2];	/* near to the group, and far from it */
	struct functions functions[2];
	struct vdso_remap_plan plan;
	struct vdso_remap_site stubs[VDSO_REMAP_MAX_ENTRY_POINTS];
	struct worker workers[NR_THREADS];
};

T_IMAGE_VARIANTS(threads);

static const void *at(const struct t_image *image, const void *bytes, size_t size, const char *name)
{
	uint32_t off = t_entry_point_of(bytes, size, name);

	return off ? image->addr + off : NULL;
}

/* A proxy with these sites; with addr, the group is parked there. */
static int install(FIXTURE_DATA(threads) *self, struct t_image *image,
		   const struct vdso_remap_site *sites, uint64_t addr, pid_t *busy_tid)
{
	struct vdso_remap_proxy req = {
		.size = sizeof(req),
		.flags = addr ? VDSO_REMAP_PROXY_PARK : 0,
		.nr_sites = self->plan.nr_sites,
		.sites = (uintptr_t)sites,
		.image = (uintptr_t)image->addr,
		.image_size = image->size,
		.addr = addr,
	};
	int ret = ioctl(self->fd, VDSO_REMAP_PROXY, &req);

	*busy_tid = req.busy_tid;
	return ret ? -errno : 0;
}

static void set_up_image(struct __test_metadata *_metadata, FIXTURE_DATA(threads) *self,
			 unsigned int which, const void *bytes, size_t size)
{
	struct t_image *image = &self->images[which];
	pid_t tid;

	ASSERT_TRUE(t_image_map(image, T_IMAGE_ADDR + which * T_FAR, bytes, size));
	self->functions[which] = (struct functions){
		.clock_gettime = at(image, bytes, size, T_VDSO "clock_gettime"),
		.clock_getres = at(image, bytes, size, T_VDSO "clock_getres"),
		.gettimeofday = at(image, bytes, size, T_VDSO "gettimeofday"),
		.time = at(image, bytes, size, T_VDSO "time"),
		.getcpu = at(image, bytes, size, T_VDSO "getcpu"),
		.getrandom = at(image, bytes, size, T_VDSO "getrandom"),
	};
	ASSERT_EQ(0, install(self, image, self->stubs, which ? 0 : TEXT_ADDR, &tid));
	t_image_expect(image, self->stubs, self->plan.nr_sites, TEXT_ADDR);
}

/* The same site with the system call instead of a jump, if there is one. */
static struct vdso_remap_site as_stub(const struct vdso_remap_site *site,
				      const struct vdso_remap_image *parsed)
{
	static const char *const names[] = {
		[VDSO_REMAP_STUB_CLOCK_GETTIME] = T_VDSO "clock_gettime",
		[VDSO_REMAP_STUB_CLOCK_GETRES] = T_VDSO "clock_getres",
		[VDSO_REMAP_STUB_GETTIMEOFDAY] = T_VDSO "gettimeofday",
		[VDSO_REMAP_STUB_TIME] = T_VDSO "time",
		[VDSO_REMAP_STUB_GETCPU] = T_VDSO "getcpu",
		[VDSO_REMAP_STUB_GETRANDOM] = T_VDSO "getrandom",
	};
	struct vdso_remap_site as = *site;

	for (uint32_t stub = 1; stub < ARRAY_SIZE(names); stub++) {
		if (t_entry_point_of(parsed->text, parsed->text_size, names[stub]) != site->off)
			continue;
		as.kind = VDSO_REMAP_SITE_STUB;
		as.target = stub;
	}
	return as;
}

FIXTURE_SETUP(threads)
{
	struct vdso_remap_image parsed, runtime;
	const void *bytes, *own;
	size_t size, own_size;

	bytes = t_image_read(variant->image, &size);
	self->fd = open(T_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	own = t_vdso_image(&own_size);
	ASSERT_EQ(0, t_parse(&parsed, bytes, size));
	ASSERT_EQ(0, t_parse(&runtime, own, own_size));
	ASSERT_EQ(0, t_make_plan(&self->plan, &parsed, &runtime, VDSO_REMAP_FORCE_PROXY));

	for (unsigned int i = 0; i < self->plan.nr_sites; i++)
		self->stubs[i] = as_stub(&self->plan.sites[i], &parsed);
	set_up_image(_metadata, self, 0, bytes, size);
	set_up_image(_metadata, self, 1, bytes, size);
	for (unsigned int i = 0; i < NR_THREADS; i++) {
		self->workers[i].functions = self->functions;
		ASSERT_EQ(0, pthread_create(&self->workers[i].thread, NULL, work,
					    &self->workers[i]));
	}
}

FIXTURE_TEARDOWN(threads)
{
}

TEST_F_TIMEOUT(threads, see_none_or_all_of_the_sites, 300)
{
	unsigned int busy = 0, installs = nr_installs();
	uint64_t rounds = 0;
	pid_t tid;
	int ret;

	ASSERT_NE(0, installs);
	for (unsigned int i = 0; i < installs; i++) {
		const struct vdso_remap_site *sites = i & 2 ? self->stubs : self->plan.sites;
		struct t_image *image = &self->images[i & 1];

		while ((ret = install(self, image, sites, 0, &tid)) == -EBUSY) {
			ASSERT_NE(NULL, find_worker(self->workers, tid));
			busy++;
			sched_yield();
		}
		ASSERT_EQ(0, ret);
		t_image_expect(image, sites, self->plan.nr_sites, TEXT_ADDR);
		ASSERT_EQ(0, memcmp(image->addr, image->expected, image->size));
	}

	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < NR_THREADS; i++) {
		struct worker *worker = &self->workers[i];

		ASSERT_EQ(0, pthread_join(worker->thread, NULL));
		EXPECT_EQ(NULL, worker->wrong)
			TH_LOG("thread %u was told wrong by %s", i, worker->wrong);
		EXPECT_NE(0, worker->rounds);
		rounds += worker->rounds;
	}
	t_note("%u installs, %u times busy, %llu rounds of calls", installs, busy,
	       (unsigned long long)rounds);
}

TEST_HARNESS_MAIN
