// SPDX-License-Identifier: GPL-2.0
/* Landing pads of BTI: PROXY leaves one before its jump or stub, and signs no address. */
#include <sys/auxv.h>
#include <sys/mman.h>

#include "lib/vdso_calls.h"
#include "vm/proxy_fixture.h"

#define PROT_BTI_CODE	(PROT_READ | PROT_EXEC | 0x10)
#define HAS_PACA	(1UL << 30)	/* in AT_HWCAP */
#define HAS_BTI		(1UL << 17)	/* in AT_HWCAP2 */

static const char bti_c[] = "\x5f\x24\x03\xd5", bti_jc[] = "\xdf\x24\x03\xd5";
static const char paciasp[] = "\x3f\x23\x03\xd5", pacibsp[] = "\x7f\x23\x03\xd5";
static const char nop[] = "\x1f\x20\x03\xd5", bti_j[] = "\x9f\x24\x03\xd5";

/* Another image, all of whose sites begin with this instruction. */
static void map_with(struct __test_metadata *_metadata, FIXTURE_DATA(proxy) *self, const char *insn)
{
	uint8_t *bytes = t_image_build(IMAGE_SIZE);

	for (unsigned int i = 0; i < self->req.nr_sites; i++)
		memcpy(bytes + self->sites[i].off, insn, T_LANDING_PAD_SIZE);
	self->req.image = T_IMAGE_ADDR + T_FAR;
	ASSERT_TRUE(t_image_map(&self->image, self->req.image, bytes, IMAGE_SIZE));
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
}

TEST_F(proxy, writes_bti_c_for_whatever_landing_pad_is_there)
{
	static const char *const pads[] = { bti_c, bti_jc, paciasp, pacibsp };

	for (unsigned int i = 0; i < ARRAY_SIZE(pads); i++) {
		map_with(_metadata, self, pads[i]);
		installs(_metadata, self);
		for (unsigned int j = 0; j < self->req.nr_sites; j++)
			EXPECT_EQ(0, memcmp(self->image.addr + self->sites[j].off, bti_c, 4));
		/* where addresses are signed, they would not return else */
		EXPECT_TRUE(t_image_answers(&built, self->image.addr));
		ASSERT_EQ(0, munmap(self->image.addr, IMAGE_SIZE));
	}
	if (!(getauxval(AT_HWCAP) & HAS_PACA))
		TH_LOG("this processor signs no addresses");
}

/* bti j is none for calls. */
TEST_F(proxy, writes_no_landing_pad_where_none_is)
{
	static const char *const insns[] = { nop, bti_j };

	for (unsigned int i = 0; i < ARRAY_SIZE(insns); i++) {
		map_with(_metadata, self, insns[i]);
		installs(_metadata, self);
		for (unsigned int j = 0; j < self->req.nr_sites; j++)
			EXPECT_NE(0, memcmp(self->image.addr + self->sites[j].off, bti_c, 4));
		EXPECT_TRUE(t_image_answers(&built, self->image.addr));
		ASSERT_EQ(0, munmap(self->image.addr, IMAGE_SIZE));
	}
}

/* Near jumps, far jumps and stubs, in memory where indirect calls must land on a pad. */
TEST_F(proxy, is_called_in_guarded_memory)
{
	if (!(getauxval(AT_HWCAP2) & HAS_BTI))
		SKIP(return, "this processor has no BTI");
	map_with(_metadata, self, paciasp);
	ASSERT_EQ(0, mprotect(self->image.addr, IMAGE_SIZE, PROT_BTI_CODE));
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	installs(_metadata, self);
	EXPECT_TRUE(t_image_answers(&built, self->image.addr));
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	self->req.addr = self->req.image + NEAR;
	installs(_metadata, self);
	EXPECT_TRUE(t_image_answers(&built, self->image.addr));
}

TEST_HARNESS_MAIN
