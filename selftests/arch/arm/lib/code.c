// SPDX-License-Identifier: GPL-2.0
/* The code of built images, and what must be at a site. */
#include <linux/vdso_remap.h>
#include <sys/syscall.h>

#include "arch/test.h"

__asm__(".pushsection .text\n"
	".arm\n"
	".balign 4\n"
	".globl t_trap\n"
	".type t_trap, %function\n"
	"t_trap:\n"
	"	.inst	0xe7f001f0\n"	/* T_TRAP */
	"	bx	lr\n"
	".popsection\n");

static uint8_t *put16(uint8_t *to, uint16_t half)
{
	memcpy(to, &half, sizeof(half));
	return to + sizeof(half);
}

static uint8_t *put32(uint8_t *to, uint32_t word)
{
	memcpy(to, &word, sizeof(word));
	return to + sizeof(word);
}

static uint32_t imm16(uint32_t number)
{
	return (number & 0xf000) << 4 | (number & 0xfff);
}

void t_write_slot(uint8_t *at, uint32_t number)
{
	at = put32(at, 0xe3000000 | imm16(number & 0xffff));	/* movw r0, #number */
	at = put32(at, 0xe3400000 | imm16(number >> 16));	/* movt r0, #number */
	put32(at, 0xe12fff1e);					/* bx lr */
}

void t_write_criu_jump(uint8_t *at, uint64_t target)
{
	memcpy(at, T_CRIU_JUMP, T_CRIU_JUMP_SIZE);
	put32(at + 4, target);
}

size_t t_expect_landing_pad(uint8_t *at)
{
	return 0;
}

int t_is_jump(const uint8_t *at)
{
	return !memcmp(at, T_CRIU_JUMP, 4);
}

size_t t_expect_jump(uint8_t *at, uint64_t site, uint64_t target)
{
	uint8_t *to = at;

	if (!(site & T_THUMB)) {
		to = put32(to, 0xe51ff004);		/* ldr pc, [pc, #-4] */
	} else if (site & 2) {
		to = put32(to, 0xf004f8df);		/* ldr.w pc, [pc, #4] */
		to = put16(to, 0xde00);
	} else {
		to = put32(to, 0xf000f8df);		/* ldr.w pc, [pc, #0] */
	}
	return put32(to, target) - at;
}

size_t t_expect_stub(uint8_t *at, uint64_t site, uint32_t stub)
{
	static const uint32_t nr[] = {
		[VDSO_REMAP_STUB_CLOCK_GETTIME] = SYS_clock_gettime,
		[VDSO_REMAP_STUB_CLOCK_GETRES] = SYS_clock_getres,
		[VDSO_REMAP_STUB_GETTIMEOFDAY] = SYS_gettimeofday,
		[VDSO_REMAP_STUB_CLOCK_GETTIME64] = SYS_clock_gettime64,
		[VDSO_REMAP_STUB_CLOCK_GETRES_TIME64] = SYS_clock_getres_time64,
	};
	uint8_t *to = at;

	if (site & T_THUMB) {
		if (!(site & 2))
			to = put16(to, 0xbf00);			/* nop */
		to = put16(to, 0x46bc);				/* mov ip, r7 */
		to = put16(to, 0xf240);				/* movw r7, #nr */
		to = put16(to, 0x0700 | (nr[stub] & 0x700) << 4 | (nr[stub] & 0xff));
		to = put16(to, 0xdf00);				/* svc #0 */
		to = put16(to, 0x4667);				/* mov r7, ip */
		return put16(to, 0x4770) - at;			/* bx lr */
	}
	to = put32(to, 0xe1a0c007);
	to = put32(to, 0xe3007000 | imm16(nr[stub]));
	to = put32(to, 0xef000000);
	to = put32(to, 0xe1a0700c);
	return put32(to, 0xe12fff1e) - at;
}
