/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests must know about the machine that they run on: addresses, registers, and the code
 * that a test writes or expects to find. The project's own encoders are not used: this is a second
 * opinion. Code is given as string constants, with a NUL behind it. A port defines:
 *
 * T_MACHINE			the ELF machine of the vDSO
 * T_IMAGES			where in $VDSO_IMAGES the ABI's images are
 * T_VDSO			what the names of the vDSO's functions begin with
 * T_IMAGE_ADDR			an address far from everything that the kernel places by itself
 * T_HOLES, T_HOLE_DISTANCE	where t_hole() begins, and the distance from one hole to the next.
 *				Nobody else looks for a place there: stacks of later threads don't
 *				fill a hole
 * T_HAS_COMPAT			whether this kernel runs programs of two widths
 * T_SIGRETURN_IS_IN_VDSO	libc's handlers return to the vDSO
 *
 * T_CODE_ALIGN			instructions begin at multiples of this
 * T_INSN_MAX			bytes of the longest instruction
 * T_CODE(addr)			where the code of a function with this address, or offset, begins
 * T_NEAR_REACH			of a near jump, both ways
 * T_FAR			a distance that no near jump reaches, if there is such a distance
 * T_HAS_FAR_JUMPS		whether there is
 * T_NEAR_JUMP_SIZE, T_FAR_JUMP_SIZE	of the jumps that are written then; in built images
 * T_LANDING_PAD(_SIZE)		the one that is written
 * T_CRIU_JUMP(_SIZE)		what CRIU writes, to some place
 * T_CRIU_JUMP_IS_WHOLE		no thread can stand inside it: it is an instruction and an address
 * T_CRIU_JUMP_BROKEN		so many bytes of it, with breakpoints behind them, are no jump
 *
 * T_FIRST_ADDR			below it the kernel refuses fixed addresses by EINVAL; default: 0
 *
 * T_TRAP(_SIZE)		a breakpoint, for code of built images
 * T_TRAP_BYTE			one of its bytes, which is not 0
 * T_TRAP_SKIP			where the instruction pointer is after it, from its beginning
 * T_SPIN(_SIZE)		a function with one argument, t_by_register, of a built image:
 *				behind its first instruction it increments an int for ever
 * T_MAKE_SYSTEM_CALL		a function that makes the system call of its first argument, with
 *				the next ones as arguments; at an even address
 * T_READ_AT_CALL_NR		reads at the address in the register of a system call's number
 * T_HIDDEN_SYSTEM_CALL		a system call that evict does not recognise, if there is one
 * T_SYSTEM_CALL		the instruction of a program's own system calls, in assembler
 * T_FRAME_BIAS			of a signal frame's address, modulo 16; only where a frame tells its
 *				own address
 * T_START_BY_STACK		a program begins here, and calls start() with its stack as it was
 *
 * T_LONGEST_STUB(_NAME, _SIZE)	the longest stub of the ABI, in built images
 * T_FUNCTION_STUB_SIZE		of T_FUNCTION_STUB there
 * T_NO_STUB			a stub that the ABI lacks
 *
 * t_context_ip(context)	the instruction pointer in a ucontext_t
 * t_put_trap(word, regs)	a word of code with a breakpoint at its beginning, for a thread that
 *				has these registers (bytes of struct vdso_regs)
 * t_is_trap(code)		whether t_trap() stops there
 * t_trap()			stops at a breakpoint of its own
 * t_skip_trap(ip)		where it goes on behind that
 * t_ticks()			a counter of the processor, at a constant rate
 * t_ioctl32(fd, command, req)	ioctl() as a 32-bit program makes it, or as any does where a 64-bit
 *				program can't do that; returns -errno
 * t_relax()			what a loop that spins says to the processor
 *
 * For 64-bit programs that look at 32-bit ones:
 *
 * T32_MACHINE, T32_IMAGES	as above, of 32 bits
 * T32_LIMIT			where the addresses of a 32-bit process end
 * T32_NR_PPOLL			the number of its ppoll()
 * t32_put_trap(word, regs)	as above, for a 32-bit thread
 * t32_image_fits(function)	whether an image works on this processor, whose function for system
 *				calls this is, or whose first byte if it has none
 */
#ifndef _SELFTESTS_ARCH_TEST_H
#define _SELFTESTS_ARCH_TEST_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include "arch/x86/test.h"
#elif defined(__aarch64__)
#include "arch/arm64/test.h"
#elif defined(__arm__)
#include "arch/arm/test.h"
#else
#error "no selftests/arch/ directory describes this machine"
#endif

#define T_BITS	(8 * (int)sizeof(long))

#ifndef T_FIRST_ADDR
#define T_FIRST_ADDR	0
#endif

/* A function of every vDSO, of which stubs can be made. */
#define T_FUNCTION	T_VDSO "gettimeofday"
#define T_FUNCTION_STUB	VDSO_REMAP_STUB_GETTIMEOFDAY

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

static inline void t_fill_with_traps(uint8_t *at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		at[i] = T_TRAP[i % T_TRAP_SIZE];
}

/* Writes code, which may be executed at once. */
static inline void t_write_code(void *at, const void *code, size_t size)
{
	memcpy(at, code, size);
	__builtin___clear_cache((char *)at, (char *)at + size);
}

/* Writes a function that returns this number. At most T_SLOT_SIZE bytes; see lib/image.h. */
void t_write_slot(uint8_t *at, uint32_t number);

/*
 * Write what must be at a site, whose address is as in struct vdso_remap_site; return the length.
 * A landing pad is written if a site must begin with one, instead of what it begins with now.
 */
size_t t_expect_landing_pad(uint8_t *at);
size_t t_expect_jump(uint8_t *at, uint64_t site, uint64_t target);
size_t t_expect_stub(uint8_t *at, uint64_t site, uint32_t stub);

/* Whether a site of a built image has a jump, not a stub; it has no landing pad. */
int t_is_jump(const uint8_t *at);

/* Writes a jump as stock CRIU does. */
void t_write_criu_jump(uint8_t *at, uint64_t target);

#endif /* _SELFTESTS_ARCH_TEST_H */
