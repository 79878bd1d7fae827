# SPDX-License-Identifier: GPL-2.0
"""The ways in which CRIU dumps and restores a family: dumpee's three processes, which share
descriptors and keep a thread each inside the vDSO most of the time."""
import os
import re
import select
import shutil
import subprocess
from contextlib import ExitStack, contextmanager

from processes import (DEADLINE, ENVIRONMENT, WORK, Failure, Process, children, dump_to, keep,
                       log_of, restore_from, start, tail_of, wait_until, write)

GROUP = "/sys/fs/cgroup/frozen"
FIRST_PID = 24000
# Process ids that are kept free for each
PIDS = 100
PAGE_SERVER = ["--address", "127.0.0.1", "--port", "12345"]


class Family:
    def __init__(self, parent):
        self.parent = parent
        self.processes = [parent, *(Process(f"{parent.name}-{pid}", pid)
                                    for pid in sorted(children(parent.pid)))]

    def ask(self):
        """All in turn, as they expect; what they say of random bytes"""
        drawn = []
        for process in self.processes:
            verdict, _, random = process.ask().partition(" ")
            if verdict != "right":
                raise Failure(f"{process.name}: {verdict} {random}")
            drawn += random.split()
        return drawn

    def kill(self):
        for process in self.processes:	# the parent first, which waits for none
            process.kill()


class AtOnce:
    name = "at once"
    # what it takes, as "criu check" calls it
    feature = None

    @contextmanager
    def restore(self, criu, images):
        """A family, which is restored in full when the context ends"""
        yield Family(restore_from(images, criu, "family"))


class Lazily:
    """Pages come when they are wanted, or soon after."""
    name = "lazily"
    feature = "uffd-noncoop"
    # (action, options), in the order in which they are started
    daemons = [("lazy-pages", [])]

    @contextmanager
    def restore(self, criu, images):
        with ExitStack() as stack:
            for action, options in self.daemons:
                stack.enter_context(daemon(criu, action, images, *options))
            yield Family(restore_from(images, criu, "family", "--lazy-pages"))
        with open(f"{images}/lazy-pages.log", errors="replace") as log:
            if not re.search(r"UFFD transferred pages: \([1-9]", log.read()):
                raise Failure("no page came lazily")


class FromPageServer(Lazily):
    """And as if over the network"""
    name = "from a page server"
    daemons = [("page-server", ["--lazy-pages", *PAGE_SERVER]),
               ("lazy-pages", ["--page-server", *PAGE_SERVER])]


class Clones:
    """One dump, restored several times"""
    # (directory below images, way): one after the other
    restores = [("0", AtOnce()), ("0", AtOnce()), ("0", Lazily()), ("0", FromPageServer())]
    feature = None

    def dump(self, criu, family, images):
        dump_to(f"{images}/0", criu, family.parent)


class PreDump:
    """Two pre-dumps and a dump, which has what changed since, and the rest in its parents"""
    restores = [("2", AtOnce())]
    feature = "mem_dirty_track"

    def dump(self, criu, family, images):
        dump_to(f"{images}/0", criu, family.parent, "--track-mem", action="pre-dump")
        family.ask()
        dump_to(f"{images}/1", criu, family.parent, "--track-mem", "--prev-images-dir", "../0",
                action="pre-dump")
        family.ask()
        dump_to(f"{images}/2", criu, family.parent, "--track-mem", "--prev-images-dir", "../1")
        # Not less than a half or so: the kernel takes a mapping that has grown for all changed.
        first, last = pages_size(f"{images}/0"), pages_size(f"{images}/2")
        if last >= first:
            raise Failure(f"the dump has {last} bytes of pages, its first parent {first}")


class Snapshots:
    """Two dumps of a family that goes on, and a last one"""
    restores = [("0", AtOnce()), ("1", AtOnce()), ("2", AtOnce())]
    feature = None

    def dump(self, criu, family, images):
        for number in range(2):
            dump_to(f"{images}/{number}", criu, family.parent, "--leave-running")
            family.ask()
        dump_to(f"{images}/2", criu, family.parent)


class Frozen:
    """A family whose control group is frozen: dumped and left so, and dumped again"""
    restores = [("0", AtOnce()), ("1", AtOnce())]
    feature = None

    def dump(self, criu, family, images):
        os.makedirs(GROUP, exist_ok=True)
        for process in family.processes:
            write(f"{GROUP}/cgroup.procs", process.pid)
        set_frozen(True)
        dump_to(f"{images}/0", criu, family.parent, "--leave-running", "--freeze-cgroup", GROUP)
        wait_until(is_frozen, "the control group is frozen again")
        set_frozen(False)
        family.ask()
        set_frozen(True)
        dump_to(f"{images}/1", criu, family.parent, "--freeze-cgroup", GROUP)


MODES = {"clones": Clones(), "pre-dump": PreDump(), "snapshots": Snapshots(), "frozen": Frozen()}


def pages_size(images):
    return sum(os.path.getsize(f"{images}/{name}") for name in os.listdir(images)
               if name.startswith("pages-"))


def set_frozen(frozen):
    write(f"{GROUP}/cgroup.freeze", int(frozen))
    wait_until(lambda: is_frozen() == frozen, f"the control group: frozen is {frozen}")


def is_frozen():
    with open(f"{GROUP}/cgroup.events") as events:
        return "frozen 1" in events.read()


@contextmanager
def daemon(criu, action, images, *options):
    """Is ready in the context, and has to end by itself, when it has no more to do."""
    ready, status = os.pipe()
    log = f"{action}.log"
    with subprocess.Popen([criu, action, "-D", images, "-v4", "-o", log, "--status-fd", str(status),
                           *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, env=ENVIRONMENT, pass_fds=[status]) as process:
        os.close(status)
        try:
            select.select([ready], [], [], DEADLINE)
            yield
            wait_until(lambda: process.poll() is not None, f"criu {action} to end")
        except BaseException:
            process.kill()
            raise
        finally:
            os.close(ready)
    if process.returncode:
        raise Failure(f"criu {action}: {process.returncode}\n{tail_of(images, log)}")


def has_feature(criu, feature):
    return not feature or not subprocess.run([criu, "check", "--feature", feature],
                                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                             env=ENVIRONMENT, check=False).returncode


def start_family(first_pid):
    process, child = start("family", first_pid)
    family = Family(process)
    wait_until(lambda: all(os.path.exists(p.report_file()) for p in family.processes),
               "the family to be ready")
    return family, child


def is_dumped_here(tap, criu, mode):
    feature = MODES[mode].feature
    if has_feature(criu, feature):
        return True
    tap.skip(f"{mode}: dumped", f"CRIU or this kernel has no {feature}")
    return False


def dump_in_mode(tap, criu, mode, family, to):
    images = f"{WORK}/{mode}"
    MODES[mode].dump(criu, family, images)
    wait_until(lambda: not any(p.is_alive() for p in family.processes), "the family to be gone")
    keep(images, to)
    shutil.rmtree(images)
    tap.claim(True, f"{mode}: dumped")


def dump_all(tap, criu, to, modes):
    for number, mode in enumerate(modes):
        if not is_dumped_here(tap, criu, mode):
            continue
        try:
            family, child = start_family(FIRST_PID + number * PIDS)
            family.ask()
            dump_in_mode(tap, criu, mode, family, f"{to}/{mode}")
            child.wait()
        except (Failure, OSError) as failure:
            tap.claim(False, f"{mode}: dumped", failure)


def restore_in_mode(tap, criu, mode, images):
    """One family after the other; the last one lives."""
    last, drawn = None, []
    for directory, way in MODES[mode].restores:
        claim = f"{mode}, image {directory}, {way.name}: every answer is right"
        if not has_feature(criu, way.feature):
            tap.skip(claim, f"CRIU or this kernel has no {way.feature}")
            continue
        if last:
            last.kill()
        with way.restore(criu, f"{images}/{directory}") as last:
            drawn += last.ask()
        said = "\n".join(log_of(f"{images}/{directory}", "restore.log"))
        ours = len(re.findall("is a proxy of|was moved to", said)) == len(last.processes)
        tap.claim(criu == "criu" or ours, claim, said)
    claim = f"{mode}: no random bytes come twice, and no state that they are drawn from"
    if drawn:
        tap.claim("kept" not in drawn and len(set(drawn)) == len(drawn), claim, drawn)
    else:
        tap.skip(claim, "the vDSO that they were dumped with has no getrandom")
    return last


def restore_all(tap, criu, source, to=None):
    for mode in sorted(os.listdir(source)):
        try:
            images = f"{WORK}/restored-{mode}"
            keep(f"{source}/{mode}", images)
            family = restore_in_mode(tap, criu, mode, images)
            if to and is_dumped_here(tap, criu, mode):
                dump_in_mode(tap, criu, mode, family, f"{to}/{mode}")
            else:
                family.kill()
        except (Failure, OSError) as failure:
            tap.claim(False, f"{mode}: restored", failure)
