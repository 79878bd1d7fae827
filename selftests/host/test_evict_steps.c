// SPDX-License-Identifier: MIT
/*
 * Claims about vdso_remap_evict(): from whatever instruction of the vDSO, a thread gets out,
 * with right answers, in a number of steps that has a bound.
 */
#include "evict_fixture.h"

/* As often as there is time for */
TEST_F_TIMEOUT(evict, gets_out_from_any_instruction, 120)
{
	const int64_t end = now() + 10 * 1000000000LL;
	unsigned int i, nr_out = 0, nr_slow = 0;
	uint64_t mask = mask_of(self->child.pid);
	int ret, longest = 0;

	srandom(1);
	for (i = 0; i < 400 && (now() < end || !nr_out); i++) {
		ASSERT_TRUE(evictee_step_in(&self->child, random() % 64));
		ret = vdso_remap_evict(self->child.pid, &self->child.vdso, 1, 2000);
		ASSERT_EQ(mask, mask_of(self->child.pid));
		/* on a slow machine clocks tick in the middle, and the functions start again */
		if (ret == -ETIME) {
			nr_slow++;
			continue;
		}
		ASSERT_LT(0, ret);
		ASSERT_FALSE(evictee_is_inside(&self->child));
		nr_out++;
		if (ret > longest)
			longest = ret;
		if (nr_out % 8 == 0)
			ASSERT_TRUE(evictee_goes_on_well(&self->child));
	}
	ASSERT_TRUE(evictee_goes_on_well(&self->child));
	EXPECT_EQ(0, shared->wrong);
	EXPECT_LT(0, nr_out);
	TH_LOG("out %u times, %u times too slow; longest way out: %d steps", nr_out, nr_slow,
	       longest);
}

TEST_F(evict, does_not_touch_a_thread_outside)
{
	struct vdso_regs before, after;

	while (evictee_is_inside(&self->child))
		ASSERT_TRUE(single_step(self->child.pid));
	ASSERT_TRUE(t_get_regs(self->child.pid, &before));
	EXPECT_EQ(0, vdso_remap_evict(self->child.pid, &self->child.vdso, 1, 0));
	ASSERT_TRUE(t_get_regs(self->child.pid, &after));
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
}

TEST_F(evict, leaves_every_range)
{
	struct vdso_remap_range halves[2] = { self->child.vdso, self->child.vdso };
	int ret;

	halves[0].end = (uintptr_t)self->child.clock_gettime + 8;
	halves[1].start = halves[0].end;
	ASSERT_TRUE(evictee_step_in(&self->child, 0));
	ret = vdso_remap_evict(self->child.pid, halves, 2, 20000);
	if (ret == -ETIME)
		SKIP(return, STEPS_ARE_SLOW);
	EXPECT_LT(0, ret);
	EXPECT_FALSE(evictee_is_inside(&self->child));
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
}

TEST_F(evict, has_an_end)
{
	struct vdso_remap_range everything = { 0, ~0ULL };
	uint64_t mask = mask_of(self->child.pid);

	EXPECT_EQ(-ETIME, vdso_remap_evict(self->child.pid, &everything, 1, 100));
	EXPECT_EQ(mask, mask_of(self->child.pid));
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
}

TEST_F(evict, takes_exactly_the_steps_it_may)
{
	uint64_t before;
	int ret;

	ASSERT_TRUE(evictee_step_in(&self->child, 0));
	before = ip_of(self->child.pid);
	EXPECT_EQ(-ETIME, vdso_remap_evict(self->child.pid, &self->child.vdso, 1, 1));
	EXPECT_NE(before, ip_of(self->child.pid));
	EXPECT_TRUE(evictee_is_inside(&self->child));
	ret = vdso_remap_evict(self->child.pid, &self->child.vdso, 1, 0);
	if (ret == -ETIME)
		SKIP(return, STEPS_ARE_SLOW);
	EXPECT_LT(0, ret);
}

TEST_HARNESS_MAIN
