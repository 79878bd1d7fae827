/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The raw system call, for code that has no libc. A port defines, for its machine only:
 *
 * raw_syscall(nr, a, b, c, d, e, f)	returns what the kernel returns: -errno on failure
 * RAW_NR_MMAP				number of the mmap() that takes six arguments in registers;
 *					the offset is always 0 here, so its unit does not matter
 * RAW_MAP_LOW				the flag of mmap() for addresses that 32-bit code can use
 */
#ifndef _ARCH_SYSCALL_H
#define _ARCH_SYSCALL_H

#include <asm/unistd.h>

#if defined(__x86_64__) || defined(__i386__)
#include "x86/syscall.h"
#elif defined(__aarch64__)
#include "arm64/syscall.h"
#elif defined(__arm__)
#include "arm/syscall.h"
#endif

#endif /* _ARCH_SYSCALL_H */
