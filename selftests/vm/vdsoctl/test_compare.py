#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""vdsoctl compare: the plan for an image"""
import json
import re

import tap
from helpers import (CLOCK_GETTIME, CLOCK_GETTIME32, CTL, IMAGES, IMAGES32, complains, ctl,
                     has_line, make_directory, own_image, write)

PROXIED = re.compile("proxied: image [0-9a-f]{40}, runtime [0-9a-f]{40}\n")
JUMP = r" +0x[0-9a-f]+ +0x[0-9a-f]+ +[0-9]+ +jump "


def test_own_image():
    """compare of the own image says in place"""
    assert has_line("^in place: image", ctl("compare", own_image()))


def test_no_vdso():
    """compare refuses what is no vDSO"""
    work = make_directory()
    write(work / "empty", "")
    complains(1, "no vDSO", CTL, "compare", __file__)
    complains(1, "no vDSO", CTL, "compare", work / "empty")
    complains(1, "No such file", CTL, "compare", work / "none")
    complains(1, "directory", CTL, "compare", work)


@tap.for_each(IMAGES)
def test_image(image):
    """compare shows the plan"""
    said = ctl("compare", image)
    assert PROXIED.match(said)
    assert has_line("^SYMBOL", said)
    assert has_line(f"^{CLOCK_GETTIME}{JUMP}", said)
    said = json.loads(ctl("compare", "--json", image))
    assert said["outcome"] == "proxied"
    assert "jump" in [step["action"] for step in said["steps"]]


@tap.for_each(IMAGES32)
def test_32_bits_image(image):
    """compare shows the plan"""
    said = ctl("compare", image)
    assert PROXIED.match(said)
    assert has_line(f"^{CLOCK_GETTIME32}{JUMP}", said)


tap.main()
