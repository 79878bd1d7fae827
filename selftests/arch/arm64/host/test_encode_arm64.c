// SPDX-License-Identifier: MIT
/*
 * Claims about arch/arm64/encode.h: what a disassembler reads in the bytes, and when there are
 * none.
 */
#define ABI	VDSO_ABI_ARM64

#include "arch/arm/host/encode.h"

#define SITE	0xffff9abcd000ULL
#define REACH	(128LL << 20)

#define BTI_C	{ 0x5f, 0x24, 0x03, 0xd5 }

FIXTURE(encode)
{
	__u8 old[MAX_ROOM + 1];
	__u8 buf[MAX_ROOM];
};

/* What stands at the site, and what of it is a landing pad */
FIXTURE_VARIANT(encode)
{
	__u8 first[4];
	unsigned int pad;
};

FIXTURE_VARIANT_ADD(encode, plain) {
	.first = { 0xfd, 0x7b, 0xbf, 0xa9 },	/* stp x29, x30, [sp, #-16]! */
};

FIXTURE_VARIANT_ADD(encode, bti_c) {
	.first = BTI_C, .pad = 4,
};

FIXTURE_VARIANT_ADD(encode, bti_jc) {
	.first = { 0xdf, 0x24, 0x03, 0xd5 }, .pad = 4,
};

FIXTURE_VARIANT_ADD(encode, paciasp) {
	.first = { 0x3f, 0x23, 0x03, 0xd5 }, .pad = 4,
};

FIXTURE_VARIANT_ADD(encode, pacibsp) {
	.first = { 0x7f, 0x23, 0x03, 0xd5 }, .pad = 4,
};

/* An indirect call may not land there, so it is no pad. */
FIXTURE_VARIANT_ADD(encode, bti_j) {
	.first = { 0x9f, 0x24, 0x03, 0xd5 },
};

FIXTURE_SETUP(encode)
{
	memset(self->old, 0, sizeof(self->old));
	memcpy(self->old, variant->first, sizeof(variant->first));
	memset(self->buf, FILLER, sizeof(self->buf));
}

FIXTURE_TEARDOWN(encode)
{
}

/* What stands behind the landing pad. The pad is bti c, whatever it was before. */
#define EXPECT_CODE(text, len) do {							\
	static const __u8 bti_c[] = BTI_C;						\
											\
	EXPECT_EQ(0, memcmp(bti_c, self->buf, variant->pad));				\
	EXPECT_STREQ(text, disassemble(CS_ARCH_ARM64, 0, self->buf + variant->pad,	\
				       (len) - variant->pad, SITE + variant->pad));	\
} while (0)

TEST_F(encode, near_jump_reaches_its_target)
{
	static const __s64 distances[] = { 4, -4, 0x1000, -0x1000, REACH - 4, -REACH };
	unsigned int len;
	char text[32];
	__u64 target;
	size_t i;

	EXPECT_EQ(4, vdso_near_jump_size(ABI, SITE));
	for (i = 0; i < ARRAY_SIZE(distances); i++) {
		target = SITE + variant->pad + distances[i];
		len = vdso_encode_jump(ABI, self->buf, self->old, MAX_ROOM, SITE, target);
		ASSERT_EQ(variant->pad + 4, len);
		snprintf(text, sizeof(text), "b #0x%llx\n", target);
		EXPECT_CODE(text, len);
	}
}

TEST_F(encode, far_jump_reaches_its_target)
{
	const __u64 targets[] = {
		SITE + variant->pad + REACH, SITE + variant->pad - REACH - 4,
		0x123456789abc, 0x10000, 0xfedcba9876543210,
	};
	unsigned int len;
	char text[160];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(targets); i++) {
		const unsigned int parts[] = {
			targets[i] & 0xffff, targets[i] >> 16 & 0xffff, targets[i] >> 32 & 0xffff,
			targets[i] >> 48,
		};
		static const char *const shifts[] = { "", ", lsl #16", ", lsl #32", ", lsl #48" };
		size_t j;

		len = vdso_encode_jump(ABI, self->buf, self->old, MAX_ROOM, SITE, targets[i]);
		ASSERT_EQ(variant->pad + 20, len);
		text[0] = 0;
		for (j = 0; j < ARRAY_SIZE(parts); j++)
			sprintf(text + strlen(text), "%s x16, #%#x%s\n", j ? "movk" : "movz",
				parts[j], shifts[j]);
		strcat(text, "br x16\n");
		EXPECT_CODE(text, len);
	}
}

TEST_F(encode, code_is_aligned)
{
	unsigned int i;

	for (i = 1; i < 4; i++) {
		EXPECT_EQ(0, vdso_encode_jump(ABI, self->buf, self->old, MAX_ROOM, SITE + i,
					      SITE + 0x100));
		EXPECT_EQ(0, vdso_encode_jump(ABI, self->buf, self->old, MAX_ROOM, SITE,
					      SITE + 0x100 + i));
	}
}

TEST_F(encode, stub_is_the_system_call)
{
	static const struct {
		__u32 stub, nr;
		const char *text;
	} stubs[] = {
		{ VDSO_REMAP_STUB_CLOCK_GETTIME, 113, "movz x8, #0x71\nsvc #0\nret\n" },
		{ VDSO_REMAP_STUB_CLOCK_GETRES, 114, "movz x8, #0x72\nsvc #0\nret\n" },
		{ VDSO_REMAP_STUB_GETTIMEOFDAY, 169, "movz x8, #0xa9\nsvc #0\nret\n" },
	};
	unsigned int len;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(stubs); i++) {
		EXPECT_EQ(stubs[i].nr, vdso_encode_stub_call(ABI, stubs[i].stub).nr);
		EXPECT_EQ(2, vdso_encode_stub_call(ABI, stubs[i].stub).nr_args);
		len = vdso_encode_stub(ABI, self->buf, self->old, MAX_ROOM, SITE, stubs[i].stub);
		ASSERT_EQ(variant->pad + 12, len);
		EXPECT_CODE(stubs[i].text, len);
	}
}

TEST_F(encode, getrandom_stub_answers_the_query_first)
{
	char text[160];
	unsigned int len;

	EXPECT_EQ(278, vdso_encode_stub_call(ABI, VDSO_REMAP_STUB_GETRANDOM).nr);
	len = vdso_encode_stub(ABI, self->buf, self->old, MAX_ROOM, SITE,
			       VDSO_REMAP_STUB_GETRANDOM);
	ASSERT_EQ(variant->pad + 28, len);
	snprintf(text, sizeof(text), "cmn x4, #1\nb.eq #0x%llx\nmovz x8, #0x116\nsvc #0\nret\n"
		 "movn x0, #0x25\nret\n", SITE + variant->pad + 20);
	EXPECT_CODE(text, len);
}

/* Without a landing pad, whatever stands there: unwinders compare the bytes. */
TEST_F(encode, trampoline_is_the_kernels)
{
	static const __u8 canonical[] = { 0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4 };

	ASSERT_EQ(sizeof(canonical), vdso_encode_stub(ABI, self->buf, self->old, MAX_ROOM, SITE,
						      VDSO_REMAP_STUB_RT_SIGRETURN));
	EXPECT_EQ(0, memcmp(canonical, self->buf, sizeof(canonical)));
	EXPECT_STREQ("movz x8, #0x8b\nsvc #0\n",
		     disassemble(CS_ARCH_ARM64, 0, self->buf, sizeof(canonical), SITE));
}

TEST_F(encode, there_is_no_stub_of_other_numbers)
{
	static const __u32 numbers[] = {
		0, VDSO_REMAP_STUB_TIME, VDSO_REMAP_STUB_GETCPU, VDSO_REMAP_STUB_CLOCK_GETTIME64,
		VDSO_REMAP_STUB_CLOCK_GETRES_TIME64, VDSO_REMAP_STUB_SIGRETURN,
		VDSO_REMAP_STUB_RT_SIGRETURN + 1, ~0U,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		EXPECT_EQ(0, vdso_encode_stub_call(ABI, numbers[i]).nr);
		EXPECT_EQ(0, vdso_encode_stub(ABI, self->buf, self->old, MAX_ROOM, SITE,
					      numbers[i]));
	}
}

TEST_F(encode, nothing_leaves_its_room)
{
	static const struct {
		__u32 stub;
		unsigned int size;
	} stubs[] = {
		{ VDSO_REMAP_STUB_CLOCK_GETTIME, 12 }, { VDSO_REMAP_STUB_GETRANDOM, 28 },
	};
	size_t i;

	EXPECT_FITS_FROM(variant->pad + 4, variant->first,
			 vdso_encode_jump(ABI, buf, old, room, SITE, SITE + 0x1000));
	EXPECT_FITS_FROM(variant->pad + 20, variant->first,
			 vdso_encode_jump(ABI, buf, old, room, SITE, 0x10000));
	for (i = 0; i < ARRAY_SIZE(stubs); i++)
		EXPECT_FITS_FROM(variant->pad + stubs[i].size, variant->first,
				 vdso_encode_stub(ABI, buf, old, room, SITE, stubs[i].stub));
	EXPECT_FITS_FROM(8, variant->first,
			 vdso_encode_stub(ABI, buf, old, room, SITE, VDSO_REMAP_STUB_RT_SIGRETURN));
}

TEST_F(encode, decoding_tells_what_was_encoded)
{
	static const __u64 targets[] = {
		SITE + 0x1000, SITE - 0x1000, SITE - REACH + 8, 0x10000, 0xfffffffff000,
	};
	static const enum vdso_jump_kind kinds[] = {
		VDSO_JUMP_NEAR, VDSO_JUMP_NEAR, VDSO_JUMP_NEAR, VDSO_JUMP_FAR, VDSO_JUMP_FAR,
	};
	struct vdso_jump jump;
	unsigned int len;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(targets); i++) {
		len = vdso_encode_jump(ABI, self->buf, self->old, MAX_ROOM, SITE, targets[i]);
		jump = vdso_decode_jump(ABI, self->buf, MAX_ROOM, SITE);
		EXPECT_EQ(kinds[i], jump.kind);
		EXPECT_EQ(len, jump.size);
		EXPECT_EQ(targets[i], jump.target);
		expect_known(_metadata, self->buf, len, SITE);
	}
}

/* No bit of the instructions may be another but those that hold the target. */
TEST_F(encode, a_far_jump_is_known_by_every_instruction)
{
	unsigned int len = vdso_encode_jump(ABI, self->buf, self->old, MAX_ROOM, SITE, 0x10000);
	unsigned int bit;

	ASSERT_EQ(variant->pad + 20, len);
	for (bit = 8 * variant->pad; bit < 8 * len; bit++) {
		unsigned int in_insn = bit % 32;
		bool is_target = bit < 8 * (len - 4) && in_insn >= 5 && in_insn < 21;

		self->buf[bit / 8] ^= 1 << bit % 8;
		EXPECT_EQ(is_target ? len : 0,
			  vdso_decode_jump(ABI, self->buf, MAX_ROOM, SITE).size) {
			TH_LOG("bit %u", bit);
		}
		self->buf[bit / 8] ^= 1 << bit % 8;
	}
}

TEST_F(encode, a_jump_of_criu_is_known)
{
	static const __u8 bytes[] = {
		0x50, 0x00, 0x00, 0x58, 0x00, 0x02, 0x1f, 0xd6,
		0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
	};
	struct vdso_jump jump;
	char text[64];

	snprintf(text, sizeof(text), "ldr x16, #0x%llx\nbr x16\n", SITE + 8);
	EXPECT_STREQ(text, disassemble(CS_ARCH_ARM64, 0, bytes, 8, SITE));
	memcpy(self->buf, bytes, sizeof(bytes));
	jump = vdso_decode_jump(ABI, self->buf, MAX_ROOM, SITE);
	EXPECT_EQ(VDSO_JUMP_CRIU, jump.kind);
	EXPECT_EQ(0x1122334455667788, jump.target);
	expect_known(_metadata, self->buf, sizeof(bytes), SITE);
}

TEST_F(encode, nothing_else_is_taken_for_an_old_jump)
{
	unsigned int stub;

	EXPECT_EQ(0, vdso_decode_jump(ABI, self->old, MAX_ROOM, SITE).size);
	for (stub = 1; stub <= VDSO_REMAP_STUB_RT_SIGRETURN; stub++)
		if (vdso_encode_stub(ABI, self->buf, self->old, MAX_ROOM, SITE, stub))
			EXPECT_EQ(0, vdso_decode_jump(ABI, self->buf, MAX_ROOM, SITE).size);
}

TEST(the_abi_is_known_by_its_elf_file)
{
	EXPECT_EQ(ABI, vdso_abi_of(EM_AARCH64, 64));
	EXPECT_EQ(VDSO_ABI_UNKNOWN, vdso_abi_of(EM_AARCH64, 32));
	EXPECT_FALSE(vdso_abi_is_32bit(ABI));
	EXPECT_EQ(0, vdso_abi_state_bits(ABI));
	EXPECT_EQ(REACH, (__u64)vdso_abi_row(ABI)->reach << 16);
}

TEST_HARNESS_MAIN
