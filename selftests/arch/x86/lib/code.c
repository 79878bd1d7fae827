// SPDX-License-Identifier: GPL-2.0
/* The code of built images, and what must be at a site. */
#include <linux/vdso_remap.h>
#include <string.h>
#include <sys/syscall.h>

#include "arch/test.h"

void t_write_slot(uint8_t *at, uint32_t number)
{
	at[0] = 0xb8;	/* mov $number, %eax */
	memcpy(at + 1, &number, 4);
	at[5] = 0xc3;	/* ret */
}

void t_write_criu_jump(uint8_t *at, uint64_t target)
{
	const size_t size = sizeof(unsigned long);

	memcpy(at, T_CRIU_JUMP, T_CRIU_JUMP_SIZE);
	memcpy(at + T_CRIU_JUMP_SIZE - 2 - size, &target, size);
}

size_t t_expect_landing_pad(uint8_t *at)
{
	return memcmp(at, T_LANDING_PAD, T_LANDING_PAD_SIZE) ? 0 : T_LANDING_PAD_SIZE;
}

int t_is_jump(const uint8_t *at)
{
	return *at == 0xe9 || !memcmp(at, "\x49\xbb", 2);
}

#ifdef __i386__
size_t t_expect_jump(uint8_t *at, uint64_t site, uint64_t target)
{
	uint32_t dist = target - (site + 5);

	at[0] = 0xe9;				/* jmp target */
	memcpy(at + 1, &dist, 4);
	return 5;
}

size_t t_expect_stub(uint8_t *at, uint64_t site, uint32_t stub)
{
	static const struct {
		uint32_t nr;
		unsigned int nr_args;
	} calls[] = {
		[VDSO_REMAP_STUB_CLOCK_GETTIME] = { SYS_clock_gettime, 2 },
		[VDSO_REMAP_STUB_CLOCK_GETRES] = { SYS_clock_getres, 2 },
		[VDSO_REMAP_STUB_GETTIMEOFDAY] = { SYS_gettimeofday, 2 },
		[VDSO_REMAP_STUB_TIME] = { SYS_time, 1 },
		[VDSO_REMAP_STUB_GETCPU] = { SYS_getcpu, 3 },
		[VDSO_REMAP_STUB_CLOCK_GETTIME64] = { SYS_clock_gettime64, 2 },
		[VDSO_REMAP_STUB_CLOCK_GETRES_TIME64] = { SYS_clock_getres_time64, 2 },
	};
	/* mov 8(%esp), %ebx; mov 12(%esp), %ecx; mov 16(%esp), %edx */
	static const char args[] = "\x8b\x5c\x24\x08\x8b\x4c\x24\x0c\x8b\x54\x24\x10";
	uint8_t *to = at;

	*to++ = 0x53;				/* push %ebx */
	memcpy(to, args, 4 * calls[stub].nr_args);
	to += 4 * calls[stub].nr_args;
	*to++ = 0xb8;				/* mov $nr, %eax */
	memcpy(to, &calls[stub].nr, 4);
	memcpy(to + 4, "\xcd\x80\x5b\xc3", 4);	/* int $0x80; pop %ebx; ret */
	return to + 8 - at;
}
#else
size_t t_expect_jump(uint8_t *at, uint64_t site, uint64_t target)
{
	int64_t dist = target - (site + 5);

	if (dist >= INT32_MIN && dist <= INT32_MAX) {
		at[0] = 0xe9;			/* jmp target */
		memcpy(at + 1, &dist, 4);
		return 5;
	}
	memcpy(at, "\x49\xbb", 2);		/* movabs $target, %r11 */
	memcpy(at + 2, &target, 8);
	memcpy(at + 10, "\x41\xff\xe3", 3);	/* jmp *%r11 */
	return 13;
}

size_t t_expect_stub(uint8_t *at, uint64_t site, uint32_t stub)
{
	static const uint32_t nr[] = {
		[VDSO_REMAP_STUB_CLOCK_GETTIME] = SYS_clock_gettime,
		[VDSO_REMAP_STUB_CLOCK_GETRES] = SYS_clock_getres,
		[VDSO_REMAP_STUB_GETTIMEOFDAY] = SYS_gettimeofday,
		[VDSO_REMAP_STUB_TIME] = SYS_time,
		[VDSO_REMAP_STUB_GETCPU] = SYS_getcpu,
		[VDSO_REMAP_STUB_GETRANDOM] = SYS_getrandom,
	};
	uint8_t *to = at;

	if (stub == VDSO_REMAP_STUB_GETRANDOM) {
		/* push $-38; pop %rax; inc %r8; jz to the ret */
		memcpy(to, "\x6a\xda\x58\x49\xff\xc0\x74\x07", 8);
		to += 8;
	}
	*to++ = 0xb8;				/* mov $nr, %eax */
	memcpy(to, &nr[stub], 4);
	memcpy(to + 4, "\x0f\x05\xc3", 3);	/* syscall; ret */
	return to + 7 - at;
}
#endif
