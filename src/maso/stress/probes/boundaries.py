"""What keeps a fleet's information barriers, counted and timed: rules between pairs, or labels.

*Entries* are what somebody must read to know that the barriers are right:

    per-pair-rules   one rule per barrier and pair that must be kept apart, one exception per declassification
    label-lattice    each agent's and port's clearance (a line, and one more per compartment), and each
                     declassification
    one bus each     each agent's bus, and each gate

The time of the check is that of the real steps, on messages that went through all the steps before them.
"""

import sys
from collections.abc import Iterator
from typing import Any, Final

from maso.controls.barriers import PerPairRules, barriers_of, count_pair_rules
from maso.controls.message import Message
from maso.envelope import MessageKind
from maso.fleet.graph import pairs_across
from maso.fleet.model import Fleet, Link
from maso.plane.segments import segments
from maso.streams import Stream, stream
from maso.stress.dimension import LIST_ROWS_MAX, Outcome, Trial
from maso.stress.probes.boundaries_rig import CHANNEL, Rig, text_payload, with_source
from maso.stress.timing import cpu_us_each
from maso.text import writer
from maso.verdict import Finding
from maso.verdict import Outcome as Verdict

# Enough that the mean does not hang on one link; the agents of more would only make the set-up dearer.
LINKS_TIMED: Final = 120
ROUNDS: Final = 5
CHECKS_MIN: Final = 400  # a check takes a quarter of a microsecond; a batch must outlast the clock's step
# A table's entry holds a reference to a tuple that many pairs share; CPython's integers take 32 bytes.
_INT_BYTES: Final = 32


# Entries.


def declassifications(fleet: Fleet) -> Iterator[tuple[str, str, str, str, str]]:
    """(from, to, compartment, schema, owner) of every barrier that a link or an action sheds."""
    barriers = frozenset(barriers_of(fleet))
    actions = {action.id: action for action in fleet.actions}
    for link in fleet.links:
        for name in link.declassify:
            if name in barriers:
                yield link.from_, link.to, name, link.schema, link.owner
    for agent in fleet.types:
        for action in (actions[name] for name in agent.actions):
            for name in action.declassify:
                if name in barriers and name in agent.clearance.compartments:
                    yield agent.id, action.port, name, action.schema, action.owner


def entries(fleet: Fleet) -> int:
    """What must be read, under the barrier controls that the fleet's `controls` ask for."""
    shed = sum(1 for _ in declassifications(fleet))
    if fleet.controls.bus == "per-barrier":
        return len(fleet.types) + len(segments(fleet).gates)
    if fleet.controls.barrier_policy == "per-pair-rules":
        return count_pair_rules(fleet) + shed
    clearances = [t.clearance for t in fleet.types] + [p.clearance for p in fleet.ports]
    return shed + sum(1 + len(clearance.compartments) for clearance in clearances)


def crossing(fleet: Fleet) -> list[Link]:
    """Links between two agents of which only one is cleared for some barrier."""
    barriers = frozenset(barriers_of(fleet))
    behind = {t.id: barriers.intersection(t.clearance.compartments) for t in fleet.types}
    return [
        link
        for link in fleet.links
        if link.from_ in behind and link.to in behind and behind[link.from_] != behind[link.to]
    ]


def _rows(fleet: Fleet, links: list[Link]) -> list[list[str]]:
    """The crossing links for people: who, in which shape, what is shed, who answers for it."""
    barriers = frozenset(barriers_of(fleet))
    behind = {t.id: barriers.intersection(t.clearance.compartments) for t in fleet.types}
    rows = []
    for x in links[:LIST_ROWS_MAX]:
        inward = behind[x.from_] < behind[x.to]
        nobody = "nobody need: it leads into the barrier" if inward else "nobody: what is labelled is refused"
        rows.append([x.from_, x.to, x.schema, ", ".join(x.declassify) or "nothing", x.owner or nobody])
    return rows


def run_entries(trial: Trial) -> Outcome:
    fleet = trial.fleet
    count = entries(fleet)
    rate = fleet.governance.audit_rules_per_hour
    links = crossing(fleet)
    linked, pairs = pairs_across(fleet)
    values: dict[str, float] = {
        "barrier_entries": count,
        "crossing_pairs": linked,
        "pairs_apart": pairs,
    }
    if rate:
        values["barrier_audit_hours"] = count / rate
    details: dict[str, Any] = {
        "barriers": [[c.id, c.about] for c in fleet.compartments if c.barrier],
        "crossing": _rows(fleet, links),
        "crossing_total": len(links),
        "shedding": sum(1 for link in links if link.declassify),
        "agents": len(fleet.types),
    }
    return Outcome(values=values, details=details)


# The time of the check.


def _sampled(links: list[Link]) -> list[Link]:
    step = max(1, len(links) // LINKS_TIMED)
    return links[::step][:LINKS_TIMED]


def _messages(rig: Rig, links: list[Link], draws: Stream) -> list[Message]:
    """Messages along these links that have passed every step before DP-1.1."""
    write = writer("report")
    names = dict.fromkeys(name for link in links for name in (link.from_, link.to))
    actors = rig.session(1, names)
    steps = rig.plane.steps()
    last = next(i for i, (name, _) in enumerate(steps) if name == "DP-1.1")
    ready = []
    for link in links:
        sender, to = actors[link.from_], actors[link.to]
        rig.now += 1_000_000
        payload = text_payload(write(draws.bits))
        wire = sender.wire(to.nhi, 1, MessageKind.DATA, payload, 0, 0, (), ())
        message = Message(CHANNEL, wire, rig.now)
        if all(_passes(check(message)) for _, check in steps[:last]):
            ready.append(message)
    return ready


def _passes(finding: Finding | None) -> bool:
    return finding is None or finding.outcome is not Verdict.DENY


def run_check(trial: Trial) -> Outcome:
    """CPU of DP-2.5 and DP-1.1 for a sentence to somebody across a barrier, and what the rules take to keep.

    Links that cross carry free text here and shed nothing, so that the rules of the pair are really asked.
    """
    rig = Rig(with_source(trial.fleet, carry_text=True), trial.seed)
    values: dict[str, float] = {}
    links = _sampled(crossing(trial.fleet))
    if links:  # where nothing crosses there is hardly a rule, and its memory says nothing about more
        values["barrier_table_mb"] = _table_bytes(rig) / 1e6
    messages = _messages(rig, links, stream(trial.seed, "stress/boundaries/check")) if links else []
    steps = dict(rig.plane.steps())
    classify, derive = steps["DP-1.1"], steps["DP-2.5"]

    def both(message: Message) -> None:
        derive(message)
        classify(message)

    if messages:
        batch = messages * (1 + CHECKS_MIN // len(messages))
        values["barrier_check_us"] = cpu_us_each(both, batch, 3 if trial.quick else ROUNDS)
    return Outcome(values=values, details={"messages": len(messages), "links": len(links)})


def _table_bytes(rig: Rig) -> int:
    """Bytes of what the check looks its rules up in; a label's clearance is one integer per agent."""
    if rig.fleet.controls.barrier_policy == "per-pair-rules":
        table = PerPairRules(rig.rules).table
        return sys.getsizeof(table) + _INT_BYTES * len(table)
    return _INT_BYTES * len(rig.rules.types)


NO_BARRIERS: Final = "no compartment has `barrier: true`, so there is no barrier to test"


def applies(fleet: Fleet) -> str:
    return "" if barriers_of(fleet) else NO_BARRIERS
