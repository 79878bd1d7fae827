// SPDX-License-Identifier: GPL-2.0
/*
 * Installing a proxy: PROXY against what tools do for the same result. With
 * parking, all other threads are stopped, as the device demands; without, they
 * sleep, and the device does not rely on that.
 */
#include <stdio.h>
#include <unistd.h>

#include "bench.h"
#include "proxy.h"
#include "threads.h"
#include "lib/note.h"

#define ROUNDS	200

static void park_by_module(void *arg, unsigned long times)
{
	proxy_install(arg, true);
}

static void park_by_hand(void *arg, unsigned long times)
{
	proxy_install_by_hand(arg, true);
}

static void install_by_module(void *arg, unsigned long times)
{
	proxy_install(arg, false);
}

static void install_by_hand(void *arg, unsigned long times)
{
	proxy_install_by_hand(arg, false);
}

static void use(void *arg)
{
	struct proxy *proxy = arg;

	group_call(&proxy->group);
}

static void sleep_on(unsigned int number)
{
	for (;;)
		pause();
}

enum { MODULE, BY_HAND, PARK_MODULE, PARK_BY_HAND, NR_WAYS };

int main(int argc, char **argv)
{
	static const unsigned int counts[] = { 1, 8, 64, 512 };
	static struct proxy proxy;
	struct bench_way ways[NR_WAYS] = {
		[MODULE] = { "PROXY", use, install_by_module, &proxy },
		[BY_HAND] = { "by hand", use, install_by_hand, &proxy },
		[PARK_MODULE] = { "PROXY, park", use, park_by_module, &proxy },
		[PARK_BY_HAND] = { "by hand, park", use, park_by_hand, &proxy },
	};
	double best[ARRAY_SIZE(counts)][NR_WAYS];
	struct tracer tracer;
	char name[64];

	proxy_make(&proxy);
	bench_begin(argc, argv);
	bench_table_ways("Installing a proxy", ways, NR_WAYS);
	for (unsigned int i = 0; i < ARRAY_SIZE(counts); i++) {
		threads_have(counts[i], sleep_on);
		bench_best(ways, PARK_MODULE, ROUNDS, 1);
		if (counts[i] > 1) {
			tracer_start(&tracer);
			tracer_stop(&tracer);
		}
		bench_best(ways + PARK_MODULE, NR_WAYS - PARK_MODULE, ROUNDS, 1);
		if (counts[i] > 1) {
			tracer_continue(&tracer);
			tracer_end(&tracer);
		}
		snprintf(name, sizeof(name), "%u thread%s", counts[i], i ? "s" : "");
		bench_row_ways(name, ways, NR_WAYS);
		for (unsigned int way = 0; way < NR_WAYS; way++)
			best[i][way] = ways[way].best;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(counts); i++) {
		snprintf(name, sizeof(name), "%u thread%s: PROXY with parking / by hand", counts[i],
			 i ? "s" : "");
		bench_ratio(name, best[i][PARK_MODULE] / best[i][PARK_BY_HAND], 0);
	}
	return bench_end();
}
