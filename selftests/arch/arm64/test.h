/* SPDX-License-Identifier: GPL-2.0 */
/* arm64, for the tests. Included by ../test.h, which documents all of it. */
#ifndef _SELFTESTS_ARCH_ARM64_TEST_H
#define _SELFTESTS_ARCH_ARM64_TEST_H

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#define T_MACHINE		EM_AARCH64
#define T_IMAGES		""
#define T_VDSO			"__kernel_"
#define T_IMAGE_ADDR		0x10000000000ULL
#define T_HOLES			(1ULL << 44)
#define T_HOLE_DISTANCE		(1ULL << 24)	/* a near jump reaches from one to the next */
#define T_HAS_COMPAT		1
#define T_SIGRETURN_IS_IN_VDSO	1

#define T_CODE_ALIGN		4
#define T_INSN_MAX		4
#define T_CODE(addr)		(addr)
#define T_NEAR_REACH		0x8000000ULL
#define T_FAR			0x100000000ULL
#define T_HAS_FAR_JUMPS		1
#define T_NEAR_JUMP_SIZE	4
#define T_FAR_JUMP_SIZE		20
#define T_LANDING_PAD		"\x5f\x24\x03\xd5"	/* bti c */
#define T_LANDING_PAD_SIZE	4
/* ldr x16, 1f; br x16; 1: .quad */
#define T_CRIU_JUMP		"\x50\x00\x00\x58\x00\x02\x1f\xd6\x80\x70\x60\x50\x40\x30\x20\x10"
#define T_CRIU_JUMP_SIZE	(sizeof(T_CRIU_JUMP) - 1)
#define T_CRIU_JUMP_IS_WHOLE	0
#define T_CRIU_JUMP_BROKEN	7			/* no br */

#define T_TRAP			"\x00\x00\x20\xd4"	/* brk #0 */
#define T_TRAP_SIZE		4
#define T_TRAP_SKIP		0
#define T_TRAP_BYTE		0xd4

#define t_by_register
/* nop; 1: ldr w1, [x0]; add w1, w1, #1; str w1, [x0]; b 1b */
#define T_SPIN \
	"\x1f\x20\x03\xd5\x01\x00\x40\xb9\x21\x04\x00\x11\x01\x00\x00\xb9\xfd\xff\xff\x17"
#define T_SPIN_SIZE		(sizeof(T_SPIN) - 1)
/* mov x8, x0; mov x0, x1; mov x1, x2; mov x2, x3; svc #0; ret */
#define T_MAKE_SYSTEM_CALL							\
	"\xe8\x03\x00\xaa\xe0\x03\x01\xaa\xe1\x03\x02\xaa\xe2\x03\x03\xaa"	\
	"\x01\x00\x00\xd4\xc0\x03\x5f\xd6"
#define T_READ_AT_CALL_NR	"\x08\x01\x40\x39"	/* ldrb w8, [x8] */
#define T_SYSTEM_CALL		"svc #0"

#define T_LONGEST_STUB		VDSO_REMAP_STUB_GETRANDOM
#define T_LONGEST_STUB_NAME	"__kernel_getrandom"
#define T_LONGEST_STUB_SIZE	28
#define T_FUNCTION_STUB_SIZE	12
#define T_NO_STUB		VDSO_REMAP_STUB_CLOCK_GETTIME64

#define T32_MACHINE		EM_ARM
#define T32_IMAGES		"/arm"
#define T32_LIMIT		0xfffff000U
#define T32_NR_PPOLL		336
#define t32_image_fits(function)	((void)(function), 1)

#define T_START_BY_STACK		\
	__asm__(".globl	_start\n"	\
		"_start:\n"		\
		"mov	x0, sp\n"	\
		"bl	start\n")

#define t_context_ip(context)	((unsigned long)(context)->uc_mcontext.pc)

static inline unsigned long t_put_trap(unsigned long word, const void *regs)
{
	(void)regs;
	memcpy(&word, T_TRAP, T_TRAP_SIZE);
	return word;
}

/* In the state that the cpsr says. */
static inline unsigned long t32_put_trap(unsigned long word, const void *regs)
{
	uint32_t cpsr;

	memcpy(&cpsr, (const uint32_t *)regs + 16, sizeof(cpsr));
	if (cpsr & 1 << 5)
		memcpy(&word, "\x01\xde", 2);
	else
		memcpy(&word, "\xf0\x01\xf0\xe7", 4);
	return word;
}

static inline int t_is_trap(const uint8_t *code)
{
	return !memcmp(code, T_TRAP, T_TRAP_SIZE);
}

#define t_skip_trap(ip)	((ip) + T_TRAP_SIZE)

static inline void t_trap(void)
{
	__asm__ volatile("brk #0" ::: "memory");
}

static inline uint64_t t_ticks(void)
{
	uint64_t ticks;

	/* not before what stands before it has ended, not after what stands behind it has begun */
	__asm__ volatile("isb\n\tmrs %0, cntvct_el0\n\tisb" : "=r"(ticks) :: "memory");
	return ticks;
}

static inline long t_ioctl32(int fd, unsigned long command, uint64_t req)
{
	return syscall(SYS_ioctl, fd, command, req) < 0 ? -errno : 0;
}

static inline void t_relax(void)
{
	__asm__ volatile("yield");
}

#endif /* _SELFTESTS_ARCH_ARM64_TEST_H */
