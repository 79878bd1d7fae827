// SPDX-License-Identifier: GPL-2.0
/* Jumps that PROXY writes on arm64: when they are near, when far, and which registers they use. */
#include <string.h>
#include <sys/ioctl.h>
#include <sys/user.h>

#include "lib/child.h"
#include "lib/task.h"
#include "vm/proxy_fixture.h"

#define SCRATCH	16	/* x16 is for jumps */

/*
 * In pstate: whether a step is due, and whether the last instruction jumped to where it must
 * land.
 */
#define PSTATE_SS	(1 << 21)
#define PSTATE_BTYPE	(3 << 10)

/* Near up to the last instruction that b reaches, far from the next one on. */
TEST_F(proxy, jumps_far_only_where_near_does_not_reach)
{
	const int64_t reach = T_NEAR_REACH;
	const struct {
		int64_t park;		/* from the image */
		int64_t dist;		/* from the site to the target */
		size_t size;
	} cases[] = {
		{ reach, reach - 4, 4 },
		{ reach, reach, 20 },
		{ -reach, -reach, 4 },
		{ -reach, -reach - 4, 20 },
	};
	uint8_t bytes[20];

	self->req.nr_sites = 1;
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t target = T_IMAGE_ADDR + cases[i].park + self->sites[0].target;

		self->sites[0].off = target - cases[i].dist - T_IMAGE_ADDR;
		self->req.addr = T_IMAGE_ADDR + cases[i].park;
		installs(_metadata, self);
		EXPECT_EQ(cases[i].size, t_expect_jump(bytes, target - cases[i].dist, target));
		EXPECT_EQ(0, memcmp(bytes, self->image.addr + self->sites[0].off, cases[i].size));
		/* elsewhere, or the next one would overlap its own old place */
		self->req.addr = T_IMAGE_ADDR + T_FAR;
		installs(_metadata, self);
	}
}

static bool same_registers(const struct user_regs_struct *want, struct user_regs_struct have)
{
	/* What a jump is for, and what it may use. */
	have.pc = want->pc;
	have.regs[SCRATCH] = want->regs[SCRATCH];
	have.pstate = (have.pstate & ~(PSTATE_SS | PSTATE_BTYPE)) |
		      (want->pstate & (PSTATE_SS | PSTATE_BTYPE));
	return !memcmp(want, &have, sizeof(have));
}

TEST_F(proxy, jumps_change_no_register)
{
	const uint64_t places[] = { T_IMAGE_ADDR + NEAR, T_IMAGE_ADDR + T_FAR };
	struct user_regs_struct all, now;
	struct vdso_regs regs, changed;
	struct t_child child;

	ASSERT_TRUE(t_child_start(&child));
	ASSERT_TRUE(t_seize_and_stop(child.pid));
	ASSERT_TRUE(t_get_regs(child.pid, &regs));
	memcpy(&all, regs.bytes, sizeof(all));
	for (unsigned int i = 0; i < ARRAY_SIZE(all.regs); i++)
		all.regs[i] = i * 0x0101010101010101;
	all.pc = T_IMAGE_ADDR + SLOT(1);
	all.pstate |= 0xa0000000;	/* flags: N and C */
	self->req.pid = child.pid;
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	for (unsigned int i = 0; i < ARRAY_SIZE(places); i++) {
		uint64_t target = places[i] + self->sites[0].target;

		ASSERT_TRUE(t_set_regs(child.pid, &regs));
		self->req.addr = places[i];
		ASSERT_EQ(0, ioctl(self->fd, VDSO_REMAP_PROXY, &self->req));
		changed = regs;
		memcpy(changed.bytes, &all, sizeof(all));
		ASSERT_TRUE(t_set_regs(child.pid, &changed));
		ASSERT_TRUE(t_step_into(child.pid, target, target + 1));
		ASSERT_TRUE(t_get_regs(child.pid, &changed));
		memcpy(&now, changed.bytes, sizeof(now));
		EXPECT_TRUE(same_registers(&all, now));
	}
	t_child_end(&child);
}

TEST_HARNESS_MAIN
