"""Invariant 7, and the laws of a stop: checked from what happened, not from what was meant.

    money      every item is settled or listed, the stock and the books agree (`worlds/audit.py` looks)
    freeze     nothing that an agent committed from the freeze record on was let through
    terminate  nothing took effect anywhere later than the bound, under any epoch that was revoked
    forward    no scope's stage ever fell, but to running, by two different people
    fenced     nothing was booked at the gateway that a revoked epoch stood for, once the gateway knew

Does not verify: what a customer is told, and a gateway whose books are wrong in themselves.
"""

from collections.abc import Iterable, Sequence

from maso.envelope import MessageKind
from maso.evidence.records import AdmitRecord, GateRecord, MessageRecord, decode_record
from maso.resilience.shutdown import Stage
from maso.resilience.switch import Entry
from maso.verdict import Outcome
from maso.worlds.audit import Audit


def money(audit: Audit) -> list[str]:
    """What is wrong with the books after the stop."""
    if audit.holds:
        return []
    counts = (
        f"{audit.ambiguous} ambiguous, {audit.stock_wrong} shelves and {audit.books_wrong} books wrong of"
        f" {audit.items} items"
    )
    return [f"money: {counts}", *(f"money: {text}" for text in audit.wrong)]


def frozen(bodies: Sequence[bytes]) -> list[str]:
    """Nothing new from the system's freeze record on, nobody admitted from its halt record on."""
    stage = Stage.RUN
    wrong: list[str] = []
    for number, body in enumerate(bodies, start=1):
        record = decode_record(body)
        match record:
            case GateRecord(what="stage", scope="system", outcome=Outcome.ALLOW, value=value):
                stage = Stage(value)
            case AdmitRecord(outcome=Outcome.ALLOW, session=session) if session and stage >= Stage.HALT:
                wrong.append(f"freeze: record {number} admits a session in {stage.name.lower()}")
            case MessageRecord() if stage >= Stage.FREEZE and record.outcome <= Outcome.REDACT:
                if record.kind != MessageKind.DATA or stage >= Stage.TERMINATE:
                    wrong.append(f"freeze: record {number} lets a message through in {stage.name.lower()}")
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
