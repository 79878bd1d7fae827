/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Calls of the functions of a vDSO, compared with system calls: wherever it is and whatever has
 * become of it. What a function says has to lie between two system calls, or be the same.
 */
#ifndef _SELFTESTS_LIB_VDSO_CALLS_H
#define _SELFTESTS_LIB_VDSO_CALLS_H

#include <stdbool.h>
#include <stdint.h>
#include <vdso_remap.h>

/*
 * Calls every function of the image. False, after printing what was wrong, also for one that
 * there is no check for.
 */
bool t_image_answers(const struct vdso_remap_image *parsed, const uint8_t *addr);

/* A system call that returns -errno. */
long t_raw(long nr, long a, long b, long c);

/* What time() returns, by system call. The coarse clock is never ahead of a vDSO. */
long t_raw_time(void);

/* A function, and whether it answers truly at this address. */
struct t_vdso_call {
	const char *name;
	bool (*is_right)(const void *fn);
};

/* Those that only this machine has; a NULL name is behind the last one. */
extern const struct t_vdso_call t_arch_vdso_calls[];

#endif /* _SELFTESTS_LIB_VDSO_CALLS_H */
