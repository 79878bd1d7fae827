#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""vdsoctl dump-image: what it writes, and into what"""
import os
import stat

import tap
from helpers import (CTL, Process, complains, ctl, make_directory, output_of,
                     own_image, read, run, start_sleeper, write)


def dump(*args):
    """What it writes to stdout"""
    return output_of(CTL, "dump-image", *args)


def test_files():
    """dump-image replaces regular files only"""
    own = read(own_image())
    work = make_directory()
    null, fifo, link, end = work / "null", work / "fifo", work / "link", work / "end"

    # a device stays a device, a pipe is written
    os.mknod(null, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    ctl("dump-image", "-o", null)
    assert null.is_char_device()
    os.mkfifo(fifo)
    writer = Process(CTL, "dump-image", "-o", fifo)
    assert output_of("timeout", 20, "cat", fifo) == own
    writer.exits(0)
    assert fifo.is_fifo()
    assert dump("-o", "/dev/stdout") == own
    with open(work / "redirected", "w") as redirected:
        ctl("dump-image", "-o", "/dev/stdout", stdout=redirected)
    assert read(work / "redirected") == own

    # a symbolic link stays and its end is replaced
    (work / "below").mkdir()
    (work / "below/link").symlink_to("../end")
    link.symlink_to("below/link")
    ctl("dump-image", "-o", link)
    assert link.is_symlink() and (work / "below/link").is_symlink() and read(end) == own
    before = end.stat().st_ino
    ctl("dump-image", "-o", link)
    assert end.stat().st_ino != before and link.is_symlink() and read(end) == own

    (work / "loop").symlink_to("loop")
    complains(1, "loop", CTL, "dump-image", "-o", work / "loop")
    complains(1, "Is a directory", CTL, "dump-image", "-o", work / "below")


def test_identical():
    """dumps of several processes are identical"""
    work = make_directory()
    ctl("dump-image", "-o", work / "own")
    own = read(work / "own")
    assert own and dump() == own and dump("-p", start_sleeper().pid, "-o", "-") == own
    assert os.listdir(work) == ["own"]


def test_failure():
    """a failed dump leaves the old file"""
    work = make_directory()
    write(work / "dump", "old\n")
    run(CTL, "dump-image", "-p", 4000000, "-o", work / "dump", status=1)
    assert read(work / "dump") == b"old\n"
    complains(1, "can't create", CTL, "dump-image", "-o", work / "none/file")


tap.main()
