/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fixture of the tests of PROXY with a built image: a request that is valid, and what
 * it means that the module installs or refuses one.
 */
#ifndef _SELFTESTS_VM_PROXY_FIXTURE_H
#define _SELFTESTS_VM_PROXY_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include <kselftest_harness.h>
#include "arch/test.h"
#include "lib/clock.h"
#include "lib/device.h"
#include "lib/image.h"
#include "lib/memory.h"
#include "lib/state.h"
#include "lib/vdso.h"
#include "proxy.h"

#define IMAGE_SIZE	(2 * T_PAGE)
#define SLOT(n)		((n) * T_SLOT_SIZE)

/* A parsed image that was never an ELF file: what stands where in it. */
static const struct vdso_remap_image built = {
	.nr_entry_points = 4,
	.entry_points = {
		{ .name = T_FUNCTION, .off = SLOT(1) },
		{ .name = T_LONGEST_STUB_NAME, .off = SLOT(3) },
		{ .name = T_VDSO "clock_getres", .off = SLOT(5) },
		{ .name = T_FUNCTION, .off = SLOT(7) },
	},
};

/* What a refused command must leave; with maps too large for a stack. */
static struct t_state state;

FIXTURE(proxy)
{
	int fd;
	struct t_image image;
	struct vdso_remap_site sites[VDSO_REMAP_MAX_SITES + 1];
	struct vdso_remap_proxy req;	/* valid */
};

FIXTURE_SETUP(proxy)
{
	const uint32_t getres = t_entry_point(T_VDSO "clock_getres");
	const struct vdso_remap_site sites[] = {
		{ SLOT(1), T_SLOT_SIZE, VDSO_REMAP_SITE_JUMP, t_entry_point(T_FUNCTION) },
		{ SLOT(3), T_SLOT_SIZE, VDSO_REMAP_SITE_STUB, T_LONGEST_STUB },
		{ SLOT(5), T_SLOT_SIZE, VDSO_REMAP_SITE_JUMP, getres },
		{ SLOT(7), T_SLOT_SIZE, VDSO_REMAP_SITE_STUB, T_FUNCTION_STUB },
	};

	self->fd = open(T_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(t_image_map(&self->image, T_IMAGE_ADDR, t_image_build(IMAGE_SIZE),
				IMAGE_SIZE));
	memcpy(self->sites, sites, sizeof(sites));
	self->req = (struct vdso_remap_proxy){
		.size = sizeof(self->req),
		.nr_sites = ARRAY_SIZE(sites),
		.sites = (uintptr_t)self->sites,
		.image = T_IMAGE_ADDR,
		.image_size = IMAGE_SIZE,
	};
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
}

FIXTURE_TEARDOWN(proxy)
{
}

/* Installs the fixture's request; all bytes of the image must be the right ones. */
static inline void installs(struct __test_metadata *_metadata, FIXTURE_DATA(proxy) *self)
{
	ASSERT_EQ(0, ioctl(self->fd, VDSO_REMAP_PROXY, &self->req));
	if (!(self->req.flags & VDSO_REMAP_PROXY_MARK))
		EXPECT_TRUE(moved_only(&state, self->req.addr));
	t_image_expect(&self->image, self->sites, self->req.nr_sites, text_addr(self->fd));
	EXPECT_TRUE(t_image_is_expected(&self->image));
	EXPECT_TRUE(t_time_between_syscalls(text_addr(self->fd)));
}

/* Issues a request; it must fail, say why, and leave all as it was. */
static inline void refuses(struct __test_metadata *_metadata, FIXTURE_DATA(proxy) *self, int error,
			   uint32_t bad_site, pid_t busy_tid, struct vdso_remap_proxy req)
{
	struct vdso_remap_proxy want = req;

	want.bad_site = bad_site;
	want.busy_tid = busy_tid;
	req.busy_tid = 0x5a5a5a5a;
	req.bad_site = 0x5a5a5a5a;
	EXPECT_EQ(-1, ioctl(self->fd, VDSO_REMAP_PROXY, &req));
	EXPECT_EQ(error, errno);
	EXPECT_EQ(bad_site, req.bad_site);
	EXPECT_EQ(busy_tid, req.busy_tid);
	EXPECT_EQ(0, memcmp(&want, &req, sizeof(req)));
	EXPECT_TRUE(t_state_is(&state));
	EXPECT_TRUE(t_image_is_expected(&self->image));
	if (state.info.state & VDSO_REMAP_STATE_PRESENT)
		EXPECT_TRUE(t_time_between_syscalls(text_addr(self->fd)));
}

/* The valid request with these fields changed. */
#define REFUSES(error, bad_site, ...) do {				\
	struct vdso_remap_proxy *valid = &self->req;			\
	struct vdso_remap_proxy saved = *valid;				\
									\
	__VA_ARGS__;							\
	refuses(_metadata, self, error, bad_site, 0, *valid);		\
	*valid = saved;							\
} while (0)

/* The valid request with these fields of one of its sites changed. */
#define REFUSES_SITE(error, index, ...) do {				\
	struct vdso_remap_site *site = &self->sites[index];		\
	struct vdso_remap_site saved = *site;				\
									\
	__VA_ARGS__;							\
	refuses(_metadata, self, error, index, 0, self->req);		\
	*site = saved;							\
} while (0)

/* Since 6.3 a process can renounce making code. */
#ifndef PR_SET_MDWE
#define PR_SET_MDWE			65
#define PR_MDWE_REFUSE_EXEC_GAIN	1
#endif

static inline long renounce_new_code(uint64_t arg)
{
	return prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0);
}

#endif /* _SELFTESTS_VM_PROXY_FIXTURE_H */
