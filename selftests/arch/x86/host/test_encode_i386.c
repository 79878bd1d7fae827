// SPDX-License-Identifier: MIT
/*
 * Claims about arch/x86/encode.h for i386: what a disassembler reads in the
 * bytes, and when there are none. test_stubs32.c executes them.
 */
#include <linux/types.h>

#define ABI	VDSO_ABI_I386
#define CS_MODE	CS_MODE_32
#define SITE	0xf7fc5000ULL

#define END_OF_ADDRESSES	(1ULL << 32)

static const __u8 landing_pad[] = { 0xf3, 0x0f, 0x1e, 0xfb };	/* endbr32 */
static const __u8 endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };

#include "encode.h"

/* Also those that are more than 2 GiB away: the sum wraps. */
TEST_F(encode, near_jump_reaches_every_address)
{
	static const __u64 targets[] = {
		0x10000, 0x08049000, 0x77fc5000, 0x7fffffff, 0x80000000, SITE - 0x1000,
		SITE, SITE + 0x40, SITE + 0x1000, 0xffffdfff, 0xffffffff,
	};
	unsigned int len;
	char ops[32];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(targets); i++) {
		len = vdso_encode_jump(ABI, self->buf, self->old, MAX_ROOM, SITE, targets[i]);
		ASSERT_EQ(variant->pad + 5, len);
		DISASSEMBLE(len);
		ASSERT_EQ(1, self->nr);
		snprintf(ops, sizeof(ops), "0x%llx", targets[i]);
		EXPECT_INSN(0, "jmp", ops);
	}
}

TEST_F(encode, no_jump_leaves_the_32_bit_addresses)
{
	EXPECT_EQ(0, vdso_encode_jump(ABI, self->buf, self->old, MAX_ROOM, SITE,
				      END_OF_ADDRESSES));
	EXPECT_EQ(0, vdso_encode_jump(ABI, self->buf, self->old, MAX_ROOM, SITE,
				      END_OF_ADDRESSES + SITE + 0x100));
	EXPECT_EQ(0, vdso_encode_jump(ABI, self->buf, self->old, MAX_ROOM,
				      END_OF_ADDRESSES, SITE));
}

/* The numbers are those of i386; this program's own headers are not. */
static const struct {
	__u32 stub;
	unsigned int nr_args;
	char eax[16];
} stubs[] = {
	{ VDSO_REMAP_STUB_CLOCK_GETTIME, 2, "eax, 0x109" },
	{ VDSO_REMAP_STUB_CLOCK_GETRES, 2, "eax, 0x10a" },
	{ VDSO_REMAP_STUB_GETTIMEOFDAY, 2, "eax, 0x4e" },
	{ VDSO_REMAP_STUB_TIME, 1, "eax, 0xd" },
	{ VDSO_REMAP_STUB_GETCPU, 3, "eax, 0x13e" },
	{ VDSO_REMAP_STUB_CLOCK_GETTIME64, 2, "eax, 0x193" },
	{ VDSO_REMAP_STUB_CLOCK_GETRES_TIME64, 2, "eax, 0x196" },
};

TEST_F(encode, stub_is_the_system_call)
{
	static const char args[][32] = {
		"ebx, dword ptr [esp + 8]",
		"ecx, dword ptr [esp + 0xc]",
		"edx, dword ptr [esp + 0x10]",
	};
	unsigned int len, arg;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(stubs); i++) {
		len = vdso_encode_stub(ABI, self->buf, self->old, MAX_ROOM, SITE, stubs[i].stub);
		ASSERT_EQ(variant->pad + 10 + 4 * stubs[i].nr_args, len);
		DISASSEMBLE(len);
		ASSERT_EQ(5 + stubs[i].nr_args, self->nr);
		EXPECT_INSN(0, "push", "ebx");
		for (arg = 0; arg < stubs[i].nr_args; arg++)
			EXPECT_INSN(1 + arg, "mov", args[arg]);
		EXPECT_INSN(1 + arg, "mov", stubs[i].eax);
		EXPECT_INSN(2 + arg, "int", "0x80");
		EXPECT_INSN(3 + arg, "pop", "ebx");
		EXPECT_INSN(4 + arg, "ret", "");
	}
}

TEST_F(encode, there_is_no_stub_of_other_numbers)
{
	static const __u32 numbers[] = {
		0, VDSO_REMAP_STUB_GETRANDOM, VDSO_REMAP_STUB_RT_SIGRETURN + 1, ~0U,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		EXPECT_EQ(0, vdso_encode_stub_call(ABI, numbers[i]).nr);
		EXPECT_EQ(0, vdso_encode_stub(ABI, self->buf, self->old, MAX_ROOM, SITE,
					      numbers[i]));
	}
}

/* A pad that the room cuts off is no pad, but an ordinary byte to overwrite. */
static unsigned int pad_in(unsigned int room, unsigned int pad)
{
	return room >= pad ? pad : 0;
}

TEST_F(encode, nothing_leaves_its_room)
{
	/* Kind 0 is a jump, others are stubs[kind - 1]. */
	unsigned int kind, room, need, len;

	for (kind = 0; kind <= ARRAY_SIZE(stubs); kind++)
		for (room = 0; room <= MAX_ROOM; room++) {
			/* Exactly as many bytes as may be read: ASan sees one more. */
			__u8 *old = malloc(room);

			memcpy(old, self->old, room);
			memset(self->buf, FILLER, sizeof(self->buf));
			if (!kind)
				len = vdso_encode_jump(ABI, self->buf, old, room, SITE, 0x10000);
			else
				len = vdso_encode_stub(ABI, self->buf, old, room, SITE,
						       stubs[kind - 1].stub);
			free(old);
			need = pad_in(room, variant->pad) +
				(kind ? 10 + 4 * stubs[kind - 1].nr_args : 5);
			EXPECT_EQ(room >= need ? need : 0, len) {
				TH_LOG("kind %u, room %u", kind, room);
			}
			EXPECT_LE(len, VDSO_ENCODE_MAX);
			EXPECT_EQ(FILLER, self->buf[VDSO_ENCODE_MAX]);
			if (len)
				EXPECT_EQ(FILLER, self->buf[len]);
		}
}

TEST(only_a_whole_landing_pad_is_a_landing_pad)
{
	__u8 old[4], buf[4];
	unsigned int i;

	EXPECT_EQ(4, vdso_encode_landing_pad(ABI, buf, landing_pad, 4));
	EXPECT_EQ(0, memcmp(buf, landing_pad, 4));
	EXPECT_EQ(0, vdso_encode_landing_pad(ABI, buf, landing_pad, 3));
	EXPECT_EQ(0, vdso_encode_landing_pad(ABI, buf, endbr64, 4));
	for (i = 0; i < 4; i++) {
		memcpy(old, landing_pad, sizeof(old));
		old[i] ^= 1;
		EXPECT_EQ(0, vdso_encode_landing_pad(ABI, buf, old, 4));
	}
}

/* The sum wraps among 32-bit addresses. */
TEST_F(encode, decoding_tells_what_was_encoded)
{
	static const __u64 targets[] = { 0x10000, SITE + 0x1000, 0xffffe000 };
	struct vdso_jump jump;
	unsigned int len;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(targets); i++) {
		len = vdso_encode_jump(ABI, self->buf, self->old, MAX_ROOM, SITE, targets[i]);
		jump = vdso_decode_jump(ABI, self->buf, MAX_ROOM, SITE);
		EXPECT_EQ(VDSO_JUMP_NEAR, jump.kind);
		EXPECT_EQ(len, jump.size);
		EXPECT_EQ(targets[i], jump.target);
	}
}

/* Unwinders and debuggers look for these bytes. */
TEST_F(encode, trampolines_are_those_of_the_kernel)
{
	unsigned int len;

	len = vdso_encode_stub(ABI, self->buf, self->old, MAX_ROOM, SITE,
			       VDSO_REMAP_STUB_SIGRETURN);
	ASSERT_EQ(variant->pad + 8, len);
	EXPECT_EQ(0, memcmp("\x58\xb8\x77\0\0\0\xcd\x80", self->buf + variant->pad, 8));
	len = vdso_encode_stub(ABI, self->buf, self->old, MAX_ROOM, SITE,
			       VDSO_REMAP_STUB_RT_SIGRETURN);
	ASSERT_EQ(variant->pad + 7, len);
	EXPECT_EQ(0, memcmp("\xb8\xad\0\0\0\xcd\x80", self->buf + variant->pad, 7));
	EXPECT_EQ(0, vdso_encode_stub(ABI, self->buf, self->old, variant->pad + 7, SITE,
				      VDSO_REMAP_STUB_SIGRETURN));
	EXPECT_EQ(0, vdso_encode_stub(ABI, self->buf, self->old, variant->pad + 6, SITE,
				      VDSO_REMAP_STUB_RT_SIGRETURN));
}

TEST_F(encode, a_jump_of_criu_is_known)
{
	static const __u8 jump[] = { 0xb8, 0x44, 0x33, 0x22, 0x11, 0xff, 0xe0 };
	unsigned int len = variant->pad + sizeof(jump), i;

	memcpy(self->buf, landing_pad, variant->pad);
	memcpy(self->buf + variant->pad, jump, sizeof(jump));
	DISASSEMBLE(len);
	ASSERT_EQ(2, self->nr);
	EXPECT_INSN(0, "mov", "eax, 0x11223344");
	EXPECT_INSN(1, "jmp", "eax");
	expect_old_jump(_metadata, self->buf, len);
	EXPECT_EQ(0, vdso_decode_jump(VDSO_ABI_X86_64, self->buf, MAX_ROOM, SITE).size);
	/* No byte of the instructions may be another; what they load may. */
	for (i = variant->pad; i < len; i++) {
		bool loaded = i >= variant->pad + 1 && i < variant->pad + 5;

		self->buf[i] ^= 1;
		EXPECT_EQ(loaded ? len : 0, vdso_decode_jump(ABI, self->buf, MAX_ROOM, SITE).size);
		self->buf[i] ^= 1;
	}
}

TEST_F(encode, nothing_else_is_taken_for_an_old_jump)
{
	size_t i;

	EXPECT_EQ(0, vdso_decode_jump(ABI, self->old, MAX_ROOM, SITE).size);
	for (i = 0; i < ARRAY_SIZE(stubs); i++) {
		ASSERT_NE(0, vdso_encode_stub(ABI, self->buf, self->old, MAX_ROOM, SITE,
					      stubs[i].stub));
		EXPECT_EQ(0, vdso_decode_jump(ABI, self->buf, MAX_ROOM, SITE).size);
	}
}

TEST_HARNESS_MAIN
