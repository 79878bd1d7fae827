// SPDX-License-Identifier: MIT
/*
 * What CRIU itself does about vDSOs, at a dump and before a restore:
 * criu/vdso-remap.c in CRIU's tree. CRIU's own way is compiled in, unchanged.
 */
#define parasite_fixup_vdso stock_parasite_fixup_vdso
#include "vdso.c"
#undef parasite_fixup_vdso

#include "fdstore.h"
#include "pstree.h"
#include "vdso-remap.h"

#include <vdso_remap.h>

/* Of a dump: the device. */
static int device = -1;
/* Of a restore: the device, in the store that all tasks can reach. */
static int device_id = -1;

static int open_device(void)
{
	int fd = vdso_remap_open();

	if (fd < 0)
		pr_warn("%s: %s. Is vdso_remap loaded? Doing as CRIU does without it\n",
			VDSO_REMAP_DEVICE, strerror(-fd));
	return fd;
}

/* Where the mapping that starts there ends; 0 if there is none. */
static int mapping_end(pid_t pid, unsigned long start, unsigned long *end)
{
	unsigned long from, to;
	char line[1024];
	FILE *maps;

	*end = 0;
	maps = fopen_proc(pid, "maps");
	if (!maps)
		return -1;
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2 && from == start)
			*end = to;
	fclose(maps);
	return 0;
}

/* The text of the runtime vDSO and, if the process is proxied, the image's */
static int find_ranges(pid_t pid, struct vdso_remap_range *ranges, unsigned int *nr_ranges)
{
	struct vdso_remap_status status;
	const struct vdso_remap_area *area;
	unsigned long end;
	uint32_t i;
	int ret;

	*nr_ranges = 0;
	ret = vdso_remap_query(device, pid, &status);
	if (ret) {
		pr_err("Can't ask vdso-remap about %d: %s\n", pid, strerror(-ret));
		return -1;
	}
	for (i = 0; i < status.info.nr_areas; i++) {
		area = &status.info.areas[i];
		if (area->kind != VDSO_REMAP_AREA_TEXT)
			continue;
		ranges[*nr_ranges].start = area->start;
		ranges[(*nr_ranges)++].end = area->start + area->size;
	}
	if (!status.proxied)
		return 0;
	if (mapping_end(pid, status.image, &end))
		return -1;
	ranges[*nr_ranges].start = status.image;
	ranges[(*nr_ranges)++].end = end;
	return 0;
}

static int evict_task(struct pstree_item *item)
{
	struct vdso_remap_range ranges[VDSO_REMAP_MAX_AREAS + 1];
	unsigned int nr_ranges;
	int ret, i;

	if (find_ranges(item->pid->real, ranges, &nr_ranges))
		return -1;
	for (i = 0; i < item->nr_threads; i++) {
		pid_t tid = item->threads[i].real;

		ret = vdso_remap_evict(tid, ranges, nr_ranges, 0);
		if (ret > 0)
			pr_info("Thread %d left the vDSO after %d steps\n", tid, ret);
		else if (ret == -EOPNOTSUPP)
			pr_debug("Thread %d stays in the vDSO, as 32-bit ones in a system call do\n",
				 tid);
		else if (ret < 0)
			pr_warn("Thread %d is inside the vDSO and can't be brought out: %s\n", tid,
				strerror(-ret));
	}
	return 0;
}

int vdso_remap_evict_tasks(void)
{
	struct pstree_item *item;

	device = open_device();
	if (device < 0)
		return 0;
	for_each_pstree_item(item)
		if (task_alive(item) && evict_task(item))
			return -1;
	return 0;
}

/*
 * Memory that the kernel may drop at any time (VmFlags "dp") has the state of vDSO
 * getrandom, which must not come back: two processes would get the same random
 * bytes. CRIU 4.1 does not see that flag, 4.2 can't restore it on kernels that do
 * not know it. What both restore, and what our restorer drops: private memory
 * that is not to be inherited.
 */
static int mark_random_state(pid_t pid, struct vm_area_list *vma_area_list)
{
	struct vma_area *vma;
	unsigned long start = 0, from, to;
	char line[1024];
	FILE *smaps;

	smaps = fopen_proc(pid, "smaps");
	if (!smaps)
		return -1;
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			start = from;
		if (strncmp(line, "VmFlags:", 8) || !strstr(line, " dp"))
			continue;
		list_for_each_entry(vma, &vma_area_list->h, list) {
			if (vma->e->start != start)
				continue;
			pr_info("The random state at %lx will not be restored\n", start);
			vma->e->flags &= ~VDSO_REMAP_MAP_DROPPABLE;
			vma->e->flags |= MAP_PRIVATE;
			vma->e->madv |= 1ULL << VDSO_REMAP_MADV_WIPEONFORK;
			vma->e->has_madv = true;
		}
	}
	fclose(smaps);
	return 0;
}

static bool has_vdso_at(struct vm_area_list *vma_area_list, u64 start)
{
	struct vma_area *vma;

	list_for_each_entry(vma, &vma_area_list->h, list)
		if (vma->e->start == start)
			return true;
	return false;
}

/*
 * CRIU drops the runtime vDSO of a proxied process, and one mapping of its data
 * pages; kernels from 6.13 on have two.
 */
int parasite_fixup_vdso(struct parasite_ctl *ctl, pid_t pid, struct vm_area_list *vma_area_list)
{
	struct vma_area *vma, *next;
	u64 data[VDSO_REMAP_MAX_AREAS], text = 0;
	size_t nr_data = 0, i;
	int ret;

	/* what the kernel calls so */
	list_for_each_entry(vma, &vma_area_list->h, list) {
		if (vma_area_is(vma, VMA_AREA_VDSO))
			text = vma->e->start;
		else if (vma_area_is(vma, VMA_AREA_VVAR) && nr_data < ARRAY_SIZE(data))
			data[nr_data++] = vma->e->start;
	}

	ret = stock_parasite_fixup_vdso(ctl, pid, vma_area_list);
	if (ret || device < 0)
		return ret;

	if (text && !has_vdso_at(vma_area_list, text)) {
		list_for_each_entry_safe(vma, next, &vma_area_list->h, list) {
			for (i = 0; i < nr_data && data[i] != vma->e->start; i++)
				;
			if (i == nr_data)
				continue;
			pr_debug("Dropping more data pages of the marked vdso at %lx\n",
				 (unsigned long)vma->e->start);
			list_del(&vma->list);
			xfree(vma);
			vma_area_list->nr--;
		}
	}
	return mark_random_state(pid, vma_area_list);
}

int vdso_remap_init_restore(void)
{
	int fd = open_device();

	if (fd < 0)
		return 0;
	device_id = fdstore_add(fd);
	close(fd);
	return device_id < 0 ? -1 : 0;
}

int vdso_remap_task_fd(void)
{
	return device_id < 0 ? -1 : fdstore_get(device_id);
}
