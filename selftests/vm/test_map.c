// SPDX-License-Identifier: GPL-2.0
/* MAP: a fresh group for a process that has none. */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
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
 * group: where it was before it was unmapped
 * req: that is possible
 */
FIXTURE(map) {
	struct t_group group;
	struct vdso_remap_map req;
};

static struct t_state before;	/* without a group */
static struct t_state state;	/* to be expected with one */

/* Away with it; what comes back is to be as it was before. */
static bool unmap_group(const struct t_group *group)
{
	const uint8_t breakpoint = T_TRAP_BYTE;

	return t_mem_write(0, group->end - 1, &breakpoint, 1) &&
	       !munmap((void *)group->start, group->end - group->start);
}

FIXTURE_SETUP(map)
{
	memset(&self->req, 0, sizeof(self->req));
	self->req.size = sizeof(self->req);
	self->req.addr = t_group_hole();
	ASSERT_TRUE(t_state_capture(&state, t_open(), 0));
	ASSERT_TRUE(t_group_find(&self->group, &state.maps));
	ASSERT_TRUE(unmap_group(&self->group));
	ASSERT_TRUE(t_state_capture(&before, state.fd, 0));
}

FIXTURE_TEARDOWN(map)
{
}

static bool gives_group(FIXTURE_DATA(map) *self)
{
	int ret = t_ioctl(state.fd, VDSO_REMAP_MAP, &self->req);

	if (ret)
		t_note("MAP at %llx: %s", self->req.addr, strerror(-ret));
	t_state_move(&state, self->req.addr);
	return t_state_is(&state) && !ret;
}

static bool gives_group_at(FIXTURE_DATA(map) *self, uint64_t addr)
{
	self->req.addr = addr;
	return gives_group(self);
}

static bool refused_at(FIXTURE_DATA(map) *self, int error, uint64_t addr)
{
	self->req.addr = addr;
	return t_refused(&before, error, VDSO_REMAP_MAP, &self->req);
}

TEST_F(map, gives_fresh_group)
{
	EXPECT_TRUE(gives_group(self));
}

TEST_F(map, gives_it_at_its_old_place)
{
	EXPECT_TRUE(gives_group_at(self, self->group.text));
}

TEST_F(map, gives_group_that_moves_and_forks)
{
	int status;

	ASSERT_TRUE(gives_group(self));
	ASSERT_EQ(0, t_move_own(self->group.text));
	t_state_move(&state, self->group.text);
	EXPECT_TRUE(t_state_is(&state));
	if (!fork())
		_exit(t_state_is(&state) ? 0 : 1);
	ASSERT_LT(0, wait(&status));
	EXPECT_EQ(0, status);
}

TEST_F(map, at_the_lowest_place_but_no_lower)
{
	uint64_t lowest = t_lowest_addr() + self->group.text - self->group.start;

	EXPECT_TRUE(refused_at(self, t_low_addr_error(t_lowest_addr() - T_PAGE),
			       lowest - T_PAGE));
	ASSERT_EQ(0, t_ioctl(before.fd, VDSO_REMAP_MAP, &(struct vdso_remap_map){
				.size = sizeof(self->req), .addr = lowest }));
	EXPECT_TRUE(t_time_between_syscalls(lowest));
}

TEST_F(map, at_the_highest_place_but_no_higher)
{
	uint64_t highest = t_task_limit() - (self->group.end - self->group.text);

	EXPECT_TRUE(refused_at(self, EINVAL, highest + T_PAGE));
	if (!t_is_free(&before.maps, highest - (self->group.text - self->group.start),
		       t_task_limit()))
		SKIP(return, "the stack has come to lie there");
	EXPECT_TRUE(gives_group_at(self, highest));
}

/* The kernel takes the text for being still there, and a caller in it along when that moves. */
TEST_F(map, leaves_a_caller_where_the_text_was)
{
	long (*make_system_call)(long nr, long a, long b, long c);
	void *text = (void *)self->group.text;

	ASSERT_EQ(text, mmap(text, T_PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
	t_write_code(text, T_MAKE_SYSTEM_CALL, sizeof(T_MAKE_SYSTEM_CALL));
	make_system_call = text;
	EXPECT_EQ(0, make_system_call(SYS_ioctl, state.fd, VDSO_REMAP_MAP, (long)&self->req));
	ASSERT_TRUE(t_maps_read(&state.maps, 0));
	ASSERT_TRUE(t_group_find(&self->group, &state.maps));
	EXPECT_EQ(self->req.addr, self->group.text);
	EXPECT_TRUE(t_time_between_syscalls(self->req.addr));
}

static void *sleep_for_ever(void *arg)
{
	pause();
	return arg;
}

TEST_F(map, beside_a_running_thread)
{
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, sleep_for_ever, NULL));
	ASSERT_EQ(0, t_ioctl(state.fd, VDSO_REMAP_MAP, &self->req));
	EXPECT_TRUE(t_time_between_syscalls(self->req.addr));
}

TEST_F(map, refuses_process_that_has_a_group)
{
	ASSERT_TRUE(gives_group(self));
	self->req.addr = t_group_hole();
	EXPECT_TRUE(t_refused(&state, EEXIST, VDSO_REMAP_MAP, &self->req));
}

TEST_F(map, refuses_a_mapping_at_each_page)
{
	uint64_t span = self->group.end - self->group.start;
	uint64_t start = self->req.addr - (self->group.text - self->group.start), page;

	for (page = start; page < start + span; page += T_PAGE) {
		ASSERT_EQ((void *)page,
			  mmap((void *)page, T_PAGE, PROT_NONE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
		ASSERT_TRUE(t_maps_read(&before.maps, 0));
		EXPECT_TRUE(refused_at(self, EEXIST, self->req.addr));
		ASSERT_EQ(0, munmap((void *)page, T_PAGE));
	}
	EXPECT_TRUE(gives_group(self));
}

/* The rest of a group is for the caller to unmap, who may want to see it first. */
TEST_F(map, refuses_process_with_data_only)
{
	ASSERT_TRUE(gives_group(self));
	ASSERT_EQ(0, munmap((void *)self->req.addr, self->group.end - self->group.text));
	ASSERT_TRUE(t_state_capture(&before, state.fd, 0));
	EXPECT_TRUE(refused_at(self, EUCLEAN, self->group.text));
}

TEST_F(map, refuses_process_with_text_only)
{
	uint64_t below = self->group.text - self->group.start;

	ASSERT_TRUE(gives_group(self));
	ASSERT_EQ(0, munmap((void *)(self->req.addr - below), below));
	ASSERT_TRUE(t_state_capture(&before, state.fd, 0));
	EXPECT_TRUE(refused_at(self, EUCLEAN, self->group.text));
}

TEST_F(map, refuses_unaligned_addr)
{
	EXPECT_TRUE(refused_at(self, EINVAL, self->req.addr + 1));
}

TEST_F(map, refuses_data_that_wraps_below_0)
{
	EXPECT_TRUE(refused_at(self, EINVAL, 0));
	EXPECT_TRUE(refused_at(self, EINVAL, self->group.text - self->group.start - T_PAGE));
}

TEST_F(map, refuses_text_that_wraps)
{
	EXPECT_TRUE(refused_at(self, EINVAL, ~0ULL - (T_PAGE - 1)));
}

TEST_F(map, refuses_kernel_addresses)
{
	EXPECT_TRUE(refused_at(self, EINVAL, 0xffffffff81000000ULL));
}

static struct t_group child_group;

static long unmap_child_group(uint64_t arg)
{
	return munmap((void *)child_group.start, child_group.end - child_group.start);
}

/* Whoever asks keeps his own as it was. */
TEST(map_gives_stopped_child_a_group)
{
	struct vdso_remap_map req = { .size = sizeof(req), .addr = t_group_hole() };
	struct t_child child;

	ASSERT_TRUE(t_state_capture(&before, t_open(), 0));
	ASSERT_TRUE(t_group_find(&child_group, &before.maps));
	ASSERT_TRUE(t_child_start(&child));
	ASSERT_TRUE(t_seize_and_stop(child.pid));
	ASSERT_TRUE(t_state_capture(&state, before.fd, child.pid));
	req.pid = child.pid;
	EXPECT_TRUE(t_refused(&state, EEXIST, VDSO_REMAP_MAP, &req));

	ASSERT_TRUE(t_detach(child.pid));
	ASSERT_EQ(0, t_child_call(&child, unmap_child_group, 0));
	ASSERT_TRUE(t_seize_and_stop(child.pid));
	EXPECT_EQ(0, t_ioctl(before.fd, VDSO_REMAP_MAP, &req));
	t_state_move(&state, req.addr);
	EXPECT_TRUE(t_state_is(&state));
	ASSERT_TRUE(t_detach(child.pid));
	EXPECT_TRUE(t_child_time_between_syscalls(&child, req.addr));
	t_child_end(&child);
	ASSERT_TRUE(t_maps_read(&before.maps, 0));
	EXPECT_TRUE(t_state_is(&before));
}

TEST_HARNESS_MAIN
