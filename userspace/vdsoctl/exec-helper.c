// SPDX-License-Identifier: MIT
/* vdsoctl exec: the helper, which gives a program another kernel's vDSO before it starts. */
#include "exec.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Until execve() has succeeded the process does what it likes; exits with it. */
static void wait_for_exec(pid_t pid)
{
	enum __ptrace_request request = PTRACE_CONT;
	int status, sig;

	for (;;) {
		if (waitpid(pid, &status, __WALL) < 0 || !WIFSTOPPED(status))
			exit(STATUS_OK);	/* execve() failed, and it said so */
		request = PTRACE_CONT;
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
			break;	/* a signal: pass it on */
		}
		ptrace(request, pid, 0, sig);
	}
}

/* Is this a program that the image is for? Complains. */
static int check_program(const struct exec_job *job, const struct vdso_remap_status *status)
{
	const struct vdso_remap_info *info = &status->info;

	if (!(info->state & VDSO_REMAP_STATE_PRESENT))
		return group_complain(-ENOENT, "can't give the program an image", job->pid, 0);
	if (info->machine != EM_X86_64)
		return complain("the program is not a 64-bit x86 one: 'exec' can't run it");
	if (!image_same_build_id(&job->runtime, info))
		return complain("the program has another runtime vDSO than vdsoctl has: is it an "
				"x32 program?");
	return 0;
}

/* Complains. */
static int map_in_program(struct injection *in, uint64_t insn, uint64_t addr, uint64_t size,
			  int prot, const char *what)
{
	const uint64_t args[6] = {
		addr, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0
	};
	int64_t ret = inject_syscall(in, insn, SYS_mmap, args);

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

/*
 * The image's text, and zeros where the data areas were: what the generic vDSO
 * code takes for "no clock here, make the system call". Complains.
 */
static int put_image(const struct exec_job *job, struct injection *in, uint64_t insn,
		     const struct vdso_remap_info *old)
{
	uint64_t text = group_text(old)->start;
	uint32_t i;
	int ret;

	for (i = 0; i < old->nr_areas; i++) {
		if (old->areas[i].kind == VDSO_REMAP_AREA_DATA &&
		    map_in_program(in, insn, old->areas[i].start, old->areas[i].size, PROT_READ,
				   "the image's data pages"))
			return -1;
	}
	if (map_in_program(in, insn, text, job->image.size, PROT_READ | PROT_EXEC, "the image"))
		return -1;
	ret = process_write(job->pid, text, job->image.data, job->image.size);
	if (ret)
		return complain("can't write the image into the program: %s", strerror(-ret));
	return 0;
}

/* Where the runtime vDSO goes, 0 if nowhere; complains. */
static uint64_t choose_park_addr(const struct exec_job *job, const struct vdso_remap_info *info)
{
	struct vdso_remap_range avoid = group_span(info);
	uint64_t image_end = group_text(info)->start + job->image.size;
	struct maps maps;
	uint64_t addr;
	int ret;

	if (avoid.end < image_end)
		avoid.end = image_end;
	ret = maps_read(&maps, job->pid);
	if (ret) {
		complain("can't read /proc/%d/maps: %s", job->pid, strerror(-ret));
		return 0;
	}
	addr = group_find_hole(job->pid, &maps, info, &avoid);
	maps_free(&maps);
	if (!addr)
		complain("no room for the runtime vDSO within 2 GiB of 0x%" PRIx64 " in the "
			 "program", (uint64_t)avoid.start);
	return addr;
}

/* Complains. */
static int install(const struct exec_job *job, const struct vdso_remap_info *old)
{
	const struct vdso_remap_area *first = &old->areas[0];
	struct vdso_remap_proxy proxy = {
		.size = sizeof(proxy),
		.flags = VDSO_REMAP_PROXY_MARK,
		.pid = job->pid,
		.nr_sites = job->plan.nr_sites,
		.sites = (uintptr_t)job->plan.sites,
		.image = group_text(old)->start,
		.image_size = job->image.size,
		.image_data = first->kind == VDSO_REMAP_AREA_DATA ? first->start : 0,
	};

	if (!ioctl(job->fd, VDSO_REMAP_PROXY, &proxy))
		return 0;
	return group_complain(-errno, "can't make the image a proxy", job->pid, proxy.busy_tid);
}

/* The offset of a syscall instruction in the runtime vDSO, 0 if there is none. */
static size_t find_syscall(const struct vdso_remap_image *runtime)
{
	const char *insn = memmem(runtime->data, runtime->size, "\x0f\x05", 2);

	return insn ? insn - (const char *)runtime->data : 0;
}

/* Complains. */
static int change_program(const struct exec_job *job, struct injection *in)
{
	size_t insn_off = find_syscall(&job->runtime);
	struct vdso_remap_status status;
	uint64_t park;
	int ret;

	ret = group_query(job->fd, job->pid, &status);
	if (ret)
		return group_complain(ret, "can't look at the vDSO", job->pid, 0);
	if (check_program(job, &status))
		return -1;
	if (!insn_off)
		return complain("the runtime vDSO holds no syscall instruction to borrow");
	park = choose_park_addr(job, &status.info);
	if (!park || group_move(job->fd, job->pid, park, 0) ||
	    put_image(job, in, park + insn_off, &status.info))
		return -1;
	return install(job, &status.info);
}

void exec_help(const struct exec_job *job)
{
	struct injection in;
	int ret;

	wait_for_exec(job->pid);
	ret = inject_begin(&in, job->pid);
	if (in.gone)
		exit(STATUS_OK);
	if (ret) {
		complain("can't hold the program: %s", strerror(-ret));
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
		complain("can't let the program go: %s", strerror(-ret));
		kill(job->pid, SIGKILL);
	}
	exit(ret ? STATUS_EXEC_FAILED : STATUS_OK);
}
