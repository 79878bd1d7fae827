/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Image vDSOs for the tests: another kernel's, a copy of the own one, or built here; and what
 * must be at their sites.
 */
#ifndef _SELFTESTS_LIB_IMAGE_H
#define _SELFTESTS_LIB_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vdso_remap.h>

/* vdso_remap_parse() and _make_plan(), of structures that nobody has begun */
static inline int t_parse(struct vdso_remap_image *image, const void *text, size_t size)
{
	image->size = sizeof(*image);
	return vdso_remap_parse(image, text, size);
}

static inline int t_make_plan(struct vdso_remap_plan *plan, const struct vdso_remap_image *image,
			      const struct vdso_remap_image *runtime, uint32_t flags)
{
	plan->size = sizeof(*plan);
	return vdso_remap_make_plan(plan, image, runtime, flags);
}

/* A built image consists of such slots: slot n returns n. Between them are traps. */
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

#define T_MAX_IMAGES	32

/*
 * Names for t_image_read(), at most T_MAX_IMAGES, the last one is followed by NULL:
 * "own", the running kernel's, and the releases of which there are images of
 * this ABI in $VDSO_IMAGES (in T_IMAGES there), RELEASE.vdso, in their order.
 */
const char *const *t_image_names(void);

/* An image in ordinary memory; ends the test if it can't be read. */
const void *t_image_read(const char *name, size_t *size);

/* A variant of the fixture for each of them; follows FIXTURE(). */
#define T_IMAGE_VARIANTS(fixture)						\
FIXTURE_VARIANT(fixture) {							\
	const char *image;							\
};										\
static void __attribute__((constructor)) add_images_to_##fixture(void)		\
{										\
	static struct __fixture_variant_metadata metadata[T_MAX_IMAGES];	\
	static FIXTURE_VARIANT(fixture) variants[T_MAX_IMAGES];			\
	const char *const *names = t_image_names();				\
										\
	for (unsigned int i = 0; names[i]; i++) {				\
		variants[i].image = names[i];					\
		metadata[i].name = names[i];					\
		metadata[i].data = &variants[i];				\
		__register_fixture_variant(&_##fixture##_fixture_object, &metadata[i]); \
	}									\
}										\
FIXTURE_VARIANT(fixture)

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

#endif /* _SELFTESTS_LIB_IMAGE_H */
