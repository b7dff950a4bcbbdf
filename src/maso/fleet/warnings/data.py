"""What goes where: barriers, ports without marks, documents that nobody signed."""

from typing import Final

from maso.fleet.ground import carrying_field
from maso.fleet.telling import How, untold_in
from maso.fleet.warnings.about import About, Found, Rule


def _barrier_without_schema(a: About) -> Found:
    barriers = [c.id for c in a.fleet.compartments if c.barrier]
    types = {t.id: t for t in a.fleet.types}
    schemas = {s.id: s for s in a.fleet.schemas}
    for link in a.fleet.links:
        sender, receiver = types.get(link.from_), types.get(link.to)
        if sender is None or receiver is None:
            continue
        held, cleared = sender.clearance.compartments, receiver.clearance.compartments
        crossed = [b for b in barriers if b in held and b not in cleared and b not in link.declassify]
        if crossed and carrying_field(schemas[link.schema]):
            yield f"{link.from_} > {link.to} ({', '.join(crossed)})"


def _trusted_outside(a: About) -> Found:
    return (p.id for p in a.fleet.ports if p.source is None and p.external)


def _free_instructions(a: About) -> Found:
    schemas = {s.id: s for s in a.fleet.schemas}
    for link in a.fleet.links:
        texts = any(f.type in ("text", "list", "documents") for f in schemas[link.schema].fields.values())
        if link.instruction_sources and texts:
            yield f"{link.from_} > {link.to} ({', '.join(link.instruction_sources)})"


def _unsigned(a: About) -> Found:
    return (p.id for p in a.fleet.ports if p.source == "rag" and not p.signed)


def _stale(a: About) -> Found:
    return (p.id for p in a.fleet.ports if p.source == "rag" and p.signed and p.fresh_minutes_max is None)


def _unmarked_ports(a: About) -> Found:
    return (p.id for p in a.fleet.ports if p.source is None and not p.external)


def _not_received(a: About) -> Found:
    for found in untold_in(a.fleet):
        field = found.untold
        fact = f" (`fact: {field.fact}`)" if field.fact else ""
        instead = "" if field.how is How.ANOTHER else ", and nothing of its kind"
        yield f"{found.journey}, {found.flow}: {field.field}{fact}{instead}"


RULES: Final[tuple[Rule, ...]] = (
    (
        "barrier-without-schema",
        "high",
        _barrier_without_schema,
        "a link crosses an information barrier with free text",
        "only the label stands between the two sides; honest messages will be refused",
        "a strict schema, `declassify` and an owner",
    ),
    (
        "not-received",
        "high",
        _not_received,
        "a journey tells, out of a compartment, a value that its sender never received outside of it",
        "it is refused (DP-2.5/not-received); a simulated session tells another value of its kind, if it can",
        "a field that holds it in what is sent to the sender before, from outside the compartment",
    ),
    (
        "trusted-outside",
        "high",
        _trusted_outside,
        "a port leads outside and has no integrity mark",
        "whatever comes from there counts as trusted, and may instruct",
        "`source: web`, `mcp` or `tool`",
    ),
    (
        "free-instructions",
        "high",
        _free_instructions,
        "a link accepts instructions of untrusted descent as free text",
        "an injected sentence becomes an instruction (PG-1.4)",
        "a schema without text, or `kind: data`",
    ),
    (
        "rag-unsigned",
        "medium",
        _unsigned,
        "a retrieval port does not demand signatures",
        "a poisoned document reaches every instance (DP-2.3)",
        "`signed: true`",
    ),
    (
        "rag-no-freshness",
        "medium",
        _stale,
        "a retrieval port accepts documents of any age",
        "stale prices and rules are served as current",
        "`fresh_minutes_max`",
    ),
    (
        "port-unmarked",
        "low",
        _unmarked_ports,
        "a port has no integrity mark",
        "it is trusted like staff; that is right for staff only",
        "keep it for staff, or give it a `source`",
    ),
)
