// SPDX-License-Identifier: MIT
/* Decides what is done with each thread of a process that must be outside of the vDSO. */
#include <errno.h>
#include <sys/ptrace.h>

#include "internal.h"
#include "syscall.h"

/* Not every <sys/ptrace.h> has it */
#define SUSPEND_SECCOMP	(1U << 21)

/* What the threads are brought out of. */
struct eviction {
	const struct vdso_remap_evict_args *args;
	/* the runtime vDSO's text; the image's, if proxied */
	struct vdso_remap_range ranges[2];
	unsigned int nr_ranges;
	/* parsed, if it is a proxied 32-bit process: its calls return there */
	struct vdso_remap_image image;
};

static int set_options(int32_t tid, uint32_t options)
{
	return sys_ptrace(PTRACE_SETOPTIONS, tid, 0, (void *)(unsigned long)options);
}

/* Whether a thread of a proxied process is in the runtime vDSO. */
static bool is_left_out(const struct eviction *eviction, int32_t tid)
{
	struct vdso_regs regs;
	enum vdso_abi abi;

	return eviction->nr_ranges == 2 && vrl_read_regs(tid, &regs, &abi) >= 0 &&
	       vrl_is_inside(vdso_regs_get(&regs, VDSO_REG_IP), eviction->ranges, 1);
}

/* Inside, or lost if what a checkpoint leaves out is where it is. */
static void give_up(const struct eviction *eviction, struct vdso_remap_thread *thread, int err)
{
	thread->error = err;
	thread->state = is_left_out(eviction, thread->tid) ? VDSO_REMAP_THREAD_LOST :
							     VDSO_REMAP_THREAD_INSIDE;
}

/* 32-bit code makes all of its system calls in the vDSO, where an image keeps them. */
static void stay_at_syscall(const struct eviction *eviction, struct vdso_remap_thread *thread)
{
	int ret = 0;

	if (eviction->image.text)
		ret = vdso_remap_evict_syscall(thread->tid, eviction->ranges, &eviction->image,
					       eviction->ranges[1].start);
	else if (is_left_out(eviction, thread->tid))	/* its vDSO looks like another ABI's */
		ret = -EUCLEAN;
	if (ret < 0)
		give_up(eviction, thread, ret);
	else
		thread->state = VDSO_REMAP_THREAD_AT_SYSCALL;
}

/* Whether code of an ABI makes all of its system calls in the vDSO. */
static bool calls_in_vdso(enum vdso_abi abi)
{
	unsigned int size;

	return vdso_call_return(abi, &size);
}

static bool thread_calls_in_vdso(int32_t tid)
{
	struct vdso_regs regs;
	enum vdso_abi abi;

	return vrl_read_regs(tid, &regs, &abi) >= 0 && calls_in_vdso(abi);
}

/* Whether an ABI of this ELF machine does so: of a process only the machine is known. */
static bool machine_calls_in_vdso(uint32_t machine)
{
	unsigned int abi;

	for (abi = 1; abi < VDSO_NR_ABIS; abi++)
		if (vdso_abi_row(abi)->machine == machine && calls_in_vdso(abi))
			return true;
	return false;
}

static void find_handlers(const struct eviction *eviction, struct vdso_remap_thread *thread)
{
	int ret = vdso_remap_find_handlers(thread->tid, eviction->ranges, eviction->nr_ranges,
					   thread->handlers, VDSO_REMAP_MAX_HANDLERS);

	if (ret < 0)
		thread->handlers_error = ret;
	else
		thread->nr_handlers = ret;
}

/* Returns -EINTR, or 0: then the thread's state says what became of it. */
static int evict_thread(const struct eviction *eviction, struct vdso_remap_thread *thread)
{
	int ret = vdso_remap_evict(thread->tid, eviction->ranges, eviction->nr_ranges,
				   eviction->args->max_steps);

	if (ret == -EINTR)
		return ret;
	if (ret >= 0) {
		thread->state = VDSO_REMAP_THREAD_OUTSIDE;
		thread->nr_steps = ret;
	} else if (ret == -EOPNOTSUPP && thread_calls_in_vdso(thread->tid)) {
		stay_at_syscall(eviction, thread);
	} else {
		give_up(eviction, thread, ret);
	}
	find_handlers(eviction, thread);
	return 0;
}

/*
 * The steps are instructions of the process, which may be any that it has put there: its
 * seccomp filters go for them, as always, and not for the tracer's own calls only.
 */
static int evict_filtered_thread(const struct eviction *eviction, struct vdso_remap_thread *thread)
{
	uint32_t options = eviction->args->ptrace_options;
	bool filtered = options & SUSPEND_SECCOMP &&
			vrl_thread_status(thread->tid, "Seccomp:") != 0;
	int ret = 0, put_back = 0;

	if (filtered)
		ret = set_options(thread->tid, options & ~SUSPEND_SECCOMP);
	if (ret)
		return ret;
	ret = evict_thread(eviction, thread);
	if (filtered)
		put_back = set_options(thread->tid, options);
	return ret ?: put_back;
}

static int begin_eviction(struct eviction *eviction, const struct vdso_remap_status *status)
{
	if (status->runtime.end)
		eviction->ranges[eviction->nr_ranges++] = status->runtime;
	if (!(status->flags & VDSO_REMAP_STATUS_PROXIED))
		return 0;
	eviction->ranges[eviction->nr_ranges++] = status->image;
	if (!machine_calls_in_vdso(status->info.machine) || eviction->nr_ranges < 2)
		return 0;
	return vrl_copy_vdso(&eviction->image, status->pid, status->image.start,
			    status->image.end - status->image.start);
}

public_api int vdso_remap_evict_process(const struct vdso_remap_status *status,
					struct vdso_remap_evict_args *args)
{
	struct eviction eviction = { .args = args, .image = VDSO_REMAP_INIT(eviction.image) };
	struct vdso_remap_thread *thread;
	int nr_inside = 0;
	uint32_t i;
	int ret;

	ret = vrl_check_size(&args->size, sizeof(*args));
	if (!ret)
		ret = vrl_check_size(&status->size, sizeof(*status));
	if (ret)
		return ret;
	for (i = 0; i < args->nr_threads; i++)
		args->threads[i] = (struct vdso_remap_thread){ .tid = args->threads[i].tid };
	ret = begin_eviction(&eviction, status);
	for (i = 0; !ret && i < args->nr_threads; i++) {
		thread = &args->threads[i];
		ret = evict_filtered_thread(&eviction, thread);
		if (thread->state == VDSO_REMAP_THREAD_INSIDE ||
		    thread->state == VDSO_REMAP_THREAD_LOST)
			nr_inside++;
	}
	vrl_drop_copy(&eviction.image);
	return ret ?: nr_inside;
}
