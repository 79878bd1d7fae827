#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""How large the library and the module are, printed as a benchmark does it.

  size.py JSON GUEST    GUEST is where the VM's programs and modules were built
"""
import glob
import json
import subprocess
import sys

# A fifth of it says what failed and where, and looks for a place to park before anything is changed.
LIMIT = 9216
TITLE = "Size of what is loaded: code and constants"


def text_size(file):
    """Sum over an archive's objects"""
    lines = subprocess.run(["size", "-t", file], check=True, stdout=subprocess.PIPE,
                           text=True).stdout.splitlines()
    return int(lines[-1].split()[0])


def sections_size(file, names):
    lines = subprocess.run(["size", "-A", file], check=True, stdout=subprocess.PIPE,
                           text=True).stdout.splitlines()
    return sum(int(line.split()[1]) for line in lines if line.split()[:1] and
               line.split()[0] in names)


def main():
    output, guest = sys.argv[1:]
    restorer = sections_size(f"{guest}/bench/restorer", [".text", ".rodata"])
    whole = text_size(f"{guest}/libvdsoremap_pie.a")
    rows = {"restorer, linked with restore()": restorer, "libvdsoremap_pie.a, all of it": whole}
    for module in sorted(glob.glob(f"{guest}/module/*/vdso_remap.ko")):
        rows[f"module, {module.split('/')[-2]}"] = text_size(module)
    ratios = [("restorer, linked with restore(): bytes", restorer),
              ("libvdsoremap_pie.a, all of it: bytes", whole)]

    print(f"{TITLE}, bytes")
    with open(output, "w") as file:
        for row, size in rows.items():
            print(f"{row:40} {size:8}")
            print(json.dumps({"table": TITLE, "unit": "bytes", "row": row,
                              "values": {"size": size}}), file=file)
        print()
        for what, value in ratios:
            print(f"{what:66} {value:8}   goal <= {LIMIT}: {'met' if value <= LIMIT else 'MISSED'}")
            print(json.dumps({"ratio": what, "value": value, "goal": LIMIT}), file=file)


main()
