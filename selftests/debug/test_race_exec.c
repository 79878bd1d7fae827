// SPDX-License-Identifier: GPL-2.0
/* Commands whose process becomes another program meanwhile. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/note.h"
#include "lib/task.h"
#include "race_fixture.h"

static void *exec_true(void *unused)
{
	race_nap_long();
	execl("/bin/true", "true", NULL);
	_exit(errno);	/* of the process: its first thread would wait for ever */
}

static void start_exec(void)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, exec_true, NULL);

	if (error)
		_exit(error);
}

/* Whose first thread goes on with commands while the second calls exec. */
static void commands_until_exec(struct race *race)
{
	start_exec();
	for (;;)
		race_issue_any(race, 0);
}

TEST_F_TIMEOUT(race, second_thread_execs, RACE_TIMEOUT)
{
	while (race_goes_on()) {
		if (race_reap(race_spawn(commands_until_exec, &self->race)))
			race_wrong("exec", 0);
		race_count(&shared->rounds);
	}
	shared->others = shared->rounds;
	EXPECT_TRUE(race_has_succeeded());
}

static void sleep_until_exec(struct race *race)
{
	start_exec();
	race_sleep_for_ever(race);
}

/* Where the threads of a process are that does not end */
static void show_threads(pid_t pid)
{
	char command[160];

	snprintf(command, sizeof(command), "cd /proc/%d/task && for t in *; do "
		 "grep -E 'State|TracerPid|SigPnd|ShdPnd' $t/status; cat $t/syscall $t/stack; "
		 "done 2>&1 | sed 's/^/# /' >&2", pid);
	if (system(command))
		t_note("can't look at process %d", pid);
}

#define END_SECONDS	60

/*
 * From the first stop on it is let go again whenever it stops. If it was stopped when the other
 * program had begun already, and looked for its vDSO where that is no longer, it faults: that is
 * not the module's business. Let go without the signal, it would fault for ever.
 */
static void follow_to_its_end(pid_t pid)
{
	uint64_t deadline_ns = d_now_ns() + END_SECONDS * 1000000000ULL;
	int status;
	pid_t got;

	ptrace(PTRACE_CONT, pid, 0, 0);
	for (;;) {
		got = waitpid(pid, &status, __WALL | WNOHANG);
		if (got >= 0 && d_now_ns() > deadline_ns) {
			show_threads(pid);
			race_wrong("has not called exec", pid);
			race_end(pid);
			return;
		}
		if (!got) {
			race_nap(1000);
		} else if (got < 0) {
			race_wrong("lost the process", pid);
			return;
		} else if (WIFSTOPPED(status) && !(status >> 16) && WSTOPSIG(status) == SIGSEGV) {
			race_end(pid);
			return;
		} else if (WIFSTOPPED(status)) {
			ptrace(PTRACE_CONT, pid, 0, 0);
		} else {
			if (status)
				race_wrong("exec", status);
			return;
		}
	}
}

TEST_F_TIMEOUT(race, other_process_execs, RACE_TIMEOUT)
{
	while (race_goes_on()) {
		pid_t pid = race_spawn(sleep_until_exec, &self->race);
		unsigned int i;

		if (t_seize_and_stop(pid)) {
			for (i = 0; i < 30; i++)
				race_issue_any(&self->race, pid);
			follow_to_its_end(pid);
		} else {
			race_end(pid);
		}
		race_count(&shared->rounds);
	}
	shared->others = shared->rounds;
	EXPECT_TRUE(race_has_succeeded());
}

RACE_HARNESS_MAIN
