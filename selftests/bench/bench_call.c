// SPDX-License-Identifier: GPL-2.0
/*
 * What a call costs that goes through a proxy. Needs no module: the jumps are
 * the library's own, in memory near the runtime vDSO and far from it.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "arch/test.h"
#include "lib/memory.h"
#include "lib/note.h"
#include "lib/vdso.h"
#include "arch/encode.h"
#include "arch/program.h"
#include "arch/syscall.h"

#define SLOT		32
#define ROUNDS		400
#define TIMES		2000

/* All of them take three words at most, and ignore what is more. */
typedef long vdso_function(long a, void *b, void *c);

struct call {
	vdso_function *function;
	long a;
};

static void call(void *arg, unsigned long times)
{
	const struct call *c = arg;
	vdso_function *function = c->function;
	struct timespec result;
	long a = c->a;

	while (times--)
		function(a, &result, NULL);
}

static long getcpu_args[2];

/* getcpu() and time() take pointers where the clocks have a number. Not every vDSO has them. */
static const struct {
	const char *name;
	const char *symbol;
	const char *row;
	long a;
	uint32_t stub;
} calls[] = {
	{ "MONOTONIC", T_VDSO "clock_gettime", "clock_gettime MONOTONIC", CLOCK_MONOTONIC,
	  VDSO_REMAP_STUB_CLOCK_GETTIME },
	{ "MONOTONIC_COARSE", T_VDSO "clock_gettime", "clock_gettime MONOTONIC_COARSE",
	  CLOCK_MONOTONIC_COARSE, VDSO_REMAP_STUB_CLOCK_GETTIME },
	{ "getcpu", T_VDSO "getcpu", "getcpu", (long)getcpu_args, VDSO_REMAP_STUB_GETCPU },
	{ "time", T_VDSO "time", "time", 0, VDSO_REMAP_STUB_TIME },
};

enum { DIRECT, NEAR, FAR, CRIU, STUB, SYSTEM_CALL, NR_WAYS };

/* Those that this vDSO has; the last ones may be missing. */
static unsigned int count_calls(void)
{
	unsigned int nr = 0;

	while (nr < ARRAY_SIZE(calls) && t_entry_point(calls[nr].symbol))
		nr++;
	return nr;
}

static long system_call_nr;

/* As a libc without a vDSO does it. */
static long system_call(long a, void *b, void *c)
{
	return raw_syscall(system_call_nr, a, (long)b, (long)c, 0, 0, 0);
}

static uint8_t *map_code(uint64_t addr)
{
	uint8_t *code = mmap((void *)addr, T_PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	return code == (uint8_t *)addr ? code : NULL;
}

/* Within the reach of a near jump: below, where the stack does not grow to. */
static uint8_t *map_near(uint64_t vdso)
{
	uint8_t *code = NULL;
	uint64_t distance;

	for (distance = T_NEAR_REACH / 8; !code && distance < T_NEAR_REACH; distance += 1UL << 24)
		code = map_code((vdso & ~(T_PAGE - 1)) - distance);
	if (!code)
		bench_die("no memory near the vDSO");
	return code;
}

static uint8_t *near_code, *far_code;

static void encode(struct call *by, unsigned int i, uint64_t vdso)
{
	uint64_t target = vdso + t_entry_point(calls[i].symbol);
	static const uint8_t old[SLOT];
	uint8_t *site[NR_WAYS] = {
		[NEAR] = near_code + SLOT * i,
		[FAR] = far_code + SLOT * i,
		[CRIU] = far_code + SLOT * (ARRAY_SIZE(calls) + i),
		[STUB] = far_code + SLOT * (2 * ARRAY_SIZE(calls) + i),
	};

	vdso_encode_jump(VDSO_ABI_NATIVE, site[NEAR], old, SLOT, (uintptr_t)site[NEAR], target);
	vdso_encode_jump(VDSO_ABI_NATIVE, site[FAR], old, SLOT, (uintptr_t)site[FAR], target);
	t_write_criu_jump(site[CRIU], target);
	vdso_encode_stub(VDSO_ABI_NATIVE, site[STUB], old, SLOT, (uintptr_t)site[STUB],
			 calls[i].stub);
	for (unsigned int way = NEAR; way <= STUB; way++)
		__builtin___clear_cache((char *)site[way], (char *)site[way] + SLOT);

	for (unsigned int way = 0; way < NR_WAYS; way++) {
		by[way].function = (void *)site[way];
		by[way].a = calls[i].a;
	}
	by[DIRECT].function = (void *)target;
	by[SYSTEM_CALL].function = system_call;
	system_call_nr = vdso_encode_stub_call(VDSO_ABI_NATIVE, calls[i].stub).nr;
}

static bool call_once(void *arg)
{
	call(arg, 1);
	return true;
}

/* The fewest of several: a clock that is being updated meanwhile is read again. */
static void count_instructions(struct call *by, double *instructions, double *branches)
{
	struct bench_steps steps;

	for (unsigned int way = 0; way < NR_WAYS; way++) {
		instructions[way] = INFINITY;
		for (unsigned int i = 0; i < 10; i++) {
			if (!bench_step(&steps, call_once, &by[way]))
				bench_die("counting instructions, by single steps");
			if (steps.instructions >= instructions[way])
				continue;
			instructions[way] = steps.instructions;
			branches[way] = steps.branches;
		}
	}
}

int main(int argc, char **argv)
{
	struct bench_way ways[NR_WAYS] = {
		[DIRECT] = { .name = "direct" },
		[NEAR] = { .name = "near jump" },
		[FAR] = { .name = "far jump" },
		[CRIU] = { .name = "CRIU's jump" },
		[STUB] = { .name = "stub" },
		[SYSTEM_CALL] = { .name = "system call" },
	};
	const unsigned int nr_calls = count_calls();
	uint64_t vdso = getauxval(AT_SYSINFO_EHDR);
	double near[ARRAY_SIZE(calls)], far[ARRAY_SIZE(calls)], criu[ARRAY_SIZE(calls)];
	double stub[ARRAY_SIZE(calls)], instructions[ARRAY_SIZE(calls)][NR_WAYS];
	double branches[ARRAY_SIZE(calls)][NR_WAYS];
	const char *columns[NR_WAYS + 1] = { NULL };
	struct call by[NR_WAYS];
	char what[80];

	near_code = map_near(vdso);
	far_code = map_code(T_IMAGE_ADDR);
	if (!far_code)
		bench_die("no memory far from the vDSO");

	bench_begin(argc, argv);
	for (unsigned int way = 0; way < NR_WAYS; way++) {
		ways[way].run = call;
		ways[way].arg = &by[way];
		columns[way] = ways[way].name;
	}
	bench_table_ways("A call through a proxy", ways, NR_WAYS);
	for (unsigned int i = 0; i < nr_calls; i++) {
		encode(by, i, vdso);
		bench_best(ways, NR_WAYS, ROUNDS, TIMES);
		bench_row_ways(calls[i].row, ways, NR_WAYS);
		near[i] = ways[NEAR].best / ways[DIRECT].best;
		far[i] = ways[FAR].best / ways[DIRECT].best;
		criu[i] = ways[CRIU].best / ways[DIRECT].best;
		stub[i] = ways[STUB].best / ways[SYSTEM_CALL].best;
		count_instructions(by, instructions[i], branches[i]);
	}

	bench_table("The same, with the loop around it", "instructions", columns);
	for (unsigned int i = 0; i < nr_calls; i++)
		bench_row(calls[i].row, instructions[i]);
	bench_table("The same, with the loop around it", "taken branches", columns);
	for (unsigned int i = 0; i < nr_calls; i++)
		bench_row(calls[i].row, branches[i]);

	for (unsigned int i = 0; i < nr_calls; i++) {
		snprintf(what, sizeof(what), "%s: near jump / direct", calls[i].name);
		bench_ratio(what, near[i], i || !bench_clock_is_real() ? 0 : 1.02);
		snprintf(what, sizeof(what), "%s: far jump / direct", calls[i].name);
		bench_ratio(what, far[i], 0);
		snprintf(what, sizeof(what), "%s: CRIU's jump / direct", calls[i].name);
		bench_ratio(what, criu[i], 0);
		snprintf(what, sizeof(what), "%s: stub / system call", calls[i].name);
		bench_ratio(what, stub[i], 0);
	}
	bench_ratio("MONOTONIC: instructions of a near jump - direct",
		    instructions[0][NEAR] - instructions[0][DIRECT], 1);
	return bench_end();
}
