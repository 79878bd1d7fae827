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

#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/uio.h>

#include <vdso_remap.h>

#define EVICT_TIMEOUT_S	20

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
		if (!vdso->nr_ranges)	/* of several, if some of its pages were protected */
			ranges[0].start = area->start;
		ranges[0].end = area->start + area->size;
		vdso->nr_ranges = 1;
	}
	if (!vdso->nr_ranges || !status.proxied)
		return 0;
	if (mapping_end(pid, status.image, &end))
		return -1;
	if (!end || end - status.image > VDSO_REMAP_MAX_IMAGE_SIZE)
		return 0;	/* unmapped, or never one: the process can write marks, too */
	ranges[1].start = status.image;
	ranges[1].end = end;
	vdso->nr_ranges = 2;
	if (status.info.machine == EM_386 && read_image(vdso, pid)) {
		pr_warn("The vDSO of %d is marked as if it had a proxy, but has none\n", pid);
		vdso->nr_ranges = 1;
	}
	return 0;
}

/* 0 or 1; complains. */
static int has_seccomp(pid_t tid)
{
	FILE *status = fopen_proc(tid, "status");
	char line[1024];
	int mode = 0;

	if (!status)
		return -1;
	while (fgets(line, sizeof(line), status))
		if (sscanf(line, "Seccomp: %d", &mode) == 1)
			break;
	fclose(status);
	return mode != 0;
}

/* As CRIU has seized it, or without suspending its seccomp filters */
static int set_ptrace_options(pid_t tid, bool suspend_seccomp)
{
	unsigned long options = PTRACE_O_TRACESYSGOOD;

	if (suspend_seccomp)
		options |= PTRACE_O_SUSPEND_SECCOMP;
	if (!ptrace(PTRACE_SETOPTIONS, tid, NULL, options))
		return 0;
	pr_perror("Can't set options of thread %d", tid);
	return -1;
}

static int leave_vdso(pid_t tid, const struct vdso *vdso)
{
	int ret = vdso_remap_evict(tid, vdso->ranges, vdso->nr_ranges, 0);

	if (ret > 0)
		pr_info("Thread %d left the vDSO after %d steps\n", tid, ret);
	if (ret != -EOPNOTSUPP || (vdso->nr_ranges == 2 && !vdso->image.data))
		return ret;
	pr_debug("Thread %d stays in the vDSO, at a system call\n", tid);
	/* of the image: the kernel may return it to the runtime vDSO */
	return vdso->nr_ranges == 2 ?
		vdso_remap_evict_syscall(tid, vdso->ranges, &vdso->image, vdso->ranges[1].start) :
		0;
}

/*
 * These are instructions of the process, which may be any that it has put there:
 * its seccomp filters go for them, as always, and not for CRIU's parasite only.
 */
static int evict_thread(pid_t tid, const struct vdso *vdso)
{
	int filtered = has_seccomp(tid);
	int ret;

	if (filtered < 0 || (filtered && set_ptrace_options(tid, false)))
		return -1;
	ret = leave_vdso(tid, vdso);
	if (filtered && set_ptrace_options(tid, true))
		return -1;
	if (ret >= 0)
		return 0;
	if (vdso->nr_ranges == 1 && ret != -EINTR) {
		pr_warn("Thread %d is inside the vDSO and can't be brought out: %s\n", tid,
			strerror(-ret));
		return 0;
	}
	if (ret == -EINTR)
		pr_err("Thread %d does not leave the vDSO within %d s\n", tid, EVICT_TIMEOUT_S);
	else
		pr_err("Thread %d may be inside the runtime vDSO, which is not dumped, and can't "
		       "be brought out: %s\n", tid, strerror(-ret));
	return -1;
}

/* CRIU has a handler for it, which its own timeouts use before and after. */
static void set_timer(int seconds)
{
	const struct itimerval timer = { { seconds, 0 }, { seconds, 0 } };

	setitimer(ITIMER_REAL, &timer, NULL);
}

static int evict_task(struct pstree_item *item)
{
	struct vdso vdso;
	int ret, i;

	ret = find_vdso(&vdso, item->pid->real);
	for (i = 0; i < item->nr_threads && !ret; i++) {
		set_timer(EVICT_TIMEOUT_S);
		ret = evict_thread(item->threads[i].real, &vdso);
		set_timer(0);
	}
	xfree((void *)vdso.image.data);
	return ret;
}

int vdso_remap_evict_tasks(void)
{
	struct pstree_item *item;
	sigset_t all, old;
	int ret = 0;

	device = open_device();
	if (device < 0)
		return 0;
	/* A thread that is stepped has its signals blocked, and would keep that if we died. */
	sigfillset(&all);
	sigdelset(&all, SIGALRM);
	sigprocmask(SIG_SETMASK, &all, &old);
	for_each_pstree_item(item)
		if (!ret && task_alive(item))
			ret = evict_task(item);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return ret;
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

	if (!text || has_vdso_at(vma_area_list, text))
		return 0;
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
	return 0;
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
