/* SPDX-License-Identifier: MIT */
/*
 * Claims about vdso_remap_parse() and good images of any ABI: who includes this adds
 * variants, an image each.
 * (Each image lies in a heap block of exactly its size; ASan watches the ends.)
 */
#ifndef _SELFTESTS_HOST_PARSE_GOOD_H
#define _SELFTESTS_HOST_PARSE_GOOD_H

#include <stdlib.h>

#include <kselftest_harness.h>

#include "elf_image.h"
#include "parse_invariants.h"

static const struct sym four_syms[] = {
	WEAK("time", 0x1040, 20),
	FUNC("__vdso_clock_gettime", 0x1100, 300),
	FUNC("__vdso_time", 0x1040, 20),
	FUNC("__vdso_getcpu", 0x1030, 5),
};

/* Parses a copy in a block of exactly len bytes; says what is wrong, or nothing. */
static inline const char *judge_bytes(const unsigned char *bytes, size_t len)
{
	unsigned char *exact = malloc(len);
	struct vdso_remap_image image;
	const char *broken = "";
	int ret;

	memcpy(exact, bytes, len);
	ret = parse(&image, exact, len);
	if (!is_documented(ret))
		broken = "documented error";
	else if (!ret)
		broken = broken_invariant(&image);
	free(exact);
	return broken;
}

FIXTURE(good)
{
	unsigned char bytes[IMAGE_SIZE];
	struct spec spec;
	struct vdso_remap_image image;
};

FIXTURE_VARIANT(good)
{
	int bits;
	uint16_t machine;
	unsigned int with;
	uint64_t base;
};

FIXTURE_SETUP(good)
{
	self->spec = (struct spec){
		.bits = variant->bits, .machine = variant->machine, .with = variant->with,
		.base = variant->base, .build_id_size = 20, .syms = four_syms, .nr_syms = 4,
	};
	build_image(self->bytes, &self->spec);
}

FIXTURE_TEARDOWN(good)
{
}

TEST_F(good, finds_everything)
{
	const struct vdso_remap_entry_point *e = self->image.entry_points;

	ASSERT_EQ(0, parse(&self->image, self->bytes, IMAGE_SIZE));
	EXPECT_EQ(variant->machine, self->image.machine);
	EXPECT_EQ(variant->bits, self->image.bits);
	EXPECT_EQ(20, self->image.build_id_size);
	EXPECT_EQ(0xa0, self->image.build_id[0]);
	EXPECT_EQ(0xb3, self->image.build_id[19]);
	ASSERT_EQ(4, self->image.nr_entry_points);
	EXPECT_STREQ("__vdso_getcpu", e[0].name);
	EXPECT_STREQ("__vdso_time", e[1].name);
	EXPECT_STREQ("time", e[2].name);
	EXPECT_STREQ("__vdso_clock_gettime", e[3].name);
	EXPECT_EQ(0x1030, e[0].off);
	EXPECT_EQ(0x1040, e[1].off);
	EXPECT_EQ(0x1040, e[2].off);
	EXPECT_EQ(0x1100, e[3].off);
	EXPECT_EQ(5, e[0].size);
	EXPECT_EQ(0x10, e[0].room);
	EXPECT_EQ(0xc0, e[1].room);
	EXPECT_EQ(0xc0, e[2].room);
	EXPECT_EQ(OFF_TEXT_END - 0x1100, e[3].room);
}

TEST_F(good, survives_every_truncation)
{
	size_t len;

	for (len = 0; len <= IMAGE_SIZE; len++)
		ASSERT_STREQ("", judge_bytes(self->bytes, len)) {
			TH_LOG("at %zu bytes", len);
		}
}

TEST_F(good, survives_every_bit_flip)
{
	size_t at;
	int bit;

	for (at = 0; at < OFF_SHDR + NR_SHDR * sizeof(Elf64_Shdr); at++) {
		if (at == OFF_TEXT)
			at = OFF_SHDR;
		for (bit = 0; bit < 8; bit++) {
			self->bytes[at] ^= 1 << bit;
			ASSERT_STREQ("", judge_bytes(self->bytes, IMAGE_SIZE)) {
				TH_LOG("bit %d at %zu", bit, at);
			}
			self->bytes[at] ^= 1 << bit;
		}
	}
}

/* The values that overflow sums, in every aligned word. */
TEST_F(good, survives_extreme_words)
{
	static const uint64_t extremes[] = {
		0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffff,
		0xfffffffffffff000, 0xffffffffffffffff,
	};
	size_t at, i, width;
	uint64_t old;

	for (at = 0; at < OFF_SHDR + NR_SHDR * sizeof(Elf64_Shdr); at += 4) {
		if (at == OFF_TEXT)
			at = OFF_SHDR;
		for (i = 0; i < ARRAY_SIZE(extremes); i++)
			for (width = 4; width <= 8; width += 4) {
				memcpy(&old, self->bytes + at, width);
				memcpy(self->bytes + at, &extremes[i], width);
				ASSERT_STREQ("", judge_bytes(self->bytes, IMAGE_SIZE)) {
					TH_LOG("%zu bytes at %zu", width, at);
				}
				memcpy(self->bytes + at, &old, width);
			}
	}
}

#endif /* _SELFTESTS_HOST_PARSE_GOOD_H */
