#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""vdsoctl evict: the threads of one process leave the vDSO"""
import os
import signal
import time

import tap
from helpers import (CTL, IMAGE32, IMAGES, TARGET, TARGET32_STATIC, TARGET_STATIC,
                     all_threads_are_outside, ctl, has_line, info, instruction_pointer,
                     needs_quick_steps, range_of, run, start_busy, start_waiter,
                     threads_of, waits_for)

WRONG = ["", "--tree 1 --cgroup /", "-p 1 --tree 1", "-p 1 extra", "-p 1 --timeout 0",
         "-p 1 --timeout 1s", "--tree x"]


def test_wrong_usage():
    """wrong usage of evict exits with 2"""
    for wrong in WRONG:
        run(CTL, "evict", *wrong.split(), status=2)


def test_process():
    """all threads are left stopped outside"""
    needs_quick_steps()
    busy = start_busy(TARGET)
    for _ in range(5):
        ctl("evict", "-p", busy.pid)
        for tid in threads_of(busy.pid):
            waits_for("T", tid)     # it may be on its way there, inside the kernel
        assert all_threads_are_outside(busy.pid)
        busy.send_signal(signal.SIGCONT)
        time.sleep(0.1)
    busy.finishes()


@tap.for_each(IMAGES)
def test_proxied_process(image):
    """evict works on a proxied process"""
    needs_quick_steps()
    busy = start_busy(CTL, "exec", "--image", image, TARGET_STATIC)
    ctl("evict", "-p", busy.pid)
    waits_for("T", busy.pid)
    busy.send_signal(signal.SIGCONT)
    time.sleep(0.1)
    busy.finishes()


# 32-bit threads make their system calls inside the vDSO.

def waits_inside(pid, place):
    ip = instruction_pointer(pid, pid)
    assert ip in place, f"{ip:#x} is not from {place.start:#x} to {place.stop:#x}"


def test_32_bits_system_call():
    """evict leaves a 32-bit thread in its system call"""
    waiting = start_waiter(TARGET32_STATIC, "wait", system_call="pause32")
    said = ctl("evict", "-p", waiting.pid)
    assert has_line("^at a system call.*: 1$", said)
    waits_for("T", waiting.pid)
    waits_inside(waiting.pid, range_of("vdso", waiting.pid))
    waiting.send_signal(signal.SIGCONT)
    waits_for("S", waiting.pid)


# It has called the image's function for system calls, and is to return to the runtime vDSO's.
def test_32_bits_return():
    """evict has a 32-bit thread return into the image"""
    waiting = start_waiter(CTL, "exec", "--image", IMAGE32, TARGET32_STATIC, "wait",
                           system_call="pause32")
    waits_inside(waiting.pid, range_of("vdso", waiting.pid))
    ctl("evict", "-p", waiting.pid)
    waits_for("T", waiting.pid)
    start = info(waiting.pid)["image"]["start"]
    waits_inside(waiting.pid, range(start, start + os.stat(IMAGE32).st_size))
    waiting.send_signal(signal.SIGCONT)
    waits_for("S", waiting.pid)


tap.main()
