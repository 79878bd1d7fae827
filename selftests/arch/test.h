/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests must know about the machine that they run on. */
#ifndef _SELFTESTS_ARCH_TEST_H
#define _SELFTESTS_ARCH_TEST_H

#if defined(__x86_64__) || defined(__i386__)
#include "arch/x86/test.h"
#else
#error "no selftests/arch/ directory describes this machine"
#endif

#endif /* _SELFTESTS_ARCH_TEST_H */
