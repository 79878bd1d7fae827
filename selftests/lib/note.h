/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a test says besides its verdicts.
 *
 * For all of selftests/lib: functions that return bool say what was wrong on stderr, as a
 * # line. They go on working after the vDSO has left the place that libc remembers: nothing
 * calls libc's time functions, nothing allocates, but where images are read or built. With
 * -m32 the same tests are about a 32-bit process; addresses have 64 bits in both, as in the
 * contract, because some that are refused need them.
 */
#ifndef _SELFTESTS_LIB_NOTE_H
#define _SELFTESTS_LIB_NOTE_H

#include <stdbool.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif

/* SKIP(return, ...) in a fixture's setup would go on to the test. */
#define T_SKIP_IN_SETUP(...)	SKIP(_exit(255), __VA_ARGS__)

/*
 * Whether $KERNEL_HAS names it, among others: who chose the kernel says that it
 * has this, so a test that finds it missing must fail instead of being skipped.
 */
bool t_kernel_must_have(const char *what);

void t_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* _SELFTESTS_LIB_NOTE_H */
