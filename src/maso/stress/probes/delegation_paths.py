"""Transitive privilege paths, tried: can anybody have done through others what it may not have done?

For every path that the policy in force leaves open (`delegation_policy.privilege_paths`) a compromised source
tries three ways, each in a session of its own, with the real keys of everybody on the path (all of them
collude, except that the source stays what it is):

    plain    every link delegates the wanted action to the next, under the link above
    narrow   the first link delegates only what it may; the next one asks for the wanted action under it
    silent   nobody makes a contract until the last one, who delegates the action in its own name

After every link the order is given by message, if the fleet has a way for it. Then the last agent does the
action, under the last contract that was accepted, or without one. It counts as success when the action is
performed, or held only for an endorsement from outside: authority was given then.

Not tried: influence by plain data (the endorsements answer that), and actions that are not guarded.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from maso.fleet.graph import shortest_path
from maso.stress.dimension import LIST_ROWS_MAX, Outcome, Trial
from maso.stress.probes.delegation_policy import Reach, privilege_paths, reach_of
from maso.stress.probes.delegation_stage import Stage, refusal

WAYS: Final = ("plain", "narrow", "silent")
# A path tried takes 2 to 5 ms; under the widest policies there are thousands, of the same few shapes.
TRIED_MAX_QUICK: Final = 60


class Path(NamedTuple):
    """Agents from the source to the one who executes, and the action's number."""

    agents: tuple[int, ...]
    action: int


class Attempt(NamedTuple):
    """What came of one way: did the action go through, who said no on the way, was the path reported?"""

    succeeded: bool
    refusals: tuple[str, ...]
    reported: bool


def run(trial: Trial) -> Outcome:
    """Count, list and try the paths at this size, under this policy."""
    stage = Stage(trial.fleet, trial.seed)
    stage.fill()  # other sessions are at work: what the transitive check can know of, it knows
    found = reach_of(trial.fleet, stage.rules)
    paths = privilege_paths(stage.rules, found)
    total = sum(bits.bit_count() for _, _, bits in paths)
    most = TRIED_MAX_QUICK if trial.quick else LIST_ROWS_MAX
    rows: list[list[str]] = []
    succeeded = reported = tried = 0
    session = 0
    stopped: dict[str, int] = {}
    for path in _spread(paths, found, total, most):
        attempts = []
        for way in WAYS:
            session += 1
            attempts.append(_attempt(stage, session, path, way))
        tried += 1
        through = any(attempt.succeeded for attempt in attempts)
        succeeded += through
        reported += any(attempt.reported for attempt in attempts)
        for attempt in attempts:
            for code in attempt.refusals:
                stopped[code] = stopped.get(code, 0) + 1
        rows.append(_row(stage, path, through, attempts))
    return Outcome(
        values={
            "paths_open": float(total),
            "paths_tried": float(tried),
            "paths_succeeding": float(succeeded),
        },
        details={
            "paths": rows,
            "paths_total": total,
            "reported": reported,
            "stopped_by": dict(sorted(stopped.items())),
        },
    )


def _spread(paths: list[tuple[int, int, int]], found: Reach, total: int, most: int) -> Iterator[Path]:
    """At most so many paths, evenly over the list; the shortest chain of each."""
    step = -(-total // most) if total else 1
    number = 0
    for source, executor, bits in paths:
        while bits:
            low = bits & -bits
            bits ^= low
            if number % step == 0:
                yield Path(shortest_path(found.out, source, executor), low.bit_length() - 1)
            number += 1


def _row(stage: Stage, path: Path, through: bool, attempts: list[Attempt]) -> list[str]:
    types = stage.rules.types
    names = [types[i].id for i in path.agents]
    action = stage.rules.actions[path.action]
    assert action is not None
    codes = list(dict.fromkeys(code for attempt in attempts for code in attempt.refusals))
    return [names[0], action.id, " > ".join(names), "succeeds" if through else "stopped", ", ".join(codes)]


def _attempt(stage: Stage, session: int, path: Path, way: str) -> Attempt:
    names = tuple(stage.rules.types[i].id for i in path.agents)
    by_name = stage.session(session, names)
    nhi = [by_name[name] for name in names]
    channel = stage.channel()
    contract, reported = 0, False
    said: list[str] = []
    for i in range(len(nhi) - 1):
        above = contract
        contract = 0
        bits = _wanted(stage, nhi, i, path.action, way)
        if bits:
            made = stage.signed(nhi[i], nhi[i + 1], bits, above)
            code = stage.register(made, channel)
            if code:
                said.append(code)
            else:
                contract = made.id
                reported = reported or stage.plane.contracts.transitive(made) is not None
        told = stage.order(nhi[i], nhi[i + 1], contract, channel)
        if told and not contract:  # neither authority nor an order came this far
            return Attempt(False, (*said, told), reported)
    stopped = refusal(stage.act(nhi[-1], path.action, contract, channel))
    return Attempt(not stopped, (*said, stopped) if stopped else (), reported)


def _wanted(stage: Stage, nhi: list[int], link: int, action: int, way: str) -> int:
    """What link `link` of the chain delegates; 0 for no contract."""
    bit = 1 << action
    last = link == len(nhi) - 2
    if way == "plain" or (way == "narrow" and link) or (way == "silent" and last):
        return bit
    if way == "silent":
        return 0
    instances = stage.plane.state.instances
    source, target = instances[nhi[0]], instances[nhi[1]]
    return stage.plane.contracts.policy.permits(source, target)[0] & source.type.authority
