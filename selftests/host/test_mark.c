// SPDX-License-Identifier: MIT
/*
 * Claims about the mark: its bytes are CRIU's, and each layout that CRIU has
 * ever written is read rightly.
 */
#include <stddef.h>
#include <string.h>

#include <kselftest_harness.h>

#include "../../userspace/internal.h"

/* As five words, the way CRIU's structure lies in memory. */
static bool read_words(struct vrl_mark *mark, const char *signature, uint64_t version)
{
	uint64_t words[5] = { 0, 0x7fff00001000, version, 0x7fff00000000, 0x30000 };

	memcpy(words, signature, 8);
	return vrl_read_mark(mark, words, sizeof(words));
}

TEST(has_the_layout_of_criu)
{
	uint64_t signature = VDSO_REMAP_MARK_SIGNATURE;

	EXPECT_EQ(0, memcmp(&signature, "CRIUvDSO", 8));
	EXPECT_EQ(40, sizeof(struct vdso_remap_mark));
	EXPECT_EQ(8, offsetof(struct vdso_remap_mark, image));
	EXPECT_EQ(16, offsetof(struct vdso_remap_mark, version));
	EXPECT_EQ(24, offsetof(struct vdso_remap_mark, image_data));
	EXPECT_EQ(32, offsetof(struct vdso_remap_mark, runtime_data));
}

TEST(reads_version_3)
{
	struct vrl_mark mark;

	ASSERT_TRUE(read_words(&mark, "CRIUvDSO", 3));
	EXPECT_EQ(3, mark.version);
	EXPECT_EQ(0x7fff00001000, mark.image);
	EXPECT_EQ(0x7fff00000000, mark.image_data);
}

TEST(reads_version_2)
{
	struct vrl_mark mark;

	ASSERT_TRUE(read_words(&mark, "criuvDSO", 2));
	EXPECT_EQ(2, mark.version);
	EXPECT_EQ(0x7fff00001000, mark.image);
	EXPECT_EQ(0x7fff00000000, mark.image_data);
}

TEST(reads_version_1_without_trusting_its_data)
{
	struct vrl_mark mark;

	ASSERT_TRUE(read_words(&mark, "criuvdso", 1));
	EXPECT_EQ(1, mark.version);
	EXPECT_EQ(0x7fff00001000, mark.image);
	EXPECT_EQ(VDSO_REMAP_MARK_NO_ADDR, mark.image_data);
}

TEST(keeps_missing_data)
{
	struct vdso_remap_mark raw = {
		.signature = VDSO_REMAP_MARK_SIGNATURE,
		.version = VDSO_REMAP_MARK_VERSION,
		.image_data = VDSO_REMAP_MARK_NO_ADDR,
	};
	struct vrl_mark mark;

	ASSERT_TRUE(vrl_read_mark(&mark, &raw, sizeof(raw)));
	EXPECT_EQ(VDSO_REMAP_MARK_NO_ADDR, mark.image_data);
}

TEST(sees_no_mark_in_other_bytes)
{
	static const char signatures[][9] = { "\177ELF\2\1\1", "CRIUvdso", "criuVDSO", "" };
	struct vrl_mark mark;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(signatures); i++)
		EXPECT_FALSE(read_words(&mark, signatures[i], 3));
}

TEST(needs_all_of_its_bytes)
{
	struct vdso_remap_mark raw = { .signature = VDSO_REMAP_MARK_SIGNATURE };
	struct vrl_mark mark;
	size_t size;

	for (size = 0; size < sizeof(raw); size++)
		EXPECT_FALSE(vrl_read_mark(&mark, &raw, size));
	EXPECT_TRUE(vrl_read_mark(&mark, &raw, size));
}

TEST_HARNESS_MAIN
