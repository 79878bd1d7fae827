// SPDX-License-Identifier: MIT
/*
 * Decides how a stopped thread gets out of the vDSO: step by step, on its own
 * feet, with its signals held back.
 */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "arch/encode.h"
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

/* How often a thread may stop for something else before it stops for what it was to do. */
#define MAX_OTHER_STOPS	100

bool vrl_is_inside(uint64_t ip, const struct vdso_remap_range *ranges, unsigned int nr_ranges)
{
	unsigned int i;

	for (i = 0; i < nr_ranges; i++)
		if (ip >= ranges[i].start && ip < ranges[i].end)
			return true;
	return false;
}

long vrl_read_regs(int32_t tid, struct vdso_regs *regs, enum vdso_abi *abi)
{
	struct iovec iov = { regs->bytes, sizeof(regs->bytes) };
	long ret = sys_ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &iov);

	if (ret < 0)
		return ret;
	regs->size = iov.iov_len;
	*abi = vdso_regs_abi(regs);
	if (*abi == VDSO_ABI_UNKNOWN)
		return -EOPNOTSUPP;
	/* ptrace() of a 32-bit tracer can't name all addresses of a 64-bit thread. */
	if (!vdso_abi_is_32bit(*abi) && sizeof(long) < sizeof(uint64_t))
		return -EOVERFLOW;
	return 0;
}

long vrl_write_regs(int32_t tid, const struct vdso_regs *regs)
{
	struct iovec iov = { (void *)regs->bytes, regs->size };
	long ret = sys_ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &iov);

#ifdef VDSO_USER_OFFSET
	static const uint8_t important[] = {
		VDSO_REG_RESULT, VDSO_REG_IN_CALL, VDSO_REG_SP, VDSO_REG_IP
	};
	unsigned int i;

	if (ret != -EIO)
		return ret;
	/*
	 * The kernel refuses some values that a thread can load by itself, and has written what
	 * stands before them. A step changed none of the others.
	 */
	for (i = 0, ret = 0; ret >= 0 && i < NR_ITEMS(important); i++)
		ret = sys_ptrace(PTRACE_POKEUSER, tid, VDSO_USER_OFFSET(important[i]),
				 (void *)(unsigned long)vdso_regs_get(regs, important[i]));
#endif
	return ret;
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
	struct vdso_regs regs;
	enum vdso_abi abi;
	siginfo_t info;
	int in_call;
	long ret;

	if (status >> 16)	/* a ptrace event or a group stop, no signal */
		return 0;
	ret = sys_ptrace(PTRACE_GETSIGINFO, tid, 0, &info);
	if (ret < 0)
		return ret;
	if (sig == SIGTRAP && info.si_code == VDSO_TRAP_STEP)	/* the rule */
		return 0;
	if (sig == SIGTRAP) {
		ret = vrl_read_regs(tid, &regs, &abi);
		if (ret < 0)
			return ret;
		in_call = vdso_regs_get(&regs, VDSO_REG_IN_CALL);
		if (vdso_trap_is_step(info.si_code, info.si_pid, in_call))
			return 0;
		if (vdso_trap_is_breakpoint(info.si_code, in_call))
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
 * Lets the thread go on to its next stop. Waits without polling: a clock function of the
 * vDSO starts again if the time is updated meanwhile, so with slow steps it would never
 * end. -EINTR: the caller has waited long enough, the thread may be frozen. *status tells
 * by what it has stopped, also with -EINTR; 0: it has not, or it has ended.
 */
static int go_on(int32_t tid, long request, int *status)
{
	bool interrupted;
	long ret;

	ret = sys_ptrace(request, tid, 0, NULL);
	if (ret >= 0)
		ret = wait_stopped(tid, status);
	interrupted = ret == -EINTR;
	if (interrupted) {
		sys_ptrace(PTRACE_INTERRUPT, tid, 0, NULL);
		ret = wait_stopped(tid, status);
	}
	if (ret < 0)
		*status = 0;
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

/* Lets the thread go on, and judges its stop. */
static int go_on_judged(int32_t tid, long request, uint64_t *held)
{
	int status, ret, stop = 0;

	ret = go_on(tid, request, &status);
	if (status)
		stop = judge_stop(tid, status, held);
	return stop ?: ret;
}

/*
 * A thread's code: what it is to leave, and the word that was read last. For breakpoints, a
 * descriptor of the memory, or -1.
 */
struct code {
	int32_t tid;
	int memory;
	const struct vdso_remap_range *ranges;
	unsigned int nr_ranges;
	unsigned long addr, word;
};

static bool is_inside(const struct code *code, uint64_t ip)
{
	return vrl_is_inside(ip, code->ranges, code->nr_ranges);
}

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

#ifdef VDSO_BREAKPOINT

/*
 * A run ends after so many instructions, so that a step takes a bounded time whatever the code is.
 * A loop of exclusive loads and stores that is cut in two there fails once, and is whole in the
 * next run.
 */
#define MAX_RUN		64

/* From *end on, finds the next instruction that is not to be made together with those before it. */
static long find_run_end(struct code *code, const struct vdso_regs *regs, unsigned long *end)
{
	struct vdso_step_load load;
	unsigned int nr;
	uint32_t insn;
	long ret;

	for (nr = 0; nr < MAX_RUN && is_inside(code, *end); nr++, *end += sizeof(insn)) {
		ret = read_code(code, *end, (uint8_t *)&insn, sizeof(insn));
		if (ret < 0)
			return ret;
		if (vdso_step_kind(regs, insn, &load) != VDSO_STEP_PLAIN)
			break;
	}
	return 0;
}

/* Whether the thread has come to the breakpoint there. */
static bool is_at_breakpoint(int32_t tid, int status, uint64_t addr)
{
	struct vdso_regs regs;
	enum vdso_abi abi;
	siginfo_t info;

	return !(status >> 16) && WSTOPSIG(status) == SIGTRAP &&
	       sys_ptrace(PTRACE_GETSIGINFO, tid, 0, &info) >= 0 &&
	       vdso_trap_is_breakpoint(info.si_code, -1) &&
	       vrl_read_regs(tid, &regs, &abi) >= 0 && vdso_regs_get(&regs, VDSO_REG_IP) == addr;
}

/*
 * ptrace writes only to a thread that is stopped. A frozen one may not stop in time, one that was
 * killed never will, and others that share its memory would run into the breakpoint: a descriptor
 * of the memory needs no thread.
 */
static long put_code_back(int32_t tid, int memory, unsigned long addr, unsigned long word)
{
	const struct iovec iov = { &word, sizeof(word) };
	long ret = sys_ptrace(PTRACE_POKETEXT, tid, addr, (void *)word);

	if (ret == -ESRCH && sys_pwritev(memory, &iov, addr) == sizeof(word))
		ret = 0;
	return ret;
}

/* Lets the thread go on to the breakpoint at addr that stands there instead of the word. */
static int go_on_to(int32_t tid, int memory, unsigned long addr, unsigned long word,
		    struct vdso_regs *before, uint64_t *held)
{
	int status, ret, nr, stop = 0;
	enum vdso_abi abi;
	long put;

	ret = go_on(tid, PTRACE_CONT, &status);
	/* SIGCONT, for example, may have overtaken the breakpoint's SIGTRAP, which comes next. */
	for (nr = 0; status >> 16 && nr < MAX_OTHER_STOPS && has_pending_trap(tid) > 0; nr++)
		ret = go_on(tid, PTRACE_CONT, &status) ?: ret;
	if (status && !is_at_breakpoint(tid, status, addr))
		stop = judge_stop(tid, status, held);
	put = put_code_back(tid, memory, addr, word);
	if (stop == -EFAULT || stop == -EILSEQ)
		vrl_read_regs(tid, before, &abi);
	if (put < 0 && status)
		return put;
	return stop ?: ret;
}

/*
 * Lets the thread go on to addr. The page becomes a private one. If the thread stops before,
 * *before is where it stands then.
 */
static int run_to(struct code *code, unsigned long addr, struct vdso_regs *before, uint64_t *held)
{
	const unsigned long breakpoint = VDSO_BREAKPOINT;
	int32_t tid = code->tid;
	unsigned long word;
	long ret;

	/* once for all steps: with slow ones, a clock function would start again and again */
	if (code->memory < 0)
		code->memory = vrl_open_memory(tid);
	if (code->memory < 0)
		return code->memory;
	ret = sys_ptrace(PTRACE_PEEKTEXT, tid, addr, &word);
	if (ret >= 0)
		ret = sys_ptrace(PTRACE_POKETEXT, tid, addr, (void *)breakpoint);
	if (ret < 0)
		return ret == -EIO ? -EFAULT : ret;
	return go_on_to(tid, code->memory, addr, word, before, held);
}

/*
 * Without the kernel's help: a branch, or a run that ends before the next one. So what
 * other code shares the memory must stand still.
 */
static int step_by_breakpoint(struct code *code, struct vdso_regs *before, uint64_t *held)
{
	uint8_t loaded[VDSO_STEP_LOAD_MAX];
	struct vdso_step_load load;
	enum vdso_step kind;
	unsigned long end;
	enum vdso_abi abi;
	uint32_t insn;
	long ret;

	ret = vrl_read_regs(code->tid, before, &abi);
	end = vdso_regs_get(before, VDSO_REG_IP);
	if (ret >= 0)
		ret = read_code(code, end, (uint8_t *)&insn, sizeof(insn));
	if (ret < 0)
		return ret;
	if (insn == VDSO_BREAKPOINT)
		return -EILSEQ;
	kind = vdso_step_kind(before, insn, &load);
	if (kind == VDSO_STEP_UNKNOWN)
		return -EOPNOTSUPP;
	if (kind == VDSO_STEP_BRANCH) {
		struct vdso_regs regs = *before;

		ret = read_code(code, load.addr, loaded, load.size);
		if (ret < 0)
			return ret;
		vdso_step_branch(&regs, insn, loaded);
		return vrl_write_regs(code->tid, &regs);
	}
	end += sizeof(insn);
	if (kind == VDSO_STEP_PLAIN)
		ret = find_run_end(code, before, &end);
	return ret < 0 ? ret : run_to(code, end, before, held);
}

#else
static int step_by_breakpoint(struct code *code, struct vdso_regs *before, uint64_t *held)
{
	(void)code, (void)before, (void)held;
	return -EIO;
}
#endif

/*
 * Makes one instruction, or takes a stop that comes before it. *before are the thread's
 * registers, and change if it makes several instructions.
 */
static int step(struct code *code, struct vdso_regs *before, uint64_t *held)
{
	int ret = go_on_judged(code->tid, PTRACE_SINGLESTEP, held);

	return ret == -EIO ? step_by_breakpoint(code, before, held) : ret;
}

/* By PTRACE_SYSCALL, whose stops are no signals. */
static bool is_syscall_stop(int32_t tid, int status)
{
	siginfo_t info;

	if (status >> 16 || (WSTOPSIG(status) & ~0x80) != SIGTRAP)
		return false;
	return sys_ptrace(PTRACE_GETSIGINFO, tid, 0, &info) >= 0 &&
	       (info.si_code & ~0x80) == SIGTRAP;
}

/*
 * Returns from a signal handler, to where the handler's frame says. The thread gets the blocked
 * signals of the frame, too: they become *mask, and most signals are blocked again before the
 * thread can take one. No single step: that ends in a SIGTRAP, for which the kernel would
 * reset the handler if the frame blocks it.
 */
static int return_from_handler(int32_t tid, const struct vdso_regs *before, uint64_t *held,
			       uint64_t *mask)
{
	unsigned int nr_stops = 0, nr_others = 0;
	struct vdso_regs after;
	enum vdso_abi abi;
	uint64_t blocked;
	int status;
	long ret;

	ret = sys_ptrace(PTRACE_GETSIGMASK, tid, sizeof(blocked), &blocked);
	while (ret >= 0 && nr_stops < 2) {	/* the system call's begin and its end */
		ret = go_on(tid, PTRACE_SYSCALL, &status);
		if (ret >= 0 && is_syscall_stop(tid, status))
			nr_stops++;
		else if (status)
			ret = judge_stop(tid, status, held) ?: ret;
		/* somebody sends it signals as fast as it is stopped */
		if (ret >= 0 && nr_others++ == MAX_OTHER_STOPS)
			ret = -ETIME;
	}
	if (ret >= 0)
		ret = vrl_read_regs(tid, &after, &abi);
	if (ret < 0)
		return ret;
	if (vdso_regs_get(&after, VDSO_REG_SP) == vdso_regs_get(before, VDSO_REG_SP))
		return -EOPNOTSUPP;	/* a filter prevented it */
	ret = sys_ptrace(PTRACE_GETSIGMASK, tid, sizeof(*mask), mask);
	if (ret >= 0)
		ret = sys_ptrace(PTRACE_SETSIGMASK, tid, sizeof(blocked), &blocked);
	/* At the end of a system call, a machine may show other registers than the thread has. */
	if (ret >= 0)
		ret = sys_ptrace(PTRACE_INTERRUPT, tid, 0, NULL);
	return ret < 0 ? ret : go_on_judged(tid, PTRACE_CONT, held);
}

/*
 * The thread as it was before a step that it could not make. A system call that a
 * filter prevented counts as a step, whose SIGTRAP comes after the SIGSYS.
 */
static long put_back(struct code *code, const struct vdso_regs *before, uint64_t *held)
{
	struct vdso_regs regs;
	long ret;

	do {
		ret = has_pending_trap(code->tid);
		if (ret > 0)
			ret = step(code, &regs, held) ?: 1;
	} while (ret > 0);
	return ret < 0 ? ret : vrl_write_regs(code->tid, before);
}

static bool is_call_of(enum vdso_abi abi, uint32_t nr, const struct vdso_stub_name *names,
		       unsigned int nr_names)
{
	unsigned int i;

	nr = vdso_plain_call_nr(nr);
	for (i = 0; nr && i < nr_names; i++)
		if (vdso_encode_stub_call(abi, names[i].stub).nr == nr)
			return true;
	return false;
}

/* Those that the functions of the vDSO fall back on. */
static bool is_own_call(enum vdso_abi abi, uint32_t nr)
{
	return is_call_of(abi, nr, vdso_stub_names, NR_ITEMS(vdso_stub_names));
}

/* That of a trampoline, by which a thread returns from a signal handler. */
static bool is_return(enum vdso_abi abi, uint32_t nr)
{
	return is_call_of(abi, nr, vdso_trampoline_names, NR_ITEMS(vdso_trampoline_names));
}

/* It was interrupted in a system call and will start it again: the kernel's own error codes. */
static bool will_restart(int in_call, int result)
{
	return in_call >= 0 &&
	       (result == -512 || result == -513 || result == -514 || result == -516);
}

#define RETURNS	2

/*
 * A step that makes a system call could wait for ever, and do what the thread's
 * seccomp filters forbid if those are suspended. 32-bit code makes all of its
 * system calls in the vDSO. Returns -EOPNOTSUPP if the next step makes one that is
 * not the vDSO's own, RETURNS if the next step returns from a signal handler. One that
 * hides behind prefixes is for the caller's timer.
 */
static long check_system_call(struct code *code, enum vdso_abi abi, const struct vdso_regs *regs)
{
	uint32_t in_call = vdso_regs_get(regs, VDSO_REG_IN_CALL);
	uint8_t bytes[VDSO_CALL_INSN_MAX];
	enum vdso_insn kind;
	uint32_t nr;
	long ret;

	if (will_restart(in_call, vdso_regs_get(regs, VDSO_REG_RESULT)))
		return is_own_call(abi, in_call) ? 0 : -EOPNOTSUPP;
	ret = read_code(code, vdso_regs_get(regs, VDSO_REG_IP), bytes, sizeof(bytes));
	if (ret < 0)
		return ret;
	kind = vdso_insn_kind(regs, bytes);
	nr = vdso_regs_get(regs, VDSO_REG_CALL);
	if (kind == VDSO_INSN_OTHER || (kind == VDSO_INSN_CALL && is_own_call(abi, nr)))
		return 0;
	return kind == VDSO_INSN_CALL && is_return(abi, nr) ? RETURNS : -EOPNOTSUPP;
}

/* Returns 1 or RETURNS if there is a step to be made, 0 if the thread is outside, or an error. */
static long needs_step(struct code *code, struct vdso_regs *regs)
{
	enum vdso_abi abi;
	long ret;

	ret = vrl_read_regs(code->tid, regs, &abi);
	if (ret < 0 || !is_inside(code, vdso_regs_get(regs, VDSO_REG_IP)))
		return ret;
	ret = check_system_call(code, abi, regs);
	return ret ?: 1;
}

/* The thread tried the step and failed; other errors mean that it did not try. */
static bool is_failed_step(int err)
{
	return err == -EILSEQ || err == -EFAULT || err == -ENOSYS;
}

static int step_out(struct code *code, unsigned int max_steps, uint64_t *held, uint64_t *mask)
{
	unsigned int steps = 0;
	struct vdso_regs before;
	long ret, put;

	for (;;) {
		ret = needs_step(code, &before);
		if (ret <= 0)
			return ret < 0 ? (int)ret : (int)steps;
		if (steps++ == max_steps)
			return -ETIME;
		ret = ret == RETURNS ? return_from_handler(code->tid, &before, held, mask) :
				       step(code, &before, held);
		if (is_failed_step(ret)) {
			put = put_back(code, &before, held);
			return put < 0 ? put : ret;
		}
		if (ret < 0)
			return ret;
	}
}

/*
 * The thread's signals are blocked, which were *mask. maps tells whether it has come to
 * executable memory.
 */
static int step_out_to_code(struct code *code, unsigned int max_steps, uint64_t *held,
			    uint64_t *mask, int maps)
{
	struct vdso_regs regs;
	enum vdso_abi abi;
	int ret, steps;

	/* takes the stop of prepare()'s PTRACE_INTERRUPT: it comes before the next instruction */
	ret = go_on_judged(code->tid, PTRACE_CONT, held);
	if (ret < 0)
		return ret;
	steps = step_out(code, max_steps, held, mask);
	if (steps <= 0)
		return steps;
	ret = vrl_read_regs(code->tid, &regs, &abi);
	if (ret < 0)
		return ret;
	ret = vrl_is_executable(maps, vdso_regs_get(&regs, VDSO_REG_IP));
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
	int maps = vrl_open_proc(tid, "/maps");
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
 * Takes back what would end the thread by a SIGTRAP: that of a step whose end an interruption
 * overtook, and the flag by which the kernel steps a thread, for a tracer that ends without
 * detaching. The thread stops again before it goes on.
 */
static void end_steps(int32_t tid, uint64_t *held)
{
	int status;

	while (has_pending_trap(tid) > 0)
		if (go_on_judged(tid, PTRACE_CONT, held) < 0)
			return;
	if (sys_ptrace(PTRACE_INTERRUPT, tid, 0, NULL) < 0)
		return;
	do {
		if (sys_ptrace(PTRACE_CONT, tid, 0, NULL) < 0)
			return;
		/* at once, so that a timer hardly expires twice meanwhile */
		if (wait_stopped(tid, &status) < 0 && wait_stopped(tid, &status) < 0)
			return;
		if (judge_stop(tid, status, held) < 0)
			return;
	} while (!(status >> 16));
}

static int evict(struct code *code, unsigned int max_steps, int maps)
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
	steps = step_out_to_code(code, max_steps, &held, &mask, maps);
	end_steps(tid, &held);
	ret = sys_ptrace(PTRACE_SETSIGMASK, tid, sizeof(mask), &mask);
	if (ret >= 0)
		ret = send_held(tid, held);
	return steps < 0 || ret >= 0 ? steps : ret;
}

public_api int vdso_remap_evict(int32_t tid, const struct vdso_remap_range *ranges,
				unsigned int nr_ranges, unsigned int max_steps)
{
	struct code code = {
		.tid = tid, .ranges = ranges, .nr_ranges = nr_ranges,
		.memory = -1,
		.addr = 1,	/* none yet: not aligned */
	};
	struct vdso_regs regs;
	long ret;
	int maps;

	ret = needs_step(&code, &regs);
	if (ret <= 0)
		return ret;
	maps = prepare(tid);
	if (maps < 0)
		return maps;
	ret = evict(&code, max_steps ?: VDSO_REMAP_EVICT_MAX_STEPS, maps);
	if (code.memory >= 0)
		sys_close(code.memory);
	sys_close(maps);
	return ret;
}

/*
 * The image's offset of the instruction by which its code makes system calls; the instructions
 * to which the kernel returns follow it. 0: there is none.
 */
static uint32_t find_call_return(const struct vdso_remap_image *image)
{
	const struct vdso_remap_entry_point *ep;
	const uint8_t *text = image->text;
	const uint8_t *bytes;
	unsigned int size;
	uint32_t i, off;

	bytes = vdso_call_return(image->abi, &size);
	for (i = 0; bytes && i < image->nr_entry_points; i++) {
		ep = &image->entry_points[i];
		if (!vdso_name_equals(ep->name, VDSO_CALL_RETURN_SYMBOL))
			continue;
		for (off = ep->off; off + size <= ep->off + ep->room; off++)
			if (!__builtin_memcmp(text + off, bytes, size))
				return off;
	}
	return 0;
}

/* How far ip is behind the beginning of these instructions; -EOPNOTSUPP: it is elsewhere. */
static long offset_in_call_return(int32_t tid, enum vdso_abi abi, uint64_t ip)
{
	struct code code = { .tid = tid, .memory = -1, .addr = 1 };
	uint8_t around[2 * VDSO_CALL_RETURN_MAX];
	const uint8_t *bytes;
	unsigned int size, i;
	long ret;

	bytes = vdso_call_return(abi, &size);
	if (!bytes)
		return -EOPNOTSUPP;
	/* It may have popped some registers already, or be about to start the call again. */
	ret = read_code(&code, ip - size, around, 2 * size);
	if (ret < 0)
		return ret;
	for (i = 0; i < size; i++)
		if (!__builtin_memcmp(around + size - i, bytes, size))
			return i;
	return -EOPNOTSUPP;
}

bool vrl_is_at_call_return(int32_t tid, enum vdso_abi abi, uint64_t ip)
{
	return offset_in_call_return(tid, abi, ip) >= 0;
}

public_api int vdso_remap_evict_syscall(int32_t tid, const struct vdso_remap_range *runtime,
					const struct vdso_remap_image *image, uint64_t addr)
{
	uint32_t off = find_call_return(image);
	struct vdso_regs regs;
	enum vdso_abi abi;
	uint64_t ip;
	long ret;

	ret = vrl_read_regs(tid, &regs, &abi);
	if (ret < 0)
		return ret;
	ip = vdso_regs_get(&regs, VDSO_REG_IP);
	if (!vrl_is_inside(ip, runtime, 1))
		return 0;
	if (!off)
		return -EOPNOTSUPP;
	ret = offset_in_call_return(tid, abi, ip);
	if (ret < 0)
		return ret;
	vdso_regs_set(&regs, VDSO_REG_IP, addr + off + ret);
	ret = vrl_write_regs(tid, &regs);
	return ret < 0 ? ret : 1;
}
