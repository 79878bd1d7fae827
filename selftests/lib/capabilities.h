/* SPDX-License-Identifier: GPL-2.0 */
/* The capabilities of the caller. */
#ifndef _SELFTESTS_LIB_CAPABILITIES_H
#define _SELFTESTS_LIB_CAPABILITIES_H

#include <stdbool.h>
#include <stdint.h>

/* Makes those of these capabilities effective that the caller is permitted, and no others. */
bool t_set_capabilities(uint64_t capabilities);
#define T_CAP(nr)	(1ULL << (nr))
#define T_ALL_CAPS	(~0ULL)

#endif /* _SELFTESTS_LIB_CAPABILITIES_H */
