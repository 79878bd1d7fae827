/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Where CRIU's restorer keeps the registers of a thread until the thread runs again. Compiled
 * as a part of CRIU, with CRIU's headers. A port defines:
 *
 * arch_criu_frame_ip(frame)		the instruction pointer in a struct rt_sigframe
 * arch_criu_set_frame_ip(frame, ip)
 * ARCH_CRIU_MAP_LOW			the flag of mmap() for addresses that 32-bit code can use
 */
#ifndef _ARCH_CRIU_H
#define _ARCH_CRIU_H

#if defined(__x86_64__)
#include "x86/criu.h"
#elif defined(__aarch64__)
#include "arm64/criu.h"
#endif

#endif /* _ARCH_CRIU_H */
