// SPDX-License-Identifier: GPL-2.0
/* Commands whose process forks meanwhile. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/test.h"
#include "lib/device.h"
#include "lib/note.h"
#include "race_fixture.h"

/* Of the first site and the last one exactly one has a jump, in either way to install them. */
static struct vdso_remap_site other_sites[D_NR_SITES];

static bool is_jump(unsigned int i)
{
	return t_is_jump(race_image.addr + d_sites[i].off);
}

static void install(const struct vdso_remap_site *sites)
{
	union d_request req;

	d_request(&req, VDSO_REMAP_PROXY, 0, 0, 0);
	req.proxy.sites = (uintptr_t)sites;
	if (!t_ioctl(race_fd, VDSO_REMAP_PROXY, &req))
		race_count(&shared->ok);
	else
		race_wrong("PROXY", errno);
}

/*
 * Whose children have a whole group. That the kernel's own pointer to it is right
 * is not asked: fork copies that before it waits for the mmap lock, and the
 * tracer may let it begin in the middle of a MOVE.
 */
static void fork_for_ever(void)
{
	sigset_t set;

	/* Each would be a stop, which its tracer is late to notice. */
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	while (!race_is_stopped()) {
		pid_t pid = race_below(4) ? fork() : vfork();
		int status;

		if (!pid)
			_exit((is_jump(0) == is_jump(D_NR_SITES - 1)) | !race_own_group() << 1);
		status = pid < 0 ? -1 : race_reap(pid);
		if (status)
			race_wrong("a fork saw half of the sites (1) or of a move (2)",
				   status >> 8);
		race_count(&shared->others);
	}
}

TEST_F_TIMEOUT(race, second_thread_forks, RACE_TIMEOUT)
{
	struct race_thread thread;
	unsigned long moved;
	pid_t tracer;

	memcpy(other_sites, d_sites, sizeof(d_sites));
	other_sites[0].kind = VDSO_REMAP_SITE_STUB;
	other_sites[0].target = T_FUNCTION_STUB;
	other_sites[D_NR_SITES - 1].kind = VDSO_REMAP_SITE_JUMP;
	other_sites[D_NR_SITES - 1].target = d_sites[0].target;
	install(d_sites);
	ASSERT_TRUE(race_start_thread(&thread, fork_for_ever));
	race_tracee = thread.tid;
	race_go_us = 10000;	/* or it would not get to fork much */
	tracer = race_spawn(race_stop_and_go, &self->race);
	for (moved = 0; race_goes_on(); race_count(&shared->rounds)) {
		if (shared->rounds % 2)
			install(shared->rounds / 2 % 2 ? d_sites : other_sites);
		else
			moved += !race_issue(VDSO_REMAP_MOVE, 0, 0, race_elsewhere(&self->race, 0),
					     race_busy_only);
	}
	race_stop();
	pthread_join(thread.pthread, NULL);
	race_end(tracer);
	EXPECT_TRUE(race_has_succeeded());
	EXPECT_LT(0, moved);
	t_note("%lu moves", moved);
	EXPECT_TRUE(race_own_group_works());
}

RACE_HARNESS_MAIN
