// SPDX-License-Identifier: GPL-2.0
/*
 * Moving the vDSO: one MOVE, the mremap() calls that have the same result, and
 * the whole of what a tool does to know which calls those are. Processes with
 * few and with many mappings.
 *
 * A move by the module leaves the pages to be mapped again at their first use,
 * mremap() takes them along: so a second table has the first call afterwards in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "group.h"
#include "lib/device.h"
#include "lib/memory.h"
#include "lib/note.h"

#define ROUNDS		200
#define WHOLE_ROUNDS	20

static int device;
static struct group group;

/* So that each way finds all pages of the vDSO that it uses mapped. */
static void use(void *arg)
{
	group_call(&group);
}

static void by_module(void *arg, unsigned long times)
{
	struct vdso_remap_move req = { .size = sizeof(req), .addr = group_elsewhere(&group) };

	if (ioctl(device, VDSO_REMAP_MOVE, &req))
		bench_die("MOVE");
	group.text = req.addr;
}

static void by_mremap(void *arg, unsigned long times)
{
	group_mremap(&group, group_elsewhere(&group));
}

static char maps[16 << 20];

static size_t read_maps(void)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	size_t size = 0;
	ssize_t nr;

	while (size < sizeof(maps) - 1 && (nr = read(fd, maps + size, sizeof(maps) - 1 - size)) > 0)
		size += nr;
	close(fd);
	maps[size] = 0;
	return size;
}

static uint64_t hex(char **at)
{
	uint64_t val = 0;

	for (; **at != '-' && **at != ' '; (*at)++)
		val = val * 16 + (**at & 15) + (**at > '9' ? 9 : 0);
	(*at)++;
	return val;
}

/* A quicker reader than most: it knows where a name stands, and reads no numbers but its own. */
static void find_areas(struct group *found)
{
	char *end = maps + read_maps();
	char *line = maps, *next;

	found->nr = 0;
	for (; line < end; line = next + 1) {
		struct group_area *area = &found->area[found->nr];

		next = memchr(line, '\n', end - line);
		if (!next)
			break;
		if (next[-1] != ']' || found->nr == ARRAY_SIZE(found->area) ||
		    (memcmp(next - 6, "[vvar]", 6) && memcmp(next - 6, "[vdso]", 6) &&
		     memcmp(next - 13, "[vvar_vclock]", 13)))
			continue;
		area->start = hex(&line);
		area->size = hex(&line) - area->start;
		if (next[-2] == 'o')
			found->text = area->start;
		found->nr++;
	}
	for (unsigned int i = 0; i < found->nr; i++)
		found->area[i].start -= found->text;
}

static void by_whole(void *arg, unsigned long times)
{
	struct group found = group;

	find_areas(&found);
	group_mremap(&found, group_elsewhere(&group));
	group.text = found.text;
}

static void by_module_call(void *arg, unsigned long times)
{
	by_module(arg, times);
	use(arg);
}

static void by_mremap_call(void *arg, unsigned long times)
{
	by_mremap(arg, times);
	use(arg);
}

static unsigned int nr_lines(void)
{
	unsigned int nr = 0;

	for (char *line = maps, *end = maps + read_maps(); line < end; line++)
		nr += *line == '\n';
	return nr;
}

/* Neighbours of other protection, so that the kernel does not make one of them. */
static void have_mappings(unsigned int wanted)
{
	static unsigned int have;

	if (!have)
		have = nr_lines();
	for (; have < wanted; have++) {
		if (mmap(NULL, T_PAGE, have % 2 ? PROT_READ : PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
			bench_die("mmap");
	}
}

/*
 * The last two are measured by themselves: reading many mappings leaves caches,
 * and QEMU's, in a state that slows down whatever comes next.
 */
enum { MODULE, MREMAP, MODULE_CALL, MREMAP_CALL, BESIDE_WHOLE, WHOLE, NR_WAYS };

int main(int argc, char **argv)
{
	/* 10 are less than any program has that was linked with a libc. */
	static const unsigned int counts[] = { 10, 1000, 10000, 60000 };
	struct bench_way ways[NR_WAYS] = {
		[MODULE] = { .name = "MOVE", .prepare = use, .run = by_module },
		[MREMAP] = { .name = "mremap", .prepare = use, .run = by_mremap },
		[MODULE_CALL] = { .name = "MOVE+call", .prepare = use, .run = by_module_call },
		[MREMAP_CALL] = { .name = "mremap+call", .prepare = use, .run = by_mremap_call },
		[BESIDE_WHOLE] = { .name = "MOVE, beside", .prepare = use, .run = by_module },
		[WHOLE] = { .name = "whole", .prepare = use, .run = by_whole },
	};
	double best[ARRAY_SIZE(counts)][NR_WAYS];
	char name[64];

	device = t_open();
	group_learn(&group);
	bench_begin(argc, argv);
	bench_table_ways("Moving the vDSO", ways, NR_WAYS);
	for (unsigned int i = 0; i < ARRAY_SIZE(counts); i++) {
		have_mappings(counts[i]);
		bench_best(ways, BESIDE_WHOLE, ROUNDS, 1);
		bench_best(ways + BESIDE_WHOLE, NR_WAYS - BESIDE_WHOLE, WHOLE_ROUNDS, 1);
		snprintf(name, sizeof(name), "%u mappings", i ? counts[i] : nr_lines());
		bench_row_ways(name, ways, NR_WAYS);
		for (unsigned int way = 0; way < NR_WAYS; way++)
			best[i][way] = ways[way].best;
	}
	snprintf(name, sizeof(name), "MOVE / %u mremap calls", group.nr);
	bench_ratio(name, best[0][MODULE] / best[0][MREMAP], 0.7);
	bench_ratio("the same with the first call afterwards",
		    best[0][MODULE_CALL] / best[0][MREMAP_CALL], 0);
	bench_ratio("MOVE / the whole, 1,000 mappings",
		    best[1][BESIDE_WHOLE] / best[1][WHOLE], 0.1);
	bench_ratio("MOVE / the whole, 60,000 mappings",
		    best[3][BESIDE_WHOLE] / best[3][WHOLE], 0);
	bench_ratio("MOVE: 60,000 mappings / few", best[3][MODULE] / best[0][MODULE], 1.2);
	bench_ratio("mremap calls: 60,000 mappings / few", best[3][MREMAP] / best[0][MREMAP], 0);
	return bench_end();
}
