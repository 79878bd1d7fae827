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

#include <vdso_remap.h>

#define EVICT_TIMEOUT_S	20

/* Of a dump: the device. */
static int device = -1;
/* Of a restore: the device, in the store that all tasks can reach. */
static int device_id = -1;

static const char *error_text(const struct vdso_remap_error *error)
{
	static char text[512];

	vdso_remap_error_text(error, text, sizeof(text));
	return text;
}

static int open_device(void)
{
	struct vdso_remap_error error = VDSO_REMAP_INIT(error, .stage = VDSO_REMAP_STAGE_MODULE);
	int fd = vdso_remap_open();

	error.error = fd;
	if (fd < 0)
		pr_warn("%s. Doing as CRIU does without vdso-remap\n", error_text(&error));
	return fd;
}

static bool is_in(uint64_t addr, const struct vdso_remap_range *range)
{
	return addr >= range->start && addr < range->end;
}

/* Warns of a thread that will return into the vDSO when the process is restored. */
static void warn_of_handlers(const struct vdso_remap_status *status,
			     const struct vdso_remap_thread *thread)
{
	bool proxied = status->flags & VDSO_REMAP_STATUS_PROXIED, is_lost;
	uint32_t i;

	if (thread->handlers_error)
		pr_warn("Can't see whether thread %d is in a signal handler: %s\n", thread->tid,
			strerror(-thread->handlers_error));
	for (i = 0; i < thread->nr_handlers; i++) {
		is_lost = proxied && is_in(thread->handlers[i].addr, &status->runtime);
		if (thread->handlers[i].at_syscall && !is_lost)	/* an image keeps that */
			continue;
		pr_warn("Thread %d is in a signal handler that will return into the vDSO, to %lx: "
			"%s\n", thread->tid, (unsigned long)thread->handlers[i].addr,
			is_lost ? "that is the runtime vDSO, which is not dumped" :
				  "on another kernel it may get wrong results there, or crash");
	}
}

/* What became of a thread. Returns -1 if the process can't be dumped so. */
static int judge_thread(const struct vdso_remap_status *status,
			const struct vdso_remap_thread *thread)
{
	struct vdso_remap_error error = VDSO_REMAP_INIT(error, .error = thread->error,
							.stage = VDSO_REMAP_STAGE_THREADS,
							.pid = status->pid, .tid = thread->tid);

	warn_of_handlers(status, thread);
	switch (thread->state) {
	case VDSO_REMAP_THREAD_OUTSIDE:
		if (thread->nr_steps)
			pr_info("Thread %d left the vDSO after %u steps\n", thread->tid,
				thread->nr_steps);
		return 0;
	case VDSO_REMAP_THREAD_AT_SYSCALL:
		pr_debug("Thread %d stays in the vDSO, at a system call\n", thread->tid);
		return 0;
	case VDSO_REMAP_THREAD_INSIDE:
		pr_warn("%s. Restored on another kernel, it may get wrong results, or crash\n",
			error_text(&error));
		return 0;
	default:
		pr_err("%s. It is in the runtime vDSO, which is not dumped\n", error_text(&error));
		return -1;
	}
}

/* CRIU has a handler for it, which its own timeouts use before and after. */
static void set_timer(int seconds)
{
	const struct itimerval timer = { { seconds, 0 }, { seconds, 0 } };

	setitimer(ITIMER_REAL, &timer, NULL);
}

static int evict_task(struct pstree_item *item)
{
	struct vdso_remap_error error = VDSO_REMAP_INIT(error, .stage = VDSO_REMAP_STAGE_QUERY);
	struct vdso_remap_evict_args args = VDSO_REMAP_INIT(args,
		.ptrace_options = PTRACE_O_TRACESYSGOOD | PTRACE_O_SUSPEND_SECCOMP,
		.nr_threads = item->nr_threads);
	struct vdso_remap_status status = VDSO_REMAP_INIT(status);
	int ret, i;

	error.pid = item->pid->real;
	error.error = vdso_remap_query(device, error.pid, &status);
	if (error.error) {
		pr_err("%s\n", error_text(&error));
		return -1;
	}
	args.threads = xzalloc(item->nr_threads * sizeof(*args.threads));
	if (!args.threads)
		return -1;
	for (i = 0; i < item->nr_threads; i++)
		args.threads[i].tid = item->threads[i].real;
	set_timer(EVICT_TIMEOUT_S);
	ret = vdso_remap_evict_process(&status, &args);
	set_timer(0);
	if (ret == -EINTR)
		pr_err("The threads of %d do not leave the vDSO within %d s\n", error.pid,
		       EVICT_TIMEOUT_S);
	else if (ret < 0)
		pr_err("Can't bring the threads of %d out of the vDSO: %s\n", error.pid,
		       strerror(-ret));
	ret = ret < 0 ? -1 : 0;
	for (i = 0; i < item->nr_threads && !ret; i++)
		ret = judge_thread(&status, &args.threads[i]);
	xfree(args.threads);
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
