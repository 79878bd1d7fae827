// SPDX-License-Identifier: MIT
/*
 * Claims about arch/x86/encode.h for x32: the instructions of x86_64, with addresses of 32
 * bits. A disassembler reads the bytes. The stubs are executed where their bytes are the
 * same: in the test of x86_64.
 */
#include <string.h>
#include <sys/syscall.h>

#include <linux/types.h>

#define ABI	VDSO_ABI_X32
#define CS_MODE	CS_MODE_64
#define SITE	0xf7f00000ULL

static const __u8 landing_pad[] = { 0xf3, 0x0f, 0x1e, 0xfa };	/* endbr64 */

#include "encode.h"

TEST_F(encode, near_jump_reaches_its_target)
{
	const __u64 targets[] = {
		SITE, SITE + 0x1000, SITE - 0x1000, 0xffffffff,
		SITE + variant->pad + 5 - 0x80000000,
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

/* In 64-bit code the sum does not wrap. */
TEST_F(encode, far_jump_reaches_its_target)
{
	const __u64 targets[] = { 0x10000, SITE + variant->pad + 5 - 0x80000001 };
	struct vdso_jump jump;
	unsigned int len;
	char ops[32];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(targets); i++) {
		len = vdso_encode_jump(ABI, self->buf, self->old, MAX_ROOM, SITE, targets[i]);
		ASSERT_EQ(variant->pad + 9, len);
		DISASSEMBLE(len);
		ASSERT_EQ(2, self->nr);
		snprintf(ops, sizeof(ops), "r11d, 0x%llx", targets[i]);
		EXPECT_INSN(0, "mov", ops);
		EXPECT_INSN(1, "jmp", "r11");
		expect_old_jump(_metadata, self->buf, len);
		jump = vdso_decode_jump(ABI, self->buf, MAX_ROOM, SITE);
		EXPECT_EQ(VDSO_JUMP_FAR, jump.kind);
		EXPECT_EQ(targets[i], jump.target);
	}
}

TEST_F(encode, no_jump_leaves_4_gib)
{
	EXPECT_EQ(0, vdso_encode_jump(ABI, self->buf, self->old, MAX_ROOM, SITE, 1ULL << 32));
	EXPECT_EQ(0, vdso_encode_jump(ABI, self->buf, self->old, MAX_ROOM, 1ULL << 32, SITE));
}

TEST_F(encode, nothing_leaves_its_room)
{
	unsigned int room, need, len;

	for (room = 0; room <= MAX_ROOM; room++) {
		__u8 *old = malloc(room);

		memcpy(old, self->old, room);
		len = vdso_encode_jump(ABI, self->buf, old, room, SITE, 0x10000);
		free(old);
		need = (room >= variant->pad ? variant->pad : 0) + 9;
		EXPECT_EQ(room >= need ? need : 0, len);
	}
}

/* Those of x86_64, byte by byte; its vDSO has no getrandom. */
TEST_F(encode, stubs_are_those_of_x86_64)
{
	__u8 native[VDSO_ENCODE_MAX];
	unsigned int stub, len;

	for (stub = VDSO_REMAP_STUB_CLOCK_GETTIME; stub <= VDSO_REMAP_STUB_GETCPU; stub++) {
		len = vdso_encode_stub(ABI, self->buf, self->old, MAX_ROOM, SITE, stub);
		ASSERT_EQ(variant->pad + 8, len);
		EXPECT_EQ(len, vdso_encode_stub(VDSO_ABI_X86_64, native, self->old, MAX_ROOM, SITE,
						stub));
		EXPECT_EQ(0, memcmp(native, self->buf, len));
	}
	for (; stub <= VDSO_REMAP_STUB_RT_SIGRETURN + 1; stub++)
		EXPECT_EQ(0, vdso_encode_stub(ABI, self->buf, self->old, MAX_ROOM, SITE, stub));
	EXPECT_EQ(SYS_clock_gettime,
		  vdso_encode_stub_call(ABI, VDSO_REMAP_STUB_CLOCK_GETTIME).nr);
}

TEST_HARNESS_MAIN
