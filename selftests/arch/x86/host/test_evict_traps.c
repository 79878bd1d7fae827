// SPDX-License-Identifier: MIT
/* Claims about vdso_remap_evict(): breakpoints and faults on the way out are the program's. */
#include <stddef.h>
#include <sys/user.h>
#include <time.h>

#include "host/evict_fixture.h"

/* int3, int $3, int1, behind a nop. The last one is not emulated by QEMU, and faults there. */
TEST_F(evict, stops_at_a_breakpoint)
{
	static const uint8_t codes[][3] = { { 0x90, 0xcc }, { 0x90, 0xcd, 0x03 }, { 0x90, 0xf1 } };
	uint64_t mask = mask_of(self->child.pid);
	struct vdso_regs before;
	struct foreign_code foreign;
	size_t i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		ASSERT_TRUE(evictee_enter(&self->child, &foreign, 1, codes[i], sizeof(codes[i])));
		ASSERT_TRUE(t_get_regs(self->child.pid, &before));
		ret = vdso_remap_evict(self->child.pid, &foreign.range, 1, 0);
		EXPECT_TRUE(ret == -EILSEQ || (i == 2 && ret == -EFAULT)) {
			TH_LOG("breakpoint %zu: %d", i, ret);
		}
		EXPECT_TRUE(is_as_before(self->child.pid, before, foreign.range.start + 1)) {
			TH_LOG("breakpoint %zu", i);
		}
		EXPECT_EQ(mask, mask_of(self->child.pid));
		ASSERT_TRUE(evictee_go_back(&self->child, &foreign));
		EXPECT_TRUE(evictee_goes_on_well(&self->child));
	}
	EXPECT_EQ(0, shared->signals[SIGTRAP]);
}

static bool set_debug_register(pid_t pid, unsigned int nr, uint64_t val)
{
	return !ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[nr]), val);
}

TEST_F(evict, stops_at_a_breakpoint_of_the_processor)
{
	static const uint8_t code[] = { 0x90, 0x90 };
	struct vdso_regs before;
	struct foreign_code foreign;

	/* one where it stands: some hypervisors let none of them stop it */
	ASSERT_TRUE(evictee_enter(&self->child, &foreign, 1, code, sizeof(code)));
	ASSERT_TRUE(set_debug_register(self->child.pid, 0, foreign.range.start));
	ASSERT_TRUE(set_debug_register(self->child.pid, 7, 1));	/* the first one, for execution */
	ASSERT_TRUE(single_step(self->child.pid));
	if (ip_of(self->child.pid) != foreign.range.start)
		SKIP(return, "breakpoints of this processor do not stop a step");
	ASSERT_TRUE(set_debug_register(self->child.pid, 7, 0));
	ASSERT_TRUE(evictee_go_back(&self->child, &foreign));

	ASSERT_TRUE(evictee_enter(&self->child, &foreign, 1, code, sizeof(code)));
	ASSERT_TRUE(t_get_regs(self->child.pid, &before));
	ASSERT_TRUE(set_debug_register(self->child.pid, 0, foreign.range.start + 1));
	ASSERT_TRUE(set_debug_register(self->child.pid, 7, 1));
	EXPECT_EQ(-EILSEQ, vdso_remap_evict(self->child.pid, &foreign.range, 1, 0));
	EXPECT_TRUE(is_as_before(self->child.pid, before, foreign.range.start + 1));
	ASSERT_TRUE(set_debug_register(self->child.pid, 7, 0));
	EXPECT_EQ(1, vdso_remap_evict(self->child.pid, &foreign.range, 1, 0));
	ASSERT_TRUE(evictee_go_back(&self->child, &foreign));
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
	EXPECT_EQ(0, shared->signals[SIGTRAP]);
}

/* jmp *%rax: to nowhere, to data, to code */
TEST_F(evict, is_outside_only_where_code_is)
{
	static const uint8_t code[] = { 0xff, 0xe0 };
	const struct {
		uint64_t target;
		int ret;
	} jumps[] = {
		{ 0, -EFAULT },
		{ (uintptr_t)shared, -EFAULT },
		{ (uintptr_t)self->child.code + 100, 1 },
	};
	struct foreign_code foreign;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(jumps); i++) {
		ASSERT_TRUE(evictee_enter(&self->child, &foreign, jumps[i].target, code,
					  sizeof(code)));
		EXPECT_EQ(jumps[i].ret, vdso_remap_evict(self->child.pid, &foreign.range, 1, 0));
		EXPECT_EQ(jumps[i].target, ip_of(self->child.pid));
		ASSERT_TRUE(evictee_go_back(&self->child, &foreign));
	}
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
}

/* A fault inside is the program's own; its handler is to see it, undamaged. */
TEST_F(evict, leaves_a_fault_to_the_program)
{
	struct user_regs_struct regs;
	int status;

	while (ip_of(self->child.pid) != (uintptr_t)self->child.clock_gettime)
		ASSERT_TRUE(single_step(self->child.pid));
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, self->child.pid, NULL, &regs));
#ifdef __x86_64__
	regs.rdi = CLOCK_MONOTONIC_COARSE;
	regs.rsi = 8;
	ASSERT_EQ(0, ptrace(PTRACE_SETREGS, self->child.pid, NULL, &regs));
#else
	ASSERT_EQ(0, ptrace(PTRACE_POKEDATA, self->child.pid, regs.esp + 4,
			    CLOCK_MONOTONIC_COARSE));
	ASSERT_EQ(0, ptrace(PTRACE_POKEDATA, self->child.pid, regs.esp + 8, 8));
#endif
	EXPECT_EQ(-EFAULT, vdso_remap_evict(self->child.pid, &self->child.vdso, 1, 0));
	EXPECT_TRUE(evictee_is_inside(&self->child));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, self->child.pid, NULL, NULL));
	ASSERT_EQ(self->child.pid, waitpid(self->child.pid, &status, __WALL));
	ASSERT_TRUE(WIFSTOPPED(status));
	EXPECT_EQ(SIGSEGV, WSTOPSIG(status));
}

TEST_HARNESS_MAIN
