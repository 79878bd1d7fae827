// SPDX-License-Identifier: GPL-2.0
/* Where PROXY parks the group, and where it refuses to. */
#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "arch/test.h"
#include "lib/clock.h"
#include "lib/image.h"
#include "lib/memory.h"
#include "lib/mislead.h"
#include "lib/state.h"
#include "lib/vdso.h"
#include "proxy_fixture.h"

TEST_F(proxy, parks_over_what_is_there_only_when_told)
{
	uint64_t addr = T_IMAGE_ADDR + NEAR;

	ASSERT_EQ((void *)addr, mmap((void *)addr, T_PAGE, PROT_READ,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	self->req.addr = addr;
	refuses(_metadata, self, EEXIST, VDSO_REMAP_NO_SITE, 0, self->req);
	self->req.flags |= VDSO_REMAP_PROXY_REPLACE;
	t_state_unmap(&state, addr, addr + T_PAGE);
	installs(_metadata, self);
}

TEST_F(proxy, refuses_places_where_it_cannot_park)
{
	struct t_group group;
	uint64_t before, span;

	ASSERT_TRUE(t_group_find(&group, &state.maps));
	before = group.text - group.start;
	span = group.end - group.start;
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	self->req.addr = T_IMAGE_ADDR + NEAR;

	REFUSES(EINVAL, VDSO_REMAP_NO_SITE, valid->addr++);
	REFUSES(EINVAL, VDSO_REMAP_NO_SITE, valid->addr = -T_PAGE);
	REFUSES(EINVAL, VDSO_REMAP_NO_SITE,
		valid->addr = t_task_limit() - (span - before) + T_PAGE);
	REFUSES(EINVAL, VDSO_REMAP_NO_SITE, valid->addr = 0);
	REFUSES(t_low_addr_error(0), VDSO_REMAP_NO_SITE, valid->addr = before);
	/* overlapping the present place: whole, and by one page at each end */
	REFUSES(EINVAL, VDSO_REMAP_NO_SITE, valid->addr = group.text);
	REFUSES(EINVAL, VDSO_REMAP_NO_SITE, valid->addr = group.text + span - T_PAGE);
	REFUSES(EINVAL, VDSO_REMAP_NO_SITE, valid->addr = group.text - span + T_PAGE);
	/* overlapping the image, with its text and with its data, told to or not */
	for (unsigned int i = 0; i < 2; i++) {
		REFUSES(EINVAL, VDSO_REMAP_NO_SITE, valid->addr = T_IMAGE_ADDR);
		REFUSES(EINVAL, VDSO_REMAP_NO_SITE,
			valid->addr = T_IMAGE_ADDR + IMAGE_SIZE + before - T_PAGE);
		REFUSES(EINVAL, VDSO_REMAP_NO_SITE,
			valid->addr = T_IMAGE_ADDR - (span - before) + T_PAGE);
		self->req.flags |= VDSO_REMAP_PROXY_REPLACE;
	}
	/* side by side is fine */
	self->req.addr = T_IMAGE_ADDR + IMAGE_SIZE + before;
	installs(_metadata, self);
}

TEST_F(proxy, refuses_a_place_of_which_any_page_is_taken)
{
	struct t_group group;

	ASSERT_TRUE(t_group_find(&group, &state.maps));
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	self->req.addr = T_IMAGE_ADDR + NEAR;
	for (uint64_t off = group.start; off < group.end; off += T_PAGE) {
		void *page = (void *)(self->req.addr + off - group.text);

		ASSERT_EQ(page, mmap(page, T_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
				     MAP_FIXED_NOREPLACE, -1, 0));
		ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
		REFUSES(EEXIST, VDSO_REMAP_NO_SITE);
		munmap(page, T_PAGE);
	}
}

static bool set_max_map_count(unsigned int max)
{
	FILE *file = fopen("/proc/sys/vm/max_map_count", "w");
	bool written = file && fprintf(file, "%u", max) > 0;

	return file && !fclose(file) && written;
}

static int get_max_map_count(void)
{
	FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
	int count = -1;

	if (file && fscanf(file, "%d", &count) != 1)
		count = -1;
	if (file)
		fclose(file);
	return count;
}

/* The place is in the middle of a mapping, which there is no room to split. */
TEST_F(proxy, leaves_all_as_it_was_when_it_cannot_make_room)
{
	uint64_t addr = T_IMAGE_ADDR + NEAR;
	const int saved = get_max_map_count();
	struct vdso_remap_proxy req;
	int ret;

	ASSERT_LT(0, saved);
	ASSERT_EQ((void *)addr, mmap((void *)addr, NEAR, PROT_READ,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	self->req.flags = VDSO_REMAP_PROXY_PARK | VDSO_REMAP_PROXY_REPLACE;
	self->req.addr = addr + NEAR / 2;
	req = self->req;

	ASSERT_TRUE(set_max_map_count(state.maps.nr - 1));	/* [vsyscall] does not count */
	ret = ioctl(self->fd, VDSO_REMAP_PROXY, &req);
	EXPECT_EQ(ENOMEM, errno);
	ASSERT_TRUE(set_max_map_count(saved));
	EXPECT_EQ(-1, ret);
	EXPECT_TRUE(t_state_is(&state));
	EXPECT_TRUE(t_image_is_expected(&self->image));
	EXPECT_TRUE(t_time_between_syscalls(text_addr(self->fd)));
}

/* The kernel's pointer says another place: what fails leaves it so, what does not sets it right. */
TEST_F_TIMEOUT(proxy, parks_a_group_that_the_kernel_believes_elsewhere, 120)
{
	ASSERT_TRUE(t_mislead_kernel());
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	ASSERT_NE(state.info.areas[state.info.nr_areas - 1].start, state.info.vdso);
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	self->req.addr = T_IMAGE_ADDR + NEAR;
	self->sites[3].room = T_FUNCTION_STUB_SIZE - 1;
	EXPECT_TRUE(t_refused(&state, ENOSPC, VDSO_REMAP_PROXY, &self->req));
	self->sites[3].room = T_FUNCTION_STUB_SIZE;
	installs(_metadata, self);
}

TEST_HARNESS_MAIN
