/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A 32-bit process that a 64-bit tracer works on: call_vdso32, which is stopped at its start, or
 * asleep. Where its vDSO has gone it reads in auxv, as any program does, when that was changed
 * before it began.
 */
#ifndef _SELFTESTS_VM_COMPAT32_H
#define _SELFTESTS_VM_COMPAT32_H

#include <elf.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include "arch/test.h"
#include "lib/device.h"
#include "lib/image.h"
#include "lib/maps.h"
#include "lib/memory.h"
#include "lib/note.h"
#include "lib/regs.h"
#include "lib/vdso.h"

#define PLACE		0x40000000U
#define IMAGE		0x60000000U
#define NEAR		0x1000000U

/* System calls of 32 bits; these numbers are the same on all machines that run both. */
enum {
	NR_pause = 29,
	NR_munmap = 91,
	NR_mmap2 = 192,
};

/* The images of these tests are not those of its own ABI. */
static void __attribute__((constructor(101))) use_images_of_32_bits(void)
{
	const char *dir = getenv("VDSO_IMAGES");
	char path[PATH_MAX];

	if (!dir)
		return;
	snprintf(path, sizeof(path), "%s" T32_IMAGES, dir);
	setenv("VDSO_IMAGES", path, 1);
}

static int fd;
static struct t_maps maps;

static inline bool wait_for_stop(pid_t pid, int sig)
{
	int status = 0;

	if (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == sig)
		return true;
	t_note("process %d is not stopped by signal %d: status %x", pid, sig, status);
	return false;
}

/* Starts call_vdso32, seized and stopped before its first instruction. */
static inline pid_t start(const char *mode)
{
	char self[PATH_MAX] = "", path[PATH_MAX + 16];
	int go[2];
	pid_t pid;

	if (pipe2(go, O_CLOEXEC))
		exit(1);
	pid = fork();
	if (!pid) {
		close(go[1]);
		if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0 || read(go[0], path, 1))
			_exit(126);
		snprintf(path, sizeof(path), "%s/call_vdso32", dirname(self));
		execl(path, path, mode, NULL);
		_exit(127);
	}
	/* first when it executes the program, then when that system call is over */
	if (pid < 0 ||
	    ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL) ||
	    close(go[0]) || close(go[1]) || !wait_for_stop(pid, SIGTRAP) ||
	    ptrace(PTRACE_SYSCALL, pid, NULL, NULL) || !wait_for_stop(pid, SIGTRAP))
		exit(1);
	return pid;
}

/* Lets it run to its end, with this signal first; its functions answered truly. */
static inline bool ends_well(pid_t pid, int sig)
{
	int status = 0;

	while (!ptrace(PTRACE_CONT, pid, NULL, sig) && waitpid(pid, &status, __WALL) == pid &&
	       WIFSTOPPED(status) && WSTOPSIG(status) != SIGSEGV)
		sig = WSTOPSIG(status);
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return true;
	t_note("call_vdso32 ends with status %x", status);
	return false;
}

/* In pause() or ppoll(), by their numbers. */
static inline bool is_asleep(pid_t pid)
{
	char path[64];
	int nr = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (fscanf(file, "%d", &nr) != 1)
		nr = -1;
	fclose(file);
	return nr == NR_pause || nr == T32_NR_PPOLL;
}

/*
 * It has got to where it waits and is stopped there. What it sends itself before
 * that stops it, too.
 */
static inline bool falls_asleep(pid_t pid)
{
	int status, sig = 0, tries;

	for (tries = 0; tries < 5000; tries++) {
		ptrace(PTRACE_CONT, pid, NULL, sig);
		sig = 0;
		while (!waitpid(pid, &status, __WALL | WNOHANG)) {
			if (is_asleep(pid))
				return !kill(pid, SIGSTOP) && wait_for_stop(pid, SIGSTOP);
			usleep(1000);
		}
		if (!WIFSTOPPED(status))
			break;
		sig = WSTOPSIG(status);
	}
	t_note("call_vdso32 does not sleep: status %x", status);
	return false;
}

/* Makes it make a system call; what that returns. */
static inline long inject(pid_t pid, unsigned int nr, const __u64 args[VDSO_NR_ARGS])
{
	const struct vdso_call_insn *call;
	struct vdso_regs saved, regs;
	uint8_t code[VDSO_CALL_INSN_MAX];
	uint64_t ip;

	if (!t_get_regs(pid, &saved))
		exit(1);
	ip = vdso_regs_get(&saved, VDSO_REG_IP);
	call = vdso_call_insn(vdso_regs_abi(&saved), vdso_regs_code(&saved));
	if (!t_mem_read(pid, ip, code, call->size) ||
	    !t_mem_write(pid, ip, call->bytes, call->size))
		exit(1);
	regs = saved;
	vdso_regs_set_call(&regs, nr, args);
	/* until the call begins, and until it ends */
	if (!t_set_regs(pid, &regs) ||
	    ptrace(PTRACE_SYSCALL, pid, NULL, NULL) || !wait_for_stop(pid, SIGTRAP) ||
	    ptrace(PTRACE_SYSCALL, pid, NULL, NULL) || !wait_for_stop(pid, SIGTRAP) ||
	    !t_get_regs(pid, &regs) || !t_set_regs(pid, &saved) ||
	    !t_mem_write(pid, ip, code, call->size))
		exit(1);
	return vdso_regs_result(&regs);
}

static inline unsigned int word_at(pid_t pid, uint64_t addr)
{
	unsigned int word = 0;

	if (!t_mem_read(pid, addr, &word, sizeof(word)))
		exit(1);
	return word;
}

/* Changes what it will be told of; it is at its start, with all that on its stack. */
static inline bool set_auxv(pid_t pid, unsigned int type, unsigned int value)
{
	uint64_t at = t_get_reg(pid, VDSO_REG_SP);
	unsigned int found;

	at += 4 + 4 * (word_at(pid, at) + 1);	/* argc, argv */
	while (word_at(pid, at))
		at += 4;	/* environment */
	at += 4;
	for (; (found = word_at(pid, at)) != AT_NULL; at += 8) {
		if (found == type)
			return t_mem_write(pid, at + 4, &value, sizeof(value));
	}
	t_note("no %u in auxv", type);
	return false;
}

/* Offset of the function for system calls; 0: none. */
static inline uint32_t find_call_function(const struct vdso_remap_image *parsed)
{
	for (unsigned int i = 0; i < parsed->nr_entry_points; i++) {
		if (!strcmp(parsed->entry_points[i].name, VDSO_CALL_RETURN_SYMBOL))
			return parsed->entry_points[i].off;
	}
	return 0;
}

static inline bool set_auxv_of(pid_t pid, unsigned int text, const struct vdso_remap_image *parsed)
{
	uint32_t off = find_call_function(parsed);

	return set_auxv(pid, AT_SYSINFO_EHDR, text) &&
	       (!off || set_auxv(pid, AT_SYSINFO, text + off));
}

FIXTURE(compat32)
{
	pid_t pid;
	struct vdso_remap_info info;
	uint8_t text[T_MAX_TEXT];
	size_t size;
	struct vdso_remap_image parsed;
};

/* The group and what is in it; a process has to be stopped for that. */
static inline void learn(struct __test_metadata *_metadata, FIXTURE_DATA(compat32) *self,
			 const char *mode)
{
	const struct vdso_remap_area *text;

	self->pid = start(mode);
	self->info.size = sizeof(self->info);
	self->info.pid = self->pid;
	ASSERT_EQ(0, t_ioctl(fd, VDSO_REMAP_GET_INFO, &self->info));
	ASSERT_LT(1, self->info.nr_areas);
	text = &self->info.areas[self->info.nr_areas - 1];
	self->size = text->size;
	ASSERT_GE(sizeof(self->text), self->size);
	ASSERT_TRUE(t_mem_read(self->pid, text->start, self->text, self->size));
	ASSERT_EQ(0, t_parse(&self->parsed, self->text, self->size));
}

FIXTURE_SETUP(compat32)
{
	fd = t_open();
}

FIXTURE_TEARDOWN(compat32)
{
	kill(self->pid, SIGKILL);
}

static inline int move(FIXTURE_DATA(compat32) *self, uint64_t addr)
{
	struct vdso_remap_move req = { .size = sizeof(req), .pid = self->pid, .addr = addr };
	int ret = t_ioctl(fd, VDSO_REMAP_MOVE, &req);

	if (ret == -EBUSY && req.busy_tid != self->pid)
		t_note("busy is %d, not %d", req.busy_tid, self->pid);
	return ret;
}

/* The text is there, whole, and the same. */
static inline bool has_group_at(FIXTURE_DATA(compat32) *self, uint64_t addr)
{
	struct vdso_remap_info info = { .size = sizeof(info), .pid = self->pid };
	uint8_t text[T_MAX_TEXT];
	const struct t_vma *vma;

	return !t_ioctl(fd, VDSO_REMAP_GET_INFO, &info) && info.vdso == addr &&
	       info.state & VDSO_REMAP_STATE_PRESENT && t_maps_read(&maps, self->pid) &&
	       (vma = t_maps_find(&maps, "[vdso]")) && vma->start == addr &&
	       vma->end - vma->start == self->size &&
	       t_mem_read(self->pid, addr, text, self->size) &&
	       !memcmp(text, self->text, self->size);
}

/* Images */

FIXTURE(compat32_image)
{
	FIXTURE_DATA(compat32) tracee;
	const void *bytes;
	size_t size;
	struct vdso_remap_image parsed;
	struct vdso_remap_plan plan;
	struct vdso_remap_proxy req;
};

T_IMAGE_VARIANTS(compat32_image);

/* The image is in the tracee, as a restore would leave it. */
FIXTURE_SETUP(compat32_image)
{
	__u64 args[VDSO_NR_ARGS] = {
		IMAGE, 0, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1U, 0
	};

	fd = t_open();
	learn(_metadata, &self->tracee, "wait");
	if (strcmp(variant->image, "own")) {
		self->bytes = t_image_read(variant->image, &self->size);
	} else {
		self->bytes = self->tracee.text;
		self->size = self->tracee.size;
	}
	ASSERT_EQ(0, t_parse(&self->parsed, self->bytes, self->size));
	/* else it was taken on a processor whose images don't work here */
	ASSERT_TRUE(t32_image_fits((const uint8_t *)self->bytes +
				   find_call_function(&self->parsed)));
	args[1] = self->size;
	ASSERT_EQ(IMAGE, inject(self->tracee.pid, NR_mmap2, args));
	ASSERT_TRUE(t_mem_write(self->tracee.pid, IMAGE, self->bytes, self->size));
	ASSERT_EQ(0, t_make_plan(&self->plan, &self->parsed, &self->tracee.parsed,
				 VDSO_REMAP_FORCE_PROXY));
	self->req = (struct vdso_remap_proxy){
		.size = sizeof(self->req),
		.pid = self->tracee.pid,
		.nr_sites = self->plan.nr_sites,
		.sites = (uintptr_t)self->plan.sites,
		.image = IMAGE,
		.image_size = self->size,
	};
}

FIXTURE_TEARDOWN(compat32_image)
{
	kill(self->tracee.pid, SIGKILL);
}

#endif /* _SELFTESTS_VM_COMPAT32_H */
