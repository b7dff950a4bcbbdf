"""Walks: honest journeys for a fleet that declares none, found by trying the rules out beforehand.

Each walk is a task: something comes in by a port (where there is one), is handed on `handoffs_min` to
`handoffs_max` times along the links, and on the way agents read from ports and do plain actions. A walk
only goes where an honest task may go: it carries the labels and ceilings that the plane will compute, and
takes no step that they forbid. Links that were used least come first, so that together the walks cover
the fleet.

A privileged action comes into a walk where the world would vouch for it: `STORY` says what must have
happened before (no settlement without a trade). Not tried: labels that DLP raises because of what a text
happens to hold.
"""

from collections.abc import Collection
from typing import Final, NamedTuple

from maso.envelope import MessageKind
from maso.fleet.model import Fleet, Journey, KindName, Link, Step
from maso.fleet.operations import OPERATIONS
from maso.fleet.rulebook import ENDORSER_BIT, KIND_BY_NAME, ActionRules, Flow, Rulebook, TypeRules, flow_key
from maso.labels import LEVEL_MASK, SOURCE_MASK, exceeds
from maso.streams import Stream

# A handful of walks per link visits every link from several sides; 512 keep the start under a second.
WALKS_MIN: Final = 32
WALKS_MAX: Final = 512
ASIDE_PER_MILLION: Final = 350_000  # an agent reads from a port, or acts, at every third station or so
DELEGATED_ACTIONS_MAX: Final = 2


class _Beat(NamedTuple):
    """What an operation needs to have happened, uses up, and leaves for later ones."""

    needs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()


# What a session begins with: an earlier order that was paid, and the right to one credit.
BEGINNING: Final = ("paid", "credit")
STORY: Final = {
    "shop.stock_reserve": _Beat(leaves=("reserved",)),
    "shop.stock_release": _Beat(("reserved",), ("reserved",)),
    "shop.order_create": _Beat((), ("reserved", "paid", "authorised"), ("order",)),
    "shop.order_change": _Beat(("order",)),
    "shop.order_cancel": _Beat(("order",), ("order",)),
    "shop.payment_authorise": _Beat(("order",), ("order",), ("authorised",)),
    "shop.payment_capture": _Beat(("authorised",), ("authorised",), ("paid",)),
    "shop.payment_void": _Beat(("authorised",), ("authorised",), ("order",)),
    "shop.payment_refund": _Beat(("paid",)),
    "shop.return_open": _Beat(("paid",)),
    "shop.carrier_book": _Beat(("paid",)),
    "shop.credit_issue": _Beat(("credit",), ("credit",)),
    "desk.market_read": _Beat(leaves=("source",)),
    "desk.filing_read": _Beat(leaves=("source",)),
    "desk.research_publish": _Beat(("source",)),
    "desk.order_place": _Beat((), (), ("trade",)),
    "desk.order_cancel": _Beat(("trade",), ("trade",)),
    "desk.settle": _Beat(("trade",), ("trade",)),
}
_PLAIN: Final = _Beat()
# How a walk remembers that a value of a type was told, whatever it was.
_LIKE: Final = {"id": "an id", "int": "a number", "money": "a number"}


class _Task:
    """What the plane would know about a task so far.

    told   names of the values that a type received and may tell on a flow that declassifies
    last   the last action of each type, since doing the same again and again is a retry
    """

    def __init__(self, rules: Rulebook) -> None:
        self.context = [t.label_floor for t in rules.types]
        self.ceiling = [t.authority for t in rules.types]
        self.clusters: list[str] = []
        self.told: list[list[str]] = [[] for _ in rules.types]
        self.last = [""] * len(rules.types)
        self.happened = list(BEGINNING)
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
        self._schemas = {schema.id: schema for schema in fleet.schemas}
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
                self._receive(task, self._rules.type_by_id[here], flow, label)
                task.steps.append(Step(from_=link.from_, to=here, kind=kind))
                return
            numbers.remove(number)

    def _act(self, task: _Task, here: str) -> None:
        """A plain action, now and then."""
        me = self._rules.type_by_id[here]
        if not me.executes or not self._stream.chance(ASIDE_PER_MILLION):
            return
        able = [a for a in self._rules.actions if a is not None and me.executes & a.bit]
        able = [a for a in able if a.id != task.last[me.index]]
        if not able:
            return
        action = self._stream.pick(able)
        if not action.needs_contract and task.ceiling[me.index] & action.bit:
            self._do(task, me, action, None)

    def _do(self, task: _Task, me: TypeRules, action: ActionRules, under: str | None) -> None:
        port = self._rules.type_by_id[action.spec.port]
        flow = me.flows[flow_key(port.index, MessageKind.ACTION, action.number)]
        label = _label(task.context[me.index], flow)
        beat = STORY.get(action.operation, _PLAIN)
        if label is None or any(need not in task.happened for need in beat.needs):
            return
        rules = OPERATIONS[action.operation]
        if not self._tellable(task, me, flow, rules.arguments if rules.facts_check else ()):
            return
        if exceeds(port.label_floor, me.clearance) or not self._vouched(task, action, label):
            return
        task.happened = [h for h in task.happened if h not in beat.uses] + list(beat.leaves)
        back = port.flows.get(flow_key(me.index, MessageKind.DATA, action.number))
        if back is not None:
            self._receive(task, me, back, port.label_floor)
        task.last[me.index] = action.id
        task.steps.append(Step(from_=me.id, action=action.id, under=under))

    def _vouched(self, task: _Task, action: ActionRules, label: int) -> bool:
        """Whether somebody outside would vouch for a privileged action; a customer is asked beforehand."""
        tainted = label & SOURCE_MASK
        if not action.privileged or (tainted and not tainted & ~action.allowed_all):
            return True
        needed = 0
        for argument in action.arguments:
            foreign = tainted & ~argument.allowed
            if foreign and not argument.endorsers:
                return False
            if foreign or not tainted:
                needed |= argument.endorsers
        if needed & ENDORSER_BIT["customer"]:
            task.steps.append(Step(confirm=action.id))
        return True

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
            label = None if flow is None else _label(task.context[source.index], flow)
            if flow is None or label is None:
                continue
            if kind == "instruction" and label & SOURCE_MASK & ~flow.instruction_sources:
                continue
            if kind == "delegation" and (link.from_, link.to) not in self._delegations:
                continue
            if not self._tellable(task, source, flow) or (kind == "claim" and flow.declassify):
                continue
            ways.append((kind, label))
        if not ways:
            return False
        kind, label = self._stream.pick(ways)
        arrived = self._flow(link, kind)
        assert arrived is not None
        self._receive(task, target, arrived, label)
        task.visit(target)
        if kind == "delegation":
            return self._delegate(task, source, target)
        if kind == "instruction":
            task.ceiling[target.index] &= task.ceiling[source.index]
        task.steps.append(Step(from_=source.id, to=target.id, kind=kind))
        return True

    def _receive(self, task: _Task, target: TypeRules, flow: Flow, label: int) -> None:
        task.context[target.index] |= label
        if target.sheds and not label & target.sheds:
            specs = self._schemas[flow.schema].fields
            task.told[target.index] += [specs[name].fact or name for name in flow.values]
            task.told[target.index] += [_LIKE[specs[name].type] for name in flow.values]

    def _tellable(self, task: _Task, source: TypeRules, flow: Flow, checked: Collection[str] = ()) -> bool:
        """Whether an honest message may go where compartments are shed: its values must have been told.

        Any id stands in for an id, any number for a number; only what the world checks must be the thing.
        """
        if not task.context[source.index] & flow.declassify:
            return True
        told = task.told[source.index]
        specs = self._schemas[flow.schema].fields
        for name in flow.values:
            spec = specs[name]
            exact = name in checked and (spec.fact or name) not in told
            if exact or (not spec.optional and _LIKE[spec.type] not in told):
                return False
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
        chosen = [a for a in done if self._stream.bits(1)] or done
        for action in chosen[:DELEGATED_ACTIONS_MAX]:
            self._do(task, target, action, source.id)
        return True
