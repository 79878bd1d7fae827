// SPDX-License-Identifier: MIT
/*
 * vdsoctl exec: a program whose vDSO is another kernel's.
 *
 * This process itself becomes the program, so that its parent, terminal,
 * signals and exit status are what they would be without us. What has to be
 * done after execve() is done by a helper: a grandchild that has lost its
 * parent, so that the program does not find itself with a child.
 */
#include "exec.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool send_int(int sock, int val)
{
	return send(sock, &val, sizeof(val), MSG_NOSIGNAL) == sizeof(val);
}

static bool receive_int(int sock, int *val)
{
	ssize_t n;

	do {
		n = recv(sock, val, sizeof(*val), 0);
	} while (n < 0 && errno == EINTR);
	return n == sizeof(*val);
}

/* The helper's side of start_helper(). */
static void __attribute__((noreturn)) run_helper(const struct exec_job *job, int sock)
{
	const long options = PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
	int fd, go;

	/* The program's input and output are not ours to hold open. */
	for (fd = STDIN_FILENO; fd <= STDOUT_FILENO; fd++)
		if (fd != sock && fd != job->fd)
			close(fd);
	if (!send_int(sock, getpid()) || !receive_int(sock, &go))
		_exit(STATUS_EXEC_FAILED);
	if (ptrace(PTRACE_SEIZE, job->pid, 0, options) ||
	    ptrace(PTRACE_INTERRUPT, job->pid, 0, 0)) {
		send_int(sock, errno);
		_exit(STATUS_EXEC_FAILED);
	}
	if (!send_int(sock, 0))
		_exit(STATUS_EXEC_FAILED);
	close(sock);
	exec_help(job);
}

/* Double fork. The helper must not die of a signal that is meant for the program. */
static int fork_helper(const struct exec_job *job, int sock, int other_sock)
{
	sigset_t all;
	pid_t child;

	/* A child without exit signal: SIGCHLD could be left pending over execve(). */
	child = syscall(SYS_clone, 0, 0, 0, 0, 0);
	if (child < 0)
		return -errno;
	if (!child) {
		close(other_sock);
		sigfillset(&all);
		sigprocmask(SIG_BLOCK, &all, NULL);
		child = fork();
		if (child)
			_exit(child < 0);
		run_helper(job, sock);
	}
	while (waitpid(child, NULL, __WALL) < 0 && errno == EINTR)
		;
	return 0;
}

static int complain_attach(pid_t pid, int err)
{
	long tracer = thread_status(pid, pid, "TracerPid");

	if (err == EPERM && tracer > 0)
		return complain("can't trace the program: process %ld traces vdsoctl already, "
				"and a process has one tracer only. Attach to the program once "
				"it runs", tracer);
	if (err == EPERM)
		return complain("can't trace the program: not allowed. See "
				"kernel.yama.ptrace_scope");
	return complain("can't trace the program: %s", strerror(err));
}

static int complain_helper(void)
{
	return complain("the helper process ended before it could attach. Was it killed, for want "
			"of memory? dmesg may say; try again");
}

/* When it returns 0 the helper is attached; complains. */
static int start_helper(const struct exec_job *job)
{
	int socks[2], helper, err;
	int ret = -1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks))
		return complain("can't make a socket pair: %s", strerror(errno));
	err = fork_helper(job, socks[1], socks[0]);
	close(socks[1]);
	if (err) {
		complain("can't fork: %s", strerror(-err));
		goto out_close;
	}
	if (!receive_int(socks[0], &helper)) {
		complain_helper();
		goto out_close;
	}
	prctl(PR_SET_PTRACER, helper, 0, 0, 0);	/* fails without Yama, which needs it */
	if (!send_int(socks[0], 0) || !receive_int(socks[0], &err))
		complain_helper();
	else if (err)
		complain_attach(job->pid, err);
	else
		ret = 0;
	prctl(PR_SET_PTRACER, 0, 0, 0, 0);
out_close:
	close(socks[0]);
	return ret;
}

/* Returns only if that fails. */
static int execute(char **argv)
{
	int err;

	execvp(argv[0], argv);
	err = errno;
	if (err == ENOENT && strchr(argv[0], '/') && !access(argv[0], F_OK))
		complain("can't run %s: its interpreter is not there", argv[0]);
	else if (err == ENOENT)
		complain("can't run %s: not found", argv[0]);
	else
		complain("can't run %s: %s", argv[0], strerror(err));
	return err == ENOENT ? STATUS_NOT_FOUND : STATUS_CANT_EXECUTE;
}

static int run_exec(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		{ "image", required_argument, NULL, 'i' },
		{ "allow-unknown", no_argument, NULL, 'u' },
		{ "force-proxy", no_argument, NULL, 'f' },
		{ "unseal", no_argument, NULL, 's' },
		OPTION_HELP,
		OPTION_VERSION,
		{ }
	};
	static struct exec_job job = { .fd = -1 };
	const char *image = NULL;
	int opt;

	while ((opt = getopt_long(argc, argv, "+i:hV", options, NULL)) != -1) {
		switch (opt) {
		case 'i':
			image = optarg;
			break;
		case 'u':
			job.flags |= VDSO_REMAP_ALLOW_UNKNOWN;
			break;
		case 'f':
			job.flags |= VDSO_REMAP_FORCE_PROXY;
			break;
		case 's':
			job.flags |= VDSO_REMAP_UNSEAL;
			break;
		default:
			return common_option(cmd, opt);
		}
	}
	if (!image || optind == argc)
		return usage_error(cmd, "exec needs --image FILE and a program");

	job.pid = getpid();
	if (image_from_file(&job.image, image) || image_runtime(&job.runtime, &job.image) ||
	    image_plan(&job.plan, &job.image, &job.runtime,
		       job.flags & ~VDSO_REMAP_UNSEAL))
		return STATUS_EXEC_FAILED;
	/* In place the kernel gives the program the image, and it takes no module. */
	if (job.plan.outcome == VDSO_REMAP_PROXIED) {
		job.fd = group_open_device();
		if (job.fd < 0)
			return STATUS_EXEC_FAILED;
	}
	if (start_helper(&job))
		return STATUS_EXEC_FAILED;
	return execute(argv + optind);
}

const struct command cmd_exec = {
	.name = "exec",
	.args = "--image FILE [--] PROGRAM [ARGS]...",
	.summary = "run a program whose vDSO is another kernel's",
	.help = "  -i, --image FILE      the vDSO that it is to have, from dump-image\n"
		"      --allow-unknown   leave alone functions of which nothing is known\n"
		"      --force-proxy     also when the image is the running kernel's vDSO\n"
		"      --unseal          move and mark the runtime vDSO also if it is sealed\n"
		"Exits as the program does; 125: vdsoctl failed, 126: the program can't be\n"
		"executed, 127: there is no such program.\n",
	.usage_status = STATUS_EXEC_FAILED,
	.run = run_exec,
};
