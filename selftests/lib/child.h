/* SPDX-License-Identifier: GPL-2.0 */
/* Processes that a test starts. */
#ifndef _SELFTESTS_LIB_CHILD_H
#define _SELFTESTS_LIB_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct t_child - a forked child that runs what it is told
 * @pid: of it
 * @to: commands
 * @from: results
 */
struct t_child {
	pid_t pid;
	int to;
	int from;
};

/* fork(2); the child dies with the thread that has forked it. */
pid_t t_fork(void);

bool t_child_start(struct t_child *child);
/* Runs fn(arg) there. It must not be stopped. -1 also if it died. */
long t_child_call(const struct t_child *child, long (*fn)(uint64_t arg), uint64_t arg);
/* t_time_between_syscalls() there. */
bool t_child_time_between_syscalls(const struct t_child *child, uint64_t text);
void t_child_end(const struct t_child *child);

/*
 * Starts a process of its own that shares the caller's memory, one at a time,
 * with more flags of clone(2). It shares errno, too.
 */
pid_t t_spawn_sharing_mm(int flags, int (*fn)(void *arg), void *arg);

#endif /* _SELFTESTS_LIB_CHILD_H */
