// SPDX-License-Identifier: MIT
/*
 * vdsoctl evict: no thread of the processes inside the vDSO, and all of them stopped
 * or frozen. None returns to its program in between: all threads of all processes
 * are held first, then brought out, then stopped or frozen, then let go.
 */
#include "vdsoctl.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/**
 * struct eviction - which processes, and what was done
 * @pid: the process that was named; 0: none was
 * @tree: its descendants, too
 * @cgroup: if it has a @dir: all of this control group, which is to be frozen
 * @fd: of the device, or -1
 * @held: the processes
 * @nr_threads: of all of them
 * @sum: of what was done with each of them
 */
struct eviction {
	pid_t pid;
	bool tree;
	struct cgroup cgroup;
	int fd;
	struct processes held;
	size_t nr_threads;
	struct evicted sum;
};

static bool is_held(const void *held, pid_t pid)
{
	return processes_have(held, pid);
}

/* All processes that have to be held and are there now; complains. */
static int find_members(const struct eviction *e, struct pids *pids)
{
	int ret = 0;

	if (e->cgroup.dir)
		return cgroup_members(&e->cgroup, pids);
	if (!e->held.nr)
		ret = pids_add(pids, e->pid);
	else if (e->tree)
		ret = process_children(pids, is_held, &e->held);
	return ret ? complain("can't look for the descendants of process %d in /proc: %s", e->pid,
			      strerror(-ret)) : 0;
}

static int complain_self(const struct eviction *e)
{
	if (e->cgroup.dir)
		return complain("vdsoctl itself is in the control group %s or below it, and can't "
				"freeze itself. Run it from another group", e->cgroup.dir);
	return complain("vdsoctl itself is process %d or a descendant of it, and can't stop "
			"itself. Run it from elsewhere", e->pid);
}

/* One pass over the members. Returns how many were new; complains. */
static int hold_new_members(struct eviction *e)
{
	struct pids pids = { };
	int ret, nr_new = 0;
	size_t i;

	ret = find_members(e, &pids);
	for (i = 0; ret >= 0 && i < pids.nr; i++)
		if (pids.items[i] == getpid())
			ret = complain_self(e);
	for (i = 0; ret >= 0 && i < pids.nr; i++) {
		bool may_end = e->cgroup.dir || e->held.nr;

		if (processes_have(&e->held, pids.items[i]))
			continue;
		if (may_end && process_has_ended(pids.items[i]))
			continue;
		ret = processes_stop(&e->held, pids.items[i], may_end);
		if (ret > 0)
			nr_new += ret;
		patience_report("%zu processes are held", e->held.nr);
	}
	pids_free(&pids);
	return ret < 0 ? -1 : nr_new;
}

/* Complains. */
static int check_self(const struct eviction *e)
{
	pid_t pid;

	for (pid = getpid(); pid > 0; pid = thread_status(pid, pid, "PPid"))
		if (pid == e->pid && (e->tree || pid == getpid()))
			return complain_self(e);
	return 0;
}

/* Members that still run may make new ones: until a pass finds none. Complains. */
static int hold_members(struct eviction *e)
{
	int ret;

	if (!e->cgroup.dir && check_self(e))
		return -1;
	do {
		ret = hold_new_members(e);
	} while (ret > 0);
	if (!ret && e->cgroup.dir && e->pid && !processes_have(&e->held, e->pid))
		return complain("process %d is not in the control group %s. See /proc/%d/cgroup",
				e->pid, e->cgroup.dir, e->pid);
	if (!ret && !e->held.nr)
		return complain("there is no process in the control group %s or below it",
				e->cgroup.dir);
	return ret;
}

/* Complains. */
static int evict_process(struct eviction *e, const struct tracees *tracees)
{
	struct vdso_remap_status status;
	struct evicted evicted;

	if (group_look(e->fd, tracees->pid, &status) ||
	    tracees_evict(tracees, &status, &evicted))
		return -1;
	e->nr_threads += tracees->nr;
	e->sum.nr_moved += evicted.nr_moved;
	e->sum.nr_steps += evicted.nr_steps;
	e->sum.nr_calling += evicted.nr_calling;
	return 0;
}

/* Complains. */
static int evict_members(struct eviction *e)
{
	size_t i;

	for (i = 0; i < e->held.nr; i++) {
		if (evict_process(e, &e->held.items[i]))
			return -1;
		if (patience_over())
			return patience_complain("Give it more with --timeout",
						 "not all threads have left the vDSO");
		patience_report("%zu of %zu processes are outside of the vDSO", i + 1, e->held.nr);
	}
	return 0;
}

/* Complains. */
static int check_no_new_member(const struct eviction *e)
{
	struct pids pids = { };
	size_t i;
	int ret;

	ret = cgroup_members(&e->cgroup, &pids);
	for (i = 0; !ret && i < pids.nr; i++)
		if (!processes_have(&e->held, pids.items[i]) && !process_has_ended(pids.items[i]))
			ret = complain("process %d has come into the control group %s meanwhile. "
				       "Try again", pids.items[i], e->cgroup.dir);
	pids_free(&pids);
	return ret;
}

/* The group is frozen while all threads are held, so that none returns to its program. */
static int leave_frozen(struct eviction *e)
{
	if (cgroup_freeze(&e->cgroup))
		return -1;
	if (!check_no_new_member(e)) {
		processes_detach(&e->held);
		if (!cgroup_wait_frozen(&e->cgroup))
			return 0;
	}
	cgroup_thaw(&e->cgroup);
	return -1;
}

static void say_what_was_done(const struct eviction *e)
{
	if (e->cgroup.dir)
		printf("control group %s is frozen, %zu process%s: ", e->cgroup.dir, e->held.nr,
		       e->held.nr == 1 ? "" : "es");
	else if (e->tree)
		printf("process %d is stopped, and its descendants, %zu: ", e->pid,
		       e->held.nr - 1);
	else
		printf("process %d is stopped: ", e->pid);
	printf("%u of %zu threads moved out of the vDSO in %u steps\n", e->sum.nr_moved,
	       e->nr_threads, e->sum.nr_steps);
	if (e->sum.nr_calling)
		printf("at a system call, which 32-bit code makes inside the vDSO, and an image "
		       "keeps: %u\n", e->sum.nr_calling);
	fflush(stdout);	/* a signal that has waited may end vdsoctl now */
}

/* On failure it complains, and has let all processes go on as before. */
static int evict(struct eviction *e)
{
	int ret;

	ret = hold_members(e);
	if (!ret)
		ret = evict_members(e);
	if (!ret)
		ret = e->cgroup.dir ? leave_frozen(e) : processes_leave_stopped(&e->held);
	if (!ret)
		say_what_was_done(e);
	processes_release(&e->held);
	return ret;
}

static bool parse_seconds(const char *arg, unsigned int *seconds)
{
	pid_t val;	/* has the same range: 1 to INT_MAX */

	if (!parse_pid(arg, &val))
		return false;
	*seconds = val;
	return true;
}

static int run_evict(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		{ "pid", required_argument, NULL, 'p' },
		{ "tree", required_argument, NULL, 't' },
		{ "cgroup", required_argument, NULL, 'c' },
		{ "timeout", required_argument, NULL, 's' },
		{ "verbose", no_argument, NULL, 'v' },
		OPTION_HELP,
		OPTION_VERSION,
		{ }
	};
	unsigned int seconds = PATIENCE_S;
	struct eviction e = { };
	const char *dir = NULL;
	int opt, ret;

	while ((opt = getopt_long(argc, argv, "p:t:c:vhV", options, NULL)) != -1) {
		switch (opt) {
		case 'p':
		case 't':
			if (e.pid)
				return usage_error(cmd, "evict takes one process id");
			if (!parse_pid(optarg, &e.pid))
				return usage_error(cmd, "'%s' is no process id", optarg);
			e.tree = opt == 't';
			break;
		case 'c':
			dir = optarg;
			break;
		case 's':
			if (!parse_seconds(optarg, &seconds))
				return usage_error(cmd, "--timeout takes whole seconds, at least "
						   "1, not '%s'", optarg);
			break;
		case 'v':
			patience_be_verbose();
			break;
		default:
			return common_option(cmd, opt);
		}
	}
	if ((!e.pid && !dir) || (e.tree && dir) || optind < argc)
		return usage_error(cmd, "evict needs -p PID, --tree PID or --cgroup DIR, of which "
				   "only -p and --cgroup go together, and no other arguments");
	if (dir && cgroup_open(&e.cgroup, dir))
		return STATUS_FAILED;

	/* Needed only to know more than /proc/PID/maps says. */
	e.fd = vdso_remap_open();
	patience_begin(seconds);
	ret = evict(&e);
	patience_end();
	if (e.fd >= 0)
		close(e.fd);
	return ret ? STATUS_FAILED : finish_output();
}

const struct command cmd_evict = {
	.name = "evict",
	.args = "-p PID | --tree PID | --cgroup DIR [--timeout SECONDS] [--verbose]",
	.summary = "bring every thread of a process out of the vDSO and stop it",
	.help = "  -p, --pid PID         the process; SIGCONT lets it go on\n"
		"  -t, --tree PID        the process and all its descendants\n"
		"  -c, --cgroup DIR      all processes of this control group and of those below\n"
		"                        it, which is frozen instead of stopping them; fails\n"
		"                        if a process named by --pid is not among them\n"
		"      --timeout SECONDS give up if it takes longer: all go on as before;\n"
		"                        default: 60\n"
		"  -v, --verbose         say what takes long, also if stderr is no terminal\n",
	.usage_status = STATUS_USAGE,
	.run = run_evict,
};
