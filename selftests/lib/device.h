/* SPDX-License-Identifier: GPL-2.0 */
/* The module's device. */
#ifndef _SELFTESTS_LIB_DEVICE_H
#define _SELFTESTS_LIB_DEVICE_H

#include <stdint.h>
#include <linux/vdso_remap.h>

#define T_DEVICE	"/dev/vdso_remap"

/* Opens the device; exits if it can't. */
int t_open(void);
/* ioctl(2), but -errno. */
int t_ioctl(int fd, unsigned long command, void *req);
/* Plain MOVE of the caller's group; -errno. */
long t_move_own(uint64_t addr);

#endif /* _SELFTESTS_LIB_DEVICE_H */
