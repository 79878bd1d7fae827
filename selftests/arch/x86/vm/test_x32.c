// SPDX-License-Identifier: GPL-2.0
/*
 * x32 processes: their vDSO is found, moved and mapped, copies of it become proxies, and
 * their threads are brought out of it.
 */
#include <elf.h>
#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include <vdso_remap.h>

#include "lib/device.h"
#include "lib/memory.h"
#include "lib/note.h"

#define PLACE	0x60000000ULL

FIXTURE(x32)
{
	pid_t pid;	/* x32_self, stopped at its start */
};

static void execute(const char *arg)
{
	char self[4096] = "", path[4096 + 16];

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		_exit(126);
	snprintf(path, sizeof(path), "%s/x32_self", dirname(self));
	execl(path, path, arg, NULL);
	_exit(errno == ENOEXEC ? 125 : 126);
}

static void start(void)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	execute(NULL);
}

FIXTURE_SETUP(x32)
{
	int status = 0;

	self->pid = fork();
	if (!self->pid)
		start();
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 125 && !t_kernel_must_have("x32"))
		T_SKIP_IN_SETUP("this kernel runs no x32 programs (X86_X32_ABI, syscall.x32=y)");
	ASSERT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(0, ptrace(PTRACE_SETOPTIONS, self->pid, NULL, PTRACE_O_EXITKILL));
}

FIXTURE_TEARDOWN(x32)
{
	kill(self->pid, SIGKILL);
}

/* The status of a program that says itself which claim did not hold. */
static int claim_that_fails(pid_t pid)
{
	int status = -1;

	if (ptrace(PTRACE_CONT, pid, NULL, 0) || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : status;
}

TEST_F(x32, does_it_itself)
{
	EXPECT_EQ(0, claim_that_fails(self->pid));
}

TEST_F(x32, is_moved_by_its_tracer)
{
	struct vdso_remap_info info = { .size = sizeof(info), .pid = self->pid };
	struct vdso_remap_move move = { .size = sizeof(move), .pid = self->pid };
	uint8_t head[5];
	int fd = t_open();

	ASSERT_EQ(0, t_ioctl(fd, VDSO_REMAP_GET_INFO, &info));
	EXPECT_EQ(EM_X86_64, info.machine);
	EXPECT_TRUE(info.state & VDSO_REMAP_STATE_PRESENT);
	move.addr = 1ULL << 32;
	EXPECT_EQ(-EINVAL, t_ioctl(fd, VDSO_REMAP_MOVE, &move));

	move.addr = PLACE;
	ASSERT_EQ(0, t_ioctl(fd, VDSO_REMAP_MOVE, &move));
	ASSERT_EQ(0, t_ioctl(fd, VDSO_REMAP_GET_INFO, &info));
	EXPECT_EQ(PLACE, info.vdso);
	ASSERT_TRUE(t_mem_read(self->pid, PLACE, head, sizeof(head)));
	EXPECT_EQ(0, memcmp(head, "\177ELF\1", sizeof(head)));	/* ELFCLASS32 */
	EXPECT_EQ(0, claim_that_fails(self->pid));
}

/* It runs, inside its vDSO nearly all the time, and is stopped wherever it is. */
static bool stop_inside(pid_t pid, const struct vdso_remap_range *text)
{
	struct user_regs_struct regs;
	int status, tries;

	for (tries = 0; tries < 100; tries++) {
		usleep(10000);
		if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) || waitpid(pid, &status, 0) != pid ||
		    !WIFSTOPPED(status) || ptrace(PTRACE_GETREGS, pid, NULL, &regs))
			return false;
		if (regs.rip >= text->start && regs.rip < text->end)
			return true;
		if (ptrace(PTRACE_CONT, pid, NULL, 0))
			return false;
	}
	return false;
}

TEST_F(x32, is_brought_out_of_its_vdso)
{
	struct vdso_remap_status status = VDSO_REMAP_INIT(status);
	struct user_regs_struct regs;
	int fd = t_open(), go[2];
	char byte = 0;
	pid_t pid;

	if (getenv("STEPS_ARE_SLOW"))
		SKIP(return, "steps are slow: the clock functions start again and again");
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (read(go[0], &byte, 1) == 1)
			execute("spin");
		_exit(126);
	}
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC));
	ASSERT_EQ(1, write(go[1], &byte, 1));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	ASSERT_EQ(0, vdso_remap_query(fd, pid, &status));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, NULL, 0));

	ASSERT_TRUE(stop_inside(pid, &status.runtime));
	EXPECT_LT(0, vdso_remap_evict(pid, &status.runtime, 1, 0));
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, pid, NULL, &regs));
	EXPECT_TRUE(regs.rip < status.runtime.start || regs.rip >= status.runtime.end);
	kill(pid, SIGKILL);
	close(fd);
}

TEST_HARNESS_MAIN
