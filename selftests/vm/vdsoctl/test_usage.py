#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""vdsoctl's options and exit statuses, whatever the command"""
import re

import tap
from helpers import ABI, CTL, IMAGE, complains, ctl, has_line, run

COMMANDS = ["info", "dump-image", "compare", "exec", "evict", "move", "proxy", "load", "unload",
            "status"]
WRONG = ["", "nonsense", "info extra", "info --nonsense", "info -p 0", "info -p 12x", "move -p 1",
         "move -p 1 --to zz", "proxy", "proxy -p 1 --park far", "evict", "compare",
         "dump-image extra", "dump-image --machine nonsense", f"dump-image -p 1 --machine {ABI}",
         "unload extra", "load ./x.ko extra"]


def test_help():
    """every command has --help and --version"""
    for command in COMMANDS:
        assert has_line(f"^Usage: vdsoctl {command}", ctl(command, "--help")), command
        assert has_line(r"^vdsoctl [0-9]+\.[0-9]+", ctl(command, "--version")), command
    assert "dump-image" in ctl("--help")
    assert re.match("vdsoctl [0-9]", ctl("--version"))


def test_wrong_usage():
    """wrong usage exits with 2"""
    for wrong in WRONG:
        run(CTL, *wrong.split(), status=2)


def test_wrong_usage_of_exec():
    """wrong usage of exec exits with 125"""
    run(CTL, "exec", "true", status=125)
    run(CTL, "exec", "--image", IMAGE, status=125)
    run(CTL, "exec", "--nonsense", status=125)


def test_full_disk():
    """a full disk is noticed"""
    with open("/dev/full", "w") as full:
        complains(1, "can't write", CTL, "info", stdout=full)
        complains(1, "can't write", CTL, "dump-image", stdout=full)


tap.main()
