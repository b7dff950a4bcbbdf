"""What the planes of several probes are made of: one process's detectors, and a log that keeps nothing."""

from functools import cache

from maso.scan.injection import InjectionDetector
from maso.scan.scanner import Scanner


@cache
def scanner() -> Scanner:
    """One a process: its databases take more than a second to compile."""
    return Scanner(InjectionDetector())


def fresh_scanner() -> Scanner:
    """One that has seen nothing, over the databases of the process."""
    return scanner().fresh()


class CountingLog:
    """Numbers records and forgets them; making a record is part of what is measured, keeping it is not."""

    __slots__ = ("written",)

    def __init__(self) -> None:
        self.written = 0

    def append(self, body: bytes) -> int:
        self.written += 1
        return self.written - 1
