"""The directory of a run or a stress run: made, found free, or taken from an earlier one on request.

A run's directory holds `fleet.yaml`, `evidence/` and `summary.json`; a stress run's `fleet.yaml`, `runs/`,
`findings.json`, what is drawn from them, and `signatures/`. Only these are ever removed, and only when all of
the directory looks like what an earlier run wrote. What a person signed is never removed: `--force` stands in
scripts, and a signature does not come back.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from maso.cli.arguments import words
from maso.cli.ending import usage
from maso.disk import writing
from maso.evidence.format import segment_number
from maso.evidence.recover import RECOVERY_NAME
from maso.evidence.storage import EVIDENCE_DIR
from maso.signoff.chain import number_of
from maso.signoff.files import FINDINGS, PART, SIGNATURES_DIR

FLEET: Final = "fleet.yaml"
RUNS_DIR: Final = "runs"  # as `stress/engine/store.py` names it; importing it would load every dimension
DRAWN: Final = (
    "report.html", "report.md", "breakpoints.csv", "decisions.csv", "conditions.csv", "junit.xml",
    "comparison.md",
)  # fmt: skip
OWN_FILES: Final = (FLEET, "summary.json", FINDINGS, *DRAWN)
# DIMENSION-PROBE-POINT-DIGEST, whole or on its way.
_RUN_FILE: Final = re.compile(r"[a-z0-9_.-]+-[0-9]+-[0-9a-f]{16}\.(?:json|part)")


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
    if held:
        refuse_signed(path)
    if check_only:
        return path
    if held:
        _clear(path)
    path.mkdir(parents=True, exist_ok=True)
    return path


def is_run(path: Path) -> bool:
    """Whether this directory looks like a run's: its files and nothing else, and more than a fleet file.

    A directory that holds a fleet file alone is a person's own.
    """
    children = list(path.iterdir())
    names = [child.name for child in children]
    if FLEET not in names or names == [FLEET]:
        return False
    return all(_is_own(child) for child in children)


def refuse_signed(path: Path) -> None:
    """Raise Stop when somebody has signed what is here: new findings would make the signature void."""
    folder = path / SIGNATURES_DIR
    if folder.is_dir() and any(number_of(file.name) for file in folder.iterdir()):
        raise usage(
            f"{words(str(path))} holds findings that somebody signed; legal: another directory, or remove"
            f" `{SIGNATURES_DIR}` in it yourself"
        )


def _is_own(child: Path) -> bool:
    mine = _FOLDERS.get(child.name)
    if mine is None:
        return child.name.removesuffix(PART) in OWN_FILES and (child.is_symlink() or child.is_file())
    if child.is_symlink() or not child.is_dir():
        return False
    return all(mine(file.name) and not file.is_dir() for file in child.iterdir())


def _is_evidence(name: str) -> bool:
    return segment_number(name) is not None or name == RECOVERY_NAME


def _is_kept_run(name: str) -> bool:
    return _RUN_FILE.fullmatch(name) is not None


def _is_signature(name: str) -> bool:
    return number_of(name) is not None or name.endswith(PART)


_FOLDERS: Final[dict[str, Callable[[str], bool]]] = {
    EVIDENCE_DIR: _is_evidence,
    RUNS_DIR: _is_kept_run,
    SIGNATURES_DIR: _is_signature,
}


def _clear(path: Path) -> None:
    """Remove what `is_run` saw; the fleet file last, so that what a crash leaves is still a run's."""
    for name in _FOLDERS:
        folder = path / name
        if folder.is_dir():
            for file in sorted(folder.iterdir()):
                file.unlink()
            folder.rmdir()
    for name in reversed(OWN_FILES):
        (path / (name + PART)).unlink(missing_ok=True)
        (path / name).unlink(missing_ok=True)


def write(path: Path, text: str) -> None:
    """Whole or not at all: a reader never sees half of it."""
    part = path.with_name(path.name + PART)
    with writing(path):
        part.write_text(text, encoding="utf-8")
    part.replace(path)
