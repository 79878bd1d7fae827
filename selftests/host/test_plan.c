// SPDX-License-Identifier: MIT
/*
 * Claims about vdso_remap_make_plan(): each rule, each reason, each refusal.
 */
#include "plan_fixture.h"

TEST_F(plan, is_in_place_for_the_same_build_id)
{
	self->runtime.build_id[0] = 1;
	ASSERT_EQ(0, PLAN(0));
	EXPECT_EQ(VDSO_REMAP_IN_PLACE, self->plan.outcome);
	EXPECT_EQ(0, self->plan.nr_steps);
	EXPECT_EQ(0, self->plan.nr_sites);
}

TEST_F(plan, is_proxied_on_demand)
{
	self->runtime.build_id[0] = 1;
	ASSERT_EQ(0, PLAN(VDSO_REMAP_FORCE_PROXY));
	EXPECT_EQ(VDSO_REMAP_PROXIED, self->plan.outcome);
}

TEST_F(plan, is_proxied_for_another_build_id)
{
	self->image.build_id[19] = 1;
	self->runtime.build_id[0] = 1;
	ASSERT_EQ(0, PLAN(0));
	EXPECT_EQ(VDSO_REMAP_PROXIED, self->plan.outcome);
}

TEST_F(plan, is_proxied_for_a_build_id_of_another_size)
{
	self->runtime.build_id[0] = 1;
	self->runtime.build_id_size = 16;
	ASSERT_EQ(0, PLAN(0));
	EXPECT_EQ(VDSO_REMAP_PROXIED, self->plan.outcome);
}

TEST_F(plan, is_proxied_without_build_ids)
{
	self->runtime.build_id[0] = 1;
	self->image.build_id_size = 0;
	self->runtime.build_id_size = 0;
	ASSERT_EQ(0, PLAN(0));
	EXPECT_EQ(VDSO_REMAP_PROXIED, self->plan.outcome);
}

TEST_F(plan, is_proxied_for_another_size)
{
	self->runtime.build_id[0] = 1;
	self->runtime.text_size += 0x1000;
	ASSERT_EQ(0, PLAN(0));
	EXPECT_EQ(VDSO_REMAP_PROXIED, self->plan.outcome);
}

TEST_F(plan, jumps_to_the_namesake)
{
	add(&self->image, "__vdso_frobnicate", 0x100, 16);
	add(&self->runtime, "__vdso_other", 0x200, 16);
	add(&self->runtime, "__vdso_frobnicate", 0x300, 32);
	ASSERT_EQ(0, PLAN(0));
	ASSERT_EQ(1, self->plan.nr_steps);
	EXPECT_STEP(0, JUMP, NAMESAKE, 1);
	ASSERT_EQ(1, self->plan.nr_sites);
	EXPECT_EQ(0x100, self->plan.sites[0].off);
	EXPECT_EQ(16, self->plan.sites[0].room);
	EXPECT_EQ(VDSO_REMAP_SITE_JUMP, self->plan.sites[0].kind);
	EXPECT_EQ(0x300, self->plan.sites[0].target);
}

TEST_F(plan, settles_aliases_once)
{
	add(&self->image, "__vdso_time", 0x100, 16);
	add(&self->image, "time", 0x100, 16);
	add(&self->image, "__vdso_getcpu", 0x110, 16);
	add(&self->runtime, "__vdso_getcpu", 0x200, 16);
	add(&self->runtime, "__vdso_time", 0x300, 16);
	ASSERT_EQ(0, PLAN(0));
	ASSERT_EQ(3, self->plan.nr_steps);
	EXPECT_STEP(0, JUMP, NAMESAKE, 1);
	EXPECT_STEP(1, ALIAS, ALIAS, -1);
	EXPECT_STEP(2, JUMP, NAMESAKE, 0);
	ASSERT_EQ(2, self->plan.nr_sites);
	EXPECT_EQ(0x110, self->plan.sites[1].off);
}

TEST_F(plan, takes_any_alias_as_the_namesake)
{
	add(&self->image, "__vdso_frobnicate", 0x100, 16);
	add(&self->image, "frobnicate", 0x100, 16);
	add(&self->runtime, "frobnicate", 0x200, 16);
	ASSERT_EQ(0, PLAN(0));
	EXPECT_STEP(0, JUMP, NAMESAKE, 0);
}

TEST_F(plan, does_not_take_a_longer_name_as_the_namesake)
{
	add(&self->image, "__vdso_frob", 0x100, 16);
	add(&self->runtime, "__vdso_frobnicate", 0x200, 16);
	EXPECT_EQ(-ENOTSUP, PLAN(0));
}

TEST_F(plan, stubs_what_is_missing)
{
	static const struct {
		const char *name;
		uint32_t stub;
	} cases[] = {
		{ T_VDSO "clock_gettime", VDSO_REMAP_STUB_CLOCK_GETTIME },
		{ T_VDSO "clock_getres", VDSO_REMAP_STUB_CLOCK_GETRES },
		{ T_VDSO "gettimeofday", VDSO_REMAP_STUB_GETTIMEOFDAY },
		{ T_VDSO "time", VDSO_REMAP_STUB_TIME },
		{ T_VDSO "getcpu", VDSO_REMAP_STUB_GETCPU },
		{ T_VDSO "clock_gettime64", VDSO_REMAP_STUB_CLOCK_GETTIME64 },
		{ T_VDSO "clock_getres_time64", VDSO_REMAP_STUB_CLOCK_GETRES_TIME64 },
	};
	size_t i;

	add(&self->runtime, "__vdso_frobnicate", 0x200, 16);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		if (!vdso_encode_stub_call(VDSO_ABI_NATIVE, cases[i].stub).nr)
			continue;	/* not every ABI has all of them */
		self->image.nr_entry_points = 0;
		add(&self->image, cases[i].name, 0x100, 32);
		ASSERT_EQ(0, PLAN(0)) {
			TH_LOG("%s", cases[i].name);
		}
		EXPECT_STEP(0, STUB, MISSING, -1);
		ASSERT_EQ(1, self->plan.nr_sites);
		EXPECT_EQ(VDSO_REMAP_SITE_STUB, self->plan.sites[0].kind);
		EXPECT_EQ(cases[i].stub, self->plan.sites[0].target);
	}
}

TEST_F(plan, stubs_getrandom_always)
{
	if (!vdso_encode_stub_call(VDSO_ABI_NATIVE, VDSO_REMAP_STUB_GETRANDOM).nr)
		SKIP(return, "there is no such function for this ABI");
	add(&self->image, "__vdso_getrandom", 0x100, 32);
	add(&self->image, "getrandom", 0x100, 32);
	add(&self->runtime, "__vdso_getrandom", 0x200, 16);
	ASSERT_EQ(0, PLAN(0));
	EXPECT_STEP(0, STUB, STATE, -1);
	EXPECT_EQ(VDSO_REMAP_STUB_GETRANDOM, self->plan.sites[0].target);

	self->runtime.nr_entry_points = 0;
	ASSERT_EQ(0, PLAN(0));
	EXPECT_STEP(0, STUB, STATE, -1);
}

TEST_F(plan, refuses_the_unknown_and_names_it)
{
	add(&self->image, T_FUNCTION, 0x100, 32);
	add(&self->image, "__vdso_frobnicate", 0x120, 16);
	EXPECT_EQ(-ENOTSUP, PLAN(0));
	EXPECT_EQ(1, self->plan.culprit);
}

TEST_F(plan, leaves_the_unknown_if_allowed)
{
	add(&self->image, "__vdso_frobnicate", 0x100, 16);
	ASSERT_EQ(0, PLAN(VDSO_REMAP_ALLOW_UNKNOWN));
	EXPECT_STEP(0, LEAVE, UNKNOWN, -1);
	EXPECT_EQ(0, self->plan.nr_sites);
}

TEST_F(plan, refuses_unknown_flags)
{
	EXPECT_EQ(-EINVAL, PLAN(VDSO_REMAP_NO_MARK));
	EXPECT_EQ(-EINVAL, PLAN(VDSO_REMAP_UNSEAL));
	EXPECT_EQ(-EINVAL, PLAN(1U << 31));
}

TEST_F(plan, holds_as_many_as_a_vdso_can_have)
{
	unsigned int i;

	for (i = 0; i < VDSO_REMAP_MAX_ENTRY_POINTS; i++)
		add(&self->image, "__vdso_time", 0x100 + 16 * i, 16);
	add(&self->runtime, "__vdso_time", 0x200, 16);
	ASSERT_EQ(0, PLAN(0));
	EXPECT_EQ(VDSO_REMAP_MAX_ENTRY_POINTS, self->plan.nr_steps);
	EXPECT_EQ(VDSO_REMAP_MAX_ENTRY_POINTS, self->plan.nr_sites);
}

TEST(has_words_for_everything)
{
	int i, j;

	for (i = VDSO_REMAP_ACTION_JUMP; i <= VDSO_REMAP_ACTION_ALIAS; i++)
		for (j = 0; j < i; j++)
			EXPECT_STRNE(vdso_remap_action_name(j), vdso_remap_action_name(i));
	for (i = VDSO_REMAP_REASON_NAMESAKE; i <= VDSO_REMAP_REASON_OVERWRITTEN; i++)
		for (j = 0; j < i; j++)
			EXPECT_STRNE(vdso_remap_reason_text(j), vdso_remap_reason_text(i));
	EXPECT_STREQ("jump", vdso_remap_action_name(VDSO_REMAP_ACTION_JUMP));
	EXPECT_STREQ("unknown", vdso_remap_action_name(-1));
	EXPECT_STREQ("unknown", vdso_remap_action_name(1000));
	EXPECT_STREQ("unknown reason", vdso_remap_reason_text(-1));
	EXPECT_STREQ("unknown reason", vdso_remap_reason_text(1000));
}

/* A thread that was checkpointed inside */

TEST_F(plan, lets_a_thread_go_on_where_no_jump_is_in_its_way)
{
	add(&self->image, "__kernel_rt_sigreturn", 0x100, 0x10);
	add(&self->image, "__vdso_time", 0x200, 0x40);
	add(&self->image, "time", 0x200, 0x40);
	add(&self->image, "__vdso_getcpu", 0x250, 0x20);
	EXPECT_EQ(VDSO_REMAP_RESUME_IN_COPY, vdso_remap_resume(&self->image, 0x80));
	EXPECT_EQ(VDSO_REMAP_RESUME_HERE, vdso_remap_resume(&self->image, 0x108));
	EXPECT_EQ(VDSO_REMAP_RESUME_HERE, vdso_remap_resume(&self->image, 0x200));
	EXPECT_EQ(VDSO_REMAP_RESUME_IN_COPY, vdso_remap_resume(&self->image, 0x201));
	EXPECT_EQ(VDSO_REMAP_RESUME_IN_COPY, vdso_remap_resume(&self->image, 0x23f));
	EXPECT_EQ(VDSO_REMAP_RESUME_HERE, vdso_remap_resume(&self->image, 0x250));
	EXPECT_EQ(VDSO_REMAP_RESUME_IN_COPY, vdso_remap_resume(&self->image, 0x300));
	EXPECT_EQ(VDSO_REMAP_RESUME_HERE,
		  vdso_remap_resume(&self->image, self->image.text_size));
}

TEST_HARNESS_MAIN
