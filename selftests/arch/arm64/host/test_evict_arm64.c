// SPDX-License-Identifier: MIT
/*
 * Claims about vdso_remap_evict() of arm64's programs: it makes the vDSO's own system calls, no
 * others, and stops at what the thread can't execute.
 */
#include <sys/syscall.h>

#include "arch/test.h"
#include "host/evict_fixture.h"

#include "arch/regs.h"

#define NOP	0xd503201f
#define SVC	0xd4000001
#define SVC_1	0xd4000021	/* svc #1: the kernel does not look at the number */
#define BRK	0xd4200000
#define LOAD	0xf9400001	/* ldr x1, [x0], where x0 is 0 */

static bool enter(struct evictee *child, struct foreign_code *foreign, uint64_t nr,
		  const uint32_t *code, size_t size)
{
	return evictee_enter(child, foreign, nr, (const uint8_t *)code, size);
}

TEST_F(evict, makes_the_vdsos_own_system_calls)
{
	static const uint32_t code[] = { NOP, SVC };
	struct foreign_code foreign;
	struct vdso_regs regs;

	ASSERT_TRUE(enter(&self->child, &foreign, SYS_clock_getres, code, sizeof(code)));
	EXPECT_EQ(2, vdso_remap_evict(self->child.pid, &foreign.range, 1, 0));
	ASSERT_TRUE(t_get_regs(self->child.pid, &regs));
	EXPECT_EQ(foreign.range.end, vdso_regs_get(&regs, VDSO_REG_IP));
	EXPECT_EQ(0, vdso_regs_result(&regs));
	ASSERT_TRUE(evictee_go_back(&self->child, &foreign));
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
	EXPECT_EQ(0, shared->signals[SIGTRAP]);
}

TEST_F(evict, makes_no_other_system_call)
{
	static const uint32_t plain[] = { NOP, SVC }, numbered[] = { NOP, SVC_1 };
	static const uint64_t nrs[] = { SYS_getppid, 0, SYS_ppoll };
	struct foreign_code foreign;
	size_t i;

	for (i = 0; i < 2 * ARRAY_SIZE(nrs); i++) {
		ASSERT_TRUE(enter(&self->child, &foreign, nrs[i / 2], i % 2 ? numbered : plain,
				  sizeof(plain)));
		EXPECT_EQ(-EOPNOTSUPP, vdso_remap_evict(self->child.pid, &foreign.range, 1, 0));
		EXPECT_EQ(foreign.range.start + 4, ip_of(self->child.pid));
		ASSERT_TRUE(evictee_go_back(&self->child, &foreign));
	}
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
}

/* It stands before the instruction, which it will execute again. */
TEST_F(evict, leaves_a_thread_in_its_system_call)
{
	static const uint32_t code[] = { NOP, SVC, NOP };
	struct foreign_code foreign;

	ASSERT_TRUE(enter(&self->child, &foreign, SYS_ppoll, code, sizeof(code)));
	ASSERT_TRUE(single_step(self->child.pid));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, self->child.pid, NULL, NULL));
	usleep(10000);
	ASSERT_TRUE(interrupt(self->child.pid));
	ASSERT_EQ(foreign.range.start + 4, ip_of(self->child.pid));
	EXPECT_EQ(-EOPNOTSUPP, vdso_remap_evict(self->child.pid, &foreign.range, 1, 0));
	ASSERT_TRUE(evictee_go_back(&self->child, &foreign));
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
}

TEST_F(evict, leaves_a_system_call_that_seccomp_traps_to_the_program)
{
	static const uint32_t code[] = { NOP, SVC };
	uint64_t mask = mask_of(self->child.pid);
	struct foreign_code foreign;
	struct vdso_regs before;

	ASSERT_TRUE(enter(&self->child, &foreign, SYS_gettimeofday, code, sizeof(code)));
	ASSERT_TRUE(single_step(self->child.pid));
	ASSERT_TRUE(t_get_regs(self->child.pid, &before));
	EXPECT_EQ(-ENOSYS, vdso_remap_evict(self->child.pid, &foreign.range, 1, 0));
	EXPECT_TRUE(is_as_before(self->child.pid, before, foreign.range.start + 4));
	EXPECT_EQ(mask, mask_of(self->child.pid));
	ASSERT_TRUE(evictee_go_back(&self->child, &foreign));
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
	EXPECT_EQ(0, shared->signals[SIGSYS]);
	EXPECT_EQ(0, shared->signals[SIGTRAP]);
}

TEST_F(evict, stops_at_a_breakpoint)
{
	static const uint32_t code[] = { NOP, BRK, NOP };
	struct foreign_code foreign;

	ASSERT_TRUE(enter(&self->child, &foreign, 0, code, sizeof(code)));
	EXPECT_EQ(-EILSEQ, vdso_remap_evict(self->child.pid, &foreign.range, 1, 0));
	EXPECT_EQ(foreign.range.start + 4, ip_of(self->child.pid));
	ASSERT_TRUE(evictee_go_back(&self->child, &foreign));
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
	EXPECT_EQ(0, shared->signals[SIGTRAP]);
}

TEST_F(evict, stops_at_a_fault)
{
	static const uint32_t code[] = { NOP, LOAD, NOP };
	struct foreign_code foreign;

	ASSERT_TRUE(enter(&self->child, &foreign, 0, code, sizeof(code)));
	EXPECT_EQ(-EFAULT, vdso_remap_evict(self->child.pid, &foreign.range, 1, 0));
	EXPECT_EQ(foreign.range.start + 4, ip_of(self->child.pid));
	ASSERT_TRUE(evictee_go_back(&self->child, &foreign));
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
	EXPECT_EQ(0, shared->signals[SIGSEGV]);
}

/* One that a process sends is not taken for that of a step. */
TEST_F(evict, holds_back_a_sigtrap_that_is_none_of_a_step)
{
	static const uint32_t code[] = { NOP, SVC };
	struct foreign_code foreign;

	ASSERT_TRUE(enter(&self->child, &foreign, SYS_clock_getres, code, sizeof(code)));
	ASSERT_EQ(0, kill(self->child.pid, SIGTRAP));
	EXPECT_LT(0, vdso_remap_evict(self->child.pid, &foreign.range, 1, 0));
	EXPECT_EQ(foreign.range.end, ip_of(self->child.pid));
	ASSERT_TRUE(evictee_go_back(&self->child, &foreign));
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
	EXPECT_EQ(1, shared->signals[SIGTRAP]);
}

TEST_HARNESS_MAIN
