// SPDX-License-Identifier: MIT
/* Claims about arch/x86/frame.h: signal frames of 64-bit code, those of x32 among them. */
#include <string.h>

#include <kselftest_harness.h>

#include "arch/frame.h"

#define ADDR	0x7fff0000ULL	/* of the frame */
#define IP	0x400123ULL
#define SP	0x7fff1000ULL
#define BEFORE	16

FIXTURE(frame)
{
	__u8 stack[BEFORE + VDSO_FRAME_SIZE + BEFORE];
};

FIXTURE_VARIANT(frame)
{
	unsigned int regs;	/* offset in the frame */
};

FIXTURE_VARIANT_ADD(frame, x86_64) {
	.regs = 48,
};

FIXTURE_VARIANT_ADD(frame, x32) {
	.regs = 32,
};

static void put(__u8 *at, __u64 val)
{
	memcpy(at, &val, sizeof(val));
}

FIXTURE_SETUP(frame)
{
	__u8 *frame = self->stack + BEFORE, *regs = frame + variant->regs;

	memset(self->stack, 0, sizeof(self->stack));
	put(frame + 8, 7);		/* flags */
	put(regs + 120, SP);
	put(regs + 128, IP);
	put(regs + 144, 0x33);		/* cs */
	put(regs + 184, ADDR + 512);	/* where the floating point registers are */
}

FIXTURE_TEARDOWN(frame)
{
}

static int read_at(FIXTURE_DATA(frame) *self, int off, struct vdso_frame *frame)
{
	return vdso_frame_read(VDSO_ABI_X86_64, frame, self->stack + BEFORE + off, ADDR + off);
}

TEST_F(frame, is_found_where_it_is)
{
	struct vdso_frame frame;

	EXPECT_FALSE(read_at(self, -BEFORE, &frame));
	EXPECT_FALSE(read_at(self, BEFORE, &frame));
	ASSERT_TRUE(read_at(self, 0, &frame));
	EXPECT_EQ(IP, frame.ip);
	EXPECT_EQ(SP, frame.sp);
}

TEST_F(frame, is_none_at_another_address)
{
	struct vdso_frame frame;

	EXPECT_FALSE(vdso_frame_read(VDSO_ABI_X86_64, &frame, self->stack + BEFORE, ADDR + 0x1000));
}

/* Frames of 32-bit code have no such flags. */
TEST_F(frame, needs_the_flags_of_64_bit_code)
{
	struct vdso_frame frame;
	unsigned int flags;

	for (flags = 0; flags < 16; flags++) {
		put(self->stack + BEFORE + 8, flags);
		EXPECT_EQ(flags == 6 || flags == 7, read_at(self, 0, &frame));
	}
}

TEST_HARNESS_MAIN
