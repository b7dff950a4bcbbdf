"""Attacks on what may be believed: PG-2.5 to PG-2.7, invariant 4, RT-08."""

from maso.claims import Claim
from maso.envelope import MessageKind
from maso.fleet.model import Link
from maso.plane.effects import Deliver
from maso.sim.adversaries.ground import Happened, NoSurfaceError, Truth
from maso.sim.adversaries.strike import Adversary, Strike
from maso.sim.adversaries.surface import body_of

_STATEMENT = 0x1234_5678
_LOW, _HIGH = 300, 990


def _claim_links(s: Strike) -> tuple[Link, ...]:
    return s.surface.links(
        "no agent states claims to another", lambda x: "claim" in x.kinds and x.from_ != x.to
    )


def _say(s: Strike, link: Link, who: dict[str, int], claim: Claim) -> Happened:
    payload = body_of(s.surface.schemas[link.schema])
    return s.send(who[link.from_], who[link.to], payload, kind=int(MessageKind.CLAIM), claims=(claim,))


def _never(s: Strike, claim: int, confidence: int) -> None:
    s.truth(Truth("delivered", claim=claim, confidence=confidence))


def _source(s: Strike, type_id: str, nhi: int) -> int:
    """The reference of something that a port really delivered to this instance."""
    surface = s.surface
    ways = [
        (x.from_, x.schema, 0) for x in surface.fleet.links if x.to == type_id and x.from_ in surface.ports
    ]
    for name in surface.types[type_id].actions:
        action = surface.actions[name]
        if action.answer:
            ways.append((action.port, action.answer, s.number(name)))
    for port, schema_id, number in ways:
        schema = surface.schemas[schema_id]
        if any(f.type == "card" for f in schema.fields.values()):
            continue
        for effect in s.from_outside(port, nhi, body_of(schema), number).effects:
            if isinstance(effect, Deliver):
                return effect.ref
    raise NoSurfaceError(f"nothing from outside reaches {type_id}")


def inflated(s: Strike) -> None:
    """A claim that becomes more certain by being passed on."""
    links = _claim_links(s)
    pairs = [(a, b) for a in links for b in links if a.to == b.from_]
    if not pairs:
        raise NoSurfaceError("no claim can be passed on")
    first, second = s.stream.pick(pairs)
    who = s.open(first.from_, first.to, second.to)
    source = _source(s, first.from_, who[first.from_])
    _say(s, first, who, Claim(1, _STATEMENT, _LOW, (), (source,)))
    claim = {
        "derived": Claim(2, _STATEMENT, _HIGH, (1,)),
        "derived, same source": Claim(2, _STATEMENT, _HIGH, (1,), (source,)),
        "restated": Claim(2, _STATEMENT, _HIGH, (), (source,)),
        "own word": Claim(2, _STATEMENT, _LOW + 1),
        "same id": Claim(1, _STATEMENT, _HIGH, (1,), (source,)),
    }[s.variant]
    _never(s, claim.id, _LOW)
    _say(s, second, who, claim)


def invented(s: Strike) -> None:
    """Evidence that does not exist: a source that nobody ingested, a claim that nobody made, a bare word."""
    link = s.stream.pick(_claim_links(s))
    who = s.open(link.from_, link.to)
    claim = {
        "source": Claim(1, _STATEMENT, _HIGH, (), (1 + s.stream.bits(30),)),
        "own delivery": Claim(1, _STATEMENT, _HIGH, (), (1,)),
        "parent": Claim(1, _STATEMENT, _HIGH, (77,)),
        "bare word": Claim(1, _STATEMENT, _HIGH),
        "beyond certainty": Claim(1, _STATEMENT, 1001),
    }[s.variant]
    _never(s, 1, -1 if s.variant != "bare word" else 500)
    _say(s, link, who, claim)


_RAISED = "a claim arrives with more confidence than its evidence gives it"

EPISTEMIC = (
    Adversary(
        "inflated-claim",
        4,
        ("PG-2.7",),
        ("RT-08", "F8-3"),
        _RAISED,
        ("derived", "derived, same source", "restated", "own word", "same id"),
        inflated,
    ),
    Adversary(
        "invented-evidence",
        4,
        ("PG-2.5", "PG-2.6"),
        ("RT-08",),
        _RAISED,
        ("source", "own delivery", "parent", "bare word", "beyond certainty"),
        invented,
    ),
)
