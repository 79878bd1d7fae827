// SPDX-License-Identifier: GPL-2.0
/* See image.h. */
#include "lib/image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/test.h"
#include "lib/memory.h"
#include "lib/note.h"
#include "lib/vdso.h"

static void *die(const char *what, const char *name)
{
	t_note("%s %s: %s", what, name, strerror(errno));
	exit(1);
}

static void *xmalloc(size_t size)
{
	void *bytes = malloc(size);

	return bytes ?: die("no memory for", "an image");
}

static int is_image(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && !strcmp(dot, ".vdso");
}

static const char *const own[] = { "own", NULL };

/* Where those of this ABI are. */
static const char *image_dir(char *path, size_t size)
{
	const char *dir = getenv("VDSO_IMAGES");

	if (!dir)
		return NULL;
	snprintf(path, size, "%s%s", dir, T_IMAGES);
	return path;
}

const char *const *t_image_names(void)
{
	static const char *found[T_MAX_IMAGES + 1] = { "own" };
	struct dirent **entries;
	char dir[PATH_MAX];
	int nr;

	if (!image_dir(dir, sizeof(dir)))
		return own;
	nr = scandir(dir, &entries, is_image, versionsort);
	if (nr < 0)
		return die("cannot read", dir);
	for (int i = 0; i < nr && i < T_MAX_IMAGES - 1; i++) {
		*strrchr(entries[i]->d_name, '.') = 0;
		found[i + 1] = entries[i]->d_name;
	}
	return found;
}

const void *t_image_read(const char *name, size_t *size)
{
	char dir[PATH_MAX] = "", path[PATH_MAX + 256];
	struct stat st;
	void *bytes;
	int fd;

	if (!strcmp(name, own[0]))
		return t_vdso_image(size);
	image_dir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/%s.vdso", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return die("cannot open", path);
	bytes = xmalloc(st.st_size);
	if (!st.st_size || read(fd, bytes, st.st_size) != st.st_size)
		return die("cannot read", path);
	close(fd);
	*size = st.st_size;
	return bytes;
}

void *t_image_build(size_t size)
{
	uint8_t *bytes = xmalloc(size);

	t_fill_with_traps(bytes, size);
	for (uint32_t slot = 0; slot < size / T_SLOT_SIZE; slot++)
		t_write_slot(bytes + slot * T_SLOT_SIZE, slot);
	return bytes;
}

bool t_image_map(struct t_image *image, uint64_t addr, const void *bytes, size_t size)
{
	void *mem = mmap((void *)addr, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (mem != (void *)addr)
		return false;
	memcpy(mem, bytes, size);
	*image = (struct t_image){
		.addr = mem,
		.size = size,
		.pristine = memcpy(xmalloc(size), bytes, size),
		.expected = memcpy(xmalloc(size), bytes, size),
		.now = xmalloc(size),
	};
	return !mprotect(mem, size, PROT_READ | PROT_EXEC);
}

void t_image_snapshot(const struct t_image *image, uint8_t *bytes)
{
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);

	for (size_t off = 0; off < image->size; off += T_PAGE) {
		ssize_t size = pread(fd, bytes + off, T_PAGE, (uintptr_t)image->addr + off);

		if (size != (ssize_t)T_PAGE)
			memset(bytes + off, 0xee, T_PAGE);
	}
	close(fd);
}

bool t_image_is_expected(const struct t_image *image)
{
	size_t off = 0;

	t_image_snapshot(image, image->now);
	while (off < image->size && image->now[off] == image->expected[off])
		off++;
	if (off < image->size)
		t_note("image byte %#zx is %02x, not %02x", off, image->now[off],
		       image->expected[off]);
	return off == image->size;
}

void t_image_expect(struct t_image *image, const struct vdso_remap_site *sites,
		    unsigned int nr, uint64_t text)
{
	for (unsigned int i = 0; i < nr; i++) {
		uint64_t site = (uintptr_t)image->addr + sites[i].off;
		uint8_t *at = image->expected + T_CODE(sites[i].off);
		size_t pad = t_expect_landing_pad(at);

		site += pad;
		at += pad;
		if (sites[i].kind == VDSO_REMAP_SITE_JUMP)
			t_expect_jump(at, site, text + sites[i].target);
		else
			t_expect_stub(at, site, sites[i].target);
	}
}
