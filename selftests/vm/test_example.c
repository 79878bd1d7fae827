// SPDX-License-Identifier: GPL-2.0
/* The README's example, compiled and run as a restore tool would use it. */
#include <stdbool.h>

#include "example.h"	/* cut out of README.md */

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#define DATA	0x20000000UL
#define TEXT	0x20080000UL

typedef int (*clock_fn)(clockid_t clock, struct timespec *ts);

/* Maps an image file where a checkpoint might have had it; its size. */
static size_t map_image(const char *path)
{
	int fd = open(path, O_RDONLY);
	struct stat st = { 0 };
	bool done;

	if (fd < 0 || fstat(fd, &st))
		return 0;
	done = mmap((void *)TEXT, st.st_size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == (void *)TEXT &&
	       read(fd, (void *)TEXT, st.st_size) == st.st_size &&
	       !mprotect((void *)TEXT, st.st_size, PROT_READ | PROT_EXEC);
	close(fd);
	return done ? st.st_size : 0;
}

static clock_fn find_clock(size_t size)
{
	struct vdso_remap_image image = VDSO_REMAP_INIT(image);
	unsigned int i;

	if (vdso_remap_parse(&image, (void *)TEXT, size))
		return NULL;
	for (i = 0; i < image.nr_entry_points; i++) {
		const char *name = image.entry_points[i].name;

		if (!strcmp(name, "__vdso_clock_gettime") ||
		    !strcmp(name, "__kernel_clock_gettime"))
			return (clock_fn)(TEXT + image.entry_points[i].off);
	}
	return NULL;
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec <= b->tv_nsec);
}

static bool works(const char *path)
{
	struct timespec before, now, after;
	size_t size = map_image(path);
	clock_fn clock;

	if (!size || restore_vdso(TEXT, size, DATA, TEXT - DATA))
		return false;
	clock = find_clock(size);
	if (!clock)
		return false;
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &before);
	if (clock(CLOCK_MONOTONIC, &now))
		return false;
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &after);
	return is_before(&before, &now) && is_before(&now, &after);
}

/* usage: test_example IMAGE */
int main(int argc, char **argv)
{
	bool ok = argc == 2 && works(argv[1]);

	/* libc's own idea of the vDSO is out of date: write and leave */
	dprintf(1, "1..1\n%sok 1 the example of README.md restores an image that tells the time\n",
		ok ? "" : "not ");
	_exit(!ok);
}
