"""One library in a process of its own, asked for one round at a time by pixels.py.

    python pixels_worker.py LIBRARY

One JSON object a line: {"job": ..., "budget": seconds, arguments} -> {"seconds": median of the round's operations,
"cpu": of all threads, a mean operation, "check": what came out} or {"error": ...}. A round repeats its operation until
the budget is spent. With "stall", the seconds are the longest time between two beats of a thread that sleeps 1 ms.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import statistics
import sys
import threading
import time
from typing import Any

import numpy as np
from pixels_libraries import CannotError, Operation, Operations, library

MOST = 500  # operations a round
PAIRS, LEAST_PAIRS = 4, 25  # times the budget for differences, and at least so many: they are small beside their parts
clock = time.perf_counter


def check(out: Any) -> list[Any]:
    """What must be the same in all libraries: type, shape, bytes."""
    array = np.ascontiguousarray(out)
    return [str(array.dtype), list(array.shape), hashlib.sha1(array.data, usedforsecurity=False).hexdigest()]


def _timed(operation: Operation, k: int) -> float:
    before = getattr(operation, "untimed", None)
    if before is not None:
        before(k)
    start = clock()
    operation(k)
    return clock() - start


def repeat(operations: Operations, budget: float) -> dict[str, Any]:
    """Run them in turn until the time is spent -> the median; of two, of the first's time less the second's."""
    gc.collect()
    times: list[float] = []
    pairs = len(operations) > 1
    least = LEAST_PAIRS if pairs and budget else 1
    end, cpu = clock() + budget * (PAIRS if pairs else 1), time.process_time()
    while len(times) < least or (clock() < end and len(times) < MOST):
        k = len(times)
        took = {place: _timed(operations[place], k) for place in sorted(range(len(operations)), reverse=k % 2 == 1)}
        times.append(took[0] - took.get(1, 0.0))
    return {
        "seconds": statistics.median(times),
        "cpu": (time.process_time() - cpu) / len(times),
        "operations": len(times),
    }


def longest_stall(operation: Operation) -> dict[str, Any]:
    """Run it once beside a thread that sleeps 1 ms again and again -> the longest time between two of its beats."""
    longest, done = 0.0, threading.Event()

    def beat() -> None:
        nonlocal longest
        last = clock()
        while not done.is_set():
            time.sleep(0.001)
            now = clock()
            longest = max(longest, now - last)
            last = now

    thread = threading.Thread(target=beat)
    gc.collect()
    thread.start()
    time.sleep(0.005)
    try:
        operation(0)
    finally:
        done.set()
        thread.join()
    return {"seconds": longest, "cpu": 0.0, "operations": 1}


class Worker:
    """The library, and the job of the row at hand: prepared once, then asked again and again."""

    def __init__(self, name: str) -> None:
        self.library = library(name)
        self.key = ""
        self.operations: Operations = ()

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do one round; what came out is looked at where asked."""
        budget, stall = request.pop("budget"), request.pop("stall", False)
        wants_check = request.pop("check", False)
        key = json.dumps(request)
        if key != self.key:
            self.key, self.operations = "", ()
            make = getattr(self.library, request.pop("job"), None)
            if make is None:
                raise CannotError("no such job")
            self.operations = make(**request)
            self.key = key
        taken = longest_stall(self.operations[0]) if stall else repeat(self.operations, budget)
        if wants_check:
            last = self.operations[0]
            taken["check"] = check(last(0))
        return taken


def main() -> int:
    """Answer until the driver closes the pipe."""
    reply = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints must not look like an answer
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # and peers complain at length
    try:
        worker = Worker(sys.argv[1])
    except ImportError as error:
        print(json.dumps({"error": str(error)}), file=reply)
        return 1
    print(json.dumps({"version": worker.library.version}), file=reply)
    for line in sys.stdin:
        try:
            answer = worker.answer(json.loads(line))
        except Exception as error:  # a peer that can't is a line of the table
            answer = {"error": f"{type(error).__name__}: {error}"[:200]}
        print(json.dumps(answer), file=reply)
    return 0


if __name__ == "__main__":
    sys.exit(main())
