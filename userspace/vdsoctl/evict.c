// SPDX-License-Identifier: MIT
/* vdsoctl evict: no thread of a process inside the vDSO, and all of it stopped or frozen. */
#include "vdsoctl.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STOP_TIMEOUT_MS	2000

static void pause_1ms(void)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	nanosleep(&pause, NULL);
}

/*
 * The stop signal is sent while all threads are held: the first to be let go
 * takes it, and it stops them all before any returns to its program.
 */
static int release_stopped(struct tracees *tracees)
{
	pid_t pid = tracees->pid;
	int ms;

	if (kill(pid, SIGSTOP))
		return complain("can't stop process %d: %s", pid, strerror(errno));
	tracees_release(tracees);
	for (ms = 0; ms < STOP_TIMEOUT_MS; ms++) {
		if (thread_status(pid, pid, "State") == 'T')
			return 0;
		pause_1ms();
	}
	return complain("process %d did not stay stopped. Did someone send it SIGCONT?", pid);
}

/* How a control group is frozen, and how it says that it is, in each version of the interface */
static const struct freezer {
	const char *file, *frozen, *thawed;
	const char *state_file, *state;
} freezers[] = {
	{ "cgroup.freeze", "1", "0", "cgroup.events", "frozen 1\n" },
	{ "freezer.state", "FROZEN", "THAWED", "freezer.state", "FROZEN\n" },
};

static FILE *open_in(const char *dir, const char *file, const char *mode)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return fopen(path, mode);
}

static bool has_line(const char *dir, const char *file, const char *want)
{
	FILE *in = open_in(dir, file, "r");
	char line[100];
	bool found = false;

	while (in && !found && fgets(line, sizeof(line), in))
		found = !strcmp(line, want);
	if (in)
		fclose(in);
	return found;
}

/* Complains. */
static int write_freezer(const char *dir, const struct freezer *freezer, const char *text)
{
	FILE *out = open_in(dir, freezer->file, "w");
	int ret;

	if (!out)
		return complain("can't open %s/%s: %s", dir, freezer->file, strerror(errno));
	ret = fputs(text, out) < 0;
	ret |= fclose(out);
	return ret ? complain("can't write '%s' to %s/%s: %s", text, dir, freezer->file,
			      strerror(errno)) : 0;
}

/* Complains. */
static const struct freezer *find_freezer(const char *dir, pid_t pid)
{
	char want[20];
	FILE *file;
	size_t i;

	snprintf(want, sizeof(want), "%d\n", pid);
	if (!has_line(dir, "cgroup.procs", want)) {
		complain("process %d is not in the control group %s. See /proc/%d/cgroup", pid, dir,
			 pid);
		return NULL;
	}
	for (i = 0; i < sizeof(freezers) / sizeof(freezers[0]); i++) {
		file = open_in(dir, freezers[i].file, "r");
		if (!file)
			continue;
		fclose(file);
		return &freezers[i];
	}
	complain("%s can't be frozen: it has no cgroup.freeze and no freezer.state", dir);
	return NULL;
}

/* The group is frozen while all threads are held, so that none returns to its program. */
static int release_frozen(struct tracees *tracees, const char *dir)
{
	const struct freezer *freezer = find_freezer(dir, tracees->pid);
	int ms;

	if (!freezer || write_freezer(dir, freezer, freezer->frozen))
		return -1;
	tracees_release(tracees);
	for (ms = 0; ms < STOP_TIMEOUT_MS; ms++) {
		if (has_line(dir, freezer->state_file, freezer->state))
			return 0;
		pause_1ms();
	}
	write_freezer(dir, freezer, freezer->thawed);
	return complain("the control group %s did not freeze. Is a task of it waiting for a disk?",
			dir);
}

/*
 * 32-bit threads in a system call of a proxied process would return to the runtime
 * vDSO, which no checkpoint has. Complains.
 */
static int return_into_image(const struct tracees *tracees, const struct vdso_remap_range *runtime,
			     const struct vdso_remap_range *range)
{
	struct vdso_remap_image image;
	size_t i;
	int ret;

	if (image_from_process(&image, tracees->pid, range->start, range->end - range->start))
		return -1;
	for (i = 0; i < tracees->nr; i++) {
		ret = vdso_remap_evict_syscall(tracees->tids[i], runtime, &image, range->start);
		if (ret == -EOPNOTSUPP)
			return complain("thread %d of process %d is about to make a system call in "
					"the runtime vDSO. Try again", tracees->tids[i],
					tracees->pid);
		if (ret < 0)
			return complain("can't redirect thread %d of process %d: %s",
					tracees->tids[i], tracees->pid, strerror(-ret));
	}
	return 0;
}

/* Complains. Frozen as dir if there is one, else stopped. */
static int evict(struct tracees *tracees, int fd, const char *dir)
{
	struct vdso_remap_range ranges[2];
	struct vdso_remap_status status;
	pid_t pid = tracees->pid;
	size_t nr_threads = tracees->nr;
	struct evicted evicted;
	struct maps maps;
	unsigned int nr;
	int ret;

	ret = group_query(fd, pid, &status);
	if (ret)
		return group_complain(ret, "can't look at the vDSO", pid, 0);
	ret = maps_read(&maps, pid);
	if (ret)
		return complain("can't read /proc/%d/maps: %s", pid, strerror(-ret));
	nr = group_ranges(&status, &maps, ranges);
	maps_free(&maps);
	if (tracees_evict(tracees, ranges, nr, &evicted) ||
	    (nr == 2 && evicted.nr_calling &&
	     return_into_image(tracees, &ranges[0], &ranges[1])) ||
	    (dir ? release_frozen(tracees, dir) : release_stopped(tracees)))
		return -1;
	printf("process %d is %s: %u of %zu threads moved out of the vDSO in %u steps\n", pid,
	       dir ? "frozen" : "stopped", evicted.nr_moved, nr_threads, evicted.nr_steps);
	if (evicted.nr_calling)
		printf("at a system call, which 32-bit code makes inside the vDSO, and an image "
		       "keeps: %u\n", evicted.nr_calling);
	return 0;
}

static int run_evict(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		{ "pid", required_argument, NULL, 'p' },
		{ "cgroup", required_argument, NULL, 'c' },
		OPTION_HELP,
		OPTION_VERSION,
		{ }
	};
	const char *dir = NULL;
	struct tracees tracees;
	pid_t pid = 0;
	int opt, fd, ret;

	while ((opt = getopt_long(argc, argv, "p:c:hV", options, NULL)) != -1) {
		switch (opt) {
		case 'p':
			if (!parse_pid(optarg, &pid))
				return usage_error(cmd, "'%s' is no process id", optarg);
			break;
		case 'c':
			dir = optarg;
			break;
		default:
			return common_option(cmd, opt);
		}
	}
	if (!pid || optind < argc)
		return usage_error(cmd, "evict needs -p PID");

	/* Needed only to know more than /proc/PID/maps says. */
	fd = vdso_remap_open();
	if (tracees_stop_all(&tracees, pid))
		return STATUS_FAILED;
	ret = evict(&tracees, fd, dir);
	tracees_release(&tracees);
	if (fd >= 0)
		close(fd);
	return ret ? STATUS_FAILED : finish_output();
}

const struct command cmd_evict = {
	.name = "evict",
	.args = "-p PID [--cgroup DIR]",
	.summary = "bring every thread of a process out of the vDSO and stop it",
	.help = "  -p, --pid PID         the process; SIGCONT lets it go on\n"
		"  -c, --cgroup DIR      freeze its control group instead of stopping it\n",
	.usage_status = STATUS_USAGE,
	.run = run_evict,
};
