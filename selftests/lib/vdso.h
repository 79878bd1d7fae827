/* SPDX-License-Identifier: GPL-2.0 */
/* The vDSO that the kernel gave this program, and the group that it is a part of. */
#ifndef _SELFTESTS_LIB_VDSO_H
#define _SELFTESTS_LIB_VDSO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/vdso_remap.h>

#include "lib/memory.h"
#include "lib/maps.h"

#define T_MAX_TEXT	T_PAGE_MAX

/**
 * struct t_group - a whole group: its areas leave no gap, the text is the last
 * @start: of the lowest data area
 * @text: of the text area
 * @end: of the text area, exclusive
 */
struct t_group {
	uint64_t start;
	uint64_t text;
	uint64_t end;
};

/* False unless there is one, of the shape that the kernel gave this program. */
bool t_group_find(struct t_group *group, const struct t_maps *maps);

/* Sizes of the areas of a group that the kernel gave this program, from the lowest. */
unsigned int t_group_areas(const uint64_t **sizes);

/* Where a whole group has its text. The kernel's own pointer, info.vdso, may say otherwise. */
uint64_t t_text_addr(const struct vdso_remap_info *info);

/* The text of this program's vDSO as the kernel gave it to it. */
const uint8_t *t_vdso_image(size_t *size);
/* Offset of an entry point in it, or in any other vDSO of the same ABI; 0: none. */
uint32_t t_entry_point(const char *name);
uint32_t t_entry_point_of(const uint8_t *image, size_t size, const char *name);

/* The text address of a group that would fit such a hole, with room on both sides. */
uint64_t t_group_hole_with_room(uint64_t room);
uint64_t t_group_hole(void);

#endif /* _SELFTESTS_LIB_VDSO_H */
