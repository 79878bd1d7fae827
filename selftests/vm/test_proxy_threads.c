// SPDX-License-Identifier: GPL-2.0
/* PROXY and other processes and threads: whom it waits for, and who sees what. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/test.h"
#include "lib/child.h"
#include "lib/image.h"
#include "lib/memory.h"
#include "lib/state.h"
#include "lib/task.h"
#include "lib/vdso_calls.h"
#include "proxy_fixture.h"

static long call_built(uint64_t addr)
{
	return t_image_answers(&built, (void *)addr);
}

static long count_pristine_bytes(uint64_t arg)
{
	const struct t_image *image = (void *)arg;
	size_t off = 0;

	while (off < image->size && image->addr[off] == image->pristine[off])
		off++;
	return off;
}

TEST_F(proxy, does_not_change_the_pages_that_a_child_shares)
{
	struct t_child child;

	ASSERT_TRUE(t_child_start(&child));
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	installs(_metadata, self);
	EXPECT_EQ(IMAGE_SIZE, t_child_call(&child, count_pristine_bytes,
					   (uintptr_t)&self->image));
	t_child_end(&child);
}

TEST_F(proxy, makes_a_proxy_of_another_process)
{
	struct t_child child;

	ASSERT_TRUE(t_child_start(&child));
	ASSERT_TRUE(t_seize_and_stop(child.pid));
	self->req.pid = child.pid;
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	self->req.addr = T_IMAGE_ADDR + NEAR;
	ASSERT_TRUE(t_state_capture(&state, self->fd, child.pid));
	ASSERT_EQ(0, ioctl(self->fd, VDSO_REMAP_PROXY, &self->req));
	EXPECT_TRUE(moved_only(&state, self->req.addr));
	ASSERT_TRUE(t_detach(child.pid));

	EXPECT_EQ(1, t_child_call(&child, call_built, T_IMAGE_ADDR));
	EXPECT_TRUE(t_child_time_between_syscalls(&child, T_IMAGE_ADDR + NEAR));
	t_child_end(&child);
	/* The parent shared the pages. */
	EXPECT_TRUE(t_image_is_expected(&self->image));
}

/* Its tracer can write there anyway. */
TEST_F(proxy, does_for_a_child_what_that_has_renounced)
{
	struct t_child child;

	ASSERT_TRUE(t_child_start(&child));
	if (t_child_call(&child, renounce_new_code, 0))
		SKIP(return, "this kernel has no PR_SET_MDWE");
	ASSERT_TRUE(t_seize_and_stop(child.pid));
	self->req.pid = child.pid;
	ASSERT_EQ(0, ioctl(self->fd, VDSO_REMAP_PROXY, &self->req));
	ASSERT_TRUE(t_detach(child.pid));
	EXPECT_EQ(1, t_child_call(&child, call_built, T_IMAGE_ADDR));
	t_child_end(&child);
}

static const unsigned long no_args[3];

static struct timeval tv;	/* the child's, at the same address */

TEST_F(proxy, waits_for_no_thread_but_one_inside_a_site)
{
	uint64_t trap = T_IMAGE_ADDR + SLOT(0) + 16;	/* between functions */
	const unsigned long args[3] = { (uintptr_t)&tv };
	struct vdso_regs regs, at_trap;
	struct t_child child;
	time_t before;
	int status;

	ASSERT_TRUE(t_child_start(&child));
	ASSERT_TRUE(t_seize_and_stop(child.pid));
	ASSERT_TRUE(t_get_regs(child.pid, &regs));
	self->req.pid = child.pid;
	self->req.nr_sites = 1;		/* a far jump */

	ASSERT_TRUE(t_state_capture(&state, self->fd, child.pid));
	for (unsigned int off = T_CODE_ALIGN; off < T_FAR_JUMP_SIZE; off += T_CODE_ALIGN) {
		uint8_t bytes[T_SLOT_SIZE];

		ASSERT_TRUE(t_enter(child.pid, &regs, T_IMAGE_ADDR + SLOT(1) + off, trap, no_args));
		ASSERT_EQ(-1, ioctl(self->fd, VDSO_REMAP_PROXY, &self->req));
		EXPECT_EQ(EBUSY, errno);
		EXPECT_EQ(child.pid, self->req.busy_tid);
		EXPECT_TRUE(t_state_is(&state));
		ASSERT_TRUE(t_mem_read(child.pid, T_IMAGE_ADDR + SLOT(1), bytes, sizeof(bytes)));
		EXPECT_EQ(0, memcmp(bytes, self->image.pristine + SLOT(1), sizeof(bytes)));
	}

	/* At the first byte it will run what is there then. */
	ASSERT_TRUE(t_enter(child.pid, &regs, T_IMAGE_ADDR + SLOT(1), trap, args));
	ASSERT_EQ(0, ioctl(self->fd, VDSO_REMAP_PROXY, &self->req));
	before = t_raw_time();
	ASSERT_EQ(0, ptrace(PTRACE_CONT, child.pid, NULL, NULL));
	ASSERT_EQ(child.pid, waitpid(child.pid, &status, __WALL));
	ASSERT_TRUE(WIFSTOPPED(status));
	EXPECT_EQ(SIGTRAP, WSTOPSIG(status));
	ASSERT_TRUE(t_get_regs(child.pid, &at_trap));
	EXPECT_EQ(trap + T_TRAP_SKIP, vdso_regs_get(&at_trap, VDSO_REG_IP));
	EXPECT_EQ(0, vdso_regs_result(&at_trap));
	ASSERT_TRUE(t_mem_read(child.pid, (uintptr_t)&tv, &tv, sizeof(tv)));
	EXPECT_LE(before, tv.tv_sec);
	EXPECT_GE(before + 10, tv.tv_sec);

	/* What does not change is in nobody's way. */
	ASSERT_TRUE(t_enter(child.pid, &regs, T_IMAGE_ADDR + SLOT(1) + T_FAR_JUMP_SIZE -
			    T_CODE_ALIGN, trap,
			    no_args));
	EXPECT_EQ(0, ioctl(self->fd, VDSO_REMAP_PROXY, &self->req));
	/* Nor is one who is just behind the bytes. */
	self->sites[0] = self->sites[3];
	ASSERT_TRUE(t_enter(child.pid, &regs, T_IMAGE_ADDR + SLOT(7) + T_FUNCTION_STUB_SIZE, trap,
			    no_args));
	EXPECT_EQ(0, ioctl(self->fd, VDSO_REMAP_PROXY, &self->req));

	ASSERT_TRUE(t_set_regs(child.pid, &regs));
	ASSERT_TRUE(t_detach(child.pid));
	t_child_end(&child);
}

struct spinner {
	void (t_by_register *fn)(int *turns);
	int turns;
	pid_t tid;
};

static void *spin(void *arg)
{
	struct spinner *spinner = arg;

	spinner->tid = gettid();
	spinner->fn(&spinner->turns);
	return NULL;
}

static void start_spinner(struct __test_metadata *_metadata, struct spinner *spinner)
{
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, spin, spinner));
	while (!__atomic_load_n(&spinner->turns, __ATOMIC_RELAXED))
		sched_yield();
}

TEST_F(proxy, names_a_running_thread_that_is_inside_a_site)
{
	uint8_t *bytes = t_image_build(IMAGE_SIZE);
	uint64_t addr = T_IMAGE_ADDR + T_FAR;
	struct spinner spinner = { .fn = (void *)(addr + SLOT(5)) };

	memcpy(bytes + SLOT(5), T_SPIN, T_SPIN_SIZE);
	ASSERT_TRUE(t_image_map(&self->image, addr, bytes, IMAGE_SIZE));
	start_spinner(_metadata, &spinner);
	self->req.image = addr;
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));

	refuses(_metadata, self, EBUSY, VDSO_REMAP_NO_SITE, spinner.tid, self->req);
	/* The same thread is outside of all the other sites. */
	self->sites[2] = self->sites[3];
	self->req.nr_sites = 3;
	installs(_metadata, self);
}

static void t_by_register spin_outside(int *turns)
{
	for (;;)
		__atomic_add_fetch(turns, 1, __ATOMIC_RELAXED);
}

TEST_F(proxy, does_not_park_the_group_of_a_running_thread)
{
	struct spinner spinner = { .fn = spin_outside };

	start_spinner(_metadata, &spinner);
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	self->req.addr = T_IMAGE_ADDR + NEAR;
	refuses(_metadata, self, EBUSY, VDSO_REMAP_NO_SITE, spinner.tid, self->req);
	self->req.flags = 0;
	self->req.addr = 0;
	installs(_metadata, self);
}

/* Parks another process's group here and there until it is killed. */
static void park_until_killed(int fd, struct vdso_remap_proxy *req)
{
	if (!t_seize_and_stop(req->pid))
		_exit(1);
	for (unsigned int turn = 0;; turn++) {
		req->addr = T_IMAGE_ADDR + (turn % 2 ? NEAR : 2 * NEAR);
		/* EINVAL: its predecessor has left it there */
		if (ioctl(fd, VDSO_REMAP_PROXY, req) && (turn || errno != EINVAL))
			_exit(2);
	}
}

TEST_F_TIMEOUT(proxy, leaves_a_whole_proxy_when_its_caller_is_killed, 60)
{
	struct t_child child;

	ASSERT_TRUE(t_child_start(&child));
	ASSERT_TRUE(t_seize_and_stop(child.pid));
	self->req.pid = child.pid;
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	self->req.addr = T_IMAGE_ADDR + NEAR;
	ASSERT_EQ(0, ioctl(self->fd, VDSO_REMAP_PROXY, &self->req));
	ASSERT_TRUE(t_detach(child.pid));

	for (unsigned int i = 0; i < 100; i++) {
		pid_t caller = t_fork();
		int status;

		ASSERT_LE(0, caller);
		if (!caller)
			park_until_killed(self->fd, &self->req);
		usleep(3000 + i * 137);
		ASSERT_EQ(0, kill(caller, SIGKILL));
		ASSERT_EQ(caller, waitpid(caller, &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status));
		ASSERT_EQ(1, t_child_call(&child, call_built, T_IMAGE_ADDR));
	}
	t_child_end(&child);
}

TEST_HARNESS_MAIN
