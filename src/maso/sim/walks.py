"""Walks: honest journeys for a fleet that declares none, found by trying the rules out beforehand.

Each walk is a task: something comes in by a port (where there is one), is handed on `handoffs_min` to
`handoffs_max` times along the links, and on the way agents read from ports and do plain actions. A walk
only goes where an honest task may go: it carries the labels and ceilings that the plane will compute, and
takes no step that they forbid. Links that were used least come first, so that together the walks cover
the fleet.

Not tried: actions that need a customer, a person or the world's facts to vouch for them (they need a story
that only a journey can tell), and labels that DLP raises because of what a text happens to hold.
"""

from typing import Final

from maso.envelope import MessageKind
from maso.fleet.model import Fleet, Journey, KindName, Link, Step
from maso.fleet.rulebook import KIND_BY_NAME, ActionRules, Flow, Rulebook, TypeRules, flow_key
from maso.labels import LEVEL_MASK, SOURCE_MASK, exceeds
from maso.sim.streams import Stream

# A handful of walks per link visits every link from several sides; 512 keep the start under a second.
WALKS_MIN: Final = 32
WALKS_MAX: Final = 512
ASIDE_PER_MILLION: Final = 350_000  # an agent reads from a port, or acts, at every third station or so
DELEGATED_ACTIONS_MAX: Final = 2


class _Task:
    """What the plane would know about a task so far."""

    def __init__(self, rules: Rulebook) -> None:
        self.context = [t.label_floor for t in rules.types]
        self.ceiling = [t.authority for t in rules.types]
        self.clusters: list[str] = []
        self.steps: list[Step] = []

    def visit(self, rules: TypeRules) -> None:
        if rules.cluster not in self.clusters:
            self.clusters.append(rules.cluster)


def _label(context: int, flow: Flow) -> int | None:
    """The label with which a message would go, or None where the receiver is not cleared for it."""
    label = context
    if label & flow.declassify:
        label = label & ~flow.declassify & ~LEVEL_MASK | label & LEVEL_MASK & flow.clearance
    return None if exceeds(label, flow.clearance) else label


class Walker:
    """Makes walks over one fleet."""

    def __init__(self, fleet: Fleet, rules: Rulebook, stream: Stream) -> None:
        self._rules = rules
        self._stream = stream
        self._load = fleet.workload
        self._used = [0] * len(fleet.links)
        self._into: dict[str, list[int]] = {}  # numbers of the links from ports into a type
        self._out: dict[str, list[int]] = {}  # numbers of the links from a type
        self._links = fleet.links
        self._whole = [n for n, link in enumerate(fleet.links) if link.from_ != link.to]
        self._ports = {port.id for port in fleet.ports}  # membership only
        self._delegations = {(d.from_, d.to): d.actions for d in fleet.delegations}
        for number, link in enumerate(fleet.links):
            if link.from_ in self._ports:
                self._into.setdefault(link.to, []).append(number)
            elif link.from_ != link.to:
                self._out.setdefault(link.from_, []).append(number)

    def journeys(self) -> tuple[Journey, ...]:
        count = min(WALKS_MAX, max(WALKS_MIN, len(self._links)))
        made = [steps for steps in (self._walk() for _ in range(count)) if steps]
        return tuple(Journey(id=f"walk-{i}", share=1 / len(made), steps=s) for i, s in enumerate(made))

    def _walk(self) -> tuple[Step, ...]:
        if not self._whole:
            return ()
        first = self._links[self._least(self._whole)]
        task = _Task(self._rules)
        here = first.to if first.from_ in self._ports else first.from_
        task.visit(self._rules.type_by_id[here])
        self._hear(task, here)
        least = self._load.handoffs_min
        for _ in range(self._stream.between(least, max(least, self._load.handoffs_max))):
            if self._stream.chance(ASIDE_PER_MILLION):
                self._hear(task, here)
            self._act(task, here)
            onward = self._next(task, here)
            if onward is None:
                break
            here = onward
        self._act(task, here)
        return tuple(task.steps)

    def _least(self, numbers: list[int]) -> int:
        """One of the least used links."""
        least = min(self._used[n] for n in numbers)
        return self._stream.pick([n for n in numbers if self._used[n] == least])

    def _flow(self, link: Link, kind: str) -> Flow | None:
        to = self._rules.type_by_id[link.to].index
        return self._rules.type_by_id[link.from_].flows.get(flow_key(to, KIND_BY_NAME[kind], 0))

    def _hear(self, task: _Task, here: str) -> None:
        """Something comes in by a port, if one may bring it."""
        numbers = list(self._into.get(here, ()))
        while numbers:
            number = self._least(numbers)
            link = self._links[number]
            floor = self._rules.type_by_id[link.from_].label_floor
            for kind in link.kinds:
                flow = self._flow(link, kind)
                label = None if flow is None or kind not in ("data", "instruction") else _label(floor, flow)
                if flow is None or label is None:
                    continue
                if kind == "instruction" and label & SOURCE_MASK & ~flow.instruction_sources:
                    continue
                self._used[number] += 1
                task.context[self._rules.type_by_id[here].index] |= label
                task.steps.append(Step(from_=link.from_, to=here, kind=kind))
                return
            numbers.remove(number)

    def _act(self, task: _Task, here: str) -> None:
        """A plain action, now and then."""
        me = self._rules.type_by_id[here]
        if not me.executes or not self._stream.chance(ASIDE_PER_MILLION):
            return
        able = [a for a in self._rules.actions if a is not None and me.executes & a.bit]
        action = self._stream.pick(able)
        if not action.needs_contract and task.ceiling[me.index] & action.bit:
            self._do(task, me, action, None)

    def _do(self, task: _Task, me: TypeRules, action: ActionRules, under: str | None) -> None:
        port = self._rules.type_by_id[action.spec.port]
        flow = me.flows[flow_key(port.index, MessageKind.ACTION, action.number)]
        label = _label(task.context[me.index], flow)
        if label is None or (action.privileged and label & SOURCE_MASK & ~action.allowed_all):
            return
        if exceeds(port.label_floor, me.clearance):
            return
        task.context[me.index] |= port.label_floor
        task.steps.append(Step(from_=me.id, action=action.id, under=under))

    def _next(self, task: _Task, here: str) -> str | None:
        """Hand the task on along one of the least used links that it may take."""
        numbers = [n for n in self._out.get(here, ()) if self._near(task, self._links[n].to)]
        while numbers:
            number = self._least(numbers)
            if self._hand_on(task, self._links[number]):
                self._used[number] += 1
                return self._links[number].to
            numbers.remove(number)
        return None

    def _near(self, task: _Task, to: str) -> bool:
        most = self._load.clusters_per_task_max
        cluster = self._rules.type_by_id[to].cluster
        return most is None or cluster in task.clusters or len(task.clusters) < most

    def _hand_on(self, task: _Task, link: Link) -> bool:
        source, target = self._rules.type_by_id[link.from_], self._rules.type_by_id[link.to]
        ways: list[tuple[KindName, int]] = []
        for kind in link.kinds:
            flow = self._flow(link, kind)
            label = None if flow is None or kind == "action" else _label(task.context[source.index], flow)
            if flow is None or label is None:
                continue
            if kind == "instruction" and label & SOURCE_MASK & ~flow.instruction_sources:
                continue
            if kind == "delegation" and (link.from_, link.to) not in self._delegations:
                continue
            ways.append((kind, label))
        if not ways:
            return False
        kind, label = self._stream.pick(ways)
        task.context[target.index] |= label
        task.visit(target)
        if kind == "delegation":
            return self._delegate(task, source, target)
        if kind == "instruction":
            task.ceiling[target.index] &= task.ceiling[source.index]
        task.steps.append(Step(from_=source.id, to=target.id, kind=kind))
        return True

    def _delegate(self, task: _Task, source: TypeRules, target: TypeRules) -> bool:
        wanted = [self._rules.action_by_id[a] for a in self._delegations[source.id, target.id]]
        passed = tuple(a.id for a in wanted if a.bit & task.ceiling[source.index])
        if not passed:
            return False
        task.steps.append(Step(from_=source.id, to=target.id, kind="delegation", delegate=passed))
        bits = sum(self._rules.action_by_id[a].bit for a in passed)
        task.ceiling[target.index] &= bits & target.authority
        done = [a for a in wanted if a.bit & bits & target.executes]
        for action in done[:DELEGATED_ACTIONS_MAX]:
            self._do(task, target, action, source.id)
        return True
