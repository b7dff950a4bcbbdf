"""What one cluster's phase does to the others: every cluster put into every phase, and everything settled.

Alternate is reached as in life by an orchestrator that stops, Contingency by a cluster that is gone,
Emergency by a person's order. Then the coordinator settles: once for what follows at once (`SOON_NS`), and
once for what follows when stale data has run out. A cluster is *lost* in Contingency or worse: it produces
nothing new. What is lost is told twice: of all agents, as a budget of the fleet counts, and of those in
other clusters, which is everything that one cluster can take along.

The list of tries has the worst first (`_badness`), and that row is what is said and drawn of the worst.

What consumers know is counted against the dependencies that the fleet declares, not against those that the
coordinator was given: with three axes it has none, and nobody is told.

Of a fleet with more clusters than `TRIED_MAX` those are tried that reach furthest on paper.
"""

from typing import Any, Final, NamedTuple

from maso.clock import DAY, MINUTE
from maso.fleet.model import Dependency, Fleet
from maso.resilience.cascade import Graph, depth, floor_of, response
from maso.resilience.pace import PHASE_NAMES, Phase
from maso.resilience.plan import plan_of
from maso.resilience.signals import Back, Gone, Joined
from maso.streams import stream
from maso.stress.dimension import LIST_ROWS_MAX, Outcome, Trial
from maso.stress.probes.pace_stage import Stage, full, members

# Orchestrators answer within a minute; what follows them has followed after five.
SOON_NS: Final = 5 * MINUTE
TRIED_MAX: Final = 20
# Causes end one after the other within so long, as after an outage.
CAUSES_NS: Final = 30 * MINUTE
TICK_NS: Final = 30 * 1_000_000_000
# Clusters return one after the other: with more of them, hours of virtual time teach nothing new.
RECOVERED_MAX: Final = 25
# A return that takes longer than this is reported as this: a day.
RECOVERY_MAX_NS: Final = DAY
_BROKEN: Final = (Phase.ALTERNATE, Phase.CONTINGENCY, Phase.EMERGENCY)


class Try(NamedTuple):
    """One cluster in one phase: what it did to the others.

    lost_share, later_share  lost in other clusters, of all agents (or instances): soon, and in the end
    others_share             in the end, of the agents in other clusters
    """

    cluster: str
    phase: Phase
    moved: dict[str, tuple[Phase, str]]  # of others, soon: phase and the producer that pulled
    later: dict[str, Phase]  # of others, once stale data has run out
    depth: int
    lost_share: float
    later_share: float
    others_share: float
    sessions_share: float | None
    needed: int
    knew: int
    learn_ms: float


def cascade(trial: Trial) -> Outcome:
    """Every cluster in every phase."""
    fleet = trial.fleet
    tries = [_try(fleet, name, phase) for name in _candidates(fleet) for phase in _BROKEN]
    tries.sort(key=_badness)
    needed, knew = sum(t.needed for t in tries), sum(t.knew for t in tries)
    values = {
        "dependencies": float(len(fleet.dependencies)),
        "cascade_depth": float(max((t.depth for t in tries), default=0)),
        "clusters_moved": float(max((len(t.moved) for t in tries), default=0)),
        "lost_share": max((t.lost_share for t in tries), default=0.0),
        "lost_later_share": max((t.later_share for t in tries), default=0.0),
    }
    if needed:
        values["uninformed_share"] = (needed - knew) / needed
    if knew:
        values["learn_ms"] = max(t.learn_ms for t in tries)
    sessions = [t.sessions_share for t in tries if t.sessions_share is not None]
    if sessions:
        values["sessions_share"] = max(sessions)
    return Outcome(values=values, details=_details(fleet, tries))


def _badness(tried: Try) -> tuple[float, float, float, int]:
    """The worst first: by agents lost in the end, soon, by sessions, by how far others fall; or as found."""
    return (-tried.later_share, -tried.lost_share, -(tried.sessions_share or 0.0), -sum(tried.later.values()))


def _candidates(fleet: Fleet) -> list[str]:
    graph = Graph(plan_of(fleet).clusters, fleet.dependencies)
    reach = {i: len(depth(graph, i, Phase.EMERGENCY)) for i in range(len(graph.names))}
    first = sorted(reach, key=lambda i: (-reach[i], i))[:TRIED_MAX]
    return [graph.names[i] for i in sorted(first)]


def _try(fleet: Fleet, name: str, phase: Phase) -> Try:
    stage = Stage(fleet)
    if phase is Phase.EMERGENCY:
        stage.order(f"cluster:{name}", "stop")
    else:
        stage.send(Gone(f"{'cluster' if phase is Phase.CONTINGENCY else 'orchestrator'}:{name}"))
    stage.settle(SOON_NS)
    soon = stage.phases()
    needed, knew = _known(fleet, stage, soon)
    moved = _moved(stage, soon, name)
    learn = max(stage.learn_ns, default=0) / 1e6
    stage.settle(DAY)
    later = stage.phases()
    agents = _weights(fleet)
    lost_later = _lost(agents, later, name)
    return Try(
        cluster=name,
        phase=phase,
        moved=moved,
        later={o: p for o, p in later.items() if o != name and p is not Phase.PRIMARY},
        depth=max((_chain(moved, other) for other in moved), default=0),
        lost_share=_lost(agents, soon, name),
        later_share=lost_later,
        others_share=lost_later / others if (others := 1 - agents.get(name, 0.0)) > 0 else 0.0,
        sessions_share=_sessions(fleet, later),
        needed=needed,
        knew=knew,
        learn_ms=learn,
    )


def _known(fleet: Fleet, stage: Stage, phases: dict[str, Phase]) -> tuple[int, int]:
    """How many consumers have a producer outside Primary, and how many confirmed that they know."""
    needed = [d for d in fleet.dependencies if phases[d.producer] is not Phase.PRIMARY]
    knows = {(k.consumer, k.producer): k.phase for k in stage.coordinator.knowledge() if k.knows}
    return len(needed), sum(knows.get((d.consumer, d.producer)) is phases[d.producer] for d in needed)


def _moved(stage: Stage, phases: dict[str, Phase], start: str) -> dict[str, tuple[Phase, str]]:
    """The others outside Primary, each with the producer that pulled it there."""
    causes: dict[str, str] = {}
    for _, move in stage.moves:
        level, _, name = move.scope.partition(":")
        if level == "cluster" and move.why.startswith("upstream:"):
            causes[name] = move.why.partition(":")[2]
    return {
        name: (phase, causes.get(name, ""))
        for name, phase in phases.items()
        if name != start and phase is not Phase.PRIMARY
    }


def _chain(moved: dict[str, tuple[Phase, str]], name: str) -> int:
    """How many dependencies lie between a cluster and the one that began it."""
    length, seen = 0, set[str]()
    while name in moved and name not in seen:
        seen.add(name)
        name = moved[name][1]
        length += 1
    return length


def _weights(fleet: Fleet) -> dict[str, float]:
    """The share of the fleet's instances that each cluster has."""
    weights: dict[str, float] = {}
    for agent in fleet.types:
        weights[agent.cluster] = weights.get(agent.cluster, 0.0) + agent.per_session
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def _lost(agents: dict[str, float], phases: dict[str, Phase], start: str) -> float:
    """The share of instances in *other* clusters that produce nothing new."""
    return sum(
        agents.get(name, 0.0)
        for name, phase in phases.items()
        if phase >= Phase.CONTINGENCY and name != start
    )


def _sessions(fleet: Fleet, phases: dict[str, Phase]) -> float | None:
    """The share of sessions whose journey needs a lost cluster; None where no journeys are declared."""
    journeys = fleet.workload.journeys
    if not journeys:
        return None
    lost = {agent.id for agent in fleet.types if phases[agent.cluster] >= Phase.CONTINGENCY}
    total = sum(journey.share for journey in journeys) or 1.0
    hit = sum(j.share for j in journeys if any(s.from_ in lost or s.to in lost for s in j.steps))
    return hit / total


def _details(fleet: Fleet, tries: list[Try]) -> dict[str, Any]:
    rows = [
        [
            t.cluster,
            PHASE_NAMES[t.phase],
            _phases(_soon(t)),
            "the same" if _soon(t) == t.later else _phases(t.later),
            str(t.depth),
            f"{100 * t.lost_share:.0f}%",
            f"{100 * t.later_share:.0f}%",
            f"{100 * t.others_share:.0f}%",
            "" if t.sessions_share is None else f"{100 * t.sessions_share:.0f}%",
        ]
        for t in tries
    ]
    known = sum(t.needed for t in tries)
    return {
        "map": [_row(d) for d in fleet.dependencies[:LIST_ROWS_MAX]],
        "map_total": len(fleet.dependencies),
        "cascade": rows[:LIST_ROWS_MAX],
        "cascade_total": len(rows),
        "worst": _worst(tries[0]) if tries else {},
        "soonest": _worst(max(tries, key=lambda t: t.lost_share)) if tries else {},
        "needed": known,
        "knew": sum(t.knew for t in tries),
        "moved_by": {
            PHASE_NAMES[phase]: max((len(t.moved) for t in tries if t.phase is phase), default=0)
            for phase in _BROKEN
        },
        "deaf": _deaf(fleet),
    }


def _soon(tried: Try) -> dict[str, Phase]:
    return {name: phase for name, (phase, _) in tried.moved.items()}


def _phases(found: dict[str, Phase]) -> str:
    return ", ".join(f"{name} {PHASE_NAMES[phase]}" for name, phase in found.items()) or "none"


def _worst(tried: Try) -> dict[str, Any]:
    """One row of the list as figures, for what is said of it."""
    return {
        "cluster": tried.cluster,
        "phase": PHASE_NAMES[tried.phase],
        "lost": tried.lost_share,
        "later": tried.later_share,
        "others": tried.others_share,
        "sessions": tried.sessions_share,
    }


def _row(d: Dependency) -> list[str]:
    minutes = "" if d.stale_minutes_max is None else f"{d.stale_minutes_max} min"
    return [
        d.producer, d.consumer, d.on_alternate, d.on_contingency, d.on_emergency, d.policy, minutes,
        d.fallback,
    ]  # fmt: skip


def _deaf(fleet: Fleet) -> list[str]:
    """A consumer whose orchestrator answers nothing while its producer stops: known so, and moved or not."""
    if not fleet.dependencies:
        return []
    found = fleet.dependencies[0]
    stage = Stage(fleet)
    stage.silent.add(found.consumer)
    stage.order(f"cluster:{found.producer}", "stop")
    stage.settle(SOON_NS)
    knows = any(
        k.knows
        for k in stage.coordinator.knowledge()
        if (k.consumer, k.producer) == (found.consumer, found.producer)
    )
    return [
        found.consumer,
        found.producer,
        "knows" if knows else "",
        PHASE_NAMES[stage.phases()[found.consumer]],
    ]


# The way back.


def recovery(trial: Trial) -> Outcome:
    """Every cluster gone at once, causes ending one by one: when are all back, and who came too early?"""
    fleet = trial.fleet
    stage = Stage(fleet)
    names = stage.coordinator.graph.names
    if len(names) > RECOVERED_MAX:
        return Outcome(values={}, details={"why": f"more than {RECOVERED_MAX} clusters"})
    _populate(stage)
    for name in names:
        stage.send(Gone(f"cluster:{name}"))
    early: list[str] = []
    back: dict[str, int] = {}
    needs = _needs(fleet)

    def moved(move: Any, now: int) -> None:
        level, _, name = move.scope.partition(":")
        if level != "cluster":
            return
        if any(move.phase < floor_of(response(d, p), p) for d, p in _producers(needs, stage, name)):
            early.append(name)
        if full(move) and move.phase is Phase.PRIMARY:
            back[name] = now

    stage.on_move = moved
    draws = stream(trial.seed, "pace/causes")
    ends = sorted((draws.between(0, CAUSES_NS), name) for name in names)
    ended = {name: at for at, name in ends}
    last = ends[-1][0] if ends else 0
    while stage.now < last + RECOVERY_MAX_NS and (ends or len(back) < len(names)):
        stage.tick(stage.now + TICK_NS)
        while ends and ends[0][0] <= stage.now:
            stage.send(Back(f"cluster:{ends.pop(0)[1]}"))
        _speak(stage)
    minutes = (max(back.values(), default=last) - last) / MINUTE if len(back) == len(names) else None
    values = {"returns_too_early": float(len(early))}
    if minutes is not None:
        values["recovery_minutes"] = max(0.0, minutes)
    return Outcome(values=values, details=_order(stage, back, ended))


def _needs(fleet: Fleet) -> dict[str, list[Dependency]]:
    needs: dict[str, list[Dependency]] = {}
    for d in fleet.dependencies:
        needs.setdefault(d.consumer, []).append(d)
    return needs


def _producers(
    needs: dict[str, list[Dependency]], stage: Stage, consumer: str
) -> list[tuple[Dependency, Phase]]:
    return [(d, stage.coordinator.phase(f"cluster:{d.producer}")) for d in needs.get(consumer, [])]


def _populate(stage: Stage) -> None:
    """A few instances of every type: enough for some to speak while their cluster returns."""
    first = 1
    for agent in stage.fleet.types:
        joined = members(stage.fleet, agent, first)[:100]
        stage.send(Joined(joined))
        first += len(joined)


def _speak(stage: Stage) -> None:
    """While a cluster returns, each of its instances has done something that went well."""
    coordinator = stage.coordinator
    rising = {c.name.partition(":")[2] for c in coordinator.clusters if c.ramp is not None}
    if not rising:
        return
    clusters = [agent.cluster for agent in stage.fleet.types]
    for nhi, live in list(coordinator.instances.live.items()):
        if clusters[live.type] in rising:
            stage.outcome(nhi, True, stage.now)


def _order(stage: Stage, back: dict[str, int], ended: dict[str, int]) -> dict[str, Any]:
    """The order, what each waits for, and when: minutes from the end of the last cause, below 0 before it."""
    fleet = stage.fleet
    graph = Graph(stage.coordinator.plan.clusters, fleet.dependencies)
    regions = {c.id: c.region or "" for c in fleet.clusters}
    wished = {c.id: c.recovery_order for c in fleet.clusters}
    last = max(ended.values(), default=0)
    rows = []
    for rank, number in enumerate(graph.order, 1):
        name = graph.names[number]
        waits = dict.fromkeys(_waits(graph.edges[i].declared) for i in graph.producers[number])
        at = back.get(name)
        rows.append(
            [
                str(rank),
                name,
                str(wished.get(name) or ""),
                regions.get(name, ""),
                ", ".join(waits) or "nobody",
                f"{(ended[name] - last) / MINUTE:.1f}",
                "not within a day" if at is None else f"{(at - last) / MINUTE:.1f}",
            ]
        )
    return {
        "order": rows[:LIST_ROWS_MAX],
        "order_total": len(rows),
        "circular": graph.circular,
        "overruled": _overruled(fleet, graph),
    }


def _waits(d: Dependency) -> str:
    """The producer, and the worst phase of it in which its consumer may be in Primary."""
    free = [p for p in (Phase.PRIMARY, *_BROKEN) if floor_of(response(d, p), p) is Phase.PRIMARY]
    return f"{d.producer} in {PHASE_NAMES[max(free)].capitalize()}" + (" or better" if len(free) > 1 else "")


def _overruled(fleet: Fleet, graph: Graph) -> list[list[str]]:
    """[consumer, producer] whose `recovery_order` puts the consumer first, and whose dependency does not."""
    wished = {c.id: c.recovery_order for c in fleet.clusters}
    found = []
    for edge in graph.edges:
        consumer, producer = graph.names[edge.consumer], graph.names[edge.producer]
        first, second = wished.get(consumer), wished.get(producer)
        against = first is not None and second is not None and first < second
        if against and graph.rank[edge.producer] < graph.rank[edge.consumer]:
            found.append([consumer, producer])
    return found
