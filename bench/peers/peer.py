"""The protocol between a peer and bench/compare.

A peer is started as `SCRIPT CASE N ARGS...`. It prepares the case, warms up and
writes one line of JSON: {"ready": true} or {"skip": REASON}. For each line that
it then reads it does the work of N items once and writes {"seconds", "count",
"digest"}. At the end of its input it cleans up and ends.
"""

import contextlib
import gc
import hashlib
import json
import os
import sys
from array import array
from time import perf_counter

cases = {}


def case(f):
    """Registers a generator that prepares, yields the function of a round, cleans up."""
    cases[f.__name__] = contextlib.contextmanager(f)
    return f


def digest(numbers):
    """The digest of a list of integers."""
    return hashlib.sha256(array("q", numbers).tobytes()).hexdigest()


class Stopwatch:
    """Measures the seconds of a with block."""

    def __enter__(self):
        self._start = perf_counter()
        return self

    def __exit__(self, *_):
        self.seconds = perf_counter() - self._start


def serve():
    # What a library prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(**fields):
        print(json.dumps(fields), file=answers, flush=True)

    name, n, *args = sys.argv[1:]
    try:
        with cases[name](int(n), *args) as work:
            answer(ready=True)
            for _ in sys.stdin:
                gc.collect()
                seconds, count, digest = work()
                answer(seconds=seconds, count=count, digest=digest)
    except ImportError as e:
        answer(skip=str(e))
