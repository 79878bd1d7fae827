// SPDX-License-Identifier: MIT
/* Claims about vdso_remap_evict(): no signal is lost, and each comes when the thread is out. */
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "arch/test.h"
#include "evict_fixture.h"

/* Signals that come while it stands inside wait until it is out and resumed. */
TEST_F(evict, holds_signals_back)
{
	static const int signals[] = { SIGUSR1, SIGTRAP, SIGSEGV };
	size_t i;
	int ret;

	ASSERT_TRUE(evictee_step_in(&self->child, 3));
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		ASSERT_EQ(0, kill(self->child.pid, signals[i]));
	for (i = 0; i < 2; i++)	/* queued, each of them counts */
		ASSERT_EQ(0, sigqueue(self->child.pid, SIGRTMIN, (union sigval){ 0 }));
	ret = vdso_remap_evict(self->child.pid, &self->child.vdso, 1, 0);
	if (ret == -ETIME)
		SKIP(return, STEPS_ARE_SLOW);
	EXPECT_LT(0, ret);
	EXPECT_FALSE(evictee_is_inside(&self->child));
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		EXPECT_EQ(0, shared->signals[signals[i]]);
	EXPECT_EQ(0, shared->signals[SIGRTMIN]);

	EXPECT_TRUE(evictee_goes_on_well(&self->child));
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		EXPECT_EQ(1, shared->signals[signals[i]]) {
			TH_LOG("signal %d", signals[i]);
		}
	EXPECT_EQ(2, shared->signals[SIGRTMIN]);
}

TEST_F(evict, sends_a_stop_again)
{
	int status, ret;

	ASSERT_TRUE(evictee_step_in(&self->child, 3));
	ASSERT_EQ(0, kill(self->child.pid, SIGSTOP));
	ret = vdso_remap_evict(self->child.pid, &self->child.vdso, 1, 0);
	if (ret == -ETIME)
		SKIP(return, STEPS_ARE_SLOW);
	EXPECT_LT(0, ret);
	EXPECT_FALSE(evictee_is_inside(&self->child));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, self->child.pid, NULL, NULL));
	ASSERT_EQ(self->child.pid, waitpid(self->child.pid, &status, __WALL));
	ASSERT_TRUE(WIFSTOPPED(status));
	EXPECT_EQ(SIGSTOP, WSTOPSIG(status));
}

static pid_t sleeper;

/* As soon as it sleeps. That stops it, in the middle of its step. */
static void signal_sleeper(int __attribute__((unused)) sig)
{
	char path[32], line[64] = "";
	siginfo_t info;
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/%d/stat", sleeper);
	stat = fopen(path, "re");
	if (stat && fgets(line, sizeof(line), stat) && strstr(line, ") S ")) {
		kill(sleeper, SIGSEGV);
		waitid(P_PID, sleeper, &info, WSTOPPED | WNOWAIT | __WALL);
	}
	if (stat)
		fclose(stat);
}

static bool has_pending_trap(pid_t pid)
{
	struct __ptrace_peeksiginfo_args args = { .nr = 1 };
	siginfo_t info = { 0 };

	while (ptrace(PTRACE_PEEKSIGINFO, pid, &args, &info) == 1 && info.si_signo != SIGTRAP)
		args.off++;
	return info.si_signo == SIGTRAP;
}

static void do_nothing(int __attribute__((unused)) sig)
{
}

/*
 * The interruption may overtake the SIGTRAP of a step, which would end the child when it is
 * detached.
 */
TEST_F_TIMEOUT(evict, leaves_no_step_behind_when_it_is_interrupted, 120)
{
	const struct vdso_remap_range everything = { 0, ~0ULL };
	const struct sigaction action = { .sa_handler = do_nothing };
	struct itimerval timer = { { 0, 20000 }, { 0, 0 } }, off = { 0 };
	int i, ret, nr_interrupted = 0;

	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	srandom(1);
	for (i = 0; i < 100; i++) {
		timer.it_value.tv_usec = 100 + random() % 1000;
		ASSERT_EQ(0, setitimer(ITIMER_REAL, &timer, NULL));
		ret = vdso_remap_evict(self->child.pid, &everything, 1, ~0U);
		ASSERT_EQ(0, setitimer(ITIMER_REAL, &off, NULL));
		ASSERT_FALSE(has_pending_trap(self->child.pid));
		nr_interrupted += ret == -EINTR;
		/* the child's own system calls are in the way */
		if (ret == -EOPNOTSUPP)
			ASSERT_TRUE(single_step(self->child.pid));
	}
	EXPECT_LT(0, nr_interrupted);
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
	EXPECT_EQ(0, shared->signals[SIGTRAP]);
}

/* While a timer expires again and again */
static int evict_under_timer(struct evictee *child, const struct foreign_code *foreign,
			     void (*handler)(int sig))
{
	const struct itimerval timer = { { 0, 100000 }, { 0, 100000 } }, off = { 0 };
	const struct sigaction action = { .sa_handler = handler };
	struct sigaction old;
	int ret;

	if (sigaction(SIGALRM, &action, &old) || setitimer(ITIMER_REAL, &timer, NULL))
		return 0;
	ret = vdso_remap_evict(child->pid, &foreign->range, 1, 0);
	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, &old, NULL);
	return ret;
}

#ifdef T_HIDDEN_SYSTEM_CALL
TEST_F(evict, is_interrupted_by_a_timer)
{
	static const char code[] = T_HIDDEN_SYSTEM_CALL;
	uint64_t mask = mask_of(self->child.pid);
	struct foreign_code foreign;

	ASSERT_TRUE(evictee_enter(&self->child, &foreign, SYS_ppoll, code, sizeof(code) - 1));
	EXPECT_EQ(-EINTR, evict_under_timer(&self->child, &foreign, do_nothing));
	EXPECT_EQ(mask, mask_of(self->child.pid));
	ASSERT_TRUE(evictee_go_back(&self->child, &foreign));
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
}
#endif

/* It waits for what it reads. */
TEST_F(evict, keeps_a_signal_that_stops_an_interrupted_step)
{
	static const char code[] = T_READ_AT_CALL_NR;
	struct foreign_code foreign;

	if (!shared->hole)
		SKIP(return, "no userfaultfd for this user");
	ASSERT_TRUE(evictee_enter(&self->child, &foreign, shared->hole, code,
				  sizeof(code) - 1));
	sleeper = self->child.pid;
	EXPECT_EQ(-EINTR, evict_under_timer(&self->child, &foreign, signal_sleeper));
	ASSERT_TRUE(evictee_go_back(&self->child, &foreign));
	EXPECT_EQ(0, shared->signals[SIGSEGV]);
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
	EXPECT_EQ(1, shared->signals[SIGSEGV]);
}

TEST_HARNESS_MAIN
