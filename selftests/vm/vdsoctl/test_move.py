#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""vdsoctl move: another place for the vDSO of a process"""
import signal

import tap
from helpers import (ABI32, CTL, DISTANCE, IMAGE32, TARGET32_STATIC, Holder, Process, complains,
                     ctl, info, load, maps_of, needs_32_bits, range_of, read, start_sleeper,
                     unload_for_this_test, vdso_of, wait_until, waits_for)

ALLOW_UNSEAL = "/sys/module/vdso_remap/parameters/allow_unseal"

# Seals its vDSO with system call 462, mseal(), and sleeps; ends if there is none.
SEALS = r"""
import ctypes, re, sys, time
libc = ctypes.CDLL(None)
for line in open("/proc/self/maps"):
    m = re.match(r"([0-9a-f]+)-([0-9a-f]+) .*\[(vdso|vvar)", line)
    if m:
        start, end = (ctypes.c_ulong(int(x, 16)) for x in m.group(1, 2))
        if libc.syscall(462, start, ctypes.c_ulong(end.value - start.value), 0):
            sys.exit(1)
time.sleep(1000)
"""


def move(pid, to, *options):
    """Moves a vDSO, and sees that it is there"""
    ctl("move", "-p", pid, "--to", f"{to:x}", *options)
    assert vdso_of(pid) == to


# The threads find their vDSO where it was, or die: back it goes before they run.
def test_there_and_back():
    """move brings the vDSO there and back"""
    pid = start_sleeper().pid
    start = vdso_of(pid)
    to = start - DISTANCE
    move(pid, to)
    complains(1, "overlaps", CTL, "move", "-p", pid, "--to", f"{to:x}")
    complains(1, "page aligned", CTL, "move", "-p", pid, "--to", "1001")
    ctl("move", "-p", pid, "--to", hex(start))
    assert vdso_of(pid) == start
    waits_for("S", pid)


def test_occupied():
    """move spares what is in the way"""
    pid = start_sleeper().pid
    maps = maps_of(pid)
    complains(1, "something is mapped", CTL, "move", "-p", pid,
              "--to", f"{range_of('stack', pid).start:x}")
    assert maps_of(pid) == maps


def test_stopped_process():
    """a stopped process stays stopped"""
    sleeper = start_sleeper()
    sleeper.send_signal(signal.SIGSTOP)
    waits_for("T", sleeper.pid)
    ctl("info", "-p", sleeper.pid)
    waits_for("T", sleeper.pid)
    ctl("move", "-p", sleeper.pid, "--to", f"{vdso_of(sleeper.pid) - DISTANCE:x}")
    waits_for("T", sleeper.pid)
    sleeper.send_signal(signal.SIGCONT)
    waits_for("S", sleeper.pid)


def test_32_bits():
    """move of a 32-bit process's vDSO there and back"""
    needs_32_bits()
    pid = Holder(TARGET32_STATIC, IMAGE32).pid
    start = vdso_of(pid)
    assert info(pid)["runtime"]["abi"] == ABI32
    move(pid, start - DISTANCE)
    complains(1, "outside of what", CTL, "move", "-p", pid, "--to", "100000000")
    move(pid, start)
    waits_for("S", pid)


def test_sealed():
    """move of a sealed vDSO if all agree"""
    sealer = Process("python3", "-c", SEALS)
    wait_until(lambda: sealer.has_ended() or sealer.is_in("sleep"), "it sleeps, or has failed")
    if sealer.has_ended():
        tap.skip("this kernel has no mseal()", "mseal")
    pid = sealer.pid
    assert "sealed" in ctl("info", "-p", pid)
    to = vdso_of(pid) - DISTANCE
    command = [CTL, "move", "-p", pid, "--to", f"{to:x}"]
    complains(1, "sealed", *command)
    complains(1, "allow_unseal=1", *command, "--unseal")

    unload_for_this_test()
    load("allow_unseal=1")
    tap.defer(ctl, "unload")
    assert read(ALLOW_UNSEAL) == b"Y\n"
    complains(1, "sealed", *command)
    move(pid, to, "--unseal")
    assert "sealed" in ctl("info", "-p", pid)


tap.main()
