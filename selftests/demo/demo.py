# SPDX-License-Identifier: GPL-2.0
"""Runs inside python3 under a foreign vDSO: what it sees of it, and what it costs."""
import ctypes
import sys

# Clock ids by name; what is asked of each function.
CLOCKS = [("REALTIME", 0), ("MONOTONIC", 1), ("PROCESS_CPUTIME_ID", 2), ("MONOTONIC_RAW", 4),
          ("REALTIME_COARSE", 5), ("MONOTONIC_COARSE", 6), ("BOOTTIME", 7), ("TAI", 11)]
CALLS = ([("clock_gettime", name, clock) for name, clock in CLOCKS] +
         [("clock_getres", name, clock) for name, clock in CLOCKS] +
         [("gettimeofday", "", 0), ("time", "", 0), ("getcpu", "", 0), ("getrandom", "", 0)])


# How the kernels of different machines call their functions.
PREFIXES = [b"__vdso_", b"__kernel_"]


class Result(ctypes.Structure):
    _fields_ = [("right", ctypes.c_int), ("answer", ctypes.c_char * 40),
                ("proxy", ctypes.c_double), ("direct", ctypes.c_double),
                ("syscall", ctypes.c_double)]


def maps():
    with open("/proc/self/maps", encoding="ascii") as lines:
        return [line.rstrip() for line in lines]


def bounds(line):
    start, end = line.split()[0].split("-")
    return int(start, 16), int(end, 16)


def ns(value):
    return f"{value:8.0f}" if value >= 0 else "       -"


def main():
    probe = ctypes.CDLL(sys.argv[1])
    probe.probe_image.restype = ctypes.c_ulong
    probe.probe_find.argtypes = [ctypes.c_ulong, ctypes.c_size_t, ctypes.c_char_p]
    probe.probe_find.restype = ctypes.c_long
    probe.probe_runtime_find.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
    probe.probe_runtime_find.restype = ctypes.c_long
    probe.probe_call.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong,
                                 ctypes.POINTER(Result)]

    image = probe.probe_image()
    lines = maps()
    runtime = next((bounds(line)[0] for line in lines if line.endswith("[vdso]")), 0)
    size = 0
    print(f"# python3 {sys.version.split()[0]}; its auxiliary vector says: vDSO at {image:x}")
    for line in lines:
        if line.endswith(("[vdso]", "[vvar]", "[vvar_vclock]")):
            print(f"#   {line}   runtime vDSO, parked")
        elif bounds(line)[0] == image:
            size = bounds(line)[1] - image
            print(f"#   {line}   image vDSO, proxied")
    if not runtime or runtime == image:
        sys.exit("demo: this process is not proxied")

    print(f"\n{'function':14}{'clock':20}{'right':6}{'answer':>22}"
          f"{'proxy':>9}{'direct':>9}{'syscall':>9}  (ns per call)")
    wrong = missing = 0
    for name, clock_name, clock in CALLS:
        for symbol in (prefix + name.encode() for prefix in PREFIXES):
            off = probe.probe_find(image, size, symbol)
            if off >= 0:
                break
        else:
            missing += 1
            continue
        roff = probe.probe_runtime_find(sys.argv[2].encode(), symbol)
        result = Result()
        probe.probe_call(name.encode(), clock, image + off, runtime + roff if roff >= 0 else 0,
                         ctypes.byref(result))
        wrong += not result.right
        print(f"{name:14}{clock_name:20}{'yes' if result.right else 'NO':6}"
              f"{result.answer.decode():>22} {ns(result.proxy)} {ns(result.direct)} "
              f"{ns(result.syscall)}")
    print()
    sys.exit(1 if wrong or missing == len(CALLS) else 0)


main()
