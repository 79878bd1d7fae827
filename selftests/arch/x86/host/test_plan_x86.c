// SPDX-License-Identifier: MIT
/*
 * Claims about vdso_remap_make_plan(): the functions that only x86_64, i386 or x32 have, and
 * the room that their sites take.
 */
#include "host/elf_image.h"
#include "host/plan_fixture.h"

static void set_abi(FIXTURE_DATA(plan) *self, enum vdso_abi abi)
{
	self->image.abi = abi;
	self->runtime.abi = abi;
}

TEST_F(plan, leaves_trampolines_alone)
{
	add(&self->image, "__kernel_vsyscall", 0x100, 16);
	add(&self->image, "__kernel_sigreturn", 0x110, 16);
	add(&self->image, "__kernel_rt_sigreturn", 0x120, 16);
	self->runtime = self->image;
	self->runtime.build_id[0] = 2;
	ASSERT_EQ(0, PLAN(0));
	EXPECT_STEP(0, LEAVE, TRAMPOLINE, -1);
	EXPECT_STEP(1, LEAVE, TRAMPOLINE, -1);
	EXPECT_STEP(2, LEAVE, TRAMPOLINE, -1);
	EXPECT_EQ(0, self->plan.nr_sites);
}

TEST_F(plan, leaves_functions_without_data_if_they_have_no_namesake)
{
	add(&self->image, "__vdso_futex_robust_list64_try_unlock", 0x100, 15);
	add(&self->image, "__vdso_sgx_enter_enclave", 0x110, 16);
	ASSERT_EQ(0, PLAN(0));
	EXPECT_STEP(0, LEAVE, NO_DATA, -1);
	EXPECT_STEP(1, LEAVE, NO_DATA, -1);

	add(&self->runtime, "__vdso_futex_robust_list64_try_unlock", 0x300, 16);
	add(&self->runtime, "__vdso_sgx_enter_enclave", 0x310, 16);
	ASSERT_EQ(0, PLAN(0));
	EXPECT_STEP(0, JUMP, NAMESAKE, 0);
	EXPECT_STEP(1, JUMP, NAMESAKE, 1);
}

TEST_F(plan, stubs_what_is_missing_on_i386)
{
	static const struct {
		const char *name;
		uint32_t stub;
	} cases[] = {
		{ "__vdso_clock_gettime", VDSO_REMAP_STUB_CLOCK_GETTIME },
		{ "__vdso_clock_gettime64", VDSO_REMAP_STUB_CLOCK_GETTIME64 },
		{ "__vdso_clock_getres", VDSO_REMAP_STUB_CLOCK_GETRES },
		{ "__vdso_clock_getres_time64", VDSO_REMAP_STUB_CLOCK_GETRES_TIME64 },
		{ "__vdso_gettimeofday", VDSO_REMAP_STUB_GETTIMEOFDAY },
		{ "__vdso_time", VDSO_REMAP_STUB_TIME },
		{ "__vdso_getcpu", VDSO_REMAP_STUB_GETCPU },
	};
	size_t i;

	set_abi(self, VDSO_ABI_I386);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		self->image.nr_entry_points = 0;
		self->runtime.nr_entry_points = 0;
		add(&self->image, cases[i].name, 0x100, 32);
		ASSERT_EQ(0, PLAN(0)) {
			TH_LOG("%s", cases[i].name);
		}
		EXPECT_STEP(0, STUB, MISSING, -1);
		ASSERT_EQ(1, self->plan.nr_sites);
		EXPECT_EQ(VDSO_REMAP_SITE_STUB, self->plan.sites[0].kind);
		EXPECT_EQ(cases[i].stub, self->plan.sites[0].target);

		add(&self->runtime, cases[i].name, 0x200, 32);
		ASSERT_EQ(0, PLAN(0));
		EXPECT_STEP(0, JUMP, NAMESAKE, 0);
	}
}

TEST_F(plan, has_no_stub_for_getrandom_on_i386)
{
	set_abi(self, VDSO_ABI_I386);
	add(&self->image, "__vdso_time", 0x100, 32);
	add(&self->image, "__vdso_getrandom", 0x120, 32);
	add(&self->runtime, "__vdso_getrandom", 0x210, 32);	/* will not do */
	EXPECT_EQ(-ENOTSUP, PLAN(0));
	EXPECT_EQ(1, self->plan.culprit);
}

TEST_F(plan, has_no_stub_with_64_bit_seconds_on_x86_64)
{
	add(&self->image, "__vdso_clock_gettime64", 0x100, 32);
	EXPECT_EQ(-ENOTSUP, PLAN(0));
	self->image.nr_entry_points = 0;
	add(&self->image, "__vdso_clock_getres_time64", 0x100, 32);
	EXPECT_EQ(-ENOTSUP, PLAN(0));
}

TEST_F(plan, lets_a_thread_go_on_in_a_function_without_data)
{
	add(&self->image, "__vdso_time", 0x200, 0x40);
	add(&self->image, "__vdso_futex_robust_list64_try_unlock", 0x240, 0x10);
	add(&self->image, "__vdso_getcpu", 0x250, 0x20);
	EXPECT_EQ(VDSO_REMAP_RESUME_IN_COPY, vdso_remap_resume(&self->image, 0x23f));
	EXPECT_EQ(VDSO_REMAP_RESUME_HERE, vdso_remap_resume(&self->image, 0x24c));
	EXPECT_EQ(VDSO_REMAP_RESUME_IN_COPY, vdso_remap_resume(&self->image, 0x254));
}

/* As every kernel has them */
static void put_trampolines(unsigned char *sigreturn, unsigned char *rt_sigreturn)
{
	memcpy(sigreturn, "\x58\xb8\x77\0\0\0\xcd\x80", 8);
	memcpy(rt_sigreturn, "\xb8\xad\0\0\0\xcd\x80", 7);
}

TEST_F(plan, leaves_the_trampolines_of_i386_alone)
{
	set_abi(self, VDSO_ABI_I386);
	add(&self->image, "__vdso_clock_gettime64", 0x100, 32);
	add(&self->image, "__kernel_vsyscall", 0x200, 32);
	add(&self->image, "__kernel_sigreturn", 0x220, 16);
	add(&self->image, "__kernel_rt_sigreturn", 0x230, 16);
	add(&self->image, "__vdso_futex_robust_list32_try_unlock", 0x240, 32);
	put_trampolines(code + 0x220, code + 0x230);
	self->runtime = self->image;
	self->runtime.build_id[0] = 2;
	ASSERT_EQ(0, PLAN(0));
	EXPECT_STEP(0, JUMP, NAMESAKE, 0);
	EXPECT_STEP(1, LEAVE, TRAMPOLINE, -1);
	EXPECT_STEP(2, LEAVE, TRAMPOLINE, -1);
	EXPECT_STEP(3, LEAVE, TRAMPOLINE, -1);
	EXPECT_STEP(4, JUMP, NAMESAKE, 4);
	EXPECT_EQ(2, self->plan.nr_sites);
}

/* From bytes to sites: what two kernels' i386 vDSOs look like. */
TEST_F(plan, goes_from_one_i386_image_to_another)
{
	static const struct sym old_syms[] = {
		FUNC("__kernel_vsyscall", 0x1000, 13), FUNC("__kernel_sigreturn", 0x1020, 9),
		FUNC("__kernel_rt_sigreturn", 0x1030, 8), FUNC("__vdso_time", 0x1040, 60),
		FUNC("__vdso_clock_gettime64", 0x1100, 300), FUNC("__vdso_getcpu", 0x1300, 50),
	};
	static const struct sym new_syms[] = {
		FUNC("__vdso_clock_gettime64", 0x1000, 300), FUNC("__vdso_time", 0x1200, 60),
		FUNC("__kernel_vsyscall", 0x1300, 17), FUNC("__kernel_sigreturn", 0x1320, 9),
		FUNC("__kernel_rt_sigreturn", 0x1330, 8),
	};
	static unsigned char old_bytes[IMAGE_SIZE], new_bytes[IMAGE_SIZE];
	struct spec old = {
		.bits = 32, .machine = EM_386, .with = WITH_GNU_HASH | WITH_SECTIONS,
		.syms = old_syms, .nr_syms = ARRAY_SIZE(old_syms),
	};
	struct spec new = {
		.bits = 32, .machine = EM_386, .with = WITH_HASH | WITH_SECTIONS,
		.build_id_size = 20, .syms = new_syms, .nr_syms = ARRAY_SIZE(new_syms),
	};

	build_image(old_bytes, &old);
	build_image(new_bytes, &new);
	put_trampolines(old_bytes + 0x1020, old_bytes + 0x1030);
	ASSERT_EQ(0, parse(&self->image, old_bytes, sizeof(old_bytes)));
	ASSERT_EQ(0, parse(&self->runtime, new_bytes, sizeof(new_bytes)));
	ASSERT_EQ(0, PLAN(0));
	EXPECT_EQ(VDSO_REMAP_PROXIED, self->plan.outcome);
	ASSERT_EQ(6, self->plan.nr_steps);
	EXPECT_STEP(0, LEAVE, TRAMPOLINE, -1);
	EXPECT_STEP(1, LEAVE, TRAMPOLINE, -1);
	EXPECT_STEP(2, LEAVE, TRAMPOLINE, -1);
	EXPECT_STEP(3, JUMP, NAMESAKE, 1);
	EXPECT_STEP(4, JUMP, NAMESAKE, 0);
	EXPECT_STEP(5, STUB, MISSING, -1);
	ASSERT_EQ(3, self->plan.nr_sites);
	EXPECT_EQ(0x1040, self->plan.sites[0].off);
	EXPECT_EQ(0x1200, self->plan.sites[0].target);
	EXPECT_EQ(0x1100, self->plan.sites[1].off);
	EXPECT_EQ(0x1000, self->plan.sites[1].target);
	EXPECT_EQ(VDSO_REMAP_STUB_GETCPU, self->plan.sites[2].target);
}

TEST_F(plan, knows_x32)
{
	set_abi(self, VDSO_ABI_X32);
	add(&self->image, "__vdso_time", 0x100, 32);
	add(&self->image, "__vdso_getcpu", 0x120, 32);
	add(&self->runtime, "__vdso_time", 0x200, 32);
	ASSERT_EQ(0, PLAN(0));
	EXPECT_STEP(0, JUMP, NAMESAKE, 0);
	EXPECT_STEP(1, STUB, MISSING, -1);
}

/* CRIU writes its jumps over the trampolines of i386, too. */
TEST_F(plan, repairs_overwritten_trampolines)
{
	static const __u8 jump[] = { 0xb8, 0x10, 0x20, 0x30, 0x40, 0xff, 0xe0 };

	set_abi(self, VDSO_ABI_I386);
	add(&self->image, "__kernel_sigreturn", 0x100, 16);
	add(&self->image, "__kernel_rt_sigreturn", 0x110, 16);
	add(&self->image, "__kernel_vsyscall", 0x120, 16);
	put_trampolines(code + 0x100, code + 0x110);
	ASSERT_EQ(0, PLAN(0));
	EXPECT_STEP(0, LEAVE, TRAMPOLINE, -1);
	EXPECT_EQ(0, self->plan.nr_sites);

	memcpy(code + 0x100, jump, sizeof(jump));
	memcpy(code + 0x110, jump, sizeof(jump));
	ASSERT_EQ(0, PLAN(0));
	EXPECT_STEP(0, STUB, OVERWRITTEN, -1);
	EXPECT_STEP(1, STUB, OVERWRITTEN, -1);
	EXPECT_STEP(2, LEAVE, TRAMPOLINE, -1);
	ASSERT_EQ(2, self->plan.nr_sites);
	EXPECT_EQ(VDSO_REMAP_STUB_SIGRETURN, self->plan.sites[0].target);
	EXPECT_EQ(VDSO_REMAP_STUB_RT_SIGRETURN, self->plan.sites[1].target);

	self->image.entry_points[0].room = 7;	/* the kernel's bytes were never there */
	ASSERT_EQ(0, PLAN(0));
	EXPECT_STEP(0, LEAVE, TRAMPOLINE, -1);
}

TEST_F(plan, refuses_another_abi)
{
	self->runtime.abi = VDSO_ABI_I386;
	EXPECT_EQ(-EXDEV, PLAN(0));
	self->runtime.abi = VDSO_ABI_X32;
	EXPECT_EQ(-EXDEV, PLAN(0));
}

/* The room that each encoding takes, and one byte less. */
TEST_F(plan, needs_room)
{
	static const unsigned char pad64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	static const unsigned char pad32[] = { 0xf3, 0x0f, 0x1e, 0xfb };
	static const unsigned char no_pad[] = { 0x90, 0x90, 0x90, 0x90 };
	static const struct {
		enum vdso_abi abi;
		const char *name;
		bool namesake;
		const unsigned char *pad;
		uint32_t room;
	} cases[] = {
		{ VDSO_ABI_X86_64, "__vdso_time", true, no_pad, 5 },
		{ VDSO_ABI_X86_64, "__vdso_time", true, pad64, 9 },
		{ VDSO_ABI_X86_64, "__vdso_time", true, pad32, 5 },
		{ VDSO_ABI_X86_64, "__vdso_time", false, no_pad, 8 },
		{ VDSO_ABI_X86_64, "__vdso_time", false, pad64, 12 },
		{ VDSO_ABI_X86_64, "__vdso_getrandom", true, no_pad, 16 },
		{ VDSO_ABI_X86_64, "__vdso_getrandom", true, pad64, 20 },
		{ VDSO_ABI_I386, "__vdso_time", true, no_pad, 5 },
		{ VDSO_ABI_I386, "__vdso_time", true, pad32, 9 },
		{ VDSO_ABI_I386, "__vdso_time", true, pad64, 5 },
		{ VDSO_ABI_I386, "__vdso_time", false, no_pad, 14 },
		{ VDSO_ABI_I386, "__vdso_time", false, pad32, 18 },
		{ VDSO_ABI_I386, "__vdso_clock_gettime64", false, no_pad, 18 },
		{ VDSO_ABI_I386, "__vdso_getcpu", false, pad32, 26 },
		{ VDSO_ABI_X32, "__vdso_time", true, no_pad, 5 },
		{ VDSO_ABI_X32, "__vdso_time", true, pad64, 9 },
		{ VDSO_ABI_X32, "__vdso_time", false, pad64, 12 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		memcpy(code + 0x100, cases[i].pad, sizeof(no_pad));
		set_abi(self, cases[i].abi);
		self->image.nr_entry_points = 0;
		self->runtime.nr_entry_points = 0;
		add(&self->image, "__kernel_vsyscall", 0x80, 16);
		if (cases[i].namesake)
			add(&self->runtime, cases[i].name, 0x200, 16);
		add(&self->image, cases[i].name, 0x100, cases[i].room);
		EXPECT_EQ(0, PLAN(0)) {
			TH_LOG("case %zu", i);
		}
		self->image.entry_points[1].room--;
		EXPECT_EQ(-ENOSPC, PLAN(0)) {
			TH_LOG("case %zu", i);
		}
		EXPECT_EQ(1, self->plan.culprit);
	}
}

TEST_HARNESS_MAIN
