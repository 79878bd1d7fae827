// SPDX-License-Identifier: GPL-2.0
/* Registers of a task that is stopped. */
#include <errno.h>
#include <string.h>

#include "arch/test.h"
#include "lib/note.h"
#include "lib/task.h"

enum { SP = 13, LR, PC, CPSR, ORIG_R0, NR_REGS };

#define CPSR_THUMB	(1U << 5)

bool t_enter(pid_t tid, const struct vdso_regs *from, uint64_t ip, uint64_t back,
	     const unsigned long args[3])
{
	struct vdso_regs to = *from;
	uint32_t regs[NR_REGS];

	memcpy(regs, from->bytes, sizeof(regs));
	memcpy(regs, args, 3 * sizeof(args[0]));
	regs[LR] = back;
	regs[SP] = (regs[SP] - 1024) & ~7U;
	regs[PC] = T_CODE(ip);
	regs[CPSR] = (regs[CPSR] & ~CPSR_THUMB) | (ip & T_THUMB ? CPSR_THUMB : 0);
	memcpy(to.bytes, regs, sizeof(regs));
	if (t_set_regs(tid, &to))
		return true;
	t_note("PTRACE_SETREGSET of %d: %s", tid, strerror(errno));
	return false;
}
