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

bool vr_is_inside(uint64_t ip, const struct vdso_remap_range *ranges, unsigned int nr_ranges)
{
	unsigned int i;

	for (i = 0; i < nr_ranges; i++)
		if (ip >= ranges[i].start && ip < ranges[i].end)
			return true;
	return false;
}

long vr_read_regs(int32_t tid, struct vr_regs *regs, enum vdso_abi *abi)
{
	long ret = sys_ptrace(PTRACE_GETREGS, tid, 0, regs);

	if (ret < 0)
		return ret;
	*abi = regs->reg[VDSO_ABI_REG_CS] == VDSO_ABI_CS_64BIT ? VDSO_ABI_X86_64 : VDSO_ABI_I386;
	/* A 32-bit tracer is told the lower half of a 64-bit thread's only. */
	if (!vdso_abi_is_32bit(*abi) && sizeof(regs->reg[0]) < sizeof(uint64_t))
		return -EOVERFLOW;
	return 0;
}

static int wait_stopped(int32_t tid, int *status)
{
	long ret = sys_wait4(tid, status, __WALL);

	if (ret < 0)
		return ret == -ECHILD ? -ESRCH : ret;
	return WIFSTOPPED(*status) ? 0 : -ESRCH;
}

/*
 * Returns 0 for a stop that is that of a step, or that is to be taken up later; or
 * what keeps the thread from making the step.
 */
static int judge_stop(int32_t tid, int status, uint64_t *held)
{
	int sig = WSTOPSIG(status);
	unsigned long orig_ax;
	siginfo_t info;
	long ret;

	if (status >> 16)	/* a ptrace event or a group stop, no signal */
		return 0;
	ret = sys_ptrace(PTRACE_GETSIGINFO, tid, 0, &info);
	if (ret < 0)
		return ret;
	if (sig == SIGTRAP && info.si_code == VDSO_ABI_TRAP_TRACE)	/* the rule */
		return 0;
	if (sig == SIGTRAP) {
		ret = sys_ptrace(PTRACE_PEEKUSER, tid, VDSO_ABI_REG_ORIG_AX * sizeof(orig_ax),
				 &orig_ax);
		if (ret < 0)
			return ret;
		if (vdso_abi_is_step(info.si_code, orig_ax))
			return 0;
		if (vdso_abi_is_breakpoint(info.si_code, orig_ax))
			return -EILSEQ;
	}
	if (info.si_code > 0 && (FAULTS & BIT_OF(sig)))
		return -EFAULT;
	if (info.si_code > 0 && sig == SIGSYS)	/* a seccomp filter, or a dispatcher */
		return -ENOSYS;
	*held |= BIT_OF(sig);
	return 0;
}

/*
 * Makes one instruction, or takes a stop that comes before it. Waits without polling:
 * a clock function of the vDSO starts again if the time is updated meanwhile, so with
 * slow steps it would never end.
 */
static int step(int32_t tid, uint64_t *held)
{
	bool interrupted;
	int status;
	long ret;

	ret = sys_ptrace(PTRACE_SINGLESTEP, tid, 0, NULL);
	if (ret < 0)
		return ret;
	ret = wait_stopped(tid, &status);
	interrupted = ret == -EINTR;
	if (interrupted) {	/* the caller has waited long enough: the thread may be frozen */
		sys_ptrace(PTRACE_INTERRUPT, tid, 0, NULL);
		ret = wait_stopped(tid, &status);
	}
	if (ret < 0)
		return ret;
	ret = judge_stop(tid, status, held);
	return interrupted && !ret ? -EINTR : ret;
}

/* Whether there is a SIGTRAP that will stop the thread before it makes another step. */
static long has_pending_trap(int32_t tid)
{
	struct __ptrace_peeksiginfo_args args = { .nr = 1 };
	siginfo_t info;
	long ret;

	do {
		ret = sys_ptrace(PTRACE_PEEKSIGINFO, tid, (unsigned long)&args, &info);
		args.off++;
	} while (ret == 1 && info.si_signo != SIGTRAP);
	return ret;
}

/*
 * The thread as it was before a step that it could not make. A system call that a
 * filter prevented counts as a step, whose SIGTRAP comes after the SIGSYS.
 */
static long put_back(int32_t tid, const struct vr_regs *before, uint64_t *held)
{
	long ret;

	do {
		ret = has_pending_trap(tid);
		if (ret > 0)
			ret = step(tid, held) ?: 1;
	} while (ret > 0);
	return ret < 0 ? ret : sys_ptrace(PTRACE_SETREGS, tid, 0, (void *)before);
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
static long check_system_call(struct code *code, enum vdso_abi abi, const struct vr_regs *regs)
{
	static const uint8_t system_calls[][2] = VDSO_ABI_SYSTEM_CALLS;
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
		return (!vdso_abi_is_32bit(abi) && i) || !is_own_call(abi, ax) ? -EOPNOTSUPP : 0;
	}
	return 0;
}

/* Returns 1 if there is a step to be made, 0 if the thread is outside, or an error. */
static long needs_step(struct code *code, const struct vdso_remap_range *ranges,
		       unsigned int nr_ranges, struct vr_regs *regs)
{
	enum vdso_abi abi;
	long ret;

	ret = vr_read_regs(code->tid, regs, &abi);
	if (ret < 0 || !vr_is_inside(regs->reg[VDSO_ABI_REG_IP], ranges, nr_ranges))
		return ret;
	ret = check_system_call(code, abi, regs);
	return ret ?: 1;
}

/* The thread tried the step and failed; other errors mean that it did not try. */
static bool is_failed_step(int err)
{
	return err == -EILSEQ || err == -EFAULT || err == -ENOSYS;
}

static int step_out(struct code *code, const struct vdso_remap_range *ranges,
		    unsigned int nr_ranges, unsigned int max_steps, uint64_t *held)
{
	unsigned int steps = 0;
	struct vr_regs before;
	long ret, put;

	for (;;) {
		ret = needs_step(code, ranges, nr_ranges, &before);
		if (ret <= 0)
			return ret < 0 ? (int)ret : (int)steps;
		if (steps++ == max_steps)
			return -ETIME;
		ret = step(code->tid, held);
		if (is_failed_step(ret)) {
			put = put_back(code->tid, &before, held);
			return put < 0 ? put : ret;
		}
		if (ret < 0)
			return ret;
	}
}

/* The thread's signals are blocked. maps tells whether it has come to executable memory. */
static int step_out_to_code(struct code *code, const struct vdso_remap_range *ranges,
			    unsigned int nr_ranges, unsigned int max_steps, uint64_t *held,
			    int maps)
{
	struct vr_regs regs;
	enum vdso_abi abi;
	int ret, steps;

	ret = step(code->tid, held);	/* takes the stop of prepare()'s PTRACE_INTERRUPT */
	if (ret < 0)
		return ret;
	steps = step_out(code, ranges, nr_ranges, max_steps, held);
	if (steps <= 0)
		return steps;
	ret = vr_read_regs(code->tid, &regs, &abi);
	if (ret < 0)
		return ret;
	ret = vr_is_executable(maps, regs.reg[VDSO_ABI_REG_IP]);
	if (ret < 0)
		return ret;
	return ret ? steps : -EFAULT;
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

/* What can be refused before the thread is touched. Returns a descriptor of its memory map. */
static int prepare(int32_t tid)
{
	int maps = vr_open_proc(tid, "/maps");
	long ret;

	if (maps < 0)
		return maps;
	/* Only a seized thread can be interrupted, should a step not end. */
	ret = sys_ptrace(PTRACE_INTERRUPT, tid, 0, NULL);
	if (ret >= 0)
		return maps;
	sys_close(maps);
	return ret == -EIO ? -EINVAL : ret;
}

/*
 * Takes back the flag by which the kernel steps a thread. If the tracer ended without detaching,
 * the thread would go on with it, and die of a SIGTRAP. It stops again before it goes on.
 */
static void end_steps(int32_t tid, uint64_t *held)
{
	int status;

	if (sys_ptrace(PTRACE_INTERRUPT, tid, 0, NULL) < 0)
		return;
	do {
		if (sys_ptrace(PTRACE_CONT, tid, 0, NULL) < 0 || wait_stopped(tid, &status) < 0 ||
		    judge_stop(tid, status, held) < 0)
			return;
	} while (!(status >> 16));
}

static int evict(struct code *code, const struct vdso_remap_range *ranges,
		 unsigned int nr_ranges, unsigned int max_steps, int maps)
{
	uint64_t blocked = ~SYNCHRONOUS;
	uint64_t held = 0, mask;
	int32_t tid = code->tid;
	int steps;
	long ret;

	ret = sys_ptrace(PTRACE_GETSIGMASK, tid, sizeof(mask), &mask);
	if (ret < 0)
		return ret;
	ret = sys_ptrace(PTRACE_SETSIGMASK, tid, sizeof(blocked), &blocked);
	if (ret < 0)
		return ret;
	steps = step_out_to_code(code, ranges, nr_ranges, max_steps, &held, maps);
	if (steps != -EINTR)	/* then it may not be stopped */
		end_steps(tid, &held);
	ret = sys_ptrace(PTRACE_SETSIGMASK, tid, sizeof(mask), &mask);
	if (ret >= 0)
		ret = send_held(tid, held);
	return steps < 0 || ret >= 0 ? steps : ret;
}

public_api int vdso_remap_evict(int32_t tid, const struct vdso_remap_range *ranges,
				unsigned int nr_ranges, unsigned int max_steps)
{
	struct code code = { .tid = tid, .addr = 1 };	/* none yet: not aligned */
	struct vr_regs regs;
	long ret;
	int maps;

	ret = needs_step(&code, ranges, nr_ranges, &regs);
	if (ret <= 0)
		return ret;
	maps = prepare(tid);
	if (maps < 0)
		return maps;
	ret = evict(&code, ranges, nr_ranges, max_steps ?: VDSO_REMAP_EVICT_MAX_STEPS, maps);
	sys_close(maps);
	return ret;
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
	const uint8_t *bytes = image->text;
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

/* How far behind the beginning of the runtime's landing pad; -EOPNOTSUPP: it is elsewhere. */
static long offset_in_landing_pad(int32_t tid, uint64_t ip)
{
	struct code code = { .tid = tid, .addr = 1 };
	uint8_t bytes[2 * sizeof(landing_pad)];
	unsigned int i;
	long ret;

	/* It may have popped some registers already, or be about to start the call again. */
	ret = read_code(&code, ip - sizeof(landing_pad), bytes, sizeof(bytes));
	if (ret < 0)
		return ret;
	for (i = 0; i < sizeof(landing_pad); i++)
		if (is_landing_pad(bytes + sizeof(landing_pad) - i))
			return i;
	return -EOPNOTSUPP;
}

bool vr_is_at_landing_pad(int32_t tid, uint64_t ip)
{
	return offset_in_landing_pad(tid, ip) >= 0;
}

public_api int vdso_remap_evict_syscall(int32_t tid, const struct vdso_remap_range *runtime,
					const struct vdso_remap_image *image, uint64_t addr)
{
	uint32_t off = find_landing_pad(image);
	struct vr_regs regs;
	enum vdso_abi abi;
	uint64_t ip;
	long ret;

	ret = vr_read_regs(tid, &regs, &abi);
	if (ret < 0)
		return ret;
	ip = regs.reg[VDSO_ABI_REG_IP];
	if (!vr_is_inside(ip, runtime, 1))
		return 0;
	if (!vdso_abi_is_32bit(abi) || !off)
		return -EOPNOTSUPP;
	ret = offset_in_landing_pad(tid, ip);
	if (ret < 0)
		return ret;
	ret = sys_ptrace(PTRACE_POKEUSER, tid, VDSO_ABI_REG_IP * sizeof(regs.reg[0]),
			 (void *)(uintptr_t)(addr + off + ret));
	return ret < 0 ? ret : 1;
}
