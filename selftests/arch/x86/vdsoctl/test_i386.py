#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""vdsoctl with programs of i386. $PYTHONPATH has selftests/vm/vdsoctl."""
import os
import re
import signal
import struct

import tap
from helpers import (CTL, IMAGE32, IMAGES32, TARGET32, TARGET32_STATIC, complains, ctl, has_line,
                     info, instruction_pointer, offset_of, output_of, own_image, range_of, read,
                     run, start_busy, start_waiter, under, waits_for)

AT_SYSINFO, AT_SYSINFO_EHDR = 32, 33


def test_dump():
    """the i386 vDSO is dumped"""
    own, own32 = own_image(), own_image("i386")
    assert output_of(CTL, "dump-image") == read(own) != read(own32)
    assert ctl("compare", own32).startswith("in place: image")
    complains(1, "i386 vDSO.*x86_64", CTL, "compare", own32, own)


# What other processes see of it
@tap.for_each(IMAGES32)
def test_image(image):
    """exec makes it the program's vDSO"""
    busy = start_busy(CTL, "exec", "--image", image, TARGET32)
    said = info(busy.pid)
    assert said["runtime"]["abi"] == said["image"]["abi"] == "i386"
    sites = {entry["symbol"]: entry["site"] for entry in said["image"]["symbols"]}
    assert sites["__vdso_clock_gettime"] == "near jump", sites
    assert sites["__kernel_vsyscall"] == "untouched", sites
    start = said["image"]["start"]
    assert said["mark"]["version"] == 3 and said["mark"]["image"] == start < 2**32
    auxv = read(f"/proc/{busy.pid}/auxv")
    auxv = dict(struct.iter_unpack("II", auxv[:len(auxv) // 8 * 8]))
    assert auxv[AT_SYSINFO_EHDR] == start
    assert auxv[AT_SYSINFO] == start + offset_of(image, "__kernel_vsyscall")
    busy.finishes()


@tap.for_each(IMAGES32)
def test_auxiliary_vector(image):
    """the auxiliary vector points to it"""
    vsyscall = offset_of(image, "__kernel_vsyscall")
    run(*under(image, TARGET32, "auxv", image, vsyscall))
    run(*under(image, TARGET32_STATIC, "auxv", image, vsyscall))


@tap.for_each(IMAGES32)
def test_program(image):
    """time and signals are right, linked statically and dynamically"""
    run(*under(image, TARGET32, "check"))
    run(*under(image, TARGET32_STATIC, "check"))
    run("setarch", "-R", *under(image, TARGET32, "check"))
    # a wrong offset is noticed
    run(*under(image, TARGET32_STATIC, "auxv", image, 1), status=3)


def test_own_image():
    """exec of the own i386 image: in place, or proxied by force"""
    own = own_image("i386")
    run(*under(own, TARGET32, "check"))
    ctl("exec", "--force-proxy", "--image", own, "--", TARGET32, "check")


@tap.for_each(IMAGES32)
def test_compare(image):
    """compare leaves the trampolines"""
    left = re.findall(r"^__kernel_(?:vsyscall|(?:rt_)?sigreturn) .* leave ", ctl("compare", image),
                      re.MULTILINE)
    assert len(left) == 3


# The threads make their system calls inside the vDSO.

def waits_inside(pid, place):
    ip = instruction_pointer(pid, pid)
    assert ip in place, f"{ip:#x} is not from {place.start:#x} to {place.stop:#x}"


def test_evict_system_call():
    """evict leaves a thread in its system call"""
    waiting = start_waiter(TARGET32_STATIC, "wait", system_call="pause32")
    said = ctl("evict", "-p", waiting.pid)
    assert has_line("^at a system call.*: 1$", said)
    waits_for("T", waiting.pid)
    waits_inside(waiting.pid, range_of("vdso", waiting.pid))
    waiting.send_signal(signal.SIGCONT)
    waits_for("S", waiting.pid)


# It has called the image's function for system calls, and is to return to the runtime vDSO's.
def test_evict_return():
    """evict has a thread return into the image"""
    waiting = start_waiter(CTL, "exec", "--image", IMAGE32, TARGET32_STATIC, "wait",
                           system_call="pause32")
    waits_inside(waiting.pid, range_of("vdso", waiting.pid))
    ctl("evict", "-p", waiting.pid)
    waits_for("T", waiting.pid)
    start = info(waiting.pid)["image"]["start"]
    waits_inside(waiting.pid, range(start, start + os.stat(IMAGE32).st_size))
    waiting.send_signal(signal.SIGCONT)
    waits_for("S", waiting.pid)


def test_move_system_call():
    """move: a thread in a system call is in the way"""
    pid = start_waiter(TARGET32_STATIC, "wait", system_call="pause32").pid
    complains(1, "system call inside", CTL, "move", "-p", pid, "--to", "10000000")
    waits_for("S", pid)


tap.main()
