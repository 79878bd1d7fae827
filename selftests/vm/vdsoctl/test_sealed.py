#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""vdsoctl where the kernel seals the vDSO of every process. Loads the module anew."""
import tap
from helpers import (CTL, DISTANCE, IMAGE, IMAGES, IMAGES32, TARGET, TARGET32, complains, ctl, load,
                     read, start_sleeper, vdso_of)

ALLOW_UNSEAL = "/sys/module/vdso_remap/parameters/allow_unseal"


def allow_unseal(allow):
    """Loads the module with or without the parameter, unless it is loaded so."""
    if read(ALLOW_UNSEAL) != (b"Y\n" if allow else b"N\n"):
        ctl("unload")
        load(*(["allow_unseal=1"] if allow else []))


# The program has not begun.
def is_refused(*options):
    complains(125, "For a sealed vDSO it takes .* --unseal", CTL, "exec", *options, TARGET, "check")


def test_exec():
    """exec is refused"""
    is_refused("--image", IMAGE)


def test_no_parameter():
    """exec is refused without the parameter"""
    allow_unseal(False)
    is_refused("--unseal", "--image", IMAGE)


@tap.for_each(IMAGES)
def test_unseal(image):
    """exec with --unseal"""
    allow_unseal(True)
    ctl("exec", "--unseal", "--image", image, TARGET, "check")


@tap.for_each(IMAGES32)
def test_32_bits_unseal(image):
    """exec with --unseal"""
    allow_unseal(True)
    ctl("exec", "--unseal", "--image", image, TARGET32, "check")


def test_move():
    """move --unseal there and back"""
    allow_unseal(True)
    pid = start_sleeper().pid
    start = vdso_of(pid)
    ctl("move", "-p", pid, "--to", f"{start - DISTANCE:x}", "--unseal")
    assert "text sealed" in ctl("info", "-p", pid)
    ctl("move", "-p", pid, "--to", f"{start:x}", "--unseal")


if "text sealed" not in ctl("info"):
    tap.skip_all("this kernel does not seal its mappings", "sealed-vdso")
try:
    tap.main()
finally:
    allow_unseal(False)
