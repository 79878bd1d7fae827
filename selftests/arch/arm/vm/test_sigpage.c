// SPDX-License-Identifier: GPL-2.0
/*
 * Signal handlers that have no restorer of their own return through the kernel's page for that.
 * It is no part of the group: it stays where it is, so a handler may even move the group.
 */
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include "arch/test.h"
#include "lib/device.h"
#include "lib/maps.h"
#include "lib/state.h"
#include "lib/vdso.h"
#include "lib/vdso_calls.h"

/* What the kernel is told: not by libc, which has a restorer. */
struct handler {
	void (*handle)(int sig);
	unsigned long flags;
	void *restorer;
	uint32_t mask[2];
};

static struct t_state state;
static uint64_t place;
static volatile int handled;
static volatile long moved;

static void count(int sig)
{
	handled++;
}

static void move_there(int sig)
{
	moved = t_move_own(place);
	handled++;
}

static bool comes_back_from(void (*handle)(int sig), unsigned long flags)
{
	const struct handler handler = { .handle = handle, .flags = flags };
	const int before = handled;

	return !syscall(SYS_rt_sigaction, SIGUSR1, &handler, NULL, sizeof(handler.mask)) &&
	       !syscall(SYS_kill, getpid(), SIGUSR1) && handled == before + 1;
}

FIXTURE(sigpage)
{
	struct t_vma vma;
};

FIXTURE_SETUP(sigpage)
{
	const struct t_vma *vma;

	ASSERT_TRUE(t_state_capture(&state, t_open(), 0));
	vma = t_maps_find(&state.maps, "[sigpage]");
	ASSERT_NE(NULL, vma);
	self->vma = *vma;
	place = t_group_hole();
}

FIXTURE_TEARDOWN(sigpage)
{
}

static bool stays(const FIXTURE_DATA(sigpage) *self)
{
	static struct t_maps maps;
	const struct t_vma *vma;

	return t_maps_read(&maps, 0) && (vma = t_maps_find(&maps, "[sigpage]")) &&
	       !memcmp(vma, &self->vma, sizeof(*vma));
}

TEST_F(sigpage, stays_where_it_is)
{
	ASSERT_EQ(0, t_move_own(place));
	EXPECT_TRUE(stays(self));
	t_state_move(&state, place);
	EXPECT_TRUE(t_state_is(&state));
	EXPECT_TRUE(comes_back_from(count, 0));
	EXPECT_TRUE(comes_back_from(count, SA_SIGINFO));
}

TEST_F(sigpage, lets_a_handler_move_the_group)
{
	const uint64_t home = t_text_addr(&state.info);

	EXPECT_TRUE(comes_back_from(move_there, 0));
	EXPECT_EQ(0, moved);
	t_state_move(&state, place);
	EXPECT_TRUE(t_state_is(&state));
	place = home;
	EXPECT_TRUE(comes_back_from(move_there, SA_SIGINFO));
	EXPECT_EQ(0, moved);
	EXPECT_TRUE(stays(self));
}

TEST_HARNESS_MAIN
