// SPDX-License-Identifier: GPL-2.0
/* Which bytes and pages PROXY changes: which threads are in the way, and which pages stay. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <kselftest_harness.h>
#include "arch/test.h"
#include "lib/child.h"
#include "lib/device.h"
#include "lib/image.h"
#include "lib/memory.h"
#include "lib/note.h"
#include "lib/state.h"
#include "lib/task.h"
#include "lib/vdso.h"

#define NEAR	0x1000000ULL	/* from the image to a group parked near it */
#define SITE	T_SLOT_SIZE
#define ROOM	T_SLOT_SIZE

/* A stopped child with an image vDSO. */
FIXTURE(patch) {
	int fd;
	struct t_child child;
	struct vdso_regs regs;
	struct t_image image;
	struct vdso_remap_site sites[3];
	struct vdso_remap_proxy req;	/* valid: of one site, a jump */
};

static struct t_state state;	/* of the child */

static void start(struct __test_metadata *_metadata, FIXTURE_DATA(patch) *self,
		  const void *bytes, size_t size)
{
	self->fd = t_open();
	ASSERT_TRUE(t_image_map(&self->image, T_IMAGE_ADDR, bytes, size));
	ASSERT_TRUE(t_child_start(&self->child));
	ASSERT_TRUE(t_seize_and_stop(self->child.pid));
	ASSERT_TRUE(t_get_regs(self->child.pid, &self->regs));
	self->sites[0] = (struct vdso_remap_site){
		SITE, ROOM, VDSO_REMAP_SITE_JUMP, t_entry_point(T_FUNCTION)
	};
	self->req = (struct vdso_remap_proxy){
		.size = sizeof(self->req),
		.pid = self->child.pid,
		.nr_sites = 1,
		.sites = (uintptr_t)self->sites,
		.image = T_IMAGE_ADDR,
		.image_size = size,
	};
	ASSERT_TRUE(t_state_capture(&state, self->fd, self->child.pid));
}

FIXTURE_SETUP(patch)
{
}

FIXTURE_TEARDOWN(patch)
{
	t_child_end(&self->child);
}

static bool image_is_expected(FIXTURE_DATA(patch) *self)
{
	if (!t_mem_read(self->child.pid, T_IMAGE_ADDR, self->image.now, self->image.size))
		return false;
	if (!memcmp(self->image.now, self->image.expected, self->image.size))
		return true;
	t_note("the child's image is not as it should be");
	return false;
}

static void installs(struct __test_metadata *_metadata, FIXTURE_DATA(patch) *self)
{
	ASSERT_EQ(0, t_ioctl(self->fd, VDSO_REMAP_PROXY, &self->req));
	ASSERT_TRUE(t_state_capture(&state, self->fd, self->child.pid));
	t_image_expect(&self->image, self->sites, self->req.nr_sites, state.info.vdso);
	EXPECT_TRUE(image_is_expected(self));
}

/* A thread between the instructions of the jump that is there now, which is longer */

static const unsigned long no_args[3];

static bool stand_at(FIXTURE_DATA(patch) *self, uint64_t off)
{
	return t_enter(self->child.pid, &self->regs, T_IMAGE_ADDR + SITE + off, T_IMAGE_ADDR,
		       no_args);
}

/* Not one byte changes while the thread stands there; it is named. */
static bool is_in_the_way(FIXTURE_DATA(patch) *self, uint64_t off)
{
	bool ok = stand_at(self, off);

	self->req.busy_tid = 0;
	ok &= t_refused(&state, EBUSY, VDSO_REMAP_PROXY, &self->req);
	ok &= self->req.busy_tid == self->child.pid;
	ok &= image_is_expected(self);
	if (!ok)
		t_note("a thread at byte %llu of the site", (unsigned long long)off);
	return ok;
}

/* The request is for less than the jump of that size that stands at the site. */
static void must_not_cut(struct __test_metadata *_metadata, FIXTURE_DATA(patch) *self,
			 unsigned int size)
{
	for (unsigned int off = T_CODE_ALIGN; off < size; off += T_CODE_ALIGN)
		EXPECT_TRUE(is_in_the_way(self, off));
}

static void park_near(FIXTURE_DATA(patch) *self)
{
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	self->req.addr = T_IMAGE_ADDR + NEAR;
}

/* An image that has these bytes at the site, with a landing pad before them or not. */
static void start_with(struct __test_metadata *_metadata, FIXTURE_DATA(patch) *self,
		       const char *pad, const char *jump, size_t size)
{
	uint8_t *bytes = t_image_build(T_PAGE);

	memcpy(bytes + SITE, pad, strlen(pad));
	memcpy(bytes + SITE + strlen(pad), jump, size);
	start(_metadata, self, bytes, T_PAGE);
}

#if !T_CRIU_JUMP_IS_WHOLE
TEST_F(patch, heeds_a_thread_inside_a_jump_of_criu)
{
	start_with(_metadata, self, "", T_CRIU_JUMP, T_CRIU_JUMP_SIZE);
	park_near(self);
	must_not_cut(_metadata, self, T_CRIU_JUMP_SIZE);
	ASSERT_TRUE(stand_at(self, T_CRIU_JUMP_SIZE));
	installs(_metadata, self);
}

TEST_F(patch, heeds_a_thread_inside_a_jump_of_criu_behind_a_landing_pad)
{
	const unsigned int end = T_LANDING_PAD_SIZE + T_CRIU_JUMP_SIZE;

	start_with(_metadata, self, T_LANDING_PAD, T_CRIU_JUMP, T_CRIU_JUMP_SIZE);
	park_near(self);
	for (unsigned int off = T_LANDING_PAD_SIZE + T_CODE_ALIGN; off < end; off += T_CODE_ALIGN)
		EXPECT_TRUE(is_in_the_way(self, off));
	ASSERT_TRUE(stand_at(self, T_LANDING_PAD_SIZE));
	installs(_metadata, self);
}
#endif

TEST_F(patch, heeds_no_thread_at_the_jump_itself)
{
	start_with(_metadata, self, "", T_CRIU_JUMP, T_CRIU_JUMP_SIZE);
	park_near(self);
	ASSERT_TRUE(stand_at(self, 0));
	installs(_metadata, self);
}

/* If no jump through a register is there, a thread is in the way only in bytes that change. */
TEST_F(patch, heeds_no_thread_behind_the_new_bytes_of_other_code)
{
	start_with(_metadata, self, "", T_CRIU_JUMP, T_CRIU_JUMP_BROKEN);
	park_near(self);
	must_not_cut(_metadata, self, T_NEAR_JUMP_SIZE);
	ASSERT_TRUE(stand_at(self, T_NEAR_JUMP_SIZE));
	installs(_metadata, self);
}

/* Where there are no far jumps, stubs are longer than all jumps. */
#if T_HAS_FAR_JUMPS

static void make_stub(FIXTURE_DATA(patch) *self)
{
	self->sites[0].kind = VDSO_REMAP_SITE_STUB;
	self->sites[0].target = T_FUNCTION_STUB;
}

/* An image whose site has a far jump. */
static void start_far(struct __test_metadata *_metadata, FIXTURE_DATA(patch) *self)
{
	start(_metadata, self, t_image_build(T_PAGE), T_PAGE);
	ASSERT_LT(T_NEAR_REACH, state.info.vdso - T_IMAGE_ADDR);
	installs(_metadata, self);
}

TEST_F(patch, heeds_a_thread_inside_a_far_jump_that_becomes_a_near_one)
{
	start_far(_metadata, self);
	park_near(self);
	must_not_cut(_metadata, self, T_FAR_JUMP_SIZE);
	ASSERT_TRUE(stand_at(self, T_FAR_JUMP_SIZE));
	installs(_metadata, self);
}

TEST_F(patch, heeds_a_thread_inside_a_far_jump_that_becomes_a_stub)
{
	start_far(_metadata, self);
	make_stub(self);
	must_not_cut(_metadata, self, T_FAR_JUMP_SIZE);
	ASSERT_TRUE(stand_at(self, 0));
	installs(_metadata, self);
}

TEST_F(patch, heeds_a_thread_inside_a_jump_of_criu_that_becomes_a_stub)
{
	start_with(_metadata, self, "", T_CRIU_JUMP, T_CRIU_JUMP_SIZE);
	make_stub(self);
	must_not_cut(_metadata, self, T_CRIU_JUMP_SIZE);
	ASSERT_TRUE(stand_at(self, 0));
	installs(_metadata, self);
}
#endif

/* An image of three pages, which the child shares with its parent until something is written */

#define NR_PAGES	3
#define STUB_AT(off)	{ off, ROOM, VDSO_REMAP_SITE_STUB, T_FUNCTION_STUB }

/* Which pages are the child's own afterwards, as bits. */
static unsigned int own_pages(struct __test_metadata *_metadata, FIXTURE_DATA(patch) *self)
{
	unsigned int own = 0;

	for (unsigned int i = 0; i < NR_PAGES; i++) {
		uint64_t frame = t_page_frame(0, T_IMAGE_ADDR + i * T_PAGE);

		EXPECT_NE(0, frame);
		if (t_page_frame(self->child.pid, T_IMAGE_ADDR + i * T_PAGE) != frame)
			own |= 1 << i;
	}
	return own;
}

static void takes_pages(struct __test_metadata *_metadata, FIXTURE_DATA(patch) *self,
			unsigned int pages, unsigned int nr, const struct vdso_remap_site sites[])
{
	start(_metadata, self, t_image_build(NR_PAGES * T_PAGE), NR_PAGES * T_PAGE);
	EXPECT_EQ(0, own_pages(_metadata, self));
	memcpy(self->sites, sites, nr * sizeof(sites[0]));
	self->req.nr_sites = nr;
	installs(_metadata, self);
	EXPECT_EQ(pages, own_pages(_metadata, self));
	EXPECT_EQ(0, memcmp(self->image.addr, self->image.pristine, self->image.size));
}

TEST_F(patch, takes_no_page_without_a_site)
{
	const struct vdso_remap_site sites[] = { STUB_AT(SITE), STUB_AT(T_PAGE - 2 * ROOM) };

	takes_pages(_metadata, self, 1 << 0, 2, sites);
}

TEST_F(patch, takes_no_page_between_sites)
{
	const struct vdso_remap_site sites[] = { STUB_AT(SITE), STUB_AT(2 * T_PAGE + SITE) };

	takes_pages(_metadata, self, 1 << 0 | 1 << 2, 2, sites);
}

TEST_F(patch, takes_no_page_before_the_first_site)
{
	const struct vdso_remap_site sites[] = { STUB_AT(2 * T_PAGE) };

	takes_pages(_metadata, self, 1 << 2, 1, sites);
}

TEST_F(patch, takes_both_pages_of_a_site_that_crosses)
{
	const struct vdso_remap_site sites[] = { STUB_AT(2 * T_PAGE - 4) };

	takes_pages(_metadata, self, 1 << 1 | 1 << 2, 1, sites);
}

TEST_F(patch, takes_a_page_once_for_several_sites)
{
	const struct vdso_remap_site sites[] = {
		STUB_AT(T_PAGE - 4), STUB_AT(T_PAGE + 2 * ROOM), STUB_AT(2 * T_PAGE - 4),
	};

	takes_pages(_metadata, self, 1 << 0 | 1 << 1 | 1 << 2, 3, sites);
}

TEST_HARNESS_MAIN
