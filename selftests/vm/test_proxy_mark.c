// SPDX-License-Identifier: GPL-2.0
/* A group that is marked: the sites of its proxy lead to where it is. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "arch/test.h"
#include "lib/child.h"
#include "lib/device.h"
#include "lib/image.h"
#include "lib/memory.h"
#include "lib/state.h"
#include "lib/task.h"
#include "lib/vdso.h"
#include "lib/vdso_calls.h"
#include "proxy_fixture.h"

static struct vdso_remap_move move_elsewhere(void)
{
	return (struct vdso_remap_move){
		.size = sizeof(struct vdso_remap_move),
		.addr = t_group_hole(),
	};
}

/* All of the state is what it is now, but that the group moves. */
static bool moves_elsewhere(FIXTURE_DATA(proxy) *self)
{
	struct vdso_remap_move move = move_elsewhere();

	return t_state_capture(&state, self->fd, 0) &&
	       !t_ioctl(self->fd, VDSO_REMAP_MOVE, &move) && moved_only(&state, move.addr);
}

static void stays_where_it_is(struct __test_metadata *_metadata, FIXTURE_DATA(proxy) *self)
{
	struct vdso_remap_move move = move_elsewhere();

	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	EXPECT_TRUE(t_refused(&state, EALREADY, VDSO_REMAP_MOVE, &move));
	move.flags = VDSO_REMAP_MOVE_REPLACE;
	EXPECT_TRUE(t_refused(&state, EALREADY, VDSO_REMAP_MOVE, &move));
	EXPECT_TRUE(t_image_is_expected(&self->image));
	EXPECT_TRUE(t_image_answers(&built, self->image.addr));
}

TEST_F(proxy, keeps_its_group_from_moving_once_that_is_marked)
{
	self->req.flags = VDSO_REMAP_PROXY_MARK;
	installs(_metadata, self);
	stays_where_it_is(_metadata, self);

	self->req.flags |= VDSO_REMAP_PROXY_PARK;
	self->req.addr = T_IMAGE_ADDR + NEAR;
	installs(_metadata, self);
	stays_where_it_is(_metadata, self);

	/* That is how it moves. */
	self->req.addr = T_IMAGE_ADDR + 2 * NEAR;
	installs(_metadata, self);
	EXPECT_TRUE(t_image_answers(&built, self->image.addr));
}

TEST_F(proxy, keeps_a_marked_group_of_another_process_from_moving)
{
	struct vdso_remap_move move = move_elsewhere();
	struct t_child child;

	self->req.flags = VDSO_REMAP_PROXY_MARK;
	installs(_metadata, self);
	ASSERT_TRUE(t_child_start(&child));
	ASSERT_TRUE(t_seize_and_stop(child.pid));
	ASSERT_TRUE(t_state_capture(&state, self->fd, child.pid));
	move.pid = child.pid;
	EXPECT_TRUE(t_refused(&state, EALREADY, VDSO_REMAP_MOVE, &move));
	t_child_end(&child);
}

TEST_F(proxy, lets_a_marked_group_move_when_nothing_of_the_proxy_is_left)
{
	self->req.flags = VDSO_REMAP_PROXY_PARK | VDSO_REMAP_PROXY_MARK;
	self->req.addr = T_IMAGE_ADDR + NEAR;
	installs(_metadata, self);
	ASSERT_EQ(0, munmap(self->image.addr, IMAGE_SIZE));
	EXPECT_TRUE(moves_elsewhere(self));
	/* Nor is ordinary data that has come to be there. */
	ASSERT_EQ(self->image.addr, mmap(self->image.addr, IMAGE_SIZE, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
	EXPECT_TRUE(moves_elsewhere(self));
}

/* By a debugger, for example. */
TEST_F(proxy, lets_a_group_move_whose_first_page_has_other_bytes)
{
	const uint8_t *own;
	size_t size;

	own = t_vdso_image(&size);
	installs(_metadata, self);
	ASSERT_TRUE(t_mem_write(0, text_addr(self->fd), own, 1));
	ASSERT_TRUE(t_page_is_private(text_addr(self->fd)));
	EXPECT_TRUE(moves_elsewhere(self));
}

TEST_HARNESS_MAIN
