#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""In the VM: what `criu restore` takes, by CRIU as it is and by ours, in turn; both built from
the same sources in the same way. (Debian's binary differs by more than that.)

That is how long processors work for it, whoever it is that runs on them. Until it is over also
takes waits, most of them until the timer ticks: a tick more or less, which is 4 million
instructions, decides nothing about who is faster, but is printed, too.

  criu.py dump DIR             dumps processes of 1 and 100 threads into DIR
  criu.py restore JSON DIR...  restores those of each DIR, and prints what a benchmark does
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

SHARE = "/share"
IMAGES = "/run/images"	# in memory
CRIU = {"stock": f"{SHARE}/criu-alone", "ours": f"{SHARE}/criu"}
COLUMNS = [*CRIU, *(f"{name}, elapsed" for name in CRIU)]
THREADS = (1, 100)
ROUNDS = 10
GOAL = 1.01	# no slower, to a hundredth: the two programs lie differently in memory
CLOCK = os.environ.get("BENCH_CLOCK", "ns")
TITLE = "criu restore"
# CRIU can't restore another kernel's rseq registration: not what is asked here
ENVIRONMENT = {**os.environ, "GLIBC_TUNABLES": "glibc.pthread.rseq=0"}


def run_criu(name, action, *options):
    # What it has found out about the kernel it keeps for next time, and goes by if it was the
    # same program: each has its own.
    known, kept = "/run/criu.kdat", f"/run/{name}.kdat"
    if os.path.exists(kept):
        os.rename(kept, known)
    result = subprocess.run([CRIU[name], action, "-D", IMAGES, "-o", "log", *options],
                            stdin=subprocess.DEVNULL, env=ENVIRONMENT, check=False)
    if result.returncode:
        with open(f"{IMAGES}/log", errors="replace") as log:
            sys.exit(f"{name} {action}: {result.returncode}\n{log.read()[-4000:]}")
    os.rename(known, kept)


def nr_threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


def dump(directory):
    for threads in THREADS:
        # free on other kernels, too, where a boot takes the first few
        with open("/proc/sys/kernel/ns_last_pid", "w") as last:
            last.write("20000")
        child = subprocess.Popen([f"{SHARE}/sleeper", str(threads)], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                 env=ENVIRONMENT, start_new_session=True)
        while nr_threads(child.pid) < threads:
            time.sleep(0.01)
        time.sleep(0.1)
        os.makedirs(IMAGES)
        run_criu("ours", "dump", "-t", str(child.pid))
        child.wait()
        shutil.copytree(IMAGES, f"{directory}/{threads}")
        shutil.rmtree(IMAGES)


def work_done():
    """ns that tasks have run on any processor; what runs is counted when it stops"""
    time.sleep(0.001)
    with open("/proc/schedstat") as file:
        return sum(int(line.split()[7]) for line in file if re.match(r"cpu\d", line))


def restore_once(name, threads):
    """[work, elapsed], ns"""
    work = work_done()
    begin = time.perf_counter_ns()
    run_criu(name, "restore", "-d", "--pidfile", "pid")
    elapsed = time.perf_counter_ns() - begin
    work = work_done() - work
    with open(f"{IMAGES}/pid") as file:
        pid = int(file.read())
    os.remove(f"{IMAGES}/pid")
    if nr_threads(pid) != threads:
        sys.exit(f"{name}: {nr_threads(pid)} threads, not {threads}")
    os.kill(pid, signal.SIGKILL)
    while os.path.exists(f"/proc/{pid}"):
        time.sleep(0.01)
    return [work, elapsed]


def measure(directory, threads):
    """The best of both figures, by column"""
    shutil.copytree(f"{directory}/{threads}", IMAGES)
    best = dict.fromkeys(CRIU, [float("inf")] * 2)
    for _ in range(ROUNDS):
        for name in CRIU:
            best[name] = list(map(min, best[name], restore_once(name, threads)))
    shutil.rmtree(IMAGES)
    work, elapsed = zip(*best.values())
    return dict(zip(COLUMNS, work + elapsed))


def restore(output, directories):
    ratios = []
    print(f"{TITLE}, {CLOCK}\n{'':34}" + "".join(f"{column:>16}" for column in COLUMNS))
    with open(output, "w") as file:
        for directory in directories:
            for threads in THREADS:
                best = measure(directory, threads)
                row = f"{threads} thread{'s' * (threads > 1)}, from {os.path.basename(directory)}"
                print(f"{row:34}" + "".join(f"{value:16}" for value in best.values()), flush=True)
                print(json.dumps({"table": TITLE, "unit": CLOCK, "row": row, "values": best}),
                      file=file)
                ratios.append((f"{row}: ours / stock", best["ours"] / best["stock"]))
        print()
        for what, value in ratios:
            print(f"{what:66} {value:8.3f}   goal <= {GOAL}: "
                  f"{'met' if value <= GOAL else 'MISSED'}")
            print(json.dumps({"ratio": what, "value": value, "goal": GOAL}), file=file)


def main():
    subprocess.run(["insmod", f"{SHARE}/module/{os.uname().release}/vdso_remap.ko"], check=True)
    if sys.argv[1] == "dump":
        dump(sys.argv[2])
    else:
        restore(sys.argv[2], sys.argv[3:])
    subprocess.run(["rmmod", "vdso_remap"], check=True)


main()
