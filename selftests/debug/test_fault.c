// SPDX-License-Identifier: GPL-2.0
/*
 * Every command with the n-th thing that can fail made to fail, for n = 1, 2,
 * ... until there is no n-th: allocations of slabs and pages, and copies from
 * and to the caller. After each failure all is as it was; when the command
 * succeeds nevertheless, all is as it should be.
 *
 * The kernel's fault injection counts those with the module's text on the
 * stack, in the caller or in the worker that does the work on another process.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "arch/test.h"
#include "lib/child.h"
#include "lib/device.h"
#include "lib/image.h"
#include "lib/maps.h"
#include "lib/memory.h"
#include "lib/mislead.h"
#include "lib/note.h"
#include "lib/state.h"
#include "lib/task.h"
#include "lib/vdso.h"
#include "common.h"

#ifndef SYS_mseal
#define SYS_mseal	462
#endif

#define MAX_WORKERS	64
#define DEBUGFS		"/sys/kernel/debug/"
#define ALLOW_UNSEAL	"/sys/module/vdso_remap/parameters/allow_unseal"

/* Whose faults, and whose vDSO: the caller's own or that of a stopped child. */
enum whose {
	OWN,
	CALLER,
	WORKER,
};

/* What one round came to; shared with the process that ran it. */
struct outcome {
	int ret;
	bool injected;
	bool reached;	/* a fault was counted at all */
	bool right;
};

/* Threads whose faults are counted, by their fail-nth files. */
struct injector {
	unsigned int nr;
	unsigned int nth;
	int fd[MAX_WORKERS];
};

FIXTURE(fault) {
	int fd;
	uint64_t addr;			/* where a group may go */
	struct t_image image;
	struct outcome *outcome;
	enum whose whose;
};

FIXTURE_VARIANT(fault) {
	unsigned long command;
	uint32_t flags;
	bool occupied;		/* something is there, which REPLACE unmaps */
	bool private_page;	/* a page of the group has been written to */
	bool sealed;		/* so is the group, and UNSEAL is allowed */
	bool misled;		/* the kernel believes it to be elsewhere */
	unsigned int at_least;	/* so many faults there are, if the caller does the work */
};

FIXTURE_VARIANT_ADD(fault, info) {
	.command = VDSO_REMAP_GET_INFO,
	.at_least = 2,
};

FIXTURE_VARIANT_ADD(fault, move) {
	.command = VDSO_REMAP_MOVE,
	.at_least = 10,
};

FIXTURE_VARIANT_ADD(fault, move_with_private_page) {
	.command = VDSO_REMAP_MOVE,
	.private_page = true,
	.at_least = 12,
};

FIXTURE_VARIANT_ADD(fault, move_replace) {
	.command = VDSO_REMAP_MOVE,
	.flags = VDSO_REMAP_MOVE_REPLACE,
	.occupied = true,
	.at_least = 12,
};

FIXTURE_VARIANT_ADD(fault, map) {
	.command = VDSO_REMAP_MAP,
	.at_least = 8,
};

FIXTURE_VARIANT_ADD(fault, proxy) {
	.command = VDSO_REMAP_PROXY,
	.at_least = 8,
};

FIXTURE_VARIANT_ADD(fault, proxy_mark) {
	.command = VDSO_REMAP_PROXY,
	.flags = VDSO_REMAP_PROXY_MARK,
	.at_least = 10,
};

FIXTURE_VARIANT_ADD(fault, proxy_park) {
	.command = VDSO_REMAP_PROXY,
	.flags = VDSO_REMAP_PROXY_PARK,
	.at_least = 15,
};

FIXTURE_VARIANT_ADD(fault, proxy_park_replace_mark) {
	.command = VDSO_REMAP_PROXY,
	.flags = VDSO_REMAP_PROXY_PARK | VDSO_REMAP_PROXY_REPLACE | VDSO_REMAP_PROXY_MARK,
	.occupied = true,
	.private_page = true,
	.at_least = 20,
};

/* What fails late leaves the pointer as wrong as it was. */
FIXTURE_VARIANT_ADD(fault, proxy_park_mark_misled) {
	.command = VDSO_REMAP_PROXY,
	.flags = VDSO_REMAP_PROXY_PARK | VDSO_REMAP_PROXY_MARK,
	.misled = true,
	.at_least = 20,
};

/* What fails has to take away a half-made group that is sealed already. */
FIXTURE_VARIANT_ADD(fault, move_unseal) {
	.command = VDSO_REMAP_MOVE,
	.flags = VDSO_REMAP_MOVE_UNSEAL,
	.private_page = true,
	.sealed = true,
	.at_least = 20,
};

FIXTURE_VARIANT_ADD(fault, proxy_park_mark_unseal) {
	.command = VDSO_REMAP_PROXY,
	.flags = VDSO_REMAP_PROXY_PARK | VDSO_REMAP_PROXY_MARK | VDSO_REMAP_PROXY_UNSEAL,
	.sealed = true,
	.at_least = 30,
};

static bool write_text(const char *dir, const char *name, const char *text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), DEBUGFS "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0) {
		t_note("%s: %s", path, strerror(errno));
		return false;
	}
	close(fd);
	return true;
}

/* Where the module is. Nothing else is loaded behind it. */
static bool find_module(char *start, char *end, size_t size)
{
	FILE *modules = fopen("/proc/modules", "r");
	unsigned long addr = 0, bytes;
	char line[256];

	while (modules && !addr && fgets(line, sizeof(line), modules)) {
		if (sscanf(line, "vdso_remap %lu %*s %*s %*s %lx", &bytes, &addr) != 2)
			addr = 0;
	}
	if (modules)
		fclose(modules);
	snprintf(start, size, "%#lx", addr);
	snprintf(end, size, "%#lx", addr + bytes);
	return addr;
}

/* All kinds of faults, of all allocations below the module, without a word. */
static bool set_up_injection(void)
{
	static const char *const kinds[] = { "failslab", "fail_page_alloc", "fail_usercopy" };
	char start[32], end[32];
	bool ok = find_module(start, end, sizeof(start));

	for (unsigned int i = 0; ok && i < ARRAY_SIZE(kinds); i++)
		ok = write_text(kinds[i], "probability", "0") &&
		     write_text(kinds[i], "verbose", "0") &&
		     write_text(kinds[i], "stacktrace-depth", "32") &&
		     write_text(kinds[i], "require-start", start) &&
		     write_text(kinds[i], "require-end", end);
	return ok && write_text("failslab", "ignore-gfp-wait", "N") &&
	       write_text("fail_page_alloc", "ignore-gfp-wait", "N") &&
	       write_text("fail_page_alloc", "ignore-gfp-highmem", "N") &&
	       write_text("fail_page_alloc", "min-order", "0");
}

static bool allow_unseal(const char *allow)
{
	int file = open(ALLOW_UNSEAL, O_WRONLY | O_CLOEXEC);
	bool ok = file >= 0 && write(file, allow, 1) == 1;

	close(file);
	return ok;
}

static bool can_inject(void)
{
	return !access(DEBUGFS "fail_usercopy", F_OK) && !access("/proc/self/fail-nth", F_OK);
}

FIXTURE_SETUP(fault)
{
	if (!can_inject())
		return;		/* the harness runs the test even if this skips it */
	ASSERT_TRUE(set_up_injection());
	ASSERT_TRUE(allow_unseal(variant->sealed ? "Y" : "N"));
	self->fd = t_open();
	self->addr = t_group_hole_with_room(T_PAGE);
	d_learn_sites();
	ASSERT_TRUE(t_image_map(&self->image, D_IMAGE_ADDR, t_image_build(D_IMAGE_SIZE),
				D_IMAGE_SIZE));
	if (variant->occupied)
		ASSERT_EQ((void *)self->addr,
			  mmap((void *)self->addr, T_PAGE, PROT_READ,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
	self->outcome = mmap(NULL, sizeof(*self->outcome), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->outcome);
}

FIXTURE_TEARDOWN(fault)
{
	allow_unseal("N");
}

static void add_thread(struct injector *injector, const char *task)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/fail-nth", task);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0 && injector->nr < MAX_WORKERS)
		injector->fd[injector->nr++] = fd;
}

/* One of these will do the work: those that are bound to no processor. */
static void add_workers(struct injector *injector)
{
	struct dirent *entry;
	DIR *dir = opendir("/proc");

	while (dir && (entry = readdir(dir))) {
		char path[300], comm[32] = "";
		int fd;

		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (read(fd, comm, sizeof(comm) - 1) > 0 && !strncmp(comm, "kworker/u", 9))
			add_thread(injector, entry->d_name);
		close(fd);
	}
	if (dir)
		closedir(dir);
}

static void fail_at(struct injector *injector, unsigned int nth)
{
	char number[16];
	int len = snprintf(number, sizeof(number), "%u", nth);

	injector->nth = nth;
	for (unsigned int i = 0; i < injector->nr; i++) {
		if (pwrite(injector->fd[i], number, len, 0) < 0 && errno != ESRCH)
			t_note("fail-nth: %s", strerror(errno));
	}
}

/* What is left of the count says what happened. */
static void disarm(struct injector *injector, struct outcome *outcome)
{
	for (unsigned int i = 0; i < injector->nr; i++) {
		char number[16] = "";
		unsigned int left;

		if (pread(injector->fd[i], number, sizeof(number) - 1, 0) <= 0)
			continue;
		left = strtoul(number, NULL, 10);
		outcome->injected |= !left;
		outcome->reached |= left != injector->nth;
	}
	fail_at(injector, 0);
}

static struct t_state state;	/* what is to be expected */
static struct t_state whole;	/* the same before MAP's process lost its group */

/* The text's first page is the process's own then. */
static void expect_mark(uint64_t data)
{
	const struct vdso_remap_mark mark = {
		.signature = VDSO_REMAP_MARK_SIGNATURE,
		.image = D_IMAGE_ADDR,
		.version = VDSO_REMAP_MARK_VERSION,
		.image_data = VDSO_REMAP_MARK_NO_ADDR,
		.runtime_data = data,
	};

	memcpy(state.text, &mark, sizeof(mark));
	state.info.state |= VDSO_REMAP_AREA_PRIVATE;
	state.info.areas[state.info.nr_areas - 1].flags |= VDSO_REMAP_AREA_PRIVATE;
}

static bool image_is_expected(const struct t_image *image, pid_t pid)
{
	if (!t_mem_read(pid, D_IMAGE_ADDR, image->now, image->size))
		return false;
	if (!memcmp(image->now, image->expected, image->size))
		return true;
	t_note("the image of %d is not as it should be", pid);
	return false;
}

/* What REPLACE unmaps may be gone after a failure, too; nothing else. */
static void forget_what_was_replaced(uint64_t addr, int ret)
{
	static struct t_maps maps;

	if (!t_maps_read(&maps, state.pid))
		return;
	for (unsigned int i = 0; ret && i < maps.nr; i++) {
		if (maps.vma[i].start == addr)
			return;
	}
	t_state_unmap(&state, addr, addr + T_PAGE);
}

/*
 * The page of the mark is made the process's own before the last thing that can
 * fail; its bytes stay the same.
 */
static void forget_who_owns_the_header(void)
{
	struct vdso_remap_info info = { .size = sizeof(info), .pid = state.pid };

	if (t_ioctl(state.fd, VDSO_REMAP_GET_INFO, &info))
		return;
	state.info.state |= info.state & VDSO_REMAP_AREA_PRIVATE;
	state.info.areas[state.info.nr_areas - 1].flags |=
		info.areas[state.info.nr_areas - 1].flags & VDSO_REMAP_AREA_PRIVATE;
}

static bool is_right(FIXTURE_DATA(fault) *self, const FIXTURE_VARIANT(fault) *variant, int ret)
{
	bool proxy = variant->command == VDSO_REMAP_PROXY;
	bool parks = proxy && variant->flags & VDSO_REMAP_PROXY_PARK;
	bool marks = proxy && variant->flags & VDSO_REMAP_PROXY_MARK;

	if (!ret && variant->command == VDSO_REMAP_MAP)
		state = whole;
	if (variant->occupied)
		forget_what_was_replaced(self->addr, ret);
	if (!ret && (parks || variant->command == VDSO_REMAP_MOVE ||
		     variant->command == VDSO_REMAP_MAP))
		t_state_move(&state, self->addr);
	if (!ret && proxy)
		t_image_expect(&self->image, d_sites, D_NR_SITES, state.info.vdso);
	if (marks && !ret)
		expect_mark(state.info.areas[0].start);
	else if (marks && !parks)
		forget_who_owns_the_header();
	return t_state_is(&state) & image_is_expected(&self->image, state.pid);
}

static uint64_t group_size(const struct vdso_remap_info *info)
{
	const struct vdso_remap_area *last = &info->areas[info->nr_areas - 1];

	return last->start + last->size - info->areas[0].start;
}

static bool unmap_group(void)
{
	return !munmap((void *)state.info.areas[0].start, group_size(&state.info));
}

static bool seal_group(void)
{
	if (!syscall(SYS_mseal, state.info.areas[0].start, group_size(&state.info), 0))
		return true;
	t_note("mseal: %s", strerror(errno));
	return false;
}

/* The process that an operation is about, or its parent, before anything happens. */
static bool prepare(FIXTURE_DATA(fault) *self, const FIXTURE_VARIANT(fault) *variant)
{
	const uint8_t breakpoint = T_TRAP_BYTE;

	if (!t_state_capture(&state, self->fd, 0))
		return false;
	if (variant->private_page &&
	    !t_mem_write(0, t_text_addr(&state.info) + state.nr_text - 1, &breakpoint, 1))
		return false;
	if (variant->sealed && !seal_group())
		return false;
	return variant->command != VDSO_REMAP_MAP || unmap_group();
}

/* A process of its own: runs the operation once, on itself or on a child. */
static void run_round(FIXTURE_DATA(fault) *self, const FIXTURE_VARIANT(fault) *variant,
		      unsigned int nth)
{
	struct outcome *outcome = self->outcome;
	struct injector injector = {};
	struct t_child child = {};
	union d_request req;

	if (!prepare(self, variant))
		return;
	whole = state;
	if (self->whose != OWN && (!t_child_start(&child) || !t_seize_and_stop(child.pid)))
		return;
	if (!t_state_capture(&state, self->fd, child.pid))
		return;
	whole.pid = child.pid;
	whole.info.pid = child.pid;
	if (self->whose == WORKER)
		add_workers(&injector);
	else
		add_thread(&injector, "thread-self");
	d_request(&req, variant->command, variant->flags, child.pid, self->addr);

	fail_at(&injector, nth);
	outcome->ret = t_ioctl(self->fd, variant->command, &req);
	disarm(&injector, outcome);

	outcome->right = is_right(self, variant, outcome->ret);
	if (!child.pid)
		return;
	outcome->right &= t_detach(child.pid);
	if (state.info.state & VDSO_REMAP_STATE_PRESENT)
		outcome->right &= t_child_time_between_syscalls(&child, t_text_addr(&state.info));
	t_child_end(&child);
}

static bool round_is_right(FIXTURE_DATA(fault) *self, const FIXTURE_VARIANT(fault) *variant,
			   unsigned int nth)
{
	const struct outcome *outcome = self->outcome;
	int status;
	pid_t pid;

	memset(self->outcome, 0, sizeof(*self->outcome));
	pid = fork();
	if (!pid) {
		run_round(self, variant, nth);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status) {
		t_note("the process ended with %x", status);
		return false;
	}
	/* Copies are made by the caller alone. */
	return outcome->right && (!outcome->ret || outcome->ret == -ENOMEM ||
				  (outcome->ret == -EFAULT && self->whose != WORKER));
}

static void run(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self,
		const FIXTURE_VARIANT(fault) *variant, enum whose whose, unsigned int at_least)
{
	unsigned int nr_nomem = 0, nr_fault = 0, nr_survived = 0, nth = 0, unreached = 0;

	if (!can_inject()) {
		ASSERT_FALSE(t_kernel_must_have("fault-injection"));
		SKIP(return, "this kernel can't inject faults");
	}
	self->whose = whose;
	if (variant->misled)
		ASSERT_TRUE(t_mislead_kernel());
	do {
		nth++;
		ASSERT_TRUE(round_is_right(self, variant, nth)) {
			TH_LOG("fault %u: returned %d, injected: %d", nth, self->outcome->ret,
			       self->outcome->injected);
		}
		/* A worker that was not there a moment ago has no count. */
		if (!self->outcome->reached && whose == WORKER && unreached++ < 10)
			nth--;
		else if (!self->outcome->injected)
			break;
		else if (!self->outcome->ret)
			nr_survived++;
		else if (self->outcome->ret == -ENOMEM)
			nr_nomem++;
		else
			nr_fault++;
	} while (nth < 500);
	t_note("%u faults: ENOMEM %u, EFAULT %u, survived %u", nr_nomem + nr_fault + nr_survived,
	       nr_nomem, nr_fault, nr_survived);
	EXPECT_EQ(0, self->outcome->ret);
	/* Without the other debugging options a command allocates less often. */
	if (t_kernel_must_have("kcsan"))
		at_least -= at_least / 4;
	EXPECT_LE(at_least, nr_nomem + nr_fault + nr_survived);
}

TEST_F_TIMEOUT(fault, own, 300)
{
	run(_metadata, self, variant, OWN, variant->at_least);
}

/* The request alone, before the worker and after it. MAP writes nothing back. */
TEST_F_TIMEOUT(fault, other_process_caller, 300)
{
	run(_metadata, self, variant, CALLER, variant->command == VDSO_REMAP_MAP ? 1 : 2);
}

TEST_F_TIMEOUT(fault, other_process_worker, 300)
{
	if (variant->command == VDSO_REMAP_GET_INFO)
		SKIP(return, "needs no worker");
	run(_metadata, self, variant, WORKER, variant->at_least - 5);
}

TEST_HARNESS_MAIN
