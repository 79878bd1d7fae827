// SPDX-License-Identifier: MIT
/* vdsoctl exec: how a program makes system calls before its first instruction. */
#include "exec.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

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

static int get_regs(struct injection *in, struct vdso_regs *regs)
{
	struct iovec iov = { regs->bytes, sizeof(regs->bytes) };

	if (ptrace(PTRACE_GETREGSET, in->pid, NT_PRSTATUS, &iov))
		return -errno;
	regs->size = iov.iov_len;
	return 0;
}

static int set_regs(struct injection *in, struct vdso_regs *regs)
{
	struct iovec iov = { regs->bytes, regs->size };

	return ptrace(PTRACE_SETREGSET, in->pid, NT_PRSTATUS, &iov) ? -errno : 0;
}

int inject_begin(struct injection *in, pid_t pid, enum vdso_abi abi)
{
	uint64_t all = ~0ULL;
	int ret;

	memset(in, 0, sizeof(*in));
	in->pid = pid;
	in->abi = abi;
	if (ptrace(PTRACE_GETSIGMASK, pid, sizeof(in->sigmask), &in->sigmask) ||
	    ptrace(PTRACE_SETSIGMASK, pid, sizeof(all), &all))
		return -errno;
	/* At its end, because there its result is written into the registers. */
	ret = next_syscall_stop(in);
	return ret ?: get_regs(in, &in->regs);
}

static const struct vdso_call_insn *call_insn(const struct injection *in, uint64_t addr)
{
	return vdso_call_insn(vdso_regs_abi(&in->regs), addr);
}

uint64_t inject_find_insn(const struct injection *in, const void *text, size_t size)
{
	const struct vdso_call_insn *insn;
	unsigned int state;
	size_t off;

	for (state = 0; state <= vdso_abi_state_bits(in->abi); state++) {
		insn = call_insn(in, state);
		for (off = 0; off + insn->size <= size; off += insn->align)
			if (!memcmp((const char *)text + off, insn->bytes, insn->size))
				return off | state;
	}
	return 0;
}

static void set_call(struct vdso_regs *regs, enum vdso_call call, const __u64 args[VDSO_NR_ARGS])
{
	vdso_regs_set_call(regs, vdso_call_nr(vdso_regs_abi(regs), call), args);
}

int64_t inject_syscall(struct injection *in, uint64_t insn, enum vdso_call call,
		       const __u64 args[VDSO_NR_ARGS])
{
	struct vdso_regs regs = in->regs;
	int ret;

	vdso_regs_set_code(&regs, insn);
	set_call(&regs, call, args);
	ret = set_regs(in, &regs);
	if (!ret)
		ret = next_syscall_stop(in);	/* it begins */
	if (!ret)
		ret = next_syscall_stop(in);	/* it ends */
	if (!ret)
		ret = get_regs(in, &regs);
	return ret ?: vdso_regs_result(&regs);
}

int inject_end(struct injection *in)
{
	int ret = set_regs(in, &in->regs);

	if (ret)
		return ret;
	if (ptrace(PTRACE_SETSIGMASK, in->pid, sizeof(in->sigmask), &in->sigmask))
		return -errno;
	return ptrace(PTRACE_DETACH, in->pid, 0, 0) ? -errno : 0;
}

/*
 * The system call instruction goes where the program would have begun: that
 * works whatever has become of its vDSO, and only this process sees the page.
 */
void inject_exit(struct injection *in, int status)
{
	const __u64 args[VDSO_NR_ARGS] = { status };
	const struct vdso_call_insn *insn = call_insn(in, vdso_regs_code(&in->regs));
	struct vdso_regs regs = in->regs;

	set_call(&regs, VDSO_CALL_EXIT_GROUP, args);
	if (process_write(in->pid, vdso_regs_get(&regs, VDSO_REG_IP), insn->bytes, insn->size) ||
	    set_regs(in, &regs) || ptrace(PTRACE_DETACH, in->pid, 0, 0))
		kill(in->pid, SIGKILL);
}
