// SPDX-License-Identifier: GPL-2.0
/* See task.h. */
#include "lib/task.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vdso_remap.h>

#include "arch/test.h"
#include "lib/memory.h"
#include "lib/note.h"
#include "lib/proc.h"

static bool wait_for_stop(pid_t tid)
{
	int status;

	if (waitpid(tid, &status, __WALL) == tid && WIFSTOPPED(status))
		return true;
	t_note("task %d did not stop", tid);
	return false;
}

bool t_seize_and_stop(pid_t tid)
{
	if (!ptrace(PTRACE_SEIZE, tid, 0, 0) && !ptrace(PTRACE_INTERRUPT, tid, 0, 0))
		return wait_for_stop(tid);
	t_note("task %d can't be traced: %s", tid, strerror(errno));
	return false;
}

bool t_detach(pid_t tid)
{
	if (!ptrace(PTRACE_DETACH, tid, 0, 0))
		return true;
	t_note("PTRACE_DETACH of %d: %s", tid, strerror(errno));
	return false;
}

/* Where there are no single steps: breakpoints everywhere in the range, until it meets one. */
static bool run_into(pid_t tid, uint64_t start, uint64_t end)
{
	const uint64_t first = start + -start % T_TRAP_SIZE;
	const size_t size = end - first;
	uint8_t *code = malloc(size), *traps = malloc(size);
	bool ret = false;

	if (code && traps && t_mem_read(tid, first, code, size)) {
		t_fill_with_traps(traps, size);
		ret = t_mem_write(tid, first, traps, size) && !ptrace(PTRACE_CONT, tid, 0, 0) &&
		      wait_for_stop(tid);
		ret &= t_mem_write(tid, first, code, size);
	}
	free(traps);
	free(code);
	return ret;
}

static bool run_out_of(pid_t tid, uint64_t start, uint64_t end)
{
	const struct vdso_remap_range range = { start, end };
	int ret = vdso_remap_evict(tid, &range, 1, 0);

	if (ret < 0)
		t_note("task %d can't be brought out: %s", tid, strerror(-ret));
	return ret >= 0;
}

static bool step_until(pid_t tid, uint64_t start, uint64_t end, bool inside)
{
	unsigned int steps = 0;
	struct vdso_regs regs;

	while (t_get_regs(tid, &regs)) {
		uint64_t ip = vdso_regs_get(&regs, VDSO_REG_IP);

		if ((ip >= start && ip < end) == inside)
			return true;
		if (steps++ == 100000)
			break;
		if (!ptrace(PTRACE_SINGLESTEP, tid, 0, 0)) {
			if (!wait_for_stop(tid))
				break;
		} else if (errno != EIO ||
			   !(inside ? run_into(tid, start, end) : run_out_of(tid, start, end))) {
			break;
		}
	}

	t_note("task %d: not %s %" PRIx64 "-%" PRIx64 " after %u steps", tid,
	       inside ? "in" : "out of", start, end, steps);
	return false;
}

bool t_step_into(pid_t tid, uint64_t start, uint64_t end)
{
	return step_until(tid, start, end, true);
}

bool t_step_out_of(pid_t tid, uint64_t start, uint64_t end)
{
	return step_until(tid, start, end, false);
}

bool t_wait_for_task_state(pid_t tid, const char *states)
{
	unsigned int tries;
	char stat[512];

	for (tries = 0; tries < 5000; tries++) {
		const char *state;

		if (t_proc_read(tid, "stat", stat, sizeof(stat)) < 0)
			return false;
		state = strrchr(stat, ')');
		if (state && state[1] == ' ' && state[2] && strchr(states, state[2]))
			return true;
		usleep(1000);
	}
	t_note("task %d is not in state %s: %s", tid, states, stat);
	return false;
}
