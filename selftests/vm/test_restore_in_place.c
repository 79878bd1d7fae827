// SPDX-License-Identifier: GPL-2.0
/* vdso_remap_restore() and vdso_remap_query(): the own vDSO, remembered elsewhere. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <kselftest_harness.h>
#include "arch/test.h"
#include "lib/image.h"
#include "lib/memory.h"
#include "lib/note.h"
#include "lib/state.h"
#include "lib/vdso.h"
#include "lib/vdso_calls.h"
#include "restore.h"

FIXTURE(in_place)
{
	int fd;
	struct t_group group;
	struct t_image image;
	struct vdso_remap_image parsed;
	struct vdso_remap_restore_args restore;
	struct vdso_remap_error error;
};

FIXTURE_SETUP(in_place)
{
	const void *bytes;
	size_t size;

	self->fd = vdso_remap_open();
	ASSERT_LE(0, self->fd);
	bytes = t_image_read("own", &size);
	ASSERT_TRUE(t_image_map(&self->image, T_IMAGE_ADDR, bytes, size));
	ASSERT_EQ(0, t_parse(&self->parsed, bytes, size));
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	ASSERT_TRUE(t_group_find(&self->group, &state.maps));
	self->error.size = sizeof(self->error);
	self->restore = (struct vdso_remap_restore_args){
		.size = sizeof(self->restore),
		.error = &self->error,
		.fd = self->fd,
		.image = T_IMAGE_ADDR,
		.image_size = size,
		.image_data = T_IMAGE_ADDR - (self->group.text - self->group.start),
		.image_data_size = self->group.text - self->group.start,
	};
}

FIXTURE_TEARDOWN(in_place)
{
}

/* Exactly the group has moved to where the image was. */
static void restores_in_place(struct __test_metadata *_metadata, FIXTURE_DATA(in_place) *self)
{
	const struct vdso_remap_restore_args *restore = &self->restore;
	struct vdso_remap_status status = VDSO_REMAP_INIT(status);

	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	ASSERT_EQ(0, vdso_remap_restore(&self->restore));
	EXPECT_EQ(VDSO_REMAP_IN_PLACE, restore->outcome);
	EXPECT_EQ(restore->image, restore->runtime);
	t_state_unmap(&state, restore->image - (self->group.text - self->group.start),
		      restore->image + restore->image_size);
	t_state_move(&state, restore->image);
	EXPECT_TRUE(t_state_is(&state));
	EXPECT_TRUE(t_image_answers(&self->parsed, (void *)restore->image));
	ASSERT_EQ(0, vdso_remap_query(self->fd, 0, &status));
	EXPECT_EQ(0, status.flags);
}

/* As CRIU sees it: it looks for marks in readable memory only. */
TEST_F(in_place, a_vdso_that_cannot_be_read_is_not_marked)
{
	struct vdso_remap_status status = VDSO_REMAP_INIT(status);

	/* the whole of it: the kernel does not split it */
	ASSERT_EQ(0, mprotect((void *)self->group.text, self->restore.image_size, PROT_NONE));
	EXPECT_EQ(0, vdso_remap_query(self->fd, 0, &status));
	ASSERT_EQ(0, mprotect((void *)self->group.text, self->restore.image_size,
			      PROT_READ | PROT_EXEC));
	EXPECT_EQ(0, status.flags);
	EXPECT_EQ(self->group.text, status.info.vdso);
}

TEST_F(in_place, without_the_images_data_pages)
{
	restores_in_place(_metadata, self);
}

TEST_F(in_place, over_the_images_data_pages)
{
	ASSERT_TRUE(map_at(self->restore.image_data, self->restore.image_data_size, PROT_READ));
	restores_in_place(_metadata, self);
}

TEST_F(in_place, knowing_of_no_data_pages)
{
	self->restore.image_data = 0;
	self->restore.image_data_size = 0;
	restores_in_place(_metadata, self);
}

TEST_F(in_place, changes_nothing_where_it_is_already)
{
	self->restore.image = self->group.text;
	self->restore.image_data = self->group.start;
	EXPECT_EQ(0, vdso_remap_restore(&self->restore));
	EXPECT_EQ(VDSO_REMAP_IN_PLACE, self->restore.outcome);
	EXPECT_EQ(self->group.text, self->restore.runtime);
	EXPECT_TRUE(t_state_is(&state));
}

/* The new place begins one page above the old one: the data lies over the old text. */
TEST_F(in_place, to_a_place_that_overlaps_the_old_one)
{
	uint64_t size = self->image.size;
	struct vdso_remap_move move = {
		.size = sizeof(move),
		.addr = T_IMAGE_ADDR + 0x100000,
	};

	ASSERT_EQ(0, ioctl(self->fd, VDSO_REMAP_MOVE, &move));
	self->restore.image = move.addr + size;
	self->restore.image_data += self->restore.image - T_IMAGE_ADDR;
	ASSERT_TRUE(t_image_map(&self->image, self->restore.image, self->image.pristine, size));
	ASSERT_EQ(0, vdso_remap_restore(&self->restore));
	EXPECT_EQ(VDSO_REMAP_IN_PLACE, self->restore.outcome);
	EXPECT_TRUE(t_image_answers(&self->parsed, self->image.addr));
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	ASSERT_TRUE(t_group_find(&self->group, &state.maps));
	EXPECT_EQ(self->restore.image, self->group.text);
}

TEST_F(in_place, spares_memory_that_is_not_the_images)
{
	self->restore.image_data = 0;
	self->restore.image_data_size = 0;
	ASSERT_TRUE(map_at(T_IMAGE_ADDR - T_PAGE, T_PAGE, PROT_READ));
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	fails(_metadata, &self->image, -EEXIST, &self->restore);
}

static void restores_split_vdso(struct __test_metadata *_metadata, FIXTURE_DATA(in_place) *self)
{
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	ASSERT_FALSE(state.info.state & VDSO_REMAP_STATE_PRESENT);
	ASSERT_EQ(0, vdso_remap_restore(&self->restore));
	EXPECT_EQ(VDSO_REMAP_IN_PLACE, self->restore.outcome);
	EXPECT_TRUE(t_image_answers(&self->parsed, self->image.addr));
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	ASSERT_TRUE(t_group_find(&self->group, &state.maps));
	EXPECT_EQ(self->restore.image, self->group.text);
	EXPECT_EQ(self->restore.image, state.info.vdso);
}

TEST_F(in_place, when_the_runtime_vdso_is_split)
{
	if (!split_at(_metadata, self->group.start))
		SKIP(return, NO_SPLIT);
	restores_split_vdso(_metadata, self);
}

TEST_F(in_place, when_the_runtime_vdso_has_lost_a_page)
{
	if (!split_at(_metadata, self->group.start))
		SKIP(return, NO_SPLIT);
	ASSERT_EQ(0, munmap((void *)self->group.start, T_PAGE));
	ASSERT_TRUE(map_at(self->group.start, T_PAGE, PROT_NONE));
	restores_split_vdso(_metadata, self);
}

TEST_F(in_place, refuses_a_split_vdso_with_private_pages)
{
	uint8_t byte;

	ASSERT_TRUE(t_mem_read(0, self->group.text, &byte, 1));
	ASSERT_TRUE(t_mem_write(0, self->group.text, &byte, 1));
	if (!split_at(_metadata, self->group.start))
		SKIP(return, NO_SPLIT);
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	fails(_metadata, &self->image, -EUCLEAN, &self->restore);
}

TEST_F(in_place, when_the_runtime_vdso_has_a_gap)
{
	if (!split_at(_metadata, self->group.start + T_PAGE))
		SKIP(return, NO_SPLIT);
	ASSERT_EQ(0, munmap((void *)(self->group.start + T_PAGE), T_PAGE));
	restores_split_vdso(_metadata, self);
}

TEST_F(in_place, takes_few_system_calls)
{
	int calls = count_system_calls(&self->restore, VDSO_REMAP_IN_PLACE);

	EXPECT_LT(0, calls);
	EXPECT_GE(6, calls);
	t_note("in place: %d system calls", calls);
}

TEST_F(in_place, is_proxied_when_told_to)
{
	self->restore.flags = VDSO_REMAP_FORCE_PROXY;
	ASSERT_EQ(0, vdso_remap_restore(&self->restore));
	EXPECT_EQ(VDSO_REMAP_PROXIED, self->restore.outcome);
	EXPECT_TRUE(t_image_answers(&self->parsed, self->image.addr));
}

TEST_HARNESS_MAIN
