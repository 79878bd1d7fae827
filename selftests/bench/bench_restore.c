// SPDX-License-Identifier: GPL-2.0
/*
 * The library's restore as a whole: what it takes, and what a process holds
 * afterwards. In place, and proxied under each other kernel's image.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vdso_remap.h>

#include "bench.h"
#include "arch/test.h"
#include "lib/image.h"
#include "lib/maps.h"
#include "lib/memory.h"

#define ROUNDS		20
#define DATA_SIZE	(4 * T_PAGE)

static struct vdso_remap_error error = VDSO_REMAP_INIT(error);
static struct vdso_remap_restore_args request = VDSO_REMAP_INIT(request, .error = &error);

static bool restore(void *arg)
{
	char text[256];

	if (!vdso_remap_restore(&request))
		return true;
	vdso_remap_error_text(&error, text, sizeof(text));
	fprintf(stderr, "the library says: %s\n", text);
	return false;
}

/* As a checkpoint's memory is: written, then made executable. */
static void map_image(const char *name)
{
	static struct t_image image;
	size_t size;
	const void *bytes = t_image_read(name, &size);

	if (image.addr)
		munmap(image.addr, image.size);
	if (!t_image_map(&image, T_IMAGE_ADDR, bytes, size))
		bench_die("no memory for the image");
	request.image = (uintptr_t)image.addr;
	request.image_size = size;
	request.image_data = T_IMAGE_ADDR - DATA_SIZE;
	request.image_data_size = DATA_SIZE;
}

/**
 * struct held - what a process holds
 * @anonymous: memory of its own, in KiB
 * @tables: page tables, in KiB
 * @mappings: how many
 */
struct held {
	double anonymous;
	double tables;
	double mappings;
};

static double field_of(const char *file, const char *field)
{
	char line[256];
	double sum = 0;
	FILE *from = fopen(file, "r");
	size_t len = strlen(field);

	while (from && fgets(line, sizeof(line), from)) {
		if (!strncmp(line, field, len))
			sum += atof(line + len);
	}
	if (from)
		fclose(from);
	return sum;
}

/* The image's part, and the runtime vDSO's: nothing else is touched in between. */
static void hold(struct held *held)
{
	static struct t_maps maps;

	t_maps_read(&maps, 0);
	held->mappings = maps.nr;
	held->tables = field_of("/proc/self/status", "VmPTE:");
	held->anonymous = field_of("/proc/self/smaps", "Anonymous:");
}

struct result {
	double ns;
	struct held before;
	struct held after;
};

static _Noreturn void restore_and_tell(int to)
{
	struct result result;
	struct held warm_up;
	uint64_t begin;

	hold(&warm_up);
	hold(&result.before);
	begin = bench_now();
	if (!restore(NULL))
		_exit(1);
	result.ns = bench_now() - begin;
	hold(&result.after);
	_exit(write(to, &result, sizeof(result)) != sizeof(result));
}

static struct result restore_in_child(void)
{
	struct result result;
	int fds[2];

	fflush(NULL);
	if (pipe(fds))
		bench_die("pipe");
	if (!fork())
		restore_and_tell(fds[1]);
	if (read(fds[0], &result, sizeof(result)) != sizeof(result))
		bench_die("no result");
	wait(NULL);
	close(fds[0]);
	close(fds[1]);
	return result;
}

enum { SYSTEM_CALLS, INSTRUCTIONS, TIME, ANONYMOUS, TABLES, MAPPINGS, NR_COLUMNS };

static const char *const columns[NR_COLUMNS + 1] = {
	"system calls", "instructions", "1000 x clock", "memory, KiB", "tables, KiB", "mappings",
	NULL
};

static void measure(const char *name, double *values)
{
	struct bench_steps steps;
	struct result result;

	map_image(name);
	if (!bench_step(&steps, restore, NULL))
		bench_die(name);
	values[SYSTEM_CALLS] = steps.system_calls;
	values[INSTRUCTIONS] = steps.instructions;
	values[TIME] = INFINITY;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		result = restore_in_child();
		values[TIME] = fmin(values[TIME], result.ns / 1e3);
	}
	values[ANONYMOUS] = result.after.anonymous - result.before.anonymous;
	values[TABLES] = result.after.tables - result.before.tables;
	values[MAPPINGS] = result.after.mappings - result.before.mappings;
}

int main(int argc, char **argv)
{
	const char *const *names = t_image_names();
	double values[NR_COLUMNS], in_place[NR_COLUMNS] = { 0 }, worst = 0, memory = 0;

	request.fd = vdso_remap_open();
	if (request.fd < 0)
		bench_die("the device");
	bench_begin(argc, argv);
	bench_table("vdso_remap_restore()", "the last three: what a process has more", columns);
	for (unsigned int i = 0; names[i]; i++) {
		char row[64];

		measure(names[i], values);
		snprintf(row, sizeof(row), "%s", i ? names[i] : "in place");
		bench_row(row, values);
		if (!i) {
			memcpy(in_place, values, sizeof(in_place));
			continue;
		}
		worst = fmax(worst, values[SYSTEM_CALLS]);
		memory = fmax(memory, values[ANONYMOUS]);
	}
	bench_ratio("in place: system calls", in_place[SYSTEM_CALLS], 6);
	bench_ratio("proxied: system calls, at most", worst, 12);
	bench_ratio("proxied: memory added, in pages (the marked one)", memory * 1024 / T_PAGE, 1);
	return bench_end();
}
