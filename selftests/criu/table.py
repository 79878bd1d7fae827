#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What CRIU carried between the kernels of suites, in Markdown.

  table.py processes RESULTS IMAGES KERNELS SUITE...
  table.py containers IMAGES KERNELS SUITE...

RESULTS/dump-A.tap and A-B.tap are what guest.py claims about the programs that went from A to B,
dump-plugin-A.tap and plugin-A-B.tap the same with the plugin; IMAGES/A-B has its counts of busy
processes and of containers, KERNELS/A/release is A's version. Pairs without IMAGES/A-B were not tried."""
import json
import os
import re
import sys

COLUMNS = {
    "stock": "CRIU alone",
    "evict": "CRIU alone, after `vdsoctl evict --cgroup`",
    "mixed": "dumped by CRIU alone, restored with vdso-remap",
    "mixed-plugin": "dumped by CRIU alone, restored with the plugin",
    "plugin": "CRIU alone, with the plugin",
    "ours": "CRIU with vdso-remap in it",
}
CRUN = {
    "crun-stock": "CRIU alone",
    "crun": "CRIU alone, with the plugin",
}
PODMAN = {
    f"podman-{network}-{kind}": f"{text}, {columns}"
    for network, text in (("host", "host's network"), ("default", "podman's defaults"))
    for kind, columns in (("stock", "CRIU alone"), ("plugin-without-module", "plugin, no module"),
                          ("plugin", "plugin"))
}


def release(kernels, suite):
    with open(f"{kernels}/{suite}/release") as file:
        return ".".join(file.read().split("-")[0].split(".")[:2])


def row(cells):
    print("| " + " | ".join(cells) + " |")


def head(cells):
    row(cells)
    print("|---" * len(cells) + "|")


def claims(results, file):
    """(whether it holds, program) of each that was not skipped"""
    with open(f"{results}/{file}.tap") as tap:
        found = re.findall(r"^(ok|not ok) \d+ (\w+): (.*)", tap.read(), re.M)
    return [(verdict == "ok", name) for verdict, name, claim in found if "# SKIP" not in claim]


def programs_right(results, plugin, a, b):
    """Of those that were to be dumped, the ones of which every claim holds"""
    every = {name for _, name in claims(results, f"dump-{plugin}{a}")}
    carried = claims(results, f"{plugin}{a}-{b}")
    right = {name for _, name in carried} - {name for holds, name in carried if not holds}
    text = f"{len(right)} of {len(every)}"
    return text if right == every else f"**{text}**"


def busy_failures(file):
    with open(file) as counts:
        count = json.load(counts)
    total = sum(count.values())
    bad = [f"{count[kind]} {kind}" for kind in ("crashed", "wrong", "wrong once") if count[kind]]
    return f"**{', '.join(bad)}** of {total}" if bad else f"0 of {total}"


def containers_right(file):
    with open(file) as counts:
        count = json.load(counts)
    texts = [f"{name} {right} of {total}" if right == total else f"**{name} {right} of {total}**"
             for name, (right, total) in sorted(count.items())]
    return ", ".join(texts)


def table_of_pairs(title, images, kernels, suites, columns, cell):
    """A row for each pair, with what cell() says of each file"""
    head([title, *columns.values()])
    for a in suites:
        for b in suites:
            if not os.path.exists(f"{images}/{a}-{b}"):
                continue
            row([f"{release(kernels, a)} → {release(kernels, b)}",
                 *(cell(f"{images}/{a}-{b}/{column}") for column in columns)])


def processes(results, images, kernels, *suites):
    for plugin, text in (("", ""), ("plugin-", " with the plugin")):
        head([f"programs that are right{text}: from ↓ to →",
              *(release(kernels, suite) for suite in suites)])
        for a in suites:
            row([release(kernels, a), *(programs_right(results, plugin, a, b)
                                        if os.path.exists(f"{images}/{a}-{b}") else "–"
                                        for b in suites)])
        print()
    table_of_pairs("busy processes that failed", images, kernels, suites, COLUMNS, busy_failures)
    print()
    table_of_pairs("containers of crun that are right", images, kernels, suites, CRUN,
                   containers_right)


def containers(images, kernels, *suites):
    table_of_pairs("containers of podman that are right", images, kernels, suites, PODMAN,
                   containers_right)


{"processes": processes, "containers": containers}[sys.argv[1]](*sys.argv[2:])
