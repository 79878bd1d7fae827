#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""In the VM: dumps processes, restores them on another kernel, and asks whether
their vDSO answers truly. Speaks TAP.

  guest.py dump CRIU TO NAME...       starts these programs and dumps them
  guest.py restore CRIU FROM TO       restores all that is in FROM, asks, and
                                      dumps again into TO
  guest.py carry CRIU FROM TO NAME... restores and dumps these, asking nothing
  guest.py zdtm CRIU NAME...          CRIU's own tests, twice each, also as proxies
  guest.py without-module CRIU        unloads it, and dumps and restores
  guest.py clones CRIU FROM           restores twice the one that draws random bytes
  guest.py busy-dump CRIU TO COUNT [evict]
                                      dumps four threads, each somewhere inside the
                                      vDSO; with "evict", brought out by vdsoctl, with
                                      their control group frozen
  guest.py busy-restore CRIU FROM TABLE [right|alive|named]
                                      restores them, counts in the file TABLE what
                                      became of them, and claims that all are right;
                                      none crashes; nor that, and the log names those
                                      that answer wrongly

CRIU is a program. FROM and TO are directories of the host.
"""
import json
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
GROUP = "/sys/fs/cgroup/busy"
DEADLINE = 60

PROGRAMS = {
    "plain": [f"{SHARE}/dumpee", "{report}", "plain"],
    "threads": [f"{SHARE}/dumpee", "{report}", "threads"],
    "moved": [f"{SHARE}/dumpee", "{report}", "moved"],
    "unmapped": [f"{SHARE}/dumpee", "{report}", "unmapped"],
    "sandboxed": [f"{SHARE}/dumpee", "{report}", "sandboxed"],
    "random": [f"{SHARE}/dumpee", "{report}", "random"],
    "busy": [f"{SHARE}/dumpee", "{report}", "busy"],
    "i386": [f"{SHARE}/dumpee32", "{report}", "plain"],
    "python3": ["python3", f"{SHARE}/asked.py", "{report}"],
    "go": [f"{SHARE}/asked", "{report}"],
    "namespaces": ["python3", f"{SHARE}/namespaces.py", f"{SHARE}/dumpee", "{report}", "plain"],
}
# Process ids that are kept free for each
PIDS = 100
# How a program ends that wants what this kernel has not
NOT_HERE = 5
# CRIU can't restore another kernel's rseq registration: not what is tested here
ENVIRONMENT = {**os.environ, "GLIBC_TUNABLES": "glibc.pthread.rseq=0"}


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
        print(f"1..{self.number}")
        sys.exit(self.failed > 0)


class Failure(Exception):
    pass


def wait_until(condition, what):
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise Failure(f"{what}: not after {DEADLINE} s")
        time.sleep(0.02)


def run_criu(criu, action, images, log, *options, environment=None):
    """Runs it on images that are in memory: many small writes over 9p take long."""
    result = subprocess.run([criu, action, "-D", images, "-v4", "-o", log, *options],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, check=False,
                            env={**ENVIRONMENT, **(environment or {})})
    if result.returncode:
        with open(f"{images}/{log}", errors="replace") as file:
            tail = file.readlines()[-25:]
        raise Failure(f"criu {action}: {result.returncode}\n{''.join(tail)}{result.stdout}")


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


def write(path, text):
    with open(path, "w") as file:
        file.write(str(text))


def first_child(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as children:
        return next(iter(children.read().split()), None)


def start(name, first_pid):
    """Its ids are free on other kernels, too, where a boot takes the first few.
    None if this kernel has not what the program wants."""
    write("/proc/sys/kernel/ns_last_pid", first_pid)
    command = [word.format(report=f"{REPORTS}/{name}") for word in PROGRAMS[name]]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, env=ENVIRONMENT, start_new_session=True)
    process = Process(name, child.pid)
    if name == "namespaces":	# the first process of the namespace is its child
        wait_until(lambda: first_child(child.pid), f"{name}: a child")
        process.pid = int(first_child(child.pid))
    wait_until(lambda: child.poll() is not None or os.path.exists(process.report_file()),
               f"{name}: to be ready")
    if child.poll() == NOT_HERE:
        return None, child
    if child.poll() is not None:
        raise Failure(f"{name}: ended with {child.poll()}")
    return process, child


def describe(directory, memory, nr_vdsos):
    with open(f"{directory}/process", "w") as file:
        json.dump([memory, nr_vdsos], file)


def recall(directory):
    with open(f"{directory}/process") as file:
        return json.load(file)


def keep(images, to):
    """What was dumped in memory, on the host"""
    if os.path.exists(to):
        shutil.rmtree(to)
    shutil.copytree(images, to)


def log_of(images, log):
    with open(f"{images}/{log}", errors="replace") as file:
        return [line.strip() for line in file if "vdso" in line.lower() or "Error" in line]


def dump(criu, process, *options):
    images = f"{WORK}/{process.name}"
    os.makedirs(images)
    run_criu(criu, "dump", images, "dump.log", "-t", str(process.pid), *options)
    return images


def is_dumped_here(tap, name):
    """CRIU asks the kernel for rseq by ptrace from 5.13 on; before, its parasite makes an
    mmap() for that which fails in 32-bit processes, and writes there."""
    release = tuple(int(n) for n in os.uname().release.split(".")[:2])
    if name != "i386" or release >= (5, 13):
        return True
    tap.skip(f"{name}: dumped", "CRIU crashes 32-bit processes on kernels before 5.13")
    return False


def dump_all(tap, criu, to, names):
    for number, name in enumerate(names):
        if not is_dumped_here(tap, name):
            continue
        try:
            process, child = start(name, 20000 + number * PIDS)
            if not process:
                tap.skip(f"{name}: dumped", "this kernel's vDSO has no getrandom")
                continue
            answer = process.ask()
            if not answer.startswith("right"):
                raise Failure(answer)
            memory, nr_vdsos = process.memory(), process.nr_vdsos()
            images = dump(criu, process)
            describe(images, memory, nr_vdsos)
            child.wait()
            keep(images, f"{to}/{name}")
            tap.claim(True, f"{name}: dumped")
        except (Failure, OSError, IndexError) as failure:
            tap.claim(False, f"{name}: dumped", failure)


def root_option(name):
    """Where the root of a mount namespace is"""
    if name != "namespaces":
        return []
    namespaces.prepare(f"{SHARE}/dumpee")
    return ["--root", namespaces.ROOT]


def restore(criu, name, source):
    """From the host's directory"""
    images = f"{WORK}/restored-{name}"
    if os.path.exists(images):
        shutil.rmtree(images)
    shutil.copytree(source, images)
    run_criu(criu, "restore", images, "restore.log", "-d", "--pidfile", f"{images}/pid",
             *root_option(name))
    with open(f"{images}/pid") as file:
        return Process(name, int(file.read())), images


def restore_all(tap, criu, source, to):
    for name in sorted(os.listdir(source)):
        try:
            process, images = restore(criu, name, f"{source}/{name}")
            answer = process.ask()
            said = "\n".join(log_of(images, "restore.log"))
            ours = criu == "criu" or name == "unmapped" or re.search("is a proxy of|was moved to", said)
            tap.claim(answer.startswith("right") and ours, f"{name}: every answer is right",
                      f"{answer}\n{said}")
            memory, nr_vdsos = recall(f"{source}/{name}")
            if memory:
                now = process.memory(memory)
                tap.claim(now == memory and process.nr_vdsos() == nr_vdsos,
                          f"{name}: its memory is where it was, with one vDSO at most",
                          f"before: {memory}\nafter: {now}\n{process.maps()}\n{said}")
            if not is_dumped_here(tap, name):
                process.kill()
                continue
            again = dump(criu, process)
            # the map that all later ones have to have is the first one
            describe(again, memory, nr_vdsos)
            keep(again, f"{to}/{name}")
            wait_until(lambda p=process: not p.is_alive(), f"{name} to be gone")
        except (Failure, OSError) as failure:
            tap.claim(False, f"{name}: restored", failure)


def carry(tap, criu, source, to, names):
    """CRIU alone leaves a mapping behind: there is no map that later ones have to have."""
    for name in names:
        try:
            process, _ = restore(criu, name, f"{source}/{name}")
            images = dump(criu, process)
            describe(images, None, None)
            keep(images, f"{to}/{name}")
            wait_until(lambda p=process: not p.is_alive(), f"{name} to be gone")
            tap.claim(True, f"{name}: restored and dumped")
        except (Failure, OSError) as failure:
            tap.claim(False, f"{name}: restored and dumped", failure)


def zdtm(tap, criu, name, environment):
    """One of CRIU's own tests: it judges itself when it is told to end."""
    claim = f"{name}{' as a proxy' if environment else ''}"
    directory = f"{WORK}/zdtm-{claim.replace(' ', '-')}"
    os.makedirs(directory)
    subprocess.run([f"{SHARE}/zdtm/{name}", "--pidfile=pid", "--outfile=out"], cwd=directory,
                   check=True, env=ENVIRONMENT)
    with open(f"{directory}/pid") as file:
        pid = int(file.read())
    for number in range(2):
        images = f"{directory}/{number}"
        os.makedirs(images)
        run_criu(criu, "dump", images, "dump.log", "-t", str(pid))
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), f"{name} to be gone")
        run_criu(criu, "restore", images, "restore.log", "-d", environment=environment)
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not Process(name, pid).is_alive(), f"{name} to end")
    with open(f"{directory}/out") as file:
        said = file.read()
    tap.claim("PASS" in said.splitlines()[-1], claim, said)


def version_of(criu):
    said = subprocess.run([criu, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return tuple(int(n) for n in re.search(r"Version: (\d+)\.(\d+)", said).groups())


def zdtm_all(tap, criu, names):
    with open("/proc/self/maps") as maps:
        two_data_areas = "[vvar_vclock]" in maps.read()
    for name in names:
        for environment in ({}, {"CRIU_FAULT": "127"}):	# which forces proxies
            if name == "vdso-proxy" and environment and two_data_areas:
                tap.skip(f"{name} as a proxy",
                         "it takes [vvar] and [vvar_vclock] for lost, which become one mapping")
                continue
            if name == "vdso02" and two_data_areas and version_of(criu) < (4, 1):
                tap.skip(name, "this version's leaves [vvar_vclock], which is no whole vDSO")
                continue
            try:
                zdtm(tap, criu, name, environment)
            except (Failure, OSError, IndexError, subprocess.CalledProcessError) as failure:
                tap.claim(False, name, failure)


def without_module(tap, criu):
    """It has its own way for that, and says so: there and back on this kernel."""
    subprocess.run(["rmmod", "vdso_remap"], check=True)
    try:
        process, child = start("plain", 31000)
        images = dump(criu, process)
        child.wait()
        process, restored = restore(criu, "plain", images)
        answer = process.ask()
        process.kill()
        for directory, log in ((images, "dump.log"), (restored, "restore.log")):
            tap.claim("Is vdso_remap loaded" in "\n".join(log_of(directory, log)),
                      f"{log} says that there is no module")
        tap.claim(answer.startswith("right"), "without the module it is as without us", answer)
    except (Failure, OSError) as failure:
        tap.claim(False, "without the module", failure)
    subprocess.run(["insmod", f"{SHARE}/module/{os.uname().release}/vdso_remap.ko"], check=True)


def clones(tap, criu, source):
    answers = []
    claim = "two processes made from one image draw different random bytes"
    if not os.path.exists(f"{source}/random"):
        tap.skip(claim, "the vDSO that they were dumped with has no getrandom")
        return
    try:
        for _ in range(2):
            process, _ = restore(criu, "random", f"{source}/random")
            answers.append(process.ask())
            process.kill()
        tap.claim(all(a.startswith("right ") for a in answers) and answers[0] != answers[1],
                  claim, answers)
    except (Failure, OSError) as failure:
        tap.claim(False, claim, failure)


def busy_dump(tap, criu, to, count, *evict):
    """Each dump finds the threads at other instructions."""
    process, child = start("busy", 30000)
    options = ["--leave-stopped"]
    if evict:
        options = ["--leave-running", "--freeze-cgroup", GROUP]	# that is, as they were: frozen
        os.makedirs(GROUP)
        write(f"{GROUP}/cgroup.procs", process.pid)
    for number in range(count):
        try:
            subprocess.run([f"{SHARE}/stepper", str(process.pid), str(number)], check=True,
                           stdout=subprocess.DEVNULL)
            if evict:
                subprocess.run([f"{SHARE}/vdsoctl", "evict", "-p", str(process.pid), "--cgroup",
                                GROUP], check=True, stdout=subprocess.DEVNULL)
                os.kill(process.pid, signal.SIGCONT)	# it is the group that holds them
            images = dump(criu, process, *options)
            keep(images, f"{to}/busy-{number}")
            shutil.rmtree(images)
            if evict:
                write(f"{GROUP}/cgroup.freeze", 0)
            os.kill(process.pid, signal.SIGCONT)
        except (Failure, OSError, subprocess.CalledProcessError) as failure:
            tap.claim(False, f"dump {number}", failure)
            break
    answer = process.ask()
    tap.claim(answer.startswith("right"), f"the process itself is right after {count} dumps", answer)
    child.kill()
    child.wait()


def busy_restore(tap, criu, source, table, *demand):
    """What became of those; counted, since without vdso-remap some are expected to fail."""
    count = {"right": 0, "wrong": 0, "wrong once": 0, "crashed": 0}
    unnamed = []
    for name in sorted(os.listdir(source)):
        try:
            if os.path.exists(f"{REPORTS}/busy"):
                os.remove(f"{REPORTS}/busy")
            process, images = restore(criu, name, f"{source}/{name}")
            process.name = "busy"
            os.kill(process.pid, signal.SIGCONT)
            time.sleep(0.2)
            if process.is_alive():
                answer = process.ask()
            else:
                with open(f"{REPORTS}/busy") as report:
                    answer = report.read()
            print(f"# {name}: {answer.strip()}")
            count[re.match("right|wrong once|wrong|crashed", answer)[0]] += 1
            thread = re.match("wrong once: (thread \\d+)", answer)
            log = "\n".join(log_of(images, "restore.log"))
            if thread and f"{thread[1]} was dumped inside".lower() not in log.lower():
                unnamed.append(f"{name}: {answer}\n{log}")
            process.kill()
            shutil.rmtree(images)
        except (Failure, OSError) as failure:
            tap.claim(False, f"{name}: restored", failure)
    with open(table, "w") as file:
        json.dump(count, file)

    total = sum(count.values())
    if demand == ("right",):
        tap.claim(total and count["right"] == total, f"of {total} busy processes all are right", count)
    elif demand:
        tap.claim(total and not count["crashed"], f"of {total} busy processes none crashes", count)
    if demand == ("named",):
        tap.claim(not unnamed, "who answers wrongly is named in the log", "\n".join(unnamed))


def main():
    command, criu, *arguments = sys.argv[1:]
    tap = Tap()
    os.makedirs(REPORTS, exist_ok=True)
    if command == "dump":
        dump_all(tap, criu, arguments[0], arguments[1:])
    elif command == "restore":
        restore_all(tap, criu, *arguments)
    elif command == "carry":
        carry(tap, criu, arguments[0], arguments[1], arguments[2:])
    elif command == "zdtm":
        zdtm_all(tap, criu, arguments)
    elif command == "without-module":
        without_module(tap, criu)
    elif command == "clones":
        clones(tap, criu, *arguments)
    elif command == "busy-dump":
        busy_dump(tap, criu, arguments[0], int(arguments[1]), *arguments[2:])
    elif command == "busy-restore":
        busy_restore(tap, criu, *arguments)
    else:
        sys.exit(__doc__)
    tap.end()


main()
