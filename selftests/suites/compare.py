#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""In the VM, with the module loaded: runs the kernel's own tests of vDSOs natively, and under each
image of $VDSO_IMAGES as if restored from that kernel. They have to say the same. TAP.

usage: compare.py VDSOCTL DIR; DIR is what selftests/suites/build made
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SKIPPED = 4     # exit status, KSFT_SKIP
TIMED_OUT = 124     # that of timeout
SECONDS = "120"     # for a program; the slowest takes a few

RESULT = re.compile(r"(?:clock_id: \w+ )?(ok|not ok|\[OK\]|\[PASS\]|\[FAIL\]|\[SKIP\])")

# The stub for an image's getrandom() answers so by design, as the function's state was made by
# another boot. This is what vdso_test_getrandom says then.
GETRANDOM_IS_A_STUB = "CPU does not have runtime support"


def join_steps(results, lines):
    """unwind_vdso steps through the vDSO's function for system calls and unwinds from each
    instruction. How many there are is up to the vDSO: they are one result here. From the fast
    ways into the kernel it returns into its own vDSO, which is parked, for the last three. There
    the test has no result: only the image is an object of ld.so's, so no unwinder knows the
    place."""
    sysinfo, steps = 0, []
    for line in lines:
        if line.startswith("\tIn vsyscall at "):
            sysinfo = int(line.split()[3].rstrip(","), 16)
        elif line.startswith("\tSIGTRAP at "):
            steps.append([int(line.split()[2], 16), "not ok"])
        elif re.match(r"\[(OK|FAIL)\]\t  NR = ", line):
            steps[-1][1] = word(line)
    in_image = [result for address, result in steps if address >> 12 == sysinfo >> 12]
    rest = [result for result in results if "\t  NR = " not in result[1]]
    passed = len(in_image) > 1 and set(in_image) == {"ok"}
    return [("ok" if passed else "not ok", "steps")] + rest


class Run:
    """What a program said. Results are pairs of "ok", "not ok" or "skip", and the line that
    says so; of a program that skips all it is one."""

    def __init__(self, command):
        done = subprocess.run(["timeout", SECONDS] + command, stdin=subprocess.DEVNULL,
                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        self.status = done.returncode
        self.lines = done.stdout.decode(errors="replace").splitlines()
        if self.skips_all():
            self.results = [("skip", re.sub(r"^1\.\.0 # SKIP ", "", self.lines[-1]))]
        else:
            self.results = [(word(line), line) for line in self.lines if RESULT.match(line)]
        if command[-1].endswith("/unwind_vdso_32"):
            self.results = join_steps(self.results, self.lines)

    def skips_all(self):
        return self.status == SKIPPED and bool(self.lines)

    def __str__(self):
        words = [result for result, _ in self.results]
        return f"exit status {self.status}" + "".join(
            f", {words.count(each)} {each}" for each in ("ok", "not ok", "skip"))


def word(line):
    said = RESULT.match(line)[1]
    if said == "[SKIP]" or "# SKIP" in line:
        return "skip"
    return "not ok" if said in ("not ok", "[FAIL]") else "ok"


def functions(vdso):
    """The names of a vDSO's entry points, without the prefix."""
    said = subprocess.run(["readelf", "--wide", "--dyn-syms", vdso], check=True,
                  stdout=subprocess.PIPE, text=True).stdout
    return set(re.findall(r" __(?:vdso|kernel)_(\w+)@", said))


def is_explained(native, under, added, removed):
    """Whether a result may differ: tests look functions up by name and skip what they do not
    find. So if only one of the two vDSOs has a function, and the line that skips names it."""
    (word_before, line_before), (word_after, line_after) = native, under

    def names(line, missing):
        return any(re.search(rf"(\b|_){name}\b", line) for name in missing)
    if (word_before, word_after) == ("skip", "ok"):
        return names(line_before, added)
    if (word_before, word_after) == ("ok", "skip"):
        return names(line_after, removed) or line_after == GETRANDOM_IS_A_STUB
    return False


def says_the_same(native, under, added, removed):
    """The image has the functions ADDED, which the runtime vDSO lacks, and not those REMOVED."""
    before, after = native.results, under.results
    if native.status == TIMED_OUT or (native.status and not native.results):
        return False
    if native.skips_all() != under.skips_all():
        passes = ("ok" if (under if native.skips_all() else native).status == 0 else "not ok", "")
        before, after = ((before, [passes]) if native.skips_all() else ([passes], after))
    elif native.status != under.status or len(before) != len(after):
        return False
    return all(old[0] == new[0] or is_explained(old, new, added, removed)
           for old, new in zip(before, after))


class Abi:
    """The images of an ABI, and which functions they have."""

    def __init__(self, vdsoctl, images, machine):
        self.images = sorted(images.glob("*.vdso"))
        with tempfile.TemporaryDirectory() as work:
            runtime = os.path.join(work, "runtime")
            subprocess.run([vdsoctl, "dump-image", "--machine", machine, "-o", runtime],
                       check=True)
            self.runtime = functions(runtime)
        self.functions = {image: functions(image) for image in self.images}


def main():
    vdsoctl, suites = sys.argv[1], pathlib.Path(sys.argv[2])
    images = pathlib.Path(os.environ["VDSO_IMAGES"])
    # the machine's own, and that of 32 bits, if it has another
    names = os.environ["ABIS"].split()[:2]
    abis = [Abi(vdsoctl, images / name if name != names[0] else images, name) for name in names]
    programs = [(program, abis["32" in str(program.relative_to(suites))])
            for program in sorted(suites.glob("*/*"))]
    number = 0

    print("TAP version 13")
    print(f"1..{sum(len(abi.images) for _, abi in programs)}")
    for program, abi in programs:
        name = program.relative_to(suites)
        native = Run([str(program)])
        print(f"# {name} natively: {native}", flush=True)
        for image in abi.images:
            under = Run([vdsoctl, "exec", "--image", str(image), "--", str(program)])
            has = abi.functions[image]
            verdict, skip = "ok", ""
            number += 1
            if not says_the_same(native, under, has - abi.runtime, abi.runtime - has):
                verdict = "not ok"
                print(f"# {under}; natively: {native}")
                for line in ["natively"] + native.lines + ["under the image"] + under.lines:
                    print(f"# {line}")
            elif under.skips_all():
                skip = f" # SKIP {under.results[0][1]}"
            print(f"{verdict} {number} {name} under {image.stem}{skip}", flush=True)


main()
