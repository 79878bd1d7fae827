#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""vdsoctl load, unload and status, and what the other commands do without the module"""
import json
import os
import pathlib

import tap
from helpers import (CTL, DEVICE, IMAGE, complains, ctl, has_line, load, make_directory, output_of,
                     own_image, read, under, unload_for_this_test, write)


def test_status():
    """status says that it works"""
    said = ctl("status")
    assert has_line("^module: loaded, interface version [1-9]", said)
    assert has_line("^self-test: .* by the module, and tells the time$", said)


def test_open_device():
    """unload is refused while the device is open"""
    with open(DEVICE):
        complains(1, rf"open in process.* {os.getpid()}\b", CTL, "unload")
        assert os.path.exists(DEVICE)
    unload_for_this_test()
    assert not os.path.exists(DEVICE)


def test_without_module():
    """all that needs no module works without"""
    own = read(own_image())
    unload_for_this_test()
    assert "module is not loaded" in ctl("info")
    json.loads(ctl("info", "--json"))
    assert output_of(CTL, "dump-image") == own
    ctl("compare", IMAGE)
    complains(1, "Is the module loaded", CTL, "move", "-p", os.getpid(), "--to", 1000)
    complains(125, "Is the module loaded", *under(IMAGE, "true"))
    complains(1, "is not loaded", CTL, "unload")


def test_status_without_module():
    """status says what is missing"""
    unload_for_this_test()
    said = ctl("status", status=1)
    assert has_line("^module: .*Is the module loaded", said)
    assert has_line("^self-test: .* by ptrace, and tells the time$", said)


def test_load():
    """load loads once"""
    unload_for_this_test()
    load()
    assert pathlib.Path(DEVICE).is_char_device()
    assert "loaded already" in ctl("load")
    complains(1, "no effect", CTL, "load", "nonsense=1")


def test_load_errors():
    """load says what is wrong"""
    work = make_directory()
    write(work / "bad.ko", "nonsense\n")
    unload_for_this_test()
    complains(1, "No such file", CTL, "load", work / "none.ko")
    complains(1, "no module for the running kernel", CTL, "load", work / "bad.ko")


tap.main()
