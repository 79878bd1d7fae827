// SPDX-License-Identifier: GPL-2.0
/* The code of built images, and what must be at a site. */
#include <linux/vdso_remap.h>
#include <sys/syscall.h>

#include "arch/test.h"

#define B		0x14000000U
#define MOVZ_X0		0xd2800000U	/* the value from bit 5 on */
#define MOVK_X0		0xf2800000U
#define MOVZ_W0		0x52800000U
#define MOVK_W0_HIGH	0x72a00000U
#define BR_X16		0xd61f0200U
#define SVC		0xd4000001U
#define RET		0xd65f03c0U
#define BTI_JC		0xd50324dfU
#define PACIASP		0xd503233fU
#define PACIBSP		0xd503237fU

static uint8_t *put(uint8_t *to, uint32_t insn)
{
	memcpy(to, &insn, sizeof(insn));
	return to + sizeof(insn);
}

static uint32_t get(const uint8_t *at)
{
	uint32_t insn;

	memcpy(&insn, at, sizeof(insn));
	return insn;
}

void t_write_slot(uint8_t *at, uint32_t number)
{
	at = put(at, MOVZ_W0 | (number & 0xffff) << 5);
	at = put(at, MOVK_W0_HIGH | number >> 16 << 5);
	put(at, RET);
}

void t_write_criu_jump(uint8_t *at, uint64_t target)
{
	memcpy(at, T_CRIU_JUMP, T_CRIU_JUMP_SIZE);
	memcpy(at + T_CRIU_JUMP_SIZE - sizeof(target), &target, sizeof(target));
}

/* paciasp is a landing pad, too, but it would sign an address that nobody authenticates. */
size_t t_expect_landing_pad(uint8_t *at)
{
	if (get(at) == BTI_JC || get(at) == PACIASP || get(at) == PACIBSP)
		memcpy(at, T_LANDING_PAD, T_LANDING_PAD_SIZE);
	return memcmp(at, T_LANDING_PAD, T_LANDING_PAD_SIZE) ? 0 : T_LANDING_PAD_SIZE;
}

int t_is_jump(const uint8_t *at)
{
	return (get(at) & 0xfc000000) == B || (get(at) & 0xffe0001f) == (MOVZ_X0 | 16);
}

size_t t_expect_jump(uint8_t *at, uint64_t site, uint64_t target)
{
	int64_t dist = target - site;
	uint8_t *to = at;

	if (dist >= -(int64_t)T_NEAR_REACH && dist < (int64_t)T_NEAR_REACH) {
		put(at, B | (dist / 4 & 0x3ffffff));
		return 4;
	}
	for (unsigned int part = 0; part < 4; part++)
		to = put(to, (part ? MOVK_X0 : MOVZ_X0) | part << 21 |
			     (target >> 16 * part & 0xffff) << 5 | 16);
	return put(to, BR_X16) - at;
}

size_t t_expect_stub(uint8_t *at, uint64_t site, uint32_t stub)
{
	static const uint32_t nr[] = {
		[VDSO_REMAP_STUB_CLOCK_GETTIME] = SYS_clock_gettime,
		[VDSO_REMAP_STUB_CLOCK_GETRES] = SYS_clock_getres,
		[VDSO_REMAP_STUB_GETTIMEOFDAY] = SYS_gettimeofday,
		[VDSO_REMAP_STUB_GETRANDOM] = SYS_getrandom,
	};
	uint8_t *to = at;

	if (stub == VDSO_REMAP_STUB_GETRANDOM) {
		to = put(to, 0xb100049f);		/* cmn x4, #1 */
		to = put(to, 0x54000080);		/* b.eq 1f */
	}
	to = put(to, MOVZ_X0 | nr[stub] << 5 | 8);	/* mov x8, #nr */
	to = put(to, SVC);
	to = put(to, RET);
	if (stub == VDSO_REMAP_STUB_GETRANDOM) {
		to = put(to, 0x928004a0);		/* 1: mov x0, #-38 */
		to = put(to, RET);
	}
	return to - at;
}
