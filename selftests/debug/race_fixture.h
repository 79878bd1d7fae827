/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fixture of the races. It is apart from race.h because the harness defines functions
 * that are not static, and so only one file of a program can include it.
 */
#ifndef _SELFTESTS_DEBUG_RACE_FIXTURE_H
#define _SELFTESTS_DEBUG_RACE_FIXTURE_H

#include <errno.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "lib/device.h"
#include "lib/image.h"
#include "lib/memory.h"
#include "lib/note.h"
#include "lib/state.h"
#include "lib/vdso.h"
#include "race.h"

#define RACE_TIMEOUT	900	/* RACE_HARNESS_MAIN adds what long races take */

FIXTURE(race) {
	struct race race;
};

FIXTURE_SETUP(race)
{
	static struct t_state state;	/* too large for the stack */

	race_fd = t_open();
	d_learn_sites();
	for (unsigned int i = 0; i < RACE_NR_PLACES; i++)
		self->race.places[i] = t_group_hole_with_room(T_PAGE);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	ASSERT_NE(MAP_FAILED, shared);
	ASSERT_TRUE(t_image_map(&race_image, D_IMAGE_ADDR, t_image_build(D_IMAGE_SIZE),
				D_IMAGE_SIZE));
	ASSERT_TRUE(t_state_capture(&state, race_fd, 0));
	ASSERT_TRUE(t_group_find(&self->race.group, &state.maps));
	race_begin();
}

FIXTURE_TEARDOWN(race)
{
	if (shared)
		t_note("%lu rounds against %lu others; commands: %lu succeeded, %lu gave way",
		       shared->rounds, shared->others, shared->ok, shared->busy);
}

/* The last constructor of a test program: all its tests have been registered. */
#define RACE_HARNESS_MAIN							\
static void __attribute__((constructor)) set_timeouts(void)			\
{										\
	struct __test_metadata *test;						\
										\
	for (test = _race_fixture_object.tests; test; test = test->next)	\
		test->timeout += 5 * d_number("RACE_SECONDS", RACE_SECONDS);	\
}										\
TEST_HARNESS_MAIN

#endif /* _SELFTESTS_DEBUG_RACE_FIXTURE_H */
