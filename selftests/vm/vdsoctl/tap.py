# SPDX-License-Identifier: GPL-2.0
"""TAP for the tests of this directory. A test is a function test_*() of the program; the first line
of its docstring is the claim. It fails if it raises an exception. The program ends with main().

    PROGRAM [WORD...]       runs all tests, or those whose names contain one of the words
"""
import contextlib
import os
import sys
import tempfile
import traceback

# What commands and processes of the current test say. It is shown only if the test fails.
log = os.open(tempfile.gettempdir(), os.O_TMPFILE | os.O_RDWR | os.O_APPEND)
_clean_up = contextlib.ExitStack()


class Skip(Exception):
    """The test can't be made here."""


def note(text):
    os.write(log, f"{text.rstrip()}\n".encode())


def defer(function, *args):
    """FUNCTION is called when the test ends, before all that was deferred earlier."""
    _clean_up.callback(function, *args)


def must_have(what):
    """$KERNEL_HAS says, for the kernel that was chosen, what a test must not miss."""
    return what in os.environ.get("KERNEL_HAS", "").split()


def skip(reason, missing=None):
    """Ends the test. It fails if MISSING names something that this kernel must have."""
    assert reason and not must_have(missing), reason
    raise Skip(reason)


def skip_all(reason, missing):
    """Ends the program."""
    if must_have(missing):
        bail_out(reason)
    print(f"1..0 # SKIP {reason}")
    sys.exit()


def bail_out(reason):
    print(f"Bail out! {reason}")
    sys.exit(1)


def for_each(items):
    """The decorated function is one test for each item of a dictionary from name to argument."""
    def decorate(function):
        function.items = items
        return function
    return decorate


def _collect(words):
    for name, function in vars(sys.modules["__main__"]).items():
        if not name.startswith("test_") or (words and not any(word in name for word in words)):
            continue
        claim = function.__doc__.splitlines()[0]
        if hasattr(function, "items"):
            yield from ((f"{item}: {claim}", function, [argument])
                        for item, argument in function.items.items())
        else:
            yield claim, function, []


def _explain():
    """What was said until the test failed, and where that was"""
    said = os.pread(log, os.fstat(log).st_size, 0).decode(errors="replace")
    for line in (said + traceback.format_exc()).splitlines():
        print(f"# {line}")


def _run(number, claim, function, args):
    os.ftruncate(log, 0)
    try:
        with _clean_up:
            function(*args)
    except Skip as reason:
        print(f"ok {number} {claim} # SKIP {reason}", flush=True)
    except Exception:
        _explain()
        print(f"not ok {number} {claim}", flush=True)
        return False
    else:
        print(f"ok {number} {claim}", flush=True)
    return True


def main():
    if not __debug__:
        bail_out("without assert no test can fail")
    tests = list(_collect(sys.argv[1:]))
    if not tests:
        bail_out(f"no test is named like {' or '.join(sys.argv[1:])}")
    print(f"TAP version 13\n1..{len(tests)}", flush=True)
    results = [_run(number, *test) for number, test in enumerate(tests, 1)]
    sys.exit(not all(results))
