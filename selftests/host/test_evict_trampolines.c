// SPDX-License-Identifier: MIT
/*
 * Claims about vdso_remap_evict(): where signal handlers return through the vDSO, it brings a
 * thread out of the trampoline, to where the handler was called, with the signals blocked that
 * were blocked there.
 */
#include "arch/test.h"
#include "host/evict_fixture.h"

/* Into the handler of this signal, and out of it up to the nr-th instruction of the trampoline. */
static bool return_up_to(struct evictee *child, int sig, unsigned int nr)
{
	if (!deliver(child->pid, sig))
		return false;
	while (!evictee_is_inside(child))
		if (!single_step(child->pid))
			return false;
	while (nr--)
		if (!single_step(child->pid))
			return false;
	return evictee_is_inside(child);
}

/* Outside of the vDSO, at an instruction before which a signal can be delivered */
static bool step_outside(struct evictee *child)
{
	unsigned int i;

	for (i = 0; i < 100000 && evictee_is_inside(child); i++)
		if (!single_step(child->pid))
			return false;
	return single_step(child->pid) && !evictee_is_inside(child);
}

TEST_F(evict, brings_a_thread_out_of_the_trampolines)
{
	static const int signals[] = { SIGUSR1, SIGUSR2 };
	uint64_t mask = mask_of(self->child.pid);
	unsigned int nr;
	uint64_t ip;
	size_t i;

	if (!T_SIGRETURN_IS_IN_VDSO)
		SKIP(return, "no trampoline in this vDSO");
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		for (nr = 0; nr < 2; nr++) {
			ASSERT_TRUE(step_outside(&self->child));
			ip = ip_of(self->child.pid);
			ASSERT_TRUE(return_up_to(&self->child, signals[i], nr));
			EXPECT_NE(mask, mask_of(self->child.pid));
			EXPECT_LT(0, vdso_remap_evict(self->child.pid, &self->child.vdso, 1, 0));
			EXPECT_EQ(ip, ip_of(self->child.pid));
			EXPECT_EQ(mask, mask_of(self->child.pid));
			EXPECT_EQ(nr + 1, shared->signals[signals[i]]);
		}
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
	EXPECT_EQ(0, shared->signals[SIGTRAP]);
}

/* From the trampoline to a function that the signal interrupted, and out of that, too. */
TEST_F(evict, goes_on_where_the_handler_returns_to)
{
	int ret;

	if (!T_SIGRETURN_IS_IN_VDSO)
		SKIP(return, "no trampoline in this vDSO");
	ASSERT_TRUE(evictee_step_in(&self->child, 3));
	ASSERT_TRUE(return_up_to(&self->child, SIGUSR1, 0));
	ret = vdso_remap_evict(self->child.pid, &self->child.vdso, 1, 0);
	if (ret == -ETIME)
		SKIP(return, STEPS_ARE_SLOW);
	EXPECT_LT(1, ret);
	EXPECT_FALSE(evictee_is_inside(&self->child));
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
}

/* One that came while the handler had it blocked, and one that waits for nobody */
TEST_F(evict, holds_signals_back_when_a_handler_returns)
{
	if (!T_SIGRETURN_IS_IN_VDSO)
		SKIP(return, "no trampoline in this vDSO");
	ASSERT_TRUE(step_outside(&self->child));
	ASSERT_TRUE(return_up_to(&self->child, SIGUSR1, 0));
	ASSERT_EQ(0, kill(self->child.pid, SIGUSR1));
	ASSERT_EQ(0, kill(self->child.pid, SIGRTMIN));
	EXPECT_LT(0, vdso_remap_evict(self->child.pid, &self->child.vdso, 1, 0));
	EXPECT_EQ(1, shared->signals[SIGUSR1]);
	EXPECT_EQ(0, shared->signals[SIGRTMIN]);
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
	EXPECT_EQ(2, shared->signals[SIGUSR1]);
	EXPECT_EQ(1, shared->signals[SIGRTMIN]);
}

TEST_HARNESS_MAIN
