"""What types are granted and never use; whether the end of a session ends its credential, by trying.

A grant is an action that a type may execute, or a link on which it may write. Used is what some journey of
the fleet does; a fleet without journeys is walked along its links at random, so nothing can be said of it.
"""

from collections.abc import Iterable, Iterator

from maso.envelope import MessageKind
from maso.fleet.model import Fleet, Step
from maso.plane.effects import Refuse
from maso.stress.dimension import Outcome, Trial
from maso.stress.probes.identity_stage import Stage, spread

_TYPES_TRIED = 40


def grants(trial: Trial) -> Outcome:
    """Values: grants, those that are unused, types without a longest session, late messages taken."""
    fleet = trial.fleet
    actions, links = _used(fleet)
    held = [(agent.id, name) for agent in fleet.types for name in agent.actions]
    agents = {agent.id: None for agent in fleet.types}
    ways = [(link.from_, link.to) for link in fleet.links if link.from_ in agents]
    idle = [pair for pair in held if pair not in actions]
    quiet = [pair for pair in dict.fromkeys(ways) if pair not in links]
    late, tried = _late(trial)
    unlimited = sorted(agent.id for agent in fleet.types if agent.session_minutes_max is None)
    values: dict[str, float] = {
        "grants": len(held),
        "types_without_maximum": len(unlimited),
        "late_accepted": late,
    }
    if fleet.workload.journeys:
        values["unused_grants"] = len(idle)
        values["unused_links"] = len(quiet)
    rows = [[who, f"action {what}"] for who, what in idle] + [[who, f"writes to {to}"] for who, to in quiet]
    return Outcome(
        values=values,
        details={
            "unused": rows if fleet.workload.journeys else [],
            "unused_total": len(rows) if fleet.workload.journeys else 0,
            "unlimited": unlimited[:20],
            "late_tried": tried,
        },
    )


def _used(fleet: Fleet) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """(type, action) and (type, type) that some journey uses; for membership only."""
    actions: set[tuple[str, str]] = set()
    links: set[tuple[str, str]] = set()
    for journey in fleet.workload.journeys:
        for step in _flat(journey.steps):
            if step.from_ is None:
                continue
            if step.action is not None:
                actions.add((step.from_, step.action))
            if step.to is not None:
                links.add((step.from_, step.to))
    return actions, links


def _flat(steps: Iterable[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        yield from _flat(step.steps)


def _late(trial: Trial) -> tuple[int, int]:
    """Messages taken of instances whose session's credential has run out, and how many were tried."""
    stage = Stage(trial.fleet, trial.seed)
    kinds = [t for t in stage.rules.types if not t.is_port]
    accepted = tried = 0
    for i in spread(len(kinds), _TYPES_TRIED):
        session = 1 + i if trial.fleet.kind == "breadth" else 1 + tried
        members = stage.admit(session)
        one = next(held for held in members if held.rules is kinds[i])
        began = stage.now
        for after in (stage.life_ns, stage.life_ns + 1):
            stage.now = began + after
            wire = stage.wire(one.nhi, one.key, one.nhi, session, MessageKind.DATA, 0, b"{}")
            effects = stage.plane.arrive(stage.channel(), wire, stage.now)
            codes = [f.reason.code for e in effects if isinstance(e, Refuse) for f in e.findings]
            accepted += codes != ["IA-2.1/expired"]
        tried += 1
    return accepted, tried
