"""DP-2.1 DLP on the message bus: what is found in a payload is refused, redacted, or raises the label.

The scan itself is `maso.scan` (bytes in, signals out), once per content digest. Here the flow's policy is
applied: refuse; redact where every value stands in the clear, else refuse; raise by the compartment of
the kind, and the clearance decides. A flow whose recipient is cleared for the compartment of a kind
receives it, with the label raised. Fragments are joined over the last messages of the session.

Where the fleet file has `dlp.rules`, what they name is looked for first (`OwnRules`): a hit raises the label
by the rule's compartment, whatever its policy, so that no record keeps an excerpt of it; `refuse` then
refuses.

`scan_at: boundaries` (`AtBoundaries`) is there to be measured against, never to be chosen: guardrails see
every message (invariant 8).

Promised: the techniques listed in `docs/detection-dlp.md`, not "all". The label is the control that
does not depend on detection.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from maso.controls.message import Message
from maso.fleet.rulebook import DLP_KINDS, OwnRule, Rulebook
from maso.labels import exceeds
from maso.scan.custom import OwnPatterns
from maso.scan.scanner import Scanner
from maso.scan.signals import CLEAN, redact
from maso.verdict import Finding, Outcome, Reason

ID: Final = "DP-2.1"

REFUSED: Final = Reason(
    "DP-2.1/refused", ID, "the payload holds data that this flow may not carry", "remove it"
)
HIDDEN: Final = Reason(
    "DP-2.1/hidden", ID, "the payload hides data that this flow may not carry", "look at who wrote it"
)
REDACTED: Final = Reason("DP-2.1/redacted", ID, "data was masked before delivery", "none needed")
RAISED: Final = Reason("DP-2.1/raised", ID, "data raised the label of the message", "label it at the source")
OWN_REFUSED: Final = Reason(
    "DP-2.1/own-rule", ID, "the payload names what a rule of the fleet file keeps back", "leave it out"
)
OWN_RAISED: Final = Reason(
    "DP-2.1/own-rule-raised",
    ID,
    "a rule of the fleet file raised the label of the message",
    "label it at the source",
)
REASONS: Final = (REFUSED, HIDDEN, REDACTED, RAISED, OWN_REFUSED, OWN_RAISED)

Check = Callable[[Message], Finding | None]

_DATA_KINDS: Final = sum(DLP_KINDS.values())


def kind_names(kinds: int) -> str:
    return ", ".join(name for name, bit in DLP_KINDS.items() if kinds & bit)


def _masked(m: Message) -> bool:
    """Put the masked copy in place; False where it would no longer be the message that was asked for.

    A privileged action is done as endorsed or not at all, and a masked payload must still fit its schema.
    """
    action = m.flow.action
    if action is not None and action.privileged:
        return False
    outgoing = redact(m.envelope.payload, m.signals)
    try:
        m.body = m.flow.decode(outgoing)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    m.outgoing = outgoing
    return True


class Dlp:
    __slots__ = ("_scan",)

    def __init__(self, scanner: Scanner) -> None:
        self._scan = scanner.scan

    def check(self, m: Message) -> Finding | None:
        if m.scanned:
            signals = m.signals  # decided again after a hold: the window has seen it already
        else:
            payload = m.envelope.payload
            session = m.sender.session
            if m.recipient is not None and m.sender.type.is_port:
                session = m.recipient.session
            signals = session.fragments.push(payload, self._scan(m.digest, payload))
            m.scanned = True
        if signals is CLEAN:
            return None
        m.signals = signals
        kinds = signals.kinds & _DATA_KINDS
        return self._apply(m, kinds) if kinds else None

    @staticmethod
    def _apply(m: Message, kinds: int) -> Finding | None:
        flow = m.flow
        signals = m.signals
        raised = 0
        for kind, bit in flow.raise_bits:
            if kinds & kind:
                raised |= bit
        m.label |= raised
        refused = kinds & flow.refuse_kinds
        if refused:
            reason = HIDDEN if signals.hidden & refused else REFUSED
            return Finding(Outcome.DENY, reason, kind_names(refused))
        redacted = kinds & flow.redact_kinds
        if redacted:
            if signals.hidden & redacted:
                return Finding(Outcome.DENY, HIDDEN, kind_names(redacted))
            if not _masked(m):
                return Finding(Outcome.DENY, REFUSED, kind_names(redacted))
            return Finding(Outcome.REDACT, REDACTED, kind_names(redacted))
        return Finding(Outcome.ALLOW, RAISED, kind_names(kinds), raised) if raised else None


class OwnRules:
    """What the fleet file's own rules find: the label is raised, and what is to be refused is refused."""

    __slots__ = ("_rules", "_scan")

    def __init__(self, rules: tuple[OwnRule, ...]) -> None:
        """Raises ValueError for a pattern that does not compile."""
        self._rules = rules
        self._scan = OwnPatterns([rule.pattern for rule in rules]).scan

    def check(self, m: Message) -> Finding | None:
        hits = self._scan(m.digest, m.envelope.payload)
        return self._apply(m, hits) if hits else None

    def _apply(self, m: Message, hits: tuple[int, ...]) -> Finding:
        raised = 0
        refused = []
        for hit in hits:
            rule = self._rules[hit]
            raised |= rule.bit
            if rule.refuse:
                refused.append(rule.id)
        m.label |= raised
        if refused:
            return Finding(Outcome.DENY, OWN_REFUSED, ", ".join(refused))
        names = ", ".join(self._rules[hit].id for hit in hits)
        return Finding(Outcome.ALLOW, OWN_RAISED, names, raised)


class AtBoundaries:
    """Asks `check` only about what comes from a port, goes to one, or goes to somebody cleared for less."""

    __slots__ = ("_check",)

    def __init__(self, check: Check) -> None:
        self._check = check

    def check(self, m: Message) -> Finding | None:
        sender = m.sender.type
        if sender.is_port or m.flow.action is not None or exceeds(sender.clearance, m.flow.clearance):
            return self._check(m)
        return None


def scanning_steps(rules: Rulebook, scanner: Scanner) -> list[tuple[str, Check]]:
    """The steps that look at content, as the fleet file's `dlp.rules` and `controls.scan_at` ask for them."""
    steps: list[tuple[str, Check]] = [("DP-2.1", Dlp(scanner).check)]
    if rules.own_rules:
        steps.insert(0, ("DP-2.1 own rules", OwnRules(rules.own_rules).check))
    if rules.fleet.controls.scan_at == "boundaries":
        return [(name, AtBoundaries(check).check) for name, check in steps]
    return steps
