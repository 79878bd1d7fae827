// SPDX-License-Identifier: GPL-2.0
/* x32 processes: their vDSO is found, moved and mapped; there are no encodings for a proxy. */
#include <elf.h>
#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "util.h"

#define PLACE	0x60000000ULL

FIXTURE(x32)
{
	pid_t pid;	/* x32_self, stopped at its start */
};

static void start(void)
{
	char self[4096] = "", path[4096 + 16];

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		_exit(126);
	snprintf(path, sizeof(path), "%s/x32_self", dirname(self));
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	execl(path, path, NULL);
	_exit(errno == ENOEXEC ? 125 : 126);
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
	static const struct vdso_remap_site site = {
		.room = 16, .kind = VDSO_REMAP_SITE_STUB, .target = VDSO_REMAP_STUB_TIME,
	};
	struct vdso_remap_proxy proxy = {
		.size = sizeof(proxy),
		.pid = self->pid,
		.nr_sites = 1,
		.sites = (uintptr_t)&site,
		.image = PLACE,
		.image_size = T_PAGE,
	};
	uint8_t head[5];
	int fd = t_open();

	ASSERT_EQ(0, t_ioctl(fd, VDSO_REMAP_GET_INFO, &info));
	EXPECT_EQ(EM_X86_64, info.machine);
	EXPECT_TRUE(info.state & VDSO_REMAP_STATE_PRESENT);
	move.addr = 1ULL << 32;
	EXPECT_EQ(-EINVAL, t_ioctl(fd, VDSO_REMAP_MOVE, &move));
	EXPECT_EQ(-EOPNOTSUPP, t_ioctl(fd, VDSO_REMAP_PROXY, &proxy));

	move.addr = PLACE;
	ASSERT_EQ(0, t_ioctl(fd, VDSO_REMAP_MOVE, &move));
	ASSERT_EQ(0, t_ioctl(fd, VDSO_REMAP_GET_INFO, &info));
	EXPECT_EQ(PLACE, info.vdso);
	ASSERT_TRUE(t_mem_read(self->pid, PLACE, head, sizeof(head)));
	EXPECT_EQ(0, memcmp(head, "\177ELF\1", sizeof(head)));	/* ELFCLASS32 */
	EXPECT_EQ(0, claim_that_fails(self->pid));
}

TEST_HARNESS_MAIN
