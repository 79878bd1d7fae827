/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The smallest program of each ABI, and what to say if the kernel does not run it. vdsoctl runs
 * such a program to look at its vDSO. A port defines, for its machine only:
 *
 * VDSO_ABI_NATIVE		the ABI that this code is compiled for
 * VDSO_EXIT_CODE_MAX		room for the longest code of vdso_exit_code(), in bytes
 * vdso_exit_code(abi, code)	writes code that ends the program to code; returns its size
 * VDSO_PROGRAM_FLAGS		e_flags of its ELF file, if the kernel asks for any
 * vdso_abi_boot_param(abi)	the kernel's boot parameter that, set to 0, disables this vDSO;
 *				NULL: there is none
 * vdso_abi_hint(abi)		why the kernel may not run programs of this ABI, in words
 */
#ifndef _ARCH_PROGRAM_H
#define _ARCH_PROGRAM_H

#include "abi.h"

#if defined(__x86_64__) || defined(__i386__)
#include "x86/program.h"
#elif defined(__aarch64__) || defined(__arm__)
#include "arm/program.h"
#endif

#ifndef VDSO_PROGRAM_FLAGS
#define VDSO_PROGRAM_FLAGS	0
#endif

#endif /* _ARCH_PROGRAM_H */
