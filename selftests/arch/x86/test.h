/* SPDX-License-Identifier: GPL-2.0 */
/* x86_64 and i386, for the tests. Included by ../test.h, which documents all of it. */
#ifndef _SELFTESTS_ARCH_X86_TEST_H
#define _SELFTESTS_ARCH_X86_TEST_H

#include "arch/x86/vsyscall.h"

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
#define T_LANDING_PAD		"\xf3\x0f\x1e\xfa"	/* endbr64 */
#endif
#define T_VDSO			"__vdso_"
#define T_HAS_COMPAT		1
#define T_CODE_ALIGN		1
#define T_INSN_MAX		15
#define T_CODE(addr)		(addr)
#define T_LANDING_PAD_SIZE	4
#define T_NEAR_JUMP_SIZE	5
#define T_NEAR_REACH		0x80000000ULL	/* of rel32, both ways */

#define T_TRAP		"\xcc"	/* int3 */
#define T_TRAP_SIZE	1
#define T_TRAP_SKIP	1
#define T_TRAP_BYTE	0xcc

#ifdef __i386__
#define T_LONGEST_STUB		VDSO_REMAP_STUB_GETCPU
#define T_LONGEST_STUB_NAME	"__vdso_getcpu"
#define T_LONGEST_STUB_SIZE	22
#define T_FUNCTION_STUB_SIZE	18
#define T_NO_STUB		VDSO_REMAP_STUB_GETRANDOM
#else
#define T_LONGEST_STUB		VDSO_REMAP_STUB_GETRANDOM
#define T_LONGEST_STUB_NAME	"__vdso_getrandom"
#define T_LONGEST_STUB_SIZE	16
#define T_FUNCTION_STUB_SIZE	8
#define T_NO_STUB		VDSO_REMAP_STUB_CLOCK_GETTIME64
#endif

#ifndef __i386__
#define T32_MACHINE		EM_386
#define T32_IMAGES		"/i386"
#define T32_LIMIT		0xffffe000U
#define T32_NR_PPOLL		309
#define t32_put_trap		t_put_trap
#define t32_image_fits		t_vsyscall_fits
#endif

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
#define T_CRIU_JUMP_IS_WHOLE	0
#define T_CRIU_JUMP_BROKEN	(T_CRIU_JUMP_SIZE - 1)

#ifdef __i386__
#define T_SYSTEM_CALL		"int $0x80"
#define T_HIDDEN_SYSTEM_CALL	"\x3e\xcd\x80"	/* behind a prefix, which does nothing */
#define T_FRAME_BIAS		12
#else
#define T_SYSTEM_CALL		"syscall"
#define T_HIDDEN_SYSTEM_CALL	"\x48\x0f\x05"
#define T_FRAME_BIAS		8
#endif
#define T_READ_AT_CALL_NR	"\x8a\x00"		/* mov (%rax), %al */

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

#ifdef __i386__
#define t_context_ip(context)	((unsigned long)(context)->uc_mcontext.gregs[REG_EIP])
#else
#define t_context_ip(context)	((unsigned long)(context)->uc_mcontext.gregs[REG_RIP])
#endif

static inline unsigned long t_put_trap(unsigned long word, const void *regs)
{
	(void)regs;
	return (word & ~0xffUL) | T_TRAP_BYTE;
}

static inline int t_is_trap(const uint8_t *code)
{
	return *code == T_TRAP_BYTE;
}

#define t_skip_trap(ip)	(ip)

static inline void t_trap(void)
{
	__asm__ volatile("int3" ::: "memory");
}

static inline uint64_t t_ticks(void)
{
	uint32_t low, high;

	/* not before what stands before it has ended, not after what stands behind it has begun */
	__asm__ volatile("lfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high) :: "memory");
	return (uint64_t)high << 32 | low;
}

#ifndef __i386__
static inline long t_ioctl32(int fd, unsigned long command, uint64_t req)
{
	long ret;

	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(54), "b"(fd), "c"(command), "d"(req)
			 : "memory", "r8", "r9", "r10", "r11");
	return ret;
}
#endif

static inline void t_relax(void)
{
	__asm__ volatile("pause");
}

#endif /* _SELFTESTS_ARCH_X86_TEST_H */
