// SPDX-License-Identifier: MIT
/*
 * Claims about vdso_remap_evict(): it makes the vDSO's own system calls, no others, and none
 * that the kernel gives to the program.
 */
#include <sys/syscall.h>

#include "arch/test.h"
#include "host/evict_fixture.h"

#include "../../../../userspace/internal.h"

/* A nop, and a system call: the usual one, and by each of the three instructions */
static const uint8_t system_call[] = {
	0x90,
#ifdef __i386__
	0xcd, 0x80,
#else
	0x0f, 0x05,
#endif
};

static const uint8_t by_syscall[] = { 0x90, 0x0f, 0x05 };
static const uint8_t by_int80[] = { 0x90, 0xcd, 0x80 };
static const uint8_t by_sysenter[] = { 0x90, 0x0f, 0x34 };

TEST_F(evict, makes_the_vdsos_own_system_calls)
{
	struct vdso_regs regs;
	struct foreign_code foreign;

	ASSERT_TRUE(evictee_enter(&self->child, &foreign, SYS_getcpu, system_call,
				  sizeof(system_call)));
	EXPECT_EQ(2, vdso_remap_evict(self->child.pid, &foreign.range, 1, 0));
	ASSERT_TRUE(t_get_regs(self->child.pid, &regs));
	EXPECT_EQ(foreign.range.end, vdso_regs_get(&regs, VDSO_REG_IP));
	EXPECT_EQ(0, vdso_regs_result(&regs));
	ASSERT_TRUE(evictee_go_back(&self->child, &foreign));
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
}

TEST_F(evict, makes_no_other_system_call)
{
	static const struct {
		const uint8_t *code;
		uint64_t nr;
	} calls[] = {
		{ by_syscall, SYS_pause },
		{ by_syscall, SYS_getppid },
		{ by_syscall, 0 },
#ifdef __x86_64__
		{ by_int80, 13 },	/* i386's time() */
		{ by_sysenter, 13 },
#else
		{ by_int80, SYS_pause },
		{ by_sysenter, SYS_pause },
#endif
	};
	struct vdso_regs regs;
	struct foreign_code foreign;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		ASSERT_TRUE(evictee_enter(&self->child, &foreign, calls[i].nr, calls[i].code, 3));
		EXPECT_EQ(-EOPNOTSUPP, vdso_remap_evict(self->child.pid, &foreign.range, 1, 0));
		ASSERT_TRUE(t_get_regs(self->child.pid, &regs));
		EXPECT_EQ(foreign.range.start + 1, vdso_regs_get(&regs, VDSO_REG_IP));
		EXPECT_EQ(calls[i].nr, vdso_regs_get(&regs, VDSO_REG_CALL));
		ASSERT_TRUE(evictee_go_back(&self->child, &foreign));
	}
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
}

/* The kernel would restart it. */
TEST_F(evict, leaves_a_thread_in_its_system_call)
{
	/* a nop where it would go on, inside */
	const uint8_t code[] = { 0x90, system_call[1], system_call[2], 0x90 };
	struct foreign_code foreign;

	ASSERT_TRUE(evictee_enter(&self->child, &foreign, SYS_pause, code, sizeof(code)));
	ASSERT_TRUE(single_step(self->child.pid));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, self->child.pid, NULL, NULL));
	usleep(10000);
	ASSERT_TRUE(interrupt(self->child.pid));
	ASSERT_EQ(foreign.range.end - 1, ip_of(self->child.pid));
	EXPECT_EQ(-EOPNOTSUPP, vdso_remap_evict(self->child.pid, &foreign.range, 1, 0));
	ASSERT_TRUE(evictee_go_back(&self->child, &foreign));
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
}

/* Resumes it, and takes the SIGSYS that it is stopped by. */
static bool gets_sigsys(pid_t pid, int code, unsigned int nr)
{
	siginfo_t info;
	int status;

	return !ptrace(PTRACE_CONT, pid, NULL, NULL) &&
	       waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status) &&
	       WSTOPSIG(status) == SIGSYS && !ptrace(PTRACE_GETSIGINFO, pid, NULL, &info) &&
	       info.si_code == code && info.si_syscall == (int)nr;
}

/* Its handler may make up what the system call returns: from all that comes with the signal. */
TEST_F(evict, leaves_a_system_call_that_seccomp_traps_to_the_program)
{
	uint64_t mask = mask_of(self->child.pid);
	struct vdso_regs before;
	struct foreign_code foreign;

	ASSERT_TRUE(evictee_enter(&self->child, &foreign, SYS_gettimeofday, system_call,
				  sizeof(system_call)));
	ASSERT_TRUE(t_get_regs(self->child.pid, &before));
	EXPECT_EQ(-ENOSYS, vdso_remap_evict(self->child.pid, &foreign.range, 1, 0));
	EXPECT_TRUE(is_as_before(self->child.pid, before, foreign.range.start + 1));
	EXPECT_EQ(mask, mask_of(self->child.pid));
	EXPECT_TRUE(gets_sigsys(self->child.pid, 1 /* SYS_SECCOMP */, SYS_gettimeofday));
	ASSERT_TRUE(evictee_go_back(&self->child, &foreign));
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
	EXPECT_EQ(0, shared->signals[SIGSYS]);
	EXPECT_EQ(0, shared->signals[SIGTRAP]);
}

TEST_F(evict, leaves_a_system_call_that_is_dispatched_to_the_program)
{
	struct vdso_regs before;
	struct foreign_code foreign;

	if (!shared->dispatches)
		SKIP(return, "this kernel has no PR_SET_SYSCALL_USER_DISPATCH");
	ASSERT_TRUE(evictee_enter(&self->child, &foreign, SYS_getcpu, system_call,
				  sizeof(system_call)));
	ASSERT_TRUE(t_get_regs(self->child.pid, &before));
	shared->selector = 1;
	EXPECT_EQ(-ENOSYS, vdso_remap_evict(self->child.pid, &foreign.range, 1, 0));
	EXPECT_TRUE(is_as_before(self->child.pid, before, foreign.range.start + 1));
	EXPECT_TRUE(gets_sigsys(self->child.pid, 2 /* SYS_USER_DISPATCH */, SYS_getcpu));
	shared->selector = 0;
	ASSERT_TRUE(evictee_go_back(&self->child, &foreign));
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
	EXPECT_EQ(0, shared->signals[SIGSYS]);
	EXPECT_EQ(0, shared->signals[SIGTRAP]);
}

#ifdef __i386__
/* The selectors stay as long as the thread does not return from the kernel. */
static void stop_with_null_selectors(void)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	__asm__ volatile("mov	$1, %%eax\n\t"
			 "mov	%%eax, %%fs\n\t"
			 "mov	%%eax, %%es\n\t"
			 "mov	%2, %%eax\n\t"
			 "int	$0x80"
			 : : "b"(getpid()), "c"(SIGSTOP), "i"(SYS_kill) : "eax", "memory");
	_exit(1);
}

/* A thread can load null selectors, but the kernel refuses a set of registers that has one. */
TEST(writes_the_registers_of_a_thread_with_null_selectors)
{
	struct vdso_regs regs;
	enum vdso_abi abi;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid)
		stop_with_null_selectors();
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(0, vrl_read_regs(pid, &regs, &abi));
	vdso_regs_set(&regs, VDSO_REG_IP, 0x12345678);
	vdso_regs_set(&regs, VDSO_REG_RESULT, 0x1234);
	ASSERT_EQ(0, vrl_write_regs(pid, &regs));
	ASSERT_EQ(0, vrl_read_regs(pid, &regs, &abi));
	EXPECT_EQ(0x12345678, vdso_regs_get(&regs, VDSO_REG_IP));
	EXPECT_EQ(0x1234, vdso_regs_get(&regs, VDSO_REG_RESULT));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
#endif

TEST_HARNESS_MAIN
