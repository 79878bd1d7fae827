#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""table.py RESULTS IMAGES KERNELS SUITE...: what CRIU carried between the kernels of these
suites, in Markdown. RESULTS/dump-A.tap and A-B.tap are what guest.py claims about the programs
that went from A to B, IMAGES/A-B has its counts of busy processes, KERNELS/A/release is A's version."""
import json
import re
import sys

COLUMNS = {
    "stock": "CRIU alone",
    "evict": "CRIU alone, after `vdsoctl evict --cgroup`",
    "mixed": "dumped by CRIU alone, restored with vdso-remap",
    "ours": "CRIU with vdso-remap",
}
RESULTS, IMAGES, KERNELS, *SUITES = sys.argv[1:]


def release(suite):
    with open(f"{KERNELS}/{suite}/release") as file:
        return ".".join(file.read().split("-")[0].split(".")[:2])


def row(cells):
    print("| " + " | ".join(cells) + " |")


def head(cells):
    row(cells)
    print("|---" * len(cells) + "|")


def claims(file):
    """(whether it holds, program) of each that was not skipped"""
    with open(f"{RESULTS}/{file}.tap") as tap:
        found = re.findall(r"^(ok|not ok) \d+ (\w+): (.*)", tap.read(), re.M)
    return [(verdict == "ok", name) for verdict, name, claim in found if "# SKIP" not in claim]


def programs_right(a, b):
    """Of those that were to be dumped, the ones of which every claim holds"""
    every = {name for _, name in claims(f"dump-{a}")}
    carried = claims(f"{a}-{b}")
    right = {name for _, name in carried} - {name for holds, name in carried if not holds}
    text = f"{len(right)} of {len(every)}"
    return text if right == every else f"**{text}**"


def busy_failures(a, b, column):
    with open(f"{IMAGES}/{a}-{b}/{column}") as file:
        count = json.load(file)
    total = sum(count.values())
    bad = [f"{count[kind]} {kind}" for kind in ("crashed", "wrong", "wrong once") if count[kind]]
    return f"**{', '.join(bad)}** of {total}" if bad else f"0 of {total}"


head(["programs that are right: from ↓ to →", *map(release, SUITES)])
for dumped_on in SUITES:
    row([release(dumped_on), *(programs_right(dumped_on, suite) for suite in SUITES)])
print()
head(["busy processes that failed", *COLUMNS.values()])
for dumped_on in SUITES:
    for restored_on in SUITES:
        row([f"{release(dumped_on)} → {release(restored_on)}",
             *(busy_failures(dumped_on, restored_on, column) for column in COLUMNS)])
