// SPDX-License-Identifier: GPL-2.0
/*
 * Sites and targets in either state: bit 0 of an address says that the code there is Thumb
 * code, which may begin at any even address. The vDSO of arm64 has Thumb code, that of arm has
 * ARM code.
 */
#include <string.h>
#include <sys/ioctl.h>

#include "lib/child.h"
#include "lib/task.h"
#include "lib/vdso_calls.h"
#include "vm/proxy_fixture.h"

enum { PC = 15, CPSR, NR_REGS = 18 };

#define CPSR_THUMB	(1U << 5)

/* As the fixture's image, but for the offsets. */
static struct vdso_remap_image other = {
	.nr_entry_points = 4,
};

static void shift_sites(FIXTURE_DATA(proxy) *self, const uint32_t shifts[4])
{
	for (unsigned int i = 0; i < 4; i++) {
		self->sites[i].off += shifts[i];
		self->sites[i].room -= T_CODE(shifts[i]);
		other.entry_points[i] = built.entry_points[i];
		other.entry_points[i].off += shifts[i];
	}
}

static void answers(struct __test_metadata *_metadata, FIXTURE_DATA(proxy) *self)
{
	installs(_metadata, self);
	EXPECT_TRUE(t_image_answers(&other, self->image.addr));
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	self->req.addr = T_IMAGE_ADDR + NEAR;
	installs(_metadata, self);
	EXPECT_TRUE(t_image_answers(&other, self->image.addr));
}

TEST_F(proxy, has_thumb_code)
{
	shift_sites(self, (uint32_t[]){ T_THUMB, T_THUMB, T_THUMB, T_THUMB });
	answers(_metadata, self);
}

/* Where the address in a jump, which is aligned to 4, is not right behind the instruction. */
TEST_F(proxy, has_thumb_code_in_the_middle_of_words)
{
	shift_sites(self, (uint32_t[]){ 2 | T_THUMB, 2 | T_THUMB, 6 | T_THUMB, 2 | T_THUMB });
	answers(_metadata, self);
}

TEST_F(proxy, has_code_in_both_states)
{
	shift_sites(self, (uint32_t[]){ 0, T_THUMB, 2 | T_THUMB, 4 });
	answers(_metadata, self);
}

TEST_F(proxy, needs_two_bytes_more_in_the_middle_of_a_word)
{
	shift_sites(self, (uint32_t[]){ T_THUMB, T_THUMB, 2 | T_THUMB, T_THUMB });
	REFUSES_SITE(ENOSPC, 0, site->room = 7);
	REFUSES_SITE(ENOSPC, 1, site->room = 13);
	REFUSES_SITE(ENOSPC, 2, site->room = 9);
	REFUSES_SITE(ENOSPC, 3, site->room = 13);
	self->sites[0].room = 8;
	self->sites[1].room = 14;
	self->sites[2].room = 10;
	self->sites[3].room = 14;
	answers(_metadata, self);
}

/* ARM code is aligned to 4, and a function has one state. */
TEST_F(proxy, refuses_sites_that_are_no_code)
{
	REFUSES_SITE(ENOSPC, 0, site->off += 2);
	REFUSES_SITE(ENOSPC, 3, site->off += 2);
	self->sites[1].off = self->sites[0].off | T_THUMB;
	refuses(_metadata, self, EINVAL, 1, 0, self->req);
}

TEST_F(proxy, refuses_a_target_in_the_other_state)
{
	REFUSES_SITE(ENXIO, 0, site->target ^= T_THUMB);
	REFUSES_SITE(ENXIO, 2, site->target ^= T_THUMB);
}

TEST_F(proxy, jumps_change_no_register_but_the_state)
{
	static const uint32_t shifts[] = { 0, T_THUMB, 2 | T_THUMB };
	const uint64_t target = text_addr(self->fd) + self->sites[0].target;
	uint32_t all[NR_REGS], now[NR_REGS];
	struct vdso_regs regs, changed;
	struct t_child child;

	ASSERT_TRUE(t_child_start(&child));
	ASSERT_TRUE(t_seize_and_stop(child.pid));
	ASSERT_TRUE(t_get_regs(child.pid, &regs));
	memcpy(all, regs.bytes, sizeof(all));
	for (unsigned int i = 0; i < PC; i++)
		all[i] = i * 0x01010101;
	self->req.pid = child.pid;
	self->req.nr_sites = 1;
	for (unsigned int i = 0; i < ARRAY_SIZE(shifts); i++) {
		self->sites[0].off = SLOT(1) + shifts[i];
		self->sites[0].room = T_SLOT_SIZE - T_CODE(shifts[i]);
		ASSERT_EQ(0, ioctl(self->fd, VDSO_REMAP_PROXY, &self->req));
		changed = regs;
		memcpy(changed.bytes, all, sizeof(all));
		vdso_regs_set_code(&changed, T_IMAGE_ADDR + self->sites[0].off);
		ASSERT_TRUE(t_set_regs(child.pid, &changed));
		ASSERT_TRUE(t_step_into(child.pid, T_CODE(target), T_CODE(target) + 4));
		ASSERT_TRUE(t_get_regs(child.pid, &changed));
		memcpy(now, changed.bytes, sizeof(now));
		EXPECT_EQ(0, memcmp(all, now, PC * sizeof(all[0])));
		EXPECT_EQ(T_CODE(target), now[PC]);
		EXPECT_EQ(target & T_THUMB ? CPSR_THUMB : 0, now[CPSR] & CPSR_THUMB);
	}
	t_child_end(&child);
}

TEST_HARNESS_MAIN
