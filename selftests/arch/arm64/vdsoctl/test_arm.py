#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""vdsoctl with programs of arm. $PYTHONPATH has selftests/vm/vdsoctl."""
import os
import signal
import struct

import tap
from helpers import (CLOCK_GETTIME32, CTL, IMAGE32, IMAGES32, TARGET32, TARGET32_STATIC, complains,
                     ctl, info, maps_of, needs_quick_steps, output_of, own_image, range_of, read,
                     run, start_busy, start_waiter, under, vdso_of, waits_for)

AT_SYSINFO_EHDR = 33
LOADER = "/lib/ld-linux-armhf.so.3"


def test_dump():
    """the vDSO of arm is dumped"""
    own, own32 = own_image(), own_image("arm")
    assert output_of(CTL, "dump-image") == read(own) != read(own32)
    assert ctl("compare", own32).startswith("in place: image")
    complains(1, "arm vDSO.*arm64", CTL, "compare", own32, own)


# What other processes see of it
@tap.for_each(IMAGES32)
def test_image(image):
    """exec makes it the program's vDSO"""
    busy = start_busy(CTL, "exec", "--image", image, TARGET32_STATIC)
    said = info(busy.pid)
    assert said["runtime"]["abi"] == said["image"]["abi"] == "arm"
    sites = {entry["symbol"]: entry["site"] for entry in said["image"]["symbols"]}
    assert sites[CLOCK_GETTIME32] == "near jump", sites
    start = said["image"]["start"]
    assert said["mark"]["version"] == 3 and said["mark"]["image"] == start < 2**32
    auxv = read(f"/proc/{busy.pid}/auxv")
    auxv = dict(struct.iter_unpack("II", auxv[:len(auxv) // 8 * 8]))
    assert auxv[AT_SYSINFO_EHDR] == start
    busy.finishes()


@tap.for_each(IMAGES32)
def test_auxiliary_vector(image):
    """the auxiliary vector points to it"""
    run(*under(image, TARGET32_STATIC, "auxv", image, 0))


@tap.for_each(IMAGES32)
def test_program(image):
    """time and signals are right, linked statically"""
    run(*under(image, TARGET32_STATIC, "check"))
    run("setarch", "-R", *under(image, TARGET32_STATIC, "check"))


@tap.for_each(IMAGES32)
def test_dynamic_program(image):
    """time and signals are right, linked dynamically"""
    if not os.path.exists(LOADER):
        tap.skip("there is no libc of armhf here")
    run(*under(image, TARGET32, "check"))


def test_own_image():
    """exec of arm's own image: in place, or proxied by force"""
    own = own_image("arm")
    run(*under(own, TARGET32_STATIC, "check"))
    ctl("exec", "--force-proxy", "--image", own, "--", TARGET32_STATIC, "check")


# Its trampolines are there; handlers that return later find them.
def test_sigpage():
    """the page of the trampolines stays where it is"""
    waiter = start_waiter(TARGET32_STATIC, "wait", system_call="pause32")
    sigpage = range_of("sigpage", waiter.pid)
    text = vdso_of(waiter.pid)
    ctl("move", "-p", waiter.pid, "--to", "10000000")
    assert range_of("sigpage", waiter.pid) == sigpage
    assert vdso_of(waiter.pid) == 0x10000000, maps_of(waiter.pid)
    ctl("move", "-p", waiter.pid, "--to", f"{text:x}")
    waits_for("S", waiter.pid)


# Its system calls are made outside of the vDSO.
def test_evict():
    """evict brings all threads out"""
    needs_quick_steps()
    busy = start_busy(CTL, "exec", "--image", IMAGE32, TARGET32_STATIC)
    ctl("evict", "-p", busy.pid)
    waits_for("T", busy.pid)
    busy.send_signal(signal.SIGCONT)
    busy.finishes()


tap.main()
