#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""table.py RESULTS IMAGES KERNELS SUITE...: what CRIU carried between the kernels of these
suites, in Markdown. RESULTS/A-B.tap is what guest.py claims about the programs that went from A
to B, IMAGES/A-B has its counts of busy processes, KERNELS/A/release is A's version."""
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


def programs_right(a, b):
    """Those of which every claim holds"""
    wrong, every = set(), set()
    with open(f"{RESULTS}/{a}-{b}.tap") as file:
        for verdict, name in re.findall(r"^(ok|not ok) \d+ (\w+):", file.read(), re.M):
            every.add(name)
            if verdict != "ok":
                wrong.add(name)
    right = f"{len(every) - len(wrong)} of {len(every)}"
    return f"**{right}**" if wrong else right


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
