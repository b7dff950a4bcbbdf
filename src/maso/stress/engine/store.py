"""Runs on disk, one JSON file each, named by content: what makes a stress test resumable, and its evidence.

A file is written whole or not at all, so that a crash leaves only finished runs. A file that does not parse,
or whose name is not that of its content, is made again. Reading is lazy: a thousand runs are not read to find
that ten are wanted.
"""

from pathlib import Path
from typing import Final

import msgspec

from maso.disk import writing
from maso.stress.engine.job import Job, Run

RUNS_DIR: Final = "runs"
_decode = msgspec.json.Decoder(Run).decode


class Store:
    """The `runs/` folder of one directory; None keeps nothing (`path=None` is for tests)."""

    def __init__(self, path: Path | None) -> None:
        self._folder = None if path is None else path / RUNS_DIR
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)

    def find(self, key: str, job: Job) -> Run | None:
        """The finished run of this name, or None."""
        if self._folder is None:
            return None
        try:
            run = _decode((self._folder / f"{key}.json").read_bytes())
        except (OSError, msgspec.DecodeError):
            return None
        return run if run.key == key and run.job == job else None

    def keep(self, run: Run) -> None:
        if self._folder is None:
            return
        path = self._folder / f"{run.key}.json"
        part = path.with_suffix(".part")
        with writing(path):
            part.write_bytes(msgspec.json.format(msgspec.json.encode(run), indent=1) + b"\n")
        part.replace(path)
