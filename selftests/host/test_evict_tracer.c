// SPDX-License-Identifier: MIT
/* Claims about vdso_remap_evict(): what it needs of its caller, and what becomes of the thread. */
#include <sched.h>

#include "evict_fixture.h"

TEST_F(evict, says_when_the_thread_dies)
{
	ASSERT_TRUE(evictee_step_in(&self->child, 0));
	ASSERT_EQ(0, kill(self->child.pid, SIGKILL));
	EXPECT_EQ(-ESRCH, vdso_remap_evict(self->child.pid, &self->child.vdso, 1, 0));
}

TEST_F(evict, needs_a_stopped_thread)
{
	ASSERT_EQ(0, ptrace(PTRACE_CONT, self->child.pid, NULL, NULL));
	EXPECT_EQ(-ESRCH, vdso_remap_evict(self->child.pid, &self->child.vdso, 1, 0));
	EXPECT_EQ(-ESRCH, vdso_remap_evict(getpid(), &self->child.vdso, 1, 0));
}

TEST_F(evict, needs_a_seized_thread)
{
	uint64_t mask = mask_of(self->child.pid);
	struct vdso_regs before;
	int status;

	ASSERT_EQ(0, ptrace(PTRACE_DETACH, self->child.pid, NULL, NULL));
	ASSERT_EQ(0, ptrace(PTRACE_ATTACH, self->child.pid, NULL, NULL));
	ASSERT_EQ(self->child.pid, waitpid(self->child.pid, &status, __WALL));
	ASSERT_TRUE(evictee_step_in(&self->child, 3));
	ASSERT_TRUE(t_get_regs(self->child.pid, &before));
	EXPECT_EQ(-EINVAL, vdso_remap_evict(self->child.pid, &self->child.vdso, 1, 0));
	EXPECT_TRUE(is_as_before(self->child.pid, before, vdso_regs_get(&before, VDSO_REG_IP)));
	EXPECT_EQ(mask, mask_of(self->child.pid));
}

/* As the first process of a pid namespace, where /proc is still that of the one outside */
static int evict_beside_proc(struct evictee *outer)
{
	struct evictee inner = *outer;
	struct vdso_regs before;
	int ret;

	inner.pid = fork();
	if (!inner.pid)
		evictee_call_for_ever(inner.clock_gettime);
	if (ptrace(PTRACE_SEIZE, inner.pid, NULL, NULL) || !interrupt(inner.pid) ||
	    !evictee_step_in(&inner, 3) || !t_get_regs(inner.pid, &before))
		return 0;
	ret = vdso_remap_evict(inner.pid, &inner.vdso, 1, 0);
	return is_as_before(inner.pid, before, vdso_regs_get(&before, VDSO_REG_IP)) ? ret : 0;
}

/* Thread ids mean other threads there. */
TEST_F(evict, needs_its_own_proc)
{
	pid_t between;
	int status;

	between = fork();
	ASSERT_LE(0, between);
	if (!between) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWPID))
			_exit(255);
		between = fork();
		if (!between)
			_exit(-evict_beside_proc(&self->child));	/* its child ends with it */
		waitpid(between, &status, 0);
		_exit(WEXITSTATUS(status));
	}
	ASSERT_EQ(between, waitpid(between, &status, 0));
	if (WEXITSTATUS(status) == 255)
		SKIP(return, "no namespaces for this user");
	EXPECT_EQ(ENOENT, WEXITSTATUS(status));
}

#define TOO_SLOW	77	/* an exit status */

/* As a checkpoint tool that crashes: it does not detach. */
static int evict_and_end(struct evictee *child)
{
	int ret;

	if (ptrace(PTRACE_SEIZE, child->pid, NULL, NULL) || !interrupt(child->pid) ||
	    !evictee_step_in(child, 3))
		return 1;
	ret = vdso_remap_evict(child->pid, &child->vdso, 1, 20000);
	if (ret == -ETIME)
		return TOO_SLOW;
	return ret <= 0;
}

TEST_F(evict, lets_a_thread_outlive_its_tracer)
{
	unsigned long rounds;
	int i, status;
	pid_t tracer;

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, ptrace(PTRACE_DETACH, self->child.pid, NULL, NULL));
		tracer = fork();
		ASSERT_LE(0, tracer);
		if (!tracer)
			_exit(evict_and_end(&self->child));
		ASSERT_EQ(tracer, waitpid(tracer, &status, 0));
		if (WIFEXITED(status) && WEXITSTATUS(status) == TOO_SLOW)
			SKIP(return, STEPS_ARE_SLOW);
		EXPECT_EQ(0, status);
		rounds = shared->rounds;
		while (shared->rounds < rounds + 10)
			ASSERT_EQ(0, waitpid(self->child.pid, &status, WNOHANG));
		ASSERT_EQ(0, ptrace(PTRACE_SEIZE, self->child.pid, NULL, NULL));
		ASSERT_TRUE(interrupt(self->child.pid));
	}
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
	EXPECT_EQ(0, shared->signals[SIGTRAP]);
}

TEST_HARNESS_MAIN
