/* SPDX-License-Identifier: GPL-2.0 */
/*
 * x86_64 and i386, for the tests: addresses, registers, and the code that a test writes or
 * expects to find. The encoders of the project are not used: this is a second opinion.
 */
#ifndef _SELFTESTS_ARCH_X86_TEST_H
#define _SELFTESTS_ARCH_X86_TEST_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

/*
 * T_IMAGES: where in $VDSO_IMAGES those of this ABI are.
 * T_IMAGE_ADDR: far from everything that the kernel places by itself.
 * T_HOLES: where t_hole() begins, and the distance from one hole to the next. Nobody else
 * looks for a place there: stacks of later threads don't fill a hole.
 * T_FAR: a distance that no near jump reaches, if there is such a distance.
 * T_FAR_JUMP_SIZE, T_FAR_JUMP_BEGINS: of the jump that is written then, and its first byte.
 * T_SIGRETURN_IS_IN_VDSO: a handler without SA_RESTORER returns to the vDSO.
 */
#ifdef __i386__
#define T_MACHINE		EM_386
#define T_IMAGES		"/i386"
#define T_IMAGE_ADDR		0x40000000ULL
#define T_HOLES			0x60000000ULL
#define T_HOLE_DISTANCE		(1ULL << 24)
#define T_FAR			0x20000000ULL
#define T_HAS_FAR_JUMPS		0
#define T_SIGRETURN_IS_IN_VDSO	1
#define T_FAR_JUMP_SIZE		5
#define T_FAR_JUMP_BEGINS	0xe9
#define T_LANDING_PAD		"\xf3\x0f\x1e\xfb"	/* endbr32 */
#else
#define T_MACHINE		EM_X86_64
#define T_IMAGES		""
#define T_IMAGE_ADDR		0x10000000000ULL
#define T_HOLES			(1ULL << 44)
#define T_HOLE_DISTANCE		(1ULL << 30)
#define T_FAR			0x100000000ULL
#define T_HAS_FAR_JUMPS		1
#define T_SIGRETURN_IS_IN_VDSO	0
#define T_FAR_JUMP_SIZE		13
#define T_FAR_JUMP_BEGINS	0x49
#define T_LANDING_PAD		"\xf3\x0f\x1e\xfa"	/* endbr64 */
#endif
#define T_LANDING_PAD_SIZE	4
#define T_NEAR_REACH		0x80000000ULL	/* of rel32, both ways */

/* A breakpoint, and where the instruction pointer is after it, from its beginning. */
#define T_TRAP		0xcc	/* int3 */
#define T_TRAP_SIZE	1

/* The longest stub of the ABI, how long that and the one for time is, and one that it lacks. */
#ifdef __i386__
#define T_LONGEST_STUB		VDSO_REMAP_STUB_GETCPU
#define T_LONGEST_STUB_NAME	"__vdso_getcpu"
#define T_LONGEST_STUB_SIZE	22
#define T_TIME_STUB_SIZE	14
#define T_NO_STUB		VDSO_REMAP_STUB_GETRANDOM
#else
#define T_LONGEST_STUB		VDSO_REMAP_STUB_GETRANDOM
#define T_LONGEST_STUB_NAME	"__vdso_getrandom"
#define T_LONGEST_STUB_SIZE	16
#define T_TIME_STUB_SIZE	8
#define T_NO_STUB		VDSO_REMAP_STUB_CLOCK_GETTIME64
#endif

/*
 * Calls a function of a vDSO with up to five arguments, as the kernel's ABI has it: an error is
 * a negative errno. Arguments that the function does not take do no harm.
 */
#define t_call(fn, ...)	t_call_with_args((const void *)(uintptr_t)(fn), \
					 (const long[5]){ __VA_ARGS__ })

static inline long t_call_with_args(const void *fn, const long args[5])
{
	long (*call)(long a, long b, long c, long d, long e) = fn;

	return call(args[0], args[1], args[2], args[3], args[4]);
}

/*
 * T_SPIN: a function with one argument, which has two bytes to get in and then increments an
 * int for ever. It takes its argument in a register.
 * T_MAKE_SYSTEM_CALL: a function that makes the system call of its first argument.
 * T_CRIU_JUMP: what CRIU writes, to some place.
 */
#ifdef __i386__
#define t_by_register	__attribute__((regparm(1)))
#define T_SPIN		"\x66\x90\xff\x00\xeb\xfc"	/* 1: incl (%eax); jmp 1b */
#define T_MAKE_SYSTEM_CALL							\
	"\x53\x8b\x44\x24\x08\x8b\x5c\x24\x0c\x8b\x4c"			\
	"\x24\x10\x8b\x54\x24\x14\xcd\x80\x5b\xc3"
#define T_CRIU_JUMP	"\xb8\x40\x30\x20\x10\xff\xe0"
#else
#define t_by_register
#define T_SPIN		"\x66\x90\xff\x07\xeb\xfc"	/* 1: incl (%rdi); jmp 1b */
#define T_MAKE_SYSTEM_CALL							\
	"\x89\xf8\x48\x89\xf7\x48\x89\xd6\x48\x89\xca\x0f\x05\xc3"
#define T_CRIU_JUMP	"\x48\xb8\x80\x70\x60\x50\x40\x30\x20\x10\xff\xe0"
#endif
#define T_SPIN_SIZE		(sizeof(T_SPIN) - 1)
#define T_CRIU_JUMP_SIZE	(sizeof(T_CRIU_JUMP) - 1)

/*
 * T_SYSTEM_CALL: the instruction of a program's own system calls, and T_SYSTEM_CALL_0,
 *	T_SYSTEM_CALL_1: its bytes.
 * T_PREFIX: it does nothing before that instruction.
 * T_READ_AT_CALL_NR: reads at the address in the register of a system call's number.
 * T_FRAME_BIAS: of a signal frame's address, modulo 16.
 */
#ifdef __i386__
#define T_SYSTEM_CALL	"int $0x80"
#define T_SYSTEM_CALL_0	0xcd
#define T_SYSTEM_CALL_1	0x80
#define T_PREFIX	0x3e
#define T_FRAME_BIAS	12
#else
#define T_SYSTEM_CALL	"syscall"
#define T_SYSTEM_CALL_0	0x0f
#define T_SYSTEM_CALL_1	0x05
#define T_PREFIX	0x48
#define T_FRAME_BIAS	8
#endif
#define T_READ_AT_CALL_NR	"\x8a\x00"	/* mov (%rax), %al */

/* A program begins here, and calls start() with its stack as it was, in C's way. */
#ifdef __i386__
#define T_START_BY_STACK		\
	__asm__(".globl	_start\n"	\
		"_start:\n"		\
		"mov	%esp, %eax\n"	\
		"and	$-16, %esp\n"	\
		"sub	$12, %esp\n"	\
		"push	%eax\n"		\
		"call	start\n")
#else
#define T_START_BY_STACK		\
	__asm__(".globl	_start\n"	\
		"_start:\n"		\
		"mov	%rsp, %rdi\n"	\
		"and	$-16, %rsp\n"	\
		"call	start\n")
#endif

/* The instruction pointer in a ucontext_t. */
#ifdef __i386__
#define t_context_ip(context)	((unsigned long)(context)->uc_mcontext.gregs[REG_EIP])
#else
#define t_context_ip(context)	((unsigned long)(context)->uc_mcontext.gregs[REG_RIP])
#endif

/* Stops at a breakpoint of its own. */
static inline void t_trap(void)
{
	__asm__ volatile("int3" ::: "memory");
}

/* A counter of the processor, at a constant rate. */
static inline uint64_t t_ticks(void)
{
	uint32_t low, high;

	/* not before what stands before it has ended, not after what stands behind it has begun */
	__asm__ volatile("lfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high) :: "memory");
	return (uint64_t)high << 32 | low;
}

#ifndef __i386__
/* ioctl() as a 32-bit program makes it; returns -errno. Where a machine can't, as any does. */
static inline long t_ioctl32(int fd, unsigned long command, uint64_t req)
{
	long ret;

	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(54), "b"(fd), "c"(command), "d"(req)
			 : "memory", "r8", "r9", "r10", "r11");
	return ret;
}
#endif

/* What a loop that spins says to the processor. */
static inline void t_relax(void)
{
	__asm__ volatile("pause");
}

/* Writes a function that returns this number. At most T_SLOT_SIZE bytes; see lib/image.h. */
void t_write_slot(uint8_t *at, uint32_t number);

/* Write what must be at a site, written down a second time; return its length. */
size_t t_expect_jump(uint8_t *at, uint64_t site, uint64_t target);
size_t t_expect_stub(uint8_t *at, uint32_t stub);

/* Whether a site has a jump, not a stub; it has no landing pad. */
static inline int t_is_jump(const uint8_t *at)
{
	return *at == 0xe9 || *at == T_FAR_JUMP_BEGINS;
}

/* Writes a jump as stock CRIU does. */
void t_write_criu_jump(uint8_t *at, uint64_t target);

#endif /* _SELFTESTS_ARCH_X86_TEST_H */
