// SPDX-License-Identifier: MIT
/*
 * What CRIU's restorer blob does about the vDSO of the process that it becomes:
 * criu/pie/vdso-remap.c in CRIU's tree. All memory is restored when
 * vdso_proxify() is called, threads are not yet; their registers wait in signal
 * frames.
 *
 * CRIU's own way is compiled in, unchanged, for when there is no module.
 */
#define vdso_proxify stock_vdso_proxify
#include "parasite-vdso.c"
#undef vdso_proxify

#include "prctl.h"
#include "restorer.h"
#include "vdso-remap.h"

#include <vdso_remap.h>

#include "arch/criu.h"

/* The vDSO that the process remembers, as its image says. */
struct remembered {
	unsigned long text, text_size;
	unsigned long data, data_size;
};

static void find_remembered(struct remembered *vdso, const VmaEntry *vmas, size_t nr_vmas)
{
	size_t i;

	memset(vdso, 0, sizeof(*vdso));
	for (i = 0; i < nr_vmas; i++) {
		if (!vma_entry_is(&vmas[i], VMA_AREA_VDSO))
			continue;
		vdso->text = vmas[i].start;
		vdso->text_size = vma_entry_len(&vmas[i]);
	}

	/*
	 * Data pages are in one or two mappings (from 6.13 on), side by side and
	 * below the text if nobody moved them. An image that CRIU alone dumped may
	 * have some more, of a runtime vDSO, elsewhere.
	 */
	for (i = 0; i < nr_vmas; i++) {
		if (!vma_entry_is(&vmas[i], VMA_AREA_VVAR))
			continue;
		if (vdso->data && vmas[i].start == vdso->data + vdso->data_size) {
			vdso->data_size += vma_entry_len(&vmas[i]);
			continue;
		}
		if (vdso->data && (vmas[i].start > vdso->text ||
				   vdso->data + vdso->data_size == vdso->text))
			break;
		vdso->data = vmas[i].start;
		vdso->data_size = vma_entry_len(&vmas[i]);
	}
}

static int forget_random_state(const VmaEntry *vmas, size_t nr_vmas)
{
	unsigned long ret;
	size_t i;

	for (i = 0; i < nr_vmas; i++) {
		void *start = (void *)(uintptr_t)vmas[i].start;

		if (!vdso_remap_is_random_state(&vmas[i]))
			continue;
		pr_info("vdso-remap: the random state at %lx is a new one\n",
			(unsigned long)vmas[i].start);
		/* as it was, if this kernel knows that kind of mapping */
		ret = sys_mmap(start, vma_entry_len(&vmas[i]), vmas[i].prot,
			       VDSO_REMAP_MAP_DROPPABLE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		if (ret == vmas[i].start)
			continue;
		ret = sys_madvise(vmas[i].start, vma_entry_len(&vmas[i]), MADV_DONTNEED);
		if (ret) {
			pr_err("Can't drop the random state at %lx: %ld\n",
			       (unsigned long)vmas[i].start, (long)ret);
			return -1;
		}
	}
	return 0;
}

/* A copy of text and data pages, as they were before the text was changed */
struct copy {
	unsigned long start, size;
	unsigned long text;
};

static unsigned long thread_ip(const struct thread_restore_args *thread)
{
	return arch_criu_frame_ip((const void *)&thread->mz->rt_sigframe);
}

/*
 * Threads that were dumped inside the vDSO, by a CRIU that does not bring them
 * out, go on in the copy: no thread may come upon the bytes of a jump. The data
 * pages there are zeros, as they are in the image.
 */
static int make_copy(struct copy *copy, const struct remembered *vdso, bool compat)
{
	unsigned long ret;

	copy->size = vdso->data_size + vdso->text_size;
	copy->start = sys_mmap(NULL, copy->size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | (compat ? ARCH_CRIU_MAP_LOW : 0),
			       -1, 0);
	if (copy->start > -4096UL) {
		pr_err("No memory for a copy of the vDSO: %ld\n", (long)copy->start);
		return -1;
	}
	copy->text = copy->start + vdso->data_size;
	memcpy((void *)copy->text, (void *)vdso->text, vdso->text_size);
	ret = sys_mprotect((void *)copy->start, vdso->data_size, PROT_READ);
	if (!ret)
		ret = sys_mprotect((void *)copy->text, vdso->text_size, PROT_READ | PROT_EXEC);
	if (ret) {
		pr_err("Can't protect a copy of the vDSO: %ld\n", (long)ret);
		return -1;
	}
	return 0;
}

static bool is_in_flight(const struct thread_restore_args *thread, const struct remembered *vdso,
			 const struct vdso_remap_image *image)
{
	return vdso_remap_resume(image, thread_ip(thread) - vdso->text) ==
	       VDSO_REMAP_RESUME_IN_COPY;
}

/* Names the threads in flight, and makes the copy if there are any. */
static int find_in_flight(struct task_restore_args *args, const struct remembered *vdso,
			  const struct vdso_remap_image *image, struct copy *copy)
{
	unsigned long ip;
	int i;

	memset(copy, 0, sizeof(*copy));
	for (i = 0; i < args->nr_threads; i++) {
		if (!is_in_flight(&args->thread_args[i], vdso, image))
			continue;
		ip = thread_ip(&args->thread_args[i]);
		pr_warn("Thread %d was dumped inside the vDSO, at %lx (offset %lx): what it asked for "
			"may be answered wrongly, once\n", args->thread_args[i].pid, ip,
			ip - vdso->text);
		if (!copy->size && make_copy(copy, vdso, args->compatible_mode))
			return -1;
	}
	return 0;
}

static void redirect_in_flight(struct task_restore_args *args, const struct remembered *vdso,
			       const struct vdso_remap_image *image, const struct copy *copy)
{
	int i;

	for (i = 0; i < args->nr_threads; i++)
		if (is_in_flight(&args->thread_args[i], vdso, image))
			arch_criu_set_frame_ip((void *)&args->thread_args[i].mz->rt_sigframe,
					       thread_ip(&args->thread_args[i]) - vdso->text +
					       copy->text);
}

static int restore_vdso(struct task_restore_args *args, const struct remembered *vdso,
			bool force_proxy)
{
	struct vdso_remap_error error = VDSO_REMAP_INIT(error);
	struct vdso_remap_restore_args restore = {
		.size = sizeof(restore),
		.fd = args->vdso_remap_fd,
		.flags = force_proxy ? VDSO_REMAP_FORCE_PROXY : 0,
		.image = vdso->text,
		.image_size = vdso->text_size,
		.image_data = vdso->data,
		.image_data_size = vdso->data_size,
		.error = &error,
	};
	struct vdso_maps *rt = &args->vdso_maps_rt;
	struct vdso_remap_image image = VDSO_REMAP_INIT(image);
	struct copy copy;
	int ret;

	ret = vdso_remap_parse(&image, (void *)vdso->text, vdso->text_size);
	if (ret) {
		pr_err("What is at %lx is no vDSO: %d\n", vdso->text, ret);
		return -1;
	}
	if (find_in_flight(args, vdso, &image, &copy))
		return -1;

	std_log_set_gettimeofday(NULL);	/* which will not be there for a moment */
	ret = vdso_remap_restore(&restore);
	if (ret == -EEXIST && !force_proxy) {
		/* Its data pages were elsewhere: something else is where they would go. */
		restore.flags |= VDSO_REMAP_FORCE_PROXY;
		ret = vdso_remap_restore(&restore);
	}
	if (ret) {
		pr_err("vdso-remap can't restore the vDSO at %lx: %d, stage %u %s\n", vdso->text,
		       ret, error.stage, error.entry_point);
		return -1;
	}
	rt->vdso_start = restore.runtime;
	vdso_update_gtod_addr(rt);

	if (restore.outcome == VDSO_REMAP_PROXIED) {
		pr_info("vdso-remap: the vDSO at %lx is a proxy of %lx\n", vdso->text,
			rt->vdso_start);
		if (copy.size)
			redirect_in_flight(args, vdso, &image, &copy);
	} else {
		pr_info("vdso-remap: the runtime vDSO was moved to %lx\n", rt->vdso_start);
		if (copy.size)
			sys_munmap((void *)copy.start, copy.size);
	}
	return 0;
}

/*
 * Of the auxiliary vector, which CRIU sets after this, a kernel has room for all entries that it
 * knows itself. New ones come last: they are left out if need be.
 */
static void fit_auxv(struct task_restore_args *args)
{
	unsigned int nr;

	for (;;) {
		nr = args->mm_saved_auxv_size / sizeof(args->mm_saved_auxv[0]);
		if (nr < 4 || sys_prctl(PR_SET_MM, PR_SET_MM_AUXV,
					(unsigned long)args->mm_saved_auxv,
					args->mm_saved_auxv_size, 0) != -EINVAL)
			return;
		args->mm_saved_auxv[nr - 4] = 0;
		args->mm_saved_auxv[nr - 3] = 0;
		args->mm_saved_auxv_size -= 2 * sizeof(args->mm_saved_auxv[0]);
	}
}

int vdso_proxify(struct vdso_maps *rt, bool *added_proxy, VmaEntry *vmas, size_t nr_vmas,
		 bool compat_vdso, bool force_trampolines)
{
	struct task_restore_args *args = container_of(rt, struct task_restore_args, vdso_maps_rt);
	struct remembered vdso;
	int ret = -1;

	/* Of CRIU's restorer area nothing stays: a proxied vDSO is parked elsewhere. */
	*added_proxy = false;
	fit_auxv(args);
	if (forget_random_state(vmas, nr_vmas))
		goto out;
	if (args->vdso_remap_fd < 0)
		return stock_vdso_proxify(rt, added_proxy, vmas, nr_vmas, compat_vdso,
					  force_trampolines);

	find_remembered(&vdso, vmas, nr_vmas);
	if (vdso.text)
		ret = restore_vdso(args, &vdso, force_trampolines);
	else	/* CRIU has its words for this */
		ret = stock_vdso_proxify(rt, added_proxy, vmas, nr_vmas, compat_vdso,
					 force_trampolines);
out:
	if (args->vdso_remap_fd >= 0)
		sys_close(args->vdso_remap_fd);
	return ret;
}
