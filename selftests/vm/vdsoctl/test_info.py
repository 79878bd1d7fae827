#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""vdsoctl info: what it shows of a process, and where it has that from"""
import json
import shutil

import tap
from helpers import (ABI, AS_NOBODY, CLOCK_GETTIME, CTL, TARGET_STATIC, Process, complains, ctl,
                     has_line, info, output_of, own_image, read, run, start_sleeper, start_waiter,
                     traced_by, tracer_of, vdso_of, wait_until, waits_for)


def symbols(image):
    return [entry["symbol"] for entry in image["symbols"]]


def test_entry_points():
    """info names the entry points"""
    said = ctl("info")
    for words in "from the module", " text", f" {CLOCK_GETTIME}":
        assert words in said
    assert "image vDSO" not in said


def test_json():
    """info --json agrees with /proc/PID/maps"""
    pid = start_sleeper().pid
    text = vdso_of(pid)
    said = info(pid)
    assert said["source"] == "module" and said["present"] and said["pid"] == pid
    assert said["kernel_pointer"] == text
    assert [area["start"] for area in said["areas"] if area["kind"] == "text"] == [text]
    assert CLOCK_GETTIME in symbols(said["runtime"])
    waits_for("S", pid)
    assert tracer_of(pid) == 0


def test_missing_process():
    """info says who is missing"""
    complains(1, "no process 4000000", CTL, "info", "-p", 4000000)


def test_displaced_vdso():
    """info shows the vDSO also if other memory is where it was"""
    pid = start_waiter(TARGET_STATIC, "displaced").pid
    said = ctl("info", "-p", pid)
    assert has_line("^runtime vDSO [0-9a-f]", said)
    assert f" {CLOCK_GETTIME}" in said
    assert "no vDSO, but other memory" in said
    said = info(pid)
    assert "image" not in said and said["runtime"]["symbols"]


def test_no_permission():
    """info tells no permission from no module"""
    assert "from /proc only (no permission for /dev/vdso_remap" in \
        run(*AS_NOBODY, CTL, "info").stdout
    said = json.loads(run(*AS_NOBODY, CTL, "info", "--json").stdout)
    assert said["without_module"].startswith("no permission")
    complains(1, "no permission", *AS_NOBODY, CTL, "move", "-p", 1, "--to", 1000)


def test_traced_process():
    """info falls back to /proc for a traced process"""
    if not shutil.which("strace"):
        tap.skip("no strace here")
    pid = start_waiter(TARGET_STATIC, "wait").pid
    tracer = Process("strace", "-p", pid)
    traced_by(tracer, pid)
    said = ctl("info", "-p", pid)
    assert f"from /proc only (process {tracer.pid} traces it" in said
    assert f" {CLOCK_GETTIME}" in said
    tracer.terminate()
    tracer.wait()
    assert "from the module" in ctl("info", "-p", pid)


# Kernels before 5.11 let a process split its vDSO.
def test_split_vdso():
    """a split vDSO is dumped and shown"""
    waiter = Process(TARGET_STATIC, "split")
    wait_until(lambda: waiter.has_ended() or waiter.is_in("pause"), "it waits, or has failed")
    if waiter.has_ended():
        tap.skip("this kernel splits no special mapping", "split-vdso")
    pid = waiter.pid
    assert output_of(CTL, "dump-image", "-p", pid) == read(own_image())
    said = ctl("info", "-p", pid)
    assert has_line(f"^runtime vDSO [0-9a-f]*, {ABI}, split", said)
    assert f" {CLOCK_GETTIME}" in said
    complains(1, "split into pieces", CTL, "move", "-p", pid, "--to", 10000000)
    ctl("evict", "-p", pid)
    waits_for("T", pid)


tap.main()
