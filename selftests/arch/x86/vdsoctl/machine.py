# SPDX-License-Identifier: GPL-2.0
"""What the tests of vdsoctl must know about x86"""
# as uname -m has it
MACHINE = "x86_64"
# as vdsoctl names them; images of 32 bits are in a directory of that name. None: there is one width
ABI = "x86_64"
ABI32 = "i386"
# the function, in either vDSO
CLOCK_GETTIME = "__vdso_clock_gettime"
CLOCK_GETTIME32 = "__vdso_clock_gettime"
# what /proc/PID/syscall begins with
SYSTEM_CALLS = {"sleep": "230 ", "pause": "34 ", "pause32": "29 "}
