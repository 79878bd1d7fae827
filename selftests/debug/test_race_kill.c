// SPDX-License-Identifier: GPL-2.0
/* Commands whose process, caller or tracer is killed meanwhile. */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/child.h"
#include "lib/task.h"
#include "race_fixture.h"

static pid_t victim;

static void *kill_victims(void *unused)
{
	while (!race_is_stopped()) {
		pid_t pid = __atomic_exchange_n(&victim, 0, __ATOMIC_ACQ_REL);

		race_nap_long();
		if (pid)
			kill(pid, SIGKILL);
	}
	return NULL;
}

TEST_F_TIMEOUT(race, other_process_is_killed, RACE_TIMEOUT)
{
	pthread_t killer;

	ASSERT_EQ(0, pthread_create(&killer, NULL, kill_victims, NULL));
	while (race_goes_on()) {
		pid_t pid = race_spawn(race_below(2) ? race_sleep_for_ever : race_spin_for_ever,
				       &self->race);
		int ret = 0;

		if (t_seize_and_stop(pid)) {
			__atomic_store_n(&victim, pid, __ATOMIC_RELEASE);
			while (ret != -ESRCH && ret != -EPERM && !shared->wrong)
				ret = race_move_or_park(&self->race, pid, race_may_vanish);
		}
		race_end(pid);
		race_count(&shared->rounds);
	}
	race_stop();
	pthread_join(killer, NULL);
	shared->others = shared->rounds;
	EXPECT_TRUE(race_has_succeeded());
}

static void move_for_ever(struct race *race)
{
	while (!race_is_stopped())
		race_move_or_park(race, 0, race_busy_only);
}

TEST_F_TIMEOUT(race, caller_is_killed, RACE_TIMEOUT)
{
	while (race_goes_on()) {
		pid_t pid = race_spawn(move_for_ever, &self->race);

		race_nap_long();
		race_end(pid);
		race_count(&shared->rounds);
	}
	shared->others = shared->rounds;
	EXPECT_TRUE(race_has_succeeded());
}

static void trace_and_move(struct race *race)
{
	if (!t_seize_and_stop(race_tracee))
		_exit(1);
	while (!race_is_stopped())
		race_move_or_park(race, race_tracee, race_busy_only);
}

static long group_works(uint64_t unused)
{
	return race_own_group_works();
}

TEST_F_TIMEOUT(race, tracer_is_killed, RACE_TIMEOUT)
{
	struct t_child child;

	ASSERT_TRUE(t_child_start(&child));
	race_tracee = child.pid;
	while (race_goes_on()) {
		pid_t pid = race_spawn(trace_and_move, &self->race);

		race_nap_long();
		race_end(pid);
		if (t_child_call(&child, group_works, 0) != 1)
			race_wrong("the tracee has not survived with its group", child.pid);
		race_count(&shared->rounds);
	}
	shared->others = shared->rounds;
	EXPECT_TRUE(race_has_succeeded());
	t_child_end(&child);
}

RACE_HARNESS_MAIN
