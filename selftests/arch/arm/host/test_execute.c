// SPDX-License-Identifier: MIT
/* Claims about arch/arm/encode.h: what the bytes do when they are executed. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "arch/encode.h"

#define ABI	VDSO_ABI_ARM

/* Structures of the kernel, whatever libc's are */
struct timespec32 {
	__s32 tv_sec, tv_nsec;
};

struct timespec64 {
	__s64 tv_sec, tv_nsec;
};

FIXTURE(execute)
{
	__u8 *page;
	__u8 *bytes;
	uintptr_t site;
};

/* off: of the site, with the state of its code */
FIXTURE_VARIANT(execute)
{
	unsigned int off;
};

FIXTURE_VARIANT_ADD(execute, arm) {
	.off = 0,
};

FIXTURE_VARIANT_ADD(execute, thumb) {
	.off = 1,
};

FIXTURE_VARIANT_ADD(execute, thumb_at_2) {
	.off = 3,
};

FIXTURE_SETUP(execute)
{
	self->page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->page);
	self->site = (uintptr_t)self->page + variant->off;
	self->bytes = (__u8 *)(uintptr_t)vdso_abi_code(ABI, self->site);
}

FIXTURE_TEARDOWN(execute)
{
	munmap(self->page, 4096);
}

static void publish(__u8 *page)
{
	__builtin___clear_cache((char *)page, (char *)page + 256);
}

#define INSTALL_STUB(name) do {									\
	ASSERT_NE(0, vdso_encode_stub(ABI, self->bytes, self->bytes, 64, self->site,		\
				      VDSO_REMAP_STUB_ ## name));				\
	publish(self->page);									\
} while (0)

typedef long sum_fn(long a, long b, long c, long d, long e, long f);

static __attribute__((target("arm"), noinline)) long sum_arm(long a, long b, long c, long d,
							     long e, long f)
{
	return a + 2 * b + 3 * c + 5 * d + 7 * e + 11 * f;
}

static __attribute__((target("thumb"), noinline)) long sum_thumb(long a, long b, long c, long d,
								 long e, long f)
{
	return a + 2 * b + 3 * c + 5 * d + 7 * e + 11 * f;
}

TEST_F(execute, jump_passes_all_arguments_to_code_of_either_state)
{
	sum_fn *const targets[] = { sum_arm, sum_thumb };
	sum_fn *fn = (sum_fn *)self->site;
	size_t i;

	EXPECT_EQ(0, (uintptr_t)sum_arm & 1);
	EXPECT_EQ(1, (uintptr_t)sum_thumb & 1);
	for (i = 0; i < ARRAY_SIZE(targets); i++) {
		ASSERT_NE(0, vdso_encode_jump(ABI, self->bytes, self->bytes, 64, self->site,
					      (uintptr_t)targets[i]));
		publish(self->page);
		EXPECT_EQ(1 + 2 * 10 + 3 * 100 + 5 * 1000 + 7 * 10000 + 11 * 100000,
			  fn(1, 10, 100, 1000, 10000, 100000));
	}
}

TEST_F(execute, clock_gettime_stub_is_the_system_call)
{
	int (*stub)(int clock, struct timespec32 *ts) = (void *)self->site;
	struct timespec32 before, ts, after;

	INSTALL_STUB(CLOCK_GETTIME);
	syscall(263, CLOCK_MONOTONIC, &before);
	ASSERT_EQ(0, stub(CLOCK_MONOTONIC, &ts));
	syscall(263, CLOCK_MONOTONIC, &after);
	EXPECT_LE(before.tv_sec, ts.tv_sec);
	EXPECT_LE(ts.tv_sec, after.tv_sec);
	EXPECT_EQ(-EINVAL, stub(12345, &ts));
}

TEST_F(execute, clock_gettime64_stub_is_the_system_call)
{
	int (*stub)(int clock, struct timespec64 *ts) = (void *)self->site;
	struct timespec64 before, ts, after;

	INSTALL_STUB(CLOCK_GETTIME64);
	syscall(403, CLOCK_MONOTONIC, &before);
	ASSERT_EQ(0, stub(CLOCK_MONOTONIC, &ts));
	syscall(403, CLOCK_MONOTONIC, &after);
	EXPECT_LE(before.tv_sec, ts.tv_sec);
	EXPECT_LE(ts.tv_sec, after.tv_sec);
}

TEST_F(execute, clock_getres_stubs_answer_like_the_system_calls)
{
	int (*stub)(int clock, struct timespec32 *ts) = (void *)self->site;
	int (*stub64)(int clock, struct timespec64 *ts) = (void *)self->site;
	struct timespec32 expected, ts = { 0 };
	struct timespec64 ts64 = { 0 };

	ASSERT_EQ(0, syscall(264, CLOCK_REALTIME_COARSE, &expected));
	INSTALL_STUB(CLOCK_GETRES);
	ASSERT_EQ(0, stub(CLOCK_REALTIME_COARSE, &ts));
	EXPECT_EQ(expected.tv_nsec, ts.tv_nsec);
	INSTALL_STUB(CLOCK_GETRES_TIME64);
	ASSERT_EQ(0, stub64(CLOCK_REALTIME_COARSE, &ts64));
	EXPECT_EQ(expected.tv_nsec, ts64.tv_nsec);
}

TEST_F(execute, gettimeofday_stub_fills_both_arguments)
{
	int (*stub)(struct timespec32 *tv, int *tz) = (void *)self->site;
	struct timespec32 before, tv, after;
	int tz[2] = { 123, 456 };

	INSTALL_STUB(GETTIMEOFDAY);
	syscall(78, &before, NULL);
	ASSERT_EQ(0, stub(&tv, tz));
	syscall(78, &after, NULL);
	EXPECT_LE(before.tv_sec, tv.tv_sec);
	EXPECT_LE(tv.tv_sec, after.tv_sec);
	EXPECT_NE(123, tz[0]);
}

/* r7 has the number of the system call, and r4 to r11 are the caller's. */
TEST_F(execute, a_stub_preserves_the_callers_registers)
{
	static const unsigned long expected[8] = { 4, 5, 6, 7, 8, 9, 10, 11 };
	unsigned long saved[8];
	struct timespec32 ts;

	INSTALL_STUB(CLOCK_GETTIME);
	__asm__ volatile("push	{r4-r11}\n\t"
			 "push	{%[saved], lr}\n\t"
			 "mov	r0, #1\n\t"
			 "mov	r1, %[ts]\n\t"
			 "mov	ip, %[fn]\n\t"
			 "mov	r4, #4\n\tmov	r5, #5\n\tmov	r6, #6\n\tmov	r7, #7\n\t"
			 "mov	r8, #8\n\tmov	r9, #9\n\tmov	r10, #10\n\tmov	r11, #11\n\t"
			 "blx	ip\n\t"
			 "pop	{r0, lr}\n\t"
			 "stm	r0, {r4-r11}\n\t"
			 "pop	{r4-r11}"
			 : : [saved] "r"(saved), [ts] "r"(&ts), [fn] "r"(self->site)
			 : "r0", "r1", "r2", "r3", "ip", "lr", "memory", "cc");
	EXPECT_EQ(0, memcmp(expected, saved, sizeof(saved)));
}

TEST_HARNESS_MAIN
