#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""vdsoctl exec: a program that has an image for its vDSO, and must not notice anything else"""
import contextlib
import json
import os
import shutil
import signal
import time

import tap
from helpers import (ABI, ABI32, AS_NOBODY, CLOCK_GETTIME, CTL, DEVICE, IMAGE, IMAGES, IMAGES32,
                     TARGET, TARGET32_STATIC, TARGET_STATIC, Process, complains, ctl,
                     make_directory, needs_32_bits, own_image, read, run, state_of, under, write)

YAMA = "/proc/sys/kernel/yama/ptrace_scope"

# run by the program that has the image
NAMES_THE_IMAGE = """
import sys
words = memoryview(open("/proc/self/auxv", "rb").read()).cast("L")
vdso = dict(zip(words[::2], words[1::2]))[33]
image = open(sys.argv[1], "rb").read()
memory = open("/proc/self/mem", "rb")
memory.seek(vdso)
here = memory.read(len(image))
assert here[:0x200] == image[:0x200], "the auxiliary vector names something else"
assert here != image, "no site is installed"
"""
SHOWS_ITSELF = r"""
read children </proc/$$/task/$$/children
echo "children: $children"
ls -l /proc/$$/fd | wc -l
grep -E "^(Sig|Shd|TracerPid|Threads|PPid)" /proc/$$/status
env | grep -v ^_=
"""
HAS_NO_SIGNAL = """
import signal
assert not signal.sigpending(), signal.sigpending()
"""


# What can't run

def test_errors():
    """exec says what can't run"""
    work = make_directory()
    write(work / "plain", "")
    complains(127, "not found", *under(IMAGE, "no-such-program"))
    complains(126, str(work), *under(IMAGE, work))
    complains(126, "Permission", *under(IMAGE, work / "plain"))
    complains(125, "no vDSO", *under(__file__, "true"))
    complains(125, "No such file", *under(work / "none", "true"))


def test_own_image():
    """exec of the own image: in place, or proxied by force"""
    own = own_image()
    assert "image vDSO" not in run(*under(own, CTL, "info")).stdout
    assert f"near jump to {CLOCK_GETTIME}" in \
        ctl("exec", "--force-proxy", "--image", own, "--", CTL, "info")
    ctl("exec", "--force-proxy", "--image", own, "--", TARGET, "check")


# Nothing has to be changed, and the program is still looked at.
def test_own_image_of_another_kind():
    """exec of the own image: programs of another kind are refused"""
    needs_32_bits()
    complains(125, f"program is an {ABI32} one", *under(own_image(), TARGET32_STATIC, "check"))
    complains(125, f"program is an {ABI} one", *under(own_image(ABI32), "true"))


def test_traced():
    """exec says that it is traced"""
    if not shutil.which("strace"):
        tap.skip("no strace here")
    complains(125, "traces vdsoctl already", "strace", "-o", make_directory() / "trace",
              CTL, "exec", "--image", IMAGE, "true")


@contextlib.contextmanager
def ancestors_only():
    """Yama lets a process be traced by its ancestors only."""
    old = read(YAMA).decode()
    write(YAMA, "1")
    try:
        yield
    finally:
        write(YAMA, old)


def test_ordinary_user():
    """exec runs for an ordinary user who may open the device"""
    work = make_directory()
    work.chmod(0o755)
    image = shutil.copy(IMAGE, work / "image")
    os.chmod(image, 0o644)
    complains(125, "no permission", *AS_NOBODY, *under(image, "true"))
    tap.defer(os.chmod, DEVICE, 0o600)
    os.chmod(DEVICE, 0o666)
    with ancestors_only():
        run(*AS_NOBODY, *under(image, TARGET, "check"))


# What the program has

@tap.for_each(IMAGES)
def test_image(image):
    """exec makes it the program's vDSO"""
    said = json.loads(run(*under(image, CTL, "info", "--json")).stdout)
    run(*under(image, "cat", "/proc/self/maps"))
    sites = {entry["symbol"]: (entry["site"], entry["leads_to"])
             for entry in said["image"]["symbols"]}
    assert sites[CLOCK_GETTIME] == ("near jump", CLOCK_GETTIME), sites
    assert said["mark"]["version"] == 3 and said["mark"]["image"] == said["image"]["start"]
    assert abs(said["mark"]["image"] - said["kernel_pointer"]) < 2**31


@tap.for_each(IMAGES)
def test_auxiliary_vector(image):
    """the auxiliary vector points to it"""
    run(*under(image, "python3", "-c", NAMES_THE_IMAGE, image))


@tap.for_each(IMAGES)
def test_time(image):
    """time is right, linked statically and dynamically"""
    run(*under(image, TARGET_STATIC, "check"))
    run(*under(image, TARGET, "check"))


@tap.for_each(IMAGES)
def test_exit_status(image):
    """the exit status passes through"""
    run(*under(image, "true"))
    run(*under(image, "false"), status=1)
    run(*under(image, "sh", "-c", "exit 7"), status=7)


@tap.for_each(IMAGES)
def test_script(image):
    """scripts run"""
    work = make_directory()
    write(work / "script", "#!/bin/sh\nexit 9\n")
    write(work / "orphan", f"#!{work}/none\n")
    for script in work.iterdir():
        script.chmod(0o755)
    run(*under(image, work / "script"), status=9)
    complains(127, "interpreter", *under(image, work / "orphan"))


@tap.for_each(IMAGES)
def test_32_bit_program(image):
    """a 32-bit program is refused"""
    needs_32_bits()
    complains(125, f"program is an {ABI32} one", *under(image, TARGET32_STATIC, "check"))


# What the program sees of itself is the same with and without vdsoctl.
@tap.for_each(IMAGES)
def test_no_trace(image):
    """the program finds no trace of us"""
    plain = run("bash", "-c", SHOWS_ITSELF).stdout
    assert run(*under(image, "bash", "-c", SHOWS_ITSELF)).stdout == plain
    assert "\nTracerPid:\t0\n" in plain


@tap.for_each(IMAGES)
def test_calling_process(image):
    """the program is the calling process"""
    pids = run("sh", "-c", 'echo $$; exec "$@"', "sh",
               *under(image, "sh", "-c", "echo $$")).stdout.split()
    assert len(pids) == 2 and pids[0] == pids[1]


@tap.for_each(IMAGES)
def test_sigchld(image):
    """no SIGCHLD is left waiting"""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    tap.defer(signal.pthread_sigmask, signal.SIG_UNBLOCK, [signal.SIGCHLD])
    # its mask is the program's
    run(*under(image, "python3", "-c", HAS_NO_SIGNAL))


@tap.for_each(IMAGES)
def test_closed_descriptors(image):
    """closed descriptors are no obstacle"""
    run("sh", "-c", '"$@" <&- >&- 2>&-', "sh", *under(image, "sh", "-c", "exit 4"), status=4)


@tap.for_each(IMAGES)
def test_signals(image):
    """signals pass through"""
    def kills_itself(script, **options):
        run(*under(image, "sh", "-c", script), **options)

    kills_itself("kill -TERM $$; sleep 9", status=-signal.SIGTERM)
    kills_itself("kill -INT $$; sleep 9", status=-signal.SIGINT)
    kills_itself('trap "exit 6" TERM; kill -TERM $$; sleep 9', status=6)
    # ignored by this program, and by those that it starts
    tap.defer(signal.signal, signal.SIGTRAP, signal.signal(signal.SIGTRAP, signal.SIG_IGN))
    kills_itself("kill -TRAP $$; exit 3", status=3)


# Wherever the signal hits: vdsoctl, execve(), the helper's work, the program.
@tap.for_each(IMAGES)
def test_early_signal(image):
    """no signal is lost during the start"""
    for ms in range(0, 100, 4):
        tap.note(f"after {ms} ms")
        process = Process(*under(image, "sleep", "100"))
        time.sleep(ms / 1000)
        process.terminate()
        process.exits(-signal.SIGTERM)


@tap.for_each(IMAGES)
def test_early_stop(image):
    """a stop during the start is obeyed"""
    for ms in range(0, 96, 8):
        tap.note(f"after {ms} ms")
        process = Process(*under(image, "sleep", "100"))
        time.sleep(ms / 1000)
        process.send_signal(signal.SIGSTOP)
        for _ in range(40):     # once stopped for a while, it stays so
            time.sleep(0.1)
            if state_of(process.pid) in "Tt":
                break
        assert state_of(process.pid) in "Tt"
        process.terminate()     # waits for the SIGCONT
        process.send_signal(signal.SIGCONT)
        process.exits(-signal.SIGTERM)


@tap.for_each(IMAGES)
def test_no_randomization(image):
    """works without address randomization"""
    run("setarch", "-R", *under(image, TARGET, "check"))


def test_unseal():
    """--unseal is no obstacle to exec where nothing is sealed"""
    ctl("exec", "--unseal", "--image", IMAGE, TARGET, "check")


@tap.for_each(IMAGES32)
def test_64_bit_program(image):
    """a 64-bit program is refused"""
    complains(125, f"program is an {ABI} one", *under(image, "true"))


tap.main()
