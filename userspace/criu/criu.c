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

#include <sys/uio.h>

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

/* What threads of a process are brought out of */
struct vdso {
	/* the runtime vDSO's text; the image's, if proxied */
	struct vdso_remap_range ranges[2];
	unsigned int nr_ranges;
	/* of a proxied 32-bit process; else its data is NULL */
	struct vdso_remap_image image;
};

static int read_image(struct vdso *vdso, pid_t pid)
{
	size_t size = vdso->ranges[1].end - vdso->ranges[1].start;
	struct iovec remote = { (void *)(uintptr_t)vdso->ranges[1].start, size };
	struct iovec local = { xmalloc(size), size };
	int ret;

	if (!local.iov_base)
		return -1;
	if (process_vm_readv(pid, &local, 1, &remote, 1, 0) != size) {
		pr_perror("Can't read the image vDSO of %d", pid);
		xfree(local.iov_base);
		return -1;
	}
	ret = vdso_remap_parse(&vdso->image, local.iov_base, size);
	if (ret) {
		pr_err("The image vDSO of %d is none: %s\n", pid, strerror(-ret));
		xfree(local.iov_base);
		return -1;
	}
	return 0;
}

static int find_vdso(struct vdso *vdso, pid_t pid)
{
	struct vdso_remap_range *ranges = vdso->ranges;
	const struct vdso_remap_area *area;
	struct vdso_remap_status status;
	unsigned long end;
	uint32_t i;
	int ret;

	memset(vdso, 0, sizeof(*vdso));
	ret = vdso_remap_query(device, pid, &status);
	if (ret) {
		pr_err("Can't ask vdso-remap about %d: %s\n", pid, strerror(-ret));
		return -1;
	}
	for (i = 0; i < status.info.nr_areas; i++) {
		area = &status.info.areas[i];
		if (area->kind != VDSO_REMAP_AREA_TEXT)
			continue;
		ranges[0].start = area->start;
		ranges[0].end = area->start + area->size;
		vdso->nr_ranges = 1;
	}
	if (!status.proxied)
		return 0;
	if (mapping_end(pid, status.image, &end))
		return -1;
	if (!end || end - status.image > VDSO_REMAP_MAX_IMAGE_SIZE)
		return 0;	/* unmapped, or never one: the process can write marks, too */
	ranges[1].start = status.image;
	ranges[1].end = end;
	vdso->nr_ranges = 2;
	return status.info.machine == EM_386 ? read_image(vdso, pid) : 0;
}

static void evict_thread(pid_t tid, const struct vdso *vdso)
{
	int ret = vdso_remap_evict(tid, vdso->ranges, vdso->nr_ranges, 0);

	if (ret > 0)
		pr_info("Thread %d left the vDSO after %d steps\n", tid, ret);
	if (ret == -EOPNOTSUPP) {
		pr_debug("Thread %d stays in the vDSO, at a 32-bit system call\n", tid);
		/* of the image: the kernel may return it to the runtime vDSO */
		ret = 0;
		if (vdso->image.data)
			ret = vdso_remap_evict_syscall(tid, vdso->ranges, &vdso->image,
						       vdso->ranges[1].start);
	}
	if (ret < 0)
		pr_warn("Thread %d is inside the vDSO and can't be brought out: %s\n", tid,
			strerror(-ret));
}

static int evict_task(struct pstree_item *item)
{
	struct vdso vdso;
	int i;

	if (find_vdso(&vdso, item->pid->real))
		return -1;
	for (i = 0; i < item->nr_threads; i++)
		evict_thread(item->threads[i].real, &vdso);
	xfree((void *)vdso.image.data);
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

int vdso_remap_get_device(int *fd)
{
	*fd = -1;
	if (device_id < 0)
		return 0;
	*fd = fdstore_get(device_id);
	return *fd < 0 ? -1 : 0;
}
