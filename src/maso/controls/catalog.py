"""The controls that run: id, name, tier, layer, what they cost, and every reason that they may give.

Ids are the seeds' numbers; `published` is the number that the public MASO catalogue gives the same control
today (`--published` shows it). `ALSO` lists what is part of another control's file here, or of the plane.
A control that is not in this list is not built yet, and nothing in maso pretends otherwise.
"""

from typing import Final, Literal, NamedTuple

from maso.controls import (
    classification,
    contracts,
    credentials,
    delegation,
    derive,
    dlp,
    endorse,
    guard,
    guard_bus,
    loop,
    memory,
    nhi,
    posture,
    rag,
    shape,
    source_tag,
    spend,
    tools,
    uncertainty,
)
from maso.verdict import Reason

Cost = Literal["constant", "payload", "per session", "per delegation"]


class Control(NamedTuple):
    """One control. cost: what the CPU time of one decision grows with."""

    id: str
    name: str
    tier: int
    layer: int
    cost: Cost
    published: tuple[str, ...]
    module: str
    reasons: tuple[Reason, ...]
    about: str


def _control(
    module: object,
    name: str,
    tier: int,
    cost: Cost,
    published: tuple[str, ...],
    about: str,
) -> Control:
    control_id: str = module.ID  # type: ignore[attr-defined]
    reasons: tuple[Reason, ...] = module.REASONS  # type: ignore[attr-defined]
    path: str = module.__name__.rpartition(".")[2]  # type: ignore[attr-defined]
    return Control(control_id, name, tier, 1, cost, published, path, reasons, about)


CONTROLS: Final = (
    _control(credentials, "zero-trust credentials", 2, "payload", ("IA-2.1", "IA-2.3"),
             "every message proves its sender, its session and its place in the sequence"),
    _control(nhi, "NHI with cryptographic proof", 2, "per session", ("IA-2.1",),
             "an identity derives from type, session and number, and dies with the instance"),
    _control(posture, "PACE and shutdown posture", 2, "constant", ("PACE-1",),
             "what the phase and the stage in force forbid is refused before anything else"),
    _control(tools, "scoped tool permissions", 1, "constant", ("IA-1.4",),
             "a message goes only where the fleet file says that it may"),
    _control(memory, "memory isolation", 1, "constant", ("DP-2.4",),
             "contexts and memory belong to one type in one session and end with it"),
    _control(delegation, "no transitive permissions", 2, "constant", ("IA-2.4",),
             "authority is the intersection along the delegation chain"),
    _control(contracts, "delegation contracts", 3, "per delegation", ("IA-3.3",),
             "signed, scoped, time-limited, narrowing only"),
    _control(shape, "output schema enforcement", 2, "payload", ("EC-2.13",),
             "exactly the declared fields, nothing coerced"),
    _control(derive, "derived data reclassification", 2, "constant", ("DP-2.5",),
             "what is made from labelled data carries its labels"),
    _control(dlp, "DLP on the message bus", 2, "payload", ("DP-2.1",),
             "cards, ids, secrets and personal data are refused, masked, or raise the label"),
    _control(classification, "data classification", 1, "constant", ("DP-1.1", "DP-1.6"),
             "nobody receives what they are not cleared for"),
    _control(rag, "RAG integrity", 2, "payload", ("DP-2.2", "DP-3.1"),
             "documents are signed at ingestion and verified at retrieval"),
    _control(guard, "input guardrails", 1, "constant", ("PG-1.1",),
             "injected instructions are stopped where content enters"),
    _control(guard_bus, "inter-agent injection detection", 2, "constant", ("PG-2.1",),
             "the same signals on what agents write to each other"),
    _control(source_tag, "message source tagging", 1, "constant", ("PG-1.4",),
             "data is never an instruction; an instruction shows where it comes from"),
    _control(uncertainty, "uncertainty preservation", 2, "constant", ("PG-2.7",),
             "a claim never becomes more certain by being passed on"),
    _control(spend, "cost monitoring", 2, "constant", ("OB-2.5", "OB-2.5a"),
             "turns, tokens, retries and recursion have budgets"),
    _control(loop, "agent loop detection", 2, "constant", ("LOOP",),
             "the same message over and over is a loop"),
    _control(endorse, "decision commit protocol", 2, "constant", ("EC-2.6",),
             "untrusted sources determine no privileged action unless somebody outside vouches for it"),
)  # fmt: skip

# Controls whose rules stand in another control's file here, or in the plane itself.
ALSO: Final = {
    "PG-2.5": "uncertainty",
    "PG-2.6": "uncertainty",
    "EC-1.2": "tools",
    "EC-2.4": "posture",
    "EC-2.9": "endorse",
    "OB-3.2": "posture",
    "OB-1.1": "the evidence record",
    "OB-3.5": "the evidence record",
}

REASON_BY_CODE: Final = {reason.code: reason for control in CONTROLS for reason in control.reasons}
