"""`init` and `check`, and how every command reads a fleet: the file, what `--set` changes in it, `--size`.

The text that comes out is the file *as run*: with every change written in, and the size. Loading it again
gives the same fleet, which is what the evidence of a run is bound to.
"""

import os
from pathlib import Path
from typing import NamedTuple

from maso.cli.arguments import whole_number, words
from maso.cli.ending import USAGE, Stop, usage
from maso.cli.override import Changed, Override, change, split
from maso.cli.screen import Screen
from maso.disk import writing
from maso.fleet.grow import SIZE_MAX_DEPTH, GrowthError, grow
from maso.fleet.load import FleetError, Loaded, load, own_size, read_fleet
from maso.fleet.model import Fleet
from maso.fleet.template import FleetFile

MISTAKES_SHOWN_MAX = 100  # a person repairs a few and looks again; `--json` lists all


class Declared(NamedTuple):
    """A fleet at the size asked for, the text that says so, and the name that messages use."""

    fleet: Fleet
    file: FleetFile
    text: str
    name: str


def declared(fleet: str, size: str | None, settings: list[str]) -> Declared:
    """The fleet that the arguments name; raises Stop with every mistake in it."""
    overrides = [split(setting) for setting in settings]
    wanted = None if size is None else whole_number("--size", size, 1, SIZE_MAX_DEPTH)
    text, name = _read(fleet)
    file = _file_of(load(text, name))
    changed = Changed(text, ())
    if overrides:
        changed = change(text, overrides)
        file = _file_of(load(changed.text, name), changed)
    if wanted is not None and wanted != own_size(file):
        _grown(file, wanted)
        changed = change(changed.text, [Override("size", str(wanted), f"size={wanted}")])
        file = _file_of(load(changed.text, name), changed)
    return Declared(_grown(file, own_size(file)), file, changed.text, name)


def _read(fleet: str) -> tuple[str, str]:
    try:
        raw, name = read_fleet(fleet)
    except FleetError as error:
        # Without the name in front: what was typed is in the message already, and shown with care.
        raise Stop(USAGE, *(f"{m.what}; legal: {m.legal}" for m in error.mistakes)) from None
    try:
        return raw.decode("utf-8"), name
    except UnicodeDecodeError:
        raise _mistaken(load(raw, name)) from None


def _file_of(loaded: Loaded, changed: Changed | None = None) -> FleetFile:
    if loaded.file is None:
        raise _mistaken(loaded, changed)
    return loaded.file


def _mistaken(loaded: Loaded, changed: Changed | None = None) -> Stop:
    mistakes = [str(m) if changed is None else changed.blame(m) for m in loaded.mistakes]
    lines = mistakes[:MISTAKES_SHOWN_MAX]
    if len(mistakes) > len(lines):
        lines.append(f"... and {len(mistakes) - len(lines)} more")
    count = len(mistakes)
    return Stop(USAGE, *lines, f"{count} mistake{'s' if count != 1 else ''}; nothing was done")


def _grown(file: FleetFile, size: int) -> Fleet:
    try:
        return grow(file, size)
    except GrowthError as error:
        raise usage(f"`--size`: {error}") from None


def check_command(fleet: str, size: str | None, settings: list[str], as_json: bool) -> None:
    screen = Screen(as_json)
    found = declared(fleet, size, settings)
    from maso.fleet.render import render
    from maso.fleet.summary import as_json as plain
    from maso.fleet.summary import describe

    summary = describe(found.fleet)
    screen.emit("maso.check/1", {"file": found.name, **plain(summary)})
    screen.show(render(summary))


def init_command(file: str, force: bool, as_json: bool) -> None:
    from maso.fleet.starter import template

    screen, text = Screen(as_json), template()
    if file == "-":
        screen.emit("maso.init/1", {"file": None, "text": text})
        screen.text(text.rstrip("\n"))
        return
    path = Path(file)
    if "\0" in file or not path.name:
        raise usage(f"{words(file)} is no file name; legal: the path of a file that may be written, or `-`")
    if path.is_dir():
        raise usage(f"{words(file)} is a directory; legal: the path of a file")
    if path.exists() and not force:
        raise usage(f"{words(file)} exists; legal: another name, or `--force` to replace it")
    _write(path, text)
    screen.emit("maso.init/1", {"file": file, "text": text})
    screen.text(
        f"wrote {file}: a help desk with four agents",
        "next:",
        f"  maso check {file}",
        f"  maso run {file} --minutes 5 --out out",
    )


def _write(path: Path, text: str) -> None:
    try:
        with writing(path):
            path.write_text(text, encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise usage(f"there is no directory {words(os.fspath(path.parent))}; make it first") from None
