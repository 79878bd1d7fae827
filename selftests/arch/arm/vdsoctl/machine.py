# SPDX-License-Identifier: GPL-2.0
"""What the tests of vdsoctl must know about arm"""
# as in arch/x86/vdsoctl/machine.py
MACHINE = "armv7l"
ABI = "arm"
ABI32 = None
CLOCK_GETTIME = "__vdso_clock_gettime"
CLOCK_GETTIME32 = None
SYSTEM_CALLS = {"sleep": ("265 ", "407 "), "pause": "29 "}
