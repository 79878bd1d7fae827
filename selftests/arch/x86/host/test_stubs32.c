// SPDX-License-Identifier: MIT
/*
 * Claims about what arch/x86/encode.h writes for i386: it is executed, and
 * does what the system call does, and keeps what a call must keep. Without a
 * libc, like the raw system call of i386, which is tried, too. TAP.
 */
#include <asm/unistd.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>

#include "arch/encode.h"
#include "arch/syscall.h"

/* More than 2 GiB above this program: jumps from there to here wrap. */
#define PAGE_ADDR	0xe0000000UL

/* Not static: assembly uses it. */
extern __u8 *page;
__u8 *page;
static int number;

static void say(const char *text)
{
	long len = 0;

	while (text[len])
		len++;
	raw_syscall(__NR_write, 1, (long)text, len, 0, 0, 0);
}

static void claim(bool ok, const char *name)
{
	char nr[] = "0 - ";

	nr[0] += ++number;
	say(ok ? "ok " : "not ok ");
	say(nr);
	say(name);
	say("\n");
}

/* What a call must keep, before and after it. */
extern struct kept {
	uint32_t ebx, esi, edi, ebp, esp;
} before, after;
struct kept before, after;

/*
 * Calls code at the page with three arguments and all registers that a call
 * must keep set to something that they are not otherwise.
 */
long call_page(long a, long b, long c);
__asm__("	.text\n"
"call_page:\n"
"	push	%ebx\n	push	%esi\n	push	%edi\n	push	%ebp\n"
"	mov	20(%esp), %eax\n	mov	24(%esp), %ecx\n	mov	28(%esp), %edx\n"
"	push	%edx\n	push	%ecx\n	push	%eax\n"
"	mov	$0x11111111, %ebx\n	mov	$0x22222222, %esi\n"
"	mov	$0x33333333, %edi\n	mov	$0x44444444, %ebp\n"
"	mov	%ebx, before\n	mov	%esi, before + 4\n	mov	%edi, before + 8\n"
"	mov	%ebp, before + 12\n	mov	%esp, before + 16\n"
"	mov	page, %eax\n"
"	call	*%eax\n"
"	mov	%ebx, after\n	mov	%esi, after + 4\n	mov	%edi, after + 8\n"
"	mov	%ebp, after + 12\n	mov	%esp, after + 16\n"
"	add	$12, %esp\n"
"	pop	%ebp\n	pop	%edi\n	pop	%esi\n	pop	%ebx\n"
"	ret\n"
);

static bool kept_all(void)
{
	return before.ebx == after.ebx && before.esi == after.esi && before.edi == after.edi &&
	       before.ebp == after.ebp && before.esp == after.esp;
}

static void install(uint32_t stub)
{
	static const __u8 endbr32[] = { 0xf3, 0x0f, 0x1e, 0xfb };
	size_t i;

	for (i = 0; i < sizeof(endbr32); i++)
		page[i] = endbr32[i];
	vdso_encode_stub(VDSO_ABI_I386, page, page, 64, (uintptr_t)page, stub);
}

#define SYS(name, a, b)	raw_syscall(__NR_ ## name, (long)(a), (long)(b), 0, 0, 0, 0)

struct ts32 {
	int32_t sec, nsec;
};

struct ts64 {
	int64_t sec, nsec;
};

/* A reading lies between two system calls. */
#define IN_ORDER(a, b)	((a).sec < (b).sec || ((a).sec == (b).sec && (a).nsec <= (b).nsec))

/* A kernel need not have the calls with 32-bit seconds: the stub says so, too. */
static bool is_missing(long ret)
{
	return ret == -ENOSYS && call_page(0, 0, 0) == -ENOSYS && kept_all();
}

static bool clock_gettime_is_right(void)
{
	struct ts32 ts[3];

	install(VDSO_REMAP_STUB_CLOCK_GETTIME);
	if (is_missing(SYS(clock_gettime, CLOCK_MONOTONIC, &ts[0])))
		return true;
	if (call_page(CLOCK_MONOTONIC, (long)&ts[1], 0) || !kept_all())
		return false;
	SYS(clock_gettime, CLOCK_MONOTONIC, &ts[2]);
	return IN_ORDER(ts[0], ts[1]) && IN_ORDER(ts[1], ts[2]) &&
	       call_page(12345, (long)&ts[1], 0) == -EINVAL && kept_all();
}

static bool clock_gettime64_is_right(void)
{
	struct ts64 ts[3];

	install(VDSO_REMAP_STUB_CLOCK_GETTIME64);
	SYS(clock_gettime64, CLOCK_MONOTONIC, &ts[0]);
	if (call_page(CLOCK_MONOTONIC, (long)&ts[1], 0) || !kept_all())
		return false;
	SYS(clock_gettime64, CLOCK_MONOTONIC, &ts[2]);
	return IN_ORDER(ts[0], ts[1]) && IN_ORDER(ts[1], ts[2]) &&
	       call_page(12345, (long)&ts[1], 0) == -EINVAL && kept_all();
}

static bool clock_getres_is_right(void)
{
	struct ts32 want, got = { -1, -1 };

	install(VDSO_REMAP_STUB_CLOCK_GETRES);
	if (is_missing(SYS(clock_getres, CLOCK_MONOTONIC_COARSE, &want)))
		return true;
	return !call_page(CLOCK_MONOTONIC_COARSE, (long)&got, 0) && kept_all() &&
	       want.sec == got.sec && want.nsec == got.nsec;
}

static bool clock_getres_time64_is_right(void)
{
	struct ts64 want, got = { -1, -1 };

	install(VDSO_REMAP_STUB_CLOCK_GETRES_TIME64);
	SYS(clock_getres_time64, CLOCK_MONOTONIC_COARSE, &want);
	return !call_page(CLOCK_MONOTONIC_COARSE, (long)&got, 0) && kept_all() &&
	       want.sec == got.sec && want.nsec == got.nsec;
}

static bool gettimeofday_is_right(void)
{
	struct ts32 tv[3];

	install(VDSO_REMAP_STUB_GETTIMEOFDAY);
	SYS(gettimeofday, &tv[0], 0);
	if (call_page((long)&tv[1], 0, 0) || !kept_all())
		return false;
	SYS(gettimeofday, &tv[2], 0);
	return IN_ORDER(tv[0], tv[1]) && IN_ORDER(tv[1], tv[2]);
}

static bool time_is_right(void)
{
	int32_t first, now, stored = 0;

	install(VDSO_REMAP_STUB_TIME);
	first = SYS(time, 0, 0);
	if (is_missing(first))
		return true;
	now = call_page((long)&stored, 0, 0);
	return kept_all() && now == stored && first <= now && now <= SYS(time, 0, 0);
}

static bool getcpu_is_right(void)
{
	uint32_t first, cpu = -1, node = -1, last;
	int tries = 1000;

	install(VDSO_REMAP_STUB_GETCPU);
	do {	/* until not migrated meanwhile */
		SYS(getcpu, &first, 0);
		if (call_page((long)&cpu, (long)&node, 0) || !kept_all())
			return false;
		SYS(getcpu, &last, 0);
	} while (first != last && --tries);
	return cpu == first && node != (uint32_t)-1;
}

static long sum(long a, long b, long c)
{
	return a + 10 * b + 100 * c;
}

static bool jump_wraps(void)
{
	page[0] = 0x90;	/* no landing pad */
	return vdso_encode_jump(VDSO_ABI_I386, page, page, 5, (uintptr_t)page, (uintptr_t)sum) &&
	       call_page(1, 2, 3) == 321 && kept_all();
}

/* The last one are flags, of which there are none. */
static bool six_arguments_arrive(void)
{
	long pid = raw_syscall(__NR_getpid, 0, 0, 0, 0, 0, 0);
	uint32_t from = 0x12345678, to = 0;
	struct iovec local = { &to, sizeof(to) }, remote = { &from, sizeof(from) };

	return raw_syscall(__NR_process_vm_readv, pid, (long)&local, 1, (long)&remote, 1, 1) ==
	       -EINVAL && !to &&
	       raw_syscall(__NR_process_vm_readv, pid, (long)&local, 1, (long)&remote, 1, 0) ==
	       sizeof(to) && to == from;
}

static bool map_page(void)
{
	page = (__u8 *)raw_syscall(RAW_NR_MMAP, PAGE_ADDR, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	return page == (__u8 *)PAGE_ADDR;
}

void _start(void)
{
	say("TAP version 13\n");
	if (!map_page()) {
		say("Bail out! no memory for the code\n");
		raw_syscall(__NR_exit_group, 1, 0, 0, 0, 0, 0);
	}
	say("1..9\n");
	claim(six_arguments_arrive(), "all six arguments of a system call arrive");
	claim(clock_gettime_is_right(), "clock_gettime");
	claim(clock_gettime64_is_right(), "clock_gettime64");
	claim(clock_getres_is_right(), "clock_getres");
	claim(clock_getres_time64_is_right(), "clock_getres_time64");
	claim(gettimeofday_is_right(), "gettimeofday");
	claim(time_is_right(), "time");
	claim(getcpu_is_right(), "getcpu");
	claim(jump_wraps(), "a jump over more than 2 GiB");
	raw_syscall(__NR_exit_group, 0, 0, 0, 0, 0, 0);
}
