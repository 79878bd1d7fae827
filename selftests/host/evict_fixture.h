/* SPDX-License-Identifier: MIT */
/*
 * The fixture of the tests of vdso_remap_evict(): a child that stands still somewhere. It is
 * apart from evictee.h because only one file of a program can include the harness.
 */
#ifndef _SELFTESTS_HOST_EVICT_FIXTURE_H
#define _SELFTESTS_HOST_EVICT_FIXTURE_H

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "arch/test.h"
#include "evictee.h"

FIXTURE(evict)
{
	struct evictee child;
};

/*
 * Why a test is skipped if it gets -ETIME: where the steps of a part of a clock function take
 * longer than the clock ticks, the function starts again before it ends. That threads leave at
 * all is what gets_out_from_any_instruction claims.
 */
#define STEPS_ARE_SLOW	"steps are slow now: the clock functions start again and again"

FIXTURE_SETUP(evict)
{
	const void *text = (const void *)getauxval(AT_SYSINFO_EHDR);
	struct vdso_remap_image image = VDSO_REMAP_INIT(image);
	const pid_t parent = getpid();
	uint32_t i;

	/* SKIP(return, ...) in a fixture's setup would go on to the test. */
	if (getenv("STEPS_ARE_SLOW"))
		SKIP(_exit(255), "steps are slow: the clock functions start again and again");
	if (!text)
		SKIP(_exit(255), "this process has no vDSO");
	self->child.vdso = mapping_of((uintptr_t)text);
	ASSERT_NE(0, self->child.vdso.end);
	ASSERT_EQ(0, vdso_remap_parse(&image, text, self->child.vdso.end - self->child.vdso.start));
	for (i = 0; i < image.nr_entry_points; i++)
		if (!strcmp(image.entry_points[i].name, T_VDSO "clock_gettime"))
			self->child.clock_gettime = (clock_gettime_fn *)
				(self->child.vdso.start + image.entry_points[i].off);
	ASSERT_NE(0, (uintptr_t)self->child.clock_gettime);

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, shared);
	self->child.code = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE | PROT_EXEC,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->child.code);
	self->child.pid = fork();
	ASSERT_LE(0, self->child.pid);
	if (!self->child.pid)
		evictee_run(&self->child, parent);
	while (!shared->rounds)
		usleep(1000);
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, self->child.pid, NULL, NULL));
	ASSERT_TRUE(interrupt(self->child.pid));
#ifndef WITHOUT_SINGLE_STEPS
	if (!single_step(self->child.pid) && errno == EIO)
		SKIP(_exit(255), "this kernel has no single steps");
#endif
}

FIXTURE_TEARDOWN(evict)
{
	if (self->child.pid > 0) {
		kill(self->child.pid, SIGKILL);
		waitpid(self->child.pid, NULL, __WALL);
	}
}

#endif /* _SELFTESTS_HOST_EVICT_FIXTURE_H */
