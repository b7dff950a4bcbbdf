"""What an architect would ask about a fleet that is legal: warnings, each with why it matters and what to do.

One function per warning, one warning per id, one module per theme: everything that it applies to stands in
`where`. A warning never stops a run. What could not be right in any fleet is a mistake and is refused by
`load.py` instead.
"""

from typing import Final

from maso.fleet.graph import Graph
from maso.fleet.model import Fleet
from maso.fleet.warnings import authority, data, limits, people, providers, structure
from maso.fleet.warnings.about import SEVERITIES, About, Rule, Severity, Warning

__all__ = ("RULES", "SEVERITIES", "Severity", "Warning", "warnings_of")

RULES: Final[tuple[Rule, ...]] = (
    *providers.RULES,
    *authority.RULES,
    *data.RULES,
    *structure.RULES,
    *limits.RULES,
    *people.RULES,
)


def warnings_of(fleet: Fleet, graph: Graph | None = None) -> tuple[Warning, ...]:
    """Every warning, the severe ones first, else in the order of the rules."""
    about = About(fleet, graph or Graph(fleet), {a.id: a for a in fleet.actions})
    found = []
    for ident, severity, rule, what, why, todo in RULES:
        where = tuple(rule(about))
        if where:
            found.append(Warning(ident, severity, where, what, why, todo))
    return tuple(sorted(found, key=lambda w: SEVERITIES.index(w.severity)))
