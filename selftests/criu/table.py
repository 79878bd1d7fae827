#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""table.py IMAGES KERNELS: what became of the busy processes, in Markdown. IMAGES/A-B has
guest.py's counts for those that went from A to B, KERNELS/A/release its version."""
import json
import os
import sys

COLUMNS = {
    "stock": "CRIU alone",
    "evict": "CRIU alone, after `vdsoctl evict`",
    "mixed": "dumped by CRIU alone, restored with vdso-remap",
    "ours": "CRIU with vdso-remap",
}


def release(suite):
    with open(f"{sys.argv[2]}/{suite}/release") as file:
        return ".".join(file.read().split("-")[0].split(".")[:2])


def cell(path):
    with open(path) as file:
        count = json.load(file)
    total = sum(count.values())
    bad = [f"{count[kind]} {kind}" for kind in ("crashed", "wrong", "wrong once") if count[kind]]
    return f"**{', '.join(bad)}** of {total}" if bad else f"0 of {total}"


print("| " + " | ".join(["busy processes that failed", *COLUMNS.values()]) + " |")
print("|---" * (len(COLUMNS) + 1) + "|")
for pair in sorted(os.listdir(sys.argv[1])):
    paths = [f"{sys.argv[1]}/{pair}/{column}" for column in COLUMNS]
    if all(os.path.isfile(path) for path in paths):
        a, b = pair.split("-")
        print("| " + " | ".join([f"{release(a)} → {release(b)}", *map(cell, paths)]) + " |")
