// SPDX-License-Identifier: MIT
/* Claims about "vdsoctl evict": it says what is in the way of a thread. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "arch/test.h"
#include "evict_fixture.h"

/* The command, of the same build; NULL: there is none. */
static const char *find_vdsoctl(void)
{
	const char *path = getenv("VDSOCTL"), *guest = getenv("VDSO_IMAGES");
	static char in_guest[PATH_MAX];

	if (path || !guest)
		return path;
	snprintf(in_guest, sizeof(in_guest), "%s/vdsoctl", guest);
	return in_guest;
}

/*
 * Has vdsoctl evict the child, which stops where it is until that one seizes it.
 * Returns the exit status; said is what it writes to stderr.
 */
static int run_vdsoctl(const char *path, pid_t pid, char *said, size_t size)
{
	int pipes[2], status = -1;
	size_t used = 0;
	char number[16];
	ssize_t ret;
	pid_t ctl;

	snprintf(number, sizeof(number), "%d", pid);
	if (pipe(pipes) || kill(pid, SIGSTOP) || ptrace(PTRACE_DETACH, pid, NULL, NULL))
		return -1;
	ctl = fork();
	if (!ctl) {
		dup2(pipes[1], STDERR_FILENO);
		dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
		close(pipes[0]);
		close(pipes[1]);
		execl(path, path, "evict", "-p", number, NULL);
		_exit(127);
	}
	close(pipes[1]);
	while (used < size - 1 && (ret = read(pipes[0], said + used, size - 1 - used)) > 0)
		used += ret;
	said[used] = 0;
	close(pipes[0]);
	waitpid(ctl, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool is_said(const char *said, const char *what, uint64_t where)
{
	char address[32];

	snprintf(address, sizeof(address), "%#llx", (unsigned long long)where);
	if (strstr(said, what) && strstr(said, address))
		return true;
	printf("# not '%s' and %s, but: %s\n", what, address, said);
	fflush(stdout);
	return false;
}

TEST_F(evict, has_the_command_say_where_a_breakpoint_is)
{
	const char *path = find_vdsoctl();
	char said[5000];
	unsigned long ip, word;	/* for ptrace(), not longer than a word */
	struct vdso_regs regs;

	if (!path)
		SKIP(return, "no vdsoctl");
	ASSERT_TRUE(evictee_step_in(&self->child, 3));
	ASSERT_TRUE(t_get_regs(self->child.pid, &regs));
	ip = vdso_regs_get(&regs, VDSO_REG_IP);
	word = ptrace(PTRACE_PEEKTEXT, self->child.pid, ip, NULL);
	ASSERT_EQ(0, ptrace(PTRACE_POKETEXT, self->child.pid, ip, t_put_trap(word, regs.bytes)));
	EXPECT_EQ(1, run_vdsoctl(path, self->child.pid, said, sizeof(said)));
	EXPECT_TRUE(is_said(said, "a breakpoint is in its way", ip));
}

TEST_F(evict, has_the_command_say_who_faults)
{
	const char *path = find_vdsoctl();
	char said[5000];

	if (!path)
		SKIP(return, "no vdsoctl");
	/* From the middle of a function, a frame pointer could bring the stack pointer back. */
	while (ip_of(self->child.pid) != T_CODE((uintptr_t)self->child.clock_gettime))
		ASSERT_TRUE(single_step(self->child.pid));
	/* which the function pushes to */
	ASSERT_TRUE(t_set_reg(self->child.pid, VDSO_REG_SP, 16));
	EXPECT_EQ(1, run_vdsoctl(path, self->child.pid, said, sizeof(said)));
	EXPECT_NE(NULL, strstr(said, "what it would execute next faults")) {
		TH_LOG("%s", said);
	}
}

TEST_F(evict, has_the_command_warn_of_a_handler)
{
	const char *path = find_vdsoctl();
	char said[5000];
	uint64_t ip;

	if (!path)
		SKIP(return, "no vdsoctl");
	ASSERT_TRUE(evictee_step_in(&self->child, 3));
	ip = ip_of(self->child.pid);
	ASSERT_TRUE(deliver(self->child.pid, SIGUSR1));
	EXPECT_EQ(0, run_vdsoctl(path, self->child.pid, said, sizeof(said)));
	EXPECT_TRUE(is_said(said, "in a signal handler", ip));
}

TEST_HARNESS_MAIN
