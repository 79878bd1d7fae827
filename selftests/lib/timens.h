/* SPDX-License-Identifier: GPL-2.0 */
/* Time namespaces. */
#ifndef _SELFTESTS_LIB_TIMENS_H
#define _SELFTESTS_LIB_TIMENS_H

#include <stdbool.h>

/* A time namespace for the caller's children, or for itself; CLOCK_MONOTONIC is ahead there. */
#define T_TIMENS_OFFSET	1000000000L
bool t_timens_create(void);

/* Whether the kernel has any. */
bool t_timens_exist(void);

bool t_timens_enter(void);

#endif /* _SELFTESTS_LIB_TIMENS_H */
