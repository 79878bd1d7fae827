/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Clocks, read by system call and by the vDSO. Nothing here calls libc's functions for the
 * time: the vDSO may have left the place that libc remembers.
 */
#ifndef _SELFTESTS_LIB_CLOCK_H
#define _SELFTESTS_LIB_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether every clock, read through the entry points of the runtime vDSO whose
 * text is there, lies between two readings by system call.
 */
bool t_time_between_syscalls(uint64_t text);

/* CLOCK_MONOTONIC in seconds, by system call. */
long t_uptime(void);

#endif /* _SELFTESTS_LIB_CLOCK_H */
