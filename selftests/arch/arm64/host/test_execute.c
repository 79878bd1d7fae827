// SPDX-License-Identifier: MIT
/* Claims about arch/arm64/encode.h: what the bytes do when they are executed. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "arch/encode.h"

#define ABI	VDSO_ABI_ARM64

#ifndef PROT_BTI
#define PROT_BTI	0x10
#endif

#define PAGES	0x10000		/* at least one page, of whatever size */
#define NEAR	PAGES		/* from the site to the target */
#define FAR	0x40000000

/*
 * A site, and as far away as the variant says a target. In a guarded page, an indirect call or jump
 * must land on a landing pad, or the thread gets a SIGILL.
 */
FIXTURE(execute)
{
	size_t size;
	__u8 *start;
	__u8 *site;
	__u8 *target;
};

FIXTURE_VARIANT(execute)
{
	size_t distance;
	int guard;
	__u32 first;
};

FIXTURE_VARIANT_ADD(execute, near) {
	.distance = NEAR,
};

FIXTURE_VARIANT_ADD(execute, far) {
	.distance = FAR,
};

FIXTURE_VARIANT_ADD(execute, near_guarded) {
	.distance = NEAR, .guard = PROT_BTI, .first = ARM64_BTI_C,
};

FIXTURE_VARIANT_ADD(execute, far_guarded) {
	.distance = FAR, .guard = PROT_BTI, .first = ARM64_BTI_C,
};

FIXTURE_VARIANT_ADD(execute, near_signs_the_return) {
	.distance = NEAR, .guard = PROT_BTI, .first = ARM64_PACIASP,
};

FIXTURE_VARIANT_ADD(execute, far_signs_the_return) {
	.distance = FAR, .guard = PROT_BTI, .first = ARM64_PACIASP,
};

FIXTURE_SETUP(execute)
{
	self->size = variant->distance + PAGES;
	self->start = mmap(NULL, self->size, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, self->start);
	self->site = self->start;
	self->target = self->start + variant->distance;
	ASSERT_EQ(0, mprotect(self->site, PAGES, PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, mprotect(self->target, PAGES, PROT_READ | PROT_WRITE));
	vdso_put_le32(self->site, variant->first);
}

FIXTURE_TEARDOWN(execute)
{
	munmap(self->start, self->size);
}

static void publish(__u8 *page, int guard)
{
	__builtin___clear_cache((char *)page, (char *)page + 256);
	if (mprotect(page, PAGES, PROT_READ | PROT_EXEC | guard) && guard)
		mprotect(page, PAGES, PROT_READ | PROT_EXEC);
}

#define INSTALL_STUB(name) do {								\
	ASSERT_NE(0, vdso_encode_stub(ABI, self->site, self->site, 64,			\
				      (uintptr_t)self->site, VDSO_REMAP_STUB_ ## name));\
	publish(self->site, variant->guard);						\
} while (0)

static __s64 ns(const struct timespec *ts)
{
	return ts->tv_sec * 1000000000LL + ts->tv_nsec;
}

/* The target is bti c; add x0, x0, x7; ldr x1, [sp]; add x0, x0, x1; ret */
TEST_F(execute, jump_passes_all_arguments_and_the_return_address)
{
	static const __u32 code[] = { ARM64_BTI_C, 0x8b070000, 0xf94003e1, 0x8b010000, ARM64_RET };
	long (*fn)(long a, long b, long c, long d, long e, long f, long g, long h, long i);
	unsigned int len;

	memcpy(self->target, code, sizeof(code));
	publish(self->target, variant->guard);
	len = vdso_encode_jump(ABI, self->site, self->site, 64, (uintptr_t)self->site,
			       (uintptr_t)self->target);
	ASSERT_EQ((variant->first ? 4 : 0) + (variant->distance == NEAR ? 4 : 20), len);
	publish(self->site, variant->guard);
	fn = (void *)self->site;
	EXPECT_EQ(1008009, fn(1000000, 2, 3, 4, 5, 6, 7, 8000, 9));
}

TEST_F(execute, clock_stubs_are_the_system_calls)
{
	int (*stub)(clockid_t clock, struct timespec *ts) = (void *)self->site;
	struct timespec before, ts, after;

	INSTALL_STUB(CLOCK_GETTIME);
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &before);
	ASSERT_EQ(0, stub(CLOCK_MONOTONIC, &ts));
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &after);
	EXPECT_LE(ns(&before), ns(&ts));
	EXPECT_LE(ns(&ts), ns(&after));
	EXPECT_EQ(-EINVAL, stub(12345, &ts));
}

TEST_F(execute, clock_getres_stub_answers_like_the_system_call)
{
	int (*stub)(clockid_t clock, struct timespec *ts) = (void *)self->site;
	struct timespec expected, ts;

	INSTALL_STUB(CLOCK_GETRES);
	ASSERT_EQ(0, syscall(SYS_clock_getres, CLOCK_REALTIME_COARSE, &expected));
	ASSERT_EQ(0, stub(CLOCK_REALTIME_COARSE, &ts));
	EXPECT_EQ(ns(&expected), ns(&ts));
}

TEST_F(execute, gettimeofday_stub_fills_both_arguments)
{
	int (*stub)(struct timeval *tv, struct timezone *tz) = (void *)self->site;
	struct timezone tz = { 123, 456 };
	struct timeval before, tv, after;

	INSTALL_STUB(GETTIMEOFDAY);
	syscall(SYS_gettimeofday, &before, NULL);
	ASSERT_EQ(0, stub(&tv, &tz));
	syscall(SYS_gettimeofday, &after, NULL);
	EXPECT_FALSE(timercmp(&tv, &before, <));
	EXPECT_FALSE(timercmp(&tv, &after, >));
	EXPECT_NE(123, tz.tz_minuteswest);
}

TEST_F(execute, getrandom_stub_has_no_state)
{
	long (*stub)(void *buf, size_t len, unsigned int flags, void *state, size_t size) =
		(void *)self->site;
	__u8 zeros[32] = { 0 }, buf[32] = { 0 };

	INSTALL_STUB(GETRANDOM);
	EXPECT_EQ(-ENOSYS, stub(NULL, 0, 0, buf, ~0UL));
	EXPECT_EQ(sizeof(buf), stub(buf, sizeof(buf), 0, NULL, 0));
	EXPECT_NE(0, memcmp(buf, zeros, sizeof(buf)));
	EXPECT_EQ(-EINVAL, stub(buf, sizeof(buf), ~0U, NULL, 0));
}

static sig_atomic_t handled;

static void handle(int sig)
{
	handled = sig;
}

/* As sigaction(2) takes it */
struct kernel_sigaction {
	void (*handler)(int sig);
	unsigned long flags;
	void *restorer;
	unsigned long mask;
};

#define SA_RESTORER_FLAG	0x04000000

TEST_F(execute, trampoline_returns_from_a_handler)
{
	struct kernel_sigaction action = {
		.handler = handle, .flags = SA_RESTORER_FLAG, .restorer = self->site, .mask = ~0UL,
	};
	unsigned long before, after;

	INSTALL_STUB(RT_SIGRETURN);
	ASSERT_EQ(0, syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &before, sizeof(before)));
	ASSERT_EQ(0, syscall(SYS_rt_sigaction, SIGUSR1, &action, NULL, sizeof(action.mask)));
	ASSERT_EQ(0, syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1));
	EXPECT_EQ(SIGUSR1, handled);
	ASSERT_EQ(0, syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &after, sizeof(after)));
	EXPECT_EQ(before, after);
}

/* Or the claims about guarded pages would hold whatever the bytes are. */
TEST(a_guarded_page_is_guarded)
{
	static const __u32 code[] = { 0xd503201f, ARM64_RET };	/* nop, no landing pad */
	__u8 *page = mmap(NULL, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void (*fn)(void) = (void *)page;
	int status;

	ASSERT_NE(MAP_FAILED, page);
	memcpy(page, code, sizeof(code));
	__builtin___clear_cache((char *)page, (char *)page + sizeof(code));
	if (mprotect(page, PAGES, PROT_READ | PROT_EXEC | PROT_BTI))
		SKIP(return, "this processor or kernel has no guarded pages");
	if (!fork()) {
		fn();
		_exit(0);
	}
	ASSERT_LT(0, wait(&status));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGILL);
}

TEST_HARNESS_MAIN
