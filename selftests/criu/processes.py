# SPDX-License-Identifier: GPL-2.0
"""What the commands of guest.py share: TAP, CRIU's command line, and processes that are
started, dumped and restored. CRIU is a program."""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import namespaces

SHARE = "/share"
REPORTS = "/run/dumpee"
WORK = tempfile.mkdtemp(prefix="images-")	# in memory
DEADLINE = 60

# of 32-bit programs; "": there are none
ABI32 = (os.environ["ABIS"].split() + [""])[1]

PROGRAMS = {
    "plain": [f"{SHARE}/dumpee", "{report}", "plain"],
    "threads": [f"{SHARE}/dumpee", "{report}", "threads"],
    "moved": [f"{SHARE}/dumpee", "{report}", "moved"],
    "unmapped": [f"{SHARE}/dumpee", "{report}", "unmapped"],
    "sandboxed": [f"{SHARE}/dumpee", "{report}", "sandboxed"],
    "random": [f"{SHARE}/dumpee", "{report}", "random"],
    "busy": [f"{SHARE}/dumpee", "{report}", "busy"],
    "busy32": [f"{SHARE}/dumpee32", "{report}", "busy"],
    "family": [f"{SHARE}/dumpee", "{report}", "family"],
    ABI32: [f"{SHARE}/dumpee32", "{report}", "plain"],
    "python3": ["python3", f"{SHARE}/asked.py", "{report}"],
    "rseq": ["python3", f"{SHARE}/asked.py", "{report}"],
    "go": [f"{SHARE}/asked", "{report}"],
    "namespaces": ["python3", f"{SHARE}/namespaces.py", f"{SHARE}/dumpee", "{report}", "plain"],
}
# How a program ends that wants what this kernel has not
NOT_HERE = 5
# CRIU can't restore another kernel's rseq registration: only "rseq" has one, and the plugin makes
# it smaller where that has to be.
ENVIRONMENT = {**os.environ, "GLIBC_TUNABLES": "glibc.pthread.rseq=0"}
SHRINK_RSEQ = {"VDSO_REMAP_SHRINK_RSEQ": "1"}


class Tap:
    """Claims, and why they do not hold."""

    def __init__(self):
        self.number = 0
        self.failed = 0

    def claim(self, holds, text, why=""):
        self.number += 1
        self.failed += not holds
        print(f"{'ok' if holds else 'not ok'} {self.number} {text}")
        if not holds:
            for line in str(why).splitlines():
                print(f"# {line}")
        sys.stdout.flush()
        return holds

    def skip(self, text, why):
        self.number += 1
        print(f"ok {self.number} {text} # SKIP {why}")

    def end(self):
        print(f"1..{self.number}" if self.number else "1..0 # SKIP what happens is only counted")
        sys.exit(self.failed > 0)


class Failure(Exception):
    pass


def wait_until(condition, what):
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise Failure(f"{what}: not after {DEADLINE} s")
        time.sleep(0.02)


def write(path, text):
    with open(path, "w") as file:
        file.write(str(text))


def tail_of(images, log):
    with open(f"{images}/{log}", errors="replace") as file:
        return "".join(file.readlines()[-25:])


def run_criu(criu, action, images, log, *options, environment=None):
    """Runs it on images that are in memory: many small writes over 9p take long."""
    result = subprocess.run([criu, action, "-D", images, "-v4", "-o", log, *options],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, check=False,
                            env={**ENVIRONMENT, **(environment or {})})
    if result.returncode:
        raise Failure(f"criu {action}: {result.returncode}\n{tail_of(images, log)}{result.stdout}")


class Process:
    """One that is dumped and restored; pid is as the VM sees it."""

    def __init__(self, name, pid):
        self.name = name
        self.pid = pid

    def report_file(self):
        """Where its root is: it may have one of its own."""
        return f"/proc/{self.pid}/root{REPORTS}/{self.name}"

    def ask(self):
        report = self.report_file()
        if os.path.exists(report):
            os.remove(report)
        os.kill(self.pid, signal.SIGUSR1)
        wait_until(lambda: os.path.exists(report) or not self.is_alive(), f"{self.name}: its answer")
        for file in (report, f"{REPORTS}/{self.name}"):
            if os.path.exists(file):
                with open(file) as answer:
                    return answer.read().strip()
        raise Failure(f"{self.name} died without a word")

    def is_alive(self):
        return os.path.exists(f"/proc/{self.pid}/exe") and self.state() not in "ZX"

    def state(self):
        with open(f"/proc/{self.pid}/stat") as stat:
            return stat.read().rpartition(") ")[2][0]

    def maps(self):
        """(start, end, name) of each"""
        with open(f"/proc/{self.pid}/maps") as maps:
            return [(int(start, 16), int(end, 16), name) for start, end, name in
                    re.findall(r"^(\w+)-(\w+) \S+ \S+ \S+ \d+ *(.*)$", maps.read(), re.M)]

    def memory(self, remembered=None):
        """What is mapped, as ranges; a vDSO that is parked outside of them is not in it"""
        ranges = []
        for start, end, name in self.maps():
            parked = remembered and name.startswith(("[vdso]", "[vvar")) and not any(
                low <= start < high for low, high in remembered)
            if name == "[vsyscall]" or parked:
                continue
            if ranges and ranges[-1][1] == start:
                ranges[-1][1] = end
            else:
                ranges.append([start, end])
        return ranges

    def nr_vdsos(self):
        return sum(m[2] == "[vdso]" for m in self.maps())

    def kill(self):
        if self.is_alive():
            os.kill(self.pid, signal.SIGKILL)
        wait_until(lambda: not os.path.exists(f"/proc/{self.pid}"), f"{self.name} to be gone")


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as pids:
        return [int(child) for child in pids.read().split()]


def start(name, first_pid):
    """Its ids are free on other kernels, too, where a boot takes the first few.
    None if this kernel has not what the program wants."""
    write("/proc/sys/kernel/ns_last_pid", first_pid)
    for root in ("", namespaces.ROOT):
        if os.path.exists(f"{root}{REPORTS}/{name}"):
            os.remove(f"{root}{REPORTS}/{name}")	# another's
    command = [word.format(report=f"{REPORTS}/{name}") for word in PROGRAMS[name]]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, start_new_session=True,
                             env=dict(os.environ) if name == "rseq" else ENVIRONMENT)
    process = Process(name, child.pid)
    if name == "namespaces":	# the first process of the namespace is its child
        wait_until(lambda: children(child.pid), f"{name}: a child")
        process.pid = children(child.pid)[0]
    wait_until(lambda: child.poll() is not None or os.path.exists(process.report_file()),
               f"{name}: to be ready")
    if child.poll() == NOT_HERE:
        return None, child
    if child.poll() is not None:
        raise Failure(f"{name}: ended with {child.poll()}")
    return process, child


def keep(images, to):
    """What was dumped in memory, on the host, or back"""
    if os.path.exists(to):
        shutil.rmtree(to)
    shutil.copytree(images, to, symlinks=True)


def log_of(images, log):
    with open(f"{images}/{log}", errors="replace") as file:
        return [line.strip() for line in file if "vdso" in line.lower() or "Error" in line]


def dump_to(images, criu, process, *options, action="dump"):
    os.makedirs(images)
    run_criu(criu, action, images, "dump.log", "-t", str(process.pid), *options)


def dump(criu, process, *options):
    images = f"{WORK}/{process.name}"
    dump_to(images, criu, process, *options)
    return images


def root_option(name):
    """Where the root of a mount namespace is"""
    if name != "namespaces":
        return []
    namespaces.prepare(f"{SHARE}/dumpee")
    return ["--root", namespaces.ROOT]


def restore_from(images, criu, name, *options):
    pid_file = f"{images}/pid"
    if os.path.exists(pid_file):
        os.remove(pid_file)
    run_criu(criu, "restore", images, "restore.log", "-d", "--pidfile", pid_file, *options,
             environment=SHRINK_RSEQ if name == "rseq" else None)
    with open(pid_file) as file:
        return Process(name, int(file.read()))


def restore(criu, name, source):
    """From the host's directory"""
    images = f"{WORK}/restored-{name}"
    keep(source, images)
    return restore_from(images, criu, name, *root_option(name)), images
