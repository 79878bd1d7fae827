# SPDX-License-Identifier: GPL-2.0
"""namespaces.py PROGRAM ARG...: runs a static program as the first process of a
mount, pid, time and user namespace, in a root where nothing else is, no device either."""
import ctypes
import os
import shutil
import sys

ROOT = "/srv/root-of-its-own"
MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 1 << 12, 1 << 14, 1 << 18, 2
# in os from 3.12 on
CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWTIME, CLONE_NEWUSER = 1 << 17, 1 << 29, 1 << 7, 1 << 28

libc = ctypes.CDLL(None, use_errno=True)


def call(function, *arguments):
    if function(*[a.encode() if isinstance(a, str) else a for a in arguments]):
        raise OSError(ctypes.get_errno(), f"{arguments}")


def prepare(program):
    """The root, as a mount point; also where the process is to be restored"""
    if os.path.exists(ROOT):
        return
    for directory in ("proc", "old", "run/dumpee"):
        os.makedirs(f"{ROOT}/{directory}")
    with open(f"{ROOT}/null", "w"):
        pass
    shutil.copy(program, f"{ROOT}/program")
    call(libc.mount, ROOT, ROOT, None, MS_BIND, None)
    call(libc.mount, "none", ROOT, None, MS_PRIVATE, None)


def main():
    prepare(sys.argv[1])
    call(libc.unshare, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWTIME)
    for name, text in (("setgroups", "deny"), ("uid_map", "0 0 1"), ("gid_map", "0 0 1"),
                       ("timens_offsets", "monotonic 100000 0")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text + "\n")
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        sys.exit(os.waitstatus_to_exitcode(status) != 0)

    os.setsid()
    call(libc.mount, "none", "/", None, MS_REC | MS_PRIVATE, None)
    # what was mounted before is locked for another user namespace
    call(libc.mount, ROOT, ROOT, None, MS_BIND, None)
    call(libc.mount, "proc", f"{ROOT}/proc", "proc", 0, None)
    os.chdir(ROOT)
    call(libc.pivot_root, ".", "old")
    os.chdir("/")
    call(libc.umount2, "/old", MNT_DETACH)
    # CRIU has to find its files again
    null = os.open("/null", os.O_RDWR)
    for fd in range(3):
        os.dup2(null, fd)
    os.close(null)
    os.execv("/program", ["/program", *sys.argv[2:]])


if __name__ == "__main__":
    main()
