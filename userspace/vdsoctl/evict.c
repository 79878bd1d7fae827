// SPDX-License-Identifier: MIT
/* vdsoctl evict: no thread of a process inside the vDSO, and all of it stopped. */
#include "vdsoctl.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STOP_TIMEOUT_MS	2000

/*
 * The stop signal is sent while all threads are held: the first to be let go
 * takes it, and it stops them all before any returns to its program.
 */
static int release_stopped(struct tracees *tracees)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	pid_t pid = tracees->pid;
	int ms;

	if (kill(pid, SIGSTOP))
		return complain("can't stop process %d: %s", pid, strerror(errno));
	tracees_release(tracees);
	for (ms = 0; ms < STOP_TIMEOUT_MS; ms++) {
		if (thread_status(pid, pid, "State") == 'T')
			return 0;
		nanosleep(&pause, NULL);
	}
	return complain("process %d did not stay stopped. Did someone send it SIGCONT?", pid);
}

/* Complains. */
static int evict(struct tracees *tracees, int fd)
{
	struct vdso_remap_range ranges[2];
	unsigned int nr, nr_moved, nr_steps;
	struct vdso_remap_status status;
	pid_t pid = tracees->pid;
	size_t nr_threads = tracees->nr;
	struct maps maps;
	int ret;

	ret = group_query(fd, pid, &status);
	if (ret)
		return group_complain(ret, "can't look at the vDSO", pid, 0);
	ret = maps_read(&maps, pid);
	if (ret)
		return complain("can't read /proc/%d/maps: %s", pid, strerror(-ret));
	nr = group_ranges(&status, &maps, ranges);
	maps_free(&maps);
	if (tracees_evict(tracees, ranges, nr, &nr_moved, &nr_steps) || release_stopped(tracees))
		return -1;
	printf("process %d is stopped: %u of %zu threads moved out of the vDSO in %u steps\n", pid,
	       nr_moved, nr_threads, nr_steps);
	return 0;
}

static int run_evict(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		{ "pid", required_argument, NULL, 'p' },
		OPTION_HELP,
		OPTION_VERSION,
		{ }
	};
	struct tracees tracees;
	pid_t pid = 0;
	int opt, fd, ret;

	while ((opt = getopt_long(argc, argv, "p:hV", options, NULL)) != -1) {
		switch (opt) {
		case 'p':
			if (!parse_pid(optarg, &pid))
				return usage_error(cmd, "'%s' is no process id", optarg);
			break;
		default:
			return common_option(cmd, opt);
		}
	}
	if (!pid || optind < argc)
		return usage_error(cmd, "evict needs -p PID, and nothing else");

	/* Needed only to know more than /proc/PID/maps says. */
	fd = vdso_remap_open();
	if (tracees_stop_all(&tracees, pid))
		return STATUS_FAILED;
	ret = evict(&tracees, fd);
	tracees_release(&tracees);
	if (fd >= 0)
		close(fd);
	return ret ? STATUS_FAILED : finish_output();
}

const struct command cmd_evict = {
	.name = "evict",
	.args = "-p PID",
	.summary = "bring every thread of a process out of the vDSO and stop it",
	.help = "  -p, --pid PID         the process; SIGCONT lets it go on\n",
	.usage_status = STATUS_USAGE,
	.run = run_evict,
};
