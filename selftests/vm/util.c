// SPDX-License-Identifier: GPL-2.0
/* What the VM tests take for the truth about a process; see util.h. */
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void t_note(const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	dprintf(STDERR_FILENO, "# %s\n", line);
}

bool t_kernel_must_have(const char *what)
{
	const char *has = getenv("KERNEL_HAS") ?: "";
	size_t len = strlen(what);

	for (; *has; has += strcspn(has, " ")) {
		has += strspn(has, " ");
		if (strcspn(has, " ") == len && !memcmp(has, what, len))
			return true;
	}
	return false;
}

int t_open(void)
{
	int fd = open(T_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	t_note(T_DEVICE ": %s; is the module loaded?", strerror(errno));
	exit(1);
}

int t_ioctl(int fd, unsigned long command, void *req)
{
	return ioctl(fd, command, req) < 0 ? -errno : 0;
}

bool t_set_capabilities(uint64_t capabilities)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	if (!syscall(SYS_capget, &header, data)) {
		data[0].effective = data[0].permitted & capabilities;
		data[1].effective = data[1].permitted & (capabilities >> 32);
		if (!syscall(SYS_capset, &header, data))
			return true;
	}
	t_note("capset: %s", strerror(errno));
	return false;
}

long t_move_own(uint64_t addr)
{
	struct vdso_remap_move req = { .size = sizeof(req), .addr = addr };
	int fd = t_open();
	int ret = t_ioctl(fd, VDSO_REMAP_MOVE, &req);

	close(fd);
	return ret;
}

static int open_proc(pid_t pid, const char *name, int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid ?: getpid(), name);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		t_note("%s: %s", path, strerror(errno));
	return fd;
}

/* The size of the file, which is also zero-terminated; -1 if it does not fit. */
static ssize_t read_proc(pid_t pid, const char *name, char *buf, size_t size)
{
	int fd = open_proc(pid, name, O_RDONLY);
	ssize_t ret = 1;
	size_t nr = 0;

	if (fd < 0)
		return -1;
	while (ret > 0 && nr < size - 1) {
		ret = read(fd, buf + nr, size - 1 - nr);
		nr += ret > 0 ? ret : 0;
	}
	close(fd);
	buf[nr] = 0;
	if (!ret)
		return nr;
	t_note("/proc/%d/%s: %s", pid, name, ret < 0 ? strerror(errno) : "too long");
	return -1;
}

bool t_maps_read(struct t_maps *maps, pid_t pid)
{
	static char buf[T_MAX_VMAS * 128];
	char *line = buf, *next;

	maps->nr = 0;
	if (read_proc(pid, "maps", buf, sizeof(buf)) < 0)
		return false;
	for (; *line; line = next) {
		struct t_vma *vma = &maps->vma[maps->nr];

		next = strchr(line, '\n');
		if (!next || maps->nr == T_MAX_VMAS)
			goto odd;
		*next++ = 0;
		memset(vma, 0, sizeof(*vma));
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %11s %" SCNu64
			   " %70[^\n]", &vma->start, &vma->end, vma->perms, &vma->offset, vma->dev,
			   &vma->inode, vma->name) < 6)
			goto odd;
		maps->nr++;
	}
	return true;

odd:
	t_note("/proc/%d/maps: more than %d lines, or not understood: %s", pid, T_MAX_VMAS, line);
	return false;
}

static void note_vma(const char *what, const struct t_vma *vma)
{
	t_note("%s %" PRIx64 "-%" PRIx64 " %s %" PRIx64 " %s %" PRIu64 " %s", what, vma->start,
	       vma->end, vma->perms, vma->offset, vma->dev, vma->inode, vma->name);
}

bool t_maps_equal(const struct t_maps *want, const struct t_maps *have)
{
	unsigned int w = 0, h = 0;
	bool equal = true;

	while (w < want->nr || h < have->nr) {
		const struct t_vma *wanted = &want->vma[w], *found = &have->vma[h];

		if (w < want->nr && h < have->nr && !memcmp(wanted, found, sizeof(*wanted))) {
			w++;
			h++;
			continue;
		}
		equal = false;
		if (h == have->nr || (w < want->nr && wanted->start <= found->start)) {
			note_vma("not there:", wanted);
			w++;
		} else {
			note_vma("not wanted:", found);
			h++;
		}
	}
	return equal;
}

const struct t_vma *t_maps_find(const struct t_maps *maps, const char *name)
{
	unsigned int i;

	for (i = 0; i < maps->nr; i++) {
		if (!strcmp(maps->vma[i].name, name))
			return &maps->vma[i];
	}
	return NULL;
}

static bool is_text(const struct t_vma *vma)
{
	return !strcmp(vma->name, "[vdso]");
}

bool t_is_special(const struct t_vma *vma)
{
	return is_text(vma) || !strcmp(vma->name, "[vvar]") ||
	       !strcmp(vma->name, "[vvar_vclock]");
}

bool t_is_free(const struct t_maps *maps, uint64_t start, uint64_t end)
{
	unsigned int i;

	for (i = 0; i < maps->nr; i++) {
		if (maps->vma[i].start < end && maps->vma[i].end > start)
			return false;
	}
	return true;
}

/* Sizes of all areas of a group, as far as they follow each other. */
struct shape {
	unsigned int nr;
	uint64_t size[VDSO_REMAP_MAX_AREAS];
};

static struct {
	struct shape shape;
	size_t nr_text;
	uint8_t text[T_MAX_TEXT];
} first;	/* what the kernel gave this program */

static bool find_shape(struct shape *shape, struct t_group *group, const struct t_maps *maps)
{
	unsigned int i;

	memset(shape, 0, sizeof(*shape));
	memset(group, 0, sizeof(*group));
	for (i = 0; i < maps->nr; i++) {
		const struct t_vma *vma = &maps->vma[i];

		if (!t_is_special(vma))
			continue;
		if (group->text || shape->nr == VDSO_REMAP_MAX_AREAS ||
		    (shape->nr && group->end != vma->start))
			return false;
		if (!shape->nr)
			group->start = vma->start;
		if (is_text(vma))
			group->text = vma->start;
		group->end = vma->end;
		shape->size[shape->nr++] = vma->end - vma->start;
	}
	return group->text;
}

bool t_group_find(struct t_group *group, const struct t_maps *maps)
{
	struct shape shape;
	unsigned int i;

	if (find_shape(&shape, group, maps) && !memcmp(&shape, &first.shape, sizeof(shape)))
		return true;
	t_note("no whole group, or not the one that this program was started with:");
	for (i = 0; i < maps->nr; i++) {
		if (t_is_special(&maps->vma[i]))
			note_vma("special:", &maps->vma[i]);
	}
	return false;
}

static bool at_mem(pid_t pid, uint64_t addr, void *buf, size_t size, bool write)
{
	int fd = open_proc(pid, "mem", write ? O_WRONLY : O_RDONLY);
	ssize_t ret;

	if (fd < 0)
		return false;
	ret = write ? pwrite(fd, buf, size, addr) : pread(fd, buf, size, addr);
	if (ret != (ssize_t)size)
		t_note("/proc/%d/mem at %" PRIx64 ": %s", pid, addr,
		       ret < 0 ? strerror(errno) : "short");
	close(fd);
	return ret == (ssize_t)size;
}

bool t_mem_read(pid_t pid, uint64_t addr, void *buf, size_t size)
{
	return at_mem(pid, addr, buf, size, false);
}

bool t_mem_write(pid_t pid, uint64_t addr, const void *buf, size_t size)
{
	return at_mem(pid, addr, (void *)buf, size, true);
}

static bool read_text(struct t_state *state)
{
	unsigned int i;

	state->nr_text = 0;
	for (i = 0; i < state->maps.nr; i++) {
		const struct t_vma *vma = &state->maps.vma[i];
		size_t size = vma->end - vma->start;

		if (!is_text(vma))
			continue;
		if (size > sizeof(state->text) - state->nr_text ||
		    !t_mem_read(state->pid, vma->start, state->text + state->nr_text, size))
			return false;
		state->nr_text += size;
	}
	return true;
}

bool t_state_capture(struct t_state *state, int fd, pid_t pid)
{
	int ret;

	state->fd = fd;
	state->pid = pid;
	memset(&state->info, 0, sizeof(state->info));
	state->info.size = sizeof(state->info);
	state->info.pid = pid;
	ret = t_ioctl(fd, VDSO_REMAP_GET_INFO, &state->info);
	if (ret) {
		t_note("GET_INFO of %d: %s", pid, strerror(-ret));
		return false;
	}
	return t_maps_read(&state->maps, pid) && read_text(state);
}

static bool info_equal(const struct vdso_remap_info *want, const struct vdso_remap_info *have)
{
	unsigned int i;

	if (!memcmp(want, have, sizeof(*want)))
		return true;
	t_note("GET_INFO: vdso %llx, state %x, %u areas; wanted: %llx, %x, %u",
	       have->vdso, have->state, have->nr_areas, want->vdso, want->state, want->nr_areas);
	for (i = 0; i < VDSO_REMAP_MAX_AREAS; i++) {
		if (memcmp(&want->areas[i], &have->areas[i], sizeof(want->areas[i])))
			t_note("GET_INFO: area %u: %llx %llx flags %x; wanted: %llx %llx %x", i,
			       have->areas[i].start, have->areas[i].size, have->areas[i].flags,
			       want->areas[i].start, want->areas[i].size, want->areas[i].flags);
	}
	return false;
}

static bool text_equal(const struct t_state *want, const struct t_state *have)
{
	size_t i;

	for (i = 0; i < want->nr_text && i < have->nr_text; i++) {
		if (want->text[i] == have->text[i])
			continue;
		t_note("[vdso] differs at %zx: %02x, wanted: %02x", i, have->text[i],
		       want->text[i]);
		return false;
	}
	if (want->nr_text == have->nr_text)
		return true;
	t_note("[vdso] has %zu bytes, wanted: %zu", have->nr_text, want->nr_text);
	return false;
}

uint64_t t_text_addr(const struct vdso_remap_info *info)
{
	return info->areas[info->nr_areas - 1].start;
}

bool t_state_is(const struct t_state *want)
{
	static struct t_state have;
	bool equal;

	if (!t_state_capture(&have, want->fd, want->pid))
		return false;
	equal = t_maps_equal(&want->maps, &have.maps);
	equal &= info_equal(&want->info, &have.info);
	equal &= text_equal(want, &have);
	if (!equal)
		return false;
	if (want->pid || !(want->info.state & VDSO_REMAP_STATE_PRESENT))
		return true;
	return t_time_between_syscalls(t_text_addr(&want->info));
}

bool t_refused(const struct t_state *before, int error, unsigned long command, void *req)
{
	int ret = t_ioctl(before->fd, command, req);
	bool unchanged = t_state_is(before);

	if (ret != -error)
		t_note("command %lx: %d (%s), wanted: %d (%s)", command, ret, strerror(-ret),
		       -error, strerror(error));
	return unchanged && ret == -error;
}

static int compare_start(const void *a, const void *b)
{
	const struct t_vma *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

void t_state_move(struct t_state *state, uint64_t addr)
{
	uint64_t by = addr - t_text_addr(&state->info);
	unsigned int i;

	for (i = 0; i < state->maps.nr; i++) {
		struct t_vma *vma = &state->maps.vma[i];

		if (t_is_special(vma)) {
			vma->start += by;
			vma->end += by;
		}
	}
	qsort(state->maps.vma, state->maps.nr, sizeof(state->maps.vma[0]), compare_start);
	for (i = 0; i < state->info.nr_areas; i++)
		state->info.areas[i].start += by;
	state->info.vdso = addr;
}

/* Only what has a file shows an offset. */
static void set_start(struct t_vma *vma, uint64_t start)
{
	if (vma->inode)
		vma->offset += start - vma->start;
	vma->start = start;
}

void t_state_unmap(struct t_state *state, uint64_t start, uint64_t end)
{
	static struct t_maps old;
	unsigned int i;

	old = state->maps;
	state->maps.nr = 0;
	for (i = 0; i < old.nr; i++) {
		struct t_vma vma = old.vma[i];

		if (vma.start < start) {
			state->maps.vma[state->maps.nr] = vma;
			if (vma.end > start)
				state->maps.vma[state->maps.nr].end = start;
			state->maps.nr++;
		}
		if (vma.end > end) {
			if (vma.start < end)
				set_start(&vma, end);
			state->maps.vma[state->maps.nr++] = vma;
		}
	}
}

static uint64_t read_pagemap(pid_t pid, uint64_t addr)
{
	int fd = open_proc(pid, "pagemap", O_RDONLY);
	uint64_t entry = 0;

	if (fd < 0)
		return 0;
	if (pread(fd, &entry, sizeof(entry), addr / T_PAGE * sizeof(entry)) != sizeof(entry))
		t_note("/proc/%d/pagemap at %" PRIx64 ": %s", pid, addr, strerror(errno));
	close(fd);
	return entry;
}

#define PAGE_PRESENT	(1ULL << 63)
#define PAGE_SHARED	(1ULL << 61)

bool t_page_is_private(uint64_t addr)
{
	char byte;

	return t_mem_read(0, addr, &byte, 1) &&
	       (read_pagemap(0, addr) & (PAGE_PRESENT | PAGE_SHARED)) == PAGE_PRESENT;
}

uint64_t t_page_frame(pid_t pid, uint64_t addr)
{
	uint64_t entry = read_pagemap(pid, addr);

	return entry & PAGE_PRESENT ? entry & ((1ULL << 55) - 1) : 0;
}

const uint8_t *t_vdso_image(size_t *size)
{
	*size = first.nr_text;
	return first.text;
}

uint32_t t_entry_point_of(const uint8_t *image, size_t size, const char *name)
{
	const ElfW(Ehdr) *ehdr = (const void *)image;
	const ElfW(Shdr) *shdr = (const void *)(image + ehdr->e_shoff);
	unsigned int i;

	if (ehdr->e_shoff + ehdr->e_shnum * sizeof(*shdr) > size)
		return 0;
	for (i = 0; i < ehdr->e_shnum; i++) {
		const ElfW(Sym) *sym = (const void *)(image + shdr[i].sh_offset);
		const char *names = (const char *)image + shdr[shdr[i].sh_link].sh_offset;
		size_t nr = shdr[i].sh_size / sizeof(*sym);

		for (; shdr[i].sh_type == SHT_DYNSYM && nr; nr--, sym++) {
			if (sym->st_shndx && !strcmp(names + sym->st_name, name))
				return sym->st_value;
		}
	}
	return 0;
}

uint32_t t_entry_point(const char *name)
{
	return t_entry_point_of(first.text, first.nr_text, name);
}

static int64_t ns(const struct timespec *ts)
{
	return ts->tv_sec * 1000000000LL + ts->tv_nsec;
}

static bool lies_between(const char *what, int64_t before, int64_t seen, int64_t after)
{
	if (before <= seen && seen <= after)
		return true;
	t_note("%s: the vDSO says %" PRId64 ", system calls %" PRId64 " before, %" PRId64 " after",
	       what, seen, before, after);
	return false;
}

static bool clock_between_syscalls(uint64_t text, clockid_t clock)
{
	int (*gettime)(clockid_t clock, struct timespec *ts);
	struct timespec before = {}, seen = {}, after = {};
	char what[32];
	int ret;

	gettime = (void *)(text + t_entry_point("__vdso_clock_gettime"));
	syscall(SYS_clock_gettime, clock, &before);
	ret = gettime(clock, &seen);
	syscall(SYS_clock_gettime, clock, &after);
	snprintf(what, sizeof(what), "clock %d", clock);
	if (ret)
		t_note("%s: the vDSO returns %d", what, ret);
	return !ret && lies_between(what, ns(&before), ns(&seen), ns(&after));
}

/* The coarse clock, unlike the time system call, is read under a sequence lock. */
static bool seconds_between_syscalls(uint64_t text)
{
	long (*gettime)(long *t);
	struct timespec before, after;
	long seen;

	gettime = (void *)(text + t_entry_point("__vdso_time"));
	syscall(SYS_clock_gettime, CLOCK_REALTIME_COARSE, &before);
	seen = gettime(NULL);
	syscall(SYS_clock_gettime, CLOCK_REALTIME_COARSE, &after);
	return lies_between("time", before.tv_sec, seen, after.tv_sec);
}

bool t_time_between_syscalls(uint64_t text)
{
	static const clockid_t clocks[] = {
		CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI,
		CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(clocks); i++) {
		if (!clock_between_syscalls(text, clocks[i]))
			return false;
	}
	return seconds_between_syscalls(text);
}

uint64_t t_hole(uint64_t size)
{
	/* Where nobody else looks for one: stacks of later threads don't fill it. */
#ifdef __i386__
	const uint64_t distance = 1ULL << 24;
	static uint64_t next = 0x60000000;
#else
	const uint64_t distance = 1ULL << 30;
	static uint64_t next = 1ULL << 44;
#endif
	uint64_t hole = next;
	void *map = mmap((void *)hole, size, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (map != (void *)hole) {
		t_note("no hole of %" PRIu64 " bytes: %s", size, strerror(errno));
		exit(1);
	}
	munmap(map, size);
	next += size + distance;
	return hole;
}

uint64_t t_group_hole_with_room(uint64_t room)
{
	uint64_t size = 0, text = 0;
	unsigned int i;

	for (i = 0; i < first.shape.nr; i++) {
		text = size;
		size += first.shape.size[i];
	}
	return t_hole(room + size + room) + room + text;
}

uint64_t t_group_hole(void)
{
	return t_group_hole_with_room(0);
}

#ifdef __i386__
uint64_t t_task_limit(void)
{
	return 0xffffe000;	/* under a 64-bit kernel */
}
#else
uint64_t t_task_limit(void)
{
	const uint64_t limits[] = { (1ULL << 56) - T_PAGE, (1ULL << 47) - T_PAGE };
	void *hint = (void *)limits[1];

	/* With five levels of page tables there is memory where four end. */
	if (mmap(hint, T_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
		 -1, 0) != hint)
		return limits[1];
	munmap(hint, T_PAGE);
	return limits[0];
}
#endif

struct command {
	long (*fn)(uint64_t arg);
	uint64_t arg;
};

static bool read_whole(int fd, void *buf, size_t size)
{
	ssize_t ret;

	do {
		ret = read(fd, buf, size);
	} while (ret < 0 && errno == EINTR);
	return ret == (ssize_t)size;
}

static _Noreturn void run_commands(int from, int to)
{
	struct command command;
	long result;

	while (read_whole(from, &command, sizeof(command))) {
		result = command.fn(command.arg);
		if (write(to, &result, sizeof(result)) != sizeof(result))
			break;
	}
	_exit(0);
}

static long answer(uint64_t arg)
{
	return arg;
}

bool t_child_start(struct t_child *child)
{
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC)) {
		t_note("pipe: %s", strerror(errno));
		return false;
	}
	child->pid = fork();
	if (!child->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(to[1]);
		close(from[0]);
		run_commands(to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	child->to = to[1];
	child->from = from[0];
	if (child->pid < 0)
		t_note("fork: %s", strerror(errno));
	/* When it has answered once it stands where it will wait. */
	return child->pid > 0 && !t_child_call(child, answer, 0);
}

long t_child_call(const struct t_child *child, long (*fn)(uint64_t arg), uint64_t arg)
{
	struct command command = { .fn = fn, .arg = arg };
	long result;

	if (write(child->to, &command, sizeof(command)) == sizeof(command) &&
	    read_whole(child->from, &result, sizeof(result)))
		return result;
	t_note("child %d does not answer", child->pid);
	return -1;
}

static long time_between_syscalls(uint64_t text)
{
	return t_time_between_syscalls(text);
}

bool t_child_time_between_syscalls(const struct t_child *child, uint64_t text)
{
	return t_child_call(child, time_between_syscalls, text) == 1;
}

void t_child_end(const struct t_child *child)
{
	kill(child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
	close(child->to);
	close(child->from);
}

static bool wait_for_stop(pid_t tid)
{
	int status;

	if (waitpid(tid, &status, __WALL) == tid && WIFSTOPPED(status))
		return true;
	t_note("task %d did not stop", tid);
	return false;
}

bool t_seize_and_stop(pid_t tid)
{
	if (!ptrace(PTRACE_SEIZE, tid, 0, 0) && !ptrace(PTRACE_INTERRUPT, tid, 0, 0))
		return wait_for_stop(tid);
	t_note("task %d can't be traced: %s", tid, strerror(errno));
	return false;
}

bool t_detach(pid_t tid)
{
	if (!ptrace(PTRACE_DETACH, tid, 0, 0))
		return true;
	t_note("PTRACE_DETACH of %d: %s", tid, strerror(errno));
	return false;
}

static bool step_until(pid_t tid, uint64_t start, uint64_t end, bool inside)
{
	struct user_regs_struct regs;
	unsigned int steps = 0;

	do {
		if (ptrace(PTRACE_GETREGS, tid, 0, &regs))
			break;
		if ((t_ip(&regs) >= start && t_ip(&regs) < end) == inside)
			return true;
	} while (steps++ < 100000 && !ptrace(PTRACE_SINGLESTEP, tid, 0, 0) && wait_for_stop(tid));

	t_note("task %d: not %s %" PRIx64 "-%" PRIx64 " after %u steps", tid,
	       inside ? "in" : "out of", start, end, steps);
	return false;
}

bool t_step_into(pid_t tid, uint64_t start, uint64_t end)
{
	return step_until(tid, start, end, true);
}

bool t_step_out_of(pid_t tid, uint64_t start, uint64_t end)
{
	return step_until(tid, start, end, false);
}

bool t_enter(pid_t tid, const struct user_regs_struct *from, uint64_t ip, uint64_t back,
	     const unsigned long args[3])
{
	struct user_regs_struct regs = *from;
#ifdef __i386__
	const unsigned long stack[] = { back, args[0], args[1], args[2] };
	unsigned long sp = ((regs.esp - 1024) & ~15UL) - sizeof(stack[0]);

	regs.eip = ip;
	regs.esp = sp;
	regs.orig_eax = -1;	/* it did not come from a system call */
#else
	const unsigned long stack[] = { back };
	unsigned long sp = ((regs.rsp - 1024) & ~15UL) - sizeof(stack[0]);

	regs.rip = ip;
	regs.rsp = sp;
	regs.rdi = args[0];
	regs.rsi = args[1];
	regs.rdx = args[2];
	regs.orig_rax = -1;	/* it did not come from a system call */
#endif
	if (!t_mem_write(tid, sp, stack, sizeof(stack)))
		return false;
	if (!ptrace(PTRACE_SETREGS, tid, NULL, &regs))
		return true;
	t_note("PTRACE_SETREGS of %d: %s", tid, strerror(errno));
	return false;
}

bool t_wait_for_task_state(pid_t tid, const char *states)
{
	unsigned int tries;
	char stat[512];

	for (tries = 0; tries < 5000; tries++) {
		const char *state;

		if (read_proc(tid, "stat", stat, sizeof(stat)) < 0)
			return false;
		state = strrchr(stat, ')');
		if (state && state[1] == ' ' && state[2] && strchr(states, state[2]))
			return true;
		usleep(1000);
	}
	t_note("task %d is not in state %s: %s", tid, states, stat);
	return false;
}

/*
 * A fork copies the kernel's pointer first, and the mappings when it has got the lock.
 * If the text moves in between, the child has it where the pointer does not say.
 */
struct misleading {
	uint64_t place[2];	/* where the text goes by turns */
	bool *done;		/* shared with the children */
};

static bool move_mapping(uint64_t from, uint64_t to, uint64_t size)
{
	return mremap((void *)from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) == (void *)to;
}

static void *move_text(void *arg)
{
	const struct misleading *m = arg;
	unsigned int at = 0;

	while (!__atomic_load_n(m->done, __ATOMIC_RELAXED)) {
		if (!move_mapping(m->place[at], m->place[!at], first.nr_text))
			break;
		at = !at;
	}
	return NULL;
}

/* The data go to where the text is; of this the kernel takes no note. */
static bool join_text(const struct t_maps *maps, uint64_t text)
{
	uint64_t start = text;
	unsigned int i;

	for (i = 0; i < first.shape.nr - 1; i++)
		start -= first.shape.size[i];
	for (i = 0; i < maps->nr; i++) {
		const struct t_vma *vma = &maps->vma[i];

		if (!t_is_special(vma) || is_text(vma))
			continue;
		if (!move_mapping(vma->start, start, vma->end - vma->start))
			return false;
		start += vma->end - vma->start;
	}
	return start == text;
}

/* The child: exits with this if it is like its parent. */
#define NOT_MISLED	99

static bool is_misled(const struct misleading *m)
{
	struct vdso_remap_info info = { .size = sizeof(info) };
	static struct t_maps maps;
	const struct t_vma *text;
	int fd = t_open();
	int ret = t_ioctl(fd, VDSO_REMAP_GET_INFO, &info);

	close(fd);
	if (ret || !t_maps_read(&maps, 0))
		return false;
	text = t_maps_find(&maps, "[vdso]");
	if (text->start == info.vdso)
		_exit(NOT_MISLED);
	__atomic_store_n(m->done, true, __ATOMIC_RELAXED);
	return join_text(&maps, text->start);
}

bool t_mislead_kernel(void)
{
	struct misleading m = { .place = { t_group_hole(), t_group_hole() } };
	static struct t_maps maps;
	unsigned int tries;
	pthread_t mover;
	int status = 0;
	pid_t pid;

	m.done = mmap(NULL, T_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (m.done == MAP_FAILED || !t_maps_read(&maps, 0) ||
	    !move_mapping(t_maps_find(&maps, "[vdso]")->start, m.place[0], first.nr_text) ||
	    pthread_create(&mover, NULL, move_text, &m)) {
		t_note("can't move the text by hand: %s", strerror(errno));
		return false;
	}
	for (tries = 0; tries < 50000; tries++) {
		pid = fork();
		if (!pid)
			return is_misled(&m);
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			break;
		if (WIFSIGNALED(status))
			kill(getpid(), WTERMSIG(status));
		if (WEXITSTATUS(status) != NOT_MISLED)
			_exit(WEXITSTATUS(status));
	}
	t_note("no fork has been late in %u", tries);
	return false;
}

bool t_timens_create(void)
{
	int fd;

	if (unshare(CLONE_NEWTIME)) {
		t_note("no time namespace: %s", strerror(errno));
		return false;
	}
	fd = open_proc(0, "timens_offsets", O_WRONLY);
	if (fd < 0)
		return false;
	if (dprintf(fd, "monotonic %ld 0\n", T_TIMENS_OFFSET) <= 0) {
		t_note("no offset for the time namespace: %s", strerror(errno));
		return false;
	}
	close(fd);
	return true;
}

bool t_timens_enter(void)
{
	int fd = open_proc(0, "ns/time_for_children", O_RDONLY);
	int ret = setns(fd, CLONE_NEWTIME);

	close(fd);
	if (ret)
		t_note("can't enter the time namespace: %s", strerror(errno));
	return !ret;
}

long t_uptime(void)
{
	struct timespec now = {};

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

pid_t t_spawn_sharing_mm(int flags, int (*fn)(void *arg), void *arg)
{
	static _Alignas(16) char stack[32768];
	pid_t pid = clone(fn, stack + sizeof(stack), CLONE_VM | SIGCHLD | flags, arg);

	if (pid < 0)
		t_note("clone: %s", strerror(errno));
	return pid;
}

/* Before a test can move anything; no test may begin without it. */
static void __attribute__((constructor)) learn_first(void)
{
	static struct t_maps maps;
	struct t_group group;

	if (!t_maps_read(&maps, 0) || !find_shape(&first.shape, &group, &maps) ||
	    group.text != getauxval(AT_SYSINFO_EHDR) || group.end - group.text > T_MAX_TEXT) {
		t_note("this program was started without a vDSO that the tests understand");
		exit(1);
	}
	first.nr_text = group.end - group.text;
	memcpy(first.text, (const void *)group.text, first.nr_text);
}
