// SPDX-License-Identifier: GPL-2.0
/*
 * From 7.2 on a robust mutex can be unlocked in the vDSO. Between the atomic
 * operation that frees the lock and the store that says so in the list of robust
 * mutexes, the kernel looks at the instruction pointer of who gets a signal, and
 * makes up for the store: else the lock's next owner could lose it. For that the
 * kernel keeps the functions' addresses, and they have to follow.
 *
 * A single step ends with a signal, too: what the kernel does it has done when
 * the tracer sees the first stop after the atomic operation.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include "arch/test.h"
#include "lib/child.h"
#include "lib/device.h"
#include "lib/image.h"
#include "lib/maps.h"
#include "lib/memory.h"
#include "lib/note.h"
#include "lib/task.h"
#include "lib/vdso.h"

#define TID		0x1234
#define PENDING		0x5555555555555555ULL
#define MAX_STEPS	32
#define IN_RUNTIME	(T_IMAGE_ADDR + 0x1000000)

/* What is at work in the child: its lock and its list's pending operation. */
struct unlocking {
	uint32_t lock;
	uint64_t pending;
};

static struct unlocking unlocking;	/* the child's, at the same address */

/*
 * Steps through the function at fn until the child's lock is free, and tells
 * whether the pending operation is cleared by then. -1: it never became free.
 */
static int cleared_by_kernel(const struct t_child *child, const struct vdso_regs *regs,
			     uint64_t fn, size_t pending_size)
{
	const unsigned long args[] = { (uintptr_t)&unlocking.lock, TID,
				       (uintptr_t)&unlocking.pending };
	struct unlocking now = { .lock = TID, .pending = PENDING };
	uint64_t cleared = PENDING;
	int status;

	memset(&cleared, 0, pending_size);
	if (!t_mem_write(child->pid, (uintptr_t)&unlocking, &now, sizeof(now)) ||
	    !t_enter(child->pid, regs, fn, 0, args))
		return -1;
	for (unsigned int step = 0; step < MAX_STEPS; step++) {
		if (ptrace(PTRACE_SINGLESTEP, child->pid, NULL, NULL) ||
		    waitpid(child->pid, &status, __WALL) != child->pid || !WIFSTOPPED(status) ||
		    !t_mem_read(child->pid, (uintptr_t)&unlocking, &now, sizeof(now)))
			return -1;
		if (!now.lock)
			return now.pending == cleared;
	}
	return -1;
}

FIXTURE(unlock)
{
	int fd;
	uint64_t text;		/* where the runtime vDSO is */
	uint32_t off;		/* of the function in it */
	struct t_child child;	/* stopped */
	struct vdso_regs regs;
};

FIXTURE_VARIANT(unlock)
{
	const char *name;
	size_t pending_size;
};

#ifdef __LP64__
FIXTURE_VARIANT_ADD(unlock, list64) {
	.name = T_VDSO "futex_robust_list64_try_unlock",
	.pending_size = 8,
};
#endif

FIXTURE_VARIANT_ADD(unlock, list32) {
	.name = T_VDSO "futex_robust_list32_try_unlock",
	.pending_size = 4,
};

FIXTURE_SETUP(unlock)
{
	struct vdso_remap_info info = { .size = sizeof(info) };

	self->off = t_entry_point(variant->name);
	if (!self->off)
		T_SKIP_IN_SETUP("this kernel's vDSO does not unlock");
	self->fd = t_open();
	ASSERT_EQ(0, ioctl(self->fd, VDSO_REMAP_GET_INFO, &info));
	self->text = info.vdso;
	ASSERT_TRUE(t_child_start(&self->child));
	ASSERT_TRUE(t_seize_and_stop(self->child.pid));
	ASSERT_TRUE(t_get_regs(self->child.pid, &self->regs));
}

FIXTURE_TEARDOWN(unlock)
{
	t_child_end(&self->child);
}

static int cleared(FIXTURE_DATA(unlock) *self, const FIXTURE_VARIANT(unlock) *variant, uint64_t fn)
{
	return cleared_by_kernel(&self->child, &self->regs, fn, variant->pending_size);
}

/* The child stands somewhere in the function: out of the group with it, first. */
static int move(FIXTURE_DATA(unlock) *self, uint64_t addr)
{
	struct vdso_remap_move req = {
		.size = sizeof(req),
		.pid = self->child.pid,
		.addr = addr,
	};

	t_set_regs(self->child.pid, &self->regs);
	return t_ioctl(self->fd, VDSO_REMAP_MOVE, &req);
}

TEST_F(unlock, is_completed_by_the_kernel)
{
	EXPECT_EQ(1, cleared(self, variant, self->text + self->off));
}

/* So it is the place that counts, and these tests can fail. */
TEST_F(unlock, is_not_completed_in_a_copy)
{
	struct t_image image;
	const void *own;
	size_t size;

	t_child_end(&self->child);
	own = t_vdso_image(&size);
	ASSERT_TRUE(t_image_map(&image, T_IMAGE_ADDR, own, size));
	ASSERT_TRUE(t_child_start(&self->child));
	ASSERT_TRUE(t_seize_and_stop(self->child.pid));
	ASSERT_TRUE(t_get_regs(self->child.pid, &self->regs));
	EXPECT_EQ(0, cleared(self, variant, T_IMAGE_ADDR + self->off));
}

TEST_F(unlock, is_completed_after_a_move_and_back)
{
	ASSERT_EQ(0, move(self, IN_RUNTIME));
	EXPECT_EQ(1, cleared(self, variant, IN_RUNTIME + self->off));
	ASSERT_EQ(0, move(self, self->text));
	EXPECT_EQ(1, cleared(self, variant, self->text + self->off));
}

/* Who moves himself is his own worker. */
TEST_F(unlock, is_completed_after_its_own_move)
{
	ASSERT_TRUE(t_detach(self->child.pid));
	ASSERT_EQ(0, t_child_call(&self->child, t_move_own, IN_RUNTIME));
	ASSERT_TRUE(t_seize_and_stop(self->child.pid));
	EXPECT_EQ(1, cleared(self, variant, IN_RUNTIME + self->off));
}

static struct t_group group;

static long unmap_group(uint64_t arg)
{
	return munmap((void *)group.start, group.end - group.start);
}

TEST_F(unlock, is_completed_in_a_fresh_group)
{
	struct vdso_remap_map req = {
		.size = sizeof(req),
		.pid = self->child.pid,
		.addr = IN_RUNTIME,
	};
	static struct t_maps maps;

	ASSERT_TRUE(t_maps_read(&maps, self->child.pid));
	t_child_end(&self->child);
	ASSERT_TRUE(t_group_find(&group, &maps));
	ASSERT_TRUE(t_child_start(&self->child));
	ASSERT_EQ(0, t_child_call(&self->child, unmap_group, 0));
	ASSERT_TRUE(t_seize_and_stop(self->child.pid));
	ASSERT_TRUE(t_get_regs(self->child.pid, &self->regs));
	req.pid = self->child.pid;
	ASSERT_EQ(0, t_ioctl(self->fd, VDSO_REMAP_MAP, &req));
	EXPECT_EQ(1, cleared(self, variant, IN_RUNTIME + self->off));
}

/* Through an image: the jump has to lead where the kernel looks. */
FIXTURE(unlock_through)
{
	struct t_child child;	/* stopped, proxied */
	struct vdso_regs regs;
	uint32_t off32, off64;	/* in the image; 0: none */
};

T_IMAGE_VARIANTS(unlock_through);

FIXTURE_SETUP(unlock_through)
{
	struct vdso_remap_image parsed, runtime;
	struct vdso_remap_proxy req = {
		.size = sizeof(req),
		.flags = VDSO_REMAP_PROXY_PARK,
		.image = T_IMAGE_ADDR,
		.addr = IN_RUNTIME,
	};
	static struct vdso_remap_plan plan;
	const void *bytes, *own;
	size_t size, own_size;
	struct t_image image;

	bytes = t_image_read(variant->image, &size);
	self->off32 = t_entry_point_of(bytes, size, T_VDSO "futex_robust_list32_try_unlock");
	self->off64 = t_entry_point_of(bytes, size, T_VDSO "futex_robust_list64_try_unlock");
	if (!self->off32)
		T_SKIP_IN_SETUP("this image does not unlock");
	if (!t_entry_point(T_VDSO "futex_robust_list32_try_unlock"))
		T_SKIP_IN_SETUP("this kernel's vDSO does not unlock");

	own = t_vdso_image(&own_size);
	ASSERT_EQ(0, t_parse(&parsed, bytes, size));
	ASSERT_EQ(0, t_parse(&runtime, own, own_size));
	ASSERT_EQ(0, t_make_plan(&plan, &parsed, &runtime, VDSO_REMAP_FORCE_PROXY));
	ASSERT_TRUE(t_image_map(&image, T_IMAGE_ADDR, bytes, size));
	ASSERT_TRUE(t_child_start(&self->child));
	ASSERT_TRUE(t_seize_and_stop(self->child.pid));
	ASSERT_TRUE(t_get_regs(self->child.pid, &self->regs));
	req.pid = self->child.pid;
	req.nr_sites = plan.nr_sites;
	req.sites = (uintptr_t)plan.sites;
	req.image_size = size;
	ASSERT_EQ(0, t_ioctl(t_open(), VDSO_REMAP_PROXY, &req));
}

FIXTURE_TEARDOWN(unlock_through)
{
	t_child_end(&self->child);
}

TEST_F(unlock_through, is_completed_by_the_kernel)
{
	EXPECT_EQ(1, cleared_by_kernel(&self->child, &self->regs, T_IMAGE_ADDR + self->off32, 4));
	if (self->off64)
		EXPECT_EQ(1, cleared_by_kernel(&self->child, &self->regs,
					       T_IMAGE_ADDR + self->off64, 8));
}

TEST_HARNESS_MAIN
