// SPDX-License-Identifier: GPL-2.0
/* A vDSO that goes to and fro; see group.h. */
#include "group.h"

#include <sys/mman.h>
#include <time.h>

#include "arch/test.h"
#include "bench.h"
#include "lib/maps.h"
#include "lib/vdso.h"

void group_learn(struct group *group)
{
	static struct t_maps maps;
	struct t_group whole;

	if (!t_maps_read(&maps, 0) || !t_group_find(&whole, &maps))
		bench_die("no vDSO");
	*group = (struct group){ .text = whole.text, .place = { t_group_hole(), t_group_hole() } };
	for (unsigned int i = 0; i < maps.nr; i++) {
		const struct t_vma *vma = &maps.vma[i];

		if (t_is_special(vma))
			group->area[group->nr++] = (struct group_area){
				.start = vma->start - whole.text,
				.size = vma->end - vma->start,
			};
	}
	group_mremap(group, group->place[0]);
}

uint64_t group_elsewhere(const struct group *group)
{
	return group->place[group->text == group->place[0]];
}

void group_mremap(struct group *group, uint64_t text)
{
	for (unsigned int i = 0; i < group->nr; i++) {
		const struct group_area *area = &group->area[i];
		void *to = (void *)(text + area->start);

		if (mremap((void *)(group->text + area->start), area->size, area->size,
			   MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
			bench_die("mremap");
	}
	group->text = text;
}

void group_call(const struct group *group)
{
	static uint32_t entry_point;
	struct timespec now;

	if (!entry_point)
		entry_point = t_entry_point(T_VDSO "clock_gettime");
	t_call(group->text + entry_point, CLOCK_MONOTONIC, (long)&now);
}
