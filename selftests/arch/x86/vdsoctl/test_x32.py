#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""vdsoctl with programs of x32. $PYTHONPATH has selftests/vm/vdsoctl."""
import os
import subprocess

import tap
from helpers import (IMAGE, PROGRAMS, Process, complains, images_of, info, run, tracer_of, under,
                     wait_until)

IMAGES_X32 = images_of("x32")
TARGET_X32 = f"{PROGRAMS}/target-x32"


def needs_x32():
    """The kernel runs such programs, and its own vDSO is right for them."""
    try:
        runs = subprocess.call([TARGET_X32]) == 9
    except OSError:
        runs = False
    if not runs:
        tap.skip("this kernel runs no x32 programs", "x32")


@tap.for_each(IMAGES_X32)
def test_x32(image):
    """exec: an x32 program"""
    needs_x32()
    run(*under(image, TARGET_X32), status=9)


def test_x32_info():
    """info of an x32 process: both of its vDSOs are of x32"""
    needs_x32()
    image = next(iter(IMAGES_X32.values()))
    busy = Process(*under(image, TARGET_X32, "busy"))
    # until then it is vdsoctl, or traced by it
    wait_until(lambda: os.path.samefile(f"/proc/{busy.pid}/exe", TARGET_X32) and
               not tracer_of(busy.pid), "it runs")
    seen = info(busy.pid)
    assert (seen["runtime"]["abi"], seen["image"]["abi"]) == ("x32", "x32"), seen


def test_x32_images():
    """exec: an x32 program takes images of x32 only, and others take none of these"""
    needs_x32()
    complains(125, "image is an x86_64 vDSO, but the program is an x32 one",
              *under(IMAGE, TARGET_X32))
    complains(125, "image is an x32 vDSO, but the program is an x86_64 one",
              *under(next(iter(IMAGES_X32.values())), "true"))


tap.main()
