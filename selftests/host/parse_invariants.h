/* SPDX-License-Identifier: MIT */
/*
 * What a caller of vdso_remap_parse() may rely on, whatever the bytes were:
 * for the tests and the fuzzer.
 */
#ifndef _SELFTESTS_HOST_PARSE_INVARIANTS_H
#define _SELFTESTS_HOST_PARSE_INVARIANTS_H

#include <errno.h>
#include <string.h>

#include <vdso_remap.h>

#include "arch/abi.h"

/* The invariant that this result breaks, or "". */
static inline const char *broken_invariant(const struct vdso_remap_image *image)
{
	const struct vdso_remap_entry_point *e = image->entry_points;
	uint64_t start, last = 0;
	uint32_t i;

	if (image->nr_entry_points > VDSO_REMAP_MAX_ENTRY_POINTS)
		return "number of entry points";
	if (image->build_id_size > VDSO_REMAP_BUILD_ID_MAX)
		return "size of the build id";
	if (image->bits != 64 && image->bits != 32)
		return "bits";
	for (i = 0; i < image->nr_entry_points; i++) {
		start = vdso_abi_code(image->abi, e[i].off);
		if (!e[i].room || start >= image->text_size ||
		    e[i].room > image->text_size - start)
			return "room within the image";
		if (!e[i].name[0] || strnlen(e[i].name, VDSO_REMAP_NAME_MAX) == VDSO_REMAP_NAME_MAX)
			return "name";
		if (i && e[i].off < e[i - 1].off)
			return "order";
		if (i && start != last && last + e[i - 1].room > start)
			return "disjoint rooms";
		if (i && start == last && e[i].room != e[i - 1].room)
			return "same room of aliases";
		last = start;
	}
	return "";
}

static inline bool is_documented(int ret)
{
	return ret == 0 || ret == -ENOEXEC || ret == -EALREADY || ret == -EOPNOTSUPP ||
	       ret == -ENOSYS || ret == -EOVERFLOW;
}

#endif /* _SELFTESTS_HOST_PARSE_INVARIANTS_H */
