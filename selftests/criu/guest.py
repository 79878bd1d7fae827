#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""In the VM: dumps processes, restores them on another kernel, and asks whether
their vDSO answers truly. Speaks TAP.

  guest.py dump CRIU TO NAME...       starts these programs and dumps them
  guest.py restore CRIU FROM TO       restores all that is in FROM, asks, and
                                      dumps again into TO
  guest.py carry CRIU[,DUMPER] FROM TO NAME...
                                      restores these and dumps them, by another CRIU
                                      if that is named, asking nothing
  guest.py zdtm CRIU NAME...          CRIU's own tests, twice each, also as proxies
  guest.py without-module CRIU PLUGIN FROM
                                      unloads it, and dumps and restores by CRIU; and by
                                      the plugin what is in FROM, of another kernel
  guest.py modes-dump CRIU TO MODE... dumps families in these ways of modes.py
  guest.py modes-restore CRIU FROM [TO]
                                      restores all that is in FROM in its ways, asks,
                                      and dumps it so again into TO
  guest.py busy-dump CRIU TO NAME COUNT [evict]
                                      dumps four threads of "busy" or "busy32", each
                                      somewhere inside the vDSO; with "evict", brought
                                      out by vdsoctl, with their control group frozen
  guest.py busy-restore CRIU FROM TABLE [right|alive|named]
                                      restores them, counts in the file TABLE what
                                      became of them, and claims that all are right;
                                      none crashes; nor that, and the log names those
                                      that answer wrongly
  guest.py container-dump KIND TO ENGINE COUNT NAME...
                                      dumps these programs in containers, of crun,
                                      podman-host or podman-default, COUNT times;
                                      for KIND see containers.py
  guest.py container-restore KIND FROM ENGINE TABLE
                                      restores all that is in FROM, and asks; counts
                                      in the file TABLE how many are right

CRIU is a program. FROM and TO are directories of the host.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import containers
import modes
from processes import (ABI32, ENVIRONMENT, REPORTS, SHARE, WORK, Failure, Process, Tap, children,
                       dump, keep, log_of, restore, run_criu, start, tail_of, wait_until, write)

GROUP = "/sys/fs/cgroup/busy"
# If that is there, the plugin does not do without the module.
REQUIRED = "/etc/criu/vdso-remap-required"
# Process ids that are kept free for each
PIDS = 100


def describe(directory, memory, nr_vdsos):
    with open(f"{directory}/process", "w") as file:
        json.dump([memory, nr_vdsos], file)


def recall(directory):
    with open(f"{directory}/process") as file:
        return json.load(file)


def is_dumped_here(tap, name):
    """CRIU asks the kernel for rseq by ptrace from 5.13 on. Before, its parasite makes an
    mmap() for that which fails in 32-bit processes, and writes there; and CRIU refuses
    processes that have registered."""
    release = tuple(int(n) for n in re.findall(r"\d+", os.uname().release)[:2])
    if name not in (ABI32, "busy32", "rseq") or release >= (5, 13):
        return True
    tap.skip(f"{name}: dumped", "CRIU refuses registrations of rseq on kernels before 5.13"
             if name == "rseq" else "CRIU crashes 32-bit processes on kernels before 5.13")
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
            # CRIU alone leaves a mapping behind, also with the plugin
            memory = process.memory() if criu == f"{SHARE}/criu" else None
            nr_vdsos = process.nr_vdsos()
            images = dump(criu, process)
            describe(images, memory, nr_vdsos)
            child.wait()
            keep(images, f"{to}/{name}")
            tap.claim(True, f"{name}: dumped")
        except (Failure, OSError, IndexError) as failure:
            tap.claim(False, f"{name}: dumped", failure)


def restore_all(tap, criu, source, to):
    for name in sorted(os.listdir(source)):
        try:
            process, images = restore(criu, name, f"{source}/{name}")
            answer = process.ask()
            said = "\n".join(log_of(images, "restore.log"))
            memory, nr_vdsos = recall(f"{source}/{name}")
            # With the plugin CRIU itself moves the vDSO of this kernel, in words of its own.
            words = "is a proxy of|was moved to|remap inplace" if criu == f"{SHARE}/criu-plugin" else \
                "is a proxy of|was moved to"
            ours = criu == "criu" or name == "unmapped" or re.search(words, said)
            tap.claim(answer.startswith("right") and "kept" not in answer and ours,
                      f"{name}: every answer is right", f"{answer}\n{said}")
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
    restorer, _, dumper = criu.partition(",")
    for name in names:
        if not os.path.isdir(f"{source}/{name}"):
            tap.skip(f"{name}: restored and dumped", "it could not be dumped")
            continue
        try:
            process, _ = restore(restorer, name, f"{source}/{name}")
            if not is_dumped_here(tap, name):
                process.kill()
                continue
            images = dump(dumper or restorer, process)
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
        pids = [pid, *children(pid)]	# which the restored processes will have
        run_criu(criu, "dump", images, "dump.log", "-t", str(pid))
        wait_until(lambda p=pids: not any(os.path.exists(f"/proc/{pid}") for pid in p),
                   f"{name} to be gone")
        run_criu(criu, "restore", images, "restore.log", "-d", environment=environment)
    if not Process(name, pid).is_alive():
        with open(f"{directory}/out") as file:
            raise Failure(f"it has ended\n{file.read()}\n{tail_of(images, 'restore.log')}\n" +
                          "\n".join(subprocess.run(["dmesg"], stdout=subprocess.PIPE, text=True,
                                                   check=False).stdout.splitlines()[-5:]))
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
                tap.claim(False, f"{name}{' as a proxy' if environment else ''}", failure)


def restore_by_ptrace(tap, plugin, source):
    """What the plugin does without the module: every answer is right all the same."""
    for name in sorted(os.listdir(source)):
        try:
            process, images = restore(plugin, name, f"{source}/{name}")
            answer = process.ask()
            said = "\n".join(log_of(images, "restore.log"))
            process.kill()
            tap.claim(answer.startswith("right") and (", by ptrace" in said or name == "unmapped"),
                      f"{name}: every answer is right, by ptrace", f"{answer}\n{said}")
        except (Failure, OSError) as failure:
            tap.claim(False, f"{name}: restored by ptrace", failure)


def restore_without_ioctl(tap, plugin, source):
    """What the plugin does if it can't make the vDSO a proxy"""
    images = f"{WORK}/failing"
    keep(f"{source}/plain", images)
    environment = {"CRIU": plugin}
    options = ["-d", "--pidfile", f"{images}/pid"]
    run_criu(f"{SHARE}/no-proxy", "restore", images, "restore.log", *options,
             environment=environment)
    with open(f"{images}/pid") as file:
        process = Process("plain", int(file.read()))
    said = "\n".join(log_of(images, "restore.log"))
    tap.claim("is as CRIU restores it" in said and process.is_alive(),
              "if the ioctl fails, a process runs as CRIU has restored it", said)
    process.kill()
    os.remove(f"{images}/pid")
    try:
        run_criu(f"{SHARE}/no-proxy", "restore", images, "restore.log", *options,
                 environment={**environment, "VDSO_REMAP_REQUIRED": "1"})
        failed = False
    except Failure:
        failed = True
    said = "\n".join(log_of(images, "restore.log"))
    tap.claim(failed and f"Killing {process.pid}:" in said and not process.is_alive(),
              "if the ioctl fails and it is required, the restore fails", said)


def refuse(tap, plugin, action, images, *options, environment=None):
    try:
        run_criu(plugin, action, images, f"{action}.log", *options, environment=environment)
        tap.claim(False, f"the {action} fails if the module is required")
    except Failure as failure:
        said = "\n".join(log_of(images, f"{action}.log"))
        tap.claim("Is the module loaded" in said, f"the {action} fails if the module is required",
                  f"{failure}\n{said}")


def require_module(tap, plugin):
    """By a variable for the dump, by a file for the restore"""
    images = f"{WORK}/required"
    os.makedirs(images)
    process, child = start("plain", 31500)
    refuse(tap, plugin, "dump", images, "-t", str(process.pid),
           environment={"VDSO_REMAP_REQUIRED": "1"})
    answer = process.ask()
    tap.claim(answer.startswith("right"), "a process that was not dumped is right", answer)
    run_criu(plugin, "dump", images, "dump.log", "-t", str(process.pid),
             environment={"VDSO_REMAP_REQUIRED": "0"})
    child.wait()
    os.makedirs(os.path.dirname(REQUIRED), exist_ok=True)
    write(REQUIRED, "")
    refuse(tap, plugin, "restore", images, "-d")
    os.remove(REQUIRED)
    tap.claim(not process.is_alive(), "a process that was not restored is not there")


def without_module(tap, criu, plugin, source):
    """It has its own way for that, and says so: there and back on this kernel."""
    try:
        restore_without_ioctl(tap, plugin, source)
    except (Failure, OSError) as failure:
        tap.claim(False, "a restore whose ioctl fails", failure)
    subprocess.run(["rmmod", "vdso_remap"], check=True)
    restore_by_ptrace(tap, plugin, source)
    try:
        require_module(tap, plugin)
    except (Failure, OSError) as failure:
        tap.claim(False, "the module is required", failure)
    try:
        process, child = start("plain", 31000)
        images = dump(criu, process)
        child.wait()
        process, restored = restore(criu, "plain", images)
        answer = process.ask()
        process.kill()
        for directory, log in ((images, "dump.log"), (restored, "restore.log")):
            tap.claim("Is the module loaded" in "\n".join(log_of(directory, log)),
                      f"{log} says that there is no module")
        tap.claim(answer.startswith("right"), "without the module it is as without us", answer)
    except (Failure, OSError) as failure:
        tap.claim(False, "without the module", failure)
    subprocess.run(["insmod", f"{SHARE}/module/{os.uname().release}/vdso_remap.ko"], check=True)


def busy_dump(tap, criu, to, name, count, *evict):
    """Each dump finds the threads at other instructions."""
    if not is_dumped_here(tap, name):
        os.makedirs(to)
        return
    process, child = start(name, 30000)
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
            keep(images, f"{to}/{name}-{number}")
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
        report_name = f"{REPORTS}/{name.partition('-')[0]}"
        try:
            if os.path.exists(report_name):
                os.remove(report_name)
            process, images = restore(criu, name, f"{source}/{name}")
            process.name = os.path.basename(report_name)
            os.kill(process.pid, signal.SIGCONT)
            time.sleep(0.2)
            if process.is_alive():
                answer = process.ask()
            else:
                with open(report_name) as report:
                    # Of two threads that crash at once, the second may have emptied the file.
                    answer = report.read() or "crashed"
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
    if not os.listdir(source):
        tap.skip("busy processes", "none was dumped on that kernel")
    elif demand == ("right",):
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
        without_module(tap, criu, *arguments)
    elif command == "modes-dump":
        modes.dump_all(tap, criu, arguments[0], arguments[1:])
    elif command == "modes-restore":
        modes.restore_all(tap, criu, *arguments)
    elif command == "busy-dump":
        to, name, count, *evict = arguments
        busy_dump(tap, criu, to, name, int(count), *evict)
    elif command == "busy-restore":
        busy_restore(tap, criu, *arguments)
    elif command == "container-dump":
        to, engine, count, *names = arguments
        containers.dump_all(tap, criu, to, engine, int(count), names)
    elif command == "container-restore":
        containers.restore_all(tap, criu, *arguments)
    else:
        sys.exit(__doc__)
    tap.end()


main()
