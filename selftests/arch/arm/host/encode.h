/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the encoders of arm64 and arm share. Who includes it has defined ABI. The
 * tests run on any machine.
 */
#ifndef _HOST_ARM_ENCODE_H
#define _HOST_ARM_ENCODE_H

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include <capstone/capstone.h>
#include <kselftest_harness.h>

#include "arch/encode.h"

#define FILLER		0x5a
#define MAX_ROOM	VDSO_ENCODE_MAX

/* The bytes as assembly, an instruction a line. They are read up to the first that is none. */
static inline const char *disassemble(cs_arch arch, int mode, const __u8 *bytes, unsigned int len,
				      __u64 addr)
{
	static char text[512];
	cs_insn *insn;
	size_t i, nr;
	csh cs;

	text[0] = 0;
	if (cs_open(arch, (cs_mode)mode, &cs) != CS_ERR_OK)
		return "no disassembler";
	nr = cs_disasm(cs, bytes, len, addr, 0, &insn);
	for (i = 0; i < nr; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s%s\n",
			 insn[i].mnemonic, insn[i].op_str[0] ? " " : "", insn[i].op_str);
	cs_free(insn, nr);
	cs_close(&cs);
	return text;
}

/*
 * Calls encode(buf, old, room) for every room. It needs size bytes, and writes nothing behind
 * them. ASan sees it if old is read beyond the room.
 */
#define EXPECT_FITS_FROM(size, first, encode) do {				\
	__u8 buf[VDSO_ENCODE_MAX + 1], *old;					\
	unsigned int room, len, need = (size);					\
										\
	for (room = 0; room <= MAX_ROOM; room++) {				\
		old = malloc(room);						\
		memset(old, 0, room);						\
		if (room >= sizeof(first))					\
			memcpy(old, first, sizeof(first));			\
		memset(buf, FILLER, sizeof(buf));				\
		len = encode;							\
		free(old);							\
		EXPECT_EQ(room < need ? 0 : need, len) {			\
			TH_LOG("room %u", room);				\
		}								\
		EXPECT_EQ(FILLER, buf[need]);					\
	}									\
} while (0)

/* A jump of that size is known again in a room of that size or more. */
static inline void expect_known(struct __test_metadata *_metadata, const __u8 *bytes,
				unsigned int size, __u64 site)
{
	unsigned int room;
	__u8 *old;

	for (room = 0; room <= size + 1; room++) {
		old = malloc(room);
		memcpy(old, bytes, room);
		EXPECT_EQ(room < size ? 0 : size, vdso_decode_jump(ABI, old, room, site).size) {
			TH_LOG("room %u", room);
		}
		free(old);
	}
}

#endif /* _HOST_ARM_ENCODE_H */
