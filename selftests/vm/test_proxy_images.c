// SPDX-License-Identifier: GPL-2.0
/* What PROXY installs into real images: every function answers truly. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include "arch/test.h"
#include "lib/clock.h"
#include "lib/device.h"
#include "lib/image.h"
#include "lib/maps.h"
#include "lib/memory.h"
#include "lib/note.h"
#include "lib/state.h"
#include "lib/timens.h"
#include "lib/vdso.h"
#include "lib/vdso_calls.h"
#include "proxy.h"

TEST(there_are_images_of_other_kernels)
{
	if (!getenv("VDSO_IMAGES"))
		SKIP(return, "VDSO_IMAGES names no directory of images");
	ASSERT_NE(NULL, t_image_names()[1]);
	EXPECT_NE(NULL, t_image_names()[2]);
}

FIXTURE(image)
{
	struct t_image image;
	struct vdso_remap_image parsed;
	struct vdso_remap_plan plan;
	struct vdso_remap_proxy req;
	int fd;
};

T_IMAGE_VARIANTS(image);

FIXTURE_SETUP(image)
{
	struct vdso_remap_image runtime;
	const void *bytes;
	size_t size;

	bytes = t_image_read(variant->image, &size);
	self->fd = open(T_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(t_image_map(&self->image, T_IMAGE_ADDR, bytes, size));
	ASSERT_EQ(0, t_parse(&self->parsed, bytes, size));
	bytes = t_vdso_image(&size);
	ASSERT_EQ(0, t_parse(&runtime, bytes, size));
	ASSERT_EQ(0, t_make_plan(&self->plan, &self->parsed, &runtime,
				 VDSO_REMAP_FORCE_PROXY));
	self->req = (struct vdso_remap_proxy){
		.size = sizeof(self->req),
		.nr_sites = self->plan.nr_sites,
		.sites = (uintptr_t)self->plan.sites,
		.image = T_IMAGE_ADDR,
		.image_size = self->image.size,
		.busy_tid = 0x5a5a,
		.bad_site = 0x5a5a,
	};
}

FIXTURE_TEARDOWN(image)
{
}

static void install(struct __test_metadata *_metadata, FIXTURE_DATA(image) *self)
{
	static struct t_state state;

	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	ASSERT_EQ(0, ioctl(self->fd, VDSO_REMAP_PROXY, &self->req));
	EXPECT_EQ(0, self->req.busy_tid);
	EXPECT_EQ(VDSO_REMAP_NO_SITE, self->req.bad_site);
	if (!(self->req.flags & VDSO_REMAP_PROXY_MARK))
		EXPECT_TRUE(moved_only(&state, self->req.addr));
	t_image_expect(&self->image, self->plan.sites, self->req.nr_sites, text_addr(self->fd));
	EXPECT_TRUE(t_image_is_expected(&self->image));
	EXPECT_TRUE(t_image_answers(&self->parsed, self->image.addr));
	EXPECT_TRUE(t_time_between_syscalls(text_addr(self->fd)));
}

TEST_F(image, answers_truly_with_the_group_where_it_is)
{
	ASSERT_LT(T_FAR, text_addr(self->fd) - T_IMAGE_ADDR);
	install(_metadata, self);
}

TEST_F(image, answers_truly_with_the_group_parked_near)
{
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	self->req.addr = T_IMAGE_ADDR + NEAR;
	install(_metadata, self);
	EXPECT_EQ(T_IMAGE_ADDR + NEAR, text_addr(self->fd));
}

TEST_F(image, answers_truly_with_the_group_parked_far)
{
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	self->req.addr = T_IMAGE_ADDR - T_FAR;
	install(_metadata, self);
	EXPECT_EQ(T_IMAGE_ADDR - T_FAR, text_addr(self->fd));
}

TEST_F(image, answers_truly_through_stubs_alone)
{
	static const struct {
		const char *name;
		uint32_t stub;
	} stubs[] = {
		{ T_VDSO "clock_gettime", VDSO_REMAP_STUB_CLOCK_GETTIME },
		{ T_VDSO "clock_getres", VDSO_REMAP_STUB_CLOCK_GETRES },
		{ T_VDSO "gettimeofday", VDSO_REMAP_STUB_GETTIMEOFDAY },
		{ T_VDSO "time", VDSO_REMAP_STUB_TIME },
		{ T_VDSO "getcpu", VDSO_REMAP_STUB_GETCPU },
#ifdef __LP64__
		{ T_VDSO "getrandom", VDSO_REMAP_STUB_GETRANDOM },
#else
		{ T_VDSO "clock_gettime64", VDSO_REMAP_STUB_CLOCK_GETTIME64 },
		{ T_VDSO "clock_getres_time64", VDSO_REMAP_STUB_CLOCK_GETRES_TIME64 },
#endif
	};
	unsigned int nr = 0;

	for (unsigned int i = 0; i < self->parsed.nr_entry_points; i++) {
		const struct vdso_remap_entry_point *entry = &self->parsed.entry_points[i];

		for (unsigned int j = 0; j < ARRAY_SIZE(stubs); j++) {
			if (!strcmp(entry->name, stubs[j].name))
				self->plan.sites[nr++] = (struct vdso_remap_site){
					.off = entry->off,
					.room = entry->room,
					.kind = VDSO_REMAP_SITE_STUB,
					.target = stubs[j].stub,
				};
		}
	}
	self->req.nr_sites = nr;
	install(_metadata, self);
}

TEST_F(image, can_be_installed_again_and_otherwise)
{
	install(_metadata, self);
	install(_metadata, self);
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	self->req.addr = T_IMAGE_ADDR + NEAR;
	/* What a far jump left behind its nearer successor stays. */
	install(_metadata, self);
}

/* Written down a second time. */
struct mark {
	uint64_t signature;
	uint64_t image;
	uint64_t version;
	uint64_t image_data;
	uint64_t runtime_data;
};

TEST_F(image, carries_the_mark_that_the_contract_describes)
{
	struct mark mark = {
		.signature = 0x4f53447655495243ULL,	/* "CRIUvDSO" */
		.image = T_IMAGE_ADDR,
		.version = 3,
		.image_data = T_IMAGE_ADDR - 4 * T_PAGE,
	};
	static struct t_maps maps;
	struct t_group group;
	const uint8_t *own;
	size_t size;

	self->req.flags = VDSO_REMAP_PROXY_PARK | VDSO_REMAP_PROXY_MARK;
	self->req.addr = T_IMAGE_ADDR + NEAR;
	self->req.image_data = mark.image_data;
	install(_metadata, self);

	ASSERT_TRUE(t_maps_read(&maps, 0));
	ASSERT_TRUE(t_group_find(&group, &maps));
	EXPECT_EQ(T_IMAGE_ADDR + NEAR, group.text);
	mark.runtime_data = group.start;
	EXPECT_EQ(0, memcmp((void *)group.text, &mark, sizeof(mark)));
	own = t_vdso_image(&size);
	EXPECT_EQ(0, memcmp((uint8_t *)group.text + sizeof(mark), own + sizeof(mark),
			    size - sizeof(mark)));

	/* Again, where the group is, and without data pages: the mark follows. */
	self->req.flags = VDSO_REMAP_PROXY_MARK;
	self->req.addr = 0;
	self->req.image_data = 0;
	install(_metadata, self);
	mark.image_data = ~0ULL;
	EXPECT_EQ(0, memcmp((void *)group.text, &mark, sizeof(mark)));
}

/* Its data pages are other ones there; a jump must end up where those are read. */
TEST_F(image, tells_the_time_of_a_time_namespace)
{
	int status;

	if (!t_timens_exist()) {
		ASSERT_FALSE(t_kernel_must_have("timens"));
		SKIP(return, "this kernel has no time namespaces");
	}
	ASSERT_TRUE(t_timens_create());
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	self->req.addr = T_IMAGE_ADDR + NEAR;
	if (!fork()) {
		EXPECT_LT(T_TIMENS_OFFSET, t_uptime());
		install(_metadata, self);
		_exit(_metadata->passed ? 0 : 1);
	}
	ASSERT_LT(0, wait(&status));
	EXPECT_EQ(0, status);
}

TEST_F(image, follows_its_process_into_a_time_namespace)
{
	if (!t_timens_exist()) {
		ASSERT_FALSE(t_kernel_must_have("timens"));
		SKIP(return, "this kernel has no time namespaces");
	}
	ASSERT_TRUE(t_timens_create());
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	self->req.addr = T_IMAGE_ADDR + NEAR;
	install(_metadata, self);
	ASSERT_TRUE(t_timens_enter());
	EXPECT_LT(T_TIMENS_OFFSET, t_uptime());
	EXPECT_TRUE(t_image_answers(&self->parsed, self->image.addr));
}

TEST_HARNESS_MAIN
