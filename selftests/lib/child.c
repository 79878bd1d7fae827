// SPDX-License-Identifier: GPL-2.0
/* See child.h. */
#include "lib/child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/note.h"

struct command {
	long (*fn)(uint64_t arg);
	uint64_t arg;
};

pid_t t_fork(void)
{
	const pid_t parent = getpid(), pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
	}
	return pid;
}

static bool read_whole(int fd, void *buf, size_t size)
{
	ssize_t ret;

	do {
		ret = read(fd, buf, size);
	} while (ret < 0 && errno == EINTR);
	return ret == (ssize_t)size;
}

static _Noreturn void run_commands(int from, int to)
{
	struct command command;
	long result;

	while (read_whole(from, &command, sizeof(command))) {
		result = command.fn(command.arg);
		if (write(to, &result, sizeof(result)) != sizeof(result))
			break;
	}
	_exit(0);
}

static long answer(uint64_t arg)
{
	return arg;
}

bool t_child_start(struct t_child *child)
{
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC)) {
		t_note("pipe: %s", strerror(errno));
		return false;
	}
	child->pid = t_fork();
	if (!child->pid) {
		close(to[1]);
		close(from[0]);
		run_commands(to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	child->to = to[1];
	child->from = from[0];
	if (child->pid < 0)
		t_note("fork: %s", strerror(errno));
	/* When it has answered once it stands where it will wait. */
	return child->pid > 0 && !t_child_call(child, answer, 0);
}

long t_child_call(const struct t_child *child, long (*fn)(uint64_t arg), uint64_t arg)
{
	struct command command = { .fn = fn, .arg = arg };
	long result;

	if (write(child->to, &command, sizeof(command)) == sizeof(command) &&
	    read_whole(child->from, &result, sizeof(result)))
		return result;
	t_note("child %d does not answer", child->pid);
	return -1;
}

static long time_between_syscalls(uint64_t text)
{
	return t_time_between_syscalls(text);
}

bool t_child_time_between_syscalls(const struct t_child *child, uint64_t text)
{
	return t_child_call(child, time_between_syscalls, text) == 1;
}

void t_child_end(const struct t_child *child)
{
	kill(child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
	close(child->to);
	close(child->from);
}

pid_t t_spawn_sharing_mm(int flags, int (*fn)(void *arg), void *arg)
{
	static _Alignas(16) char stack[32768];
	pid_t pid = clone(fn, stack + sizeof(stack), CLONE_VM | SIGCHLD | flags, arg);

	if (pid < 0)
		t_note("clone: %s", strerror(errno));
	return pid;
}
