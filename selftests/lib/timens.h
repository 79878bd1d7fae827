/* SPDX-License-Identifier: GPL-2.0 */
/* Time namespaces. */
#ifndef _SELFTESTS_LIB_TIMENS_H
#define _SELFTESTS_LIB_TIMENS_H

#include <stdbool.h>
#include <unistd.h>

#include "lib/note.h"

/* A time namespace for the caller's children, or for itself; CLOCK_MONOTONIC is ahead there. */
#define T_TIMENS_OFFSET	1000000000L
bool t_timens_create(void);

#define T_NEEDS_TIMENS()								\
	do {										\
		if (access("/proc/self/ns/time", F_OK)) {				\
			ASSERT_FALSE(t_kernel_must_have("timens"));			\
			SKIP(return, "this kernel has no time namespaces");		\
		}									\
	} while (0)

bool t_timens_enter(void);

#endif /* _SELFTESTS_LIB_TIMENS_H */
