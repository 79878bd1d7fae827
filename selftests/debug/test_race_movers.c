// SPDX-License-Identifier: GPL-2.0
/* Several who move the same group. */
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/memory.h"
#include "lib/task.h"
#include "race_fixture.h"

static void *trace_move_detach(void *arg)
{
	struct race_thread *thread = arg;
	unsigned int i;

	while (race_goes_on()) {
		if (!t_seize_and_stop(thread->tid))
			break;
		for (i = race_below(8); i; i--)
			race_issue_any(race_current, thread->tid);
		if (!t_detach(thread->tid))
			break;
		race_count(&shared->others);
		/* Of a thread that it does not trace any more. */
		race_issue(VDSO_REMAP_GET_INFO, 0, thread->tid, 0, race_may_vanish);
	}
	return NULL;
}

static void naps(void)
{
	while (!race_is_stopped())
		race_nap(300);
}

static struct race_thread *trio;	/* threads of the process that is moved, in shared memory */

static void be_three(struct race *race)
{
	race_start_thread(&trio[1], naps);
	race_start_thread(&trio[2], naps);
	__atomic_store_n(&trio[0].tid, gettid(), __ATOMIC_RELEASE);
	naps();
	pthread_join(trio[1].pthread, NULL);
	pthread_join(trio[2].pthread, NULL);
	_exit(race_own_group_works() ? 0 : 1);
}

TEST_F_TIMEOUT(race, three_tracers_of_one_process_move_and_detach, RACE_TIMEOUT)
{
	pthread_t tracers[3];
	unsigned int i;
	pid_t pid;

	race_current = &self->race;
	trio = mmap(NULL, T_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, trio);
	pid = race_spawn(be_three, &self->race);
	while (!__atomic_load_n(&trio[0].tid, __ATOMIC_ACQUIRE))
		sched_yield();
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&tracers[i], NULL, trace_move_detach, &trio[i]));
	for (i = 0; i < 3; i++)
		pthread_join(tracers[i], NULL);
	race_stop();
	EXPECT_EQ(0, race_reap(pid));
	shared->rounds = shared->others;
	EXPECT_TRUE(race_has_succeeded());
}

TEST_F_TIMEOUT(race, threads_move_their_own_group, RACE_TIMEOUT)
{
	struct race_thread thread, stopped_one;
	pid_t tracer;

	race_current = &self->race;
	ASSERT_TRUE(race_start_thread(&thread, race_any_for_ever));
	ASSERT_TRUE(race_start_thread(&stopped_one, race_any_for_ever));
	race_tracee = thread.tid;
	tracer = race_spawn(race_stop_and_go, &self->race);
	while (race_goes_on()) {
		race_issue_any(&self->race, 0);
		race_count(&shared->rounds);
	}
	race_stop();
	pthread_join(thread.pthread, NULL);
	pthread_join(stopped_one.pthread, NULL);
	race_end(tracer);
	EXPECT_TRUE(race_has_succeeded());
	EXPECT_TRUE(race_own_group_works());
}

RACE_HARNESS_MAIN
