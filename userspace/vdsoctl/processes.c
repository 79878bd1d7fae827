// SPDX-License-Identifier: MIT
/* vdsoctl: several processes that are held at once. */
#include "vdsoctl.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

bool processes_have(const struct processes *processes, pid_t pid)
{
	size_t i;

	for (i = 0; i < processes->nr; i++)
		if (processes->items[i].pid == pid)
			return true;
	return false;
}

int processes_stop(struct processes *processes, pid_t pid, bool may_end)
{
	struct tracees *items;
	int ret;

	items = reallocarray(processes->items, processes->nr + 1, sizeof(*items));
	if (!items)
		return complain("out of memory");
	processes->items = items;
	ret = may_end ? tracees_stop_if_there(&items[processes->nr], pid) :
			tracees_stop_all(&items[processes->nr], pid);
	if (ret)
		return ret < 0 ? -1 : 0;
	processes->nr++;
	return 1;
}

/* Undoes the effect of SIGSTOP, also if the signal is still pending. */
static void let_go_on(const struct processes *processes, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (!processes->items[i].was_stopped)
			kill(processes->items[i].pid, SIGCONT);
}

/* Complains. */
static int wait_stopped(pid_t pid)
{
	while (thread_status(pid, pid, "State") != 'T') {
		if (process_has_ended(pid))
			return complain("process %d has ended meanwhile. Try again", pid);
		if (patience_over())
			return patience_complain("Did someone send it SIGCONT, or is its control "
						 "group frozen?",
						 "process %d does not stay stopped", pid);
		patience_report("waiting for process %d to stop", pid);
		patience_pause();
	}
	return 0;
}

/*
 * The stop signal is sent while all threads are held. The first thread of a process
 * that is let go takes it; that stops all of them before any returns to its program.
 */
int processes_leave_stopped(struct processes *processes)
{
	size_t i;

	for (i = 0; i < processes->nr; i++) {
		pid_t pid = processes->items[i].pid;

		if (!kill(pid, SIGSTOP))
			continue;
		let_go_on(processes, i);
		return complain("can't stop process %d: %s. Did it end meanwhile? Try again", pid,
				strerror(errno));
	}
	processes_detach(processes);
	for (i = 0; i < processes->nr; i++) {
		if (!wait_stopped(processes->items[i].pid))
			continue;
		let_go_on(processes, processes->nr);
		return -1;
	}
	return 0;
}

void processes_detach(struct processes *processes)
{
	size_t i;

	for (i = 0; i < processes->nr; i++)
		tracees_detach(&processes->items[i]);
}

void processes_release(struct processes *processes)
{
	size_t i;

	processes_detach(processes);
	for (i = 0; i < processes->nr; i++)
		tracees_release(&processes->items[i]);
	free(processes->items);
	memset(processes, 0, sizeof(*processes));
}
