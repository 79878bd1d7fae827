// SPDX-License-Identifier: GPL-2.0
/*
 * MOVE when others are about: threads that are in its way or not, another
 * process that is moved, and callers that are killed in the middle.
 */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "arch/test.h"
#include "lib/child.h"
#include "lib/clock.h"
#include "lib/device.h"
#include "lib/maps.h"
#include "lib/memory.h"
#include "lib/note.h"
#include "lib/state.h"
#include "lib/task.h"
#include "lib/vdso.h"

/*
 * group: of the caller, and of every child that it forks
 * req: of a possible move
 */
FIXTURE(bystander) {
	struct t_group group;
	struct vdso_remap_move req;
};

static struct t_state state;	/* what is to be expected */

FIXTURE_SETUP(bystander)
{
	memset(&self->req, 0, sizeof(self->req));
	self->req.size = sizeof(self->req);
	self->req.addr = t_group_hole();
	ASSERT_TRUE(t_state_capture(&state, t_open(), 0));
	ASSERT_TRUE(t_group_find(&self->group, &state.maps));
}

FIXTURE_TEARDOWN(bystander)
{
}

/* Of whom state was captured last. */
static bool moves(FIXTURE_DATA(bystander) *self)
{
	int ret = t_ioctl(state.fd, VDSO_REMAP_MOVE, &self->req);

	if (ret)
		t_note("MOVE: %s, busy_tid %d", strerror(-ret), self->req.busy_tid);
	t_state_move(&state, self->req.addr);
	return t_state_is(&state) && !ret;
}

static bool busy_with(FIXTURE_DATA(bystander) *self, pid_t tid)
{
	self->req.busy_tid = -1;
	if (!t_refused(&state, EBUSY, VDSO_REMAP_MOVE, &self->req))
		return false;
	if (self->req.busy_tid != tid)
		t_note("busy_tid is %d, wanted: %d", self->req.busy_tid, tid);
	return self->req.busy_tid == tid;
}

/* A second thread of the caller */

struct thread {
	pthread_t pthread;
	void (*fn)(void);
	pid_t tid;
};

static void *start_thread(void *arg)
{
	struct thread *thread = arg;

	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	__atomic_store_n(&thread->tid, gettid(), __ATOMIC_RELEASE);
	thread->fn();
	return NULL;
}

static void sleep_for_ever(void)
{
	for (;;)
		pause();
}

static void spin_for_ever(void)
{
	for (;;)
		t_relax();
}

static bool run_thread(struct thread *thread, void (*fn)(void))
{
	thread->fn = fn;
	thread->tid = 0;
	if (pthread_create(&thread->pthread, NULL, start_thread, thread))
		return false;
	while (!__atomic_load_n(&thread->tid, __ATOMIC_ACQUIRE))
		sched_yield();
	return t_maps_read(&state.maps, 0);
}

/* It is joined a moment before it has left the memory. */
static bool end_thread(struct thread *thread)
{
	char task[40];

	if (pthread_cancel(thread->pthread) || pthread_join(thread->pthread, NULL))
		return false;
	snprintf(task, sizeof(task), "/proc/self/task/%d", thread->tid);
	while (!access(task, F_OK))
		sched_yield();
	return t_maps_read(&state.maps, 0);
}

TEST_F(bystander, sleeping_thread_is_in_the_way)
{
	struct thread thread;

	ASSERT_TRUE(run_thread(&thread, sleep_for_ever));
	ASSERT_TRUE(t_wait_for_task_state(thread.tid, "S"));
	EXPECT_TRUE(busy_with(self, thread.tid));
	ASSERT_TRUE(end_thread(&thread));
	EXPECT_TRUE(moves(self));
}

TEST_F(bystander, spinning_thread_is_in_the_way)
{
	struct thread thread;

	ASSERT_TRUE(run_thread(&thread, spin_for_ever));
	EXPECT_TRUE(busy_with(self, thread.tid));
	ASSERT_TRUE(end_thread(&thread));
	EXPECT_TRUE(moves(self));
}

TEST_F(bystander, replace_unmaps_nothing_for_a_busy_thread)
{
	void *there = (void *)self->req.addr;
	struct thread thread;

	ASSERT_EQ(there, mmap(there, T_PAGE, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
	ASSERT_TRUE(run_thread(&thread, sleep_for_ever));
	self->req.flags = VDSO_REMAP_MOVE_REPLACE;
	EXPECT_TRUE(busy_with(self, thread.tid));
}

static FIXTURE_DATA(bystander) *the_self;
static bool main_was_busy;

static void move_from_thread(void)
{
	main_was_busy = busy_with(the_self, getpid());
}

TEST_F(bystander, first_thread_is_in_the_way_of_the_second)
{
	struct thread thread;

	the_self = self;
	/* The maps are read when the thread exists; only then it may begin. */
	ASSERT_TRUE(run_thread(&thread, sleep_for_ever));
	ASSERT_TRUE(end_thread(&thread));
	ASSERT_TRUE(t_state_capture(&state, state.fd, 0));
	thread.fn = move_from_thread;
	ASSERT_EQ(0, pthread_create(&thread.pthread, NULL, start_thread, &thread));
	ASSERT_EQ(0, pthread_join(thread.pthread, NULL));
	EXPECT_TRUE(main_was_busy);
}

TEST_F(bystander, tid_is_that_of_the_callers_pid_namespace)
{
	struct thread thread;
	int status;

	ASSERT_EQ(0, unshare(CLONE_NEWPID));
	if (!fork()) {
		/* /proc is the outer namespace's: no maps here */
		self->req.busy_tid = -1;
		if (getpid() != 1 || (run_thread(&thread, sleep_for_ever), thread.tid != 2))
			_exit(2);
		if (t_ioctl(state.fd, VDSO_REMAP_MOVE, &self->req) != -EBUSY)
			_exit(3);
		_exit(self->req.busy_tid == 2 ? 0 : 4);
	}
	ASSERT_LT(0, wait(&status));
	EXPECT_EQ(0, status);
}

static long seize_and_stop(uint64_t tid)
{
	return t_seize_and_stop(tid);
}

TEST_F(bystander, thread_that_a_tracer_has_stopped_is_not_in_the_way)
{
	struct thread thread;
	struct t_child tracer;

	ASSERT_TRUE(t_child_start(&tracer));
	ASSERT_TRUE(run_thread(&thread, sleep_for_ever));
	ASSERT_EQ(1, t_child_call(&tracer, seize_and_stop, thread.tid));
	EXPECT_TRUE(moves(self));
	t_child_end(&tracer);
}

/* Another process in the caller's memory; it ends with the test, however that ends. */

static int sleep_for_ever_in_clone(void *arg)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sleep_for_ever();
	return 0;
}

TEST_F(bystander, process_sharing_the_memory_is_in_the_way)
{
	pid_t pid = t_spawn_sharing_mm(0, sleep_for_ever_in_clone, NULL);

	EXPECT_TRUE(busy_with(self, pid));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_TRUE(moves(self));
}

TEST_F(bystander, process_that_sigstop_has_stopped_is_not_in_the_way)
{
	pid_t pid = t_spawn_sharing_mm(0, sleep_for_ever_in_clone, NULL);
	int status;

	ASSERT_EQ(0, kill(pid, SIGSTOP));
	ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));
	EXPECT_TRUE(moves(self));
	kill(pid, SIGKILL);
}

/* A function that reads no clock: one that does starts again if the clock ticks meanwhile. */
static int call_vdso_for_ever(void *arg)
{
	long (*clock_getres)(clockid_t id, struct timespec *res);
	struct timespec res;

	clock_getres = arg + t_entry_point(T_VDSO "clock_getres");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!clock_getres(CLOCK_MONOTONIC, &res))
		;
	return 0;
}

TEST_F(bystander, process_stopped_inside_the_vdso_is_in_the_way)
{
	pid_t pid = t_spawn_sharing_mm(0, call_vdso_for_ever, (void *)self->group.text);

	ASSERT_TRUE(t_seize_and_stop(pid));
	ASSERT_TRUE(t_step_into(pid, self->group.text, self->group.end));
	/* where there are no single steps, that has made a private page of the text */
	ASSERT_TRUE(t_state_capture(&state, state.fd, 0));
	EXPECT_TRUE(busy_with(self, pid));
	ASSERT_TRUE(t_step_out_of(pid, self->group.text, self->group.end));
	EXPECT_TRUE(moves(self));
	kill(pid, SIGKILL);
}

/* Another process is moved */

static bool start_and_stop_child(FIXTURE_DATA(bystander) *self, struct t_child *child)
{
	self->req.pid = 0;
	if (!t_child_start(child) || !t_seize_and_stop(child->pid))
		return false;
	self->req.pid = child->pid;
	return t_state_capture(&state, state.fd, child->pid);
}

TEST_F(bystander, stopped_child_is_moved)
{
	struct t_child child;

	ASSERT_TRUE(start_and_stop_child(self, &child));
	EXPECT_TRUE(moves(self));
	ASSERT_TRUE(t_detach(child.pid));
	EXPECT_TRUE(t_child_time_between_syscalls(&child, self->req.addr));
	EXPECT_TRUE(t_time_between_syscalls(self->group.text));
	t_child_end(&child);
}

TEST_F(bystander, stopped_child_is_moved_onto_a_mapping)
{
	void *there = (void *)self->req.addr;
	struct t_child child;

	ASSERT_EQ(there, mmap(there, T_PAGE, PROT_READ,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
	ASSERT_TRUE(start_and_stop_child(self, &child));
	EXPECT_TRUE(t_refused(&state, EEXIST, VDSO_REMAP_MOVE, &self->req));
	self->req.flags = VDSO_REMAP_MOVE_REPLACE;
	t_state_unmap(&state, self->req.addr, self->req.addr + T_PAGE);
	EXPECT_TRUE(moves(self));
	ASSERT_TRUE(t_detach(child.pid));
	EXPECT_TRUE(t_child_time_between_syscalls(&child, self->req.addr));
	t_child_end(&child);
}

TEST_F(bystander, stopped_child_keeps_its_private_page)
{
	const uint8_t breakpoint = T_TRAP_BYTE;
	struct t_child child;

	ASSERT_TRUE(start_and_stop_child(self, &child));
	ASSERT_TRUE(t_mem_write(child.pid, self->group.end - 1, &breakpoint, 1));
	ASSERT_TRUE(t_state_capture(&state, state.fd, child.pid));
	EXPECT_EQ(breakpoint, state.text[state.nr_text - 1]);
	EXPECT_TRUE(moves(self));
	t_child_end(&child);
	EXPECT_EQ(0, *(uint8_t *)(self->group.end - 1));
}

TEST_F(bystander, child_stopped_inside_its_vdso_is_not_moved)
{
	pid_t pid = fork();

	if (!pid)
		_exit(call_vdso_for_ever((void *)self->group.text));
	ASSERT_TRUE(t_seize_and_stop(pid));
	ASSERT_TRUE(t_step_into(pid, self->group.text, self->group.end));
	self->req.pid = pid;
	ASSERT_TRUE(t_state_capture(&state, state.fd, pid));
	EXPECT_TRUE(busy_with(self, pid));
	ASSERT_TRUE(t_step_out_of(pid, self->group.text, self->group.end));
	EXPECT_TRUE(moves(self));
	kill(pid, SIGKILL);
}

static long add_thread(uint64_t arg)
{
	static struct thread thread;

	return run_thread(&thread, sleep_for_ever) ? thread.tid : -1;
}

TEST_F(bystander, child_is_moved_only_when_all_its_threads_are_stopped)
{
	struct t_child child;
	pid_t tid;

	ASSERT_TRUE(t_child_start(&child));
	tid = t_child_call(&child, add_thread, 0);
	ASSERT_LT(0, tid);
	ASSERT_TRUE(t_seize_and_stop(child.pid));
	self->req.pid = child.pid;
	ASSERT_TRUE(t_state_capture(&state, state.fd, child.pid));
	EXPECT_TRUE(busy_with(self, tid));
	ASSERT_TRUE(t_seize_and_stop(tid));
	EXPECT_TRUE(moves(self));
	ASSERT_TRUE(t_detach(child.pid));
	EXPECT_TRUE(t_child_time_between_syscalls(&child, self->req.addr));
	ASSERT_TRUE(t_detach(tid));
	t_child_end(&child);
}

/*
 * A mover that moves a child's group to and fro for ever, and is killed: the
 * child has it at one of the two places.
 */
#define NR_KILLS	200

/* Shared with the mover and the child. */
static struct {
	int fd;
	pid_t pid;
	uint64_t places[2];
	unsigned int moves;
} *mover;

static int move_for_ever(void *arg)
{
	struct vdso_remap_move req = { .size = sizeof(req), .pid = mover->pid };
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0;; i++) {
		req.addr = mover->places[i % 2];
		if (!t_ioctl(mover->fd, VDSO_REMAP_MOVE, &req))
			mover->moves++;
	}
	return arg ? 1 : 0;
}

static void prepare_mover(const FIXTURE_DATA(bystander) *self)
{
	mover = mmap(NULL, T_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (mover == MAP_FAILED)
		exit(1);
	mover->fd = state.fd;
	mover->places[0] = self->group.text;
	mover->places[1] = self->req.addr;
}

static void kill_soon(pid_t pid)
{
	usleep(rand() % 15000);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* The stopped child is as it was, but for its group's place. */
static bool is_at_one_of_the_places(void)
{
	static struct t_maps maps;
	struct t_group group;

	if (!t_maps_read(&maps, state.pid) || !t_group_find(&group, &maps))
		return false;
	if (group.text != mover->places[0] && group.text != mover->places[1]) {
		t_note("the group is at %" PRIx64, group.text);
		return false;
	}
	t_state_move(&state, group.text);
	return t_state_is(&state);
}

TEST_F_TIMEOUT(bystander, tracer_is_killed_while_it_moves, 60)
{
	struct t_child child;
	unsigned int i;

	prepare_mover(self);
	ASSERT_TRUE(start_and_stop_child(self, &child));
	ASSERT_TRUE(t_detach(child.pid));
	mover->pid = child.pid;
	for (i = 0; i < NR_KILLS; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(t_seize_and_stop(mover->pid) ? move_for_ever(NULL) : 1);
		kill_soon(pid);
		ASSERT_TRUE(t_seize_and_stop(child.pid));
		ASSERT_TRUE(is_at_one_of_the_places());
		ASSERT_TRUE(t_detach(child.pid));
		ASSERT_TRUE(t_child_time_between_syscalls(&child, state.info.vdso));
	}
	t_note("%u moves by %u tracers", mover->moves, i);
	/* on a slow kernel many die before their first move, and that is as good */
	EXPECT_LT(NR_KILLS / 10, mover->moves);
	t_child_end(&child);
}

static long start_mover(uint64_t arg)
{
	return t_spawn_sharing_mm(arg, move_for_ever, NULL);
}

/* The mover moves its own group, which is that of the stopped child as well. */
TEST_F_TIMEOUT(bystander, caller_is_killed_while_it_moves, 60)
{
	struct t_child child;
	unsigned int i;

	prepare_mover(self);
	ASSERT_TRUE(start_and_stop_child(self, &child));
	for (i = 0; i < NR_KILLS; i++) {
		pid_t pid;

		ASSERT_TRUE(t_detach(child.pid));
		pid = t_child_call(&child, start_mover, CLONE_PARENT);
		ASSERT_LT(0, pid);
		ASSERT_TRUE(t_seize_and_stop(child.pid));
		kill_soon(pid);
		ASSERT_TRUE(is_at_one_of_the_places());
		ASSERT_TRUE(t_detach(child.pid));
		ASSERT_TRUE(t_child_time_between_syscalls(&child, state.info.vdso));
		ASSERT_TRUE(t_seize_and_stop(child.pid));
	}
	t_note("%u moves by %u callers", mover->moves, i);
	EXPECT_LT(NR_KILLS / 10, mover->moves);
	t_child_end(&child);
}

/* Since 6.17 /proc/PID/maps is read mapping by mapping, without the lock. */
static bool maps_is_one_look(void)
{
	struct utsname name;
	int major, minor;

	return !uname(&name) && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	       (major < 6 || (major == 6 && minor < 17));
}

TEST_F(bystander, nobody_sees_the_middle_of_a_move)
{
	bool by_maps = maps_is_one_look();
	struct t_child child;
	unsigned int i;
	pid_t pid;

	prepare_mover(self);
	ASSERT_TRUE(start_and_stop_child(self, &child));
	ASSERT_TRUE(t_detach(child.pid));
	pid = t_child_call(&child, start_mover, CLONE_PARENT);
	ASSERT_LT(0, pid);
	ASSERT_TRUE(t_seize_and_stop(child.pid));
	for (i = 0; i < 500 || mover->moves < 100; i++) {
		struct vdso_remap_info info = { .size = sizeof(info), .pid = child.pid };

		ASSERT_EQ(0, t_ioctl(state.fd, VDSO_REMAP_GET_INFO, &info));
		t_state_move(&state, info.vdso);
		ASSERT_EQ(0, memcmp(&state.info, &info, sizeof(info)));
		if (by_maps) {
			ASSERT_TRUE(t_maps_read(&state.maps, child.pid));
			ASSERT_TRUE(t_group_find(&self->group, &state.maps));
		}
	}
	t_note("%u moves, seen %u times", mover->moves, i);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	t_child_end(&child);
}

TEST_HARNESS_MAIN
