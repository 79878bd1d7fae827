/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A FUSE file whose server, a child of the test, answers only when it is told to. A
 * thread that reads a page which is not in memory waits for the server; since 6.16, so
 * does a thread that unmaps a page which was written to. When the server is killed, as
 * it is when the test ends, the kernel answers with errors.
 *
 * The test itself must not map the file: it would wait when it ends.
 */
#ifndef _T_SLOW_MAPPING_H
#define _T_SLOW_MAPPING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define T_SLOW_PAGES	4	/* size of the file */

/**
 * struct t_slow - such a file
 * @path: of it
 * @server: the child
 * @to: has the server answer
 * @state: shared with it
 */
struct t_slow {
	char path[24];
	pid_t server;
	int to;
	struct t_slow_state *state;
};

/* At first it answers at once. */
bool t_slow_start(struct t_slow *slow);
void t_slow_end(struct t_slow *slow);

/* Maps the whole file at a fixed, free address, shared and writable. */
bool t_slow_map(const struct t_slow *slow, uint64_t addr);
/* Whether munmap() of what was written to waits for the server under this kernel. */
bool t_slow_unmaps_slowly(void);

/* From now on each READ and WRITE waits. */
void t_slow_hold_back(const struct t_slow *slow);
/* Waits until that many have come since then, whether they have been answered or not. */
bool t_slow_wait(const struct t_slow *slow, unsigned int nr);
/* Answers the oldest one that waits; answers all of them, and no later one waits. */
void t_slow_answer_one(const struct t_slow *slow);
void t_slow_answer_all(const struct t_slow *slow);

#endif /* _T_SLOW_MAPPING_H */
