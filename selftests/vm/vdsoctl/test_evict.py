#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""vdsoctl evict: the threads of one process leave the vDSO"""
import signal
import time

import tap
from helpers import (CTL, IMAGES, TARGET, TARGET_STATIC, all_threads_are_outside, ctl,
                     needs_quick_steps, run, start_busy, threads_of, waits_for)

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


tap.main()
