// SPDX-License-Identifier: GPL-2.0
/* Registers of a task that is stopped. */
#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#include "lib/memory.h"
#include "lib/note.h"
#include "lib/task.h"

bool t_enter(pid_t tid, const struct vdso_regs *from, uint64_t ip, uint64_t back,
	     const unsigned long args[3])
{
	uint64_t sp = (vdso_regs_get(from, VDSO_REG_SP) - 1024) & ~15UL;
	struct user_regs_struct regs;
#ifdef __i386__
	const unsigned long stack[] = { back, args[0], args[1], args[2] };
#else
	const unsigned long stack[] = { back };
#endif

	sp -= sizeof(stack[0]);
	memcpy(&regs, from->bytes, sizeof(regs));
#ifdef __i386__
	regs.eip = ip;
	regs.esp = sp;
	regs.orig_eax = -1;	/* it did not come from a system call */
#else
	regs.rip = ip;
	regs.rsp = sp;
	regs.rdi = args[0];
	regs.rsi = args[1];
	regs.rdx = args[2];
	regs.orig_rax = -1;	/* it did not come from a system call */
#endif
	if (!t_mem_write(tid, sp, stack, sizeof(stack)))
		return false;
	if (!ptrace(PTRACE_SETREGS, tid, NULL, &regs))
		return true;
	t_note("PTRACE_SETREGS of %d: %s", tid, strerror(errno));
	return false;
}
