// SPDX-License-Identifier: GPL-2.0
/*
 * Whether the functions of a vDSO answer truly, wherever it is and whatever has
 * become of it: what they say has to lie between two system calls, or be the same.
 */
#include "image.h"

#include <cpuid.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <linux/time_types.h>

#include "util.h"

/* Clocks from here on are auxiliary ones, of which vDSO and kernel differ when there are none. */
#define NR_CLOCKS	16

/* As i386's older functions have it and as its newer ones do; on x86_64 both are the same. */
union stamp {
	struct timespec native;
	struct __kernel_timespec wide;
};

typedef long (*clock_function)(clockid_t id, union stamp *stamp);

/* A function and the system call that it stands for. */
struct clock_source {
	clock_function fn;
	long nr;
	bool wide;
};

long t_raw(long nr, long a, long b, long c)
{
	long ret = syscall(nr, a, b, c);

	return ret == -1 ? -errno : ret;
}

bool t_vsyscall_fits(const uint8_t *vsyscall)
{
	static const uint8_t sysenter[] = { 0x0f, 0x34 }, syscall[] = { 0x0f, 0x05 };
	const uint8_t *other = syscall;
	unsigned int eax, ebx = 0, ecx, edx;

	__get_cpuid(0, &eax, &ebx, &ecx, &edx);
	if (ebx == signature_AMD_ebx || ebx == 0x6f677948)	/* "Hygo" */
		other = sysenter;
	return !memmem(vsyscall, 16, other, 2);
}

static long by_syscall(const struct clock_source *source, clockid_t id, union stamp *stamp)
{
	return t_raw(source->nr, id, (long)stamp, 0);
}

static long long nanoseconds(const struct clock_source *source, const union stamp *stamp)
{
	if (source->wide)
		return stamp->wide.tv_sec * 1000000000LL + stamp->wide.tv_nsec;
	return stamp->native.tv_sec * 1000000000LL + stamp->native.tv_nsec;
}

static bool are_in_order(const struct clock_source *source, const union stamp *a,
			 const union stamp *b, const union stamp *c)
{
	return nanoseconds(source, a) <= nanoseconds(source, b) &&
	       nanoseconds(source, b) <= nanoseconds(source, c);
}

static bool right_gettime(const struct clock_source *source)
{
	/* CPU clocks of the own process and thread, and two that there never were */
	static const clockid_t ids[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, -1, 10, 99 };

	for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++) {
		union stamp before = {}, now = {}, after = {};
		long want = by_syscall(source, ids[i], &before);
		long ret = source->fn(ids[i], &now);

		by_syscall(source, ids[i], &after);
		if (ret == want && (ret || are_in_order(source, &before, &now, &after)))
			continue;
		t_note("clock %d: %ld (want %ld), %lld not in %lld..%lld", ids[i], ret, want,
		       nanoseconds(source, &now), nanoseconds(source, &before),
		       nanoseconds(source, &after));
		return false;
	}
	return true;
}

static bool right_getres(const struct clock_source *source)
{
	for (clockid_t id = -1; id < NR_CLOCKS; id++) {
		union stamp want = {}, res = {};
		long want_ret = by_syscall(source, id, &want);
		long ret = source->fn(id, &res);

		if (ret == want_ret && source->fn(id, NULL) == want_ret &&
		    !memcmp(&res, &want, sizeof(res)))
			continue;
		t_note("resolution of clock %d: %ld (want %ld), %lld (want %lld)", id, ret,
		       want_ret, nanoseconds(source, &res), nanoseconds(source, &want));
		return false;
	}
	return true;
}

static bool right_clock_gettime(const void *fn)
{
	return right_gettime(&(struct clock_source){ .fn = fn, .nr = SYS_clock_gettime });
}

static bool right_clock_getres(const void *fn)
{
	return right_getres(&(struct clock_source){ .fn = fn, .nr = SYS_clock_getres });
}

static bool right_gettimeofday(const void *fn)
{
	long (*get)(struct timeval *tv, struct timezone *tz) = fn;
	struct timeval before, tv = { 0 }, after;
	struct timezone want, tz = { -1, -1 };
	long ret;

	t_raw(SYS_gettimeofday, (long)&before, (long)&want, 0);
	ret = get(&tv, &tz);
	t_raw(SYS_gettimeofday, (long)&after, 0, 0);
	if (!ret && !timercmp(&tv, &before, <) && !timercmp(&tv, &after, >) &&
	    !memcmp(&tz, &want, sizeof(tz)) && !get(&tv, NULL) && !get(NULL, &tz))
		return true;
	t_note("gettimeofday: %ld, %ld.%06ld not in %ld.%06ld..%ld.%06ld", ret, tv.tv_sec,
	       tv.tv_usec, before.tv_sec, before.tv_usec, after.tv_sec, after.tv_usec);
	return false;
}

static bool right_time(const void *fn)
{
	time_t (*get)(time_t *t) = fn;
	time_t before, t = 0, ret;
	struct timespec after;

	before = t_raw(SYS_time, 0, 0, 0);
	ret = get(&t);
	/* The time call may lag behind the vDSO, this one waits for the update. */
	t_raw(SYS_clock_gettime, CLOCK_REALTIME, (long)&after, 0);
	if (ret == t && ret >= before && ret <= after.tv_sec && get(NULL) >= ret)
		return true;
	t_note("time: %ld, %ld not in %ld..%ld", ret, t, before, after.tv_sec);
	return false;
}

/* On one CPU, since else any answer could be true. */
static bool right_getcpu(const void *fn)
{
	long (*get)(unsigned int *cpu, unsigned int *node, void *unused) = fn;
	unsigned int cpu = -1, node = -1, want_cpu, want_node;
	cpu_set_t all, one;
	long ret;

	sched_getaffinity(0, sizeof(all), &all);
	t_raw(SYS_getcpu, (long)&want_cpu, 0, 0);
	CPU_ZERO(&one);
	CPU_SET(want_cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
	t_raw(SYS_getcpu, (long)&want_cpu, (long)&want_node, 0);
	ret = get(&cpu, &node, NULL);
	sched_setaffinity(0, sizeof(all), &all);

	if (!ret && cpu == want_cpu && node == want_node && !get(NULL, NULL, NULL))
		return true;
	t_note("getcpu: %ld, cpu %u (want %u), node %u (want %u)", ret, cpu, want_cpu, node,
	       want_node);
	return false;
}

/* The lock's word becomes 0 if there is just its owner in it, and then so does the pending one. */
static bool right_unlock(const void *fn, size_t pending_size)
{
	uint32_t (*unlock)(uint32_t *lock, uint32_t tid, void *pending) = fn;
	const uint32_t tid = 0x1234, waiters = 0x80000000;
	const uint64_t untouched = ~0ULL;
	uint64_t pending = untouched, cleared = untouched;
	uint32_t lock = tid | waiters, was;

	memset(&cleared, 0, pending_size);
	was = unlock(&lock, tid, &pending);
	if (was != (tid | waiters) || lock != was || pending != untouched) {
		t_note("unlock with waiters: was %x, is %x, pending %llx", was, lock,
		       (unsigned long long)pending);
		return false;
	}
	lock = tid;
	was = unlock(&lock, tid, &pending);
	if (was == tid && !lock && pending == cleared)
		return true;
	t_note("unlock: was %x, is %x, pending %llx", was, lock, (unsigned long long)pending);
	return false;
}

static bool right_unlock32(const void *fn)
{
	return right_unlock(fn, 4);
}

#ifdef __x86_64__
static bool right_unlock64(const void *fn)
{
	return right_unlock(fn, 8);
}

/* With no state: what is the system call's own business. */
static bool right_getrandom(const void *fn)
{
	long (*get)(void *buf, size_t len, unsigned int flags, void *state, size_t state_len) = fn;
	/* A state that lies in two pages is refused before its size is. */
	static _Alignas(256) uint8_t some[256];
	uint8_t first[64] = { 0 }, second[64] = { 0 };
	long ret = get(first, 64, 0, NULL, 0), other = get(second, 64, 0, some, 64);
	long wrong_flags = get(some, 64, 0x80, NULL, 0), nothing = get(some, 0, 0, NULL, 0);

	if (ret == 64 && other == 64 && memcmp(first, second, 64) && wrong_flags == -EINVAL &&
	    !nothing)
		return true;
	t_note("getrandom: %ld %ld, with wrong flags %ld, for no bytes %ld", ret, other,
	       wrong_flags, nothing);
	return false;
}

/* There are enclaves on few machines; that this is not a way into one it says everywhere. */
static bool right_enter_enclave(const void *fn)
{
	int (*enter)(unsigned long a, unsigned long b, unsigned long c, unsigned int function,
		     unsigned long d, unsigned long e, void *run) = fn;
	int ret = enter(0, 0, 0, 0, 0, 0, NULL);

	if (ret == -EINVAL)
		return true;
	t_note("sgx_enter_enclave: %d", ret);
	return false;
}
#else
static bool right_clock_gettime64(const void *fn)
{
	return right_gettime(&(struct clock_source){
		.fn = fn, .nr = SYS_clock_gettime64, .wide = true });
}

static bool right_clock_getres_time64(const void *fn)
{
	return right_getres(&(struct clock_source){
		.fn = fn, .nr = SYS_clock_getres_time64, .wide = true });
}

__asm__(".pushsection .text\n"
	".globl t_call_with\n"
	"t_call_with:\n"
	"	push	%ebp\n"
	"	push	%ebx\n"
	"	push	%esi\n"
	"	push	%edi\n"
	"	mov	24(%esp), %eax\n"
	"	push	36(%eax)\n"
	"	push	32(%eax)\n"
	"	push	28(%eax)\n"
	"	mov	4(%eax), %ebx\n"
	"	mov	8(%eax), %ecx\n"
	"	mov	12(%eax), %edx\n"
	"	mov	16(%eax), %esi\n"
	"	mov	20(%eax), %edi\n"
	"	mov	24(%eax), %ebp\n"
	"	mov	(%eax), %eax\n"
	"	call	*32(%esp)\n"
	"	add	$12, %esp\n"
	"	push	%eax\n"
	"	mov	28(%esp), %eax\n"
	"	pop	(%eax)\n"
	"	mov	%ebx, 4(%eax)\n"
	"	mov	%ecx, 8(%eax)\n"
	"	mov	%edx, 12(%eax)\n"
	"	mov	%esi, 16(%eax)\n"
	"	mov	%edi, 20(%eax)\n"
	"	mov	%ebp, 24(%eax)\n"
	"	pop	%edi\n"
	"	pop	%esi\n"
	"	pop	%ebx\n"
	"	pop	%ebp\n"
	"	ret\n"
	".popsection\n");

/* A system call that takes and preserves all six. */
static bool right_vsyscall(const void *fn)
{
	const struct t_registers want = {
		.eax = SYS_mmap2,
		.ecx = T_PAGE,
		.edx = PROT_READ,
		.esi = MAP_PRIVATE | MAP_ANONYMOUS,
		.edi = -1,
	};
	struct t_registers got = want;

	if (!t_vsyscall_fits(fn)) {
		t_note("__kernel_vsyscall is for another vendor's processor");
		return false;
	}
	t_call_with(fn, &got);
	if (!memcmp(&got.ebx, &want.ebx, sizeof(got) - sizeof(got.eax)) &&
	    !munmap((void *)got.eax, T_PAGE))
		return true;
	t_note("mmap2: eax %lx ebx %lx ecx %lx edx %lx esi %lx edi %lx ebp %lx", got.eax, got.ebx,
	       got.ecx, got.edx, got.esi, got.edi, got.ebp);
	return false;
}

/* What the kernel is told about a handler, without a libc that has its own trampolines. */
struct handler {
	void (*handle)(int sig);
	unsigned long flags;
	const void *restorer;
	uint64_t mask;
};

#define SA_RESTORER	0x04000000

static volatile int handled;

static void count_handled(int __attribute__((unused)) sig)
{
	handled++;
}

static bool right_return(const void *fn, unsigned long flags)
{
	struct handler handler = { count_handled, SA_RESTORER | flags, fn, 0 }, saved;
	const int handled_before = handled;

	syscall(SYS_rt_sigaction, SIGUSR2, &handler, &saved, sizeof(handler.mask));
	kill(getpid(), SIGUSR2);
	syscall(SYS_rt_sigaction, SIGUSR2, &saved, NULL, sizeof(handler.mask));
	if (handled == handled_before + 1)
		return true;
	t_note("no signal came");
	return false;
}

static bool right_sigreturn(const void *fn)
{
	return right_return(fn, 0);
}

static bool right_rt_sigreturn(const void *fn)
{
	return right_return(fn, SA_SIGINFO);
}
#endif

static const struct {
	const char *name;
	bool (*right)(const void *fn);
} checks[] = {
	{ "__vdso_clock_gettime", right_clock_gettime },
	{ "__vdso_clock_getres", right_clock_getres },
	{ "__vdso_gettimeofday", right_gettimeofday },
	{ "__vdso_time", right_time },
	{ "__vdso_getcpu", right_getcpu },
	{ "__vdso_futex_robust_list32_try_unlock", right_unlock32 },
#ifdef __x86_64__
	{ "__vdso_futex_robust_list64_try_unlock", right_unlock64 },
	{ "__vdso_getrandom", right_getrandom },
	{ "__vdso_sgx_enter_enclave", right_enter_enclave },
#else
	{ "__vdso_clock_gettime64", right_clock_gettime64 },
	{ "__vdso_clock_getres_time64", right_clock_getres_time64 },
	{ "__kernel_vsyscall", right_vsyscall },
	{ "__kernel_sigreturn", right_sigreturn },
	{ "__kernel_rt_sigreturn", right_rt_sigreturn },
#endif
};

static bool answers(const char *name, const void *fn)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(checks); i++) {
		if (!strcmp(name, checks[i].name))
			return checks[i].right(fn);
	}
	t_note("%s: nobody knows what is right", name);
	return false;
}

bool t_image_answers(const struct vdso_remap_image *parsed, const uint8_t *addr)
{
	bool right = true;

	for (unsigned int i = 0; i < parsed->nr_entry_points; i++) {
		const struct vdso_remap_entry_point *entry = &parsed->entry_points[i];

		/* An alias, without the two underscores, follows its first name. */
		if (i && entry->off == entry[-1].off)
			continue;
		if (!answers(entry->name, addr + entry->off)) {
			t_note("that was %s", entry->name);
			right = false;
		}
	}
	return right;
}
