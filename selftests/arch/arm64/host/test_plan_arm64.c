// SPDX-License-Identifier: MIT
/* Claims about vdso_remap_make_plan() for the vDSOs of arm64. */
#include "host/plan_fixture.h"

/* A nop, so that unwinders find the caller, and what follows it: mov x8, #139; svc #0 */
#define TRAMPOLINE	"\x68\x11\x80\xd2\x01\x00\x00\xd4"

/* What Debian's kernels have from 6.12 on, and before it */
static void add_kernels_functions(FIXTURE_DATA(plan) *self)
{
	add(&self->image, "__kernel_clock_gettime", 0x320, 672);
	add(&self->image, "__kernel_gettimeofday", 0x5c0, 432);
	add(&self->image, "__kernel_clock_getres", 0x770, 152);
	add(&self->image, "__kernel_rt_sigreturn", 0x808, 24);
	add(&self->image, "__kernel_getrandom", 0x820, 1220);
	memcpy(code + 0x808, TRAMPOLINE, 8);
	add(&self->runtime, "__kernel_clock_gettime", 0x2d0, 672);
	add(&self->runtime, "__kernel_gettimeofday", 0x570, 432);
	add(&self->runtime, "__kernel_clock_getres", 0x720, 156);
	add(&self->runtime, "__kernel_rt_sigreturn", 0x7bc, 8);
}

TEST_F(plan, goes_from_one_kernel_to_another)
{
	add_kernels_functions(self);
	ASSERT_EQ(0, PLAN(0));
	EXPECT_STEP(0, JUMP, NAMESAKE, 0);
	EXPECT_STEP(1, JUMP, NAMESAKE, 1);
	EXPECT_STEP(2, JUMP, NAMESAKE, 2);
	EXPECT_STEP(3, LEAVE, TRAMPOLINE, -1);
	EXPECT_STEP(4, STUB, STATE, -1);
	ASSERT_EQ(4, self->plan.nr_sites);
	EXPECT_EQ(0x820, self->plan.sites[3].off);
	EXPECT_EQ(VDSO_REMAP_STUB_GETRANDOM, self->plan.sites[3].target);
}

/* CRIU redirects the trampoline, too, to a vDSO that is gone. */
TEST_F(plan, repairs_an_overwritten_trampoline)
{
	static const __u8 jump[] = {
		0x50, 0x00, 0x00, 0x58, 0x00, 0x02, 0x1f, 0xd6, 0x08, 0x78, 0x56, 0xff, 0xff, 0xff
	};

	add_kernels_functions(self);
	memcpy(code + 0x808, jump, sizeof(jump));
	ASSERT_EQ(0, PLAN(0));
	EXPECT_STEP(3, STUB, OVERWRITTEN, -1);
	ASSERT_EQ(5, self->plan.nr_sites);
	EXPECT_EQ(0x808, self->plan.sites[3].off);
	EXPECT_EQ(VDSO_REMAP_STUB_RT_SIGRETURN, self->plan.sites[3].target);

	self->image.entry_points[3].room = 7;	/* the kernel's bytes were never there */
	ASSERT_EQ(0, PLAN(0));
	EXPECT_STEP(3, LEAVE, TRAMPOLINE, -1);
}

TEST_F(plan, stubs_what_is_missing)
{
	static const struct {
		const char *name;
		uint32_t stub;
	} cases[] = {
		{ "__kernel_clock_gettime", VDSO_REMAP_STUB_CLOCK_GETTIME },
		{ "__kernel_clock_getres", VDSO_REMAP_STUB_CLOCK_GETRES },
		{ "__kernel_gettimeofday", VDSO_REMAP_STUB_GETTIMEOFDAY },
		{ "__kernel_getrandom", VDSO_REMAP_STUB_GETRANDOM },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		self->image.nr_entry_points = 0;
		add(&self->image, cases[i].name, 0x100, 32);
		ASSERT_EQ(0, PLAN(0)) {
			TH_LOG("%s", cases[i].name);
		}
		ASSERT_EQ(1, self->plan.nr_sites);
		EXPECT_EQ(VDSO_REMAP_SITE_STUB, self->plan.sites[0].kind);
		EXPECT_EQ(cases[i].stub, self->plan.sites[0].target);
	}
}

/* The room that each encoding takes, and one byte less; with a landing pad of either kind. */
TEST_F(plan, needs_room)
{
	static const __u32 firsts[] = { 0xd503201f, ARM64_BTI_C, ARM64_PACIASP };
	static const struct {
		const char *name;
		unsigned int size;
	} cases[] = {
		{ "__kernel_clock_gettime", 4 },	/* a jump */
		{ "__kernel_gettimeofday", 12 },
		{ "__kernel_getrandom", 28 },
	};
	unsigned int size;
	size_t i, j;

	add(&self->runtime, "__kernel_clock_gettime", 0x200, 32);
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		for (j = 0; j < ARRAY_SIZE(firsts); j++) {
			memcpy(code + 0x100, &firsts[j], 4);
			size = cases[i].size + 4 * !!j;
			self->image.nr_entry_points = 0;
			add(&self->image, cases[i].name, 0x100, size);
			EXPECT_EQ(0, PLAN(0));
			self->image.entry_points[0].room--;
			EXPECT_EQ(-ENOSPC, PLAN(0));
		}
}

TEST_F(plan, refuses_another_abi)
{
	self->runtime.abi = VDSO_ABI_ARM;
	EXPECT_EQ(-EXDEV, PLAN(0));
}

TEST_HARNESS_MAIN
