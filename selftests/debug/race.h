/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the races share: the clock that ends a race, and commands with the errors that a
 * race may cause. Each race runs for RACE_SECONDS (12). A process that should survive
 * does, and has one whole group or, where somebody takes it away, none or
 * its remains. The VM looks at the kernel's log.
 */
#ifndef _SELFTESTS_DEBUG_RACE_H
#define _SELFTESTS_DEBUG_RACE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/image.h"
#include "lib/vdso.h"
#include "common.h"

#define RACE_NR_PLACES	4
#define RACE_SECONDS	12

/* Seen by all processes of a test. */
struct race_shared {
	bool stop;
	bool safe;		/* the process does not use its group just now */
	bool wrong;
	unsigned long rounds;	/* of whoever counts them */
	unsigned long others;	/* what they raced against */
	unsigned long ok;	/* commands that succeeded */
	unsigned long busy;	/* and that had to give way, EBUSY or another errno */
};

/**
 * struct race - where a test's group may be
 * @places: destinations, all of them free at first
 * @group: as the kernel gave it to the test
 */
struct race {
	uint64_t places[RACE_NR_PLACES];
	struct t_group group;
};

extern struct race_shared *shared;
extern struct t_image race_image;
extern int race_fd;
/* The running test's, for functions that take no argument. */
extern struct race *race_current;

/* Starts the clock. */
void race_begin(void);
/* Until the time is over, or something is wrong. */
bool race_goes_on(void);
bool race_is_stopped(void);
void race_stop(void);
void race_count(unsigned long *counter);
void race_wrong(const char *what, long how);
bool race_has_succeeded(void);

uint32_t race_below(uint32_t limit);
/* Up to so many microseconds, by system call and without looking at a clock. */
void race_nap(uint32_t us);
/* The length varies widely, so that it suits fast and slow machines. */
void race_nap_long(void);

/* Runs fn in a child, which does not outlive its parent. */
pid_t race_spawn(void (*fn)(struct race *race), struct race *race);
int race_reap(pid_t pid);
void race_end(pid_t pid);
void race_sleep_for_ever(struct race *race);
void race_spin_for_ever(struct race *race);

/* Zero-terminated errors that somebody who changes the process can cause. */
extern const int race_busy_only[], race_may_vanish[], race_anything[];

int race_issue(unsigned long command, uint32_t flags, pid_t pid, uint64_t addr,
	       const int *harmless);
/* Any command, to any place. */
int race_issue_any(struct race *race, pid_t pid);
void race_any_for_ever(void);
/* Where the group is not. */
uint64_t race_elsewhere(struct race *race, pid_t pid);
/* What always succeeds, but for threads in the way and what the caller allows. */
int race_move_or_park(struct race *race, pid_t pid, const int *harmless);
/* Of the caller; where it is, or 0. */
uint64_t race_own_group(void);
bool race_own_group_works(void);

struct race_thread {
	pthread_t pthread;
	pid_t tid;
	void (*fn)(void);
};

bool race_start_thread(struct race_thread *thread, void (*fn)(void));

/*
 * The task that race_stop_and_go() stops and lets go, again and again, and the longest
 * time that it runs in between. Only while it is stopped may others move the group.
 */
extern pid_t race_tracee;
extern uint32_t race_go_us;
void race_stop_and_go(struct race *race);

#endif /* _SELFTESTS_DEBUG_RACE_H */
