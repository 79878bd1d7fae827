// SPDX-License-Identifier: GPL-2.0
/* What PROXY promises: what it installs, what that does, and what it refuses. */
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"
#include <kselftest_harness.h>

#define NEAR		0x1000000ULL		/* from an image to a group parked near it */
#define HUGE_PAGE	0x200000ULL

/* FAR: where no near jump reaches, if there is such a place; and what is written then. */
#ifdef __i386__
#define FAR		0x20000000ULL
#define FAR_JUMP_SIZE	5
#define LANDING_PAD	"\xf3\x0f\x1e\xfb"
#else
#define FAR		0x100000000ULL
#define FAR_JUMP_SIZE	13
#define LANDING_PAD	"\xf3\x0f\x1e\xfa"
#endif

/* Where the kernel says that the group's text is. */
static uint64_t text_addr(int fd)
{
	struct vdso_remap_info info = { .size = sizeof(info) };

	return ioctl(fd, VDSO_REMAP_GET_INFO, &info) ? 0 : info.vdso;
}

/* The own state but for the group, which went to addr (0: stayed). */
static bool moved_only(struct t_state *state, uint64_t addr)
{
	if (addr)
		t_state_move(state, addr);
	return t_state_is(state);
}

/* Real images */

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
	ASSERT_LT(FAR, text_addr(self->fd) - T_IMAGE_ADDR);
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
	self->req.addr = T_IMAGE_ADDR - FAR;
	install(_metadata, self);
	EXPECT_EQ(T_IMAGE_ADDR - FAR, text_addr(self->fd));
}

TEST_F(image, answers_truly_through_stubs_alone)
{
	static const struct {
		const char *name;
		uint32_t stub;
	} stubs[] = {
		{ "__vdso_clock_gettime", VDSO_REMAP_STUB_CLOCK_GETTIME },
		{ "__vdso_clock_getres", VDSO_REMAP_STUB_CLOCK_GETRES },
		{ "__vdso_gettimeofday", VDSO_REMAP_STUB_GETTIMEOFDAY },
		{ "__vdso_time", VDSO_REMAP_STUB_TIME },
		{ "__vdso_getcpu", VDSO_REMAP_STUB_GETCPU },
#ifdef __i386__
		{ "__vdso_clock_gettime64", VDSO_REMAP_STUB_CLOCK_GETTIME64 },
		{ "__vdso_clock_getres_time64", VDSO_REMAP_STUB_CLOCK_GETRES_TIME64 },
#else
		{ "__vdso_getrandom", VDSO_REMAP_STUB_GETRANDOM },
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
	ASSERT_TRUE(t_timens_create());
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	self->req.addr = T_IMAGE_ADDR + NEAR;
	install(_metadata, self);
	ASSERT_TRUE(t_timens_enter());
	EXPECT_LT(T_TIMENS_OFFSET, t_uptime());
	EXPECT_TRUE(t_image_answers(&self->parsed, self->image.addr));
}

/* A built image: encodings and refusals */

#define IMAGE_SIZE	(2 * T_PAGE)
#define SLOT(n)		((n) * T_SLOT_SIZE)

/* The longest stub of the ABI, and how long that and the one for time is. */
#ifdef __i386__
#define STUB		VDSO_REMAP_STUB_GETCPU
#define STUB_NAME	"__vdso_getcpu"
#define STUB_SIZE	22
#define TIME_STUB_SIZE	14
#define NO_STUB		VDSO_REMAP_STUB_GETRANDOM
#else
#define STUB		VDSO_REMAP_STUB_GETRANDOM
#define STUB_NAME	"__vdso_getrandom"
#define STUB_SIZE	16
#define TIME_STUB_SIZE	8
#define NO_STUB		VDSO_REMAP_STUB_CLOCK_GETTIME64
#endif

/* A parsed image that was never an ELF file: what stands where in it. */
static const struct vdso_remap_image built = {
	.nr_entry_points = 4,
	.entry_points = {
		{ .name = "__vdso_time", .off = SLOT(1) },
		{ .name = STUB_NAME, .off = SLOT(3) },
		{ .name = "__vdso_clock_getres", .off = SLOT(5) },
		{ .name = "__vdso_time", .off = SLOT(7) },
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
	const uint32_t getres = t_entry_point("__vdso_clock_getres");
	const struct vdso_remap_site sites[] = {
		{ SLOT(1), T_SLOT_SIZE, VDSO_REMAP_SITE_JUMP, t_entry_point("__vdso_time") },
		{ SLOT(3), T_SLOT_SIZE, VDSO_REMAP_SITE_STUB, STUB },
		{ SLOT(5), T_SLOT_SIZE, VDSO_REMAP_SITE_JUMP, getres },
		{ SLOT(7), T_SLOT_SIZE, VDSO_REMAP_SITE_STUB, VDSO_REMAP_STUB_TIME },
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
static void installs(struct __test_metadata *_metadata, FIXTURE_DATA(proxy) *self)
{
	ASSERT_EQ(0, ioctl(self->fd, VDSO_REMAP_PROXY, &self->req));
	if (!(self->req.flags & VDSO_REMAP_PROXY_MARK))
		EXPECT_TRUE(moved_only(&state, self->req.addr));
	t_image_expect(&self->image, self->sites, self->req.nr_sites, text_addr(self->fd));
	EXPECT_TRUE(t_image_is_expected(&self->image));
	EXPECT_TRUE(t_time_between_syscalls(text_addr(self->fd)));
}

/* Issues a request; it must fail, say why, and leave all as it was. */
static void refuses(struct __test_metadata *_metadata, FIXTURE_DATA(proxy) *self, int error,
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
			.target = 1 + i % 5,	/* those that every ABI has */
		};
	self->req.nr_sites = VDSO_REMAP_MAX_SITES;
	installs(_metadata, self);
}

TEST_F(proxy, takes_an_image_of_the_largest_size)
{
	uint64_t addr = T_IMAGE_ADDR + FAR;

	ASSERT_TRUE(t_image_map(&self->image, addr, t_image_build(VDSO_REMAP_MAX_IMAGE_SIZE),
				VDSO_REMAP_MAX_IMAGE_SIZE));
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	self->req.image = addr;
	self->req.image_size = VDSO_REMAP_MAX_IMAGE_SIZE;
	self->sites[3].off = VDSO_REMAP_MAX_IMAGE_SIZE - T_SLOT_SIZE;
	installs(_metadata, self);
}

#ifdef __i386__
/* Among 32 bits a near jump wraps around. */
TEST_F(proxy, jumps_from_one_end_of_memory_to_the_other)
{
	const uint64_t low = 0x1000000, high = 0xd0000000;

	self->req.flags = VDSO_REMAP_PROXY_PARK;
	self->req.addr = high;
	ASSERT_TRUE(t_image_map(&self->image, low, t_image_build(IMAGE_SIZE), IMAGE_SIZE));
	self->req.image = low;
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	installs(_metadata, self);
	EXPECT_TRUE(t_image_answers(&built, self->image.addr));

	self->req.addr = low + NEAR;
	ASSERT_TRUE(t_image_map(&self->image, high + NEAR, t_image_build(IMAGE_SIZE), IMAGE_SIZE));
	self->req.image = high + NEAR;
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	installs(_metadata, self);
	EXPECT_TRUE(t_image_answers(&built, self->image.addr));
}
#else
/* Near up to the last byte that rel32 reaches, far from the next one on. */
TEST_F(proxy, jumps_far_only_where_near_does_not_reach)
{
	static const struct {
		int64_t park;		/* from the image */
		int64_t dist;		/* what rel32 would have to be */
		uint8_t opcode;
	} cases[] = {
		{ 0x80000000LL, INT32_MAX, 0xe9 },
		{ 0x80000000LL, INT32_MAX + 1LL, 0x49 },
		{ -0x80000000LL, INT32_MIN, 0xe9 },
		{ -0x80000000LL, INT32_MIN - 1LL, 0x49 },
	};

	self->req.nr_sites = 1;
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		self->sites[0].off = self->sites[0].target + cases[i].park - cases[i].dist - 5;
		self->req.addr = T_IMAGE_ADDR + cases[i].park;
		installs(_metadata, self);
		EXPECT_EQ(cases[i].opcode, self->image.addr[self->sites[0].off]);
		/* elsewhere, or the next one would overlap its own old place */
		self->req.addr = T_IMAGE_ADDR + FAR;
		installs(_metadata, self);
	}
}
#endif

TEST_F(proxy, keeps_a_landing_pad)
{
	uint8_t *bytes = t_image_build(IMAGE_SIZE);
	uint64_t addr = T_IMAGE_ADDR + FAR;

	for (unsigned int i = 0; i < self->req.nr_sites; i++)
		memcpy(bytes + self->sites[i].off, LANDING_PAD, 4);
	/* Exactly as much as each of them needs. */
	self->sites[0].room = 4 + FAR_JUMP_SIZE;
	self->sites[1].room = 4 + STUB_SIZE;
	self->sites[2].room = 4 + FAR_JUMP_SIZE;
	self->sites[3].room = 4 + TIME_STUB_SIZE;
	ASSERT_TRUE(t_image_map(&self->image, addr, bytes, IMAGE_SIZE));
	self->req.image = addr;
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	for (uint32_t i = 0; i < 4; i++)
		REFUSES_SITE(ENOSPC, i, site->room--);
	installs(_metadata, self);
	EXPECT_TRUE(t_image_answers(&built, self->image.addr));
}

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

TEST_F(proxy, refuses_numbers_of_sites)
{
	for (unsigned int i = 0; i <= VDSO_REMAP_MAX_SITES; i++)
		self->sites[i] = (struct vdso_remap_site){
			SLOT(i), T_SLOT_SIZE, VDSO_REMAP_SITE_STUB, VDSO_REMAP_STUB_TIME,
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
	REFUSES(EFAULT, VDSO_REMAP_NO_SITE, valid->image = T_IMAGE_ADDR + FAR);
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
	uint64_t addr = T_IMAGE_ADDR + FAR;
	int fd = open("/proc/sys/vm/nr_hugepages", O_WRONLY | O_CLOEXEC);
	void *huge;

	ASSERT_LE(0, fd);
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
	REFUSES_SITE(EINVAL, 3, site->off = IMAGE_SIZE - T_SLOT_SIZE + 1);
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
	REFUSES_SITE(EINVAL, 2, site->kind = VDSO_REMAP_SITE_STUB; site->target = NO_STUB);
	REFUSES_SITE(EINVAL, 3, site->target = 9);
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
	REFUSES_SITE(ENOSPC, 0, site->room = FAR_JUMP_SIZE - 1);
	REFUSES_SITE(ENOSPC, 1, site->room = STUB_SIZE - 1);
	REFUSES_SITE(ENOSPC, 2, site->room = 1);
	REFUSES_SITE(ENOSPC, 3, site->room = TIME_STUB_SIZE - 1);

	self->req.flags = VDSO_REMAP_PROXY_PARK;
	self->req.addr = T_IMAGE_ADDR + NEAR;
	REFUSES_SITE(ENOSPC, 0, site->room = 4);
	self->sites[0].room = 5;
	self->sites[1].room = STUB_SIZE;
	self->sites[3].room = TIME_STUB_SIZE;
	installs(_metadata, self);

	self->sites[0].room = FAR_JUMP_SIZE;
	self->req.addr = T_IMAGE_ADDR + FAR;
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
	REFUSES(EINVAL, VDSO_REMAP_NO_SITE, valid->addr = t_task_limit() - T_PAGE);
	REFUSES(EINVAL, VDSO_REMAP_NO_SITE, valid->addr = 0);
	REFUSES(EPERM, VDSO_REMAP_NO_SITE, valid->addr = before);
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
	uint64_t addr = T_IMAGE_ADDR + FAR;
	int file = memfd_create("image", MFD_CLOEXEC);
	uint8_t bytes[IMAGE_SIZE];

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

/* Since 6.3 a process can renounce making code. */
#ifndef PR_SET_MDWE
#define PR_SET_MDWE			65
#define PR_MDWE_REFUSE_EXEC_GAIN	1
#endif

static long renounce_new_code(uint64_t arg)
{
	return prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0);
}

TEST_F(proxy, refuses_a_caller_who_has_renounced_new_code)
{
	if (renounce_new_code(0))
		SKIP(return, "this kernel has no PR_SET_MDWE");
	REFUSES(EACCES, VDSO_REMAP_NO_SITE);
	REFUSES(EACCES, VDSO_REMAP_NO_SITE, valid->flags = VDSO_REMAP_PROXY_PARK;
		valid->addr = T_IMAGE_ADDR + NEAR);
}

/* The kernel's pointer says another place: what fails leaves it so, what does not sets it right. */
TEST_F_TIMEOUT(proxy, parks_a_group_that_the_kernel_believes_elsewhere, 120)
{
	ASSERT_TRUE(t_mislead_kernel());
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	ASSERT_NE(state.info.areas[state.info.nr_areas - 1].start, state.info.vdso);
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	self->req.addr = T_IMAGE_ADDR + NEAR;
	self->sites[3].room = TIME_STUB_SIZE - 1;
	EXPECT_TRUE(t_refused(&state, ENOSPC, VDSO_REMAP_PROXY, &self->req));
	self->sites[3].room = TIME_STUB_SIZE;
	installs(_metadata, self);
}

/* A group that is marked: the sites of its proxy lead to where it is. */

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

/* Other processes and threads */

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

TEST_F(proxy, waits_for_no_thread_but_one_inside_a_site)
{
	uint64_t trap = T_IMAGE_ADDR + SLOT(0) + 16;	/* an int3 between functions */
	struct user_regs_struct regs, at_trap;
	struct t_child child;
	time_t before;
	int status;

	ASSERT_TRUE(t_child_start(&child));
	ASSERT_TRUE(t_seize_and_stop(child.pid));
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, child.pid, NULL, &regs));
	self->req.pid = child.pid;
	self->req.nr_sites = 1;		/* a far jump */

	ASSERT_TRUE(t_state_capture(&state, self->fd, child.pid));
	for (unsigned int off = 1; off < FAR_JUMP_SIZE; off++) {
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
	ASSERT_TRUE(t_enter(child.pid, &regs, T_IMAGE_ADDR + SLOT(1), trap, no_args));
	ASSERT_EQ(0, ioctl(self->fd, VDSO_REMAP_PROXY, &self->req));
	before = t_raw(SYS_time, 0, 0, 0);
	ASSERT_EQ(0, ptrace(PTRACE_CONT, child.pid, NULL, NULL));
	ASSERT_EQ(child.pid, waitpid(child.pid, &status, __WALL));
	ASSERT_TRUE(WIFSTOPPED(status));
	EXPECT_EQ(SIGTRAP, WSTOPSIG(status));
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, child.pid, NULL, &at_trap));
	EXPECT_EQ(trap + 1, t_ip(&at_trap));
	EXPECT_LE(before, t_result(&at_trap));
	EXPECT_GE(before + 10, t_result(&at_trap));

	/* What does not change is in nobody's way. */
	ASSERT_TRUE(t_enter(child.pid, &regs, T_IMAGE_ADDR + SLOT(1) + FAR_JUMP_SIZE - 1, trap,
			    no_args));
	EXPECT_EQ(0, ioctl(self->fd, VDSO_REMAP_PROXY, &self->req));
	/* Nor is one who is just behind the bytes. */
	self->sites[0] = self->sites[3];
	ASSERT_TRUE(t_enter(child.pid, &regs, T_IMAGE_ADDR + SLOT(7) + TIME_STUB_SIZE, trap,
			    no_args));
	EXPECT_EQ(0, ioctl(self->fd, VDSO_REMAP_PROXY, &self->req));

	ASSERT_EQ(0, ptrace(PTRACE_SETREGS, child.pid, NULL, &regs));
	ASSERT_TRUE(t_detach(child.pid));
	t_child_end(&child);
}

static bool same_registers(const struct user_regs_struct *want, struct user_regs_struct have)
{
	/* What a jump is for, and what it may use. */
#ifdef __i386__
	have.eip = want->eip;
#else
	have.rip = want->rip;
	have.r11 = want->r11;
#endif
	return !memcmp(want, &have, sizeof(have));
}

TEST_F(proxy, jumps_change_no_register)
{
	const uint64_t places[] = { T_IMAGE_ADDR + NEAR, T_IMAGE_ADDR + FAR };
	struct user_regs_struct regs, all, now;
	struct t_child child;

	ASSERT_TRUE(t_child_start(&child));
	ASSERT_TRUE(t_seize_and_stop(child.pid));
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, child.pid, NULL, &regs));
	all = regs;
#ifdef __i386__
	all.eax = 0x11111111;
	all.ebx = 0x22222222;
	all.ecx = 0x33333333;
	all.edx = 0x44444444;
	all.esi = 0x55555555;
	all.edi = 0x66666666;
	all.ebp = 0x77777777;
	all.eip = T_IMAGE_ADDR + SLOT(1);
	all.orig_eax = -1;
#else
	all.rax = 0x1111111111111111;
	all.rbx = 0x2222222222222222;
	all.rcx = 0x3333333333333333;
	all.rdx = 0x4444444444444444;
	all.rsi = 0x5555555555555555;
	all.rdi = 0x6666666666666666;
	all.rbp = 0x7777777777777777;
	all.r8 = 0x8888888888888888;
	all.r9 = 0x9999999999999999;
	all.r10 = 0xaaaaaaaaaaaaaaaa;
	all.r12 = 0xcccccccccccccccc;
	all.r13 = 0xdddddddddddddddd;
	all.r14 = 0xeeeeeeeeeeeeeeee;
	all.r15 = 0xffffffffffffffff;
	all.rip = T_IMAGE_ADDR + SLOT(1);
	all.orig_rax = -1;
#endif
	self->req.pid = child.pid;
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	for (unsigned int i = 0; i < ARRAY_SIZE(places); i++) {
		uint64_t target = places[i] + self->sites[0].target;

		ASSERT_EQ(0, ptrace(PTRACE_SETREGS, child.pid, NULL, &regs));
		self->req.addr = places[i];
		ASSERT_EQ(0, ioctl(self->fd, VDSO_REMAP_PROXY, &self->req));
		ASSERT_EQ(0, ptrace(PTRACE_SETREGS, child.pid, NULL, &all));
		ASSERT_TRUE(t_step_into(child.pid, target, target + 1));
		ASSERT_EQ(0, ptrace(PTRACE_GETREGS, child.pid, NULL, &now));
		EXPECT_TRUE(same_registers(&all, now));
	}
	t_child_end(&child);
}

/* The argument is in eax on i386. */
#ifdef __i386__
#define by_register	__attribute__((regparm(1)))
#define SPIN		"\x66\x90\xff\x00\xeb\xfc"	/* incl (%eax) */
#else
#define by_register
#define SPIN		"\x66\x90\xff\x07\xeb\xfc"	/* incl (%rdi) */
#endif

struct spinner {
	void (by_register *fn)(int *turns);
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
	uint64_t addr = T_IMAGE_ADDR + FAR;
	struct spinner spinner = { .fn = (void *)(addr + SLOT(5)) };

	/* two bytes to get in, then: 1: incl; jmp 1b */
	memcpy(bytes + SLOT(5), SPIN, 6);
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

static void by_register spin_outside(int *turns)
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
		pid_t caller = fork();
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
