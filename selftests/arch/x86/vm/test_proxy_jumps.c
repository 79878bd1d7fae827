// SPDX-License-Identifier: GPL-2.0
/* Jumps that PROXY writes on x86: where they are near, where far, and which registers they use. */
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#include "arch/test.h"
#include "lib/child.h"
#include "lib/image.h"
#include "lib/state.h"
#include "lib/task.h"
#include "lib/vdso_calls.h"
#include "vm/proxy_fixture.h"

#ifdef __i386__
/* Among 32 bits a near jump wraps around. */
TEST_F(proxy, jumps_from_one_end_of_memory_to_the_other)
{
	const uint64_t low = 0x1000000, high = 0xd0000000;

	self->req.flags = VDSO_REMAP_PROXY_PARK;
	self->req.addr = high;
	ASSERT_TRUE(t_image_map(&self->image, low, t_image_build(IMAGE_SIZE), IMAGE_SIZE));
	self->req.image = low;
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	installs(_metadata, self);
	EXPECT_TRUE(t_image_answers(&built, self->image.addr));

	self->req.addr = low + NEAR;
	ASSERT_TRUE(t_image_map(&self->image, high + NEAR, t_image_build(IMAGE_SIZE), IMAGE_SIZE));
	self->req.image = high + NEAR;
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	installs(_metadata, self);
	EXPECT_TRUE(t_image_answers(&built, self->image.addr));
}
#else
/* Near up to the last byte that rel32 reaches, far from the next one on. */
TEST_F(proxy, jumps_far_only_where_near_does_not_reach)
{
	static const struct {
		int64_t park;		/* from the image */
		int64_t dist;		/* what rel32 would have to be */
		uint8_t opcode;
	} cases[] = {
		{ 0x80000000LL, INT32_MAX, 0xe9 },
		{ 0x80000000LL, INT32_MAX + 1LL, 0x49 },
		{ -0x80000000LL, INT32_MIN, 0xe9 },
		{ -0x80000000LL, INT32_MIN - 1LL, 0x49 },
	};

	self->req.nr_sites = 1;
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		self->sites[0].off = self->sites[0].target + cases[i].park - cases[i].dist - 5;
		self->req.addr = T_IMAGE_ADDR + cases[i].park;
		installs(_metadata, self);
		EXPECT_EQ(cases[i].opcode, self->image.addr[self->sites[0].off]);
		/* elsewhere, or the next one would overlap its own old place */
		self->req.addr = T_IMAGE_ADDR + T_FAR;
		installs(_metadata, self);
	}
}
#endif

static bool same_registers(const struct user_regs_struct *want, struct user_regs_struct have)
{
	/* What a jump is for, and what it may use. */
#ifdef __i386__
	have.eip = want->eip;
#else
	have.rip = want->rip;
	have.r11 = want->r11;
#endif
	return !memcmp(want, &have, sizeof(have));
}

TEST_F(proxy, jumps_change_no_register)
{
	const uint64_t places[] = { T_IMAGE_ADDR + NEAR, T_IMAGE_ADDR + T_FAR };
	struct user_regs_struct regs, all, now;
	struct t_child child;

	ASSERT_TRUE(t_child_start(&child));
	ASSERT_TRUE(t_seize_and_stop(child.pid));
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, child.pid, NULL, &regs));
	all = regs;
#ifdef __i386__
	all.eax = 0x11111111;
	all.ebx = 0x22222222;
	all.ecx = 0x33333333;
	all.edx = 0x44444444;
	all.esi = 0x55555555;
	all.edi = 0x66666666;
	all.ebp = 0x77777777;
	all.eip = T_IMAGE_ADDR + SLOT(1);
	all.orig_eax = -1;
#else
	all.rax = 0x1111111111111111;
	all.rbx = 0x2222222222222222;
	all.rcx = 0x3333333333333333;
	all.rdx = 0x4444444444444444;
	all.rsi = 0x5555555555555555;
	all.rdi = 0x6666666666666666;
	all.rbp = 0x7777777777777777;
	all.r8 = 0x8888888888888888;
	all.r9 = 0x9999999999999999;
	all.r10 = 0xaaaaaaaaaaaaaaaa;
	all.r12 = 0xcccccccccccccccc;
	all.r13 = 0xdddddddddddddddd;
	all.r14 = 0xeeeeeeeeeeeeeeee;
	all.r15 = 0xffffffffffffffff;
	all.rip = T_IMAGE_ADDR + SLOT(1);
	all.orig_rax = -1;
#endif
	self->req.pid = child.pid;
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	for (unsigned int i = 0; i < ARRAY_SIZE(places); i++) {
		uint64_t target = places[i] + self->sites[0].target;

		ASSERT_EQ(0, ptrace(PTRACE_SETREGS, child.pid, NULL, &regs));
		self->req.addr = places[i];
		ASSERT_EQ(0, ioctl(self->fd, VDSO_REMAP_PROXY, &self->req));
		ASSERT_EQ(0, ptrace(PTRACE_SETREGS, child.pid, NULL, &all));
		ASSERT_TRUE(t_step_into(child.pid, target, target + 1));
		ASSERT_EQ(0, ptrace(PTRACE_GETREGS, child.pid, NULL, &now));
		EXPECT_TRUE(same_registers(&all, now));
	}
	t_child_end(&child);
}

TEST_HARNESS_MAIN
