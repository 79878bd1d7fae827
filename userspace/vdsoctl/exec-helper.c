// SPDX-License-Identifier: MIT
/* vdsoctl exec: the helper, which gives a program another kernel's vDSO before it starts. */
#include "exec.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/regs.h"

/*
 * Until execve() has succeeded the process does what it likes; exits with it. It stops at each
 * system call: some kernels tell of the end of execve() only if they have told of its begin.
 */
static void wait_for_exec(pid_t pid)
{
	enum __ptrace_request request;
	int status, sig;

	for (;;) {
		if (waitpid(pid, &status, __WALL) < 0 || !WIFSTOPPED(status))
			exit(STATUS_OK);	/* execve() failed, and it said so */
		request = PTRACE_SYSCALL;
		sig = WSTOPSIG(status);
		switch (status >> 16) {
		case PTRACE_EVENT_EXEC:
			return;
		case PTRACE_EVENT_STOP:
			if (sig != SIGTRAP)
				request = PTRACE_LISTEN;	/* stopped by someone: stay so */
			sig = 0;
			break;
		default:
			if (sig == SYSCALL_STOP)
				sig = 0;
			break;	/* a signal: pass it on */
		}
		ptrace(request, pid, 0, sig);
	}
}

/* Is this a program that the image is for? Complains. */
static int check_program(const struct exec_job *job, const struct vdso_remap_status *status)
{
	struct vdso_remap_error error = VDSO_REMAP_INIT(error, .stage = VDSO_REMAP_STAGE_QUERY,
							.error = -ENOENT, .pid = job->pid);
	struct vdso_remap_image runtime;

	if (!status->runtime.end)
		return group_complain(&error, "can't give the program an image");
	if (image_from_process(&runtime, job->pid, &status->runtime))
		return -1;
	if (runtime.abi != job->image.abi)
		return complain("the image is an %s vDSO, but the program is an %s one: give it an "
				"image of its own ABI, from 'vdsoctl dump-image --machine'",
				vdso_remap_abi_name(job->image.abi),
				vdso_remap_abi_name(runtime.abi));
	if (runtime.build_id_size != job->runtime.build_id_size ||
	    memcmp(runtime.build_id, job->runtime.build_id, runtime.build_id_size))
		return complain("the program has another runtime vDSO than the kernel has given "
				"others. Has a debugger written into one of them? Try without it");
	return 0;
}

/* Complains. */
static int map_in_program(struct injection *in, uint64_t insn, uint64_t addr, uint64_t size,
			  int prot, const char *what)
{
	const __u64 args[VDSO_NR_ARGS] = {
		addr, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0
	};
	int64_t ret = inject_syscall(in, insn, VDSO_CALL_MMAP, args);

	if (in->gone)
		return -1;	/* killed: nobody is left to be told */
	if (ret == (int64_t)addr)
		return 0;
	if (ret == -EEXIST)
		return complain("no room for %s at 0x%" PRIx64 " in the program: something else "
				"is mapped there. Try again, with address randomization on", what,
				addr);
	return complain("can't map %s at 0x%" PRIx64 " in the program: %s", what, addr,
			strerror(-ret));
}

/* What a change of the program takes, so that its steps need not be told. */
struct change {
	const struct exec_job *job;
	struct injection *in;
	struct vdso_remap_status before;
	struct vdso_remap_range data;	/* where the image's data pages belong */
	uint64_t text;			/* where the image goes */
	uint64_t park;			/* where the runtime vDSO goes */
};

/*
 * The image goes where the runtime vDSO was, so that the program's auxiliary
 * vector holds. If it is larger, and something stands behind that, or the addresses of
 * the ABI end, then it ends there, over what were data areas. Complains.
 */
static int choose_image_addr(struct change *c)
{
	const struct vdso_remap_range *group = &c->before.group;
	uint64_t text = c->before.runtime.start, size = c->job->image.text_size;
	uint64_t addr_end = (uint64_t)vdso_abi_row(c->job->image.abi)->addr_end << 16;
	struct maps maps;
	size_t i;
	int ret;

	ret = maps_read(&maps, c->job->pid);
	if (ret)
		return complain("can't read /proc/%d/maps: %s", c->job->pid, strerror(-ret));
	c->text = text;
	if (text + size > group->end && text + size > addr_end)
		c->text = group->end - size;
	for (i = 0; i < maps.nr; i++)
		if (maps.items[i].start >= group->end && maps.items[i].start < c->text + size)
			c->text = group->end - size;
	maps_free(&maps);
	if (c->text < group->start || size > group->end)
		return complain("no room for the image at 0x%" PRIx64 " in the program: something "
				"else is mapped behind it. Try again, with address randomization "
				"on", text);
	c->data = (struct vdso_remap_range){
		group->start, c->text < text ? c->text : text
	};
	return 0;
}

/* Complains. */
static int choose_park_addr(struct change *c)
{
	struct vdso_remap_error error = VDSO_REMAP_INIT(error, .stage = VDSO_REMAP_STAGE_PLACE,
							.pid = c->job->pid);
	struct vdso_remap_range avoid = c->before.group;

	if (avoid.end < c->text + c->job->image.text_size)
		avoid.end = c->text + c->job->image.text_size;
	error.error = vdso_remap_find_place(&c->before, &avoid, &c->park);
	return error.error ? group_complain(&error, "can't give the program an image") : 0;
}

/*
 * The image's text, and zeros for its data: what the generic vDSO code takes
 * for "no clock here, make the system call". Complains.
 */
static int put_image(const struct change *c, uint64_t insn)
{
	const struct vdso_remap_image *image = &c->job->image;
	uint64_t data_size = c->data.end - c->data.start;
	int ret;

	if (data_size && map_in_program(c->in, insn, c->data.start, data_size, PROT_READ,
					"the image's data pages"))
		return -1;
	if (map_in_program(c->in, insn, c->text, image->text_size, PROT_READ | PROT_EXEC,
			   "the image"))
		return -1;
	ret = process_write(c->job->pid, c->text, image->text, image->text_size);
	if (ret)
		return complain("can't write the image into the program: %s", strerror(-ret));
	return 0;
}

/* Where a vDSO at addr has its entry point of this name, 0 if it has none. */
static uint64_t find_entry_point(const struct vdso_remap_image *image, uint64_t addr,
				 const char *name)
{
	uint32_t i;

	for (i = 0; i < image->nr_entry_points; i++)
		if (!strcmp(image->entry_points[i].name, name))
			return addr + image->entry_points[i].off;
	return 0;
}

/* Complains. */
static int tell_program(const struct change *c, uint64_t insn)
{
	uint64_t before = c->before.runtime.start;
	struct auxv_vdso old = {
		.text = before,
		.vsyscall = find_entry_point(&c->job->runtime, before, VDSO_CALL_RETURN_SYMBOL),
	};
	struct auxv_vdso new = {
		.text = c->text,
		.vsyscall = find_entry_point(&c->job->image, c->text, VDSO_CALL_RETURN_SYMBOL),
	};

	if (old.vsyscall && !new.vsyscall)
		return complain("the image has no " VDSO_CALL_RETURN_SYMBOL ", which the program "
				"needs for its system calls. Take one with 'vdsoctl dump-image "
				"--machine %s'", vdso_remap_abi_name(c->job->image.abi));
	return auxv_replace(c->in, insn, &old, &new);
}

/* Complains. */
static int install(const struct change *c)
{
	const struct exec_job *job = c->job;
	struct vdso_remap_error error = VDSO_REMAP_INIT(error);
	struct vdso_remap_restore_args args = VDSO_REMAP_INIT(args,
		.flags = job->flags | VDSO_REMAP_FORCE_PROXY, .fd = job->fd, .pid = job->pid,
		.image = c->text, .image_size = job->image.text_size,
		.park_addr = VDSO_REMAP_PARK_NOT, .error = &error);

	if (c->data.start < c->data.end) {
		args.image_data = c->data.start;
		args.image_data_size = c->data.end - c->data.start;
	}
	if (vdso_remap_restore(&args))
		return group_complain(&error, "can't make the image a proxy");
	return 0;
}

/* Complains. */
static int change_program(const struct exec_job *job, struct injection *in)
{
	uint64_t insn_off = inject_find_insn(in, job->runtime.text, job->runtime.text_size);
	struct change c = { .job = job, .in = in };
	uint64_t insn;

	if (group_look(job->fd, job->pid, &c.before) || check_program(job, &c.before))
		return -1;
	if (job->plan.outcome == VDSO_REMAP_IN_PLACE)
		return 0;
	if (!insn_off)
		return complain("the runtime vDSO holds no system call instruction to borrow: "
				"under this kernel programs can't be given an image");
	if (choose_image_addr(&c) || choose_park_addr(&c) ||
	    group_move(job->fd, job->pid, c.park,
		       job->flags & VDSO_REMAP_UNSEAL ? VDSO_REMAP_MOVE_UNSEAL : 0))
		return -1;
	insn = c.park + insn_off;
	if (put_image(&c, insn) || tell_program(&c, insn))
		return -1;
	return install(&c);
}

void exec_help(const struct exec_job *job)
{
	struct injection in;
	int ret;

	wait_for_exec(job->pid);
	ret = inject_begin(&in, job->pid, job->image.abi);
	if (in.gone)
		exit(STATUS_OK);
	if (ret) {
		complain("can't hold the program: %s. Was it killed? Try again", strerror(-ret));
		kill(job->pid, SIGKILL);
		exit(STATUS_EXEC_FAILED);
	}
	if (change_program(job, &in)) {
		if (!in.gone)
			inject_exit(&in, STATUS_EXEC_FAILED);
		exit(STATUS_EXEC_FAILED);
	}
	ret = inject_end(&in);
	if (ret && ret != -ESRCH) {	/* ESRCH: it was killed meanwhile */
		complain("can't let the program go: %s. It gets killed: try again", strerror(-ret));
		kill(job->pid, SIGKILL);
	}
	exit(ret ? STATUS_EXEC_FAILED : STATUS_OK);
}
