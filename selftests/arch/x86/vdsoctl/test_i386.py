#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""vdsoctl with programs of i386. $PYTHONPATH has selftests/vm/vdsoctl."""
import struct

import tap
from helpers import (CTL, IMAGES32, TARGET32, TARGET32_STATIC, complains, ctl, info, offset_of,
                     output_of, own_image, read, run, start_busy, under)

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


tap.main()
