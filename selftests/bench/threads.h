/* SPDX-License-Identifier: GPL-2.0 */
/* Threads beside the one that works, and stopping them as tools do. */
#ifndef _BENCH_THREADS_H
#define _BENCH_THREADS_H

#include <sys/types.h>

#define MAX_THREADS	512

/* More of them until there are so many, the caller included; new ones run fn(their number). */
void threads_have(unsigned int nr, void (*fn)(unsigned int number));

/* Of another process: the caller traces its threads, without one (0: all). */
void threads_seize(pid_t pid, pid_t but);
/* All that were seized last stand still. */
void threads_stop(void);

/**
 * struct tracer - a child that has seized all threads of its parent but one
 * @to: orders
 * @from: their answers
 */
struct tracer {
	int to;
	int from;
};

/* The caller is the one. */
void tracer_start(struct tracer *tracer);
/* All stand still. */
void tracer_stop(const struct tracer *tracer);
void tracer_continue(const struct tracer *tracer);
void tracer_end(const struct tracer *tracer);

#endif /* _BENCH_THREADS_H */
