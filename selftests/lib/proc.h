/* SPDX-License-Identifier: GPL-2.0 */
/* Files of a process in /proc; pid 0 is the caller. They say on stderr what was wrong. */
#ifndef _SELFTESTS_LIB_PROC_H
#define _SELFTESTS_LIB_PROC_H

#include <sys/types.h>

int t_proc_open(pid_t pid, const char *name, int flags);
/* The size of the file, which is also zero-terminated; -1 if it does not fit. */
ssize_t t_proc_read(pid_t pid, const char *name, char *buf, size_t size);

#endif /* _SELFTESTS_LIB_PROC_H */
