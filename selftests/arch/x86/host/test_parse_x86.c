// SPDX-License-Identifier: MIT
/* Claims about vdso_remap_parse() and images of i386 and x32. */
#include <errno.h>

#include "host/parse_good.h"

FIXTURE_VARIANT_ADD(good, gnu_hash_32) {
	.bits = 32, .machine = EM_386, .with = WITH_GNU_HASH | WITH_SECTIONS,
};

FIXTURE_VARIANT_ADD(good, hash_32) {
	.bits = 32, .machine = EM_386, .with = WITH_HASH | WITH_SECTIONS,
};

FIXTURE_VARIANT_ADD(good, no_hash_32) {
	.bits = 32, .machine = EM_386, .with = WITH_SECTIONS,
};

FIXTURE_VARIANT_ADD(good, prelinked_32) {
	.bits = 32, .machine = EM_386, .with = WITH_HASH | WITH_SECTIONS,
	.base = 0xffffe000,
};

FIXTURE_VARIANT_ADD(good, x32) {
	.bits = 32, .machine = EM_X86_64, .with = WITH_GNU_HASH | WITH_SECTIONS,
};

/* Only the class tells x32 from x86_64, and nothing is of class 64 for i386. */
TEST(refuses_i386_of_64_bits)
{
	const struct spec spec = {
		.bits = 64, .machine = EM_386, .with = WITH_HASH, .syms = four_syms, .nr_syms = 4,
	};
	unsigned char *bytes = malloc(IMAGE_SIZE);
	struct vdso_remap_image image;

	build_image(bytes, &spec);
	EXPECT_EQ(-EOPNOTSUPP, parse(&image, bytes, IMAGE_SIZE));
	free(bytes);
}

TEST_HARNESS_MAIN
