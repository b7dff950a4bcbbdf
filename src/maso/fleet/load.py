"""A fleet file in, a validated fleet or every mistake in it out.

Three passes, each of which goes on after a mistake: the text becomes a tree (`source.py`), the tree becomes
structs (`bind.py`), and what the structs mean is checked (`semantics.py`). A mistake says where it is, what
is wrong and what would be legal; they come together, in the order of the file, without what would only follow
from another one. A file with a mistake gives no fleet: there is no partial result that something could run by
accident.

`load` is pure. `load_fleet` also reads a file, and is for the command line and tests.
"""

import difflib
import hashlib
from pathlib import Path
from typing import NamedTuple

from maso.fleet.bind import Bound, bind
from maso.fleet.builtins import builtin_names, builtin_path
from maso.fleet.grow import GrowthError, grow
from maso.fleet.model import Fleet
from maso.fleet.semantics import examine
from maso.fleet.source import MAX_BYTES, Note, decode, parse, shown
from maso.fleet.template import FleetFile


class Mistake(NamedTuple):
    """One mistake. `path` is for programs: `types[2].actions[0]`; empty where the file was not readable."""

    file: str
    line: int
    column: int
    what: str
    legal: str
    path: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}: " if self.line else f"{self.file}: "
        return f"{where}{self.what}; legal: {self.legal}" if self.legal else f"{where}{self.what}"


class Loaded(NamedTuple):
    """What became of a file. `fleet` (at the file's own size) and `file` are None when there are mistakes."""

    fleet: Fleet | None
    mistakes: tuple[Mistake, ...]
    sha256: str
    file: FleetFile | None = None


class FleetError(Exception):
    """A fleet file cannot be used; `mistakes` says why."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = mistakes


class _Mistakes:
    """Collects, once per place and text, and sorts by place."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: dict[tuple[int, int, str], Mistake] = {}
        self._source_places: set[tuple[int, int]] = set()

    def from_source(self, line: int, column: int, what: str, legal: str) -> None:
        self._source_places.add((line, column))
        self.note(line, column, what, legal)

    def from_shape(self, line: int, column: int, what: str, legal: str) -> None:
        if (line, column) not in self._source_places:
            self.note(line, column, what, legal)

    def note(self, line: int, column: int, what: str, legal: str, path: str = "") -> None:
        self.found.setdefault((line, column, what), Mistake(self.file, line, column, what, legal, path))

    def sorted(self) -> tuple[Mistake, ...]:
        return tuple(sorted(self.found.values(), key=lambda m: (m.line, m.column, m.what)))


def load(text: str | bytes, name: str = "fleet.yaml") -> Loaded:
    """Read a fleet file's text. Never raises on any input."""
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    sha256 = hashlib.sha256(raw).hexdigest()
    mistakes = _Mistakes(name)
    file, bound = _read(text, mistakes.from_source, mistakes.from_shape)
    if file is None or bound is None:
        return Loaded(None, mistakes.sorted(), sha256)
    fleet = examine(file, bound, mistakes.note)
    found = mistakes.sorted()
    if found or fleet is None:
        return Loaded(None, found, sha256)
    return Loaded(fleet, (), sha256, file)


def _read(text: str | bytes, source: Note, shape: Note) -> tuple[FleetFile | None, Bound | None]:
    decoded = decode(text, source) if isinstance(text, bytes) else text
    root = parse(decoded, source) if decoded is not None else None
    if root is None:
        return None, None
    file, bound = bind(FleetFile, root, shape)
    return file, bound


def read_fleet(path_or_name: str | Path) -> tuple[bytes, str]:
    """The bytes of a fleet file, given by path or built-in name, and the name to call it by.

    Raises FleetError when there is no such file or it cannot be read.
    """
    name = str(path_or_name)
    if not name:  # as a path it would mean the folder that one stands in
        raise FleetError((_no_such(name, FileNotFoundError()),))
    path = builtin_path(name) or Path(path_or_name)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise FleetError((Mistake(name, 0, 0, "the file is too large", f"at most {MAX_BYTES} bytes"),))
        return path.read_bytes(), name if path.stem == name else str(path)
    except (OSError, ValueError) as error:
        raise FleetError((_no_such(name, error),)) from None


def _no_such(name: str, error: Exception) -> Mistake:
    names = builtin_names()
    close = difflib.get_close_matches(name[:64], names, n=1, cutoff=0.5)
    hint = f"; did you mean `{close[0]}`?" if close else ""
    legal = "the path of a fleet file, or a built-in fleet: " + ", ".join(f"`{n}`" for n in names)
    if isinstance(error, FileNotFoundError | ValueError):
        return Mistake(name, 0, 0, f"there is no fleet {shown(name)}{hint}", legal)
    reason = getattr(error, "strerror", None) or "it cannot be opened"
    return Mistake(name, 0, 0, f"{shown(name)} cannot be read: {str(reason).lower()}", legal)


def load_file(path_or_name: str | Path) -> tuple[FleetFile, str]:
    """The file as written (templates not expanded) and its text. Raises FleetError with every mistake."""
    raw, name = read_fleet(path_or_name)
    loaded = load(raw, name)
    if loaded.file is None:
        raise FleetError(loaded.mistakes)
    return loaded.file, raw.decode("utf-8")


def load_fleet(path_or_name: str | Path, size: int | None = None) -> tuple[Fleet, str]:
    """The fleet at `size` (its own size unless told) and the text it was read from.

    Raises FleetError with every mistake, or when the fleet cannot be made at that size.
    """
    file, text = load_file(path_or_name)
    try:
        return grow(file, own_size(file) if size is None else size), text
    except GrowthError as error:
        raise FleetError((Mistake(str(path_or_name), 0, 0, str(error), ""),)) from None


def own_size(file: FleetFile) -> int:
    """The size a fleet has unless told: its `size`, or the agents it lists where it cannot grow."""
    if file.kind == "breadth" and file.growth is None:
        return len(file.types)
    return file.size
