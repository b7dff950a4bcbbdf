"""The directory of a run: made, found free, or taken from an earlier run on request.

A run's directory holds `fleet.yaml`, `evidence/` and `summary.json`; only these are ever removed, and only
when they look like what an earlier run wrote.
"""

from pathlib import Path
from typing import Final

from maso.cli.arguments import words
from maso.cli.ending import usage
from maso.evidence.format import segment_number
from maso.evidence.recover import RECOVERY_NAME
from maso.evidence.storage import evidence_dir

OWN_FILES: Final = ("fleet.yaml", "summary.json")


def prepare(out: str, force: bool, *, check_only: bool = False) -> Path:
    """The directory, ready for a new run; raises Stop and changes nothing when it may not be used."""
    path = Path(out)
    if not out or "\0" in out:
        raise usage(f"`--out` is {words(out)}; legal: a directory to write the run to")
    if path.exists() and not path.is_dir():
        raise usage(
            f"`--out` is {words(out)}, which is not a directory; legal: a directory to write the run to"
        )
    held = sorted(child.name for child in path.iterdir()) if path.is_dir() else []
    if held and not is_run(path):
        raise usage(f"{words(out)} holds something else than a run of maso; legal: a new or empty directory")
    if held and not force:
        raise usage(
            f"{words(out)} holds an earlier run; legal: another directory, or `--force` to replace it"
        )
    if check_only:
        return path
    if held:
        _clear(path)
    path.mkdir(parents=True, exist_ok=True)
    return path


def is_run(path: Path) -> bool:
    """Whether this directory looks like a run's: its files, and nothing but a log in `evidence`."""
    names = {child.name for child in path.iterdir()}
    if not names <= {*OWN_FILES, evidence_dir(path).name} or "fleet.yaml" not in names:
        return False
    folder = evidence_dir(path)
    if folder.is_symlink() or not folder.is_dir():
        return not folder.exists() and not folder.is_symlink()
    return all(segment_number(f.name) is not None or f.name == RECOVERY_NAME for f in folder.iterdir())


def _clear(path: Path) -> None:
    folder = evidence_dir(path)
    if folder.is_dir():
        for file in sorted(folder.iterdir()):
            file.unlink()
        folder.rmdir()
    for name in OWN_FILES:
        (path / name).unlink(missing_ok=True)


def write(path: Path, text: str) -> None:
    """Whole or not at all: a reader never sees half of it."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
