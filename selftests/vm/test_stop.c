// SPDX-License-Identifier: GPL-2.0
/*
 * When PROXY stops all CPUs, and which threads it finds then: it stops no CPU if no
 * other thread can run, and it misses no thread that shares the memory.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
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
#include "lib/device.h"
#include "lib/image.h"
#include "lib/memory.h"
#include "lib/note.h"
#include "lib/task.h"
#include "lib/vdso.h"
#include "lib/vdso_calls.h"
#include "slow_mapping.h"

#define IMAGE_SIZE	(2 * T_PAGE)
#define SLOT(n)		((n) * T_SLOT_SIZE)
#define NR_SITES	2
#define NR_THREADS	4
#define SPIN_SLOT	5	/* has T_SPIN */

/*
 * sites: both are for T_FUNCTION; by turns one is a jump and the other one a stub
 * req: to install them; valid
 */
FIXTURE(stop)
{
	int fd;
	struct t_slow slow;
	struct t_image image;
	struct vdso_remap_site sites[NR_SITES + 1];
	struct vdso_remap_proxy req;
};

FIXTURE_SETUP(stop)
{
	uint8_t *bytes = t_image_build(IMAGE_SIZE);

	self->fd = t_open();
	memcpy(bytes + SLOT(SPIN_SLOT), T_SPIN, T_SPIN_SIZE);
	ASSERT_TRUE(t_image_map(&self->image, T_IMAGE_ADDR, bytes, IMAGE_SIZE));
	self->sites[0].off = SLOT(1);
	self->sites[1].off = SLOT(3);
	for (unsigned int i = 0; i < NR_SITES; i++)
		self->sites[i].room = T_SLOT_SIZE;
	self->req = (struct vdso_remap_proxy){
		.size = sizeof(self->req),
		.nr_sites = NR_SITES,
		.sites = (uintptr_t)self->sites,
		.image = T_IMAGE_ADDR,
		.image_size = IMAGE_SIZE,
	};
	ASSERT_TRUE(t_slow_start(&self->slow));
}

FIXTURE_TEARDOWN(stop)
{
	t_slow_end(&self->slow);
}

/* The nth of a series, each of which changes the bytes of both sites; -errno. */
static int install(FIXTURE_DATA(stop) *self, unsigned int nth)
{
	for (unsigned int i = 0; i < NR_SITES; i++) {
		bool jump = (nth + i) % 2;

		self->sites[i].kind = jump ? VDSO_REMAP_SITE_JUMP : VDSO_REMAP_SITE_STUB;
		self->sites[i].target = jump ? t_entry_point(T_FUNCTION) : T_FUNCTION_STUB;
	}
	return t_ioctl(self->fd, VDSO_REMAP_PROXY, &self->req);
}

/* Stopped CPUs: each runs its kernel thread "migration/N" once for that. */

#define NR_INSTALLS	20
#define MAX_CPUS	16

static pid_t stoppers[MAX_CPUS];
static unsigned int nr_stoppers;

/* One line of a file below /proc, beginning with this. */
static bool read_line(const char *pid, const char *name, const char *begin, char *line, int size)
{
	char path[300];
	FILE *file;
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%s/%s", pid, name);
	file = fopen(path, "re");
	while (file && !found && fgets(line, size, file))
		found = !strncmp(line, begin, strlen(begin));
	if (file)
		fclose(file);
	return found;
}

static bool find_stoppers(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char line[64];

	nr_stoppers = 0;
	while (proc && (entry = readdir(proc)) && nr_stoppers < MAX_CPUS) {
		if (isdigit(entry->d_name[0]) &&
		    read_line(entry->d_name, "comm", "migration/", line, sizeof(line)))
			stoppers[nr_stoppers++] = atoi(entry->d_name);
	}
	if (proc)
		closedir(proc);
	return nr_stoppers;
}

/* How often they have run, all together. */
static unsigned long count_runs(void)
{
	const char *name = "voluntary_ctxt_switches:";
	unsigned long runs = 0;
	char pid[12], line[64];

	for (unsigned int i = 0; i < nr_stoppers; i++) {
		snprintf(pid, sizeof(pid), "%d", stoppers[i]);
		if (read_line(pid, "status", name, line, sizeof(line)))
			runs += strtoul(line + strlen(name), NULL, 10);
	}
	return runs;
}

/* All are installed; how often did a CPU stop for that? */
static unsigned long stops_for_installs(struct __test_metadata *_metadata,
					FIXTURE_DATA(stop) *self, pid_t pid)
{
	unsigned long before, stops;

	ASSERT_TRUE(find_stoppers());
	self->req.pid = pid;
	before = count_runs();
	for (unsigned int i = 0; i < NR_INSTALLS; i++)
		ASSERT_EQ(0, install(self, i));
	stops = count_runs() - before;
	t_note("%u installs, %lu stops on %u CPUs", NR_INSTALLS, stops, nr_stoppers);
	return stops;
}

/* The scheduler stops a CPU now and then as well, to take a thread from it. */
#define EXPECT_NO_STOPS(pid) \
	EXPECT_GT(NR_INSTALLS / 2, stops_for_installs(_metadata, self, pid))
#define EXPECT_STOPS(pid) \
	EXPECT_LE(NR_INSTALLS * nr_stoppers, stops_for_installs(_metadata, self, pid))

static void *spin(void *arg)
{
	unsigned int *turns = arg;

	for (;;)
		__atomic_fetch_add(turns, 1, __ATOMIC_RELAXED);
	return NULL;
}

/* In a child: tid of one more thread that runs. */
static void *spin_with_tid(void *tid)
{
	static unsigned int turns;

	__atomic_store_n((pid_t *)tid, gettid(), __ATOMIC_RELEASE);
	return spin(&turns);
}

static long add_thread(uint64_t arg)
{
	static pid_t tid;
	pthread_t thread;

	__atomic_store_n(&tid, 0, __ATOMIC_RELAXED);
	if (pthread_create(&thread, NULL, spin_with_tid, &tid))
		return -1;
	while (!__atomic_load_n(&tid, __ATOMIC_ACQUIRE))
		sched_yield();
	return tid;
}

static int sleep_for_ever(void *arg)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
	return arg ? 1 : 0;
}

static long add_process(uint64_t arg)
{
	return t_spawn_sharing_mm(0, sleep_for_ever, NULL);
}

/* A child with two more threads and a process that shares its memory; all but nr of them stop. */
static void start_and_stop(struct __test_metadata *_metadata, struct t_child *child,
			   unsigned int nr_running)
{
	pid_t tids[3];

	ASSERT_TRUE(t_child_start(child));
	tids[0] = t_child_call(child, add_process, 0);
	tids[1] = t_child_call(child, add_thread, 0);
	tids[2] = t_child_call(child, add_thread, 0);
	ASSERT_TRUE(t_seize_and_stop(child->pid));
	for (unsigned int i = 0; i < ARRAY_SIZE(tids) - nr_running; i++) {
		ASSERT_LT(0, tids[i]);
		ASSERT_TRUE(t_seize_and_stop(tids[i]));
	}
}

/*
 * A process that reads of this memory and waits for the place where to put it: meanwhile
 * it holds a reference.
 */
static void start_reader(struct __test_metadata *_metadata, FIXTURE_DATA(stop) *self, pid_t pid)
{
	const uint64_t to = t_hole(T_SLOW_PAGES * T_PAGE);
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!t_slow_map(&self->slow, to))
			_exit(1);
		t_slow_hold_back(&self->slow);
		_exit(pread(fd, (void *)to, 1, T_IMAGE_ADDR) != 1);
	}
	close(fd);
	ASSERT_TRUE(t_slow_wait(&self->slow, 1));
}

TEST_F_TIMEOUT(stop, no_cpu_for_a_caller_that_is_alone, 120)
{
	EXPECT_NO_STOPS(0);
	start_reader(_metadata, self, getpid());
	EXPECT_NO_STOPS(0);
}

TEST_F_TIMEOUT(stop, no_cpu_if_the_caller_has_stopped_everybody, 120)
{
	struct t_child child;

	start_and_stop(_metadata, &child, 0);
	EXPECT_NO_STOPS(child.pid);
}

TEST_F_TIMEOUT(stop, no_cpu_if_the_caller_has_stopped_everybody_and_somebody_reads, 120)
{
	struct t_child child;

	start_and_stop(_metadata, &child, 0);
	start_reader(_metadata, self, child.pid);
	EXPECT_NO_STOPS(child.pid);
}

TEST_F_TIMEOUT(stop, every_cpu_if_one_thread_runs, 120)
{
	struct t_child child;

	start_and_stop(_metadata, &child, 1);
	EXPECT_STOPS(child.pid);
}

/* Whoever sent the signal can send SIGCONT at any time. */
TEST_F_TIMEOUT(stop, every_cpu_if_one_thread_is_stopped_by_a_signal_only, 120)
{
	struct t_child child;
	pid_t tid;
	int status;

	ASSERT_TRUE(t_child_start(&child));
	tid = t_child_call(&child, add_thread, 0);
	ASSERT_LT(0, tid);
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, child.pid, 0, 0));
	ASSERT_EQ(0, kill(child.pid, SIGSTOP));
	/* The thread that takes the signal goes on with it; or it stops with the other one. */
	do {
		ASSERT_EQ(child.pid, waitpid(child.pid, &status, __WALL));
		ASSERT_TRUE(WIFSTOPPED(status));
		if (status >> 16 != PTRACE_EVENT_STOP)
			ASSERT_EQ(0, ptrace(PTRACE_CONT, child.pid, 0, SIGSTOP));
	} while (status >> 16 != PTRACE_EVENT_STOP);
	ASSERT_TRUE(t_wait_for_task_state(tid, "T"));
	EXPECT_STOPS(child.pid);
}

/* Who shares the memory */

#define MAX_RECENT	64

/* Of the churn's processes the last ones. */
static struct {
	pid_t pid[MAX_RECENT];
	unsigned int nr;
} recent;

static pid_t callers[NR_THREADS];
static unsigned int nr_calls, nr_processes;
static bool stop, wrong;

/* Each site once; as in test_threads, which knows why it is so. */
static bool call_sites(void)
{
	for (unsigned int i = 0; i < NR_SITES; i++) {
		int (*site)(struct timeval *tv, struct timezone *tz);
		struct timespec after = { 0 };
		struct timeval now = { 0 };
		time_t before;

		site = (void *)(T_IMAGE_ADDR + (i ? SLOT(3) : SLOT(1)));
		before = t_raw_time();
		if (site(&now, NULL))
			return false;
		t_raw(SYS_clock_gettime, CLOCK_REALTIME, (long)&after, 0);
		if (now.tv_sec < before || now.tv_sec > after.tv_sec)
			return false;
	}
	return true;
}

static void *call_for_ever(void *tid)
{
	__atomic_store_n((pid_t *)tid, gettid(), __ATOMIC_RELEASE);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		if (!call_sites())
			__atomic_store_n(&wrong, true, __ATOMIC_RELAXED);
		__atomic_fetch_add(&nr_calls, 1, __ATOMIC_RELAXED);
		/* who waits for a processor does so here, not inside a site */
		sched_yield();
	}
	return NULL;
}

static int call_once(void *arg)
{
	unsigned int nr = __atomic_fetch_add(&recent.nr, 1, __ATOMIC_RELAXED);

	__atomic_store_n(&recent.pid[nr % MAX_RECENT], t_raw(SYS_getpid, 0, 0, 0),
			 __ATOMIC_RELEASE);
	return call_sites() ? 0 : 1;
}

/* Processes come and go. */
static void *churn(void *arg)
{
	for (unsigned int i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++) {
		pid_t pid = t_spawn_sharing_mm(i % 2 ? CLONE_VFORK : 0, call_once, NULL);
		int status;

		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			__atomic_store_n(&wrong, true, __ATOMIC_RELAXED);
		__atomic_fetch_add(&nr_processes, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static bool is_known(pid_t tid)
{
	for (unsigned int i = 0; i < NR_THREADS; i++) {
		if (callers[i] == tid)
			return true;
	}
	for (unsigned int i = 0; i < MAX_RECENT; i++) {
		if (__atomic_load_n(&recent.pid[i], __ATOMIC_ACQUIRE) == tid)
			return true;
	}
	return false;
}

/* Looks at the maps again and again; each time that takes a reference to the memory. */
static pid_t start_smaps_reader(void)
{
	pid_t pid = fork();
	static char buf[64 << 10];
	char path[32];

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(path, sizeof(path), "/proc/%d/smaps", getppid());
	for (;;) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		while (read(fd, buf, sizeof(buf)) > 0)
			;
		close(fd);
	}
}

TEST_F_TIMEOUT(stop, finds_everybody_while_processes_come_and_go, 240)
{
	unsigned int nr_busy = 0, nr_done = 0;
	pthread_t threads[NR_THREADS + 1];
	pid_t reader;

	ASSERT_EQ(0, install(self, 0));
	reader = start_smaps_reader();
	ASSERT_LT(0, reader);
	for (unsigned int i = 0; i < NR_THREADS; i++) {
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, call_for_ever, &callers[i]));
		while (!__atomic_load_n(&callers[i], __ATOMIC_ACQUIRE))
			sched_yield();
	}
	ASSERT_EQ(0, pthread_create(&threads[NR_THREADS], NULL, churn, NULL));

	for (unsigned int i = 1; nr_done < 300 || nr_processes < 100; i++) {
		int ret = install(self, i);

		if (ret) {
			ASSERT_EQ(-EBUSY, ret);
			ASSERT_TRUE(is_known(self->req.busy_tid))
				TH_LOG("%d is in nobody's way", self->req.busy_tid);
			nr_busy++;
		} else {
			nr_done++;
		}
		ASSERT_FALSE(__atomic_load_n(&wrong, __ATOMIC_RELAXED));
		sched_yield();
	}

	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i <= NR_THREADS; i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	EXPECT_FALSE(wrong);
	kill(reader, SIGKILL);
	t_note("%u installs, %u times busy, %u calls, %u processes", nr_done, nr_busy, nr_calls,
	       nr_processes);
}

static int spin_in_site(void *turns)
{
	void (*spin_slot)(int *turns);

	spin_slot = (void *)(T_IMAGE_ADDR + SLOT(SPIN_SLOT));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	spin_slot(turns);
	return 0;
}

/* Each of them is the newest process of all. */
TEST_F_TIMEOUT(stop, names_a_process_that_shares_the_memory_and_is_inside_a_site, 120)
{
	self->sites[NR_SITES] = (struct vdso_remap_site){
		SLOT(SPIN_SLOT), T_SLOT_SIZE, VDSO_REMAP_SITE_STUB, T_FUNCTION_STUB
	};
	self->req.nr_sites = NR_SITES + 1;
	start_reader(_metadata, self, getpid());
	for (unsigned int i = 0; i < 20; i++) {
		int turns = 0;
		pid_t pid = t_spawn_sharing_mm(0, spin_in_site, &turns);

		ASSERT_LT(0, pid);
		while (!__atomic_load_n(&turns, __ATOMIC_RELAXED))
			sched_yield();
		ASSERT_EQ(-EBUSY, install(self, i));
		EXPECT_EQ(pid, self->req.busy_tid);
		EXPECT_TRUE(t_image_is_expected(&self->image));
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	}
	ASSERT_EQ(0, install(self, 0));
}

TEST_HARNESS_MAIN
