/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The benchmarks' own vDSO, which goes to and fro between two places: by the
 * module, or as tools do it without.
 */
#ifndef _BENCH_GROUP_H
#define _BENCH_GROUP_H

#include <stdint.h>
#include <sys/ioctl.h>

#include <linux/vdso_remap.h>

/**
 * struct group - the areas
 * @nr: how many
 * @text: address of the text now
 * @place: where it can be
 * @area: ordered by address; their distances to the text, and sizes
 */
struct group {
	unsigned int nr;
	uint64_t text;
	uint64_t place[2];
	struct group_area {
		uint64_t start;
		uint64_t size;
	} area[VDSO_REMAP_MAX_AREAS];
};

/* From /proc/self/maps, while it is where the kernel put it; takes it to the first place. */
void group_learn(struct group *group);
uint64_t group_elsewhere(const struct group *group);
/* Moves all areas, one after the other, so that the text is there. */
void group_mremap(struct group *group, uint64_t text);
/* Reads a clock by it. */
void group_call(const struct group *group);

#endif /* _BENCH_GROUP_H */
