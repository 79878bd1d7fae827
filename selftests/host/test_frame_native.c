// SPDX-License-Identifier: MIT
/*
 * Claims about the signal frames of this machine: a handler finds the one that the kernel has
 * written for it, whatever kind of handler it is.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "arch/frame.h"
#include "arch/program.h"

#define STACK_SIZE	0x10000
#define CHUNK		64
#define SEARCH		0x4000		/* bytes of the stack, from the handler's own frame on */

/* Of the handler's stack, read by the kernel: ASan would not let us. */
static __u8 stack[SEARCH + VDSO_FRAME_SIZE];
static uint64_t stack_addr, stack_first;
static sigjmp_buf back;

static void interrupt(void (*call)(void))
{
	if (!sigsetjmp(back, 1))
		call();
}

static void look_at_stack(const void *sp)
{
	int fd = memfd_create("stack", 0);
	unsigned int off;

	/* A piece of it lies in one page. */
	stack_first = vdso_frame_first(VDSO_ABI_NATIVE, (uintptr_t)sp);
	stack_addr = stack_first & -(uint64_t)CHUNK;
	memset(stack, 0, sizeof(stack));
	for (off = 0; off < SEARCH; off += CHUNK)
		if (syscall(SYS_write, fd, (uintptr_t)stack_addr + off, CHUNK) != CHUNK ||
		    pread(fd, stack + off, CHUNK, off) != CHUNK)
			break;
	siglongjmp(back, 1);
}

static void handle(int sig)
{
	look_at_stack(__builtin_frame_address(0));
}

static void handle_info(int sig, siginfo_t *info, void *context)
{
	look_at_stack(__builtin_frame_address(0));
}

FIXTURE(frame)
{
	void *nothing;
};

FIXTURE_VARIANT(frame)
{
	int flags;
};

FIXTURE_VARIANT_ADD(frame, plain) {
	.flags = 0,
};

FIXTURE_VARIANT_ADD(frame, info) {
	.flags = SA_SIGINFO,
};

FIXTURE_VARIANT_ADD(frame, stack) {
	.flags = SA_ONSTACK,
};

FIXTURE_VARIANT_ADD(frame, info_stack) {
	.flags = SA_SIGINFO | SA_ONSTACK,
};

FIXTURE_SETUP(frame)
{
	stack_t own = { .ss_size = STACK_SIZE };
	struct sigaction action = { .sa_flags = variant->flags };

	own.ss_sp = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			 0);
	self->nothing = mmap(NULL, STACK_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, own.ss_sp);
	ASSERT_NE(MAP_FAILED, self->nothing);
	ASSERT_EQ(0, sigaltstack(&own, NULL));
	if (variant->flags & SA_SIGINFO)
		action.sa_sigaction = handle_info;
	else
		action.sa_handler = handle;
	ASSERT_EQ(0, sigaction(SIGSEGV, &action, NULL));
}

FIXTURE_TEARDOWN(frame)
{
}

/* The handler interrupts a call of nothing, so that is where it would return to. */
TEST_F(frame, of_a_handler_is_found)
{
	struct vdso_frame frame;
	unsigned int off;

	interrupt((void (*)(void))self->nothing);
	for (off = stack_first - stack_addr; off < SEARCH; off += vdso_frame_align(VDSO_ABI_NATIVE))
		if (vdso_frame_read(VDSO_ABI_NATIVE, &frame, stack + off, stack_addr + off))
			break;
	ASSERT_LT(off, SEARCH);
	EXPECT_EQ((uintptr_t)self->nothing, frame.ip);
	/* Nothing else on the stack looks like a frame. */
	for (off += 16; off < SEARCH; off += vdso_frame_align(VDSO_ABI_NATIVE))
		EXPECT_FALSE(vdso_frame_read(VDSO_ABI_NATIVE, &frame, stack + off,
					     stack_addr + off));
}

TEST_HARNESS_MAIN
