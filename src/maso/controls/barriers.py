"""Information barriers as rules between pairs of agents: how a firm with five agents keeps them.

For each barrier, each agent behind it and each recipient that is not cleared for it there is one rule: deny
what shows this barrier's data. What shows it are the barrier's markings (`restricted: mergers`), the firm's
own rules for its compartment (`dlp.rules`), and the kinds that DLP maps to it. A message goes through the
rules of its pair, one after the other. Flows that declassify the barrier are exceptions: their schema cannot
carry it.

Levels and compartments that are no barriers stay with the label. Chosen by `controls.barrier_policy:
per-pair-rules`; `maso stress` measures it against the label (`classification.py`), which is the default.

Not handled, and why the label is the default: data whose content does not show where it is from, such as a
summary in other words; what a port sends (the loader refuses a link from a port to somebody not cleared).
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from maso.controls.classification import CLEARANCE, PAIR_RULE
from maso.controls.message import Message
from maso.fleet.model import Fleet
from maso.fleet.rulebook import DLP_KINDS, Rulebook, TypeRules
from maso.labels import exceeds, label_text
from maso.scan.custom import OwnPatterns
from maso.verdict import Finding, Outcome

# A fleet has at most 4,000 agents and some hundred ports: two indices fit one integer key.
_INDEX_BITS: Final = 16


class PairRule(NamedTuple):
    """Deny what shows the data of one barrier; the same object stands in the rules of many pairs.

    find   positions of the barrier's patterns in a payload
    kinds  kinds that DLP maps to the barrier
    """

    barrier: str
    bit: int
    kinds: int
    find: Callable[[bytes], tuple[int, ...]]


def marking(barrier: str) -> str:
    """The pattern of what a document of the barrier says at its top: `Restricted - equity research`."""
    name = "[ _.-]?".join(re.findall("[a-z0-9]+", barrier))
    return rf"(?:restricted|barrier|compartment)[^a-z0-9]{{1,3}}{name}"


def _rule(rules: Rulebook, barrier: str) -> PairRule:
    bit = rules.compartment_bit(barrier)
    patterns = [marking(barrier), *(own.pattern for own in rules.own_rules if own.bit == bit)]
    kinds = 0
    for kind, compartment in rules.fleet.dlp.compartments.items():
        if compartment == barrier:
            kinds |= DLP_KINDS[kind]
    return PairRule(barrier, bit, kinds, OwnPatterns(patterns).find)


def barriers_of(fleet: Fleet) -> tuple[str, ...]:
    """Ids of the compartments that are information barriers, in the file's order."""
    return tuple(c.id for c in fleet.compartments if c.barrier)


def _recipients(rules: Rulebook, sender: TypeRules) -> Iterator[TypeRules]:
    """Whom a rule is needed for: every other agent, and every port that the sender acts on."""
    acts_on = {key >> 15 for key, flow in sender.flows.items() if flow.action is not None}
    for other in rules.types:
        if other is not sender and (not other.is_port or other.index in acts_on):
            yield other


def pair_rules(rules: Rulebook) -> dict[int, tuple[PairRule, ...]]:
    """Rules by pair (`_key`), for the pairs that have any."""
    by_bit = {rule.bit: rule for rule in (_rule(rules, barrier) for barrier in barriers_of(rules.fleet))}
    every = sum(by_bit)
    shared: dict[int, tuple[PairRule, ...]] = {}
    table: dict[int, tuple[PairRule, ...]] = {}
    for sender in rules.types:
        held = sender.clearance & every
        if sender.is_port or not held:
            continue
        for recipient in _recipients(rules, sender):
            kept_back = held & ~recipient.clearance
            if not kept_back:
                continue
            found = shared.get(kept_back)
            if found is None:
                found = tuple(rule for bit, rule in by_bit.items() if bit & kept_back)
                shared[kept_back] = found
            table[_key(sender, recipient)] = found
    return table


def _key(sender: TypeRules, recipient: TypeRules) -> int:
    return sender.index << _INDEX_BITS | recipient.index


def count_pair_rules(fleet: Fleet) -> int:
    """How many rules `pair_rules` makes, without making them: they grow with the square of the agents."""
    cleared = {t.id: frozenset(t.clearance.compartments) for t in fleet.types}
    ports = {p.id: frozenset(p.clearance.compartments) for p in fleet.ports}
    port_of = {action.id: action.port for action in fleet.actions}
    total = 0
    for barrier in barriers_of(fleet):
        behind = [agent for agent in fleet.types if barrier in cleared[agent.id]]
        total += len(behind) * (len(fleet.types) - len(behind))
        for agent in behind:
            used = dict.fromkeys(port_of[name] for name in agent.actions)
            total += sum(barrier not in ports[name] for name in used)
    return total


class PerPairRules:
    """DP-1.1 by rules between pairs; see the module's first lines."""

    __slots__ = ("_compartments", "_levels_and_others", "table")

    def __init__(self, rules: Rulebook) -> None:
        self._compartments = rules.compartments
        self._levels_and_others = ~sum(rules.compartment_bit(name) for name in barriers_of(rules.fleet))
        self.table = pair_rules(rules)

    def check(self, m: Message) -> Finding | None:
        flow = m.flow
        over = exceeds(m.label, flow.clearance) & self._levels_and_others
        if over:
            detail = f"{flow.name}: not cleared for {label_text(over, self._compartments)}"
            return Finding(Outcome.DENY, CLEARANCE, detail)
        recipient = m.recipient
        assert recipient is not None
        for rule in self.table.get(_key(m.sender.type, recipient.type), ()):
            if flow.declassify & rule.bit:
                continue
            if m.signals.kinds & rule.kinds or rule.find(m.envelope.payload):
                return Finding(Outcome.DENY, PAIR_RULE, f"{flow.name}: {rule.barrier}")
        return None
