# SPDX-License-Identifier: GPL-2.0
"""What the tests of vdsoctl must know about arm64"""
# as in arch/x86/vdsoctl/machine.py
MACHINE = "aarch64"
ABI = "arm64"
ABI32 = "arm"
CLOCK_GETTIME = "__kernel_clock_gettime"
CLOCK_GETTIME32 = "__vdso_clock_gettime"
SYSTEM_CALLS = {"sleep": "115 ", "pause": "73 ", "pause32": "29 "}
