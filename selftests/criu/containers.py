# SPDX-License-Identifier: GPL-2.0
"""Containers of crun and podman, which start Debian's CRIU. What it has of ours is one of:
  stock                  nothing
  plugin                 the plugin is where CRIU looks, and the module is loaded
  plugin-without-module  the plugin alone"""
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import time

from processes import ENVIRONMENT, REPORTS, SHARE, WORK, Failure, Process, keep, wait_until

DEVICE = "/dev/vdso_remap"
PLUGINS = "/usr/lib/criu"
ROOTFS = "/run/rootfs"
IMAGE = "localhost/servers"
TUNABLES = f"GLIBC_TUNABLES={ENVIRONMENT['GLIBC_TUNABLES']}"

PROGRAMS = {
    "busy": [f"{SHARE}/dumpee", f"{REPORTS}/busy", "busy"],
    "python3": ["python3", f"{SHARE}/asked.py", f"{REPORTS}/python3"],
    "server": ["python3", f"{SHARE}/server.py", f"{REPORTS}/server"],
    "java": ["java", "-Xshare:off", "-cp", SHARE, "Server", f"{REPORTS}/java"],
}


def run(*command, cwd=None):
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, check=False, cwd=cwd)
    if result.returncode:
        raise Failure(f"{' '.join(command)}: {result.returncode}\n{result.stdout}")
    return result.stdout.strip()


def last_lines_of(log, pattern):
    with open(log, errors="replace") as file:
        return "\n".join([line.strip() for line in file if re.search(pattern, line)][-25:])


def prepare(criu):
    """The plugin is where CRIU looks, or not, and the module; the kernel finds its own modules."""
    shutil.rmtree(PLUGINS, ignore_errors=True)
    if criu != "stock":
        os.makedirs(PLUGINS)
        shutil.copy(f"{SHARE}/plugin/vdso_remap_plugin.so", PLUGINS)
    modules = f"/lib/modules/{os.uname().release}"
    if not os.path.exists(modules):
        os.makedirs(os.path.dirname(modules), exist_ok=True)
        os.symlink(f"{SHARE}/modules/{os.uname().release}", modules)
    is_loaded = os.path.exists(DEVICE)
    if is_loaded and criu == "plugin-without-module":
        run("rmmod", "vdso_remap")
    elif not is_loaded and criu == "plugin":
        run("insmod", f"{SHARE}/module/{os.uname().release}/vdso_remap.ko")


def make_rootfs():
    """Directories for what is mounted, and a copy of /etc"""
    if os.path.exists(ROOTFS):
        return
    for directory in ("proc", "dev", "sys", "run", "tmp", "usr", "var", SHARE[1:], REPORTS[1:]):
        os.makedirs(f"{ROOTFS}/{directory}")
    for link in ("bin", "lib", "lib64", "sbin"):
        os.symlink(f"usr/{link}", f"{ROOTFS}/{link}")
    shutil.copytree("/etc", f"{ROOTFS}/etc", symlinks=True)


class Crun:
    """A bundle of its own for each. The network is the host's: CRIU before 4.2 can't dump another
    one on kernels from 7.1 on, which have no UDP-Lite."""
    mounts = [("/usr", "ro"), (SHARE, "ro"), (REPORTS, "rw")]

    def __init__(self, *_):
        make_rootfs()

    def bundle(self, name):
        path = f"{WORK}/bundle-{name}"
        if os.path.exists(path):
            return path
        os.makedirs(path)
        run("crun", "spec", cwd=path)
        with open(f"{path}/config.json") as file:
            config = json.load(file)
        config["root"] = {"path": ROOTFS, "readonly": False}
        config["process"].update(terminal=False, args=PROGRAMS[name])
        config["process"]["env"].append(TUNABLES)
        config["linux"]["namespaces"] = [namespace for namespace in config["linux"]["namespaces"]
                                         if namespace["type"] != "network"]
        config["mounts"] += [{"destination": mount, "source": mount, "type": "bind",
                              "options": ["rbind", mode]} for mount, mode in self.mounts]
        with open(f"{path}/config.json", "w") as file:
            json.dump(config, file)
        return path

    def crun(self, *words):
        """A container has the descriptors that crun has: what crun itself says is in a file."""
        log = f"{WORK}/crun.log"
        result = subprocess.run(["crun", f"--log={log}", *words], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        if result.returncode:
            with open(log) as said:
                raise Failure(f"crun {' '.join(words)}: {result.returncode}\n{said.read()}")

    def start(self, name):
        self.crun("run", "--detach", "-b", self.bundle(name), name)
        return self.process(name)

    def process(self, name):
        return Process(name, json.loads(run("crun", "state", name))["pid"])

    def dump(self, name, images, *options):
        os.makedirs(images)
        try:
            self.crun("checkpoint", "--tcp-established", f"--image-path={images}",
                      f"--work-path={images}", *options, name)
        except Failure as failure:
            raise Failure(f"{failure}\n{self.log(images, 'dump.log', '')}") from failure

    def restore(self, name, images):
        try:
            self.crun("restore", "--detach", "--tcp-established", "-b", self.bundle(name),
                      f"--image-path={images}", f"--work-path={images}", name)
        except Failure as failure:
            raise Failure(f"{failure}\n{self.log(images, 'restore.log', '')}") from failure
        return self.process(name)

    def log(self, images, log, pattern):
        return last_lines_of(f"{images}/{log}", pattern)

    def remove(self, name):
        subprocess.run(["crun", "delete", "--force", name], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)


class Podman:
    """On the host's network without seccomp, as CRIU has it easiest; or as podman does by default,
    with a network and a seccomp profile of its own."""
    command = ["podman", "--cgroup-manager=cgroupfs", "--events-backend=file",
               "--storage-driver=vfs", "--runtime=crun"]
    options = {
        "host": ["--network", "host", "--security-opt", "seccomp=unconfined"],
        "default": [],
    }

    def __init__(self, kind, directory):
        """The image is made where containers are dumped first, and kept beside them."""
        self.kind = kind
        archive = f"{directory}/image.tar"
        if os.path.exists(archive):
            self.podman("load", "-q", "-i", archive)
            return
        make_rootfs()
        os.makedirs(directory, exist_ok=True)
        run("tar", "-cf", f"{WORK}/rootfs.tar", "-C", ROOTFS, ".")
        self.podman("import", "-q", f"{WORK}/rootfs.tar", IMAGE)
        self.podman("save", "-q", "-o", archive, IMAGE)

    def podman(self, *words):
        return run(*self.command, *words)

    def start(self, name):
        # paths that are masked by default are not the same on all kernels, and CRIU wants them
        self.podman("run", "-d", "--name", name, "--log-driver", "k8s-file", "-e", TUNABLES,
                    "--security-opt", "unmask=ALL", *self.options[self.kind], "-v", "/usr:/usr:ro",
                    "-v", f"{SHARE}:{SHARE}:ro", "-v", f"{REPORTS}:{REPORTS}", IMAGE, *PROGRAMS[name])
        return self.process(name)

    def process(self, name):
        return Process(name, int(self.podman("inspect", "-f", "{{.State.Pid}}", name)))

    def dump(self, name, images, *options):
        os.makedirs(images)
        try:
            self.podman("container", "checkpoint", "--export", f"{images}/checkpoint.tar.gz",
                        "--tcp-established", *options, name)
        except Failure as failure:
            raise Failure(f"{failure}\n{self.log(images, 'dump.log', '')}") from failure

    def restore(self, name, images):
        try:
            self.podman("container", "restore", "--keep", "--tcp-established", "--import",
                        f"{images}/checkpoint.tar.gz")
        except Failure as failure:
            raise Failure(f"{failure}\n{self.log(images, 'restore.log', '')}") from failure
        return self.process(name)

    def log(self, _, log, pattern):
        """Of the last container"""
        paths = glob.glob(f"/var/lib/containers/storage/*-containers/*/userdata/{log}")
        if not paths:
            return f"no {log}"
        return last_lines_of(max(paths, key=os.path.getmtime), pattern)

    def remove(self, name):
        subprocess.run([*self.command, "rm", "-f", "-t", "0", name], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)


ENGINES = {
    "crun": Crun,
    "podman-host": lambda directory: Podman("host", directory),
    "podman-default": lambda directory: Podman("default", directory),
}


def wait_for_report(process):
    wait_until(lambda: os.path.exists(f"{REPORTS}/{process.name}") or not process.is_alive(),
               f"{process.name}: to be ready")


def stop_inside(process, seed):
    """Every thread of "busy" at some instruction of the vDSO"""
    if process.name == "busy":
        run(f"{SHARE}/stepper", str(process.pid), str(seed))


def go_on(process):
    os.kill(process.pid, signal.SIGCONT)
    time.sleep(0.2)


def dump_one(engine, name, to, count):
    """Each dump finds the threads elsewhere; the container is right after all but the last one."""
    if os.path.exists(f"{REPORTS}/{name}"):
        os.remove(f"{REPORTS}/{name}")
    process = engine.start(name)
    wait_for_report(process)
    for number in range(count):
        images = f"{WORK}/{name}-{number}"
        stop_inside(process, number)
        engine.dump(name, images, *(["--leave-running"] if number < count - 1 else []))
        if number < count - 1:
            go_on(process)
            answer = process.ask()
            if not answer.startswith("right"):
                raise Failure(f"after dump {number}: {answer}")
        keep(images, f"{to}/{name}-{number}")
        shutil.rmtree(images)
    engine.remove(name)


def dump_all(tap, criu, to, kind, count, names):
    prepare(criu)
    engine = ENGINES[kind](to)
    for name in names:
        claim = f"{kind}, {name}: dumped"
        try:
            dump_one(engine, name, to, count)
            tap.claim(True, claim)
        except (Failure, OSError) as failure:
            tap.claim(False, claim, failure)
            engine.remove(name)


def restore_one(engine, name, images):
    """Returns what it says, and CRIU's log."""
    report = f"{REPORTS}/{name}"
    if os.path.exists(report):
        os.remove(report)
    process = engine.restore(name, images)
    log = engine.log(images, "restore.log", "vdso|Error")
    go_on(process)
    answer = process.ask()
    engine.remove(name)
    return answer, log


def restore_all(tap, criu, source, kind, table):
    """All have to be right with the plugin; with stock CRIU they are counted only."""
    prepare(criu)
    engine = ENGINES[kind](source)
    # with which words the plugin tells a proxy; CRIU itself moves an unchanged vDSO
    how = "remap inplace|" + (", by ptrace" if criu == "plugin-without-module" else "is a proxy of")
    count = {}
    for directory in sorted(d for d in os.listdir(source) if os.path.isdir(f"{source}/{d}")):
        name = directory.partition("-")[0]
        images = f"{WORK}/restored-{directory}"
        keep(f"{source}/{directory}", images)
        try:
            answer, log = restore_one(engine, name, images)
        except (Failure, OSError) as failure:
            answer, log = f"failed: {failure}", ""
            engine.remove(name)
        shutil.rmtree(images)
        print(f"# {directory}: {answer}")
        right = answer.startswith("right")
        count.setdefault(name, []).append(right)
        if criu == "stock":
            continue
        claim = f"{kind}, {directory}: every answer is right, {criu}"
        if "No mapping for" in answer:
            tap.skip(claim, "CRIU finds no mapping for one of its mounts here")
        else:
            tap.claim(right and re.search(how, log), claim, f"{answer}\n{log}")
    os.makedirs(os.path.dirname(table), exist_ok=True)
    with open(table, "w") as file:
        json.dump({name: [sum(rights), len(rights)] for name, rights in count.items()}, file)
