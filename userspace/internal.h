/* SPDX-License-Identifier: MIT */
/*
 * What the library's files know of each other.
 */
#ifndef _VDSO_REMAP_INTERNAL_H
#define _VDSO_REMAP_INTERNAL_H

#include <vdso_remap.h>

#define PAGE_MASK_LOW	0xfffULL	/* set in what is not page aligned */

#define public_api __attribute__((visibility("default")))

/**
 * struct vr_mark - a mark of any version, understood
 * @version: 1 to 3
 * @image: where the image vDSO's text is
 * @image_data: where its data pages are, or VDSO_REMAP_MARK_NO_ADDR
 */
struct vr_mark {
	uint8_t version;
	uint64_t image;
	uint64_t image_data;
};

/* Whether a mark stands at data, and what it says. */
bool vr_read_mark(struct vr_mark *mark, const void *data, size_t size);

/* Asks the device; as for all requests, pid 0 is the caller. */
int vr_get_info(int fd, int32_t pid, struct vdso_remap_info *info);
/* The first one, or NULL. */
const struct vdso_remap_area *vr_text_area(const struct vdso_remap_info *info);

static inline bool vr_str_equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static inline bool vr_str_has_prefix(const char *s, const char *prefix)
{
	while (*prefix && *s == *prefix) {
		s++;
		prefix++;
	}
	return !*prefix;
}

#endif /* _VDSO_REMAP_INTERNAL_H */
