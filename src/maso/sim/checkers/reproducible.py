"""Invariant 10: same seed, same bytes.

One run cannot show it: this keeps a digest of every record in order, and `first_difference` compares two.
"""

import hashlib
from collections.abc import Sequence

from maso.sim.checkers.release import Release
from maso.sim.checkers.turn import Turn


class SameBytes:
    invariant = 10
    name = "same seed, same bytes"
    covers = "gives the digest of all records of the run, to compare with another run of the same seed"
    does_not_cover = (
        "anything by itself: two runs must be compared, in other processes, with other hash seeds and on"
        " other machines"
    )

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def turn(self, turn: Turn) -> str:
        """Called for every turn."""
        update = self._hash.update
        for body in turn.records:
            update(len(body).to_bytes(4, "big"))
            update(body)
        return ""

    def released(self, r: Release) -> str:
        return ""

    def digest(self) -> str:
        """Hex, of everything so far."""
        return self._hash.hexdigest()


def first_difference(one: Sequence[bytes], other: Sequence[bytes]) -> int | None:
    """The number, from 1, of the first record in which two runs differ; None when they are the same."""
    for number, (a, b) in enumerate(zip(one, other), 1):
        if a != b:
            return number
    return None if len(one) == len(other) else min(len(one), len(other)) + 1
