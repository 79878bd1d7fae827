// SPDX-License-Identifier: MIT
/*
 * Decides how a stopped thread gets out of the vDSO: step by step, on its own
 * feet, with its signals held back.
 */
#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "vdso_abi.h"
#include "internal.h"
#include "syscall.h"

#define BIT_OF(sig)	(1ULL << ((sig) - 1))

/*
 * Signals that an instruction can cause. Were one of them blocked when that
 * happens, the kernel would reset its handler; that goes for the SIGTRAP of
 * each step, too. One that someone sent meanwhile is held back by hand, as is
 * SIGSTOP, which can't be blocked.
 */
#define SYNCHRONOUS	(BIT_OF(SIGTRAP) | BIT_OF(SIGSEGV) | BIT_OF(SIGBUS) | \
			 BIT_OF(SIGILL) | BIT_OF(SIGFPE) | BIT_OF(SIGSYS))

static bool is_inside(uint64_t ip, const struct vdso_remap_range *ranges, unsigned int nr_ranges)
{
	unsigned int i;

	for (i = 0; i < nr_ranges; i++)
		if (ip >= ranges[i].start && ip < ranges[i].end)
			return true;
	return false;
}

/* Where the thread is, and in code of which size. */
static long read_place(int32_t tid, unsigned long *ip, unsigned long *cs)
{
	long ret = sys_ptrace(PTRACE_PEEKUSER, tid, VDSO_ABI_USER_IP, ip);

	return ret < 0 ? ret : sys_ptrace(PTRACE_PEEKUSER, tid, VDSO_ABI_USER_CS, cs);
}

/* One instruction, or one stop that came before it. */
static int step(int32_t tid, uint64_t *held)
{
	siginfo_t info;
	int status, sig;
	long ret;

	ret = sys_ptrace(PTRACE_SINGLESTEP, tid, 0, NULL);
	if (ret < 0)
		return ret;
	do {
		ret = sys_wait4(tid, &status, __WALL);
	} while (ret == -EINTR);
	if (ret < 0)
		return ret == -ECHILD ? -ESRCH : ret;
	if (!WIFSTOPPED(status))
		return -ESRCH;
	if (status >> 16)	/* a ptrace event or a group stop, no signal */
		return 0;

	ret = sys_ptrace(PTRACE_GETSIGINFO, tid, 0, &info);
	if (ret < 0)
		return ret;
	sig = WSTOPSIG(status);
	if (info.si_code > 0 && sig == SIGTRAP)
		return 0;
	if (info.si_code > 0 && (SYNCHRONOUS & BIT_OF(sig)))
		return -EFAULT;	/* its next instruction faults; it will again */
	*held |= BIT_OF(sig);
	return 0;
}

static long read_memory(int32_t tid, unsigned long addr, void *to, size_t size)
{
	struct iovec local = { .iov_base = to, .iov_len = size };
	struct iovec remote = { .iov_base = (void *)addr, .iov_len = size };
	long ret = sys_process_vm_readv(tid, &local, &remote);

	return ret < 0 || (size_t)ret == size ? ret : -EFAULT;
}

static const uint8_t landing_pad[] = VDSO_ABI_LANDING_PAD;
static const uint8_t system_calls[][2] = VDSO_ABI_SYSTEM_CALLS;

/*
 * A 32-bit thread makes its system calls in the vDSO. Where it is about to make
 * one, or has been interrupted in one, a step could wait for ever; but not if a
 * function of the vDSO makes it, which falls back on what does not wait.
 * Returns -EOPNOTSUPP if so, or 0, or an error.
 */
static long check_may_wait(int32_t tid, unsigned long ip, const struct vdso_remap_range *ranges,
			   unsigned int nr_ranges)
{
	const unsigned int len = sizeof(system_calls[0]);
	uint8_t bytes[sizeof(landing_pad)];	/* the first two are before ip */
	uint32_t return_address;
	unsigned long sp;
	unsigned int i;
	long ret;

	ret = read_memory(tid, ip - len, bytes, sizeof(bytes));
	if (ret < 0)
		return ret;
	if (__builtin_memcmp(bytes, landing_pad, sizeof(bytes))) {
		for (i = 0; i < sizeof(system_calls) / len; i++)
			if (!__builtin_memcmp(bytes + len, system_calls[i], len))
				break;
		if (i == sizeof(system_calls) / len)
			return 0;
	}
	ret = sys_ptrace(PTRACE_PEEKUSER, tid, VDSO_ABI_USER_SP, &sp);
	if (ret < 0)
		return ret;
	ret = read_memory(tid, sp + VDSO_ABI_SYSTEM_CALL_FRAME, &return_address,
			  sizeof(return_address));
	/* no such frame: one of those that return from a signal */
	return ret < 0 || !is_inside(return_address, ranges, nr_ranges) ? -EOPNOTSUPP : 0;
}

/* Returns 1 if there is a step to be made, 0 if the thread is outside, or an error. */
static long needs_step(int32_t tid, bool is_64bit, const struct vdso_remap_range *ranges,
		       unsigned int nr_ranges)
{
	unsigned long ip;
	long ret;

	ret = sys_ptrace(PTRACE_PEEKUSER, tid, VDSO_ABI_USER_IP, &ip);
	if (ret < 0)
		return ret;
	if (!is_inside(ip, ranges, nr_ranges))
		return 0;
	ret = is_64bit ? 0 : check_may_wait(tid, ip, ranges, nr_ranges);
	return ret ?: 1;
}

static int step_out(int32_t tid, bool is_64bit, const struct vdso_remap_range *ranges,
		    unsigned int nr_ranges, unsigned int max_steps, uint64_t *held)
{
	unsigned int steps = 0;
	long ret;

	for (;;) {
		ret = needs_step(tid, is_64bit, ranges, nr_ranges);
		if (ret <= 0)
			return ret < 0 ? (int)ret : (int)steps;
		if (steps++ == max_steps)
			return -ETIME;
		ret = step(tid, held);
		if (ret < 0)
			return ret;
	}
}

static int send_held(int32_t tid, uint64_t held)
{
	int ret = 0;
	int sig;

	for (sig = 1; sig <= 64 && !ret; sig++)
		if (held & BIT_OF(sig))
			ret = sys_tkill(tid, sig);
	return ret;
}

public_api int vdso_remap_evict(int32_t tid, const struct vdso_remap_range *ranges,
				unsigned int nr_ranges, unsigned int max_steps)
{
	uint64_t blocked = ~SYNCHRONOUS;
	uint64_t held = 0, mask;
	unsigned long ip, cs;
	bool is_64bit;
	long ret;
	int steps;

	ret = read_place(tid, &ip, &cs);
	if (ret < 0)
		return ret;
	is_64bit = cs == VDSO_ABI_CS_64BIT;
	/* A 32-bit tracer is told the lower half of a 64-bit thread's only. */
	if (is_64bit && sizeof(ip) < sizeof(ranges->start))
		return -EOPNOTSUPP;
	ret = needs_step(tid, is_64bit, ranges, nr_ranges);
	if (ret <= 0)
		return ret;
	ret = sys_ptrace(PTRACE_GETSIGMASK, tid, sizeof(mask), &mask);
	if (ret < 0)
		return ret;
	ret = sys_ptrace(PTRACE_SETSIGMASK, tid, sizeof(blocked), &blocked);
	if (ret < 0)
		return ret;

	steps = step_out(tid, is_64bit, ranges, nr_ranges,
			 max_steps ? max_steps : VDSO_REMAP_EVICT_MAX_STEPS, &held);

	ret = sys_ptrace(PTRACE_SETSIGMASK, tid, sizeof(mask), &mask);
	if (ret >= 0)
		ret = send_held(tid, held);
	return steps < 0 || ret >= 0 ? steps : ret;
}

static bool is_landing_pad(const uint8_t *bytes)
{
	return !__builtin_memcmp(bytes, landing_pad, sizeof(landing_pad));
}

/* Offset in the image; 0: there is none. */
static uint32_t find_landing_pad(const struct vdso_remap_image *image)
{
	const struct vdso_remap_entry_point *ep;
	const uint8_t *bytes = image->data;
	uint32_t i, off;

	for (i = 0; i < image->nr_entry_points; i++) {
		ep = &image->entry_points[i];
		if (!vr_str_equal(ep->name, "__kernel_vsyscall"))
			continue;
		for (off = ep->off; off + sizeof(landing_pad) <= ep->off + ep->room; off++)
			if (is_landing_pad(bytes + off))
				return off;
	}
	return 0;
}

public_api int vdso_remap_evict_syscall(int32_t tid, const struct vdso_remap_range *runtime,
					const struct vdso_remap_image *image, uint64_t addr)
{
	uint32_t off = find_landing_pad(image);
	uint8_t bytes[2 * sizeof(landing_pad)];
	unsigned long ip, cs;
	unsigned int i;
	long ret;

	ret = read_place(tid, &ip, &cs);
	if (ret < 0)
		return ret;
	if (!is_inside(ip, runtime, 1))
		return 0;
	if (cs == VDSO_ABI_CS_64BIT || !off)
		return -EOPNOTSUPP;

	/* It may have popped some registers already, or be about to start the call again. */
	ret = read_memory(tid, ip - sizeof(landing_pad), bytes, sizeof(bytes));
	if (ret < 0)
		return ret;
	for (i = 0; i < sizeof(landing_pad); i++) {
		if (!is_landing_pad(bytes + sizeof(landing_pad) - i))
			continue;
		ret = sys_ptrace(PTRACE_POKEUSER, tid, VDSO_ABI_USER_IP,
				 (void *)(uintptr_t)(addr + off + i));
		return ret < 0 ? ret : 1;
	}
	return -EOPNOTSUPP;
}
