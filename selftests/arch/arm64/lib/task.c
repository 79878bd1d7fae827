// SPDX-License-Identifier: GPL-2.0
/* Registers of a task that is stopped. */
#include <errno.h>
#include <string.h>
#include <sys/user.h>

#include "lib/note.h"
#include "lib/task.h"

#define LR	30

bool t_enter(pid_t tid, const struct vdso_regs *from, uint64_t ip, uint64_t back,
	     const unsigned long args[3])
{
	struct vdso_regs to = *from;
	struct user_regs_struct regs;

	memcpy(&regs, from->bytes, sizeof(regs));
	memcpy(regs.regs, args, 3 * sizeof(args[0]));
	regs.regs[LR] = back;
	regs.sp = (regs.sp - 1024) & ~15ULL;
	regs.pc = ip;
	memcpy(to.bytes, &regs, sizeof(regs));
	if (t_set_regs(tid, &to))
		return true;
	t_note("PTRACE_SETREGSET of %d: %s", tid, strerror(errno));
	return false;
}
