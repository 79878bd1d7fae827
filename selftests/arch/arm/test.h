/* SPDX-License-Identifier: GPL-2.0 */
/*
 * arm, for the tests, under a kernel of arm or of arm64. Included by ../test.h, which documents all
 * of it. The tests themselves may be Thumb code; built images are ARM code.
 */
#ifndef _SELFTESTS_ARCH_ARM_TEST_H
#define _SELFTESTS_ARCH_ARM_TEST_H

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#define T_MACHINE		EM_ARM
#define T_IMAGES		(T_HAS_COMPAT ? "/arm" : "")
#define T_VDSO			"__vdso_"
#define T_IMAGE_ADDR		0x40000000ULL
#define T_HOLES			0x60000000ULL
#define T_HOLE_DISTANCE		(1ULL << 24)
#define T_HAS_COMPAT		(t_task_limit() > 0xc0000000)	/* under arm64 */
#define T_SIGRETURN_IS_IN_VDSO	0

#define T_THUMB			1	/* in the address of a function */
#define T_CODE_ALIGN		4
#define T_INSN_MAX		4
#define T_CODE(addr)		((addr) & ~(uint64_t)T_THUMB)
#define T_NEAR_REACH		0x100000000ULL
#define T_FAR			0x20000000ULL
#define T_HAS_FAR_JUMPS		0
#define T_NEAR_JUMP_SIZE	8
#define T_FAR_JUMP_SIZE		8
#define T_LANDING_PAD		""
#define T_LANDING_PAD_SIZE	0
/* ldr pc, [pc, #-4]; .word; bkpt 0x0 */
#define T_CRIU_JUMP		"\x04\xf0\x1f\xe5\x40\x30\x20\x10\x70\x00\x20\xe1"
#define T_CRIU_JUMP_SIZE	(sizeof(T_CRIU_JUMP) - 1)
#define T_CRIU_JUMP_IS_WHOLE	1
#define T_CRIU_JUMP_BROKEN	3

#define T_TRAP			"\xf0\x01\xf0\xe7"
#define T_TRAP_SIZE		4
#define T_TRAP_SKIP		0
#define T_TRAP_BYTE		0xe7
/* Kernels of arm, where stacks end at 3 GiB; under those of arm64 they end at 4 GiB. */
#define T_FIRST_ADDR		((uintptr_t)__builtin_frame_address(0) < 0xc0000000 ? 8192U : 0U)
#define T_THUMB_TRAP		"\x01\xde"

#define t_by_register
/* nop; 1: ldr r1, [r0]; add r1, r1, #1; str r1, [r0]; b 1b */
#define T_SPIN \
	"\x00\xf0\x20\xe3\x00\x10\x90\xe5\x01\x10\x81\xe2\x00\x10\x80\xe5\xfb\xff\xff\xea"
#define T_SPIN_SIZE		(sizeof(T_SPIN) - 1)
/* push {r7}; mov r7, r0; mov r0, r1; mov r1, r2; mov r2, r3; svc #0; pop {r7}; bx lr */
#define T_MAKE_SYSTEM_CALL							\
	"\x04\x70\x2d\xe5\x00\x70\xa0\xe1\x01\x00\xa0\xe1\x02\x10\xa0\xe1"	\
	"\x03\x20\xa0\xe1\x00\x00\x00\xef\x04\x70\x9d\xe4\x1e\xff\x2f\xe1"
#define T_READ_AT_CALL_NR	"\x00\x70\xd7\xe5"	/* ldrb r7, [r7] */
#define T_SYSTEM_CALL		"svc #0"

#define T_LONGEST_STUB		VDSO_REMAP_STUB_CLOCK_GETTIME64
#define T_LONGEST_STUB_NAME	"__vdso_clock_gettime64"
#define T_LONGEST_STUB_SIZE	20
#define T_FUNCTION_STUB_SIZE	20
#define T_NO_STUB		VDSO_REMAP_STUB_GETRANDOM

#define T_START_BY_STACK				\
	__asm__(".arm\n"				\
		".globl	_start\n"			\
		".type	_start, %function\n"		\
		"_start:\n"				\
		"mov	r0, sp\n"			\
		"bic	sp, sp, #7\n"			\
		"bl	start\n")

#define t_context_ip(context)	((context)->uc_mcontext.arm_pc)

uint64_t t_task_limit(void);

static inline unsigned long t_put_trap(unsigned long word, const void *regs)
{
	uint32_t cpsr;

	memcpy(&cpsr, (const uint32_t *)regs + 16, sizeof(cpsr));
	if (cpsr & 1 << 5)
		memcpy(&word, T_THUMB_TRAP, 2);
	else
		memcpy(&word, T_TRAP, T_TRAP_SIZE);
	return word;
}

static inline int t_is_trap(const uint8_t *code)
{
	return !memcmp(code, T_TRAP, T_TRAP_SIZE);
}

#define t_skip_trap(ip)	((ip) + T_TRAP_SIZE)

/* ARM code. */
void t_trap(void);

static inline uint64_t t_ticks(void)
{
	uint64_t ticks;

	/* not before what stands before it has ended, not after what stands behind it has begun */
	__asm__ volatile("isb\n\tmrrc p15, 1, %Q0, %R0, c14\n\tisb" : "=r"(ticks) :: "memory");
	return ticks;
}

static inline long t_ioctl32(int fd, unsigned long command, uint64_t req)
{
	return syscall(SYS_ioctl, fd, command, (long)req) < 0 ? -errno : 0;
}

static inline void t_relax(void)
{
	__asm__ volatile("yield");
}

#endif /* _SELFTESTS_ARCH_ARM_TEST_H */
