/* SPDX-License-Identifier: MIT */
/*
 * The child that the tests of vdso_remap_evict() trace: it does nothing but call the vDSO and
 * compare with system calls.
 */
#ifndef _SELFTESTS_HOST_EVICTEE_H
#define _SELFTESTS_HOST_EVICTEE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include <vdso_remap.h>

#include "lib/regs.h"

/* What parent and child share: the other one writes it, except for the selector. */
extern volatile struct shared {
	unsigned long rounds;
	unsigned long wrong;
	int signals[65];
	uintptr_t hole;	/* the child's: a page that never comes, if the kernel can do that */
	bool dispatches;
	char selector;	/* of system calls: 1 dispatches them to the child by a SIGSYS */
} *shared;

typedef int clock_gettime_fn(clockid_t clock, struct timespec *ts);

/**
 * struct evictee - such a child
 * @vdso: the text of its vDSO, and of its parent's
 * @clock_gettime: in it
 * @code: the child executes what its parent writes here
 * @pid: of it
 */
struct evictee {
	struct vdso_remap_range vdso;
	clock_gettime_fn *clock_gettime;
	uint8_t *code;
	pid_t pid;
};

/* The child's own: it has handlers, a seccomp filter, and dies with its parent. */
void evictee_run(const struct evictee *child, pid_t parent);
void evictee_call_for_ever(clock_gettime_fn *vdso_clock_gettime);

/* The mapping that begins there, as /proc/self/maps says; else all zero. */
struct vdso_remap_range mapping_of(uintptr_t start);

/* CLOCK_MONOTONIC in nanoseconds, by system call. */
int64_t now(void);

/* Of a task that is stopped */
uint64_t ip_of(pid_t pid);
uint64_t mask_of(pid_t pid);
/* All registers are these, but for the instruction pointer, which is ip. */
bool is_as_before(pid_t pid, struct vdso_regs before, uint64_t ip);

bool single_step(pid_t pid);
bool interrupt(pid_t pid);
/* It stops before the handler's first instruction. */
bool deliver(pid_t pid, int sig);

bool evictee_is_inside(struct evictee *child);
/* Steps the child into the vDSO, and at most more instructions further in it. */
bool evictee_step_in(struct evictee *child, unsigned int more);
/* The child goes on until it has called the vDSO some more times. */
bool evictee_goes_on_well(struct evictee *child);

/* What the program has put into its vDSO, and goes on with. */
struct foreign_code {
	struct vdso_remap_range range;
	struct vdso_regs saved;
};

/* What is in the register that has the number of a system call is up to the code. */
bool evictee_enter(struct evictee *child, struct foreign_code *foreign, uint64_t nr,
		   const void *code, size_t size);
bool evictee_go_back(struct evictee *child, const struct foreign_code *foreign);

#endif /* _SELFTESTS_HOST_EVICTEE_H */
