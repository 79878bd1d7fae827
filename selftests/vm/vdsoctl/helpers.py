# SPDX-License-Identifier: GPL-2.0
"""Runs vdsoctl, and makes the processes that it works on. Needs root.

$VDSO_IMAGES is a directory with vdsoctl, the module vdso_remap.ko (else it must be installed) and
image vDSOs of other kernels, those of other ABIs in directories of their names. $VDSOCTL_PROGRAMS is a
directory with what the Makefile here builds; if it is not set, the programs are built first.
"""
import atexit
import contextlib
import json
import os
import pathlib
import re
import runpy
import select
import shutil
import signal
import subprocess
import tempfile
import time

import tap

if "VDSO_IMAGES" not in os.environ:
    tap.bail_out("VDSO_IMAGES is not set")
# from the names of arch/*/vdsoctl/machine.py to what they are for this machine
MACHINE = next(machine for machine in map(runpy.run_path, map(str, pathlib.Path(
    __file__).resolve().parents[2].glob("arch/*/vdsoctl/machine.py")))
    if machine["MACHINE"] == os.uname().machine)
ABI, ABI32 = MACHINE["ABI"], MACHINE["ABI32"]
CLOCK_GETTIME, CLOCK_GETTIME32 = MACHINE["CLOCK_GETTIME"], MACHINE["CLOCK_GETTIME32"]
SYSTEM_CALLS = MACHINE["SYSTEM_CALLS"]
DIR = pathlib.Path(os.environ["VDSO_IMAGES"]).absolute()
CTL = str(DIR / "vdsoctl")
# from a name to a file
IMAGES = {path.stem: str(path) for path in sorted(DIR.glob("*.vdso"))}


def images_of(abi):
    """Of an ABI that is not the machine's own"""
    return {f"{abi}/{path.stem}": str(path) for path in sorted(DIR.glob(f"{abi}/*.vdso"))}


IMAGES32 = images_of(ABI32) if ABI32 else {}
if not IMAGES or (ABI32 and not IMAGES32):
    tap.bail_out(f"no *.vdso in {DIR} or its {ABI32}")
IMAGE = next(iter(IMAGES.values()))
IMAGE32 = next(iter(IMAGES32.values()), None)

DEVICE = "/dev/vdso_remap"
AS_NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
# how far a vDSO is moved
DISTANCE = 0x1000000
# of a command; only one that hangs takes as long
SECONDS = 300


def _built_programs():
    built = os.environ.get("VDSOCTL_PROGRAMS")
    if built:
        return built
    built = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, built)
    os.chmod(built, 0o755)
    here = pathlib.Path(__file__).resolve().parent
    if subprocess.call(["make", "-s", "-C", here, f"O={built}"]):
        tap.bail_out("can't build the test programs")
    return built


PROGRAMS = _built_programs()
TARGET = f"{PROGRAMS}/target"
TARGET_STATIC = f"{PROGRAMS}/target-static"
TARGET32 = f"{PROGRAMS}/target32"
TARGET32_STATIC = f"{PROGRAMS}/target32-static"


# Commands

def run(*command, status=0, **options):
    """Runs a command, which has to exit with STATUS. A negative one is the signal that ends it."""
    command = [str(word) for word in command]
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
               "text": True, "errors": "replace", "timeout": SECONDS, **options}
    done = subprocess.run(command, check=False, **options)
    said = [text for text in (done.stdout, done.stderr) if isinstance(text, str)]
    tap.note(f"$ {' '.join(command)}\n{''.join(said)}exit status {done.returncode}")
    assert done.returncode == status, f"exit status {done.returncode}, not {status}: {command}"
    return done


def ctl(*args, **options):
    """What vdsoctl says on stdout"""
    return run(CTL, *args, **options).stdout


def output_of(*command):
    """Bytes on its stdout"""
    return run(*command, text=False, errors=None).stdout


def complains(status, words, *command, **options):
    """Runs a command, which has to fail and to say this (a regular expression) on stderr."""
    said = run(*command, status=status, **options).stderr
    assert re.search(words, said), f"it does not say: {words}"


def under(image, *command):
    """A command that runs this one with the image for its vDSO"""
    return [CTL, "exec", "--image", image, "--", *command]


def info(pid):
    return json.loads(ctl("info", "-p", pid, "--json"))


def offset_of(image, symbol):
    """Where an image has an entry point"""
    steps = json.loads(ctl("compare", "--json", image))["steps"]
    return next(step["old_offset"] for step in steps if step["symbol"] == symbol)


def has_line(pattern, text):
    """Whether the pattern is found in one of the lines; ^ and $ are the line's."""
    return re.search(pattern, text, re.MULTILINE)


# The module

def load(*parameters):
    module = [str(DIR / "vdso_remap.ko")] if (DIR / "vdso_remap.ko").exists() else []
    ctl("load", *module, *parameters)


def load_if_missing():
    if not os.path.exists(DEVICE):
        load()


def unload_for_this_test():
    tap.defer(load_if_missing)
    ctl("unload")


# Files

def make_directory():
    """For the files of this test"""
    path = tempfile.mkdtemp()
    tap.defer(shutil.rmtree, path)
    return pathlib.Path(path)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def own_image(abi=ABI):
    """A file with the running kernel's vDSO"""
    path = str(make_directory() / abi)
    ctl("dump-image", "--machine", abi, "-o", path)
    return path


# Processes

def wait_until(condition, what, seconds=30):
    """CONDITION is asked again and again; WHAT says what it is."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.02)


def status_of(pid):
    with open(f"/proc/{pid}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def state_of(pid):
    return status_of(pid)["State"][0]


def tracer_of(pid):
    return int(status_of(pid)["TracerPid"])


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


def waits_for(state, pid):
    wait_until(lambda: state_of(pid) == state, f"process {pid} is in state {state}")


def maps_of(pid):
    with open(f"/proc/{pid}/maps") as file:
        return file.read()


def range_of(name, pid):
    """Where a process has [vdso] or [stack]"""
    found = re.search(rf"^([0-9a-f]+)-([0-9a-f]+) .*\[{name}\]$", maps_of(pid), re.MULTILINE)
    return range(int(found[1], 16), int(found[2], 16))


def vdso_of(pid):
    return range_of("vdso", pid).start


def threads_of(pid):
    return [int(tid) for tid in os.listdir(f"/proc/{pid}/task")]


def instruction_pointer(pid, tid):
    """Of a thread that is stopped or waits, or is about to"""
    def registers():
        with open(f"/proc/{pid}/task/{tid}/syscall") as file:
            return file.read().split()
    wait_until(lambda: registers() != ["running"], f"thread {tid} does not run")
    return int(registers()[-1], 16)


def thread_inside(pid):
    """One that stands in the vDSO of its process, of which none runs"""
    text = range_of("vdso", pid)
    for tid in threads_of(pid):
        ip = instruction_pointer(pid, tid)
        if ip in text:
            tap.note(f"thread {tid} is at {ip:#x}, in the vDSO at {text.start:#x}")
            return tid
    return None


class Process(subprocess.Popen):
    """A process that does not outlive its test. What it says goes to the test's log."""

    def __init__(self, *command, **options):
        options = {"stdin": subprocess.DEVNULL, "stdout": tap.log, "stderr": tap.log, **options}
        super().__init__([str(word) for word in command], **options)
        tap.note(f"$ {' '.join(str(word) for word in command)} & # process {self.pid}")
        tap.defer(self.end)

    def end(self):
        self.kill()
        self.wait(SECONDS)
        for file in self.stdin, self.stdout:
            if file:
                file.close()

    def has_ended(self):
        return self.poll() is not None

    def is_in(self, system_call):
        assert not self.has_ended(), f"process {self.pid} has ended"
        with contextlib.suppress(ProcessLookupError):     # it ends just now
            with open(f"/proc/{self.pid}/syscall") as file:
                return file.read().startswith(SYSTEM_CALLS[system_call])
        return False

    def waits_in(self, system_call):
        wait_until(lambda: self.is_in(system_call), f"process {self.pid} waits in {system_call}()")
        return self

    def finishes(self):
        """Of a busy target: that all its clocks were right"""
        self.send_signal(signal.SIGUSR1)
        self.exits(0)

    def exits(self, status):
        got = self.wait(SECONDS)
        assert got == status, f"process {self.pid} ended with {got}, not {status}"


def start_sleeper():
    return Process("sleep", "1000").waits_in("sleep")


def start_waiter(*command, system_call="pause"):
    return Process(*command).waits_in(system_call)


def start_busy(*command):
    """A target that is busy in four threads, all of which run"""
    busy = Process(*command, "busy")
    wait_until(lambda: status_of(busy.pid)["Threads"] == "4", "it has four threads")
    return busy


def all_threads_are_outside(pid):
    """And nobody traces the process any more."""
    return thread_inside(pid) is None and tracer_of(pid) == 0


class Holder(Process):
    """Holds an image in its memory, as a restored process does; for HOW see target.c. It makes its
    system calls outside of its vDSO, so that the vDSO may be moved."""

    def __init__(self, target, image, how=""):
        super().__init__(target, "hold", image, how, stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, text=True)
        self.address = int(self.stdout.readline(), 16)
        waits_for("S", self.pid)

    def answers(self, offset):
        """The image's clock_gettime(), which is that far in it, is right."""
        self.stdin.write(f"{offset}\n")
        self.stdin.flush()
        ready, _, _ = select.select([self.stdout], [], [], 30)
        answer = self.stdout.readline() if ready else ""
        assert answer == "right\n", f"the image's answer: {answer!r}"


def traced_by(tracer, pid):
    wait_until(lambda: tracer_of(pid) == tracer.pid, f"process {tracer.pid} traces {pid}")


def needs_32_bits():
    if not ABI32:
        tap.skip("this machine runs programs of one width only")


def needs_quick_steps():
    """For tests that step threads through functions which start again if the clock ticks."""
    if os.environ.get("STEPS_ARE_SLOW"):
        tap.skip("the steps take longer on this kernel than the time between two clock ticks")


if not os.path.exists(DEVICE):
    try:
        load()
    except AssertionError:
        tap.bail_out("the module can't be loaded")
