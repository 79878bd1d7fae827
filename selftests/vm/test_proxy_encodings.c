// SPDX-License-Identifier: GPL-2.0
/* What PROXY writes at a site. */
#include <string.h>
#include <sys/ioctl.h>

#include "arch/test.h"
#include "lib/image.h"
#include "lib/state.h"
#include "lib/vdso_calls.h"
#include "proxy_fixture.h"

TEST_F(proxy, installs_the_valid_request_of_these_tests)
{
	installs(_metadata, self);
	EXPECT_TRUE(t_image_answers(&built, self->image.addr));
}

TEST_F(proxy, installs_one_site)
{
	self->req.nr_sites = 1;
	installs(_metadata, self);
}

TEST_F(proxy, installs_as_many_sites_as_it_says)
{
	for (unsigned int i = 0; i < VDSO_REMAP_MAX_SITES; i++)
		self->sites[i] = (struct vdso_remap_site){
			.off = SLOT(i),
			.room = T_SLOT_SIZE,
			.kind = VDSO_REMAP_SITE_STUB,
			.target = 1 + i % 3,	/* those that every ABI has */
		};
	self->req.nr_sites = VDSO_REMAP_MAX_SITES;
	installs(_metadata, self);
}

TEST_F(proxy, takes_an_image_of_the_largest_size)
{
	uint64_t addr = T_IMAGE_ADDR + T_FAR;

	ASSERT_TRUE(t_image_map(&self->image, addr, t_image_build(VDSO_REMAP_MAX_IMAGE_SIZE),
				VDSO_REMAP_MAX_IMAGE_SIZE));
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	self->req.image = addr;
	self->req.image_size = VDSO_REMAP_MAX_IMAGE_SIZE;
	self->sites[3].off = VDSO_REMAP_MAX_IMAGE_SIZE - T_SLOT_SIZE;
	installs(_metadata, self);
}

TEST_F(proxy, keeps_a_landing_pad)
{
	uint8_t *bytes = t_image_build(IMAGE_SIZE);
	uint64_t addr = T_IMAGE_ADDR + T_FAR;

	for (unsigned int i = 0; i < self->req.nr_sites; i++)
		memcpy(bytes + self->sites[i].off, T_LANDING_PAD, T_LANDING_PAD_SIZE);
	/* Exactly as much as each of them needs. */
	self->sites[0].room = T_LANDING_PAD_SIZE + T_FAR_JUMP_SIZE;
	self->sites[1].room = T_LANDING_PAD_SIZE + T_LONGEST_STUB_SIZE;
	self->sites[2].room = T_LANDING_PAD_SIZE + T_FAR_JUMP_SIZE;
	self->sites[3].room = T_LANDING_PAD_SIZE + T_FUNCTION_STUB_SIZE;
	ASSERT_TRUE(t_image_map(&self->image, addr, bytes, IMAGE_SIZE));
	self->req.image = addr;
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	for (uint32_t i = 0; i < 4; i++)
		REFUSES_SITE(ENOSPC, i, site->room--);
	installs(_metadata, self);
	EXPECT_TRUE(t_image_answers(&built, self->image.addr));
}

TEST_HARNESS_MAIN
