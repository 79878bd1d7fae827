// SPDX-License-Identifier: MIT
/*
 * Claims about vdso_remap_evict() of arm's programs, whose own kernels have no single steps: it
 * gets out by breakpoints. Under a kernel of arm64 it steps, with the same effect.
 */
#include <fcntl.h>

#define WITHOUT_SINGLE_STEPS

#include "arch/test.h"
#include "host/evict_fixture.h"

#include "arch/regs.h"

#define THUMB_BREAKPOINT	0xde01

/* The word at addr with a breakpoint in it, for code of that state */
static unsigned long put_breakpoint(uint64_t addr, unsigned long word)
{
	if (!(addr & ARM_STATE_BITS))
		return 0xe7f001f0;
	return addr & 2 ? (word & 0xffff) | THUMB_BREAKPOINT << 16 :
			  (word & ~0xffffUL) | THUMB_BREAKPOINT;
}

/* Lets the child come to this address of code. Returns whether it did, soon. */
static bool come_to(struct evictee *child, uint64_t addr)
{
	unsigned long at = addr & ~3UL, word;
	int i, status, ret = 0;

	errno = 0;
	word = ptrace(PTRACE_PEEKTEXT, child->pid, at, NULL);
	if (errno || ptrace(PTRACE_POKETEXT, child->pid, at, put_breakpoint(addr, word)) ||
	    ptrace(PTRACE_CONT, child->pid, NULL, NULL))
		return false;
	for (i = 0; i < 20 && !ret; i++) {
		usleep(1000);
		ret = waitpid(child->pid, &status, __WALL | WNOHANG);
		/* what the test before has left */
		if (ret > 0 && status >> 16 && !ptrace(PTRACE_CONT, child->pid, NULL, NULL))
			ret = 0;
	}
	if (!ret)
		interrupt(child->pid);
	return !ptrace(PTRACE_POKETEXT, child->pid, at, word) &&
	       ip_of(child->pid) == vdso_abi_code(VDSO_ABI_ARM, addr);
}

TEST_F_TIMEOUT(evict, gets_out_from_every_instruction_of_a_function, 120)
{
	uint64_t start = (uintptr_t)self->child.clock_gettime, addr;
	uint64_t mask = mask_of(self->child.pid);
	unsigned int nr = 0;
	int ret;

	if (start & ARM_STATE_BITS)
		SKIP(return, "this is Thumb code, of a kernel that has single steps");
	for (addr = start; addr < start + 0x200; addr += 4) {
		if (!come_to(&self->child, addr))
			continue;
		ret = vdso_remap_evict(self->child.pid, &self->child.vdso, 1, 0);
		ASSERT_LT(0, ret) {
			TH_LOG("from %#llx: %s", (unsigned long long)addr, strerror(-ret));
		}
		ASSERT_FALSE(evictee_is_inside(&self->child));
		ASSERT_EQ(mask, mask_of(self->child.pid));
		ASSERT_TRUE(evictee_goes_on_well(&self->child));
		nr++;
	}
	EXPECT_LT(20, nr);
	EXPECT_EQ(0, shared->wrong);
	EXPECT_EQ(0, shared->signals[SIGTRAP]);
	TH_LOG("from %u instructions", nr);
}

TEST_F(evict, leaves_the_code_as_it_was)
{
	size_t size = self->child.vdso.end - self->child.vdso.start;
	uint8_t *before = malloc(size), *after = malloc(size);
	char path[32];
	int mem;

	snprintf(path, sizeof(path), "/proc/%d/mem", self->child.pid);
	mem = open(path, O_RDONLY);
	ASSERT_EQ(size, pread(mem, before, size, self->child.vdso.start));
	ASSERT_TRUE(come_to(&self->child, (uintptr_t)self->child.clock_gettime));
	EXPECT_LT(0, vdso_remap_evict(self->child.pid, &self->child.vdso, 1, 0));
	ASSERT_EQ(size, pread(mem, after, size, self->child.vdso.start));
	EXPECT_EQ(0, memcmp(before, after, size));
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
}

TEST_F(evict, holds_signals_back_on_the_way)
{
	ASSERT_TRUE(come_to(&self->child, (uintptr_t)self->child.clock_gettime));
	ASSERT_EQ(0, kill(self->child.pid, SIGUSR1));
	EXPECT_LT(0, vdso_remap_evict(self->child.pid, &self->child.vdso, 1, 0));
	EXPECT_FALSE(evictee_is_inside(&self->child));
	EXPECT_EQ(0, shared->signals[SIGUSR1]);
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
	EXPECT_EQ(1, shared->signals[SIGUSR1]);
	EXPECT_EQ(0, shared->signals[SIGTRAP]);
}

/*
 * Each of them stops the thread, and some of these stops come before that of a breakpoint. There
 * are not so many that it can't go on.
 */
static pid_t send_sigcont_for_ever(pid_t pid)
{
	pid_t sender = fork();

	while (!sender) {
		kill(pid, SIGCONT);
		usleep(1000);
	}
	return sender;
}

TEST_F_TIMEOUT(evict, is_not_misled_by_sigcont, 120)
{
	if ((uintptr_t)self->child.clock_gettime & ARM_STATE_BITS)
		SKIP(return, "this is Thumb code, of a kernel that has single steps");
	for (unsigned int i = 0; i < 20; i++) {
		pid_t sender;
		int ret;

		ASSERT_TRUE(come_to(&self->child, (uintptr_t)self->child.clock_gettime));
		sender = send_sigcont_for_ever(self->child.pid);
		ret = vdso_remap_evict(self->child.pid, &self->child.vdso, 1, 0);
		kill(sender, SIGKILL);
		waitpid(sender, NULL, 0);
		ASSERT_LT(0, ret) {
			TH_LOG("%s", strerror(-ret));
		}
		ASSERT_TRUE(evictee_goes_on_well(&self->child));
	}
	EXPECT_EQ(0, shared->signals[SIGTRAP]);
}

/* The code of a test, which the child is to leave */
static bool enter(struct evictee *child, struct foreign_code *foreign, const uint32_t *code,
		  size_t size, uint32_t r0, uint32_t lr)
{
	struct vdso_regs regs;

	if (!come_to(child, (uintptr_t)child->clock_gettime) ||
	    !t_get_regs(child->pid, &foreign->saved))
		return false;
	foreign->range.start = (uintptr_t)child->code;
	foreign->range.end = foreign->range.start + size;
	memcpy(child->code, code, size);
	__builtin___clear_cache((char *)child->code, (char *)child->code + size);
	regs = foreign->saved;
	((uint32_t *)regs.bytes)[0] = r0;
	((uint32_t *)regs.bytes)[14] = lr;
	vdso_regs_set_code(&regs, foreign->range.start);
	return t_set_regs(child->pid, &regs);
}

static uint32_t reg_of(pid_t pid, unsigned int nr)
{
	struct vdso_regs regs;

	return t_get_regs(pid, &regs) ? ((uint32_t *)regs.bytes)[nr] : 0;
}

/*
 * Every kind of branch, taken and not taken. Each piece adds another power of 2 to r1; a wrong way
 * adds none, or others.
 */
TEST_F(evict, follows_branches)
{
	static const uint32_t code[] = {
		0xe3a01000,	/* mov r1, #0 */
		0xe3500000,	/* cmp r0, #0 */
		0x1a000000,	/* bne 1f: not taken */
		0xe2811001,	/* add r1, r1, #1 */
		0x0a000000,	/* 1: beq 2f: taken */
		0xe3a01c01,	/* mov r1, #256 */
		0xe92d4010,	/* 2: push {r4, lr} */
		0xeb000007,	/* bl 5f */
		0xe28f300c,	/* add r3, pc, #12: 3f */
		0xe320f000,	/* nop, which has pc where other instructions have their result */
		0xe1a02003,	/* mov r2, r3 */
		0xe12fff32,	/* blx r2: 3f */
		0xe3a01c02,	/* mov r1, #512 */
		0xe2811004,	/* 3: add r1, r1, #4 */
		0xe8bd8010,	/* pop {r4, pc} */
		0xe3a01b01,	/* mov r1, #1024 */
		0xe2811002,	/* 5: add r1, r1, #2 */
		0xe35100ff,	/* cmp r1, #255 */
		0xa12fff1e,	/* bxge lr: not taken */
		0xb1a0f00e,	/* movlt pc, lr */
		0xe3a01b02,	/* mov r1, #2048 */
	};
	struct foreign_code foreign;
	uint32_t sp;

	ASSERT_TRUE(enter(&self->child, &foreign, code, sizeof(code), 0,
			  (uintptr_t)self->child.vdso.start));
	sp = reg_of(self->child.pid, 13);
	EXPECT_LT(0, vdso_remap_evict(self->child.pid, &foreign.range, 1, 0));
	EXPECT_EQ(self->child.vdso.start, ip_of(self->child.pid));
	EXPECT_EQ(7, reg_of(self->child.pid, 1));
	EXPECT_EQ(sp, reg_of(self->child.pid, 13));
	ASSERT_TRUE(evictee_go_back(&self->child, &foreign));
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
}

/* What this project writes at a site, and to code of either state */
TEST_F(evict, follows_the_jumps_of_a_proxy)
{
	const uint32_t targets[] = { self->child.vdso.start, self->child.vdso.start + 1 };
	struct foreign_code foreign;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(targets); i++) {
		const uint32_t code[] = { 0xe51ff004, targets[i] };	/* ldr pc, [pc, #-4] */

		ASSERT_TRUE(enter(&self->child, &foreign, code, sizeof(code), 0, 0));
		EXPECT_EQ(1, vdso_remap_evict(self->child.pid, &foreign.range, 1, 0));
		EXPECT_EQ(self->child.vdso.start, ip_of(self->child.pid));
		EXPECT_EQ(i, reg_of(self->child.pid, 16) >> 5 & 1);
		ASSERT_TRUE(evictee_go_back(&self->child, &foreign));
	}
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
}

TEST_F(evict, makes_the_vdsos_own_system_calls_and_no_other)
{
	static const uint32_t own[] = { 0xe3a0704e, 0xef000000, 0xe12fff1e };	/* gettimeofday */
	static const uint32_t other[] = { 0xe3a07014, 0xef000000, 0xe12fff1e };	/* getpid */
	struct foreign_code foreign;

	/* A filter has the kernel send a SIGSYS for this one. */
	ASSERT_TRUE(enter(&self->child, &foreign, own, sizeof(own), 0, self->child.vdso.start));
	EXPECT_EQ(-ENOSYS, vdso_remap_evict(self->child.pid, &foreign.range, 1, 0));
	EXPECT_EQ(foreign.range.start + 4, ip_of(self->child.pid));
	ASSERT_TRUE(evictee_go_back(&self->child, &foreign));
	ASSERT_TRUE(enter(&self->child, &foreign, other, sizeof(other), 0,
			  self->child.vdso.start));
	EXPECT_EQ(-EOPNOTSUPP, vdso_remap_evict(self->child.pid, &foreign.range, 1, 0));
	EXPECT_EQ(foreign.range.start + 4, ip_of(self->child.pid));
	ASSERT_TRUE(evictee_go_back(&self->child, &foreign));
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
	EXPECT_EQ(0, shared->signals[SIGSYS]);
}

/* Where it stops, it has made what stands before: the breakpoint of a debugger, and a fault */
TEST_F(evict, stops_at_what_it_cannot_execute)
{
	static const uint32_t trap[] = { 0xe3a01001, 0xe2811001, 0xe7f001f0, 0xe12fff1e };
	/* mov r0, #0; mov r1, #1; ldr r2, [r0] */
	static const uint32_t fault[] = { 0xe3a00000, 0xe3a01001, 0xe5902000, 0xe12fff1e };
	struct foreign_code foreign;

	ASSERT_TRUE(enter(&self->child, &foreign, trap, sizeof(trap), 0, self->child.vdso.start));
	EXPECT_EQ(-EILSEQ, vdso_remap_evict(self->child.pid, &foreign.range, 1, 0));
	EXPECT_EQ(foreign.range.start + 8, ip_of(self->child.pid));
	EXPECT_EQ(2, reg_of(self->child.pid, 1));
	ASSERT_TRUE(evictee_go_back(&self->child, &foreign));
	ASSERT_TRUE(enter(&self->child, &foreign, fault, sizeof(fault), 0,
			  self->child.vdso.start));
	EXPECT_EQ(-EFAULT, vdso_remap_evict(self->child.pid, &foreign.range, 1, 0));
	EXPECT_EQ(foreign.range.start + 8, ip_of(self->child.pid));
	EXPECT_EQ(1, reg_of(self->child.pid, 1));
	ASSERT_TRUE(evictee_go_back(&self->child, &foreign));
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
	EXPECT_EQ(0, shared->signals[SIGTRAP]);
	EXPECT_EQ(0, shared->signals[SIGSEGV]);
}

TEST_HARNESS_MAIN
