// SPDX-License-Identifier: MIT
/*
 * What the library does with another process, which stands still: what it finds there, how it
 * makes an image a proxy without the module, and how it brings all threads out of the vDSO.
 * With the module, where it is loaded, too.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include <vdso_remap.h>

#include "arch/test.h"
#include "elf_image.h"
#include "lib/regs.h"
#include "lib/task.h"

#define PAGE		((unsigned long)sysconf(_SC_PAGESIZE))
#define DATA_SIZE	(8 * PAGE)
#define IMAGE_ADDR	0x20010000UL
#define DATA_ADDR	(IMAGE_ADDR - DATA_SIZE)
#define NR_THREADS	2

typedef int clock_gettime_fn(clockid_t clock, struct timespec *ts);

/* What parent and child share: the child writes it, but for @function. */
static volatile struct shared {
	clock_gettime_fn *function;
	unsigned long rounds[NR_THREADS];
	unsigned long wrong;
	pid_t tids[NR_THREADS];
} *shared;

FIXTURE(other)
{
	int fd;
	pid_t pid;
	struct vdso_remap_image own;
	struct vdso_remap_range runtime;
	uint64_t off;	/* of clock_gettime() */
	struct vdso_remap_restore_args args;
	struct vdso_remap_error error;
};

FIXTURE_VARIANT(other)
{
	bool has_module;
};

FIXTURE_VARIANT_ADD(other, without_the_module) { .has_module = false };
FIXTURE_VARIANT_ADD(other, with_the_module) { .has_module = true };

static int64_t ns(const struct timespec *ts)
{
	return ts->tv_sec * 1000000000LL + ts->tv_nsec;
}

static void *call_for_ever(void *arg)
{
	unsigned long nr = (uintptr_t)arg;
	bool steps_are_slow = getenv("STEPS_ARE_SLOW");
	struct timespec before, ts, after;

	shared->tids[nr] = syscall(SYS_gettid);
	for (;;) {
		syscall(SYS_clock_gettime, CLOCK_MONOTONIC_COARSE, &before);
		if (shared->function(CLOCK_MONOTONIC_COARSE, &ts))
			shared->wrong++;
		syscall(SYS_clock_gettime, CLOCK_MONOTONIC_COARSE, &after);
		if (ns(&ts) < ns(&before) || ns(&after) < ns(&ts))
			shared->wrong++;
		shared->rounds[nr]++;
		/* Slow steps never leave the vDSO: with this pause, threads are seldom in it. */
		if (steps_are_slow)
			usleep(10000);
	}
	return NULL;
}

/* The own vDSO's text, as a restore has put it there; and zeros. */
static bool map_image(const struct vdso_remap_image *image, int flags)
{
	void *data = mmap((void *)DATA_ADDR, DATA_SIZE, PROT_READ,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	void *text = mmap((void *)IMAGE_ADDR, image->text_size, PROT_READ | PROT_WRITE,
			  flags | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (data != (void *)DATA_ADDR || text != (void *)IMAGE_ADDR)
		return false;
	memcpy(text, image->text, image->text_size);
	return !mprotect(text, image->text_size, PROT_READ | PROT_EXEC);
}

static void run_child(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, call_for_ever, (void *)1UL))
		_exit(1);
	call_for_ever(NULL);
}

static bool interrupt(pid_t tid)
{
	int status;

	return !ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) &&
	       waitpid(tid, &status, __WALL) == tid && WIFSTOPPED(status);
}

static bool interrupt_all(void)
{
	int i;

	for (i = 0; i < NR_THREADS; i++)
		if (!interrupt(shared->tids[i]))
			return false;
	return true;
}

/* The threads go on until each has called ten times more. */
static bool go_on_well(clock_gettime_fn *function)
{
	unsigned long rounds[NR_THREADS];
	int i;

	shared->function = function;
	for (i = 0; i < NR_THREADS; i++)
		rounds[i] = shared->rounds[i];
	for (i = 0; i < NR_THREADS; i++)
		if (ptrace(PTRACE_CONT, shared->tids[i], NULL, NULL))
			return false;
	for (i = 0; i < NR_THREADS; i++)
		while (shared->rounds[i] < rounds[i] + 10)
			if (waitpid(shared->tids[i], NULL, __WALL | WNOHANG))
				return false;
	return interrupt_all() && !shared->wrong;
}

static struct vdso_remap_range range_of_runtime(void)
{
	struct vdso_remap_status status = VDSO_REMAP_INIT(status);

	vdso_remap_query(-1, 0, &status);
	return status.runtime;
}

static bool start_child(FIXTURE_DATA(other) *self, int flags)
{
	const pid_t parent = getpid();
	int i;

	self->pid = fork();
	if (!self->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent && map_image(&self->own, flags))
			run_child();
		_exit(1);
	}
	for (i = 0; i < NR_THREADS; i++) {
		while (!shared->rounds[i])
			if (waitpid(self->pid, NULL, WNOHANG))
				return false;
		if (ptrace(PTRACE_SEIZE, shared->tids[i], NULL, NULL))
			return false;
	}
	return interrupt_all();
}

/* The other thread first: until its tracer knows that it has ended, the process has not. */
static void end_child(FIXTURE_DATA(other) *self)
{
	if (self->pid <= 0)
		return;
	kill(self->pid, SIGKILL);
	waitpid(shared->tids[1], NULL, __WALL);
	waitpid(self->pid, NULL, __WALL);
}

FIXTURE_SETUP(other)
{
	const void *text = (const void *)getauxval(AT_SYSINFO_EHDR);
	uint32_t i;

	/* SKIP(return, ...) in a fixture's setup would go on to the test. */
	if (!text)
		SKIP(_exit(255), "this process has no vDSO");
	self->fd = variant->has_module ? vdso_remap_open() : -1;
	if (variant->has_module && self->fd < 0)
		SKIP(_exit(255), "the module is not loaded here");
	self->runtime = range_of_runtime();
	ASSERT_EQ((uintptr_t)text, self->runtime.start);
	ASSERT_EQ(0, parse(&self->own, text, self->runtime.end - self->runtime.start));
	for (i = 0; i < self->own.nr_entry_points; i++)
		if (!strcmp(self->own.entry_points[i].name, T_VDSO "clock_gettime"))
			self->off = self->own.entry_points[i].off;
	ASSERT_NE(0, self->off);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, shared);
	shared->function = (clock_gettime_fn *)(uintptr_t)(self->runtime.start + self->off);

	ASSERT_TRUE(start_child(self, MAP_PRIVATE));
	self->error.size = sizeof(self->error);
	self->args = (struct vdso_remap_restore_args){
		.size = sizeof(self->args),
		.flags = VDSO_REMAP_FORCE_PROXY,
		.fd = self->fd,
		.pid = self->pid,
		.image = IMAGE_ADDR,
		.image_size = self->own.text_size,
		.image_data = DATA_ADDR,
		.image_data_size = DATA_SIZE,
		.error = &self->error,
	};
}

FIXTURE_TEARDOWN(other)
{
	end_child(self);
}

static void evict(struct __test_metadata *_metadata, FIXTURE_DATA(other) *self, uint32_t flags,
		  struct vdso_remap_thread *threads, int nr_inside)
{
	struct vdso_remap_evict_args args = VDSO_REMAP_INIT(args, .nr_threads = NR_THREADS,
							    .threads = threads);
	struct vdso_remap_status status = VDSO_REMAP_INIT(status);
	int i;

	ASSERT_EQ(0, vdso_remap_query(self->fd, self->pid, &status));
	status.flags |= flags;
	if (flags)
		status.image = (struct vdso_remap_range){
			IMAGE_ADDR, IMAGE_ADDR + self->own.text_size
		};
	for (i = 0; i < NR_THREADS; i++)
		threads[i].tid = shared->tids[i];
	EXPECT_EQ(nr_inside, vdso_remap_evict_process(&status, &args));
}

static clock_gettime_fn *in_image(FIXTURE_DATA(other) *self)
{
	return (clock_gettime_fn *)(uintptr_t)(IMAGE_ADDR + self->off);
}

/* Its image is as it was put there, and nothing is marked. */
static bool is_untouched(FIXTURE_DATA(other) *self)
{
	const struct vdso_remap_range range = { IMAGE_ADDR, IMAGE_ADDR + self->own.text_size };
	struct vdso_remap_status status = VDSO_REMAP_INIT(status);
	void *now = malloc(self->own.text_size);
	bool same;

	same = !vdso_remap_read(self->pid, &range, now) &&
	       !memcmp(now, self->own.text, self->own.text_size);
	free(now);
	return same && !vdso_remap_query(-1, self->pid, &status) &&
	       status.flags == VDSO_REMAP_STATUS_NO_MODULE;
}

/* Refuses, says why in a sentence of its own, and changes nothing. */
static void fails(struct __test_metadata *_metadata, FIXTURE_DATA(other) *self, int error,
		  enum vdso_remap_stage stage)
{
	char text[256];

	EXPECT_EQ(error, vdso_remap_restore(&self->args));
	EXPECT_EQ(error, self->error.error);
	EXPECT_EQ(stage, self->error.stage);
	EXPECT_EQ(self->args.pid, self->error.pid);
	EXPECT_LT(0, vdso_remap_error_text(&self->error, text, sizeof(text)));
	EXPECT_EQ(NULL, strstr(text, "failed with error"));
	EXPECT_TRUE(is_untouched(self));
}

static void makes_a_proxy(struct __test_metadata *_metadata, FIXTURE_DATA(other) *self)
{
	struct vdso_remap_thread threads[NR_THREADS];

	evict(_metadata, self, 0, threads, 0);
	ASSERT_EQ(0, vdso_remap_restore(&self->args));
	EXPECT_EQ(self->fd < 0 ? VDSO_REMAP_PROXIED_BY_PTRACE : VDSO_REMAP_PROXIED,
		  self->args.outcome);
	EXPECT_LT(2, self->args.nr_sites);
}

TEST_F(other, makes_its_image_a_proxy)
{
	struct vdso_remap_status status = VDSO_REMAP_INIT(status);

	ASSERT_TRUE(is_untouched(self));
	makes_a_proxy(_metadata, self);
	EXPECT_FALSE(is_untouched(self));
	EXPECT_TRUE(go_on_well(in_image(self)));

	ASSERT_EQ(0, vdso_remap_query(self->fd, self->pid, &status));
	EXPECT_EQ(VDSO_REMAP_STATUS_MARKED | VDSO_REMAP_STATUS_PROXIED,
		  status.flags & ~VDSO_REMAP_STATUS_NO_MODULE);
	EXPECT_EQ(self->fd < 0, !!(status.flags & VDSO_REMAP_STATUS_NO_MODULE));
	EXPECT_EQ(VDSO_REMAP_MARK_VERSION, status.mark_version);
	EXPECT_EQ(self->args.runtime, status.runtime.start);
	EXPECT_LT(status.group.start, status.runtime.start);
	EXPECT_EQ(status.runtime.end, status.group.end);
	EXPECT_EQ(IMAGE_ADDR, status.image.start);
	EXPECT_EQ(IMAGE_ADDR + self->own.text_size, status.image.end);
	EXPECT_EQ(DATA_ADDR, status.image_data.start);
	EXPECT_EQ(IMAGE_ADDR, status.image_data.end);
	if (self->fd < 0)
		EXPECT_EQ(self->runtime.start, self->args.runtime);
}

/* As CRIU's is, whose sites are others. */
TEST_F(other, makes_a_proxy_once_more)
{
	makes_a_proxy(_metadata, self);
	self->args.park_addr = VDSO_REMAP_PARK_NOT;
	makes_a_proxy(_metadata, self);
	EXPECT_TRUE(go_on_well(in_image(self)));
}

TEST_F(other, leaves_no_mark_if_none_is_wanted)
{
	struct vdso_remap_status status = VDSO_REMAP_INIT(status);

	self->args.flags |= VDSO_REMAP_NO_MARK;
	makes_a_proxy(_metadata, self);
	ASSERT_EQ(0, vdso_remap_query(-1, self->pid, &status));
	EXPECT_EQ(VDSO_REMAP_STATUS_NO_MODULE, status.flags);
	EXPECT_TRUE(go_on_well(in_image(self)));
}

/* The build id is the running kernel's: without the module it is made a proxy all the same. */
TEST_F(other, restores_the_vdso_of_the_running_kernel)
{
	struct vdso_remap_thread threads[NR_THREADS];

	evict(_metadata, self, 0, threads, 0);
	self->args.flags = 0;
	ASSERT_EQ(0, vdso_remap_restore(&self->args));
	EXPECT_EQ(self->fd < 0 ? VDSO_REMAP_PROXIED_BY_PTRACE : VDSO_REMAP_IN_PLACE,
		  self->args.outcome);
	EXPECT_TRUE(go_on_well(in_image(self)));
}

TEST_F(other, refuses_to_do_without_the_module)
{
	self->args.flags |= VDSO_REMAP_REQUIRE_MODULE;
	if (self->fd < 0)
		fails(_metadata, self, -ENODEV, VDSO_REMAP_STAGE_MODULE);
	else
		makes_a_proxy(_metadata, self);
}

TEST_F(other, names_a_thread_inside_a_site)
{
	const uint8_t *entry = (const uint8_t *)self->own.text +
			       vdso_abi_code(self->own.abi, self->off);
	struct vdso_remap_thread threads[NR_THREADS];
	uintptr_t inside = (uintptr_t)in_image(self) + 4;
	pid_t tid = shared->tids[1];
	struct vdso_regs before;

	/* A landing pad stays, and a thread behind it is not in the way. */
	if (!memcmp(entry, T_LANDING_PAD, T_LANDING_PAD_SIZE))
		inside += T_LANDING_PAD_SIZE;

	/* The runtime vDSO, where the thread could not go on, will be elsewhere. */
	evict(_metadata, self, 0, threads, 0);
	ASSERT_TRUE(t_get_regs(tid, &before));
	/* A far jump: of a near one, a thread may stand at every instruction. */
	self->args.park_addr = VDSO_REMAP_PARK_NOT;
	/* Its first byte stays if the function of the kernel is a jump itself. */
	ASSERT_TRUE(t_set_code(tid, inside));
	fails(_metadata, self, -EBUSY, VDSO_REMAP_STAGE_PROXY);
	EXPECT_EQ(tid, self->error.tid);
	ASSERT_TRUE(t_set_code(tid, (uintptr_t)in_image(self)));
	makes_a_proxy(_metadata, self);
	ASSERT_TRUE(t_set_regs(tid, &before));
	EXPECT_TRUE(go_on_well(in_image(self)));
}

/* With the module it is enough if the runtime vDSO does not move. */
TEST_F(other, refuses_while_a_thread_runs)
{
	struct vdso_remap_thread threads[NR_THREADS];

	evict(_metadata, self, 0, threads, 0);
	ASSERT_EQ(0, ptrace(PTRACE_CONT, shared->tids[1], NULL, NULL));
	fails(_metadata, self, self->fd < 0 ? -ESRCH : -EBUSY, VDSO_REMAP_STAGE_PROXY);
	EXPECT_EQ(shared->tids[1], self->error.tid);
	ASSERT_TRUE(interrupt(shared->tids[1]));
	EXPECT_TRUE(go_on_well(shared->function));
}

TEST_F(other, refuses_an_image_in_shared_memory)
{
	end_child(self);
	memset((void *)shared->rounds, 0, sizeof(shared->rounds));
	ASSERT_TRUE(start_child(self, MAP_SHARED));
	self->args.pid = self->pid;
	fails(_metadata, self, -EACCES, VDSO_REMAP_STAGE_PROXY);
}

TEST_F(other, refuses_what_is_no_image)
{
	self->args.image = DATA_ADDR;
	self->args.image_size = PAGE;
	self->args.image_data = 0;
	self->args.image_data_size = 0;
	fails(_metadata, self, -ENOEXEC, VDSO_REMAP_STAGE_PARSE);
	EXPECT_EQ(VDSO_REMAP_IMAGE, self->error.vdso);
	EXPECT_EQ(DATA_ADDR, self->error.addr);
	self->args.image = PAGE;
	fails(_metadata, self, -EFAULT, VDSO_REMAP_STAGE_PARSE);
}

/* Memory behind the image that is like it is no part of it. */
TEST(an_image_ends_where_its_header_says)
{
	const void *text = (const void *)getauxval(AT_SYSINFO_EHDR);
	struct vdso_remap_range own = range_of_runtime(), range;
	size_t size = own.end - own.start;
	void *copy = mmap(NULL, size + 3 * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (!text)
		SKIP(return, "this process has no vDSO");
	ASSERT_NE(MAP_FAILED, copy);
	memcpy(copy, text, size);
	EXPECT_EQ(0, vdso_remap_find_image(0, (uintptr_t)copy, &range));
	EXPECT_EQ((uintptr_t)copy, range.start);
	EXPECT_EQ((uintptr_t)copy + size, range.end);

	ASSERT_EQ(0, mprotect(copy, PAGE, PROT_READ));	/* split */
	EXPECT_EQ(0, vdso_remap_find_image(0, (uintptr_t)copy, &range));
	EXPECT_EQ((uintptr_t)copy + size, range.end);
	EXPECT_EQ(-ENOEXEC, vdso_remap_find_image(0, (uintptr_t)copy + size, &range));
	ASSERT_EQ(0, munmap(copy, PAGE));
	EXPECT_EQ(-ENOENT, vdso_remap_find_image(0, (uintptr_t)copy, &range));
}

/* A process can tear its group apart, and have other memory in between. */
TEST(a_group_has_no_other_memory_in_it)
{
	struct vdso_remap_status status = VDSO_REMAP_INIT(status);
	struct vdso_remap_range own;
	uint64_t size, text_size;
	void *place;

	if (!getauxval(AT_SYSINFO_EHDR))
		SKIP(return, "this process has no vDSO");
	ASSERT_EQ(0, vdso_remap_query(-1, 0, &status));
	own = status.runtime;
	EXPECT_GT(own.start, status.group.start);
	EXPECT_EQ(own.end, status.group.end);
	EXPECT_EQ(status.info.areas[0].start, status.group.start);

	size = status.group.end - status.group.start;
	text_size = own.end - own.start;
	place = mmap(NULL, 3 * size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, place);
	place = (char *)place + size;
	if (syscall(SYS_mremap, own.start, text_size, text_size, MREMAP_MAYMOVE | MREMAP_FIXED,
		    place) != (long)(uintptr_t)place)
		SKIP(return, "this kernel does not let a process move its vDSO");
	ASSERT_EQ(0, vdso_remap_query(-1, 0, &status));
	EXPECT_EQ((uintptr_t)place, status.runtime.start);
	EXPECT_EQ((uintptr_t)place, status.group.start);
	EXPECT_EQ((uintptr_t)place + text_size, status.group.end);
	EXPECT_LE(2, status.info.nr_areas);
}

TEST_F(other, knows_structures_of_other_sizes)
{
	struct {
		struct vdso_remap_restore_args args;
		uint64_t more;
	} larger = { self->args, 1 };
	struct vdso_remap_thread threads[NR_THREADS];

	evict(_metadata, self, 0, threads, 0);
	self->args.size--;
	EXPECT_EQ(-EINVAL, vdso_remap_restore(&self->args));
	larger.args.size = sizeof(larger);
	EXPECT_EQ(-E2BIG, vdso_remap_restore(&larger.args));
	EXPECT_TRUE(is_untouched(self));
	larger.more = 0;
	EXPECT_EQ(0, vdso_remap_restore(&larger.args));
	EXPECT_EQ(sizeof(larger), larger.args.size);
}

/* Near enough for the shortest jump, and free. */
TEST_F(other, finds_a_place_near_the_image)
{
	const struct vdso_remap_range avoid = { DATA_ADDR, IMAGE_ADDR + self->own.text_size };
	struct vdso_remap_status status = VDSO_REMAP_INIT(status);
	uint64_t addr = 0, start, size;

	ASSERT_EQ(0, vdso_remap_query(self->fd, self->pid, &status));
	ASSERT_EQ(0, vdso_remap_find_place(&status, &avoid, &addr));
	size = status.group.end - status.group.start;
	start = addr - (status.runtime.start - status.group.start);
	EXPECT_TRUE(start >= avoid.end || start + size <= avoid.start);
	EXPECT_GT(T_NEAR_REACH, start > avoid.end ? start - avoid.end : avoid.start - start);
	EXPECT_EQ((void *)(uintptr_t)start,
		  mmap((void *)(uintptr_t)start, size, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
}

/* All threads, each somewhere in the vDSO */

#define SLOW	"steps are slow: the clock functions start again and again"

/* Behind the first instruction, where a breakpoint is not in the way yet */
static bool step_in(FIXTURE_DATA(other) *self, pid_t tid)
{
	return t_step_into(tid, self->runtime.start + self->off + 1, self->runtime.end);
}

static bool is_inside(FIXTURE_DATA(other) *self, pid_t tid)
{
	uint64_t ip = t_get_reg(tid, VDSO_REG_IP);

	return ip >= self->runtime.start && ip < self->runtime.end;
}

TEST_F(other, brings_all_threads_out_of_the_vdso)
{
	struct vdso_remap_thread threads[NR_THREADS];
	int i;

	if (getenv("STEPS_ARE_SLOW"))
		SKIP(return, SLOW);
	for (i = 0; i < NR_THREADS; i++)
		ASSERT_TRUE(step_in(self, shared->tids[i]));
	evict(_metadata, self, 0, threads, 0);
	for (i = 0; i < NR_THREADS; i++) {
		EXPECT_EQ(VDSO_REMAP_THREAD_OUTSIDE, threads[i].state);
		EXPECT_LT(0, threads[i].nr_steps);
		EXPECT_EQ(0, threads[i].error);
		EXPECT_EQ(0, threads[i].nr_handlers);
		EXPECT_FALSE(is_inside(self, shared->tids[i]));
	}
	EXPECT_TRUE(go_on_well(shared->function));
}

/* The first one's next instruction becomes a breakpoint, and a function that is in its way. */
static void has_breakpoint(struct __test_metadata *_metadata, FIXTURE_DATA(other) *self,
			   uint32_t flags, uint32_t state)
{
	struct vdso_remap_thread threads[NR_THREADS];
	pid_t tid = shared->tids[0];
	struct vdso_regs regs;
	unsigned long ip, word;

	if (getenv("STEPS_ARE_SLOW"))
		SKIP(return, SLOW);
	evict(_metadata, self, 0, threads, 0);	/* the other one would meet the breakpoint, too */
	ASSERT_TRUE(step_in(self, tid));
	ASSERT_TRUE(t_get_regs(tid, &regs));
	ip = vdso_regs_get(&regs, VDSO_REG_IP);
	word = ptrace(PTRACE_PEEKTEXT, tid, ip, NULL);
	ASSERT_EQ(0, ptrace(PTRACE_POKETEXT, tid, ip, t_put_trap(word, regs.bytes)));
	evict(_metadata, self, flags, threads, 1);
	EXPECT_EQ(state, threads[0].state);
	EXPECT_EQ(-EILSEQ, threads[0].error);
	EXPECT_EQ(VDSO_REMAP_THREAD_OUTSIDE, threads[1].state);
	ASSERT_EQ(0, ptrace(PTRACE_POKETEXT, tid, ip, word));
	evict(_metadata, self, flags, threads, 0);
	EXPECT_EQ(VDSO_REMAP_THREAD_OUTSIDE, threads[0].state);
	EXPECT_TRUE(go_on_well(shared->function));
}

TEST_F(other, names_a_thread_that_stays_inside)
{
	has_breakpoint(_metadata, self, 0, VDSO_REMAP_THREAD_INSIDE);
}

/* Of a proxied process, a checkpoint leaves the runtime vDSO out. */
TEST_F(other, names_a_thread_that_would_be_lost)
{
	has_breakpoint(_metadata, self, VDSO_REMAP_STATUS_PROXIED, VDSO_REMAP_THREAD_LOST);
}

/* Errors in words */

TEST(every_sentence_is_cut_off_where_it_must_be)
{
	struct vdso_remap_error error = VDSO_REMAP_INIT(error, .error = -EBUSY, .pid = 12345,
							.tid = 67890);
	char whole[256], part[16];
	size_t len = vdso_remap_error_text(&error, whole, sizeof(whole));

	EXPECT_EQ(strlen(whole), len);
	EXPECT_NE(NULL, strstr(whole, "thread 67890 of process 12345 "));
	memset(part, 'x', sizeof(part));
	EXPECT_EQ(len, vdso_remap_error_text(&error, part, sizeof(part)));
	EXPECT_EQ(sizeof(part) - 1, strlen(part));
	EXPECT_EQ(0, strncmp(whole, part, sizeof(part) - 1));
	EXPECT_EQ(len, vdso_remap_error_text(&error, NULL, 0));
}

TEST(an_error_without_a_sentence_is_named_by_its_number)
{
	struct vdso_remap_error error = VDSO_REMAP_INIT(error, .error = -77,
							.stage = VDSO_REMAP_STAGE_MOVE);
	char text[128];

	vdso_remap_error_text(&error, text, sizeof(text));
	EXPECT_STREQ("moving the vDSO of the calling process failed with error 77, see errno(3)",
		     text);
	error.stage = 1000;
	vdso_remap_error_text(&error, text, sizeof(text));
	EXPECT_STREQ("handling the calling process failed with error 77, see errno(3)", text);
}

TEST(one_errno_has_a_sentence_for_each_stage)
{
	struct vdso_remap_error error = VDSO_REMAP_INIT(error, .error = -ENOTSUP,
							.stage = VDSO_REMAP_STAGE_PLAN,
							.entry_point = "__vdso_new");
	char plan[256], parse[256], thread[256];

	vdso_remap_error_text(&error, plan, sizeof(plan));
	EXPECT_NE(NULL, strstr(plan, " __vdso_new "));
	error.stage = VDSO_REMAP_STAGE_PARSE;
	vdso_remap_error_text(&error, parse, sizeof(parse));
	error.stage = VDSO_REMAP_STAGE_THREADS;
	vdso_remap_error_text(&error, thread, sizeof(thread));
	EXPECT_NE(0, strcmp(plan, parse));
	EXPECT_NE(0, strcmp(parse, thread));
}

TEST(the_library_says_what_it_is)
{
	EXPECT_EQ(VDSO_REMAP_LIBRARY_VERSION, vdso_remap_library_version());
	EXPECT_EQ(VDSO_REMAP_LIBRARY_OTHER_PROCESS | VDSO_REMAP_LIBRARY_PTRACE,
		  vdso_remap_library_features());
}

TEST_HARNESS_MAIN
