// SPDX-License-Identifier: GPL-2.0
/* Where the tests' image vDSOs come from, and what is to stand in them. */
#include "image.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util.h"

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
	snprintf(path, size, "%s%s", dir, T_MACHINE == EM_386 ? "/i386" : "");
	return path;
}

const char *const *t_image_names(void)
{
	static const char *found[T_MAX_IMAGES + 1] = { "own" };
	struct dirent **entries;
	char dir[4096];
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
	char dir[4096] = "", path[4096 + 256];
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

	memset(bytes, 0xcc, size);
	for (uint32_t slot = 0; slot < size / T_SLOT_SIZE; slot++) {
		uint8_t *at = bytes + slot * T_SLOT_SIZE;

		at[0] = 0xb8;	/* mov $slot, %eax */
		memcpy(at + 1, &slot, 4);
		at[5] = 0xc3;	/* ret */
	}
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
		if (pread(fd, bytes + off, T_PAGE, (uintptr_t)image->addr + off) != T_PAGE)
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

/* What is to stand at a site, written down a second time; returns its length. */
#ifdef __i386__
static const uint8_t landing_pad[] = { 0xf3, 0x0f, 0x1e, 0xfb };	/* endbr32 */

static size_t expect_jump(uint8_t *at, uint64_t site, uint64_t target)
{
	uint32_t dist = target - (site + 5);

	at[0] = 0xe9;				/* jmp target */
	memcpy(at + 1, &dist, 4);
	return 5;
}

static size_t expect_stub(uint8_t *at, uint32_t stub)
{
	static const struct {
		uint32_t nr;
		unsigned int nr_args;
	} calls[] = {
		[VDSO_REMAP_STUB_CLOCK_GETTIME] = { SYS_clock_gettime, 2 },
		[VDSO_REMAP_STUB_CLOCK_GETRES] = { SYS_clock_getres, 2 },
		[VDSO_REMAP_STUB_GETTIMEOFDAY] = { SYS_gettimeofday, 2 },
		[VDSO_REMAP_STUB_TIME] = { SYS_time, 1 },
		[VDSO_REMAP_STUB_GETCPU] = { SYS_getcpu, 3 },
		[VDSO_REMAP_STUB_CLOCK_GETTIME64] = { SYS_clock_gettime64, 2 },
		[VDSO_REMAP_STUB_CLOCK_GETRES_TIME64] = { SYS_clock_getres_time64, 2 },
	};
	/* mov 8(%esp), %ebx; mov 12(%esp), %ecx; mov 16(%esp), %edx */
	static const char args[] = "\x8b\x5c\x24\x08\x8b\x4c\x24\x0c\x8b\x54\x24\x10";
	uint8_t *to = at;

	*to++ = 0x53;				/* push %ebx */
	memcpy(to, args, 4 * calls[stub].nr_args);
	to += 4 * calls[stub].nr_args;
	*to++ = 0xb8;				/* mov $nr, %eax */
	memcpy(to, &calls[stub].nr, 4);
	memcpy(to + 4, "\xcd\x80\x5b\xc3", 4);	/* int $0x80; pop %ebx; ret */
	return to + 8 - at;
}
#else
static const uint8_t landing_pad[] = { 0xf3, 0x0f, 0x1e, 0xfa };	/* endbr64 */

static size_t expect_jump(uint8_t *at, uint64_t site, uint64_t target)
{
	int64_t dist = target - (site + 5);

	if (dist >= INT32_MIN && dist <= INT32_MAX) {
		at[0] = 0xe9;			/* jmp target */
		memcpy(at + 1, &dist, 4);
		return 5;
	}
	memcpy(at, "\x49\xbb", 2);		/* movabs $target, %r11 */
	memcpy(at + 2, &target, 8);
	memcpy(at + 10, "\x41\xff\xe3", 3);	/* jmp *%r11 */
	return 13;
}

static size_t expect_stub(uint8_t *at, uint32_t stub)
{
	static const uint32_t nr[] = {
		[VDSO_REMAP_STUB_CLOCK_GETTIME] = SYS_clock_gettime,
		[VDSO_REMAP_STUB_CLOCK_GETRES] = SYS_clock_getres,
		[VDSO_REMAP_STUB_GETTIMEOFDAY] = SYS_gettimeofday,
		[VDSO_REMAP_STUB_TIME] = SYS_time,
		[VDSO_REMAP_STUB_GETCPU] = SYS_getcpu,
		[VDSO_REMAP_STUB_GETRANDOM] = SYS_getrandom,
	};
	uint8_t *to = at;

	if (stub == VDSO_REMAP_STUB_GETRANDOM) {
		/* push $-38; pop %rax; inc %r8; jz to the ret */
		memcpy(to, "\x6a\xda\x58\x49\xff\xc0\x74\x07", 8);
		to += 8;
	}
	*to++ = 0xb8;				/* mov $nr, %eax */
	memcpy(to, &nr[stub], 4);
	memcpy(to + 4, "\x0f\x05\xc3", 3);	/* syscall; ret */
	return to + 7 - at;
}
#endif

void t_image_expect(struct t_image *image, const struct vdso_remap_site *sites,
		    unsigned int nr, uint64_t text)
{
	for (unsigned int i = 0; i < nr; i++) {
		uint64_t site = (uintptr_t)image->addr + sites[i].off;
		uint8_t *at = image->expected + sites[i].off;

		if (!memcmp(at, landing_pad, sizeof(landing_pad))) {
			site += sizeof(landing_pad);
			at += sizeof(landing_pad);
		}
		if (sites[i].kind == VDSO_REMAP_SITE_JUMP)
			expect_jump(at, site, text + sites[i].target);
		else
			expect_stub(at, sites[i].target);
	}
}
