#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""vdsoctl evict, on trees and control groups, and when it gives up. Needs a kernel that has both
versions of control groups."""
import contextlib
import os
import pathlib
import pty
import signal
import subprocess
import time

import tap
from helpers import (CTL, TARGET, Process, all_threads_are_outside, children_of, complains, ctl,
                     has_line, make_directory, needs_quick_steps, run, start_busy, start_sleeper,
                     state_of, status_of, thread_inside, traced_by, tracer_of, wait_until,
                     waits_for)

# A tree: a process that waits, a shell with a busy one below it, and one with a zombie
TREE = r"""
"$1" wait &
bash -c '"$1" busy & wait' bash "$1" &
python3 -c "
import os, time
os.fork() or os._exit(0)
time.sleep(1000)" &
wait
"""
FORKS = r"""
echo $$ >"$1/cgroup.procs"
while :; do
    (exit)
done
"""


def write_line(path, text):
    with open(path, "w") as file:
        file.write(f"{text}\n")


class Group:
    """A control group, of the unified hierarchy or of that of the freezer, which is version 1"""

    def __init__(self, name, top="/sys/fs/cgroup"):
        self.path = pathlib.Path(top) / name
        self.path.mkdir()
        tap.defer(self.remove)

    def __str__(self):
        return str(self.path)

    def remove(self):
        """Waits until its processes have gone."""
        def is_removed():
            with contextlib.suppress(OSError):
                for below, _, _ in os.walk(self.path, topdown=False):
                    os.rmdir(below)
            return not self.path.exists()
        wait_until(is_removed, f"{self} has no processes")

    def below(self, name):
        group = object.__new__(Group)
        group.path = self.path / name
        group.path.mkdir(exist_ok=True)
        return group

    def take(self, process):
        """Its end does not wait for a group that stays frozen."""
        write_line(self.path / "cgroup.procs", process.pid)
        tap.defer(self.thaw)
        return process

    def start_busy(self):
        return self.take(start_busy(TARGET))

    def pids(self):
        return (self.path / "cgroup.procs").read_text().split()

    def freeze(self):
        self._set("1", "FROZEN")

    def thaw(self):
        self._set("0", "THAWED")

    def _set(self, v2, v1):
        if (self.path / "cgroup.freeze").exists():
            write_line(self.path / "cgroup.freeze", v2)
        else:
            write_line(self.path / "freezer.state", v1)

    def is_frozen(self):
        if (self.path / "cgroup.events").exists():
            return "frozen 1\n" in (self.path / "cgroup.events").read_text()
        return (self.path / "freezer.state").read_text() == "FROZEN\n"

    def waits_until_frozen(self):
        wait_until(self.is_frozen, f"{self} is frozen")


def mount_version_1():
    """Where the hierarchy is, for this test"""
    top = make_directory()
    command = ["mount", "-t", "cgroup", "-o", "freezer", "freezer", str(top)]
    if subprocess.call(command, stderr=tap.log):
        tap.skip("this kernel has no freezer of version 1", "cgroup-v1")
    tap.defer(run, "umount", top)
    return top


def runs_untraced(*processes):
    """None of them is traced or stopped."""
    for process in processes:
        assert tracer_of(process.pid) == 0 and state_of(process.pid) != "T", status_of(process.pid)


# The process that is named has to be in it.
def test_process_of_a_group():
    """a control group is frozen instead"""
    needs_quick_steps()
    group = Group("one")
    busy = start_busy(TARGET)
    command = [CTL, "evict", "-p", busy.pid, "--cgroup", group]
    complains(1, "is not in the control group", *command)
    group.take(busy)
    for _ in range(5):
        run(*command)
        assert group.is_frozen() and all_threads_are_outside(busy.pid) and state_of(busy.pid) != "T"
        group.thaw()
        time.sleep(0.1)
    busy.finishes()


def takes_the_whole(group):
    """Three busy processes, in the group and below it"""
    below = group.below("below")
    all_busy = [each.start_busy() for each in (below.below("lowest"), below, group)]
    for _ in range(3):
        said = ctl("evict", "--cgroup", group)
        assert has_line(" 3 processes: .* of 12 threads ", said)
        assert group.is_frozen() and all(all_threads_are_outside(busy.pid) for busy in all_busy)
        group.thaw()
        time.sleep(0.1)
    for busy in all_busy:
        busy.finishes()


def test_group():
    """--cgroup takes every process of the group and below it"""
    needs_quick_steps()
    takes_the_whole(Group("whole"))


def test_group_of_version_1():
    """--cgroup does the same with a control group of version 1"""
    top = mount_version_1()
    needs_quick_steps()
    takes_the_whole(Group("whole", top))


def test_forks():
    """children that are made meanwhile are found"""
    group = Group("forks")
    forker = Process("bash", "-c", FORKS, "bash", group)
    tap.defer(group.thaw)
    wait_until(lambda: str(forker.pid) in group.pids(), "the forker is in the group")
    for _ in range(6):
        said = ctl("evict", "--cgroup", group)
        assert group.is_frozen()
        assert f" {len(group.pids())} process" in said
        group.thaw()
        time.sleep(0.05)


def test_itself():
    """vdsoctl does not freeze itself"""
    group = Group("self")
    sleeper = group.take(start_sleeper())
    complains(1, "vdsoctl itself is in the control group", "bash", "-c",
              'echo $$ >"$1/cgroup.procs"; exec "$2" evict --cgroup "$1"', "bash", group, CTL)
    complains(1, "vdsoctl itself", CTL, "evict", "--tree", os.getpid())
    runs_untraced(sleeper)
    assert not group.is_frozen()


def test_frozen_group():
    """a frozen group is not taken"""
    group = Group("frozen")
    below = group.below("below")
    busy = below.start_busy()
    below.freeze()
    below.waits_until_frozen()
    complains(1, "below is frozen already", CTL, "evict", "--cgroup", group)
    complains(1, "Thaw it", CTL, "evict", "--cgroup", below)
    assert below.is_frozen()
    below.thaw()
    busy.finishes()


def test_threaded_group():
    """threads of a threaded group are taken"""
    needs_quick_steps()
    group = Group("threaded")
    busy = group.start_busy()
    below = group.below("below")
    write_line(below.path / "cgroup.type", "threaded")
    write_line(below.path / "cgroup.threads", busy.pid)
    complains(1, "is threaded", CTL, "evict", "--cgroup", below)
    ctl("evict", "--cgroup", group)
    assert group.is_frozen() and all_threads_are_outside(busy.pid)
    group.thaw()
    busy.finishes()


def test_no_group():
    """what is no control group, or empty, is refused"""
    complains(1, "is no control group", CTL, "evict", "--cgroup", make_directory())
    complains(1, "no process in the control group", CTL, "evict", "--cgroup", Group("empty"))


def test_tree():
    """--tree takes all descendants"""
    needs_quick_steps()
    root = Process("bash", "-c", TREE, "bash", TARGET)

    def grandchildren():
        return [pid for child in children_of(root.pid) for pid in children_of(child)]

    def is_complete():
        return len(grandchildren()) == 2 and \
            sorted((state_of(pid) == "Z", status_of(pid)["Threads"])
                   for pid in grandchildren()) == [(False, "4"), (True, "1")]

    wait_until(is_complete, "the tree has a busy process and a zombie")
    busy = next(pid for pid in grandchildren() if state_of(pid) != "Z")
    tree = [root.pid, *children_of(root.pid), busy]
    for pid in tree[1:]:
        tap.defer(kill, pid)
    said = ctl("evict", "--tree", root.pid)
    assert "descendants, 4: " in said
    assert all_threads_are_outside(busy)
    for pid in tree:
        assert state_of(pid) == "T", pid
        os.kill(pid, signal.SIGCONT)
    os.kill(busy, signal.SIGUSR1)
    wait_until(lambda: not os.path.exists(f"/proc/{busy}"), "the busy process ends")


def start_stuck(group):
    """A busy process of the group, which is held first, and one that can't be stopped"""
    busy = group.start_busy()
    stuck = Process(TARGET, "vfork")
    waits_for("D", stuck.pid)
    tap.defer(kill, children_of(stuck.pid)[0])
    group.take(stuck)
    return busy, stuck


def kill(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def test_timeout():
    """a timeout puts everything back"""
    group = Group("stuck")
    busy, stuck = start_stuck(group)
    complains(1, f"thread {stuck.pid} .* does not stop within 1 s",
              CTL, "evict", "--cgroup", group, "--timeout", 1)
    runs_untraced(busy, stuck)
    assert not group.is_frozen()
    complains(1, "does not stop within 1 s", CTL, "evict", "--tree", stuck.pid, "--timeout", 1)
    runs_untraced(stuck)
    busy.finishes()


def start_evictor(*args, **options):
    """Its stderr is a pipe."""
    return Process(CTL, "evict", *args, stderr=subprocess.PIPE, text=True, **options)


def is_interrupted(evictor, number):
    evictor.send_signal(number)
    _, said = evictor.communicate()
    assert "interrupted" in said
    evictor.exits(-number)


def test_interruption():
    """Ctrl-C and its like put everything back"""
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        group = Group(number.name)
        busy, stuck = start_stuck(group)
        evictor = start_evictor("--cgroup", group)
        traced_by(evictor, busy.pid)
        waits_for("t", busy.pid)
        # what comes for the process meanwhile is not lost
        busy.send_signal(signal.SIGUSR1)
        is_interrupted(evictor, number)
        busy.exits(0)
        runs_untraced(stuck)
        assert not group.is_frozen()


# As in the background of a script
def test_ignored_signal():
    """an ignored signal does not interrupt"""
    group = Group("stuck")
    busy, _ = start_stuck(group)
    was = signal.signal(signal.SIGINT, signal.SIG_IGN)
    tap.defer(signal.signal, signal.SIGINT, was)
    evictor = start_evictor("--cgroup", group, "--timeout", 5)
    traced_by(evictor, busy.pid)
    evictor.send_signal(signal.SIGINT)
    _, said = evictor.communicate()
    evictor.exits(1)
    assert "within 5 s" in said
    busy.finishes()


def test_progress():
    """progress is reported"""
    waiting = "vdsoctl: waiting for thread"
    group = Group("stuck")
    busy, _ = start_stuck(group)
    command = [CTL, "evict", "--cgroup", group, "--timeout", 5]
    complains(1, waiting, *command, "--verbose")
    said = run(*command, status=1).stderr
    assert "does not stop" in said and waiting not in said
    # also where somebody looks
    terminal, stderr = pty.openpty()
    tap.defer(os.close, terminal)
    tap.defer(os.close, stderr)
    run(*command, status=1, stderr=stderr)
    assert waiting.encode() in os.read(terminal, 64 << 10)
    busy.finishes()


def freeze_inside(group):
    """A busy process of the group, which is frozen while one of its threads is inside the vDSO"""
    busy = group.start_busy()
    for _ in range(100):
        group.freeze()
        group.waits_until_frozen()
        if thread_inside(busy.pid):
            return busy
        group.thaw()
        time.sleep(0.01)
    raise AssertionError("no thread was ever inside")


def gives_up(group):
    busy = freeze_inside(group)
    complains(1, "frozen", CTL, "evict", "-p", busy.pid, "--timeout", 1)
    assert tracer_of(busy.pid) == 0
    evictor = start_evictor("-p", busy.pid)
    traced_by(evictor, busy.pid)
    time.sleep(0.2)     # it gets as far as waiting for a step, most often
    is_interrupted(evictor, signal.SIGINT)
    assert tracer_of(busy.pid) == 0
    group.thaw()
    wait_until(lambda: not group.is_frozen() and state_of(busy.pid) != "T", "the process runs")
    busy.finishes()


def test_frozen_process():
    """threads of a frozen group are given up"""
    gives_up(Group("inside"))


def test_frozen_process_of_version_1():
    """threads of a frozen group of version 1 are given up"""
    top = mount_version_1()
    needs_quick_steps()
    gives_up(Group("inside", top))


tap.main()
