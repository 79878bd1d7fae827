// SPDX-License-Identifier: GPL-2.0
/*
 * Sealed groups: by the kernel that gave them (CONFIG_MSEAL_SYSTEM_MAPPINGS) or,
 * where it does not, by these tests with mseal(2). The rule is the same.
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "arch/test.h"
#include "lib/capabilities.h"
#include "lib/child.h"
#include "lib/clock.h"
#include "lib/device.h"
#include "lib/image.h"
#include "lib/maps.h"
#include "lib/memory.h"
#include "lib/note.h"
#include "lib/state.h"
#include "lib/task.h"
#include "lib/vdso.h"

#ifndef SYS_mseal
#define SYS_mseal	462
#endif
#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE	40
#endif

#define ALLOW_UNSEAL	"/sys/module/vdso_remap/parameters/allow_unseal"
#define IMAGE_SIZE	(2 * T_PAGE)
#define NO_SEALS	"no mseal(2) before Linux 6.10"
/* Either of them is enough. */
#define RESTORE_CAPS	(T_CAP(CAP_CHECKPOINT_RESTORE) | T_CAP(CAP_SYS_ADMIN))

static struct t_state state;	/* what is to be expected */
static struct t_image image;
static struct vdso_remap_site site;

/*
 * sealed: there is a sealed group; false: this kernel knows no seals
 * by_kernel: it was sealed from the start
 * group: where it is
 * move: to a hole, with UNSEAL, valid where that is allowed
 * proxy: the same for PARK, of one site
 */
FIXTURE(seal) {
	bool sealed;
	bool by_kernel;
	struct t_group group;
	struct vdso_remap_move move;
	struct vdso_remap_proxy proxy;
};

static long seal(uint64_t start, uint64_t end)
{
	return syscall(SYS_mseal, start, end - start, 0);
}

/* False: this kernel knows no seals. Any other reason not to is a failure. */
static bool is_sealed(struct __test_metadata *_metadata, uint64_t start, uint64_t end)
{
	if (!seal(start, end))
		return true;
	ASSERT_EQ(ENOSYS, errno);
	ASSERT_FALSE(t_kernel_must_have("mseal"));
	return false;
}

static bool allow_unseal(bool allow)
{
	int fd = open(ALLOW_UNSEAL, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, allow ? "Y" : "N", 1) == 1;

	if (!ok)
		t_note(ALLOW_UNSEAL ": %s", strerror(errno));
	close(fd);
	return ok;
}

FIXTURE_SETUP(seal)
{
	memset(self, 0, sizeof(*self));
	ASSERT_TRUE(allow_unseal(true));
	ASSERT_TRUE(t_state_capture(&state, t_open(), 0));
	ASSERT_TRUE(t_group_find(&self->group, &state.maps));
	self->move = (struct vdso_remap_move){
		.size = sizeof(self->move),
		.flags = VDSO_REMAP_MOVE_UNSEAL,
		.addr = t_group_hole(),
	};
	site = (struct vdso_remap_site){
		T_SLOT_SIZE, T_SLOT_SIZE, VDSO_REMAP_SITE_JUMP, t_entry_point(T_FUNCTION)
	};
	self->proxy = (struct vdso_remap_proxy){
		.size = sizeof(self->proxy),
		.flags = VDSO_REMAP_PROXY_PARK | VDSO_REMAP_PROXY_UNSEAL,
		.nr_sites = 1,
		.sites = (uintptr_t)&site,
		.image = T_IMAGE_ADDR,
		.image_size = IMAGE_SIZE,
		.addr = self->move.addr,
	};
	ASSERT_TRUE(t_image_map(&image, T_IMAGE_ADDR, t_image_build(IMAGE_SIZE), IMAGE_SIZE));
	self->by_kernel = state.info.state & VDSO_REMAP_AREA_SEALED;
	ASSERT_TRUE(self->by_kernel || !t_kernel_must_have("sealed-vdso"));
	self->sealed = self->by_kernel || is_sealed(_metadata, self->group.start, self->group.end);
	ASSERT_TRUE(t_state_capture(&state, state.fd, 0));
}

FIXTURE_TEARDOWN(seal)
{
	allow_unseal(false);
}

static bool moves(FIXTURE_DATA(seal) *self)
{
	int ret = t_ioctl(state.fd, VDSO_REMAP_MOVE, &self->move);

	if (ret)
		t_note("MOVE: %s", strerror(-ret));
	t_state_move(&state, self->move.addr);
	return t_state_is(&state) && !ret;
}

static bool refused(FIXTURE_DATA(seal) *self, int error)
{
	return t_refused(&state, error, VDSO_REMAP_MOVE, &self->move);
}

static bool parking_refused(FIXTURE_DATA(seal) *self, int error)
{
	return t_refused(&state, error, VDSO_REMAP_PROXY, &self->proxy) &&
	       t_image_is_expected(&image);
}

/* What UNSEAL leaves in the kernel's log. First, since it is ten lines in five seconds at most. */

/* From now on; read it by log_says(). */
static int open_log(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (log < 0 || lseek(log, 0, SEEK_END) < 0)
		t_note("/dev/kmsg: %s", strerror(errno));
	return log;
}

/*
 * What the module has written meanwhile is this line, or nothing if there is none. The
 * device gives one record at each read.
 */
static bool log_says(int log, const char *line)
{
	bool said = !line, right = true;
	char record[1024];
	ssize_t size;

	/* EPIPE: others have written so much that some of it is gone */
	while ((size = read(log, record, sizeof(record) - 1)) > 0 || (size < 0 && errno == EPIPE)) {
		const char *text;

		record[size > 0 ? size : 0] = 0;
		record[strcspn(record, "\n")] = 0;
		text = strstr(record, ";vdso_remap: ");
		if (!text)
			continue;
		text++;
		if (!said && !strcmp(text, line)) {
			said = true;
			continue;
		}
		t_note("the log says: %s", text);
		right = false;
	}
	if (!said)
		t_note("the log does not say: %s", line);
	return said && right;
}

/* By this program, of this task, that has the group there now. */
static const char *unseal_line(pid_t of, uint64_t start)
{
	static char line[256];

	snprintf(line, sizeof(line),
		 "vdso_remap: test_seal[%d] of user 0 unsealed the vDSO of test_seal[%d] at %llx, by allow_unseal=1",
		 getpid(), of, (unsigned long long)start);
	return line;
}

TEST_F(seal, is_lifted_with_a_line_in_the_log)
{
	uint64_t before = self->group.text - self->group.start;
	int log = open_log();

	if (!self->sealed)
		SKIP(return, NO_SEALS);
	ASSERT_EQ(0, t_ioctl(state.fd, VDSO_REMAP_MOVE, &self->move));
	EXPECT_TRUE(log_says(log, unseal_line(getpid(), self->move.addr - before)));
	self->proxy.addr = t_group_hole();
	ASSERT_EQ(0, t_ioctl(state.fd, VDSO_REMAP_PROXY, &self->proxy));
	EXPECT_TRUE(log_says(log, unseal_line(getpid(), self->proxy.addr - before)));
	self->proxy.flags = VDSO_REMAP_PROXY_MARK | VDSO_REMAP_PROXY_UNSEAL;
	before = self->proxy.addr - before;
	self->proxy.addr = 0;
	ASSERT_EQ(0, t_ioctl(state.fd, VDSO_REMAP_PROXY, &self->proxy));
	EXPECT_TRUE(log_says(log, unseal_line(getpid(), before)));
}

TEST_F(seal, of_another_process_is_lifted_with_a_line_that_names_it)
{
	uint64_t before = self->group.text - self->group.start;
	struct t_child child;
	int log = open_log();

	if (!self->sealed)
		SKIP(return, NO_SEALS);
	ASSERT_TRUE(t_child_start(&child));
	ASSERT_TRUE(t_seize_and_stop(child.pid));
	self->move.pid = child.pid;
	ASSERT_EQ(0, t_ioctl(state.fd, VDSO_REMAP_MOVE, &self->move));
	EXPECT_TRUE(log_says(log, unseal_line(child.pid, self->move.addr - before)));
	t_child_end(&child);
}

TEST_F(seal, is_not_mentioned_where_it_stays)
{
	int log = open_log();

	if (!self->sealed)
		SKIP(return, NO_SEALS);
	ASSERT_TRUE(allow_unseal(false));
	EXPECT_EQ(-EPERM, t_ioctl(state.fd, VDSO_REMAP_MOVE, &self->move));
	ASSERT_TRUE(allow_unseal(true));
	self->move.addr++;
	EXPECT_EQ(-EINVAL, t_ioctl(state.fd, VDSO_REMAP_MOVE, &self->move));
	self->proxy.flags = VDSO_REMAP_PROXY_MARK;
	self->proxy.addr = 0;
	EXPECT_EQ(-EPERM, t_ioctl(state.fd, VDSO_REMAP_PROXY, &self->proxy));
	self->proxy.flags = 0;
	EXPECT_EQ(0, t_ioctl(state.fd, VDSO_REMAP_PROXY, &self->proxy));
	EXPECT_TRUE(log_says(log, NULL));
}

TEST_F(seal, is_reported)
{
	if (!self->sealed)
		SKIP(return, NO_SEALS);
	EXPECT_TRUE(state.info.state & VDSO_REMAP_AREA_SEALED);
	for (unsigned int i = 0; i < state.info.nr_areas; i++)
		EXPECT_TRUE(state.info.areas[i].flags & VDSO_REMAP_AREA_SEALED);
	EXPECT_TRUE(state.info.features & VDSO_REMAP_FEATURE_UNSEAL);
	ASSERT_TRUE(allow_unseal(false));
	ASSERT_TRUE(t_state_capture(&state, state.fd, 0));
	EXPECT_FALSE(state.info.features & VDSO_REMAP_FEATURE_UNSEAL);
}

static bool can_not_be_moved_by_hand(const struct t_group *group)
{
	uint64_t size = group->end - group->text;
	void *to = (void *)t_hole(size);

	return mremap((void *)group->text, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) ==
	       MAP_FAILED && errno == EPERM &&
	       munmap((void *)group->start, T_PAGE) && errno == EPERM &&
	       mprotect((void *)group->text, size, PROT_READ) && errno == EPERM;
}

TEST_F(seal, keeps_everyone_from_moving_it_by_hand)
{
	if (!self->sealed)
		SKIP(return, NO_SEALS);
	EXPECT_TRUE(can_not_be_moved_by_hand(&self->group));
	EXPECT_TRUE(t_state_is(&state));
}

TEST_F(seal, moves_and_is_sealed_again)
{
	static struct t_maps maps;
	struct t_group group;

	if (!self->sealed)
		SKIP(return, NO_SEALS);
	ASSERT_TRUE(moves(self));
	ASSERT_TRUE(t_maps_read(&maps, 0));
	ASSERT_TRUE(t_group_find(&group, &maps));
	EXPECT_TRUE(can_not_be_moved_by_hand(&group));
	self->move.flags = 0;
	self->move.addr = self->group.text;
	EXPECT_TRUE(refused(self, EPERM));
	self->move.flags = VDSO_REMAP_MOVE_UNSEAL;
	EXPECT_TRUE(moves(self));
}

TEST_F(seal, keeps_its_private_page)
{
	const uint8_t breakpoint = T_TRAP_BYTE;

	if (!self->sealed)
		SKIP(return, NO_SEALS);
	ASSERT_TRUE(t_mem_write(0, self->group.end - 1, &breakpoint, 1));
	ASSERT_TRUE(t_state_capture(&state, state.fd, 0));
	EXPECT_TRUE(moves(self));
}

TEST_F(seal, moves_for_checkpoint_restore_alone)
{
	if (!self->sealed)
		SKIP(return, NO_SEALS);
	ASSERT_TRUE(t_set_capabilities(T_CAP(CAP_CHECKPOINT_RESTORE)));
	EXPECT_EQ(0, t_ioctl(state.fd, VDSO_REMAP_MOVE, &self->move));
}

TEST_F(seal, moves_for_sys_admin_alone)
{
	if (!self->sealed)
		SKIP(return, NO_SEALS);
	ASSERT_TRUE(t_set_capabilities(T_CAP(CAP_SYS_ADMIN)));
	EXPECT_EQ(0, t_ioctl(state.fd, VDSO_REMAP_MOVE, &self->move));
}

TEST_F(seal, stays_without_the_flag)
{
	if (!self->sealed)
		SKIP(return, NO_SEALS);
	self->move.flags = 0;
	EXPECT_TRUE(refused(self, EPERM));
	self->proxy.flags = VDSO_REMAP_PROXY_PARK;
	EXPECT_TRUE(parking_refused(self, EPERM));
}

TEST_F(seal, stays_without_the_parameter)
{
	if (!self->sealed)
		SKIP(return, NO_SEALS);
	ASSERT_TRUE(allow_unseal(false));
	ASSERT_TRUE(t_state_capture(&state, state.fd, 0));
	EXPECT_TRUE(refused(self, EPERM));
	EXPECT_TRUE(parking_refused(self, EPERM));
}

TEST_F(seal, stays_without_the_capabilities)
{
	if (!self->sealed)
		SKIP(return, NO_SEALS);
	ASSERT_TRUE(t_set_capabilities(~RESTORE_CAPS));
	EXPECT_TRUE(refused(self, EPERM));
	EXPECT_TRUE(parking_refused(self, EPERM));
}

TEST_F(seal, stays_for_root_of_another_user_namespace)
{
	if (!self->sealed)
		SKIP(return, NO_SEALS);
	ASSERT_EQ(0, unshare(CLONE_NEWUSER));
	EXPECT_TRUE(refused(self, EPERM));
	EXPECT_TRUE(parking_refused(self, EPERM));
}

TEST_F(seal, keeps_the_mark_out_of_a_group_that_stays)
{
	if (!self->sealed)
		SKIP(return, NO_SEALS);
	self->proxy.addr = 0;
	self->proxy.flags = VDSO_REMAP_PROXY_MARK;
	EXPECT_TRUE(parking_refused(self, EPERM));
	self->proxy.flags |= VDSO_REMAP_PROXY_UNSEAL;
	EXPECT_EQ(0, t_ioctl(state.fd, VDSO_REMAP_PROXY, &self->proxy));
	EXPECT_EQ(VDSO_REMAP_MARK_SIGNATURE, *(uint64_t *)self->group.text);
	EXPECT_TRUE(can_not_be_moved_by_hand(&self->group));
}

TEST_F(seal, flag_needs_park_or_mark)
{
	self->proxy.flags = VDSO_REMAP_PROXY_UNSEAL;
	self->proxy.addr = 0;
	EXPECT_TRUE(parking_refused(self, EINVAL));
}

TEST_F(seal, parks_and_is_sealed_again)
{
	if (!self->sealed)
		SKIP(return, NO_SEALS);
	ASSERT_EQ(0, t_ioctl(state.fd, VDSO_REMAP_PROXY, &self->proxy));
	t_state_move(&state, self->proxy.addr);
	EXPECT_TRUE(t_state_is(&state));
	t_image_expect(&image, &site, 1, state.info.vdso);
	EXPECT_TRUE(t_image_is_expected(&image));
}

/* vdso_remap_restore() of a copy of the own vDSO: refused without the flag, then sealed again. */
static void restores(struct __test_metadata *_metadata, FIXTURE_DATA(seal) *self, uint32_t flags,
		     int outcome)
{
	uint64_t before = self->group.text - self->group.start;
	struct vdso_remap_restore_args restore = {
		.size = sizeof(restore),
		.fd = state.fd,
		.flags = flags,
		.image = t_group_hole(),
		.image_data_size = before,
	};
	struct t_group group = {};
	struct t_image copy;
	const void *bytes;
	size_t size;

	bytes = t_vdso_image(&size);
	ASSERT_TRUE(t_image_map(&copy, restore.image, bytes, size));
	restore.image_size = size;
	restore.image_data = restore.image - before;
	ASSERT_TRUE(t_state_capture(&state, state.fd, 0));
	EXPECT_EQ(-EPERM, vdso_remap_restore(&restore));
	EXPECT_TRUE(t_state_is(&state));
	EXPECT_TRUE(t_image_is_expected(&copy));

	restore.flags |= VDSO_REMAP_UNSEAL;
	ASSERT_EQ(0, vdso_remap_restore(&restore));
	EXPECT_EQ(outcome, restore.outcome);
	ASSERT_TRUE(t_state_capture(&state, state.fd, 0));
	EXPECT_EQ(restore.runtime, state.info.vdso);
	EXPECT_NE(self->group.text, state.info.vdso);
	for (unsigned int i = 0; i < state.info.nr_areas; i++)
		EXPECT_TRUE(state.info.areas[i].flags & VDSO_REMAP_AREA_SEALED);
	ASSERT_TRUE(t_group_find(&group, &state.maps));
	EXPECT_TRUE(can_not_be_moved_by_hand(&group));
	EXPECT_TRUE(t_time_between_syscalls(restore.image));
}

TEST_F(seal, lets_a_restore_move_it_in_place)
{
	if (!self->sealed)
		SKIP(return, NO_SEALS);
	restores(_metadata, self, 0, VDSO_REMAP_IN_PLACE);
}

TEST_F(seal, lets_a_restore_park_and_mark_it)
{
	if (!self->sealed)
		SKIP(return, NO_SEALS);
	restores(_metadata, self, VDSO_REMAP_FORCE_PROXY, VDSO_REMAP_PROXIED);
}

TEST_F(seal, does_not_matter_to_what_leaves_the_group_where_it_is)
{
	if (!self->sealed)
		SKIP(return, NO_SEALS);
	ASSERT_TRUE(allow_unseal(false));
	ASSERT_TRUE(t_state_capture(&state, state.fd, 0));
	self->proxy.flags = 0;
	self->proxy.addr = 0;
	ASSERT_EQ(0, t_ioctl(state.fd, VDSO_REMAP_PROXY, &self->proxy));
	EXPECT_TRUE(t_state_is(&state));
	t_image_expect(&image, &site, 1, state.info.vdso);
	EXPECT_TRUE(t_image_is_expected(&image));
}

TEST_F(seal, of_the_image_keeps_proxy_out)
{
	if (!self->sealed)
		SKIP(return, NO_SEALS);
	ASSERT_EQ(0, seal(T_IMAGE_ADDR + T_PAGE, T_IMAGE_ADDR + 2 * T_PAGE));
	ASSERT_TRUE(t_state_capture(&state, state.fd, 0));
	EXPECT_TRUE(parking_refused(self, EPERM));
	self->proxy.flags = 0;
	self->proxy.addr = 0;
	EXPECT_TRUE(parking_refused(self, EPERM));
}

/* Something of two pages, the second of them sealed, where the group's first ones would be. */
static void *half_sealed(FIXTURE_DATA(seal) *self)
{
	uint64_t start = self->move.addr - (self->group.text - self->group.start);
	void *map = mmap((void *)start, 2 * T_PAGE, PROT_READ,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	return seal(start + T_PAGE, start + 2 * T_PAGE) ? MAP_FAILED : map;
}

TEST_F(seal, of_what_is_in_the_way_keeps_replace_out)
{
	if (!self->sealed)
		SKIP(return, NO_SEALS);
	ASSERT_NE(MAP_FAILED, half_sealed(self));
	ASSERT_TRUE(t_state_capture(&state, state.fd, 0));
	self->move.flags |= VDSO_REMAP_MOVE_REPLACE;
	EXPECT_TRUE(refused(self, EPERM));
	self->proxy.flags |= VDSO_REMAP_PROXY_REPLACE;
	EXPECT_TRUE(parking_refused(self, EPERM));
}

TEST_F(seal, is_inherited_by_a_child_that_can_move_as_well)
{
	int status;

	if (!self->sealed)
		SKIP(return, NO_SEALS);
	if (!fork())
		_exit(t_state_is(&state) && moves(self) ? 0 : 1);
	ASSERT_LT(0, wait(&status));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(t_state_is(&state));
}

/* The worker that moves another process's group may do everything: the caller is asked. */
TEST_F(seal, of_another_process_asks_the_callers_capabilities)
{
	struct t_child child;

	if (!self->sealed)
		SKIP(return, NO_SEALS);
	ASSERT_TRUE(t_child_start(&child));
	ASSERT_TRUE(t_seize_and_stop(child.pid));
	ASSERT_TRUE(t_state_capture(&state, state.fd, child.pid));
	self->move.pid = child.pid;
	self->proxy.pid = child.pid;

	ASSERT_TRUE(t_set_capabilities(~RESTORE_CAPS));
	EXPECT_TRUE(refused(self, EPERM));
	EXPECT_TRUE(t_refused(&state, EPERM, VDSO_REMAP_PROXY, &self->proxy));
	t_child_end(&child);
}

TEST_F(seal, of_another_process_moves)
{
	struct t_child child;

	if (!self->sealed)
		SKIP(return, NO_SEALS);
	ASSERT_TRUE(t_child_start(&child));
	ASSERT_TRUE(t_seize_and_stop(child.pid));
	ASSERT_TRUE(t_state_capture(&state, state.fd, child.pid));
	self->move.pid = child.pid;
	EXPECT_TRUE(moves(self));
	ASSERT_TRUE(t_detach(child.pid));
	EXPECT_TRUE(t_child_time_between_syscalls(&child, self->move.addr));
	t_child_end(&child);
}

/* A child without a vDSO: nobody can unmap a sealed one, but it need not be inherited. */
static int map_anew(FIXTURE_DATA(seal) *self)
{
	struct vdso_remap_map map = { .size = sizeof(map), .addr = self->move.addr };
	bool sealed;

	if (!t_state_capture(&state, state.fd, 0) || state.info.nr_areas)
		return 2;
	if (t_ioctl(state.fd, VDSO_REMAP_MAP, &map) || !t_state_capture(&state, state.fd, 0))
		return 3;
	sealed = state.info.state & VDSO_REMAP_AREA_SEALED;
	if (sealed != self->by_kernel || !t_time_between_syscalls(state.info.vdso))
		return 4;
	self->move.addr = t_group_hole();
	self->move.flags = 0;
	return (sealed ? refused(self, EPERM) : moves(self)) ? 0 : 5;
}

TEST_F(seal, of_a_fresh_group_is_the_kernels_choice)
{
	int status;

	if (!self->sealed)
		SKIP(return, NO_SEALS);
	if (madvise((void *)self->group.start, self->group.end - self->group.start,
		    MADV_DONTFORK))
		SKIP(return, "this kernel counts MADV_DONTFORK among what a seal forbids");
	if (!fork())
		_exit(map_anew(self));
	ASSERT_LT(0, wait(&status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_EQ(0, WTERMSIG(status));
}

/* Groups that are not sealed, or not as a whole: only where the kernel leaves that to us */

static bool capture_unsealed(void)
{
	return t_state_capture(&state, t_open(), 0) && !(state.info.state & VDSO_REMAP_AREA_SEALED);
}

static int move(uint32_t flags, uint64_t addr)
{
	struct vdso_remap_move req = { .size = sizeof(req), .flags = flags, .addr = addr };

	return t_ioctl(state.fd, VDSO_REMAP_MOVE, &req);
}

TEST(flag_means_nothing_without_a_seal)
{
	uint64_t addr = t_group_hole();
	int log = open_log();

	if (!capture_unsealed())
		SKIP(return, "this kernel seals all groups");
	EXPECT_EQ(0, move(VDSO_REMAP_MOVE_UNSEAL, addr));
	t_state_move(&state, addr);
	EXPECT_TRUE(t_state_is(&state));
	EXPECT_TRUE(log_says(log, NULL));
}

static void one_sealed_area(struct __test_metadata *_metadata, unsigned int which)
{
	const struct vdso_remap_area *area;
	uint64_t addr = t_group_hole();

	if (!capture_unsealed())
		SKIP(return, "this kernel seals all areas");
	area = &state.info.areas[which < state.info.nr_areas ? which : state.info.nr_areas - 1];
	if (!is_sealed(_metadata, area->start, area->start + area->size))
		SKIP(return, NO_SEALS);
	ASSERT_TRUE(t_state_capture(&state, state.fd, 0));
	EXPECT_EQ(-EPERM, move(0, addr));
	EXPECT_TRUE(t_state_is(&state));
	ASSERT_TRUE(allow_unseal(true));
	EXPECT_EQ(0, move(VDSO_REMAP_MOVE_UNSEAL, addr));
	ASSERT_TRUE(allow_unseal(false));
	state.info.features &= ~VDSO_REMAP_FEATURE_UNSEAL;
	t_state_move(&state, addr);
	EXPECT_TRUE(t_state_is(&state));
}

TEST(one_sealed_area_is_enough_the_first)
{
	one_sealed_area(_metadata, 0);
}

TEST(one_sealed_area_is_enough_the_text)
{
	one_sealed_area(_metadata, VDSO_REMAP_MAX_AREAS);
}

TEST_HARNESS_MAIN
