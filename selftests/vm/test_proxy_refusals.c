// SPDX-License-Identifier: GPL-2.0
/* What PROXY refuses, and that it then leaves all as it was. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arch/test.h"
#include "lib/image.h"
#include "lib/maps.h"
#include "lib/memory.h"
#include "lib/state.h"
#include "lib/vdso.h"
#include "proxy_fixture.h"

#define HUGE_PAGE	0x200000ULL

TEST_F(proxy, refuses_numbers_of_sites)
{
	for (unsigned int i = 0; i <= VDSO_REMAP_MAX_SITES; i++)
		self->sites[i] = (struct vdso_remap_site){
			SLOT(i), T_SLOT_SIZE, VDSO_REMAP_SITE_STUB, T_FUNCTION_STUB,
		};
	REFUSES(EINVAL, VDSO_REMAP_NO_SITE, valid->nr_sites = 0);
	REFUSES(EINVAL, VDSO_REMAP_NO_SITE, valid->nr_sites = VDSO_REMAP_MAX_SITES + 1);
	REFUSES(EINVAL, VDSO_REMAP_NO_SITE, valid->nr_sites = ~0U);
}

TEST_F(proxy, refuses_sites_that_cannot_be_read)
{
	uint64_t hole = t_hole(2 * T_PAGE);
	uint64_t half = hole + T_PAGE - 2 * sizeof(self->sites[0]);

	REFUSES(EFAULT, VDSO_REMAP_NO_SITE, valid->sites = 0);
	REFUSES(EFAULT, VDSO_REMAP_NO_SITE, valid->sites = ~0xfULL);
	REFUSES(EFAULT, VDSO_REMAP_NO_SITE, valid->sites = hole);

	ASSERT_EQ((void *)hole, mmap((void *)hole, T_PAGE, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
	memcpy((void *)half, self->sites, 2 * sizeof(self->sites[0]));
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	REFUSES(EFAULT, VDSO_REMAP_NO_SITE, valid->sites = half);
}

TEST_F(proxy, refuses_ranges_that_are_no_image)
{
	REFUSES(EINVAL, VDSO_REMAP_NO_SITE, valid->image++);
	REFUSES(EINVAL, VDSO_REMAP_NO_SITE, valid->image += T_PAGE / 2);
	REFUSES(EINVAL, VDSO_REMAP_NO_SITE, valid->image_size = 0);
	REFUSES(EINVAL, VDSO_REMAP_NO_SITE, valid->image_size--);
	REFUSES(EINVAL, VDSO_REMAP_NO_SITE,
		valid->image_size = VDSO_REMAP_MAX_IMAGE_SIZE + T_PAGE);
	REFUSES(EINVAL, VDSO_REMAP_NO_SITE, valid->image_size = -T_PAGE);
	REFUSES(EINVAL, VDSO_REMAP_NO_SITE, valid->image = -T_PAGE);
	REFUSES(EINVAL, VDSO_REMAP_NO_SITE, valid->image = -IMAGE_SIZE);
	REFUSES(EINVAL, VDSO_REMAP_NO_SITE, valid->image = t_task_limit() - T_PAGE);
	REFUSES(EINVAL, VDSO_REMAP_NO_SITE, valid->image = t_task_limit());
}

TEST_F(proxy, refuses_an_image_with_a_hole)
{
	REFUSES(EFAULT, VDSO_REMAP_NO_SITE, valid->image = T_IMAGE_ADDR + T_FAR);
	REFUSES(EFAULT, VDSO_REMAP_NO_SITE, valid->image += T_PAGE);
	REFUSES(EFAULT, VDSO_REMAP_NO_SITE, valid->image -= T_PAGE);
	REFUSES(EFAULT, VDSO_REMAP_NO_SITE, valid->image_size += T_PAGE);
}

/* Each page of the image in turn becomes what PROXY does not write to. */
TEST_F(proxy, refuses_an_image_that_is_not_private_code)
{
	static const struct {
		int prot;
		int flags;
	} kinds[] = {
		{ PROT_READ | PROT_EXEC, MAP_SHARED },
		{ PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED },
		{ PROT_READ, MAP_PRIVATE },
		{ PROT_READ | PROT_WRITE, MAP_PRIVATE },
		{ PROT_NONE, MAP_PRIVATE },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (uint64_t off = 0; off < IMAGE_SIZE; off += T_PAGE) {
			void *page = mmap(self->image.addr + off, T_PAGE, kinds[i].prot,
					  kinds[i].flags | MAP_FIXED | MAP_ANONYMOUS, -1, 0);

			ASSERT_EQ(self->image.addr + off, page);
			t_image_snapshot(&self->image, self->image.expected);
			ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
			REFUSES(EACCES, VDSO_REMAP_NO_SITE);

			ASSERT_EQ(page, mmap(page, T_PAGE, PROT_READ | PROT_EXEC,
					     MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0));
		}
	}
}

TEST_F(proxy, refuses_the_group_as_an_image)
{
	const struct t_vma *vma;

	vma = t_maps_find(&state.maps, "[vdso]");
	ASSERT_NE(NULL, vma);
	REFUSES(EACCES, VDSO_REMAP_NO_SITE, valid->image = vma->start);
	vma = t_maps_find(&state.maps, "[vvar]");
	ASSERT_NE(NULL, vma);
	REFUSES(EACCES, VDSO_REMAP_NO_SITE, valid->image = vma->start);
}

TEST_F(proxy, refuses_huge_pages)
{
	uint64_t addr = T_IMAGE_ADDR + T_FAR;
	int fd = open("/proc/sys/vm/nr_hugepages", O_WRONLY | O_CLOEXEC);
	void *huge;

	if (fd < 0)
		SKIP(return, "this kernel has no huge pages");
	ASSERT_EQ(1, write(fd, "1", 1));
	huge = mmap((void *)addr, HUGE_PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_HUGETLB, -1, 0);
	if (huge != (void *)addr)
		SKIP(return, "no huge page to be had");
	memset(huge, 0xcc, IMAGE_SIZE);
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	REFUSES(EACCES, VDSO_REMAP_NO_SITE, valid->image = addr);
	for (size_t i = 0; i < IMAGE_SIZE; i++)
		ASSERT_EQ(0xcc, ((uint8_t *)huge)[i]);
}

TEST_F(proxy, refuses_sites_outside_of_the_image)
{
	REFUSES_SITE(EINVAL, 3, site->off = IMAGE_SIZE);
	REFUSES_SITE(EINVAL, 3, site->off = IMAGE_SIZE - T_SLOT_SIZE + T_CODE_ALIGN);
	REFUSES_SITE(EINVAL, 3, site->off = -T_SLOT_SIZE);
	REFUSES_SITE(EINVAL, 3, site->room = IMAGE_SIZE - SLOT(7) + 1);
	REFUSES_SITE(EINVAL, 3, site->room = ~0U);
	REFUSES_SITE(EINVAL, 0, site->room = ~0U);
	for (uint32_t i = 0; i < 4; i++)
		REFUSES_SITE(EINVAL, i, site->room = 0);
}

TEST_F(proxy, refuses_sites_out_of_order_or_overlapping)
{
	REFUSES_SITE(EINVAL, 1, site->off = SLOT(0));
	REFUSES_SITE(EINVAL, 2, site->off = SLOT(2));
	REFUSES_SITE(EINVAL, 3, site->off = SLOT(5));
	REFUSES_SITE(EINVAL, 1, site->off = SLOT(2) - 1);

	/* Its predecessor's room reaches into it: the second one is at fault. */
	self->sites[0].room = SLOT(3) - SLOT(1) + 1;
	refuses(_metadata, self, EINVAL, 1, 0, self->req);
	self->sites[0].room--;
	installs(_metadata, self);
}

TEST_F(proxy, refuses_kinds_and_stubs_that_there_are_not)
{
	REFUSES_SITE(EINVAL, 0, site->kind = 0);
	REFUSES_SITE(EINVAL, 1, site->kind = 3);
	REFUSES_SITE(EINVAL, 1, site->target = 0);
	REFUSES_SITE(EINVAL, 2, site->kind = VDSO_REMAP_SITE_STUB; site->target = T_NO_STUB);
	REFUSES_SITE(EINVAL, 3, site->target = VDSO_REMAP_STUB_RT_SIGRETURN + 1);
	REFUSES_SITE(EINVAL, 3, site->target = ~0U);
}

TEST_F(proxy, refuses_targets_that_are_no_entry_points)
{
	REFUSES_SITE(ENXIO, 0, site->target++);
	REFUSES_SITE(ENXIO, 2, site->target--);
	REFUSES_SITE(ENXIO, 0, site->target = 0);
	REFUSES_SITE(ENXIO, 2, site->target = IMAGE_SIZE);
	REFUSES_SITE(ENXIO, 2, site->target = ~0U);
}

TEST_F(proxy, refuses_rooms_that_are_too_small)
{
	REFUSES_SITE(ENOSPC, 0, site->room = T_FAR_JUMP_SIZE - 1);
	REFUSES_SITE(ENOSPC, 1, site->room = T_LONGEST_STUB_SIZE - 1);
	REFUSES_SITE(ENOSPC, 2, site->room = 1);
	REFUSES_SITE(ENOSPC, 3, site->room = T_FUNCTION_STUB_SIZE - 1);

	self->req.flags = VDSO_REMAP_PROXY_PARK;
	self->req.addr = T_IMAGE_ADDR + NEAR;
	REFUSES_SITE(ENOSPC, 0, site->room = T_NEAR_JUMP_SIZE - 1);
	self->sites[0].room = T_NEAR_JUMP_SIZE;
	self->sites[1].room = T_LONGEST_STUB_SIZE;
	self->sites[3].room = T_FUNCTION_STUB_SIZE;
	installs(_metadata, self);

	self->sites[0].room = T_FAR_JUMP_SIZE;
	self->req.addr = T_IMAGE_ADDR + T_FAR;
	installs(_metadata, self);
}

TEST_F(proxy, refuses_fields_without_their_flag)
{
	REFUSES(EINVAL, VDSO_REMAP_NO_SITE, valid->addr = T_IMAGE_ADDR + NEAR);
	REFUSES(EINVAL, VDSO_REMAP_NO_SITE, valid->flags = VDSO_REMAP_PROXY_REPLACE);
	REFUSES(EINVAL, VDSO_REMAP_NO_SITE, valid->flags = VDSO_REMAP_PROXY_UNSEAL);
	REFUSES(EINVAL, VDSO_REMAP_NO_SITE, valid->image_data = T_IMAGE_ADDR - T_PAGE);
	REFUSES(EINVAL, VDSO_REMAP_NO_SITE, valid->flags = VDSO_REMAP_PROXY_MARK;
		valid->image_data = T_IMAGE_ADDR - 1);
}

TEST_F(proxy, refuses_unknown_flags)
{
	for (unsigned int bit = 4; bit < 32; bit++)
		REFUSES(EINVAL, VDSO_REMAP_NO_SITE, valid->flags |= 1U << bit);
}

TEST_F(proxy, refuses_a_process_without_a_group)
{
	struct t_group group;

	ASSERT_TRUE(t_group_find(&group, &state.maps));
	ASSERT_EQ(0, munmap((void *)group.start, group.end - group.start));
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	REFUSES(ENOENT, VDSO_REMAP_NO_SITE);
	REFUSES(ENOENT, VDSO_REMAP_NO_SITE, valid->flags = VDSO_REMAP_PROXY_PARK;
		valid->addr = T_IMAGE_ADDR + NEAR);
}

TEST_F(proxy, refuses_a_process_with_a_torn_group)
{
	const struct t_vma *vvar = t_maps_find(&state.maps, "[vvar]");

	ASSERT_NE(NULL, vvar);
	ASSERT_EQ(0, munmap((void *)vvar->start, vvar->end - vvar->start));
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	REFUSES(EUCLEAN, VDSO_REMAP_NO_SITE);
}

/* Also pages that were written to and so are the process's own already. */
TEST_F(proxy, refuses_a_file_as_an_image)
{
	uint64_t addr = T_IMAGE_ADDR + T_FAR;
	int file = memfd_create("image", MFD_CLOEXEC);
	static uint8_t bytes[2 * T_PAGE_MAX];

	ASSERT_EQ(IMAGE_SIZE, write(file, self->image.pristine, IMAGE_SIZE));
	self->image.addr = mmap((void *)addr, IMAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
				MAP_PRIVATE | MAP_FIXED_NOREPLACE, file, 0);
	ASSERT_EQ((void *)addr, self->image.addr);
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	REFUSES(EACCES, VDSO_REMAP_NO_SITE, valid->image = addr);
	memcpy(self->image.addr, self->image.pristine, IMAGE_SIZE);
	REFUSES(EACCES, VDSO_REMAP_NO_SITE, valid->image = addr);
	ASSERT_EQ(IMAGE_SIZE, pread(file, bytes, IMAGE_SIZE, 0));
	EXPECT_EQ(0, memcmp(bytes, self->image.pristine, IMAGE_SIZE));
}

TEST_F(proxy, refuses_a_caller_who_has_renounced_new_code)
{
	if (renounce_new_code(0))
		SKIP(return, "this kernel has no PR_SET_MDWE");
	REFUSES(EACCES, VDSO_REMAP_NO_SITE);
	REFUSES(EACCES, VDSO_REMAP_NO_SITE, valid->flags = VDSO_REMAP_PROXY_PARK;
		valid->addr = T_IMAGE_ADDR + NEAR);
}

TEST_HARNESS_MAIN
