"""How the fleet hangs together: who is never spoken to, and which clusters follow each other."""

from itertools import pairwise
from typing import Final

from maso.fleet.graph import closure, cycles, shortest_path
from maso.fleet.model import Dependency
from maso.fleet.warnings.about import About, Found, Rule


def _isolated(a: About) -> Found:
    spoken = {x.from_ for x in a.fleet.links} | {x.to for x in a.fleet.links}
    return (t.id for t in a.fleet.types if t.id not in spoken)


def _unreached(a: About) -> Found:
    """Nothing that enters the fleet ever gets to it."""
    if not a.fleet.ports:
        return
    reach = closure(a.graph.out)
    entered = 0
    for i in range(a.graph.agents, len(a.graph.names)):
        entered |= reach[i]
    spoken = {x.from_ for x in a.fleet.links} | {x.to for x in a.fleet.links}
    for i, agent in enumerate(a.fleet.types):
        if not entered >> i & 1 and agent.id in spoken:
            yield agent.id


def _cluster_cycles(a: About) -> Found:
    """Circles round which a phase passes by itself, with no dependency that stops it."""
    names = [c.id for c in a.fleet.clusters]
    number = {name: i for i, name in enumerate(names)}
    for phase in ("on_alternate", "on_contingency", "on_emergency"):
        out = [0] * len(names)
        for d in a.fleet.dependencies:
            if d.policy == "automatic" and getattr(d, phase) == "cascade":
                out[number[d.consumer]] |= 1 << number[d.producer]
        for group in cycles(out):
            circle = _circle(out, group)
            hops = ", ".join(f"{names[i]} from {names[j]}" for i, j in pairwise(circle))
            yield f"`{phase}: cascade` all round: {hops}"


def _circle(out: list[int], group: tuple[int, ...]) -> tuple[int, ...]:
    """A shortest way from the group's first member back to it."""
    start = group[0]
    ways = [shortest_path(out, j, start) for j in group if out[start] >> j & 1]
    return (start, *min((way for way in ways if way), key=len))


def _recovery_order(a: About) -> Found:
    """Consumers that are to come back before their producers; a circle is cut by that order, rightly."""
    order = {c.id: c.recovery_order for c in a.fleet.clusters}
    number = {c.id: i for i, c in enumerate(a.fleet.clusters)}
    out = [0] * len(number)
    for d in a.fleet.dependencies:
        out[number[d.consumer]] |= 1 << number[d.producer]
    circles = [set(group) for group in cycles(out)]
    for d in a.fleet.dependencies:
        consumer, producer = order[d.consumer], order[d.producer]
        round_about = any({number[d.consumer], number[d.producer]} <= circle for circle in circles)
        if consumer is not None and producer is not None and consumer < producer and not round_about:
            yield f"{d.consumer} ({consumer}) before {d.producer} ({producer}), on which it depends"


def _same_place(a: About) -> Found:
    """Clusters that are to come back in the same place."""
    at: dict[int, list[str]] = {}
    for cluster in a.fleet.clusters:
        if cluster.recovery_order is not None:
            at.setdefault(cluster.recovery_order, []).append(cluster.id)
    return (f"{', '.join(names)} ({place})" for place, names in at.items() if len(names) > 1)


def _phases(d: Dependency, what: str) -> list[str]:
    found = (("alternate", d.on_alternate), ("contingency", d.on_contingency), ("emergency", d.on_emergency))
    return [f"`on_{phase}`" for phase, does in found if does == what]


def _nameless_fallback(a: About) -> Found:
    for d in a.fleet.dependencies:
        if not d.fallback and (phases := _phases(d, "fallback")):
            yield f"{d.consumer} from {d.producer} ({', '.join(phases)})"


def _stale_for_ever(a: About) -> Found:
    for d in a.fleet.dependencies:
        if d.stale_minutes_max is None and (phases := _phases(d, "stale")):
            yield f"{d.consumer} from {d.producer} ({', '.join(phases)})"


RULES: Final[tuple[Rule, ...]] = (
    (
        "isolated",
        "low",
        _isolated,
        "nobody talks to these agents, and they talk to nobody",
        "they cost money and do nothing",
        "a link, or leave them out",
    ),
    (
        "unreached",
        "low",
        _unreached,
        "nothing that enters the fleet reaches these agents",
        "they never have anything to do",
        "a link from whoever should feed them",
    ),
    (
        "dependency-cycle",
        "medium",
        _cluster_cycles,
        "clusters follow each other down in a circle (consumer from producer)",
        "one that goes down takes all of them along",
        "the named field `stale` or `fallback` in one dependency of the circle, or `policy: assess` there",
    ),
    (
        "recovery-order",
        "medium",
        _recovery_order,
        "`recovery_order` contradicts a dependency",
        "the dependency wins: whoever plans by the order in the file will wait for another cluster",
        "the producer's `recovery_order` before the consumer's",
    ),
    (
        "recovery-order-shared",
        "low",
        _same_place,
        "clusters share a place in the order of recovery",
        "which of them comes back first is where they stand in the file, and nobody's decision",
        "each `recovery_order` once",
    ),
    (
        "fallback-unnamed",
        "medium",
        _nameless_fallback,
        "a dependency falls back on a source that is not named",
        "whether there is one shows when the producer is gone",
        "`fallback`: what is used instead; or `stale` or `cascade`",
    ),
    (
        "stale-unbounded",
        "medium",
        _stale_for_ever,
        "a cluster works on with old data, however old it is",
        "stale prices and rules are served as current, for as long as the producer is away",
        "`stale_minutes_max`",
    ),
)
