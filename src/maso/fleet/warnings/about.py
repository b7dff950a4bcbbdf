"""What a warning is, and what the rules that raise one look at."""

from collections.abc import Callable, Iterable
from typing import Final, Literal, NamedTuple

from maso.fleet.graph import Graph
from maso.fleet.model import Action, Fleet

Severity = Literal["high", "medium", "low"]
SEVERITIES: Final[tuple[Severity, ...]] = ("high", "medium", "low")


class Warning(NamedTuple):
    """One warning. `where` names parts of the fleet, in the order of the file."""

    id: str
    severity: Severity
    where: tuple[str, ...]
    what: str
    why: str
    todo: str


class About(NamedTuple):
    """What the rules look at, prepared once."""

    fleet: Fleet
    graph: Graph
    actions: dict[str, Action]


Found = Iterable[str]
# id, severity, what it applies to, what, why, what to do
Rule = tuple[str, Severity, Callable[[About], Found], str, str, str]
