#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Collects what the benchmarks wrote into one report, and draws plots.

  report.py DIR    DIR/WHERE/NAME.txt and .json are there, and DIR/WHERE/release of a VM's kernel;
                   report.txt, report.json and *.svg will be
"""
import json
import os
import platform
import re
import subprocess
import sys

WHERE = {
    "built": "as built for the VM",
    "native": "on this machine itself",
    "instructions": "under QEMU, one processor: the kernel's instructions and the program's",
    "time": "under QEMU, two processors: compare what stands side by side",
    "parallel": "under QEMU, two processors that run in parallel",
}
ORDER = ["call", "move", "install", "trace", "gap", "restore", "load", "size", "criu"]

PLOT = """
set terminal svg size 640,400 background rgb 'white' font 'sans,13'
set output '{output}'
set title '{title}'
set key left top Left reverse noenhanced
set grid
{settings}
$data << EOD
{data}
EOD
plot {curves}
"""


def processor():
    with open("/proc/cpuinfo") as cpuinfo:
        names = re.findall(r"^model name\s*: (.*)", cpuinfo.read(), re.M)
    return f"{len(names)} x {names[0]}" if names else platform.machine()


def read_results(top):
    """{directory: {name: lines of JSON}}"""
    results = {}
    for where in sorted(os.listdir(top)):
        directory = f"{top}/{where}"
        if not os.path.isdir(directory):
            continue
        found = {}
        for name in ORDER:
            if os.path.exists(f"{directory}/{name}.json"):
                with open(f"{directory}/{name}.json") as file:
                    found[name] = [json.loads(line) for line in file]
        if found:
            results[where] = found
    return results


def describe(top, where):
    suite, _, kind = where.rpartition("-")
    if not suite:
        return WHERE[kind]
    with open(f"{top}/{where}/release") as file:
        return f"{suite}'s {file.read().strip()}, {WHERE[kind]}"


def goals(results):
    lines = []
    for where, found in results.items():
        for lines_of in found.values():
            for line in lines_of:
                if "goal" in line:
                    verdict = "met" if line["value"] <= line["goal"] else "MISSED"
                    lines.append(f"{verdict:7} {line['value']:9.3f} <= {line['goal']:<7g} "
                                 f"{line['ratio']}  [{where}]")
    return lines


def plot(top, name, **how):
    subprocess.run(["gnuplot"], input=PLOT.format(output=f"{top}/{name}.svg", **how), text=True,
                   check=True)


def rows_of(found, name, table=None):
    return [line for line in found.get(name, []) if "row" in line and
            (not table or line["table"] == table)]


def plot_moves(top, where, found):
    rows = rows_of(found, "move")
    if not rows:
        return
    titles = {"MOVE": "MOVE", "mremap": "the mremap calls alone",
              "whole": "reading /proc/self/maps, and them"}
    data = "\n".join(" ".join([row["row"].split()[0], *(str(row["values"][way]) for way in titles)])
                     for row in rows)
    curves = ", ".join(f"$data using 1:{i + 2} with linespoints lw 2 title '{title}'"
                       for i, title in enumerate(titles.values()))
    plot(top, f"move-{where}", title="Moving the vDSO of a process", data=data, curves=curves,
         settings="set logscale xy\nset yrange [:1e9]\nset xlabel 'mappings'\n"
                  f"set ylabel '{rows[0]['unit']}'")


def plot_calls(top, where, found):
    rows = rows_of(found, "call", "A call through a proxy")
    if not rows:
        return
    ways = list(rows[0]["values"])
    data = "\n".join(" ".join([f'"{way}"', *(str(row["values"][way]) for row in rows)])
                     for way in ways)
    curves = ", ".join(f"$data using {i + 2}:xtic(1) title '{row['row']}'"
                       for i, row in enumerate(rows))
    plot(top, f"call-{where}", title="A call through a proxy", data=data, curves=curves,
         settings="set xtics font ',11'\nset style data histogram\nset style fill solid 0.7\n"
                  "set ylabel 'ns'\n"
                  "set logscale y\nset yrange [1:10000]")


def main():
    top = sys.argv[1]
    results = read_results(top)
    machine = {"processor": processor(), "kernel": platform.release(),
               "load": [round(load, 2) for load in os.getloadavg()]}
    described = {where: describe(top, where) for where in results}
    with open(f"{top}/report.json", "w") as file:
        json.dump({"machine": machine, "where": described, "results": results}, file, indent=1)
    lines = [f"{machine['processor']}, Linux {machine['kernel']}, load {machine['load']}"]
    for where, found in results.items():
        plot_moves(top, where, found)
        plot_calls(top, where, found)
        for name in found:
            with open(f"{top}/{where}/{name}.txt") as file:
                lines += ["", f"==== {name}: {described[where]}", "", file.read().rstrip()]
    lines += ["", "==== goals", "", *goals(results)]
    text = "\n".join(lines)
    with open(f"{top}/report.txt", "w") as file:
        print(text, file=file)
    print(text)


main()
