"""A disk in memory that fails the way disks do, for tests and for simulated crashes.

It implements `Storage`. What was not synced is kept apart; a crash decides from a seed what becomes of
it: file by file, each 512-byte sector of the unsynced bytes is written, dropped (zeros if something
behind it was written), filled with something else, or torn in the middle; a cut that was not synced may
not have happened; of the unsynced creations, renames and removals a first part has happened. A crash can
be armed for the n-th operation from now, recovery's own operations included, and an append that crashes
may have put down a part of its bytes.

Not modelled: damage to bytes that were synced, reordering of names, and disks that lie about a sync.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Final, NamedTuple

SECTOR_BYTES: Final = 512  # the unit that older disks write whole; newer ones write more


class CrashError(Exception):
    """The simulated machine stops here."""


@dataclass(slots=True)
class _File:
    synced: bytes = b""
    now: bytearray = field(default_factory=bytearray)


class _NameChange(NamedTuple):
    """A creation (`old` is None), a rename, or a removal (`new` is None)."""

    old: str | None
    new: str | None
    file: _File


class FaultyStorage:
    """`Storage` in memory, whose `crash` returns what is left of it."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._files: dict[str, _File] = {}
        self._synced_names: dict[str, _File] = {}
        self._name_changes: list[_NameChange] = []
        self._operations_left: int | None = None

    def arm(self, operations: int | None) -> None:
        """Crash at the operation after so many more that change or sync something; None disarms."""
        self._operations_left = operations

    def crash(self) -> FaultyStorage:
        """What a new process finds; this object must not be used any more."""
        happened = self._random.randint(0, len(self._name_changes))
        names = dict(self._synced_names)
        for change in self._name_changes[:happened]:
            _apply(names, change)
        left = FaultyStorage(self._random.getrandbits(64))
        for name in sorted(names):
            survived = self._survivors(names[name])
            left._files[name] = _File(survived, bytearray(survived))
        left._synced_names = dict(left._files)
        return left

    def contents(self) -> dict[str, bytes]:
        """Every file as a reader sees it now."""
        return {name: bytes(self._files[name].now) for name in sorted(self._files)}

    def names(self) -> list[str]:
        return sorted(self._files)

    def size(self, name: str) -> int:
        return len(self._files[name].now)

    def read(self, name: str, offset: int, size: int) -> bytes:
        return bytes(self._files[name].now[offset : offset + size])

    def create(self, name: str) -> None:
        self._count()
        if name in self._files:
            raise FileExistsError(name)
        self._change(_NameChange(None, name, _File()))

    def append(self, name: str, data: bytes) -> None:
        file = self._files[name]
        if self._operations_left == 0:
            file.now += data[: self._random.randint(0, len(data))]
        self._count()
        file.now += data

    def truncate(self, name: str, size: int) -> None:
        self._count()
        del self._files[name].now[size:]

    def rename(self, old: str, new: str) -> None:
        self._count()
        self._change(_NameChange(old, new, self._files[old]))

    def remove(self, name: str) -> None:
        self._count()
        self._change(_NameChange(name, None, self._files[name]))

    def sync(self, name: str) -> None:
        self._count()
        file = self._files[name]
        file.synced = bytes(file.now)

    def sync_names(self) -> None:
        self._count()
        self._synced_names = dict(self._files)
        self._name_changes = []

    def _count(self) -> None:
        if self._operations_left is None:
            return
        if self._operations_left == 0:
            raise CrashError
        self._operations_left -= 1

    def _change(self, change: _NameChange) -> None:
        _apply(self._files, change)
        self._name_changes.append(change)

    def _survivors(self, file: _File) -> bytes:
        """The bytes of a file after a crash: the synced ones, and some of what came after."""
        before, now = file.synced, bytes(file.now)
        if len(now) < len(before):  # it was cut, which may not have happened
            return self._random.choice([before, now])
        left = bytearray(before)
        for start in range(len(before), len(now), SECTOR_BYTES):
            sector = now[start : start + SECTOR_BYTES]
            fate = self._random.choice(("written", "written", "dropped", "torn", "other"))
            if fate == "dropped":
                continue
            if fate == "torn":
                sector = sector[: self._random.randint(0, len(sector))]
            if fate == "other":
                sector = self._random.randbytes(len(sector))
            left.extend(bytes(start - len(left)))
            left.extend(sector)
        return bytes(left)


def _apply(names: dict[str, _File], change: _NameChange) -> None:
    if change.old is not None:
        names.pop(change.old, None)
    if change.new is not None:
        names[change.new] = change.file
