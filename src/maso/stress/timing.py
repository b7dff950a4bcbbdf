"""CPU time of real code, in microseconds: the only clock of a stress probe.

The smallest of several repetitions is what the code costs; the rest is what else the machine was doing. The
repetitions are interleaved by the caller where two things are compared. Garbage collection is off while the
clock runs, since it would charge one repetition for another's garbage.
"""

import gc
import time
from collections.abc import Callable, Iterable
from typing import Any


def cpu_us(work: Callable[[], Any], repetitions: int = 5, *, collect: bool = False) -> float:
    """Microseconds of CPU that `work()` takes, best of `repetitions`.

    collect  leave garbage collection on: for work that is long, and makes much garbage
    """
    return min(_once(work, collect) for _ in range(repetitions))


def cpu_us_each(work: Callable[[Any], Any], items: Iterable[Any], repetitions: int = 3) -> float:
    """Microseconds of CPU for one item, best of `repetitions` passes over all of them; 0 for none."""
    batch = list(items)
    if not batch:
        return 0.0

    def whole() -> None:
        for item in batch:
            work(item)

    return cpu_us(whole, repetitions) / len(batch)


def _once(work: Callable[[], Any], collect: bool) -> float:
    enabled = gc.isenabled()
    if not collect:
        gc.disable()
    try:
        began = time.process_time_ns()
        work()
        return (time.process_time_ns() - began) / 1_000
    finally:
        if enabled:
            gc.enable()
