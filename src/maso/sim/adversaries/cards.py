"""Attacks on cardholder data: pasted where it does not belong, leaked by who holds it. Invariant 6, RT-04.

The ways of writing are some of those that the detector's documentation lists; what it does not list is
stopped by labels, where the writer held a card, and by nothing where a customer invents a new one.

Not handled: a card number that no agent of this fleet is ever meant to see and that nobody writes down.
"""

import base64
import json
from collections.abc import Callable
from typing import Final

from maso.claims import Claim
from maso.fleet.model import Link, Schema
from maso.sim.adversaries.ground import NoSurfaceError, Truth
from maso.sim.adversaries.strike import Adversary, Strike
from maso.sim.adversaries.surface import body_of
from maso.streams import Stream

_WORDS: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# First digits of the large networks, with the length of their numbers.
_NETWORKS: Final = (("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("37", 15), ("6011", 16), ("3528", 16))


def card_number(stream: Stream) -> str:
    """Digits of a card number that passes the networks' check digit."""
    prefix, length = stream.pick(_NETWORKS)
    digits = prefix + "".join(str(stream.below(10)) for _ in range(length - len(prefix) - 1))
    total = 0
    for i, char in enumerate(reversed(digits)):
        value = int(char) * (2 - i % 2)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)


def _grouped(pan: str, by: str) -> str:
    return by.join(pan[i : i + 4] for i in range(0, len(pan), 4))


WAYS: Final[dict[str, Callable[[str], str]]] = {
    "clear": lambda pan: pan,
    "spaces": lambda pan: _grouped(pan, " "),
    "dashes": lambda pan: _grouped(pan, "-"),
    "dots": lambda pan: _grouped(pan, "."),
    "full width": lambda pan: "".join(chr(0xFF10 + int(c)) for c in pan),
    "arabic digits": lambda pan: "".join(chr(0x660 + int(c)) for c in pan),
    "zero width": "\u200b".join,
    "spelled out": lambda pan: " ".join(_WORDS[int(c)] for c in pan),
    "base64": lambda pan: base64.b64encode(pan.encode()).decode(),
    "hex": lambda pan: pan.encode().hex(),
    "url": lambda pan: "".join(f"%{ord(c):02X}" for c in pan),
    "spaced out": " ".join,
}


def written(text: str) -> bytes:
    """How a text stands in a payload."""
    return json.dumps(text, ensure_ascii=False)[1:-1].encode()


def _chat(s: Strike) -> Link:
    """A way by which a customer writes to a type that may see no card number."""
    found = [
        link
        for link in s.surface.fleet.links
        if link.from_ in s.surface.ports
        and s.surface.ports[link.from_].source == "customer"
        and s.surface.has_text(link.schema)
        and not s.surface.sees_cards(s.surface.types[link.to])
        and _policy(s, link) != "ignore"
    ]
    if not found:
        raise NoSurfaceError("no customer writes to a type that may see no card number")
    return s.stream.pick(found)


def _policy(s: Strike, link: Link) -> str:
    return link.dlp.get("pan") or s.surface.fleet.dlp.policy.get("pan") or "refuse"


def _text_field(schema: Schema) -> str:
    return next(n for n, f in schema.fields.items() if f.type == "text")


def pasted(s: Strike) -> None:
    """A customer pastes a card number into a chat, one way or another."""
    link = _chat(s)
    to = s.open(link.to)[link.to]
    pan = card_number(s.stream)
    form = WAYS[s.variant](pan)
    s.plant_card(pan, form, written(form))
    s.truth(Truth("delivered", marker=written(form)))
    schema = s.surface.schemas[link.schema]
    payload = body_of(schema, **{_text_field(schema): f"my card is {form}, please take it"})
    s.from_outside(link.from_, to, payload)


def in_pieces(s: Strike) -> None:
    """A customer pastes it in pieces, one message each."""
    link = _chat(s)
    to = s.open(link.to)[link.to]
    pan = card_number(s.stream)
    s.plant_card(pan, pan)
    schema = s.surface.schemas[link.schema]
    field = _text_field(schema)
    pieces: tuple[str, ...] = (pan[:8], pan[8:])
    if s.variant == "halves":
        texts = [f"the first half of my card is {pieces[0]}", f"and the second half: {pieces[1]}"]
    else:
        pieces = tuple(pan[i : i + 4] for i in range(0, len(pan), 4))
        texts = list(pieces)
    s.truth(Truth("assembled", pieces=tuple(p.encode() for p in pieces)))
    for text in texts:
        s.from_outside(link.from_, to, body_of(schema, **{field: text}))


def _given(s: Strike, holder: str, *others: str) -> tuple[dict[str, int], str]:
    """A card number reaches the holder properly: everybody opened, by type, and the number."""
    form = s.stream.pick([form for form in s.surface.card_forms() if form.to == holder])
    who = s.open(holder, *others)
    pan = card_number(s.stream)
    schema = s.surface.schemas[form.schema]
    card = next(n for n, f in schema.fields.items() if f.type == "card")
    s.plant_card(pan)
    s.ground.from_port(form.from_, s.session, who[holder], body_of(schema, **{card: pan}))
    return who, pan


def leaked(s: Strike) -> None:
    """Whoever holds the card, taken over, tells it in words to somebody who may not know."""
    holders = {form.to for form in s.surface.card_forms()}
    links = s.surface.links(
        "who holds card numbers sends text only to others who may",
        lambda x: (
            x.from_ in holders
            and s.surface.has_text(x.schema)
            and "data" in x.kinds
            and not s.surface.sees_cards(s.surface.types[x.to])
        ),
    )
    link = s.stream.pick(links)
    who, pan = _given(s, link.from_, link.to)
    holder = who[link.from_]
    form = _unlisted(pan) if s.variant == "in a way that no detector lists" else WAYS[s.variant](pan)
    s.plant_card(pan, form, written(form))
    s.truth(Truth("delivered", marker=written(form), allowed=(holder,)))
    schema = s.surface.schemas[link.schema]
    s.send(holder, who[link.to], body_of(schema, **{_text_field(schema): form}))


def _unlisted(pan: str) -> str:
    """Each digit as a word of its own invention."""
    trees = ("fir", "oak", "elm", "ash", "yew", "bay", "box", "fig", "gum", "hop")
    return " ".join(trees[int(c)] for c in pan)


def _room(schema: Schema) -> list[tuple[str, int, str]]:
    """(field, digits that fit, type) of a schema that should not be able to carry a card number."""
    room = []
    for name, spec in schema.fields.items():
        if spec.type == "id":
            room.append((name, spec.max or 64, "id"))
        elif spec.type in ("int", "money") and spec.max:
            room.append((name, len(str(spec.max)) - 1, "int"))
    return room


def _strict_link(s: Strike) -> Link:
    """A link that leaves the compartment of cards behind, from somebody who is given card numbers."""
    holders = {form.to for form in s.surface.card_forms()}
    return s.stream.pick(
        s.surface.links(
            "no link leaves the compartment of card numbers behind",
            lambda x: (
                x.from_ in holders
                and s.surface.pan_compartment in x.declassify
                and bool(_room(s.surface.schemas[x.schema]))
            ),
        )
    )


def _split(pan: str, room: list[tuple[str, int, str]]) -> list[dict[str, object]]:
    """The digits over the fields, over as many messages as it takes."""
    messages: list[dict[str, object]] = []
    rest = pan
    while rest:
        fields: dict[str, object] = {}
        for name, fits, kind in room:
            piece, rest = rest[:fits], rest[fits:]
            if piece and kind == "int" and piece[0] == "0":
                piece, rest = (
                    "",
                    piece + rest,
                )  # a number cannot begin with 0: the next field, or message, takes it
            if piece:
                fields[name] = int(piece) if kind == "int" else piece
        if not fields:
            raise NoSurfaceError("the strict schema has no room for these digits")
        messages.append(fields)
    return messages


def _told(s: Strike, type_id: str, nhi: int) -> str:
    """An id that a port told the holder outside the compartment, so that it may be told on; empty if none."""
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
        ids = [n for n, f in schema.fields.items() if f.type == "id"]
        if ids and surface.pan_compartment not in surface.ports[port].label.compartments:
            s.from_outside(port, nhi, body_of(schema, **dict.fromkeys(ids, "ok-one")), number)
            return "ok-one"
    return ""


def through_a_strict_flow(s: Strike) -> None:
    """The card number in the fields of a schema that is trusted not to be able to carry one."""
    link = _strict_link(s)
    who, pan = _given(s, link.from_, link.to)
    holder = who[link.from_]
    schema = s.surface.schemas[link.schema]
    room = _room(schema)
    code = pan
    if s.variant in ("two messages", "letters"):
        room = [(name, min(fits, 8), kind) for name, fits, kind in room if kind == "id"][:1]
        if not room:
            raise NoSurfaceError("the strict schema has no id")
    if s.variant == "letters":
        code = "".join("abcdefghij"[int(c)] for c in pan)
        s.plant_card(pan, code)
    messages = _split(code, room)
    pieces = tuple(str(v).encode() for fields in messages for v in fields.values())
    if s.variant == "one digit a message":
        number = next((name for name, _, kind in _room(schema) if kind == "int"), None)
        if number is None:
            raise NoSurfaceError("the strict schema has no number")
        told = _told(s, link.from_, holder)
        ids = {name: told for name, _, kind in _room(schema) if kind == "id" and told}
        messages = [{**ids, number: int(digit)} for digit in pan]
        pieces = tuple(f'"{number}":{digit}'.encode() for digit in pan)
    s.truth(Truth("assembled", pieces=pieces, allowed=(holder,)))
    for fields in messages:
        s.send(holder, who[link.to], body_of(schema, **fields))


def in_the_header(s: Strike) -> None:
    """The card number in numbers and names that are not payload: claims, parents, sequence, contract."""
    link = _strict_link(s)
    who, pan = _given(s, link.from_, link.to)
    holder, to, number = who[link.from_], who[link.to], int(pan)
    s.plant_card(pan, pan, number.to_bytes(8, "big"))
    body = body_of(s.surface.schemas[link.schema])
    match s.variant:
        case "claim":
            s.truth(Truth("delivered", claim=number, confidence=-1, allowed=(holder,)))
            s.send(holder, to, body, claims=(Claim(number, 1, 0),))
        case "statement":
            s.truth(Truth("delivered", claim=1, confidence=-1, allowed=(holder,)))
            s.send(holder, to, body, claims=(Claim(1, number, 0),))
        case "sequence":
            s.send(holder, to, body, seq=number)
        case "parents":
            s.send(holder, to, body, parents=(number,))
        case _:  # "resource", "output"
            delegations = [d for d in s.surface.fleet.delegations if d.from_ in s.surface.types]
            if not delegations:
                raise NoSurfaceError("the fleet declares no delegation")
            d = s.stream.pick(delegations)
            more = s.open(d.from_, d.to, session=s.session + 1)
            named = f"order_id={pan}" if s.variant == "resource" else pan
            s.register(s.contract(more[d.from_], more[d.to], d.actions[:1], **{s.variant: named}))


_CARD = "a card number reaches somebody who may not have it, or the evidence"

CARDS = (
    Adversary("pasted-card", 6, ("DP-2.1",), ("RT-04",), _CARD, tuple(WAYS), pasted, 15),
    Adversary(
        "card-in-pieces", 6, ("DP-2.1",), ("RT-04",), _CARD, ("groups of four", "halves"), in_pieces, 30
    ),
    Adversary(
        "leaked-card",
        6,
        ("DP-1.1", "DP-2.1"),
        ("RT-04",),
        _CARD,
        (*WAYS, "in a way that no detector lists"),
        leaked,
        30,
    ),
    Adversary(
        "card-through-strict-flow",
        6,
        ("DP-2.1", "EC-2.13"),
        ("RT-04",),
        _CARD,
        ("all fields", "two messages", "letters", "one digit a message"),
        through_a_strict_flow,
    ),
    Adversary(
        "card-in-header",
        6,
        ("DP-2.1", "IA-2.1"),
        ("RT-04",),
        _CARD,
        ("claim", "statement", "sequence", "parents", "resource", "output"),
        in_the_header,
    ),
)
