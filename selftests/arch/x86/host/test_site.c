// SPDX-License-Identifier: MIT
/*
 * Claims about what vdsoctl recognises at an entry point: all that the encoders
 * write, what CRIU writes, and nothing else; and that it stays in the image.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include <kselftest_harness.h>

#include "userspace/vdsoctl/vdsoctl.h"
#include "arch/symbols.h"
#include "arch/encode.h"

#define ADDR	0xf7f00000ULL	/* of the image; 32-bit code could be there, too */
#define OFF	0x100

FIXTURE(site)
{
	enum vdso_abi abi;
	uint8_t bytes[0x1000];
	struct vdso_remap_image image;
	struct vdso_remap_entry_point ep;
};

FIXTURE_VARIANT(site)
{
	uint16_t machine;
	uint8_t bits;
	uint8_t endbr[4];
	unsigned int nr_stubs;
};

FIXTURE_VARIANT_ADD(site, x86_64) {
	.machine = EM_X86_64, .bits = 64, .endbr = { 0xf3, 0x0f, 0x1e, 0xfa }, .nr_stubs = 6,
};

FIXTURE_VARIANT_ADD(site, i386) {
	.machine = EM_386, .bits = 32, .endbr = { 0xf3, 0x0f, 0x1e, 0xfb }, .nr_stubs = 7,
};

FIXTURE_VARIANT_ADD(site, x32) {
	.machine = EM_X86_64, .bits = 32, .endbr = { 0xf3, 0x0f, 0x1e, 0xfa }, .nr_stubs = 5,
};

FIXTURE_SETUP(site)
{
	self->abi = vdso_abi_of(variant->machine, variant->bits);
	memset(self->bytes, 0x90, sizeof(self->bytes));
	self->image = (struct vdso_remap_image){
		.text = self->bytes, .text_size = sizeof(self->bytes),
		.machine = variant->machine, .bits = variant->bits, .abi = self->abi,
	};
	self->ep.off = OFF;
}

FIXTURE_TEARDOWN(site)
{
}

static struct site decode(FIXTURE_DATA(site) *self)
{
	return site_decode(&self->image, ADDR, &self->ep);
}

static void put_jump(FIXTURE_DATA(site) *self, uint64_t target)
{
	vdso_encode_jump(self->abi, self->bytes + OFF, self->bytes + OFF, 64, ADDR + OFF, target);
}

#define EXPECT_JUMP(what, where) do {				\
	struct site site = decode(self);			\
								\
	EXPECT_EQ(what, site.kind);				\
	EXPECT_EQ(where, site.target);				\
} while (0)

TEST_F(site, sees_near_jumps)
{
	static const uint64_t targets[] = { ADDR - 1, ADDR + 0x1000, 0xf0000000, 0xffffd000 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(targets); i++) {
		put_jump(self, targets[i]);
		EXPECT_JUMP(SITE_NEAR_JUMP, targets[i]);
	}
	memcpy(self->bytes + OFF, variant->endbr, sizeof(variant->endbr));
	put_jump(self, 0xf0000000);
	EXPECT_JUMP(SITE_NEAR_JUMP, 0xf0000000);
}

/* In 32-bit code that is a near one, too, and the sum wraps. */
TEST_F(site, sees_jumps_over_more_than_2_gib)
{
	enum site_kind kind = self->abi == VDSO_ABI_I386 ? SITE_NEAR_JUMP : SITE_FAR_JUMP;

	put_jump(self, 0x10000);
	EXPECT_JUMP(kind, 0x10000);
	memcpy(self->bytes + OFF, variant->endbr, sizeof(variant->endbr));
	put_jump(self, 0x10000);
	EXPECT_JUMP(kind, 0x10000);
}

/* Some kernels' own entry points are such jumps. */
TEST_F(site, leaves_jumps_inside_of_the_image_out)
{
	put_jump(self, ADDR);
	EXPECT_EQ(SITE_UNTOUCHED, decode(self).kind);
	put_jump(self, ADDR + 0xfff);
	EXPECT_EQ(SITE_UNTOUCHED, decode(self).kind);
}

TEST_F(site, sees_the_jumps_of_criu)
{
	static const uint8_t jump64[] = {
		0x48, 0xb8, 0x00, 0x10, 0x34, 0x12, 0xff, 0x7f, 0x00, 0x00, 0xff, 0xe0, 0xcc,
	};
	static const uint8_t jump32[] = { 0xb8, 0x00, 0x10, 0x34, 0x12, 0xff, 0xe0, 0xcc };

	if (variant->bits == 64) {
		memcpy(self->bytes + OFF, jump64, sizeof(jump64));
		EXPECT_JUMP(SITE_CRIU_JUMP, 0x7fff12341000);
		memcpy(self->bytes + OFF, jump32, sizeof(jump32));
		EXPECT_EQ(SITE_UNTOUCHED, decode(self).kind);
	} else if (self->abi == VDSO_ABI_I386) {
		memcpy(self->bytes + OFF, jump32, sizeof(jump32));
		EXPECT_JUMP(SITE_CRIU_JUMP, 0x12341000);
		memcpy(self->bytes + OFF, jump64, sizeof(jump64));
		EXPECT_EQ(SITE_UNTOUCHED, decode(self).kind);
	}
}

TEST_F(site, sees_every_stub)
{
	unsigned int pad, nr = 0;
	struct site site;
	size_t i;

	for (pad = 0; pad < 2; pad++)
		for (i = 0; i < ARRAY_SIZE(vdso_stub_names); i++) {
			memset(self->bytes + OFF, 0x90, 64);
			if (pad)
				memcpy(self->bytes + OFF, variant->endbr, sizeof(variant->endbr));
			if (!vdso_encode_stub(self->abi, self->bytes + OFF, self->bytes + OFF, 64,
					      ADDR, vdso_stub_names[i].stub))
				continue;
			nr++;
			site = decode(self);
			EXPECT_EQ(SITE_STUB, site.kind);
			EXPECT_STREQ(vdso_stub_names[i].name, site.call);
		}
	EXPECT_EQ(2 * variant->nr_stubs, nr);
}

TEST_F(site, sees_nothing_in_other_code)
{
	EXPECT_EQ(SITE_UNTOUCHED, decode(self).kind);
	memcpy(self->bytes + OFF, variant->endbr, sizeof(variant->endbr));
	EXPECT_EQ(SITE_UNTOUCHED, decode(self).kind);
	memset(self->bytes + OFF, 0, 64);
	EXPECT_EQ(SITE_UNTOUCHED, decode(self).kind);
}

/* Whatever is cut off there, in a block that ends with the image: ASan sees more. */
TEST_F(site, does_not_read_beyond_the_image)
{
	static const uint64_t targets[] = { 0xf0000000, 0x10000 };
	unsigned int i, len, cut;
	uint8_t buf[64];

	memset(self->bytes + OFF, 0x90, 64);
	for (i = 0; i < ARRAY_SIZE(targets) + ARRAY_SIZE(vdso_stub_names); i++) {
		if (i < ARRAY_SIZE(targets))
			len = vdso_encode_jump(self->abi, buf, self->bytes + OFF, 64, ADDR,
					       targets[i]);
		else
			len = vdso_encode_stub(self->abi, buf, self->bytes + OFF, 64, ADDR,
					       vdso_stub_names[i - ARRAY_SIZE(targets)].stub);
		for (cut = 0; cut < len; cut++) {
			self->image.text = memcpy(malloc(cut), buf, cut);
			self->image.text_size = cut;
			self->ep.off = 0;
			EXPECT_EQ(SITE_UNTOUCHED, decode(self).kind) {
				TH_LOG("case %u, %u bytes", i, cut);
			}
			free((void *)self->image.text);
		}
	}
}

TEST_HARNESS_MAIN
