/* SPDX-License-Identifier: GPL-2.0 */
/* Tasks that the caller traces. */
#ifndef _SELFTESTS_LIB_TASK_H
#define _SELFTESTS_LIB_TASK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/regs.h"

/* Any task that the caller may trace. The stop is a ptrace stop. */
bool t_seize_and_stop(pid_t tid);
bool t_detach(pid_t tid);
/*
 * Single-steps a stopped task until its instruction pointer is in the range. Where the kernel has
 * no single steps, breakpoints do the same; the code is as it was afterwards.
 */
bool t_step_into(pid_t tid, uint64_t start, uint64_t end);
bool t_step_out_of(pid_t tid, uint64_t start, uint64_t end);
/*
 * Has a stopped task, whose registers these were, go on at ip as if that had
 * been called with these arguments, to return to back.
 */
bool t_enter(pid_t tid, const struct vdso_regs *from, uint64_t ip, uint64_t back,
	     const unsigned long args[3]);
/* Waits until /proc says that the task is in one of these states, as "Tt". */
bool t_wait_for_task_state(pid_t tid, const char *states);

#endif /* _SELFTESTS_LIB_TASK_H */
