// SPDX-License-Identifier: GPL-2.0
/* Commands while signals arrive, time namespaces are joined, and processors come and go. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/task.h"
#include "race_fixture.h"

static void count_signal(int sig)
{
	race_count(&shared->others);
}

static void send_signals(struct race *race)
{
	while (!kill(race_tracee, race_below(2) ? SIGUSR1 : SIGUSR2))
		race_nap(500);
}

TEST_F_TIMEOUT(race, signals_arrive, RACE_TIMEOUT)
{
	const struct itimerval often = { { 0, 700 }, { 0, 700 } }, never = {};
	pid_t sender;

	ASSERT_NE(SIG_ERR, signal(SIGUSR1, count_signal));
	ASSERT_NE(SIG_ERR, signal(SIGUSR2, count_signal));
	ASSERT_NE(SIG_ERR, signal(SIGALRM, count_signal));
	race_tracee = getpid();
	sender = race_spawn(send_signals, &self->race);
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &often, NULL));
	while (race_goes_on()) {
		race_move_or_park(&self->race, 0, race_busy_only);
		race_count(&shared->rounds);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	race_end(sender);
	EXPECT_TRUE(race_has_succeeded());
	EXPECT_EQ(0, shared->busy);
	EXPECT_LT(0, shared->others);
	EXPECT_TRUE(race_own_group_works());
}

static int timens[2];

static void write_offset(long seconds)
{
	int file = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);

	if (file < 0 || dprintf(file, "monotonic %ld 0\nboottime %ld 0\n", seconds, seconds) <= 0)
		race_wrong("timens_offsets", errno);
	close(file);
}

static int new_timens(long seconds)
{
	if (unshare(CLONE_NEWTIME))
		race_wrong("unshare", errno);
	write_offset(seconds);
	return open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
}

static void set_safe(bool safe)
{
	__atomic_store_n(&shared->safe, safe, __ATOMIC_SEQ_CST);
}

static void join_for_ever(struct race *race)
{
	unsigned int i;

	for (i = 0; !race_is_stopped(); i++) {
		uint64_t text;

		set_safe(true);
		if (setns(timens[i % 2], CLONE_NEWTIME))
			race_wrong("setns", errno);
		race_nap(200);
		set_safe(false);
		text = race_own_group();
		if (!text || !t_time_between_syscalls(text))
			race_wrong("the time is wrong in time namespace", i % 2);
		race_count(&shared->others);
	}
	_exit(race_own_group_works() ? 0 : 1);
}

TEST_F_TIMEOUT(race, process_joins_time_namespaces, RACE_TIMEOUT)
{
	pid_t pid;

	timens[0] = new_timens(1000000);
	timens[1] = new_timens(5000000);
	pid = race_spawn(join_for_ever, &self->race);
	while (race_goes_on()) {
		if (!t_seize_and_stop(pid))
			break;
		if (__atomic_load_n(&shared->safe, __ATOMIC_SEQ_CST)) {
			race_move_or_park(&self->race, pid, race_busy_only);
			race_count(&shared->rounds);
		}
		if (!t_detach(pid))
			break;
		race_nap(1000);
	}
	race_stop();
	EXPECT_EQ(0, race_reap(pid));
	EXPECT_TRUE(race_has_succeeded());
	EXPECT_LT(10, shared->others);
}

/* Who holds all processors must wait for them. */
static void set_online(const char *online)
{
	int file = open("/sys/devices/system/cpu/cpu1/online", O_WRONLY | O_CLOEXEC);

	if (file < 0 || write(file, online, 1) != 1)
		race_wrong("cpu1/online", errno);
	close(file);
}

static void plug_for_ever(struct race *race)
{
	while (!race_is_stopped()) {
		set_online("0");
		race_nap(5000);
		set_online("1");
		race_nap(5000);
		race_count(&shared->others);
	}
}

TEST_F_TIMEOUT(race, processors_come_and_go, RACE_TIMEOUT)
{
	struct race_thread thread;
	pid_t plugger;

	race_current = &self->race;
	ASSERT_TRUE(race_start_thread(&thread, race_any_for_ever));
	plugger = race_spawn(plug_for_ever, &self->race);
	while (race_goes_on()) {
		race_issue_any(&self->race, 0);
		race_count(&shared->rounds);
	}
	race_stop();
	pthread_join(thread.pthread, NULL);
	EXPECT_EQ(0, race_reap(plugger));
	EXPECT_TRUE(race_has_succeeded());
	EXPECT_TRUE(race_own_group_works());
}

RACE_HARNESS_MAIN
