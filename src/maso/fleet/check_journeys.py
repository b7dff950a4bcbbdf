"""Journeys: an honest session must be able to succeed under the fleet's own rules.

Each journey is walked once with what is known before any message is written: the labels of ports, the
clearances, what each link and action sheds, who delegated what to whom, and what the customer confirmed.
A step that would be refused every time is a mistake in the file. Not seen here: what DLP finds in a text,
budgets, and what the world answers.
"""

from collections.abc import Iterator
from typing import Final

from maso.fleet.bind import Path, listed
from maso.fleet.ground import RANK, Ground
from maso.fleet.model import AgentType, Journey, LabelSpec, Link, Port, Step
from maso.fleet.telling import How, Telling, sheds_of

_SUM_SLACK: Final = 0.01  # shares are written with two decimals
STEPS_MAX: Final = 2000  # a session of 15 minutes has about 60 steps; more is a group gone wild


_STEP_LEGAL: Final = (
    "`{from: A, to: B}`, `{from: A, action: X}`, `{confirm: X}` "
    "or `{from: A, to: B, kind: delegation, delegate: [X]}`"
)


class _State:
    """What each agent type holds and may do at one point of a journey."""

    def __init__(self, telling: Telling) -> None:
        self.telling = telling
        self.labels: dict[str, LabelSpec] = {}
        self.sources: dict[str, tuple[str, ...]] = {}
        self.contracts: dict[str, dict[str, tuple[str, ...]]] = {}  # who -> by whom -> actions
        self.ceilings: dict[str, tuple[str, ...]] = {}
        self.confirmed: list[str] = []

    def label(self, name: str) -> LabelSpec:
        return self.labels.get(name, LabelSpec(level="public"))

    def join(self, name: str, label: LabelSpec, sources: tuple[str, ...]) -> None:
        held = self.label(name)
        level = max(held.level, label.level, key=RANK.__getitem__)
        more = tuple(c for c in label.compartments if c not in held.compartments)
        self.labels[name] = LabelSpec(level=level, compartments=(*held.compartments, *more))
        known = self.sources.get(name, ())
        self.sources[name] = (*known, *(s for s in sources if s not in known))


def shed(label: LabelSpec, declassify: tuple[str, ...], clearance: LabelSpec) -> LabelSpec:
    """What is left of a label: without these compartments, and then no higher than the receiver."""
    kept = tuple(c for c in label.compartments if c not in declassify)
    if len(kept) == len(label.compartments):
        return label
    return LabelSpec(level=min(label.level, clearance.level, key=RANK.__getitem__), compartments=kept)


def step_count(steps: tuple[Step, ...], most: int = STEPS_MAX, depth: int = 0) -> int:
    """How many steps these are when groups are written out; stops counting beyond `most`."""
    if depth > 4:
        return most + 1
    total = 0
    for step in steps:
        total += step.repeat * step_count(step.steps, most, depth + 1) if step.steps else step.repeat
        if total > most:
            return total
    return total


def check(g: Ground, journeys: tuple[Journey, ...]) -> None:
    """`journeys` as they stand in the file, with their groups."""
    total = sum(j.share for j in journeys)
    if journeys and abs(total - 1) > _SUM_SLACK and not g.is_broken(("workload", "journeys")):
        g.wrong(("workload", "journeys"), f"the shares of the journeys come to {total:.2f}", "a sum of 1")
    seen: set[str] = set()
    for i, journey in enumerate(journeys):
        path: Path = ("workload", "journeys", i)
        if journey.id in seen:
            g.wrong((*path, "id"), f"`{journey.id}` stands twice under `journeys`", "each id once")
        seen.add(journey.id)
        if not journey.steps:
            g.wrong((*path, "steps"), f"the journey `{journey.id}` has no steps", "at least one")
        _walk(g, path, journey)


def _flat(path: Path, steps: tuple[Step, ...]) -> Iterator[tuple[Path, Step]]:
    """The steps in order with their places; a group is walked twice, so that its second round is seen too."""
    for i, step in enumerate(steps):
        where = (*path, "steps", i)
        if not step.steps:
            yield where, step
        else:
            for _ in range(min(step.repeat, 2)):
                yield from _flat(where, step.steps)


def _walk(g: Ground, path: Path, journey: Journey) -> None:
    state = _State(Telling(sheds_of(g.fleet)))
    told: set[Path] = set()
    _groups(g, path, journey.steps)
    for where, step in _flat(path, journey.steps):
        if g.is_broken(("workload", "journeys")) or g.is_broken(path):
            return  # what follows would follow from that mistake
        if where in told:
            continue
        if not _Walker(g, state, where, step).go():
            told.add(where)


def _groups(g: Ground, path: Path, steps: tuple[Step, ...]) -> None:
    for i, step in enumerate(steps):
        if not step.steps:
            continue
        where = (*path, "steps", i)
        others = [step.from_, step.to, step.action, step.confirm, step.under, *step.delegate]
        if any(others) or step.chance != 1.0:
            g.wrong(where, "a group of steps says something of its own", "`repeat` and `steps`")
        _groups(g, where, step.steps)


class _Walker:
    """One step of a walk."""

    def __init__(self, g: Ground, state: _State, path: Path, step: Step) -> None:
        self.g, self.state, self.path, self.step = g, state, path, step

    def wrong(self, key: str, what: str, legal: str) -> bool:
        self.g.wrong((*self.path, key) if key else self.path, what, legal)
        return False

    def go(self) -> bool:
        """Do the step; False when a mistake was told."""
        step = self.step
        if step.confirm is not None:
            return self._confirm(step.confirm)
        if step.from_ is None:
            return self.wrong("", "the step says neither who acts nor what is confirmed", _STEP_LEGAL)
        if step.action is not None:
            return self._act(step.from_, step.action)
        if step.to is None:
            return self.wrong("", f"the step of `{step.from_}` goes nowhere", _STEP_LEGAL)
        if step.under is not None:
            return self.wrong("under", "`under` means something for an action only", "leave it out")
        if step.delegate or step.kind == "delegation":
            return self._delegate(step.from_, step.to)
        return self._send(step.from_, step.to, step.kind)

    def _confirm(self, name: str) -> bool:
        others = (self.step.from_, self.step.to, self.step.action, self.step.under, *self.step.delegate)
        if any(others):
            return self.wrong(
                "", "a confirmation is a step of its own", "`{confirm: ACTION}` before the action's step"
            )
        action = self.g.actions.get(name)
        if action is None:
            return self.g.refer((*self.path, "confirm"), name, "actions", self.g.ids("actions"), "action")
        if not any("customer" in a.endorsed_by for a in action.arguments.values()):
            asked = [
                a.id
                for a in self.g.actions.values()
                if any("customer" in x.endorsed_by for x in a.arguments.values())
            ]
            return self.wrong(
                "confirm",
                f"`{name}` never needs the customer's confirmation",
                "leave the step out, or " + (listed(asked) if asked else "`customer` under `endorsed_by`"),
            )
        if self.step.chance < 1:
            return self.wrong(
                "chance", f"`{name}` would sometimes lack its confirmation", "a journey of its own"
            )
        self.state.confirmed.append(name)
        return True

    def _sender(self, name: str) -> tuple[LabelSpec, tuple[str, ...]] | None:
        port = self.g.ports.get(name)
        if port is not None:
            return port.label, (port.source,) if port.source else ()
        if name in self.g.types:
            return self.state.label(name), self.state.sources.get(name, ())
        if not self.g.unsure("ports"):
            names = [*self.g.ids("types"), *self.g.ids("ports")]
            self.g.refer((*self.path, "from"), name, "types", names, "type or port", "ports")
        return None

    def _send(self, source: str, target: str, kind: str) -> bool:
        held = self._sender(source)
        if held is None:
            return False
        link = self.g.links.get((source, target, kind))
        if link is None:
            return self._no_link(source, target, kind)
        return self._deliver(link, *held, kind)

    def _no_link(self, source: str, target: str, kind: str) -> bool:
        if self.g.partial("links") or self.g.partial("types") or self.g.partial("ports"):
            return False
        what = f"no link carries {kind} from `{source}` to `{target}`"
        kinds = [k for s, t, k in self.g.links if (s, t) == (source, target)]
        if kinds:
            others = " or ".join(f"`kind: {k}`" for k in kinds)
            return self.wrong("kind", what, f"{others} in this step, or `{kind}` among the link's `kinds`")
        out = [f"{t} ({k})" for s, t, k in self.g.links if s == source]
        return self.wrong(
            "to", what, f"from `{source}` to {listed(out, 12)}" if out else f"a link from `{source}`"
        )

    def _deliver(self, link: Link, label: LabelSpec, sources: tuple[str, ...], kind: str) -> bool:
        receiver = self.g.types.get(link.to)
        if receiver is None:
            return False
        foreign = [s for s in sources if s not in link.instruction_sources]
        if kind == "instruction" and foreign:
            what = f"`{link.from_}` has read {', '.join(foreign)} by now, so its instruction is refused"
            return self.wrong(
                "kind", what, f"`kind: data`, or `instruction_sources: [{', '.join(sources)}]` on the link"
            )
        carried = shed(label, link.declassify, receiver.clearance)
        if not self._tellable(link.from_, label, link.declassify, link.schema, "to"):
            return False
        at = f"the link from `{link.from_}` to `{link.to}` (line {self.g.line('links', link)})"
        if not self._cleared(f"`{receiver.id}`", carried, receiver.clearance, "to", at):
            return False
        if link.to != link.from_:
            self.state.join(link.to, carried, sources)
            self.state.telling.hear(link.to, self.g.schemas.get(link.schema), carried.compartments)
        if kind in ("instruction", "delegation"):
            self._narrow(link.from_, receiver)
        return True

    def _tellable(
        self, source: str, label: LabelSpec, declassify: tuple[str, ...], schema_id: str, key: str
    ) -> bool:
        """Out of a compartment of data with a format, only values leave that came in from outside of it."""
        schema = self.g.schemas.get(schema_id)
        untold = self.state.telling.untold(source, schema, label.compartments, declassify)
        never = [one for one in untold if one.how is How.NOTHING and not one.optional]
        if not never:
            return True
        leaves = [c for c in declassify if c in self.g.guarded and c in label.compartments]
        kind, article = never[0].kind, "an" if never[0].kind == "id" else "a"
        what = f"`{source}` sheds {', '.join(leaves)} and has received no {kind} that it may tell"
        what += f" as `{never[0].field}`"
        legal = f"{article} {kind} sent to `{source}` before, from outside of it; or none in `{schema_id}`"
        return self.wrong(key, what, legal)

    def _cleared(self, who: str, label: LabelSpec, clearance: LabelSpec, key: str, at: str) -> bool:
        """`at` says where it could be shed."""
        more = [c for c in label.compartments if c not in clearance.compartments]
        over = [label.level] * (RANK[label.level] > RANK[clearance.level]) + more
        if not over:
            return True
        what = f"`{self.step.from_}` holds {', '.join(over)} by now, and {who} is not cleared for it"
        legal = f"clearance for {', '.join(over)} in {who}"
        sheddable = more or list(label.compartments)  # the level comes down with any of them
        if sheddable:
            legal += f"; or `declassify: [{', '.join(sheddable)}]`, a strict schema and an `owner` on {at}"
        return self.wrong(key, what, legal)

    def _narrow(self, source: str, receiver: AgentType) -> None:
        own = (*receiver.actions, *receiver.may_request)
        above = self._ceiling(source)
        if self.step.delegate:
            above = tuple(a for a in above if a in self.step.delegate)
        now = self.state.ceilings.get(receiver.id, own)
        self.state.ceilings[receiver.id] = tuple(a for a in now if a in above)

    def _ceiling(self, name: str) -> tuple[str, ...]:
        agent = self.g.types.get(name)
        if agent is None:
            return tuple(self.g.actions)  # a trusted port narrows nothing
        return self.state.ceilings.get(name, (*agent.actions, *agent.may_request))

    def _delegate(self, source: str, target: str) -> bool:
        if self.step.kind != "delegation":
            return self.wrong("kind", "`delegate` needs a delegation", "`kind: delegation`")
        if not self.step.delegate:
            return self.wrong("", "the delegation passes nothing on", "`delegate: [ACTION, ...]`")
        if self.step.chance < 1:
            return self.wrong(
                "chance", "later steps would sometimes lack this authority", "a journey of its own"
            )
        # Later steps are walked as if this one were right: what they lack by it is not told as well.
        self.state.contracts.setdefault(target, {})[source] = self.step.delegate
        link = self.g.links.get((source, target, "delegation"))
        if link is not None:
            self.state.telling.hear(target, self.g.schemas.get(link.schema), ())
        entry = next((d for d in self.g.fleet.delegations if (d.from_, d.to) == (source, target)), None)
        for i, name in enumerate(self.step.delegate):
            if entry is not None and name not in entry.actions:
                what = f"`{source}` may not pass `{name}` on to `{target}`"
                self.g.wrong((*self.path, "delegate", i), what, listed(entry.actions))
                return False
            agent = self.g.types.get(source)
            if entry is not None and agent and name not in (*agent.actions, *agent.may_request):
                return False  # told at the entry
            if agent and name not in self._ceiling(source):
                what = f"`{source}` itself acts for somebody who may not do `{name}`"
                self.g.wrong((*self.path, "delegate", i), what, listed(self._ceiling(source), 12))
                return False
        return self._send(source, target, "delegation")

    def _act(self, name: str, action_id: str) -> bool:
        agent, action = self.g.types.get(name), self.g.actions.get(action_id)
        if self.step.to is not None or self.step.delegate:
            return self.wrong("", "an action goes to its own port", "`{from: TYPE, action: ACTION}`")
        if agent is None:
            self._sender(name)
            return name not in self.g.ports or self.wrong(
                "from", f"the port `{name}` does not act", "an agent type"
            )
        if action is None:
            return self.g.refer((*self.path, "action"), action_id, "actions", self.g.ids("actions"), "action")
        if action_id not in agent.actions:
            return self.wrong(
                "action", f"`{name}` may not do `{action_id}`", listed(agent.actions) or "nothing yet"
            )
        port = self.g.ports.get(action.port)
        if port is None or not self._authorised(agent, action_id, action.needs_contract):
            return False
        if action.privileged and not self._endorsed(agent, action_id):
            return False
        return self._perform(agent, action_id, port)

    def _authorised(self, agent: AgentType, action_id: str, needs_contract: bool) -> bool:
        by = self.step.under
        if by is not None:
            given = self.state.contracts.get(agent.id, {}).get(by)
            if given is None:
                what = f"`{by}` has not delegated anything to `{agent.id}` so far"
                return self.wrong(
                    "under", what, f"a step before: `{{from: {by}, to: {agent.id}, kind: delegation, ...}}`"
                )
            return action_id in given or self.wrong(
                "under", f"`{by}` has not delegated `{action_id}`", listed(given)
            )
        if needs_contract:
            return self.wrong(
                "action", f"`{action_id}` needs a contract", "`under: TYPE` that delegated it before"
            )
        ceiling = self._ceiling(agent.id)
        if action_id in ceiling:
            return True
        what = f"`{agent.id}` acts for somebody by now who may not do `{action_id}`"
        return self.wrong(
            "action", what, f"`under: TYPE` that delegated it, or {listed(ceiling, 12) or 'nothing'}"
        )

    def _endorsed(self, agent: AgentType, action_id: str) -> bool:
        action = self.g.actions[action_id]
        sources = self.state.sources.get(agent.id, ())
        needs_customer = False
        for name, argument in action.arguments.items():
            foreign = [s for s in sources if s not in argument.sources]
            own_idea = not sources  # nobody outside asked for it: then every endorser is asked
            if foreign and not argument.endorsed_by:
                what = f"`{agent.id}` has read {', '.join(foreign)} by now, and nobody may endorse `{name}`"
                return self.wrong(
                    "action", what, f"`endorsed_by` or `sources` for `{name}` in the action `{action_id}`"
                )
            needs_customer |= (bool(foreign) or own_idea) and "customer" in argument.endorsed_by
        if not needs_customer:
            return True
        if self.step.repeat > 1:
            return self.wrong("repeat", "a confirmation works once", "a confirmation for each time")
        if action_id not in self.state.confirmed:
            return self.wrong(
                "action",
                f"`{action_id}` needs the customer",
                f"`{{confirm: {action_id}}}` as the step before",
            )
        self.state.confirmed.remove(action_id)
        return True

    def _perform(self, agent: AgentType, action_id: str, port: Port) -> bool:
        action = self.g.actions[action_id]
        label = self.state.label(agent.id)
        if not self._tellable(agent.id, label, action.declassify, action.schema, "action"):
            return False
        carried = shed(label, action.declassify, port.clearance)
        at = f"the action `{action_id}` (line {self.g.line('actions', action)})"
        if not self._cleared(f"the port `{port.id}`", carried, port.clearance, "action", at):
            return False
        if action.answer is not None:
            self.state.join(agent.id, port.label, (port.source,) if port.source else ())
            answer = self.g.schemas.get(action.answer)
            self.state.telling.hear(agent.id, answer, port.label.compartments)
        return True
