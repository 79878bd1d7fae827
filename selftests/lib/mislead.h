/* SPDX-License-Identifier: GPL-2.0 */
/* A process whose group is not where the kernel's pointer says. */
#ifndef _SELFTESTS_LIB_MISLEAD_H
#define _SELFTESTS_LIB_MISLEAD_H

#include <stdbool.h>

/*
 * Goes on in a child that has a whole group, but elsewhere than the kernel's pointer
 * says; the caller's own end is then that of the child. False if that can't be had.
 */
bool t_mislead_kernel(void);

#endif /* _SELFTESTS_LIB_MISLEAD_H */
