/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Image vDSOs for the tests (another kernel's, a copy of the own one, or built
 * here), what must stand at their sites, and whether they answer truly.
 */
#ifndef _T_IMAGE_H
#define _T_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vdso_remap.h>

/* A built image consists of such slots: slot n is "mov $n, %eax; ret". */
#define T_SLOT_SIZE	32

/**
 * struct t_image - an image vDSO in this process
 * @addr: where it is
 * @size: in bytes, whole pages
 * @pristine: its bytes as they were when it was mapped
 * @expected: what they must be now: @pristine until t_image_expect()
 * @now: room for a snapshot, since malloc() could change the process's maps
 */
struct t_image {
	uint8_t *addr;
	size_t size;
	uint8_t *pristine;
	uint8_t *expected;
	uint8_t *now;
};

/* Whose vDSO: the running kernel's, or of $VDSO_IMAGES/RELEASE.vdso the first or the last. */
enum t_image_kind {
	T_IMAGE_OWN,
	T_IMAGE_OLDEST,
	T_IMAGE_NEWEST,
};

/*
 * An image in ordinary memory. NULL if VDSO_IMAGES is not set; ends the test if
 * there are no two images in it.
 */
const void *t_image_read(enum t_image_kind kind, size_t *size);

/* Bytes for a built image. */
void *t_image_build(size_t size);

/* Maps bytes at a fixed, free address as private, executable memory. */
bool t_image_map(struct t_image *image, uint64_t addr, const void *bytes, size_t size);

/* The same as a copy, whatever its protection is; holes read as 0xee. */
void t_image_snapshot(const struct t_image *image, uint8_t *bytes);

/* The bytes are the expected ones; prints where not. */
bool t_image_is_expected(const struct t_image *image);

/* Changes what is expected: these sites are installed, the group's text is there. */
void t_image_expect(struct t_image *image, const struct vdso_remap_site *sites,
		    unsigned int nr, uint64_t text);

/*
 * Calls every function of the image that has a system call, and compares. Each
 * answer has to lie between those of two system calls, or be the same. Returns
 * how many functions were called, or -1 after printing the first wrong answer.
 */
int t_image_call(const struct vdso_remap_image *parsed, const uint8_t *addr);

/* A system call that returns -errno. */
long t_raw(long nr, long a, long b, long c);

#endif /* _T_IMAGE_H */
