/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The smallest program of each ABI, and how a kernel is told to run it: for tools that look
 * at the vDSO of such a program. A port defines, for its machine only:
 *
 * VDSO_ABI_NATIVE		of the code that is compiled
 * VDSO_EXIT_CODE_MAX		bytes of the longest code
 * vdso_exit_code(abi, code)	puts code that ends the program there; returns its size
 * vdso_abi_boot_param(abi)	the boot parameter that switches this vDSO off
 * vdso_abi_hint(abi)		why a kernel may not run such programs
 */
#ifndef _ARCH_PROGRAM_H
#define _ARCH_PROGRAM_H

#include "abi.h"

#if defined(__x86_64__) || defined(__i386__)
#include "x86/program.h"
#endif

#endif /* _ARCH_PROGRAM_H */
