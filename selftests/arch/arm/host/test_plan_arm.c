// SPDX-License-Identifier: MIT
/*
 * Claims about vdso_remap_parse() and vdso_remap_make_plan() for the vDSOs of arm: its own
 * kernels have ARM code, those of arm64 Thumb code.
 */
#include "host/elf_image.h"
#include "host/plan_fixture.h"

static unsigned char arm_bytes[IMAGE_SIZE], thumb_bytes[IMAGE_SIZE];

static void build_both(void)
{
	static const struct sym arm_syms[] = {
		FUNC("__vdso_clock_gettime", 0x1000, 200), FUNC("__vdso_gettimeofday", 0x1100, 200),
		FUNC("__vdso_clock_getres", 0x1200, 100),
	};
	static const struct sym thumb_syms[] = {
		FUNC("__vdso_clock_getres", 0x1001, 100), FUNC("__vdso_gettimeofday", 0x1103, 200),
		FUNC("__vdso_clock_gettime", 0x1201, 200),
		FUNC("__vdso_clock_gettime64", 0x1303, 12),
	};
	struct spec arm = {
		.bits = 32, .machine = EM_ARM, .with = WITH_HASH | WITH_SECTIONS,
		.syms = arm_syms, .nr_syms = ARRAY_SIZE(arm_syms),
	};
	struct spec thumb = {
		.bits = 32, .machine = EM_ARM, .with = WITH_GNU_HASH | WITH_SECTIONS,
		.syms = thumb_syms, .nr_syms = ARRAY_SIZE(thumb_syms),
	};

	build_image(arm_bytes, &arm);
	build_image(thumb_bytes, &thumb);
}

TEST_F(plan, goes_from_arm_code_to_thumb_code)
{
	build_both();
	ASSERT_EQ(0, parse(&self->image, arm_bytes, IMAGE_SIZE));
	ASSERT_EQ(0, parse(&self->runtime, thumb_bytes, IMAGE_SIZE));
	ASSERT_EQ(0, PLAN(0));
	EXPECT_STEP(0, JUMP, NAMESAKE, 2);
	EXPECT_STEP(1, JUMP, NAMESAKE, 1);
	EXPECT_STEP(2, JUMP, NAMESAKE, 0);
	ASSERT_EQ(3, self->plan.nr_sites);
	EXPECT_EQ(0x1000, self->plan.sites[0].off);
	EXPECT_EQ(0x1201, self->plan.sites[0].target);
}

/* The state is in the offset of a site. Its room begins at the code. */
TEST_F(plan, goes_from_thumb_code_to_arm_code)
{
	build_both();
	ASSERT_EQ(0, parse(&self->image, thumb_bytes, IMAGE_SIZE));
	ASSERT_EQ(0, parse(&self->runtime, arm_bytes, IMAGE_SIZE));
	ASSERT_EQ(0, PLAN(0));
	EXPECT_STEP(0, JUMP, NAMESAKE, 2);
	EXPECT_STEP(1, JUMP, NAMESAKE, 1);
	EXPECT_STEP(2, JUMP, NAMESAKE, 0);
	EXPECT_STEP(3, STUB, MISSING, -1);
	ASSERT_EQ(4, self->plan.nr_sites);
	EXPECT_EQ(0x1001, self->plan.sites[0].off);
	EXPECT_EQ(0x1102 - 0x1000, self->plan.sites[0].room);
	EXPECT_EQ(0x1200, self->plan.sites[0].target);
	EXPECT_EQ(0x1103, self->plan.sites[1].off);
	EXPECT_EQ(0x1200 - 0x1102, self->plan.sites[1].room);
	EXPECT_EQ(VDSO_REMAP_STUB_CLOCK_GETTIME64, self->plan.sites[3].target);
}

/* Where the literal of a jump has to be aligned, it takes two bytes more. */
TEST_F(plan, needs_room)
{
	static const struct {
		uint32_t off, jump, stub;
	} cases[] = { { 0x100, 8, 20 }, { 0x101, 8, 12 }, { 0x103, 10, 12 } };
	size_t i;

	add(&self->runtime, "__vdso_gettimeofday", 0x200, 100);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		self->image.nr_entry_points = 0;
		add(&self->image, "__vdso_gettimeofday", cases[i].off, cases[i].jump);
		EXPECT_EQ(0, PLAN(0));
		self->image.entry_points[0].room--;
		EXPECT_EQ(-ENOSPC, PLAN(0));
		self->image.nr_entry_points = 0;
		add(&self->image, "__vdso_clock_gettime64", cases[i].off, cases[i].stub);
		EXPECT_EQ(0, PLAN(0));
		self->image.entry_points[0].room--;
		EXPECT_EQ(-ENOSPC, PLAN(0));
	}
}

/* A thread's instruction pointer holds no state. */
TEST_F(plan, threads_resume_at_thumb_code)
{
	build_both();
	ASSERT_EQ(0, parse(&self->image, thumb_bytes, IMAGE_SIZE));
	EXPECT_EQ(VDSO_REMAP_RESUME_HERE, vdso_remap_resume(&self->image, 0x1102));
	EXPECT_EQ(VDSO_REMAP_RESUME_IN_COPY, vdso_remap_resume(&self->image, 0x1104));
	EXPECT_EQ(VDSO_REMAP_RESUME_IN_COPY, vdso_remap_resume(&self->image, 0x1100));
}

/* On a machine without the timer, the kernel takes the names of the clocks away. */
TEST_F(plan, stubs_what_has_no_name)
{
	static const struct sym syms[] = {
		FUNC(NULL, 0x1000, 200), FUNC(NULL, 0x1100, 200),
		FUNC("__vdso_clock_getres", 0x1200, 100),
	};
	struct spec spec = {
		.bits = 32, .machine = EM_ARM, .with = WITH_HASH | WITH_SECTIONS,
		.syms = syms, .nr_syms = ARRAY_SIZE(syms),
	};
	static unsigned char bytes[IMAGE_SIZE];

	build_both();
	build_image(bytes, &spec);
	ASSERT_EQ(0, parse(&self->image, arm_bytes, IMAGE_SIZE));
	ASSERT_EQ(0, parse(&self->runtime, bytes, IMAGE_SIZE));
	ASSERT_EQ(1, self->runtime.nr_entry_points);
	ASSERT_EQ(0, PLAN(0));
	EXPECT_STEP(0, STUB, MISSING, -1);
	EXPECT_STEP(1, STUB, MISSING, -1);
	EXPECT_STEP(2, JUMP, NAMESAKE, 0);
}

TEST_HARNESS_MAIN
