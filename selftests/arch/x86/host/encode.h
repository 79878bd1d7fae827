/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the encoders share. Who includes it has chosen the ABI: ABI,
 * CS_MODE for the disassembler, SITE, an address, and the array landing_pad.
 */
#ifndef _HOST_ENCODE_H
#define _HOST_ENCODE_H

#include <stdlib.h>
#include <string.h>

#include <capstone/capstone.h>
#include <kselftest_harness.h>

#include "arch/encode.h"

#define FILLER	0x5a
#define MAX_ROOM 32

FIXTURE(encode)
{
	csh cs;
	cs_insn *insn;
	size_t nr;
	__u8 old[MAX_ROOM];
	__u8 buf[MAX_ROOM + 8];
};

FIXTURE_VARIANT(encode)
{
	unsigned int pad;
};

FIXTURE_VARIANT_ADD(encode, plain) {
	.pad = 0,
};

FIXTURE_VARIANT_ADD(encode, landing_pad) {
	.pad = sizeof(landing_pad),
};

FIXTURE_SETUP(encode)
{
	ASSERT_EQ(CS_ERR_OK, cs_open(CS_ARCH_X86, CS_MODE, &self->cs));
	self->insn = NULL;
	self->nr = 0;
	memset(self->old, 0x90, sizeof(self->old));
	memcpy(self->old, landing_pad, variant->pad);
	memset(self->buf, FILLER, sizeof(self->buf));
}

FIXTURE_TEARDOWN(encode)
{
	cs_free(self->insn, self->nr);
	cs_close(&self->cs);
}

/* Disassembles len bytes; the landing pad must be there, insn[i] comes behind. */
#define DISASSEMBLE(len) do {								\
	cs_free(self->insn, self->nr);							\
	self->nr = cs_disasm(self->cs, self->buf + variant->pad, (len) - variant->pad,	\
			     SITE + variant->pad, 0, &self->insn);			\
	EXPECT_EQ(0, memcmp(self->buf, self->old, variant->pad));			\
} while (0)

#define EXPECT_INSN(i, mnem, ops) do {				\
	ASSERT_LT(i, self->nr);					\
	EXPECT_STREQ(mnem, self->insn[i].mnemonic);		\
	EXPECT_STREQ(ops, self->insn[i].op_str);		\
} while (0)

/* A jump of that size stands there, and fills a room of that size or more: ASan sees more reads. */
static inline void expect_old_jump(struct __test_metadata *_metadata, const __u8 *jump,
				   unsigned int size)
{
	unsigned int room;

	for (room = 0; room <= size + 1; room++) {
		__u8 *old = malloc(room);

		memcpy(old, jump, room);
		EXPECT_EQ(room < size ? 0 : size, vdso_decode_jump(ABI, old, room, SITE).size) {
			TH_LOG("room %u", room);
		}
		free(old);
	}
}

#endif /* _HOST_ENCODE_H */
