// SPDX-License-Identifier: MIT
/*
 * Claims about arch/arm/encode.h: what a disassembler reads in the bytes, and when there are none.
 * Bit 0 of the site and of the target says that there is Thumb code.
 */
#define ABI	VDSO_ABI_ARM

#include "arch/arm/host/encode.h"

#define PLACE	0xb6f00000ULL

static const __u8 nothing[] = { 0 };

FIXTURE(encode)
{
	__u8 old[MAX_ROOM];
	__u8 buf[MAX_ROOM];
};

FIXTURE_VARIANT(encode)
{
	__u64 site;
	int mode;
	unsigned int jump_size, literal;
	const char *jump;
	unsigned int stub_size;
	const char *stub_nop;
};

FIXTURE_VARIANT_ADD(encode, arm) {
	.site = PLACE, .mode = CS_MODE_ARM, .stub_size = 20, .stub_nop = "",
	.jump_size = 8, .literal = 4, .jump = "ldr pc, [pc, #-4]\n",
};

FIXTURE_VARIANT_ADD(encode, thumb) {
	.site = PLACE + 1, .mode = CS_MODE_THUMB, .stub_size = 14, .stub_nop = "nop\n",
	.jump_size = 8, .literal = 4, .jump = "ldr.w pc, [pc, #0]\n",
};

/* The literal's address is that of the instruction, rounded down to 4, plus 4, plus the offset. */
FIXTURE_VARIANT_ADD(encode, thumb_at_2) {
	.site = PLACE + 3, .mode = CS_MODE_THUMB, .stub_size = 12, .stub_nop = "",
	.jump_size = 10, .literal = 6, .jump = "ldr.w pc, [pc, #4]\n",
};

FIXTURE_SETUP(encode)
{
	memset(self->old, 0, sizeof(self->old));
	memset(self->buf, FILLER, sizeof(self->buf));
}

FIXTURE_TEARDOWN(encode)
{
}

/* Everywhere in the address space, and in code of either state. */
static const __u64 targets[] = {
	PLACE + 0x1000, PLACE + 0x1001, PLACE + 0x1003, PLACE - 0x1000, 0x10001, 0x10000,
	0xfffffffc, 0xffffffff,
};

TEST_F(encode, jump_reaches_its_target)
{
	unsigned int len;
	size_t i;

	EXPECT_EQ(variant->jump_size, vdso_near_jump_size(ABI, variant->site));
	for (i = 0; i < ARRAY_SIZE(targets); i++) {
		len = vdso_encode_jump(ABI, self->buf, self->old, MAX_ROOM, variant->site,
				       targets[i]);
		ASSERT_EQ(variant->jump_size, len);
		EXPECT_STREQ(variant->jump, disassemble(CS_ARCH_ARM, variant->mode, self->buf, 4,
							variant->site & ~1ULL));
		EXPECT_EQ(0, ((variant->site & ~1ULL) + variant->literal) % 4);
		EXPECT_EQ(targets[i], vdso_get_le32(self->buf + variant->literal));
	}
}

TEST_F(encode, arm_code_is_aligned)
{
	EXPECT_EQ(0, vdso_encode_jump(ABI, self->buf, self->old, MAX_ROOM, variant->site,
				      PLACE + 2));
	EXPECT_EQ(0, vdso_encode_jump(ABI, self->buf, self->old, MAX_ROOM, PLACE + 2, PLACE));
	EXPECT_EQ(0, vdso_encode_stub(ABI, self->buf, self->old, MAX_ROOM, PLACE + 2,
				      VDSO_REMAP_STUB_GETTIMEOFDAY));
	EXPECT_EQ(0, vdso_decode_jump(ABI, self->buf, MAX_ROOM, PLACE + 2).size);
}

TEST_F(encode, addresses_have_32_bits)
{
	EXPECT_EQ(0, vdso_encode_jump(ABI, self->buf, self->old, MAX_ROOM, variant->site,
				      1ULL << 32));
	EXPECT_EQ(0, vdso_encode_jump(ABI, self->buf, self->old, MAX_ROOM,
				      variant->site + (1ULL << 32), PLACE));
}

TEST_F(encode, stub_is_the_system_call)
{
	static const struct {
		__u32 stub, nr;
	} stubs[] = {
		{ VDSO_REMAP_STUB_CLOCK_GETTIME, 263 }, { VDSO_REMAP_STUB_CLOCK_GETRES, 264 },
		{ VDSO_REMAP_STUB_GETTIMEOFDAY, 78 }, { VDSO_REMAP_STUB_CLOCK_GETTIME64, 403 },
		{ VDSO_REMAP_STUB_CLOCK_GETRES_TIME64, 406 },
	};
	unsigned int len;
	char text[96];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(stubs); i++) {
		EXPECT_EQ(stubs[i].nr, vdso_encode_stub_call(ABI, stubs[i].stub).nr);
		EXPECT_EQ(2, vdso_encode_stub_call(ABI, stubs[i].stub).nr_args);
		len = vdso_encode_stub(ABI, self->buf, self->old, MAX_ROOM, variant->site,
				       stubs[i].stub);
		ASSERT_EQ(variant->stub_size, len);
		snprintf(text, sizeof(text),
			 "%smov ip, r7\nmovw r7, #0x%x\nsvc #0\nmov r7, ip\nbx lr\n",
			 variant->stub_nop, stubs[i].nr);
		EXPECT_STREQ(text, disassemble(CS_ARCH_ARM, variant->mode, self->buf, len,
					       variant->site & ~1ULL));
	}
}

/*
 * A thread that will start the call again stands behind it: inside of the bytes that a jump writes,
 * or behind a jump that leaves the call as it is.
 */
TEST_F(encode, a_jump_does_not_end_behind_the_call_of_a_stub)
{
	unsigned int len = vdso_encode_stub(ABI, self->buf, self->old, MAX_ROOM, variant->site,
					    VDSO_REMAP_STUB_GETTIMEOFDAY);
	unsigned int behind_call = len - (variant->mode == CS_MODE_ARM ? 8 : 4);

	EXPECT_NE(behind_call, variant->jump_size);
}

TEST_F(encode, there_is_no_stub_of_other_numbers)
{
	static const __u32 numbers[] = {
		0, VDSO_REMAP_STUB_TIME, VDSO_REMAP_STUB_GETCPU, VDSO_REMAP_STUB_GETRANDOM,
		VDSO_REMAP_STUB_SIGRETURN, VDSO_REMAP_STUB_RT_SIGRETURN,
		VDSO_REMAP_STUB_RT_SIGRETURN + 1, ~0U,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		EXPECT_EQ(0, vdso_encode_stub_call(ABI, numbers[i]).nr);
		EXPECT_EQ(0, vdso_encode_stub(ABI, self->buf, self->old, MAX_ROOM, variant->site,
					      numbers[i]));
	}
}

TEST_F(encode, nothing_leaves_its_room)
{
	EXPECT_FITS_FROM(variant->jump_size, nothing,
			 vdso_encode_jump(ABI, buf, old, room, variant->site, PLACE + 0x1000));
	EXPECT_FITS_FROM(variant->stub_size, nothing,
			 vdso_encode_stub(ABI, buf, old, room, variant->site,
					  VDSO_REMAP_STUB_GETTIMEOFDAY));
}

TEST_F(encode, decoding_tells_what_was_encoded)
{
	struct vdso_jump jump;
	unsigned int len;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(targets); i++) {
		len = vdso_encode_jump(ABI, self->buf, self->old, MAX_ROOM, variant->site,
				       targets[i]);
		jump = vdso_decode_jump(ABI, self->buf, MAX_ROOM, variant->site);
		EXPECT_EQ(VDSO_JUMP_NEAR, jump.kind);
		EXPECT_EQ(len, jump.size);
		EXPECT_EQ(targets[i], jump.target);
		expect_known(_metadata, self->buf, len, variant->site);
	}
	/* Code of the other state has other jumps. */
	EXPECT_EQ(0, vdso_decode_jump(ABI, self->buf, MAX_ROOM, variant->site ^ 1).size);
}

TEST_F(encode, nothing_else_is_taken_for_an_old_jump)
{
	unsigned int stub;

	EXPECT_EQ(0, vdso_decode_jump(ABI, self->old, MAX_ROOM, variant->site).size);
	for (stub = 1; stub <= VDSO_REMAP_STUB_RT_SIGRETURN; stub++)
		if (vdso_encode_stub(ABI, self->buf, self->old, MAX_ROOM, variant->site, stub))
			EXPECT_EQ(0, vdso_decode_jump(ABI, self->buf, MAX_ROOM,
						      variant->site).size);
}

TEST(a_jump_of_criu_is_known)
{
	static const __u8 bytes[] = {
		0x04, 0xf0, 0x1f, 0xe5, 0x44, 0x33, 0x22, 0x11, 0x70, 0x00, 0x20, 0xe1, 0, 0, 0, 0
	};
	struct vdso_jump jump = vdso_decode_jump(ABI, bytes, sizeof(bytes), PLACE);

	EXPECT_STREQ("bkpt #0\n", disassemble(CS_ARCH_ARM, CS_MODE_ARM, bytes + 8, 4, PLACE + 8));
	EXPECT_EQ(VDSO_JUMP_CRIU, jump.kind);
	EXPECT_EQ(12, jump.size);
	EXPECT_EQ(0x11223344, jump.target);
	/* Without the bkpt, or if the room ends before it, it is as ours. */
	EXPECT_EQ(VDSO_JUMP_NEAR, vdso_decode_jump(ABI, bytes, 11, PLACE).kind);
}

TEST(the_abi_is_known_by_its_elf_file)
{
	EXPECT_EQ(ABI, vdso_abi_of(EM_ARM, 32));
	EXPECT_EQ(VDSO_ABI_UNKNOWN, vdso_abi_of(EM_ARM, 64));
	EXPECT_TRUE(vdso_abi_is_32bit(ABI));
	EXPECT_EQ(1, vdso_abi_state_bits(ABI));
	EXPECT_EQ(PLACE, vdso_abi_code(ABI, PLACE + 1));
	EXPECT_EQ(PLACE, vdso_abi_code(ABI, PLACE));
}

TEST_HARNESS_MAIN
