"""What the checks on meaning share: the fleet, where each part of it stands, and how a mistake is told.

The checks run on the *grown* fleet, so a desk's template is checked as what it becomes. A mistake in a
generated element is told once, at the place in the template that it comes from. Names are checked wherever
they could be read; beyond that, elements in which a mistake was already found are left alone: what is said
about them would follow from that mistake.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from maso.fleet.bind import KEY, Bound, Path, listed, near
from maso.fleet.model import Action, AgentType, Compartment, FieldSpec, Fleet, LabelSpec, Link, Port, Schema
from maso.labels import LEVELS

Tell = Callable[[int, int, str, str, str], None]  # line, column, what, legal, path

RANK: Final = {name: rank for rank, name in enumerate(LEVELS)}


def path_text(path: Path) -> str:
    """`types[2].actions[0]`"""
    text = ""
    for part in path:
        if part == KEY:
            continue
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _element(path: Path) -> Path:
    """The entry of a section, of a desk or of the journeys, that a path leads into."""
    return path[: {"desks": 4, "workload": 3}.get(str(path[0]), 2)]


class Ground:
    """One fleet under examination."""

    def __init__(self, fleet: Fleet, origins: dict[tuple[str, int], Path], bound: Bound, tell: Tell) -> None:
        self.fleet = fleet
        self._origins = origins
        self._bound = bound
        self._tell = tell
        # Compartments of data with a format (cards, accounts, people), which values could spell out.
        self.guarded = frozenset(fleet.dlp.compartments.values())
        self._told: set[Path] = set()
        self._doubtful: set[Path] = set()
        self.settle()

    def settle(self) -> None:
        """Look up what is sound; again after the names were checked, without what has a wrong one."""
        fleet = self.fleet
        self.compartments: dict[str, Compartment] = {c.id: c for c in fleet.compartments}
        self.schemas: dict[str, Schema] = {s.id: s for s in self.sound("schemas", fleet.schemas)}
        self.ports: dict[str, Port] = {p.id: p for p in self.sound("ports", fleet.ports)}
        self.actions: dict[str, Action] = {a.id: a for a in self.sound("actions", fleet.actions)}
        self.types: dict[str, AgentType] = {t.id: t for t in self.sound("types", fleet.types)}
        self.links: dict[tuple[str, str, str], Link] = {
            (link.from_, link.to, kind): link
            for link in self.sound("links", fleet.links)
            for kind in link.kinds
        }

    def path(self, section: str, index: int) -> Path:
        return self._origins.get((section, index), (section, index))

    def is_broken(self, path: Path) -> bool:
        return _element(path) in self._doubtful or self._bound.is_broken(_element(path))

    def unsure(self, section: str) -> bool:
        """Whether the section itself could not be read, so that nobody knows what is in it."""
        return self._bound.is_broken((section,))

    def partial(self, section: str) -> bool:
        """Whether something in the section cannot be trusted, so that what is missing may stand there."""
        elements = range(len(getattr(self.fleet, section)))
        return self.unsure(section) or any(self.is_broken(self.path(section, i)) for i in elements)

    def sound(self, section: str, elements: Iterable[Any]) -> list[Any]:
        return [e for i, e in enumerate(elements) if not self.is_broken(self.path(section, i))]

    def each(self, section: str) -> Iterator[tuple[Path, Any]]:
        """The sound elements of a section with their places."""
        for i, element in enumerate(getattr(self.fleet, section)):
            path = self.path(section, i)
            if not self.is_broken(path):
                yield path, element

    def every(self, section: str) -> Iterator[tuple[Path, Any]]:
        """All elements of a section with their places, also those in which the reading found a mistake."""
        for i, element in enumerate(getattr(self.fleet, section)):
            yield self.path(section, i), element

    def was_read(self, path: Path) -> bool:
        """Whether the value at `path` is the file's own, and does not stand in for an unreadable one."""
        if path in self._bound.broken:
            return False
        return path in self._bound.marks or not self._bound.is_broken(_element(path))

    def wrong(self, path: Path, what: str, legal: str) -> None:
        """Tell one mistake; a second one at the same place of a template is the same mistake again."""
        if path[0] in ("desks", "growth"):
            if path in self._told:
                return
            self._told.add(path)
        line, column = self._bound.mark(path)
        self._tell(line, column, what, legal, path_text(path))

    def doubt(self, path: Path, what: str, legal: str) -> None:
        """Tell a mistake after which nothing else can be said of the element."""
        self.wrong(path, what, legal)
        self._doubtful.add(_element(path))

    def misnamed(self, section: str) -> bool:
        """Whether something in the section has an id that is no name: nobody knows what it is called."""
        return any(not self.was_read((*path, "id")) for path, _ in self.every(section))

    def refer(
        self, path: Path, name: str, section: str, legal: Iterable[str], word: str, also: str = ""
    ) -> bool:
        """Whether `name` is one of `legal`, the ids of `section` and `also`; tells a mistake when not."""
        names = list(legal)
        if name in names or self.unsure(section) or not self.was_read(path):
            return True
        if any(self.misnamed(one) for one in (section, also) if one):
            pass  # it may mean that one, and was told there
        elif not names:
            self.wrong(
                path,
                f"there is no {word} `{name}`, since the file declares none",
                f"add it under `{section}`",
            )
        else:
            self.wrong(path, f"there is no {word} `{name}`{near(name, names)}", listed(names))
        self._doubtful.add(_element(path))
        return False

    def line(self, section: str, element: Any) -> int:
        """The line at which an element of a section stands."""
        places = (i for i, e in enumerate(getattr(self.fleet, section)) if e is element)
        return self._bound.mark(self.path(section, next(places)))[0]

    def ids(self, section: str) -> list[str]:
        return [e.id for e in getattr(self.fleet, section)]


def excess(label: LabelSpec, clearance: LabelSpec, shed: Iterable[str] = ()) -> str:
    """What of `label` is more than `clearance`, in words; empty when nothing is."""
    gone = set(shed)
    over = [c for c in label.compartments if c not in clearance.compartments and c not in gone]
    if RANK[label.level] > RANK[clearance.level]:
        over.insert(0, label.level)
    return ", ".join(over)


# A card number has 13 digits or more (ISO/IEC 7812); what holds fewer cannot carry one.
_ID_CHARS_MAX: Final = 12
_NUMBER_MAX: Final = 10**11


def carrying_field(schema: Schema) -> str | None:
    """Name and reason of a field that could carry more than it says, or None: then the schema is strict."""
    for name, spec in schema.fields.items():
        reason = _carries(spec)
        if reason:
            return f"`{name}` {reason}"
    return None


def _carries(spec: FieldSpec) -> str:
    match spec.type:
        case "text" | "list" | "documents" | "card":
            return f"is of type `{spec.type}`"
        case "id":
            too_long = spec.max is None or spec.max > _ID_CHARS_MAX
            return f"is an id that may be longer than {_ID_CHARS_MAX}" if too_long else ""
        case "int" | "money":
            if spec.max is None:
                return "has no `max`"
            low = spec.min or 0
            return f"may reach {_NUMBER_MAX}" if spec.max >= _NUMBER_MAX or low <= -_NUMBER_MAX else ""
    return ""


STRICT_LEGAL: Final = (
    f"fields of type `enum`, `bool`, `int` and `money` with a `max` below {_NUMBER_MAX}, "
    f"and `id` with a `max` of at most {_ID_CHARS_MAX}"
)
