# SPDX-License-Identifier: GPL-2.0
"""asked.py FILE: says there on SIGUSR1 whether python3's clocks, which libc reads
through the vDSO, lie between two readings by system call."""
import ctypes
import os
import signal
import sys
import time

from system_calls import CLOCK_GETRES, CLOCK_GETTIME

CLOCKS = [time.CLOCK_REALTIME, time.CLOCK_MONOTONIC, 5, 6, time.CLOCK_BOOTTIME, time.CLOCK_TAI]

libc = ctypes.CDLL(None)


class Timespec(ctypes.Structure):
    _fields_ = [("sec", ctypes.c_long), ("nsec", ctypes.c_long)]


def by_syscall(number, clock):
    stamp = Timespec()
    libc.syscall(number, clock, ctypes.byref(stamp))
    return stamp.sec * 10**9 + stamp.nsec


def wrong():
    for clock in CLOCKS:
        before = by_syscall(CLOCK_GETTIME, clock)
        answer = time.clock_gettime_ns(clock)
        after = by_syscall(CLOCK_GETTIME, clock)
        if not before <= answer <= after:
            return f"clock {clock}: {answer} is not in {before}..{after}"
        if round(time.clock_getres(clock) * 10**9) != by_syscall(CLOCK_GETRES, clock):
            return f"clock {clock}: its resolution is not {time.clock_getres(clock)}"
    return None


def report(text):
    with open(sys.argv[1] + ".new", "w") as file:
        print(text, file=file)
    os.rename(sys.argv[1] + ".new", sys.argv[1])


def main():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    report("ready")
    while True:
        signal.sigwait({signal.SIGUSR1})
        report(wrong() or "right")


if __name__ == "__main__":
    main()
