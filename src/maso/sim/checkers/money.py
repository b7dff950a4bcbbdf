"""Invariant 7, and the laws of a stop: checked from what happened, not from what was meant.

    money      every item is settled or listed, the stock and the books agree (`worlds/audit.py` looks)
    freeze     nothing that an agent of the scope committed from the freeze record on was let through
    terminate  nothing took effect anywhere later than the bound, under any epoch that was revoked
    forward    no scope's stage ever fell, but to running, by two different people
    fenced     nothing was booked at the gateway that a revoked epoch stood for, once the gateway knew

Does not verify: what a customer is told, and a gateway whose books are wrong in themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from maso.envelope import MessageKind
from maso.evidence.records import AdmitRecord, GateRecord, MessageRecord, decode_record
from maso.resilience.places import TypeAt
from maso.resilience.shutdown import STAGE_NAMES, Stage
from maso.resilience.switch import Entry
from maso.verdict import Outcome
from maso.worlds.audit import Audit
from maso.worlds.gateway import Verb

if TYPE_CHECKING:
    from maso.sim.till import Barred, Booked


def money(audit: Audit) -> list[str]:
    """What is wrong with the books after the stop."""
    if audit.holds:
        return []
    counts = (
        f"{audit.ambiguous} ambiguous, {audit.stock_wrong} shelves and {audit.books_wrong} books wrong of"
        f" {audit.items} items"
    )
    return [f"money: {counts}", *(f"money: {text}" for text in audit.wrong)]


def frozen(bodies: Sequence[bytes], types: Sequence[TypeAt] = ()) -> list[str]:
    """Nothing new from a scope's freeze record on, nobody admitted from the system's halt record on.

    types  of the fleet, in the order in which admissions number them; without them only the system is known
    """
    stages: dict[str, int] = {}
    who: dict[int, tuple[str, ...]] = {}  # by instance: the scopes over it
    wrong: list[str] = []
    for number, body in enumerate(bodies, start=1):
        record = decode_record(body)
        match record:
            case GateRecord(what="stage", outcome=Outcome.ALLOW):
                stages[record.scope] = record.value
            case AdmitRecord(outcome=Outcome.ALLOW, session=session):
                stage = stages.get("system", 0)
                if session and stage >= Stage.HALT:
                    wrong.append(f"freeze: record {number} admits a session in {STAGE_NAMES[stage]}")
                for nhi, kind, *_ in record.members:
                    scopes = types[kind].scopes if kind < len(types) else ("system",)
                    who[nhi] = (*scopes, f"session:{session}", f"instance:{nhi}")
            case MessageRecord() if record.outcome <= Outcome.REDACT:
                stage = max(stages.get(scope, 0) for scope in who.get(record.sender, ("system",)))
                if stage >= Stage.FREEZE and (record.kind != MessageKind.DATA or stage >= Stage.TERMINATE):
                    wrong.append(f"freeze: record {number} lets a message through in {STAGE_NAMES[stage]}")
    return wrong


def fenced(booked: Iterable[Booked], barred: Iterable[Barred]) -> list[str]:
    """Nothing is booked under an epoch of which the gateway knew, when it let the call in, that it was over.

    Nor for a session that the switch had ended; the reconciler, which comes for that, acts for nobody.
    """
    known: dict[str, list[tuple[int, int]]] = {}
    for bar in barred:
        known.setdefault(bar.kind, []).append((bar.at, bar.epoch))
    wrong: list[str] = []
    for entry in booked:
        epoch = max((e for at, e in known.get(entry.kind, ()) if at <= entry.let_in), default=0)
        if entry.epoch < epoch:
            wrong.append(f"fenced: `{entry.key}` was booked under epoch {entry.epoch}, known was {epoch}")
        ended = any(at <= entry.let_in and e > 1 for at, e in known.get(f"session:{entry.session}", ()))
        if ended and entry.session and entry.verb is not Verb.CANCEL:
            wrong.append(f"fenced: `{entry.key}` was booked for session {entry.session}, which had ended")
    return wrong


def forward(log: Iterable[Entry]) -> list[str]:
    """Stages only rise, and only two people lead back."""
    wrong: list[str] = []
    stages: dict[str, int] = {}
    for entry in log:
        before = stages.get(entry.scope, 0)
        if entry.before != before:
            wrong.append(f"forward: {entry.scope} was in stage {before}, its log says {entry.before}")
        back = entry.after < before
        if back and (entry.after != Stage.RUN or len(set(entry.by)) < 2):
            wrong.append(f"forward: {entry.scope} fell from {before} to {entry.after} by {entry.by}")
        if before < Stage.DRAIN <= entry.after and not entry.confirmed:
            wrong.append(f"forward: {entry.scope} drains, and two people never ordered it")
        stages[entry.scope] = entry.after
    return wrong
