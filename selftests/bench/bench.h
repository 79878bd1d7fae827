/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the benchmarks share: ways to the same result are run in turn, in many
 * short rounds, and of each the best counts. What disturbs a machine meets them
 * all, and only slows them down. Time is a counter of the processor: no
 * system call is between two readings, and no vDSO, which may be on the move.
 * (Under QEMU's -icount that counts instructions, one for each nanosecond:
 * $BENCH_CLOCK names what it is, if that is not ns of this machine.)
 *
 * Tables and ratios go to stdout as text, and to the file that is the program's
 * only argument, if there is one, as JSON, a line for each row.
 */
#ifndef _BENCH_H
#define _BENCH_H

#include <stdbool.h>
#include <stdint.h>

uint64_t bench_now(void);	/* ns */
/* Its unit; and whether that is time on a processor that is no program. */
const char *bench_clock(void);
bool bench_clock_is_real(void);

/**
 * struct bench_way - one way to a result
 * @name: of its column
 * @prepare: called before each round, not measured; or NULL
 * @run: what is measured: does it so many times
 * @arg: of both
 * @best: ns for doing it once, in the best round
 */
struct bench_way {
	const char *name;
	void (*prepare)(void *arg);
	void (*run)(void *arg, unsigned long times);
	void *arg;
	double best;
};

void bench_best(struct bench_way *ways, unsigned int nr, unsigned int rounds, unsigned long times);

/**
 * struct bench_steps - what a function took
 * @instructions: in user space
 * @branches: how many of them went on elsewhere, further ahead than the longest instruction is long
 * @system_calls: how many of them were such
 */
struct bench_steps {
	unsigned long instructions;
	unsigned long branches;
	unsigned long system_calls;
};

/* Runs fn(arg) in a child, step by step. False, after saying why, if that fails. */
bool bench_step(struct bench_steps *steps, bool (*fn)(void *arg), void *arg);

void bench_begin(int argc, char **argv);
/* The columns of the rows that follow, the last one is followed by NULL. */
void bench_table(const char *title, const char *unit, const char *const *columns);
/* NAN leaves a place empty. */
void bench_row(const char *name, const double *values);
/* The same with the names and the best of these ways, in the clock's unit. */
void bench_table_ways(const char *title, const struct bench_way *ways, unsigned int nr);
void bench_row_ways(const char *name, const struct bench_way *ways, unsigned int nr);
/* The value is to be at most the goal; 0: there is none. */
void bench_ratio(const char *what, double value, double goal);
int bench_end(void);

_Noreturn void bench_die(const char *what);

#endif /* _BENCH_H */
