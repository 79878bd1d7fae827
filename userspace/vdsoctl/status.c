// SPDX-License-Identifier: MIT
/*
 * vdsoctl status: does it work on this machine? Says what is there, and tries it: a process of
 * vdsoctl's own gets an image of the vDSO, its tracer makes that a proxy, and the process must tell
 * the time.
 */
#include "vdsoctl.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arch/symbols.h"

#define PLUGIN	"/usr/lib/criu/vdso_remap_plugin.so"

/* As the kernel's function takes it; libc's structure of 32-bit programs may be a larger one. */
struct kernel_timespec {
	long tv_sec;
	long tv_nsec;
};

typedef int clock_gettime_fn(clockid_t clock, struct kernel_timespec *ts);

/**
 * struct trial - the image that the process has
 * @text: where its copy of the own vDSO is
 * @size: of that
 * @clock_gettime: the function in it
 */
struct trial {
	void *text;
	size_t size;
	clock_gettime_fn *clock_gettime;
};

/* Complains. */
static int make_image(struct trial *trial)
{
	struct vdso_remap_status status;
	struct vdso_remap_image image;
	uint32_t i;

	if (group_look(-1, getpid(), &status))
		return -1;
	if (!status.runtime.end)
		return complain("this process has no vDSO: was the kernel booted with vdso=0?");
	if (image_from_process(&image, getpid(), &status.runtime))
		return -1;
	memset(trial, 0, sizeof(*trial));
	trial->size = image.text_size;
	trial->text = mmap(NULL, trial->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	if (trial->text == MAP_FAILED)
		return complain("no memory for an image: %s", strerror(errno));
	memcpy(trial->text, image.text, trial->size);
	if (mprotect(trial->text, trial->size, PROT_READ | PROT_EXEC))
		return complain("can't make an image executable: %s", strerror(errno));
	for (i = 0; i < image.nr_entry_points; i++)
		if (!strcmp(vdso_plain_name(image.entry_points[i].name), "clock_gettime"))
			trial->clock_gettime = (clock_gettime_fn *)
				((char *)trial->text + image.entry_points[i].off);
	if (!trial->clock_gettime)
		return complain("the running kernel's vDSO has no clock_gettime()");
	return 0;
}

static bool is_before(const struct kernel_timespec *a, const struct kernel_timespec *b)
{
	return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec <= b->tv_nsec);
}

/* The process that is changed while it is stopped. Nothing of it may use libc's vDSO. */
static void tell_time(const struct trial *trial)
{
	struct kernel_timespec before, now, after;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	syscall(SYS_kill, syscall(SYS_getpid), SIGSTOP);
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &before);
	if (trial->clock_gettime(CLOCK_MONOTONIC, &now))
		_exit(1);
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &after);
	_exit(!is_before(&before, &now) || !is_before(&now, &after));
}

/* Complains. The outcome of the restore, or -1. */
static int restore(const struct trial *trial, int fd, pid_t pid)
{
	struct vdso_remap_error error = VDSO_REMAP_INIT(error);
	struct vdso_remap_restore_args args = VDSO_REMAP_INIT(args,
		.flags = VDSO_REMAP_FORCE_PROXY, .fd = fd, .pid = pid,
		.image = (uintptr_t)trial->text, .image_size = trial->size, .error = &error);
	struct tracees tracees;
	int ret;

	if (tracees_stop_all(&tracees, pid))
		return -1;
	ret = vdso_remap_restore(&args);
	if (ret)
		group_complain(&error, "self-test");
	tracees_release(&tracees);
	return ret ? -1 : args.outcome;
}

/* Complains. */
static int try_restore(int fd)
{
	struct trial trial;
	int status, outcome;
	pid_t pid;

	if (make_image(&trial))
		return -1;
	fflush(stdout);
	pid = fork();
	if (!pid)
		tell_time(&trial);
	if (pid < 0 || waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
		return complain("self-test: can't start a process: %s", strerror(errno));
	outcome = restore(&trial, fd, pid);
	kill(pid, outcome < 0 ? SIGKILL : SIGCONT);
	if (waitpid(pid, &status, 0) != pid)
		return complain("self-test: the process is gone");
	if (outcome < 0)
		return -1;
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return complain("self-test: the process does not tell the time when its vDSO is a "
				"proxy");
	printf("self-test: a process's vDSO was made a proxy by %s, and tells the time\n",
	       outcome == VDSO_REMAP_PROXIED_BY_PTRACE ? "ptrace" : "the module");
	return 0;
}

/* Returns the device, or -1: then it says why. */
static int show_module(void)
{
	struct vdso_remap_error error = VDSO_REMAP_INIT(error, .stage = VDSO_REMAP_STAGE_MODULE);
	struct vdso_remap_status status;
	int fd = vdso_remap_open();
	char text[256];

	if (fd < 0) {
		error.error = fd;
		vdso_remap_error_text(&error, text, sizeof(text));
		printf("module: %s\n", text);
		return -1;
	}
	if (group_look(fd, getpid(), &status)) {
		close(fd);
		return -1;
	}
	printf("module: loaded, interface version %u\n", status.info.version);
	return fd;
}

static void show_library(void)
{
	uint32_t version = vdso_remap_library_version();

	printf("library: %u.%u.%u\n", version >> 16, version >> 8 & 0xff, version & 0xff);
}

static void show_plugin(void)
{
	if (!access(PLUGIN, R_OK))
		printf("CRIU's plugin: %s\n", PLUGIN);
	else
		printf("CRIU's plugin: %s: %s. 'make install prefix=/usr' puts it there\n", PLUGIN,
		       strerror(errno));
}

static int run_status(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		OPTION_HELP,
		OPTION_VERSION,
		{ }
	};
	int opt, fd, ret;

	opt = getopt_long(argc, argv, "hV", options, NULL);
	if (opt != -1)
		return common_option(cmd, opt);
	if (optind < argc)
		return usage_error(cmd, "status takes no arguments, not '%s'", argv[optind]);

	show_library();
	show_plugin();
	fd = show_module();
	ret = try_restore(fd);
	if (fd < 0)
		return STATUS_FAILED;
	close(fd);
	return ret ? STATUS_FAILED : finish_output();
}

const struct command cmd_status = {
	.name = "status",
	.args = "",
	.summary = "say whether vdso-remap works on this machine, and try it",
	.help = "Exits with 0 if the module is loaded and a process's vDSO could be made a\n"
		"proxy.\n",
	.usage_status = STATUS_USAGE,
	.run = run_status,
};
