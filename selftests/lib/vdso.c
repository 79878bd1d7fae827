// SPDX-License-Identifier: GPL-2.0
/* See vdso.h. */
#include "lib/vdso.h"

#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "lib/memory.h"
#include "lib/note.h"

/* Sizes of all areas of a group, as far as they follow each other. */
struct shape {
	unsigned int nr;
	uint64_t size[VDSO_REMAP_MAX_AREAS];
};

static struct {
	struct shape shape;
	size_t nr_text;
	uint8_t text[T_MAX_TEXT];
} first;	/* what the kernel gave this program */

static bool find_shape(struct shape *shape, struct t_group *group, const struct t_maps *maps)
{
	unsigned int i;

	memset(shape, 0, sizeof(*shape));
	memset(group, 0, sizeof(*group));
	for (i = 0; i < maps->nr; i++) {
		const struct t_vma *vma = &maps->vma[i];

		if (!t_is_special(vma))
			continue;
		if (group->text || shape->nr == VDSO_REMAP_MAX_AREAS ||
		    (shape->nr && group->end != vma->start))
			return false;
		if (!shape->nr)
			group->start = vma->start;
		if (t_is_text(vma))
			group->text = vma->start;
		group->end = vma->end;
		shape->size[shape->nr++] = vma->end - vma->start;
	}
	return group->text;
}

bool t_group_find(struct t_group *group, const struct t_maps *maps)
{
	struct shape shape;
	unsigned int i;

	if (find_shape(&shape, group, maps) && !memcmp(&shape, &first.shape, sizeof(shape)))
		return true;
	t_note("no whole group, or not the one that this program was started with:");
	for (i = 0; i < maps->nr; i++) {
		if (t_is_special(&maps->vma[i]))
			t_note_vma("special:", &maps->vma[i]);
	}
	return false;
}

unsigned int t_group_areas(const uint64_t **sizes)
{
	*sizes = first.shape.size;
	return first.shape.nr;
}

uint64_t t_text_addr(const struct vdso_remap_info *info)
{
	return info->areas[info->nr_areas - 1].start;
}

const uint8_t *t_vdso_image(size_t *size)
{
	*size = first.nr_text;
	return first.text;
}

uint32_t t_entry_point_of(const uint8_t *image, size_t size, const char *name)
{
	const ElfW(Ehdr) *ehdr = (const void *)image;
	const ElfW(Shdr) *shdr = (const void *)(image + ehdr->e_shoff);
	unsigned int i;

	if (ehdr->e_shoff + ehdr->e_shnum * sizeof(*shdr) > size)
		return 0;
	for (i = 0; i < ehdr->e_shnum; i++) {
		const ElfW(Sym) *sym = (const void *)(image + shdr[i].sh_offset);
		const char *names = (const char *)image + shdr[shdr[i].sh_link].sh_offset;
		size_t nr = shdr[i].sh_size / sizeof(*sym);

		for (; shdr[i].sh_type == SHT_DYNSYM && nr; nr--, sym++) {
			if (sym->st_shndx && !strcmp(names + sym->st_name, name))
				return sym->st_value;
		}
	}
	return 0;
}

uint32_t t_entry_point(const char *name)
{
	return t_entry_point_of(first.text, first.nr_text, name);
}

uint64_t t_group_hole_with_room(uint64_t room)
{
	uint64_t size = 0, text = 0;
	unsigned int i;

	for (i = 0; i < first.shape.nr; i++) {
		text = size;
		size += first.shape.size[i];
	}
	return t_hole(room + size + room) + room + text;
}

uint64_t t_group_hole(void)
{
	return t_group_hole_with_room(0);
}

/* Before a test can move anything; no test may begin without it. */
static void __attribute__((constructor)) learn_first(void)
{
	static struct t_maps maps;
	struct t_group group;

	if (!t_maps_read(&maps, 0) || !find_shape(&first.shape, &group, &maps) ||
	    group.text != getauxval(AT_SYSINFO_EHDR) || group.end - group.text > T_MAX_TEXT) {
		t_note("this program was started without a vDSO that the tests understand");
		exit(1);
	}
	first.nr_text = group.end - group.text;
	memcpy(first.text, (const void *)group.text, first.nr_text);
}
