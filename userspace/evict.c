// SPDX-License-Identifier: MIT
/*
 * Decides how a stopped thread gets out of the vDSO: step by step, on its own
 * feet, with its signals held back.
 */
#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "vdso_encode.h"
#include "internal.h"
#include "syscall.h"

#define BIT_OF(sig)	(1ULL << ((sig) - 1))

/*
 * Signals that an instruction can cause. Were one of them blocked when that
 * happens, the kernel would reset its handler; that goes for the SIGTRAP of
 * each step, too. One that someone sent meanwhile is held back by hand, as is
 * SIGSTOP, which can't be blocked.
 */
#define FAULTS		(BIT_OF(SIGSEGV) | BIT_OF(SIGBUS) | BIT_OF(SIGILL) | BIT_OF(SIGFPE))
#define SYNCHRONOUS	(BIT_OF(SIGTRAP) | BIT_OF(SIGSYS) | FAULTS)

#ifndef TRAP_TRACE	/* <asm-generic/siginfo.h>; a libc may hide them */
#define TRAP_BRKPT	1	/* also of a step that made a system call */
#define TRAP_TRACE	2
#endif

static bool is_inside(uint64_t ip, const struct vdso_remap_range *ranges, unsigned int nr_ranges)
{
	unsigned int i;

	for (i = 0; i < nr_ranges; i++)
		if (ip >= ranges[i].start && ip < ranges[i].end)
			return true;
	return false;
}

/* A word each, see VDSO_ABI_REG_* */
struct regs {
	unsigned long reg[VDSO_ABI_NR_REGS];
};

static long read_regs(int32_t tid, struct regs *regs)
{
	return sys_ptrace(PTRACE_GETREGS, tid, 0, regs);
}

static int wait_stopped(int32_t tid, int *status)
{
	long ret = sys_wait4(tid, status, __WALL);

	if (ret < 0)
		return ret == -ECHILD ? -ESRCH : ret;
	return WIFSTOPPED(*status) ? 0 : -ESRCH;
}

/*
 * One instruction, or one stop that came before it. Waits without polling: clocks
 * start again if they tick in the middle, so that slow steps would never end.
 */
static int step(int32_t tid, uint64_t *held)
{
	siginfo_t info;
	int status, sig;
	long ret;

	ret = sys_ptrace(PTRACE_SINGLESTEP, tid, 0, NULL);
	if (ret < 0)
		return ret;
	ret = wait_stopped(tid, &status);
	if (ret == -EINTR) {	/* the caller has waited long enough: the thread may be frozen */
		sys_ptrace(PTRACE_INTERRUPT, tid, 0, NULL);
		wait_stopped(tid, &status);
	}
	if (ret < 0)
		return ret;
	if (status >> 16)	/* a ptrace event or a group stop, no signal */
		return 0;

	ret = sys_ptrace(PTRACE_GETSIGINFO, tid, 0, &info);
	if (ret < 0)
		return ret;
	sig = WSTOPSIG(status);
	if (sig == SIGTRAP && (info.si_code == TRAP_TRACE || info.si_code == TRAP_BRKPT))
		return 0;
	if (info.si_code > 0 && (FAULTS & BIT_OF(sig)))
		return -EFAULT;	/* its next instruction faults; it will again */
	*held |= BIT_OF(sig);
	return 0;
}

/* The word of a thread's code that was read last */
struct code {
	int32_t tid;
	unsigned long addr, word;
};

/* By ptrace, since code may be executable only. Returns -EFAULT if some of it is not there. */
static long read_code(struct code *code, unsigned long addr, uint8_t *to, unsigned int size)
{
	const unsigned long mask = sizeof(code->word) - 1;
	long ret;

	for (; size; size--, addr++) {
		if ((addr & ~mask) != code->addr) {
			code->addr = addr & ~mask;
			ret = sys_ptrace(PTRACE_PEEKTEXT, code->tid, code->addr, &code->word);
			if (ret < 0) {
				code->addr = 1;
				return ret == -EIO ? -EFAULT : ret;
			}
		}
		*to++ = code->word >> 8 * (addr & mask);
	}
	return 0;
}

/* Those that the functions of the vDSO fall back on. */
static bool is_own_call(enum vdso_abi abi, uint32_t nr)
{
	unsigned int i;

	nr &= ~VDSO_ABI_X32_CALL;
	for (i = 0; nr && i < sizeof(vdso_abi_stubs) / sizeof(vdso_abi_stubs[0]); i++)
		if (vdso_encode_stub_call(abi, vdso_abi_stubs[i].stub).nr == nr)
			return true;
	return false;
}

/* It was interrupted in a system call and will start it again: the kernel's own error codes. */
static bool will_restart(int orig_ax, int ax)
{
	return orig_ax >= 0 && (ax == -512 || ax == -513 || ax == -514 || ax == -516);
}

/*
 * A step that makes a system call could wait for ever, and do what the thread's
 * seccomp filters forbid if those are suspended. 32-bit code makes all of its
 * system calls in the vDSO. Returns -EOPNOTSUPP if the next step makes one that is
 * not the vDSO's own. One that hides behind prefixes is for the caller's timer.
 */
static long check_system_call(struct code *code, bool is_64bit, const struct regs *regs)
{
	static const uint8_t system_calls[][2] = VDSO_ABI_SYSTEM_CALLS;
	enum vdso_abi abi = is_64bit ? VDSO_ABI_X86_64 : VDSO_ABI_I386;
	unsigned long orig_ax = regs->reg[VDSO_ABI_REG_ORIG_AX];
	unsigned long ax = regs->reg[VDSO_ABI_REG_AX];
	uint8_t bytes[2];
	unsigned int i;
	long ret;

	if (will_restart(orig_ax, ax))
		return is_own_call(abi, orig_ax) ? 0 : -EOPNOTSUPP;
	ret = read_code(code, regs->reg[VDSO_ABI_REG_IP], bytes, sizeof(bytes));
	if (ret < 0)
		return ret;
	for (i = 0; i < sizeof(system_calls) / sizeof(system_calls[0]); i++) {
		if (__builtin_memcmp(bytes, system_calls[i], sizeof(bytes)))
			continue;
		/* those of 64-bit code have other numbers by other instructions */
		return (is_64bit && i) || !is_own_call(abi, ax) ? -EOPNOTSUPP : 0;
	}
	return 0;
}

/* Returns 1 if there is a step to be made, 0 if the thread is outside, or an error. */
static long needs_step(struct code *code, const struct vdso_remap_range *ranges,
		       unsigned int nr_ranges)
{
	struct regs regs;
	bool is_64bit;
	long ret;

	ret = read_regs(code->tid, &regs);
	if (ret < 0)
		return ret;
	is_64bit = regs.reg[VDSO_ABI_REG_CS] == VDSO_ABI_CS_64BIT;
	/* A 32-bit tracer is told the lower half of a 64-bit thread's only. */
	if (is_64bit && sizeof(regs.reg[0]) < sizeof(ranges->start))
		return -EOVERFLOW;
	if (!is_inside(regs.reg[VDSO_ABI_REG_IP], ranges, nr_ranges))
		return 0;
	ret = check_system_call(code, is_64bit, &regs);
	return ret ?: 1;
}

static int step_out(struct code *code, const struct vdso_remap_range *ranges,
		    unsigned int nr_ranges, unsigned int max_steps, uint64_t *held)
{
	unsigned int steps = 0;
	long ret;

	for (;;) {
		ret = needs_step(code, ranges, nr_ranges);
		if (ret <= 0)
			return ret < 0 ? (int)ret : (int)steps;
		if (steps++ == max_steps)
			return -ETIME;
		ret = step(code->tid, held);
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
	struct code code = { .tid = tid, .addr = 1 };	/* none yet: not aligned */
	uint64_t blocked = ~SYNCHRONOUS;
	uint64_t held = 0, mask;
	long ret;
	int steps;

	ret = needs_step(&code, ranges, nr_ranges);
	if (ret <= 0)
		return ret;
	ret = sys_ptrace(PTRACE_GETSIGMASK, tid, sizeof(mask), &mask);
	if (ret < 0)
		return ret;
	ret = sys_ptrace(PTRACE_SETSIGMASK, tid, sizeof(blocked), &blocked);
	if (ret < 0)
		return ret;

	steps = step_out(&code, ranges, nr_ranges,
			 max_steps ? max_steps : VDSO_REMAP_EVICT_MAX_STEPS, &held);

	ret = sys_ptrace(PTRACE_SETSIGMASK, tid, sizeof(mask), &mask);
	if (ret >= 0)
		ret = send_held(tid, held);
	return steps < 0 || ret >= 0 ? steps : ret;
}

static const uint8_t landing_pad[] = VDSO_ABI_LANDING_PAD;

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
	struct code code = { .tid = tid, .addr = 1 };
	uint32_t off = find_landing_pad(image);
	uint8_t bytes[2 * sizeof(landing_pad)];
	struct regs regs;
	unsigned int i;
	uint64_t ip;
	long ret;

	ret = read_regs(tid, &regs);
	if (ret < 0)
		return ret;
	ip = regs.reg[VDSO_ABI_REG_IP];
	if (!is_inside(ip, runtime, 1))
		return 0;
	if (regs.reg[VDSO_ABI_REG_CS] == VDSO_ABI_CS_64BIT || !off)
		return -EOPNOTSUPP;

	/* It may have popped some registers already, or be about to start the call again. */
	ret = read_code(&code, ip - sizeof(landing_pad), bytes, sizeof(bytes));
	if (ret < 0)
		return ret;
	for (i = 0; i < sizeof(landing_pad); i++) {
		if (!is_landing_pad(bytes + sizeof(landing_pad) - i))
			continue;
		ret = sys_ptrace(PTRACE_POKEUSER, tid, VDSO_ABI_REG_IP * sizeof(regs.reg[0]),
				 (void *)(uintptr_t)(addr + off + i));
		return ret < 0 ? ret : 1;
	}
	return -EOPNOTSUPP;
}
