// SPDX-License-Identifier: GPL-2.0
/*
 * Who may do what: PROXY on the caller's own memory, which must not write what a plain
 * write could not, and all commands on a traced process.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include "arch/test.h"
#include "lib/capabilities.h"
#include "lib/child.h"
#include "lib/device.h"
#include "lib/image.h"
#include "lib/maps.h"
#include "lib/memory.h"
#include "lib/note.h"
#include "lib/state.h"
#include "lib/task.h"
#include "lib/vdso.h"

#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE	40
#endif

#define IMAGE_SIZE	(2 * T_PAGE)
#define RWX		(PROT_READ | PROT_WRITE | PROT_EXEC)

/* All capabilities but those of which one is enough. */
#define NO_RESTORE_CAPS	(~(T_CAP(CAP_CHECKPOINT_RESTORE) | T_CAP(CAP_SYS_ADMIN)))

static struct t_state state;	/* what a refused command must leave */
static struct t_image image;	/* readable and executable */
static struct vdso_remap_site site;

FIXTURE(permission) {
	int fd;
	struct vdso_remap_proxy req;	/* of one site, valid */
};

static bool prepare(int fd, struct vdso_remap_proxy *req)
{
	site = (struct vdso_remap_site){
		T_SLOT_SIZE, T_SLOT_SIZE, VDSO_REMAP_SITE_STUB, T_FUNCTION_STUB
	};
	*req = (struct vdso_remap_proxy){
		.size = sizeof(*req),
		.nr_sites = 1,
		.sites = (uintptr_t)&site,
		.image = T_IMAGE_ADDR,
		.image_size = IMAGE_SIZE,
	};
	return t_image_map(&image, T_IMAGE_ADDR, t_image_build(IMAGE_SIZE), IMAGE_SIZE) &&
	       t_state_capture(&state, fd, 0);
}

FIXTURE_SETUP(permission)
{
	self->fd = t_open();
	ASSERT_TRUE(prepare(self->fd, &self->req));
}

FIXTURE_TEARDOWN(permission)
{
}

/* PROXY with no other effective capabilities than these. */
static bool refused_with(uint64_t capabilities, int error, struct vdso_remap_proxy *req)
{
	bool ok = t_set_capabilities(capabilities);

	ok &= t_refused(&state, error, VDSO_REMAP_PROXY, req);
	ok &= t_image_is_expected(&image);
	return t_set_capabilities(T_ALL_CAPS) && ok;
}

static bool installs_with(uint64_t capabilities, struct vdso_remap_proxy *req)
{
	bool ok = t_set_capabilities(capabilities);
	int ret = t_ioctl(state.fd, VDSO_REMAP_PROXY, req);

	if (ret)
		t_note("PROXY: %s", strerror(-ret));
	ok &= t_state_is(&state);
	t_image_expect(&image, &site, 1, state.info.vdso);
	ok &= t_image_is_expected(&image);
	return t_set_capabilities(T_ALL_CAPS) && ok && !ret;
}

static bool protect(uint64_t start, uint64_t end, int prot)
{
	return !mprotect((void *)start, end - start, prot) && t_state_capture(&state, state.fd, 0);
}

/* The caller's own memory */

TEST_F(permission, does_not_write_where_its_caller_could_not)
{
	EXPECT_TRUE(refused_with(NO_RESTORE_CAPS, EACCES, &self->req));
	EXPECT_TRUE(refused_with(0, EACCES, &self->req));
	self->req.flags = VDSO_REMAP_PROXY_PARK | VDSO_REMAP_PROXY_MARK;
	self->req.addr = t_group_hole();
	EXPECT_TRUE(refused_with(NO_RESTORE_CAPS, EACCES, &self->req));
}

TEST_F(permission, does_not_write_where_only_some_pages_are_writable)
{
	ASSERT_TRUE(protect(T_IMAGE_ADDR, T_IMAGE_ADDR + T_PAGE, RWX));
	EXPECT_TRUE(refused_with(NO_RESTORE_CAPS, EACCES, &self->req));
	ASSERT_TRUE(protect(T_IMAGE_ADDR, T_IMAGE_ADDR + T_PAGE, PROT_READ | PROT_EXEC));
	ASSERT_TRUE(protect(T_IMAGE_ADDR + T_PAGE, T_IMAGE_ADDR + IMAGE_SIZE, RWX));
	EXPECT_TRUE(refused_with(NO_RESTORE_CAPS, EACCES, &self->req));
}

TEST_F(permission, writes_where_its_caller_could)
{
	ASSERT_TRUE(protect(T_IMAGE_ADDR, T_IMAGE_ADDR + IMAGE_SIZE, RWX));
	EXPECT_TRUE(installs_with(0, &self->req));
}

TEST_F(permission, heeds_protection_keys)
{
	int key = pkey_alloc(0, 0);

	if (key < 0) {
		ASSERT_FALSE(t_kernel_must_have("pkeys"));
		SKIP(return, "this kernel or processor has no protection keys");
	}
	ASSERT_EQ(0, pkey_mprotect((void *)T_IMAGE_ADDR, IMAGE_SIZE, RWX, key));
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	ASSERT_EQ(0, pkey_set(key, PKEY_DISABLE_WRITE));
	EXPECT_TRUE(refused_with(NO_RESTORE_CAPS, EACCES, &self->req));
	ASSERT_EQ(0, pkey_set(key, 0));
	EXPECT_TRUE(installs_with(0, &self->req));
	ASSERT_EQ(0, pkey_set(key, PKEY_DISABLE_WRITE));
	EXPECT_TRUE(installs_with(T_CAP(CAP_CHECKPOINT_RESTORE), &self->req));
}

TEST_F(permission, checkpoint_restore_alone_is_enough)
{
	EXPECT_TRUE(installs_with(T_CAP(CAP_CHECKPOINT_RESTORE), &self->req));
}

TEST_F(permission, sys_admin_alone_is_enough)
{
	EXPECT_TRUE(installs_with(T_CAP(CAP_SYS_ADMIN), &self->req));
}

TEST_F(permission, means_nothing_in_a_namespace_that_does_not_own_the_memory)
{
	ASSERT_EQ(0, unshare(CLONE_NEWUSER));
	EXPECT_TRUE(t_refused(&state, EACCES, VDSO_REMAP_PROXY, &self->req));
	EXPECT_TRUE(t_image_is_expected(&image));
}

#define IN_NAMESPACE	"in-a-namespace"

/* This program again: what it does instead of testing, as root of a user namespace. */
static void __attribute__((constructor)) run_in_namespace(int argc, char **argv)
{
	struct vdso_remap_proxy req;

	if (argc != 2 || strcmp(argv[1], IN_NAMESPACE))
		return;
	if (!prepare(t_open(), &req))
		_exit(2);
	if (!t_set_capabilities(0) || t_ioctl(state.fd, VDSO_REMAP_PROXY, &req) != -EACCES)
		_exit(3);
	if (!t_set_capabilities(T_CAP(CAP_CHECKPOINT_RESTORE)) ||
	    t_ioctl(state.fd, VDSO_REMAP_PROXY, &req))
		_exit(4);
	t_image_expect(&image, &site, 1, 0);
	_exit(t_image_is_expected(&image) ? 0 : 5);
}

static bool map_root(void)
{
	int fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, "0 0 1", 5) == 5;

	close(fd);
	return ok;
}

TEST_F(permission, is_enough_in_the_namespace_that_owns_the_memory)
{
	int status;

	if (!fork()) {
		if (!unshare(CLONE_NEWUSER) && map_root())
			execl("/proc/self/exe", "test", IN_NAMESPACE, NULL);
		_exit(1);
	}
	ASSERT_LT(0, wait(&status));
	EXPECT_EQ(0, status);
}

#if T_CODE_ALIGN == 1	/* else who chooses the site can choose fewer bytes */
/*
 * The highest byte of a near jump says how many times 16 MiB it is to its target. Who
 * chooses the site and where the group is parked chooses that byte. From the last one
 * to the first, each site one byte lower, the bytes stay that are behind the next.
 */
TEST_F(permission, does_not_leave_bytes_of_the_callers_choice)
{
	static const char text[] = "any bytes at all";
	const uint32_t off = 64, end = off + sizeof(text) - 1;

	site.kind = VDSO_REMAP_SITE_JUMP;
	site.target = t_entry_point(T_FUNCTION);
	site.room = T_NEAR_JUMP_SIZE;
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	for (uint32_t at = end; at-- > off;) {
		site.off = at - 4;
		/* by turns, so that it does not overlap where it is */
		self->req.addr = T_IMAGE_ADDR + ((uint64_t)text[at - off] << 24) +
				 (at % 2 ? 0x400000 : 0x800000);
		ASSERT_TRUE(refused_with(NO_RESTORE_CAPS, EACCES, &self->req));
		/* Without the capability it is refused. With it, this is what it does: */
		ASSERT_EQ(0, t_ioctl(self->fd, VDSO_REMAP_PROXY, &self->req));
		ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
		t_image_expect(&image, &site, 1, state.info.vdso);
	}
	EXPECT_EQ(0, memcmp(image.addr + off, text, sizeof(text) - 1));
}
#endif

/* A traced process's */

static long image_is_expected(uint64_t arg)
{
	return t_image_is_expected(&image);
}

TEST_F(permission, of_a_tracer_needs_no_capability)
{
	struct t_child child;

	t_image_expect(&image, &site, 1, state.info.vdso);
	ASSERT_TRUE(t_child_start(&child));
	ASSERT_TRUE(t_set_capabilities(0));
	ASSERT_TRUE(t_seize_and_stop(child.pid));
	self->req.pid = child.pid;
	EXPECT_EQ(0, t_ioctl(self->fd, VDSO_REMAP_PROXY, &self->req));
	ASSERT_TRUE(t_detach(child.pid));
	EXPECT_EQ(1, t_child_call(&child, image_is_expected, 0));
	t_child_end(&child);
}

static int sleep_for_ever(void *arg)
{
	for (;;)
		pause();
	return 0;
}

/* To be its own tracee's tracer is no way round: the memory counts. */
TEST_F(permission, of_a_tracer_is_no_more_where_it_shares_the_memory)
{
	pid_t pid = t_spawn_sharing_mm(0, sleep_for_ever, NULL);

	ASSERT_LT(0, pid);
	ASSERT_TRUE(t_seize_and_stop(pid));
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	self->req.pid = pid;
	EXPECT_TRUE(refused_with(NO_RESTORE_CAPS, EACCES, &self->req));
	EXPECT_TRUE(installs_with(T_CAP(CAP_CHECKPOINT_RESTORE), &self->req));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, __WALL);
}

static bool says(const char *command, int ret, int error)
{
	if (ret != -error)
		t_note("%s: %d (%s), wanted: %s", command, ret, strerror(-ret), strerror(error));
	return ret == -error;
}

/* Every command fails with this error; or, if it is 0, none does but MAP beside a group. */
static bool all_say(FIXTURE_DATA(permission) *self, int error, pid_t pid)
{
	struct vdso_remap_info info = { .size = sizeof(info), .pid = pid };
	struct vdso_remap_map map = { .size = sizeof(map), .pid = pid, .addr = t_group_hole() };
	struct vdso_remap_move move = { .size = sizeof(move), .pid = pid, .addr = t_group_hole() };
	struct vdso_remap_proxy proxy = self->req;
	bool ok;

	proxy.pid = pid;
	ok = says("GET_INFO", t_ioctl(self->fd, VDSO_REMAP_GET_INFO, &info), error);
	ok &= says("MAP", t_ioctl(self->fd, VDSO_REMAP_MAP, &map), error ?: EEXIST);
	ok &= says("PROXY", t_ioctl(self->fd, VDSO_REMAP_PROXY, &proxy), error);
	ok &= says("MOVE", t_ioctl(self->fd, VDSO_REMAP_MOVE, &move), error);
	return ok;
}

static bool wait_for_stop(pid_t pid, int sig, int event)
{
	int status = 0;

	if (waitpid(pid, &status, __WALL) == pid && status >> 8 == (sig | event << 8))
		return true;
	t_note("%d does not stop as it should: %x", pid, status);
	return false;
}

static long become_undumpable(uint64_t arg)
{
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* A stopped child, not dumpable any more, and seized with no other capabilities than these. */
static void start_undumpable(struct __test_metadata *_metadata, struct t_child *child,
			     uint64_t capabilities)
{
	ASSERT_TRUE(t_child_start(child));
	ASSERT_TRUE(t_set_capabilities(capabilities));
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, child->pid, 0, 0));
	/* What counts is who its tracer was then. */
	ASSERT_TRUE(t_set_capabilities(T_ALL_CAPS));
	ASSERT_EQ(0, t_child_call(child, become_undumpable, 0));
	ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, child->pid, 0, 0));
	ASSERT_TRUE(wait_for_stop(child->pid, SIGTRAP, PTRACE_EVENT_STOP));
}

static long poke(pid_t pid)
{
	return ptrace(PTRACE_POKEDATA, pid, (void *)T_IMAGE_ADDR, *(long *)T_IMAGE_ADDR) ?
		-errno : 0;
}

TEST_F(permission, of_a_tracer_ends_where_its_tracee_is_not_dumpable)
{
	static struct t_maps before, after;
	static uint8_t bytes[2 * T_PAGE_MAX];
	struct t_child child;

	start_undumpable(_metadata, &child, ~T_CAP(CAP_SYS_PTRACE));
	ASSERT_TRUE(t_maps_read(&before, child.pid));
	ASSERT_EQ(-EIO, poke(child.pid));
	EXPECT_TRUE(all_say(self, EPERM, child.pid));
	ASSERT_TRUE(t_maps_read(&after, child.pid));
	EXPECT_TRUE(t_maps_equal(&before, &after));
	ASSERT_TRUE(t_mem_read(child.pid, T_IMAGE_ADDR, bytes, IMAGE_SIZE));
	EXPECT_EQ(0, memcmp(bytes, image.pristine, IMAGE_SIZE));
	t_child_end(&child);
}

TEST_F(permission, of_a_tracer_with_sys_ptrace_does_not)
{
	struct t_child child;

	start_undumpable(_metadata, &child, T_CAP(CAP_SYS_PTRACE));
	ASSERT_EQ(0, poke(child.pid));
	EXPECT_TRUE(all_say(self, 0, child.pid));
	t_child_end(&child);
}

/* It is in a group-stop, which SIGCONT ends whatever its tracer does. */
TEST_F(permission, of_a_tracer_ends_while_its_tracee_only_listens)
{
	struct t_child child;

	ASSERT_TRUE(t_child_start(&child));
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, child.pid, 0, 0));
	ASSERT_EQ(0, kill(child.pid, SIGSTOP));
	ASSERT_TRUE(wait_for_stop(child.pid, SIGSTOP, 0));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, child.pid, 0, SIGSTOP));
	ASSERT_TRUE(wait_for_stop(child.pid, SIGSTOP, PTRACE_EVENT_STOP));
	ASSERT_TRUE(t_state_capture(&state, self->fd, child.pid));

	ASSERT_EQ(0, ptrace(PTRACE_LISTEN, child.pid, 0, 0));
	ASSERT_EQ(-ESRCH, poke(child.pid));
	EXPECT_TRUE(all_say(self, ESRCH, child.pid));

	ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, child.pid, 0, 0));
	ASSERT_TRUE(wait_for_stop(child.pid, SIGSTOP, PTRACE_EVENT_STOP));
	EXPECT_TRUE(t_state_is(&state));
	ASSERT_EQ(0, poke(child.pid));
	EXPECT_TRUE(all_say(self, 0, child.pid));
	t_child_end(&child);
}

TEST_HARNESS_MAIN
