#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""vdsoctl proxy: an image in the memory of a process becomes a proxy"""
import mmap
import os
import time

import tap
from helpers import (ABI32, CLOCK_GETTIME, CLOCK_GETTIME32, CTL, IMAGE, IMAGE32, IMAGES, IMAGES32,
                     TARGET32_STATIC, TARGET_STATIC, Holder, complains, ctl, info, maps_of,
                     needs_quick_steps, offset_of, range_of, run, start_busy, start_sleeper)

# what target.c has below an image
DATA_SIZE = 5 * mmap.PAGESIZE


def is_proxied(target, image, *options, how=""):
    """Proxies an image that the target holds. What vdsoctl says then, and shows of the process"""
    holder = Holder(target, image, how)
    offset = offset_of(image, CLOCK_GETTIME32 if target == TARGET32_STATIC else CLOCK_GETTIME)
    said = ctl("proxy", "-p", holder.pid, "--at", f"{holder.address:x}", *options)
    shown = info(holder.pid)
    holder.answers(offset)
    return said, shown


def test_own_vdso():
    """proxy needs an image"""
    pid = start_sleeper().pid
    complains(1, "own vDSO", CTL, "proxy", "-p", pid)
    complains(1, "nothing is mapped", CTL, "proxy", "-p", pid, "--at", 10000)


def test_no_image():
    """proxy refuses what is no image"""
    pid = start_sleeper().pid
    maps = maps_of(pid)
    complains(1, "no vDSO", CTL, "proxy", "-p", pid, "--at", f"{range_of('stack', pid).start:x}")
    assert maps_of(pid) == maps


def test_two_mappings():
    """proxy takes an image in two mappings"""
    _, shown = is_proxied(TARGET_STATIC, IMAGE, how="split")
    assert "image_data" in shown["mark"]
    assert shown["image"]["size"] == os.stat(IMAGE).st_size


def test_data_pages():
    """proxy takes zeros, or what is named, for data pages"""
    said, shown = is_proxied(TARGET_STATIC, IMAGE, how="data")
    assert "is not zeros" in said and "image_data" not in shown["mark"]
    _, shown = is_proxied(TARGET_STATIC, IMAGE)
    assert "image_data" in shown["mark"]

    holder = Holder(TARGET_STATIC, IMAGE, "data")
    command = [CTL, "proxy", "-p", holder.pid]
    at = ["--at", f"{holder.address:x}", "--data"]
    run(*command, "--data", 12, status=2)
    complains(1, "begin at most", *command, *at, f"{holder.address:x}")
    run(*command, *at, f"{holder.address - DATA_SIZE:x}")
    assert "image_data" in info(holder.pid)["mark"]


@tap.for_each(IMAGES)
def test_image(image):
    """proxy in another process"""
    is_proxied(TARGET_STATIC, image)


# Once more, at the address that the auxiliary vector says.
@tap.for_each(IMAGES)
def test_again(image):
    """proxy again, while threads are inside"""
    needs_quick_steps()
    busy = start_busy(CTL, "exec", "--image", image, TARGET_STATIC)
    ctl("proxy", "-p", busy.pid)
    ctl("proxy", "-p", busy.pid)
    time.sleep(0.2)
    ctl("info", "-p", busy.pid)
    busy.finishes()


def test_no_parking():
    """proxy without parking"""
    is_proxied(TARGET_STATIC, IMAGE, "--park", "no")


@tap.for_each(IMAGES32)
def test_32_bits_image(image):
    """proxy in another process"""
    is_proxied(TARGET32_STATIC, image)


@tap.for_each({ABI32: IMAGE32} if ABI32 else {})
def test_32_bits_no_parking(image):
    """proxy without parking"""
    is_proxied(TARGET32_STATIC, image, "--park", "no")


def test_unseal():
    """--unseal is no obstacle to proxy where nothing is sealed"""
    is_proxied(TARGET_STATIC, IMAGE, "--unseal")
    is_proxied(TARGET_STATIC, IMAGE, "--unseal", "--park", "no")


tap.main()
