// SPDX-License-Identifier: MIT
/* vdsoctl exec: how a program makes system calls before its first instruction. */
#include "exec.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define SYSCALL_STOP	(SIGTRAP | 0x80)	/* PTRACE_O_TRACESYSGOOD */
#define CS_64BIT	0x33

static const struct {
	unsigned int x86_64;
	unsigned int compat;	/* i386 */
} calls[] = {
	[INJECT_MMAP] = { SYS_mmap, 192 },	/* mmap2: the offset is 0 in either unit */
	[INJECT_PRCTL] = { SYS_prctl, 172 },
	[INJECT_EXIT_GROUP] = { SYS_exit_group, 252 },
};

/*
 * On to the next system call stop. System call stops, not single steps: a step
 * ends in a SIGTRAP, which the kernel forces by changing what the program does
 * with that signal. All signals are blocked but SIGSTOP. That one is let
 * through: the process counts as stopped then, we go on all the same, and when
 * it is let go the kernel stops it if no SIGCONT came meanwhile.
 */
static int next_syscall_stop(struct injection *in)
{
	int status, sig = 0;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, in->pid, 0, sig))
			return -errno;
		if (waitpid(in->pid, &status, __WALL) < 0)
			return -errno;
		if (!WIFSTOPPED(status)) {
			in->gone = true;
			return -ESRCH;
		}
		if (WSTOPSIG(status) == SYSCALL_STOP)
			return 0;
		sig = status >> 16 ? 0 : WSTOPSIG(status);
	}
}

int inject_begin(struct injection *in, pid_t pid)
{
	uint64_t all = ~0ULL;
	int ret;

	memset(in, 0, sizeof(*in));
	in->pid = pid;
	if (ptrace(PTRACE_GETSIGMASK, pid, sizeof(in->sigmask), &in->sigmask) ||
	    ptrace(PTRACE_SETSIGMASK, pid, sizeof(all), &all))
		return -errno;
	/* At its end, because there its result is written into the registers. */
	ret = next_syscall_stop(in);
	if (ret)
		return ret;
	return ptrace(PTRACE_GETREGS, pid, 0, &in->regs) ? -errno : 0;
}

bool inject_is_64bit(const struct injection *in)
{
	return in->regs.cs == CS_64BIT;
}

const char *inject_insn(const struct injection *in)
{
	/* syscall, int $0x80 */
	return inject_is_64bit(in) ? "\x0f\x05" : "\xcd\x80";
}

static void set_call(const struct injection *in, struct user_regs_struct *regs,
		     enum injected_call call, const uint64_t args[6])
{
	regs->orig_rax = -1;	/* no system call to be restarted */
	if (inject_is_64bit(in)) {
		regs->rax = calls[call].x86_64;
		regs->rdi = args[0];
		regs->rsi = args[1];
		regs->rdx = args[2];
		regs->r10 = args[3];
		regs->r8 = args[4];
		regs->r9 = args[5];
	} else {
		regs->rax = calls[call].compat;
		regs->rbx = args[0];
		regs->rcx = args[1];
		regs->rdx = args[2];
		regs->rsi = args[3];
		regs->rdi = args[4];
		regs->rbp = args[5];
	}
}

/* Addresses of 32 bits may have the highest one set; errors are the last 4095. */
static int64_t result(const struct injection *in, uint64_t rax)
{
	if (inject_is_64bit(in))
		return rax;
	return (uint32_t)rax > -4096U ? (int32_t)rax : (int64_t)(uint32_t)rax;
}

int64_t inject_syscall(struct injection *in, uint64_t insn, enum injected_call call,
		       const uint64_t args[6])
{
	struct user_regs_struct regs = in->regs;
	int ret;

	regs.rip = insn;
	set_call(in, &regs, call, args);
	if (ptrace(PTRACE_SETREGS, in->pid, 0, &regs))
		return -errno;
	ret = next_syscall_stop(in);	/* it begins */
	if (!ret)
		ret = next_syscall_stop(in);	/* it ends */
	if (ret)
		return ret;
	return ptrace(PTRACE_GETREGS, in->pid, 0, &regs) ? -errno : result(in, regs.rax);
}

int inject_end(struct injection *in)
{
	if (ptrace(PTRACE_SETREGS, in->pid, 0, &in->regs) ||
	    ptrace(PTRACE_SETSIGMASK, in->pid, sizeof(in->sigmask), &in->sigmask))
		return -errno;
	return ptrace(PTRACE_DETACH, in->pid, 0, 0) ? -errno : 0;
}

/*
 * The system call instruction goes where the program would have begun: that
 * works whatever has become of its vDSO, and only this process sees the page.
 */
void inject_exit(struct injection *in, int status)
{
	const uint64_t args[6] = { status };
	struct user_regs_struct regs = in->regs;

	set_call(in, &regs, INJECT_EXIT_GROUP, args);
	if (process_write(in->pid, regs.rip, inject_insn(in), 2) ||
	    ptrace(PTRACE_SETREGS, in->pid, 0, &regs) || ptrace(PTRACE_DETACH, in->pid, 0, 0))
		kill(in->pid, SIGKILL);
}
