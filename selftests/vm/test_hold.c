// SPDX-License-Identifier: GPL-2.0
/*
 * What can still happen while a request waits: CPU hotplug and, if the request waits
 * for the process's own threads, the end of its caller.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include "arch/test.h"
#include "lib/child.h"
#include "lib/clock.h"
#include "lib/device.h"
#include "lib/image.h"
#include "lib/maps.h"
#include "lib/memory.h"
#include "lib/note.h"
#include "lib/task.h"
#include "lib/vdso.h"
#include "lib/vdso_calls.h"
#include "slow_mapping.h"

#define IMAGE_SIZE	(2 * T_PAGE)
#define SLOT(n)		((n) * T_SLOT_SIZE)
#define ONLINE		"/sys/devices/system/cpu/cpu1/online"

/* How long is waited for what must come, in milliseconds. */
#define PATIENCE	40000

/* Shared with all children. */
static struct shared {
	bool is_ready;			/* a child has made what the test needs */
	unsigned int nr_plugged;	/* how often a CPU has gone and come back */
	bool is_plugged_enough;
	bool may_begin;			/* the tracer */
	unsigned int readers;		/* how many threads may begin to read */
	pid_t reader_tid[2];
} *shared;

struct request {
	unsigned long command;
	union {
		struct vdso_remap_move move;
		struct vdso_remap_proxy proxy;
	};
};

/*
 * sites: of a built image
 * where: a group fits there, and the slow file below its text
 */
FIXTURE(hold)
{
	int fd;
	struct t_slow slow;
	struct t_image image;
	struct vdso_remap_site sites[2];
	uint64_t where;
};

FIXTURE_SETUP(hold)
{
	const struct vdso_remap_site sites[] = {
		{ SLOT(1), T_SLOT_SIZE, VDSO_REMAP_SITE_JUMP, t_entry_point(T_FUNCTION) },
		{ SLOT(3), T_SLOT_SIZE, VDSO_REMAP_SITE_STUB, T_FUNCTION_STUB },
	};

	self->fd = t_open();
	memcpy(self->sites, sites, sizeof(sites));
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	ASSERT_NE(MAP_FAILED, shared);
	ASSERT_TRUE(t_slow_start(&self->slow));
	ASSERT_TRUE(t_image_map(&self->image, T_IMAGE_ADDR, t_image_build(IMAGE_SIZE),
				IMAGE_SIZE));
	self->where = t_group_hole_with_room(T_SLOW_PAGES * T_PAGE);
}

FIXTURE_TEARDOWN(hold)
{
	t_slow_end(&self->slow);
}

/* A child that ends with the test. */
static pid_t fork_child(void)
{
	pid_t pid = fork();

	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static bool wait_until(const bool *what)
{
	for (unsigned int i = 0; i < PATIENCE; i++) {
		if (__atomic_load_n(what, __ATOMIC_ACQUIRE))
			return true;
		usleep(1000);
	}
	return false;
}

/* False if it has not ended in time; else also how. */
static bool ends(pid_t pid, int *status)
{
	for (unsigned int i = 0; i < PATIENCE; i++) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		usleep(1000);
	}
	return false;
}

static struct request request_of(const FIXTURE_DATA(hold) *self, unsigned long command)
{
	struct request request = { .command = command };

	if (command == VDSO_REMAP_MOVE)
		request.move = (struct vdso_remap_move){
			.size = sizeof(request.move),
			.flags = VDSO_REMAP_MOVE_REPLACE,
			.addr = self->where,
		};
	else
		request.proxy = (struct vdso_remap_proxy){
			.size = sizeof(request.proxy),
			.flags = VDSO_REMAP_PROXY_PARK | VDSO_REMAP_PROXY_REPLACE,
			.nr_sites = ARRAY_SIZE(self->sites),
			.sites = (uintptr_t)self->sites,
			.image = T_IMAGE_ADDR,
			.image_size = IMAGE_SIZE,
			.addr = self->where,
		};
	return request;
}

/* A request about a process that the caller has stopped, or about itself. */
static int make_request(const FIXTURE_DATA(hold) *self, struct request *request, pid_t pid)
{
	request->move.pid = pid;	/* at the same place in both, says uapi_layout.c */
	return t_ioctl(self->fd, request->command, &request->move);
}

/* The group went to where it was to go, and so do the sites. */
static bool is_moved(const FIXTURE_DATA(hold) *self, const struct request *request)
{
	static struct t_maps maps;
	int (*function)(struct timeval *tv, struct timezone *tz);
	struct timespec now = { 0 };
	struct timeval tv = { 0 };
	struct t_group group;

	if (!t_maps_read(&maps, 0) || !t_group_find(&group, &maps) || group.text != self->where ||
	    !t_time_between_syscalls(group.text))
		return false;
	if (request->command != VDSO_REMAP_PROXY)
		return true;
	function = (void *)(T_IMAGE_ADDR + SLOT(1));
	if (function(&tv, NULL))
		return false;
	t_raw(SYS_clock_gettime, CLOCK_REALTIME, (long)&now, 0);
	return tv.tv_sec > 1 && tv.tv_sec <= now.tv_sec;
}

/* CPU hotplug */

static bool set_online(const char *online)
{
	int fd = open(ONLINE, O_WRONLY | O_CLOEXEC);
	bool set = fd >= 0 && write(fd, online, 1) == 1;

	if (!set)
		t_note(ONLINE ": %s", strerror(errno));
	close(fd);
	return set;
}

/* Takes CPU 1 away and brings it back, until that is enough; exits with 0 if it went well. */
static pid_t plug_in_child(void)
{
	pid_t pid = fork_child();

	if (pid)
		return pid;
	do {
		bool off = set_online("0");

		if (!set_online("1") || !off)
			_exit(1);
		__atomic_fetch_add(&shared->nr_plugged, 1, __ATOMIC_RELAXED);
	} while (!__atomic_load_n(&shared->is_plugged_enough, __ATOMIC_RELAXED));
	_exit(0);
}

static int sleep_for_ever(void *arg)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
	return arg ? 1 : 0;
}

/* Nor is one who makes a request about itself alone in its memory. */
static void get_company(void)
{
	pid_t pid = t_spawn_sharing_mm(0, sleep_for_ever, NULL);
	int status;

	if (pid < 0 || !t_wait_for_task_state(pid, "S") || kill(pid, SIGSTOP) ||
	    waitpid(pid, &status, WUNTRACED) != pid)
		_exit(2);
}

/* A child with a page in the way that it has written to. */
static pid_t start_owner(struct __test_metadata *_metadata, FIXTURE_DATA(hold) *self,
			 struct request *request, bool by_itself)
{
	pid_t pid = fork_child();
	int ret;

	if (!pid) {
		uint64_t addr = self->where;

		if (by_itself)
			get_company();
		if (!t_slow_map(&self->slow, addr))
			_exit(2);
		*(volatile char *)addr = 1;
		t_slow_hold_back(&self->slow);
		__atomic_store_n(&shared->is_ready, true, __ATOMIC_RELEASE);
		if (!by_itself)
			sleep_for_ever(NULL);
		ret = make_request(self, request, 0);
		if (ret) {
			t_note("the request: %s", strerror(-ret));
			_exit(3);
		}
		_exit(is_moved(self, request) ? 0 : 4);
	}
	ASSERT_TRUE(wait_until(&shared->is_ready));
	return pid;
}

static pid_t start_tracer(const FIXTURE_DATA(hold) *self, struct request *request, pid_t owner)
{
	pid_t pid = fork_child();
	int ret;

	if (pid)
		return pid;
	if (!t_seize_and_stop(owner))
		_exit(2);
	ret = make_request(self, request, owner);
	if (ret)
		t_note("the request: %s", strerror(-ret));
	_exit(ret ? 3 : 0);
}

/* While the request waits for the slow file, CPUs come and go; then it succeeds. */
static void leaves_hotplug_alone(struct __test_metadata *_metadata, FIXTURE_DATA(hold) *self,
				 unsigned long command, bool by_itself)
{
	struct request request = request_of(self, command);
	pid_t owner, caller, plugger;
	bool plugged;
	int status;

	if (access(ONLINE, W_OK))
		SKIP(return, "no CPU of this kernel can be taken away");
	if (!t_slow_unmaps_slowly())
		SKIP(return, "under this kernel munmap() does not wait for a FUSE server");
	owner = start_owner(_metadata, self, &request, by_itself);
	caller = by_itself ? owner : start_tracer(self, &request, owner);
	ASSERT_TRUE(t_slow_wait(&self->slow, 1));

	shared->is_plugged_enough = true;	/* once */
	plugger = plug_in_child();
	plugged = ends(plugger, &status);
	EXPECT_TRUE(plugged) TH_LOG("CPU hotplug waits for the request");
	if (plugged)
		EXPECT_EQ(0, status);
	/* It has waited for all of that, and still does. */
	EXPECT_EQ(0, waitpid(caller, &status, WNOHANG));

	t_slow_answer_all(&self->slow);
	ASSERT_TRUE(ends(caller, &status));
	EXPECT_EQ(0, status);
	if (!plugged)
		ASSERT_TRUE(ends(plugger, &status));
}

TEST_F_TIMEOUT(hold, move_of_oneself_leaves_cpu_hotplug_alone, 180)
{
	leaves_hotplug_alone(_metadata, self, VDSO_REMAP_MOVE, true);
}

TEST_F_TIMEOUT(hold, move_of_another_leaves_cpu_hotplug_alone, 180)
{
	leaves_hotplug_alone(_metadata, self, VDSO_REMAP_MOVE, false);
}

TEST_F_TIMEOUT(hold, proxy_of_oneself_leaves_cpu_hotplug_alone, 180)
{
	leaves_hotplug_alone(_metadata, self, VDSO_REMAP_PROXY, true);
}

TEST_F_TIMEOUT(hold, proxy_of_another_leaves_cpu_hotplug_alone, 180)
{
	leaves_hotplug_alone(_metadata, self, VDSO_REMAP_PROXY, false);
}

static void *spin(void *turns)
{
	for (;;)
		__atomic_fetch_add((unsigned int *)turns, 1, __ATOMIC_RELAXED);
	return NULL;
}

/* Again and again while a CPU comes and goes; with places, the group goes there by turns. */
static void installs_meanwhile(struct __test_metadata *_metadata, FIXTURE_DATA(hold) *self,
			       const uint64_t *places)
{
	struct request request = request_of(self, VDSO_REMAP_PROXY);
	static struct t_maps maps;
	unsigned int installs = 0;
	struct t_group group;
	pid_t plugger;
	int status;

	request.proxy.flags = places ? VDSO_REMAP_PROXY_PARK : 0;
	request.proxy.addr = 0;
	plugger = plug_in_child();
	while (installs < 20 || __atomic_load_n(&shared->nr_plugged, __ATOMIC_RELAXED) < 10) {
		ASSERT_EQ(0, waitpid(plugger, &status, WNOHANG));
		/* jump and stub change places each time */
		for (unsigned int i = 0; i < ARRAY_SIZE(self->sites); i++) {
			bool jump = (installs + i) % 2;

			self->sites[i].kind = jump ? VDSO_REMAP_SITE_JUMP : VDSO_REMAP_SITE_STUB;
			self->sites[i].target = jump ? t_entry_point(T_FUNCTION) :
				T_FUNCTION_STUB;
		}
		if (places)
			request.proxy.addr = places[installs % 2];
		ASSERT_EQ(0, make_request(self, &request, 0));
		ASSERT_TRUE(t_maps_read(&maps, 0));
		ASSERT_TRUE(t_group_find(&group, &maps));
		if (places)
			ASSERT_EQ(request.proxy.addr, group.text);
		t_image_expect(&self->image, self->sites, ARRAY_SIZE(self->sites), group.text);
		ASSERT_TRUE(t_image_is_expected(&self->image));
		ASSERT_TRUE(t_time_between_syscalls(group.text));
		installs++;
	}
	__atomic_store_n(&shared->is_plugged_enough, true, __ATOMIC_RELAXED);
	ASSERT_EQ(plugger, waitpid(plugger, &status, 0));
	EXPECT_EQ(0, status);
	t_note("%u installs while a CPU went and came back %u times", installs,
	       shared->nr_plugged);
}

TEST_F_TIMEOUT(hold, proxy_succeeds_while_cpus_come_and_go, 240)
{
	unsigned int turns = 0;
	pthread_t thread;

	if (access(ONLINE, W_OK))
		SKIP(return, "no CPU of this kernel can be taken away");
	for (unsigned int i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&thread, NULL, spin, &turns));
	while (!__atomic_load_n(&turns, __ATOMIC_RELAXED))
		sched_yield();
	installs_meanwhile(_metadata, self, NULL);
}

/* It may have moved the group already when it finds that it has to start over. */
TEST_F_TIMEOUT(hold, proxy_parks_while_cpus_come_and_go, 240)
{
	const uint64_t places[] = { self->where, t_group_hole() };

	if (access(ONLINE, W_OK))
		SKIP(return, "no CPU of this kernel can be taken away");
	get_company();
	installs_meanwhile(_metadata, self, places);
}

/*
 * A tracee whose threads hold its memory's lock, one after the other: each reads a
 * page of the slow file as a debugger would, which keeps the lock until the page is
 * there. They are not stopped; its first thread is.
 */

static const FIXTURE_DATA(hold) *the_self;

static void *read_slowly(void *arg)
{
	unsigned int nr = (uintptr_t)arg;
	uint64_t addr = the_self->where + nr * T_PAGE;
	char byte;
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);

	shared->reader_tid[nr] = gettid();
	if (fd < 0)
		_exit(2);
	if (!nr)
		__atomic_store_n(&shared->is_ready, true, __ATOMIC_RELEASE);
	while (__atomic_load_n(&shared->readers, __ATOMIC_ACQUIRE) <= nr)
		sched_yield();
	if (pread(fd, &byte, 1, addr) != 1)
		_exit(3);
	sleep_for_ever(NULL);
	return NULL;
}

static pid_t start_tracee(struct __test_metadata *_metadata, const FIXTURE_DATA(hold) *self)
{
	pid_t pid = fork_child();
	pthread_t thread;

	if (!pid) {
		the_self = self;
		if (!t_slow_map(&self->slow, self->where))
			_exit(2);
		t_slow_hold_back(&self->slow);
		for (uintptr_t i = 2; i-- > 0;) {
			if (pthread_create(&thread, NULL, read_slowly, (void *)i))
				_exit(2);
		}
		sleep_for_ever(NULL);
	}
	while (!__atomic_load_n(&shared->reader_tid[1], __ATOMIC_RELAXED) ||
	       !__atomic_load_n(&shared->is_ready, __ATOMIC_ACQUIRE))
		sched_yield();
	return pid;
}

static void let_read(unsigned int nr)
{
	__atomic_store_n(&shared->readers, nr, __ATOMIC_RELEASE);
}

static pid_t start_idle_tracer(struct __test_metadata *_metadata, const FIXTURE_DATA(hold) *self,
			       struct request *request, pid_t tracee)
{
	pid_t pid = fork_child();

	if (!pid) {
		if (!t_seize_and_stop(tracee))
			_exit(2);
		__atomic_store_n(&shared->is_ready, true, __ATOMIC_RELEASE);
		while (!__atomic_load_n(&shared->may_begin, __ATOMIC_ACQUIRE))
			sched_yield();
		make_request(self, request, tracee);
		sleep_for_ever(NULL);
	}
	ASSERT_TRUE(wait_until(&shared->is_ready));
	return pid;
}

/*
 * The request waits for the lock, behind the first reader and before the second. Then
 * the first one is answered, the second one has the lock, and is never answered.
 */
static void tracer_can_be_killed(struct __test_metadata *_metadata, FIXTURE_DATA(hold) *self,
				 unsigned long command, bool first_is_answered)
{
	struct request request = request_of(self, command);
	pid_t tracee, tracer;
	int status;

	tracee = start_tracee(_metadata, self);
	shared->is_ready = false;
	tracer = start_idle_tracer(_metadata, self, &request, tracee);

	let_read(1);
	ASSERT_TRUE(t_slow_wait(&self->slow, 1));
	__atomic_store_n(&shared->may_begin, true, __ATOMIC_RELEASE);
	ASSERT_TRUE(t_wait_for_task_state(tracer, "D"));
	let_read(2);
	/* 5.10 lets a reader pass a writer that waits: then it waits for the server already. */
	ASSERT_TRUE(t_wait_for_task_state(shared->reader_tid[1], "DS"));
	if (first_is_answered) {
		t_slow_answer_one(&self->slow);
		ASSERT_TRUE(t_slow_wait(&self->slow, 2));
	}

	ASSERT_EQ(0, kill(tracer, SIGKILL));
	EXPECT_TRUE(ends(tracer, &status)) TH_LOG("the tracer can't be killed");
	kill(tracee, SIGKILL);
	t_slow_answer_all(&self->slow);
	EXPECT_TRUE(ends(tracee, &status));
}

TEST_F_TIMEOUT(hold, tracer_can_be_killed_while_the_first_thread_has_the_lock, 180)
{
	tracer_can_be_killed(_metadata, self, VDSO_REMAP_MOVE, false);
}

TEST_F_TIMEOUT(hold, tracer_that_moves_can_be_killed, 180)
{
	tracer_can_be_killed(_metadata, self, VDSO_REMAP_MOVE, true);
}

TEST_F_TIMEOUT(hold, tracer_that_proxies_can_be_killed, 180)
{
	tracer_can_be_killed(_metadata, self, VDSO_REMAP_PROXY, true);
}

TEST_HARNESS_MAIN
