// SPDX-License-Identifier: GPL-2.0
/*
 * What a 64-bit tracer does to a process of i386, which makes its system calls inside the vDSO.
 */
#include <asm/processor-flags.h>
#include <sys/user.h>

#include "vm/compat32.h"

/* It sleeps in __kernel_vsyscall: it will come back there. */
TEST_F(compat32, is_not_moved_while_it_is_in_the_vdso)
{
	learn(_metadata, self, "wait");
	ASSERT_TRUE(falls_asleep(self->pid));
	EXPECT_EQ(-EBUSY, move(self, PLACE));
	EXPECT_TRUE(has_group_at(self, self->info.vdso));
	EXPECT_TRUE(ends_well(self->pid, SIGUSR1));
}

/* At an int $0x80, sysenter or syscall, or right behind the first. */
static bool is_at_system_call(pid_t pid, uint64_t ip)
{
	static const uint8_t calls[][2] = { { 0xcd, 0x80 }, { 0x0f, 0x34 }, { 0x0f, 0x05 } };
	uint8_t bytes[4];

	if (!t_mem_read(pid, ip - 2, bytes, sizeof(bytes)))
		return false;
	for (unsigned int i = 0; i < ARRAY_SIZE(calls); i++)
		if (!memcmp(bytes + 2, calls[i], 2))
			return true;
	return !memcmp(bytes, calls[0], 2);
}

/* As the kernel sees it, a popf that is stepped sets the trap flag for the program. */
static bool clear_trap_flag(pid_t pid)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs))
		return false;
	regs.eflags &= ~X86_EFLAGS_TF;
	return !ptrace(PTRACE_SETREGS, pid, NULL, &regs);
}

/*
 * From wherever it is inside, and its answers are right. It is not left in system
 * calls of its functions: three words are on the stack then, and who has called.
 */
TEST_F_TIMEOUT(compat32, is_brought_out_of_the_vdso, 240)
{
	unsigned int nr_out = 0, nr_calling = 0, nr_slow = 0, left = 0;
	struct vdso_remap_range text;
	struct user_regs_struct regs;
	int status, sig = SIGUSR1, ret;
	uint64_t caller;

	learn(_metadata, self, "wait");
	if (getenv("STEPS_ARE_SLOW"))
		SKIP(return, "steps are slow: the clock functions start again and again");
	text.start = self->info.vdso;
	text.end = text.start + self->size;
	ASSERT_TRUE(falls_asleep(self->pid));
	EXPECT_EQ(-EOPNOTSUPP, vdso_remap_evict(self->pid, &text, 1, 0));
	srandom(1);
	/* more only where few of them come to an end */
	while (nr_out + nr_calling + nr_slow < (nr_out && nr_calling ? 60 : 200)) {
		ASSERT_EQ(0, ptrace(PTRACE_SINGLESTEP, self->pid, NULL, sig));
		ASSERT_EQ(self->pid, waitpid(self->pid, &status, __WALL));
		ASSERT_TRUE(WIFSTOPPED(status));
		sig = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
		ASSERT_EQ(0, ptrace(PTRACE_GETREGS, self->pid, NULL, &regs));
		if (sig || regs.rip < text.start || regs.rip >= text.end || left--)
			continue;
		left = random() % 32;
		ret = vdso_remap_evict(self->pid, &text, 1, 300);
		ASSERT_EQ(0, ptrace(PTRACE_GETREGS, self->pid, NULL, &regs));
		if (ret == -EOPNOTSUPP) {
			ASSERT_TRUE(is_at_system_call(self->pid, regs.rip));
			caller = word_at(self->pid, regs.rsp + 12);
			ASSERT_TRUE(caller < text.start || caller >= text.end);
			nr_calling++;
			continue;
		}
		/* on a slow machine the clock ticks in the middle, and its functions start again */
		if (ret == -ETIME) {
			nr_slow++;
			continue;
		}
		ASSERT_LT(0, ret);
		ASSERT_TRUE(regs.rip < text.start || regs.rip >= text.end);
		nr_out++;
	}
	ASSERT_TRUE(clear_trap_flag(self->pid));
	EXPECT_TRUE(ends_well(self->pid, 0));
	EXPECT_LT(0, nr_out);
	/* where steps are slow, it may not have come to a system call yet */
	if (!nr_slow)
		EXPECT_LT(0, nr_calling);
	TH_LOG("out %u times, %u times at a system call, %u times too slow", nr_out, nr_calling,
	       nr_slow);
}

TEST_F(compat32, is_found_in_a_handler_that_returns_to_its_system_call)
{
	struct vdso_remap_handler handler = { 0 };
	struct user_regs_struct regs;
	struct vdso_remap_range text;

	learn(_metadata, self, "wait");
	text.start = self->info.vdso;
	text.end = text.start + self->size;
	ASSERT_TRUE(falls_asleep(self->pid));
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, self->pid, NULL, &regs));
	EXPECT_EQ(0, vdso_remap_find_handlers(self->pid, &text, 1, &handler, 1));
	ASSERT_EQ(0, ptrace(PTRACE_SINGLESTEP, self->pid, NULL, SIGUSR1));
	ASSERT_TRUE(wait_for_stop(self->pid, SIGTRAP));
	EXPECT_EQ(1, vdso_remap_find_handlers(self->pid, &text, 1, &handler, 1));
	EXPECT_EQ(regs.rip, handler.addr);
	EXPECT_TRUE(handler.at_syscall);
	EXPECT_TRUE(ends_well(self->pid, 0));
}

/* As for a checkpoint, which leaves the runtime vDSO out. */
TEST_F(compat32_image, returns_from_its_system_call_into_the_image)
{
	const pid_t pid = self->tracee.pid;
	struct vdso_remap_range runtime;
	struct user_regs_struct regs;

	self->req.flags = VDSO_REMAP_PROXY_PARK;
	self->req.addr = IMAGE + NEAR;
	ASSERT_EQ(0, t_ioctl(fd, VDSO_REMAP_PROXY, &self->req));
	ASSERT_TRUE(set_auxv_of(pid, IMAGE, &self->parsed));
	ASSERT_TRUE(falls_asleep(pid));
	runtime.start = IMAGE + NEAR;
	runtime.end = runtime.start + T_MAX_TEXT;

	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, pid, NULL, &regs));
	ASSERT_LE(runtime.start, regs.rip);
	ASSERT_GT(runtime.end, regs.rip);
	EXPECT_EQ(-EOPNOTSUPP, vdso_remap_evict(pid, &runtime, 1, 0));
	EXPECT_EQ(1, vdso_remap_evict_syscall(pid, &runtime, &self->parsed, IMAGE));
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, pid, NULL, &regs));
	EXPECT_LE(IMAGE, regs.rip);
	EXPECT_GT(IMAGE + self->parsed.text_size, regs.rip);
	EXPECT_EQ(0, vdso_remap_evict_syscall(pid, &runtime, &self->parsed, IMAGE));
	EXPECT_TRUE(ends_well(pid, SIGUSR1));
}

/* Asleep in __kernel_vsyscall it is in the way of a move, not of the sites. */
TEST_F(compat32_image, becomes_a_proxy_while_its_process_sleeps)
{
	ASSERT_TRUE(falls_asleep(self->tracee.pid));
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	self->req.addr = IMAGE + NEAR;
	EXPECT_EQ(-EBUSY, t_ioctl(fd, VDSO_REMAP_PROXY, &self->req));
	EXPECT_EQ(self->tracee.pid, self->req.busy_tid);
	self->req.flags = 0;
	self->req.addr = 0;
	EXPECT_EQ(0, t_ioctl(fd, VDSO_REMAP_PROXY, &self->req));
	EXPECT_TRUE(ends_well(self->tracee.pid, SIGUSR1));
}

TEST_HARNESS_MAIN
