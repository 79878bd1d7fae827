// SPDX-License-Identifier: GPL-2.0
/* What all commands have in common: the device, how a structure is read, whom it is about. */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "arch/test.h"
#include "lib/child.h"
#include "lib/device.h"
#include "lib/image.h"
#include "lib/maps.h"
#include "lib/memory.h"
#include "lib/state.h"
#include "lib/task.h"
#include "lib/vdso.h"

/* What every structure begins with. */
struct head {
	__u32 size;
	__u32 flags;
	__s32 pid;
};

union request {
	struct head head;
	struct vdso_remap_info info;
	struct vdso_remap_move move;
	struct vdso_remap_map map;
	struct vdso_remap_proxy proxy;
};

static struct t_state before;

TEST(device_is_for_root_only)
{
	struct stat st;
	int status;

	ASSERT_EQ(0, stat(T_DEVICE, &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(0600, st.st_mode & 07777);
	EXPECT_EQ(0, st.st_uid);

	if (!fork()) {
		if (setuid(65534))
			_exit(1);
		_exit(open(T_DEVICE, O_RDWR) == -1 && errno == EACCES ? 0 : 2);
	}
	ASSERT_LT(0, wait(&status));
	EXPECT_EQ(0, status);
}

TEST(refuses_unknown_commands)
{
	const unsigned long commands[] = {
		_IO(VDSO_REMAP_TYPE, 4), _IO(VDSO_REMAP_TYPE, 255), _IO(VDSO_REMAP_TYPE - 1, 1),
		_IOWR(VDSO_REMAP_TYPE, 1, struct vdso_remap_move),
	};
	struct vdso_remap_move req = {
		.size = sizeof(req),
		.addr = t_group_hole(),
	};
	unsigned int i;

	ASSERT_TRUE(t_state_capture(&before, t_open(), 0));
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		EXPECT_TRUE(t_refused(&before, ENOTTY, commands[i], &req));
}

/*
 * Every command, with a request that would succeed.
 *
 * page: two of them, then one that is not mapped; the request is at their start
 */
FIXTURE(command) {
	char *page;
	union request *req;
	union request valid;
	struct t_child child;
};

FIXTURE_VARIANT(command) {
	unsigned long nr;
	size_t size;
	uint32_t known_flags;
	bool has_out;
	void (*prepare)(union request *valid, uint64_t hole);
};

static void prepare_nothing(union request *valid, uint64_t hole)
{
}

FIXTURE_VARIANT_ADD(command, get_info) {
	.nr = VDSO_REMAP_GET_INFO,
	.size = sizeof(struct vdso_remap_info),
	.has_out = true,
	.prepare = prepare_nothing,
};

static void prepare_move(union request *valid, uint64_t hole)
{
	valid->move.addr = hole;
}

FIXTURE_VARIANT_ADD(command, move) {
	.nr = VDSO_REMAP_MOVE,
	.size = sizeof(struct vdso_remap_move),
	.known_flags = VDSO_REMAP_MOVE_REPLACE | VDSO_REMAP_MOVE_UNSEAL,
	.has_out = true,
	.prepare = prepare_move,
};

static struct t_maps maps;

static void prepare_map(union request *valid, uint64_t hole)
{
	struct t_group group;

	if (!t_maps_read(&maps, 0) || !t_group_find(&group, &maps) ||
	    munmap((void *)group.start, group.end - group.start))
		exit(1);
	valid->map.addr = hole;
}

FIXTURE_VARIANT_ADD(command, map) {
	.nr = VDSO_REMAP_MAP,
	.size = sizeof(struct vdso_remap_map),
	.prepare = prepare_map,
};

static const struct vdso_remap_site site = {
	.room = T_SLOT_SIZE,
	.kind = VDSO_REMAP_SITE_STUB,
	.target = T_FUNCTION_STUB,
};

static void prepare_proxy(union request *valid, uint64_t hole)
{
	void *image = mmap(NULL, T_PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			   0);

	if (image == MAP_FAILED)
		exit(1);
	valid->proxy.nr_sites = 1;
	valid->proxy.sites = (uintptr_t)&site;
	valid->proxy.image = (uintptr_t)image;
	valid->proxy.image_size = T_PAGE;
	valid->proxy.bad_site = VDSO_REMAP_NO_SITE;
}

FIXTURE_VARIANT_ADD(command, proxy) {
	.nr = VDSO_REMAP_PROXY,
	.size = sizeof(struct vdso_remap_proxy),
	.known_flags = VDSO_REMAP_PROXY_PARK | VDSO_REMAP_PROXY_REPLACE | VDSO_REMAP_PROXY_MARK |
		       VDSO_REMAP_PROXY_UNSEAL,
	.has_out = true,
	.prepare = prepare_proxy,
};

FIXTURE_SETUP(command)
{
	self->child.pid = 0;
	self->page = mmap(NULL, 3 * T_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	ASSERT_NE(MAP_FAILED, self->page);
	self->req = (union request *)self->page;
	memset(&self->valid, 0, sizeof(self->valid));
	self->valid.head.size = variant->size;
	variant->prepare(&self->valid, t_group_hole());
	memcpy(self->req, &self->valid, variant->size);
	ASSERT_EQ(0, mprotect(self->page + 2 * T_PAGE, T_PAGE, PROT_NONE));
	ASSERT_TRUE(t_state_capture(&before, t_open(), 0));
}

FIXTURE_TEARDOWN(command)
{
	if (self->child.pid)
		t_child_end(&self->child);
}

/* Refused, and not when the one fault is mended. */
#define EXPECT_ONE_FAULT(error)							\
do {										\
	EXPECT_TRUE(t_refused(&before, error, variant->nr, self->req));	\
	memcpy(self->req, &self->valid, variant->size);				\
	EXPECT_EQ(0, t_ioctl(before.fd, variant->nr, self->req));		\
} while (0)

TEST_F(command, refuses_size_0)
{
	self->req->head.size = 0;
	EXPECT_ONE_FAULT(EINVAL);
}

TEST_F(command, refuses_size_below_the_first)
{
	self->req->head.size = variant->size - 1;
	EXPECT_ONE_FAULT(EINVAL);
}

TEST_F(command, accepts_larger_size_with_zero_tail)
{
	self->req->head.size = variant->size + 8;
	EXPECT_EQ(0, t_ioctl(before.fd, variant->nr, self->req));
	EXPECT_EQ(variant->size + 8, self->req->head.size);
}

TEST_F(command, accepts_a_page_with_zero_tail)
{
	self->req->head.size = T_PAGE;
	EXPECT_EQ(0, t_ioctl(before.fd, variant->nr, self->req));
}

TEST_F(command, refuses_larger_size_with_other_tail)
{
	self->req->head.size = variant->size + 8;
	self->page[variant->size + 7] = 1;
	EXPECT_ONE_FAULT(E2BIG);
}

TEST_F(command, ignores_bytes_behind_its_size)
{
	self->page[variant->size] = 1;
	EXPECT_EQ(0, t_ioctl(before.fd, variant->nr, self->req));
	EXPECT_EQ(1, self->page[variant->size]);
}

TEST_F(command, refuses_size_above_a_page)
{
	self->req->head.size = T_PAGE + 1;
	EXPECT_ONE_FAULT(E2BIG);
}

TEST_F(command, leaves_what_is_not_out_as_it_was)
{
	size_t size = variant->nr == VDSO_REMAP_GET_INFO ? sizeof(struct head) : variant->size;

	ASSERT_EQ(0, t_ioctl(before.fd, variant->nr, self->req));
	EXPECT_EQ(0, memcmp(&self->valid, self->req, size));

	self->valid.head.pid = -1;
	memcpy(self->req, &self->valid, variant->size);
	ASSERT_EQ(-ESRCH, t_ioctl(before.fd, variant->nr, self->req));
	EXPECT_EQ(0, memcmp(&self->valid, self->req, variant->size));
}

/* The fields that errors write, too. */
static void set_blame(unsigned long nr, union request *req, pid_t tid, uint32_t bad_site)
{
	if (nr == VDSO_REMAP_MOVE)
		req->move.busy_tid = tid;
	if (nr == VDSO_REMAP_PROXY) {
		req->proxy.busy_tid = tid;
		req->proxy.bad_site = bad_site;
	}
}

TEST_F(command, clears_whom_an_error_does_not_blame)
{
	const struct {
		pid_t pid;
		uint32_t flags;
		int error;
	} faults[] = {
		{ .pid = -1, .error = ESRCH },
		{ .pid = getpid(), .error = EPERM },
		{ .flags = 1U << 31, .error = EINVAL },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		union request want = self->valid;

		want.head.pid = faults[i].pid;
		want.head.flags = faults[i].flags;
		*self->req = want;
		set_blame(variant->nr, self->req, 0x5a5a, 0x5a5a);
		set_blame(variant->nr, &want, 0, VDSO_REMAP_NO_SITE);
		EXPECT_EQ(-faults[i].error, t_ioctl(before.fd, variant->nr, self->req));
		EXPECT_EQ(0, memcmp(&want, self->req, variant->size));
	}
}

TEST_F(command, writes_nothing_into_a_structure_at_fault)
{
	union request want = self->valid;

	set_blame(variant->nr, &want, 0x5a5a, 0x5a5a);
	want.head.size = variant->size - 1;
	*self->req = want;
	EXPECT_EQ(-EINVAL, t_ioctl(before.fd, variant->nr, self->req));
	EXPECT_EQ(0, memcmp(&want, self->req, variant->size));

	want.head.size = variant->size + 8;
	*self->req = want;
	self->page[variant->size + 7] = 1;
	EXPECT_EQ(-E2BIG, t_ioctl(before.fd, variant->nr, self->req));
	EXPECT_EQ(0, memcmp(&want, self->req, variant->size));
}

TEST_F(command, refuses_null)
{
	EXPECT_TRUE(t_refused(&before, EFAULT, variant->nr, NULL));
}

TEST_F(command, refuses_size_field_across_unmapped_page)
{
	char *req = self->page + 2 * T_PAGE - 2;

	memcpy(req, &self->valid, 2);
	EXPECT_TRUE(t_refused(&before, EFAULT, variant->nr, req));
}

TEST_F(command, refuses_structure_across_unmapped_page)
{
	char *req = self->page + 2 * T_PAGE - variant->size + 8;

	memcpy(req, &self->valid, variant->size - 8);
	EXPECT_TRUE(t_refused(&before, EFAULT, variant->nr, req));
}

/* Where nothing is written back, there is nothing to refuse. */
TEST_F(command, refuses_read_only_structure_if_it_has_out_fields)
{
	ASSERT_EQ(0, mprotect(self->page, 2 * T_PAGE, PROT_READ));
	if (!variant->has_out) {
		EXPECT_EQ(0, t_ioctl(before.fd, variant->nr, self->req));
		return;
	}
	ASSERT_TRUE(t_maps_read(&before.maps, 0));
	EXPECT_TRUE(t_refused(&before, EFAULT, variant->nr, self->req));
	ASSERT_EQ(0, mprotect(self->page, 2 * T_PAGE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, t_ioctl(before.fd, variant->nr, self->req));
}

TEST_F(command, refuses_each_unknown_flag)
{
	unsigned int bit;

	for (bit = 0; bit < 32; bit++) {
		self->req->head.flags = 1U << bit;
		if (!(variant->known_flags & 1U << bit))
			EXPECT_TRUE(t_refused(&before, EINVAL, variant->nr, self->req));
	}
	memcpy(self->req, &self->valid, variant->size);
	EXPECT_EQ(0, t_ioctl(before.fd, variant->nr, self->req));
}

TEST_F(command, refuses_pid_of_no_task)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	self->req->head.pid = pid;
	EXPECT_ONE_FAULT(ESRCH);
}

TEST_F(command, refuses_negative_pids)
{
	self->req->head.pid = -1;
	EXPECT_TRUE(t_refused(&before, ESRCH, variant->nr, self->req));
	self->req->head.pid = INT_MIN;
	EXPECT_ONE_FAULT(ESRCH);
}

TEST_F(command, refuses_own_pid)
{
	self->req->head.pid = getpid();
	EXPECT_ONE_FAULT(EPERM);
}

TEST_F(command, refuses_kernel_thread)
{
	self->req->head.pid = 2;
	EXPECT_ONE_FAULT(EPERM);
}

static struct t_maps child_maps, child_maps_after;

/* Makes the request one about a child, which lives until the test is over. */
static bool ask_about_child(FIXTURE_DATA(command) *self)
{
	if (!t_child_start(&self->child) || !t_maps_read(&child_maps, self->child.pid))
		return false;
	self->req->head.pid = self->child.pid;
	return t_maps_read(&before.maps, 0);
}

#define EXPECT_REFUSED_AND_CHILD_UNCHANGED(error)				\
do {										\
	EXPECT_TRUE(t_refused(&before, error, variant->nr, self->req));	\
	EXPECT_TRUE(t_maps_read(&child_maps_after, self->child.pid));		\
	EXPECT_TRUE(t_maps_equal(&child_maps, &child_maps_after));		\
} while (0)

TEST_F(command, accepted_when_stopped_by_caller)
{
	ASSERT_TRUE(ask_about_child(self));
	ASSERT_TRUE(t_seize_and_stop(self->child.pid));
	EXPECT_EQ(0, t_ioctl(before.fd, variant->nr, self->req));
	EXPECT_TRUE(t_state_is(&before));
}

TEST_F(command, refuses_untraced)
{
	ASSERT_TRUE(ask_about_child(self));
	EXPECT_REFUSED_AND_CHILD_UNCHANGED(EPERM);
}

TEST_F(command, refuses_stopped_but_untraced)
{
	ASSERT_TRUE(ask_about_child(self));
	ASSERT_EQ(0, kill(self->child.pid, SIGSTOP));
	ASSERT_TRUE(t_wait_for_task_state(self->child.pid, "T"));
	EXPECT_REFUSED_AND_CHILD_UNCHANGED(EPERM);
}

TEST_F(command, refuses_traced_but_running)
{
	ASSERT_TRUE(ask_about_child(self));
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, self->child.pid, 0, 0));
	EXPECT_REFUSED_AND_CHILD_UNCHANGED(ESRCH);
}

TEST_F(command, refuses_traced_and_resumed)
{
	ASSERT_TRUE(ask_about_child(self));
	ASSERT_TRUE(t_seize_and_stop(self->child.pid));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, self->child.pid, 0, 0));
	EXPECT_REFUSED_AND_CHILD_UNCHANGED(ESRCH);
}

TEST_F(command, refuses_zombie)
{
	siginfo_t info;

	ASSERT_TRUE(ask_about_child(self));
	ASSERT_TRUE(t_seize_and_stop(self->child.pid));
	ASSERT_EQ(0, kill(self->child.pid, SIGKILL));
	ASSERT_EQ(0, waitid(P_PID, self->child.pid, &info, WEXITED | WNOWAIT));
	EXPECT_TRUE(t_refused(&before, ESRCH, variant->nr, self->req));
}

static long seize_and_stop(uint64_t pid)
{
	return t_seize_and_stop(pid);
}

TEST_F(command, refuses_traced_by_another_process)
{
	struct t_child tracer;

	ASSERT_TRUE(ask_about_child(self));
	ASSERT_TRUE(t_child_start(&tracer));
	EXPECT_EQ(1, t_child_call(&tracer, seize_and_stop, self->child.pid));
	EXPECT_REFUSED_AND_CHILD_UNCHANGED(EPERM);
	t_child_end(&tracer);
}

struct tracer {
	pid_t pid;
	bool stopped;
	pthread_barrier_t barrier;
};

/* A tracer that ends would let its tracee go: it stays till the test is over. */
static void *trace_from_thread(void *arg)
{
	struct tracer *tracer = arg;

	tracer->stopped = t_seize_and_stop(tracer->pid);
	pthread_barrier_wait(&tracer->barrier);
	pause();
	return NULL;
}

TEST_F(command, refuses_traced_by_another_thread)
{
	struct tracer tracer;
	pthread_t thread;

	ASSERT_TRUE(ask_about_child(self));
	tracer.pid = self->child.pid;
	ASSERT_EQ(0, pthread_barrier_init(&tracer.barrier, NULL, 2));
	ASSERT_EQ(0, pthread_create(&thread, NULL, trace_from_thread, &tracer));
	pthread_barrier_wait(&tracer.barrier);
	ASSERT_TRUE(tracer.stopped);
	ASSERT_TRUE(t_maps_read(&before.maps, 0));
	EXPECT_REFUSED_AND_CHILD_UNCHANGED(EPERM);
}

TEST(map_refuses_reserved)
{
	union request req = { .map.size = sizeof(req.map) };

	prepare_map(&req, t_group_hole());
	ASSERT_TRUE(t_state_capture(&before, t_open(), 0));
	req.map.reserved = 1;
	EXPECT_TRUE(t_refused(&before, EINVAL, VDSO_REMAP_MAP, &req));
	req.map.reserved = 0;
	EXPECT_EQ(0, t_ioctl(before.fd, VDSO_REMAP_MAP, &req));
}

TEST_HARNESS_MAIN
