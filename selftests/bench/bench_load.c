// SPDX-License-Identifier: GPL-2.0
/* How long it takes to load and unload the module, $VDSO_REMAP_MODULE. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

#define ROUNDS	10

static int module;

static void load(void *arg, unsigned long times)
{
	if (syscall(SYS_finit_module, module, "", 0))
		bench_die("finit_module");
}

static void unload(void *arg, unsigned long times)
{
	if (syscall(SYS_delete_module, "vdso_remap", O_NONBLOCK))
		bench_die("delete_module");
}

int main(int argc, char **argv)
{
	struct bench_way ways[] = {
		{ .name = "unload", .run = unload },
		{ .name = "load", .run = load },
	};

	module = open(getenv("VDSO_REMAP_MODULE") ?: "", O_RDONLY | O_CLOEXEC);
	if (module < 0)
		bench_die("VDSO_REMAP_MODULE");
	bench_begin(argc, argv);
	bench_table_ways("The module", ways, 2);
	bench_best(ways, 2, ROUNDS, 1);
	bench_row_ways("vdso_remap.ko", ways, 2);
	return bench_end();
}
