"""The controls that a stress test of MASO asks about: id, name, and the dimensions that strain each.

So that a report can say of every one of them whether it holds, adapts, breaks or was not measured; a control
that no dimension measures yet is named, not left out. A control that runs has its catalogue's name
(`controls/catalog.py`), so that a report calls it the same everywhere.
"""

from typing import Final, NamedTuple


class AskedControl(NamedTuple):
    id: str
    name: str
    dimensions: tuple[str, ...]  # ids of dimensions, written or not


ASKED: Final = (
    AskedControl("IA-1.4", "scoped tool permissions", ("identity",)),
    AskedControl("IA-2.1", "zero-trust credentials", ("delegation", "identity")),
    AskedControl("IA-2.2", "NHI with cryptographic proof", ("identity",)),
    AskedControl("IA-2.3", "no transitive permissions", ("delegation", "identity")),
    AskedControl("IA-2.5", "credential rotation", ("identity",)),
    AskedControl("T3-CONTRACT", "delegation contracts", ("delegation",)),
    AskedControl("DP-1.1", "data classification", ("data-boundaries", "card-data")),
    AskedControl("DP-1.3", "memory isolation", ("data-boundaries", "card-data")),
    AskedControl("DP-2.1", "DLP on the message bus", ("data-boundaries", "card-data")),
    AskedControl("DP-2.3", "RAG integrity", ("attacks",)),
    AskedControl("DP-2.5", "derived data reclassification", ("data-boundaries",)),
    AskedControl("EC-2.5", "model as judge", ("judging",)),
    AskedControl("EC-2.6", "decision commit protocol", ("delegation", "oversight", "shutdown")),
    AskedControl("EC-2.13", "output schema enforcement", ("card-data", "economy")),
    AskedControl("GUARDRAILS", "guardrail layer", ("judging",)),
    AskedControl("OVERSIGHT", "human oversight", ("oversight",)),
    AskedControl("OB-1.1", "action audit log", ("card-data", "observability")),
    AskedControl("OB-1.4", "output quality log", ("oversight",)),
    AskedControl("OB-2.1", "anomaly scoring", ("observability", "attacks")),
    AskedControl("OB-2.2", "drift detection", ("observability", "pace")),
    AskedControl("OB-2.3", "communication profiling", ("observability",)),
    AskedControl("OB-2.5", "cost monitoring", ("observability", "economy")),
    AskedControl("OB-3.2", "circuit breaker and kill switch", ("pace", "shutdown")),
    AskedControl("OB-3.5", "decision traceability", ("attacks",)),
    AskedControl("PG-2.4", "consensus diversity gate", ("epistemics", "providers")),
    AskedControl("PG-2.5", "claim provenance", ("epistemics", "attacks")),
    AskedControl("PG-2.6", "no self-referential evidence", ("epistemics",)),
    AskedControl("PG-2.7", "uncertainty preservation", ("epistemics",)),
    AskedControl("PG-2.9", "model diversity", ("providers",)),
    AskedControl("PACE-1", "PACE and shutdown posture", ("pace", "economy")),
    AskedControl("LOOP", "agent loop detection", ("economy",)),
)
