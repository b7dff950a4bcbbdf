"""Labels, clearance, DLP, memory and RAG: a datum does not get where it may not be, detected or not."""

import hashlib
import json

import msgspec
import pytest

from maso.clock import HOUR, MINUTE
from maso.controls.rag import spelled, unspelled
from maso.evidence.records import MessageRecord
from maso.fleet.model import Fleet
from maso.labels import SOURCE_BITS, compartment_bit
from maso.plane.effects import Deliver
from maso.plane.events import CloseSession, Purge
from tests.plane.small import SMALL, Rig, names, reasons, scanner

PCI = compartment_bit(0)
PII = compartment_bit(1)
DEAL = compartment_bit(2)
CARD = "4111 1111 1111 1111"


def _ready() -> tuple[Rig, dict[str, int]]:
    rig = Rig()
    return rig, rig.session()


def _context(rig: Rig, nhi: int) -> int:
    return rig.plane.state.instances[nhi].context


def test_unlabelled_is_refused() -> None:
    rig, s = _ready()
    assert reasons(rig.send(s["advisor"], s["cart"], {"text": "hi"}, label=None)) == ("DP-1.1/unlabelled",)


def test_a_label_over_the_clearance_is_refused() -> None:
    rig, s = _ready()
    for label in (0b111, 0b11 | DEAL, PCI):
        assert reasons(rig.send(s["advisor"], s["cart"], {"text": "hi"}, label=label)) == (
            "DP-1.1/clearance",
        )


def test_undefined_label_bits_are_malformed() -> None:
    rig, s = _ready()
    for label in (-1, 1 << 56, 1 << 63):
        assert reasons(rig.send(s["advisor"], s["cart"], {"text": "hi"}, label=label)) == (
            "IA-2.1/malformed",
        )


def test_a_summary_inherits_whatever_it_declares() -> None:
    rig, s = _ready()
    assert names(rig.from_port("form", 1, s["payment"], {"card": CARD})) == ("Deliver",)
    assert _context(rig, s["payment"]) & PCI
    effects = rig.send(s["payment"], s["advisor"], {"text": "all went well"}, label=0)
    assert reasons(effects) == ("DP-1.1/clearance",)


def test_the_declassifying_flow_sheds_the_compartment_and_records_it() -> None:
    rig, s = _ready()
    rig.from_port("form", 1, s["payment"], {"card": CARD})
    effects = rig.send(s["payment"], s["cart"], {"ok": True, "code": "a"}, label=0)
    assert reasons(effects) == ()
    (effect,) = effects
    assert isinstance(effect, Deliver)
    assert effect.label & PCI == 0
    assert effect.label & SOURCE_BITS["customer"], "integrity is never shed"
    last = rig.log.records()[-1]
    assert isinstance(last, MessageRecord)
    assert last.shed == PCI


def test_what_leaves_by_a_declassifying_flow_was_received_outside_the_compartment() -> None:
    fleet = msgspec.to_builtins(msgspec.convert(SMALL, Fleet))
    fleet["schemas"] = [s for s in fleet["schemas"] if s["id"] != "done"]
    fields = {"code": {"type": "id", "max": 12}, "amount": {"type": "money", "max": 10**8}}
    fleet["schemas"] += [{"id": "done", "fields": fields}]
    fleet["actions"] = [a for a in fleet["actions"] if a["id"] != "ledger.close"]
    fleet["types"][1]["actions"] = ["order.create"]
    rig = Rig(msgspec.convert(fleet, Fleet))
    s = rig.session()
    said = {"code": "t-17", "amount": 4999}
    assert names(rig.send(s["payment"], s["cart"], said)) == ("Deliver",), "nothing is shed yet"
    rig.from_port("form", 1, s["payment"], {"card": CARD})
    assert reasons(rig.send(s["payment"], s["cart"], said)) == ("DP-2.5/not-received",)
    assert names(rig.send(s["cart"], s["payment"], {"basket": "t-17", "total": 4999})) == ("Deliver",)
    assert names(rig.send(s["payment"], s["cart"], said)) == ("Deliver",)
    for sneaky in ({"code": "411111111111", "amount": 1111}, {"code": "t-17", "amount": 41111111}):
        assert reasons(rig.send(s["payment"], s["cart"], sneaky)) == ("DP-2.5/not-received",)


def test_a_parent_that_was_not_delivered_raises_to_the_label_of_the_session() -> None:
    rig, s = _ready()
    rig.from_port("form", 1, s["payment"], {"card": CARD})
    assert reasons(rig.send(s["advisor"], s["cart"], {"text": "hi"}, parents=(999,))) == ("DP-1.1/clearance",)


def test_naming_a_parent_costs_nothing_and_leaving_it_out_gains_nothing() -> None:
    rig, s = _ready()
    (page,) = rig.from_port("web", 1, s["advisor"], {"text": "a page about shoes"})
    assert isinstance(page, Deliver)
    (one,) = rig.send(s["advisor"], s["cart"], {"text": "shoes"}, parents=(page.ref,))
    (two,) = rig.send(s["advisor"], s["cart"], {"text": "more shoes"})
    assert isinstance(one, Deliver)
    assert isinstance(two, Deliver)
    assert one.label == two.label
    assert one.label & SOURCE_BITS["web"]


def test_purging_empties_the_context_but_not_the_memory() -> None:
    rig, s = _ready()
    rig.from_port("web", 1, s["cart"], {"text": "no such link"})
    rig.from_port("customer_chat", 1, s["cart"], {"text": "hello"})
    assert _context(rig, s["cart"]) & SOURCE_BITS["customer"]
    rig.plane.handle(Purge(s["cart"]), rig.now)
    assert _context(rig, s["cart"]) == 0
    rig.from_port("customer_chat", 1, s["cart"], {"text": "hello again"})
    rig.send(s["cart"], s["cart"], {"text": "the customer said hello"})
    rig.plane.handle(Purge(s["cart"]), rig.now)
    assert _context(rig, s["cart"]) & SOURCE_BITS["customer"]


def test_nothing_reaches_a_closed_session_or_another_one() -> None:
    rig, s = _ready()
    other = rig.session(2)
    assert reasons(rig.from_port("customer_chat", 2, s["advisor"], {"text": "hi"})) == (
        "DP-1.3/cross-session",
    )
    rig.plane.handle(CloseSession(2), rig.now)
    assert reasons(rig.from_port("customer_chat", 2, other["advisor"], {"text": "hi"})) == (
        "IA-1.4/recipient",
    )
    assert names(rig.plane.handle(CloseSession(2), rig.now)) == ()


def test_a_card_in_the_chat_is_masked_for_the_advisor() -> None:
    rig, s = _ready()
    (effect,) = rig.from_port("customer_chat", 1, s["advisor"], {"text": f"take my card {CARD} please"})
    assert isinstance(effect, Deliver)
    assert b"1111" not in effect.payload
    assert b"[card]" in effect.payload
    assert b"1111" not in b"".join(rig.log.bodies)


@pytest.mark.parametrize(
    "text", [f"the card is {CARD}", "card: 4111-1111-1111-1111", "４１１１１１１１１１１１１１１１"]
)
def test_a_card_between_agents_is_refused(text: str) -> None:
    rig, s = _ready()
    (code,) = reasons(rig.send(s["advisor"], s["cart"], {"text": text}))
    assert code in ("DP-2.1/refused", "DP-2.1/hidden")
    assert b"1111" not in b"".join(rig.log.bodies)


def test_an_address_raises_the_label() -> None:
    rig, s = _ready()
    (effect,) = rig.send(s["advisor"], s["cart"], {"text": "write to jo.miller@example.org please"})
    assert isinstance(effect, Deliver)
    assert effect.label & PII


@pytest.mark.parametrize(
    "body",
    [
        {"text": "hi", "extra": 1},
        {},
        {"text": None},
        {"text": 5},
        {"text": "x" * 2001},
        [],
        b"",
        b"{",
        b'{"text": "\xff"}',
        b'{"text":"a"} {"text":"b"}',
        b"[" * 5000,
    ],
)
def test_shapes_that_do_not_fit(body: object) -> None:
    rig, s = _ready()
    assert reasons(rig.send(s["advisor"], s["cart"], body)) == ("EC-2.13/shape",)


def test_rag_signed_altered_unsigned_stale_and_superseded() -> None:
    rig, s = _ready()
    good = rig.ingest("catalogue", "sku-1", 1, "A blue shoe, 49.99.")
    assert names(rig.from_port("catalogue", 1, s["advisor"], {"docs": [good]})) == ("Deliver",)
    for bad in (
        {**good, "text": "A blue shoe, 0.01."},
        {**good, "version": 2},
        {**good, "id": "sku-2"},
        {**good, "signature": ""},
        {**good, "signature": "!!"},
        {**good, "ingested_ns": 10**18},
    ):
        assert reasons(rig.from_port("catalogue", 1, s["advisor"], {"docs": [good, bad]})) == (
            "DP-2.3/unsigned",
        )
    rig.now += MINUTE
    newer = rig.ingest("catalogue", "sku-1", 2, "A blue shoe, 39.99.")
    assert names(rig.from_port("catalogue", 1, s["advisor"], {"docs": [newer]})) == ("Deliver",)
    assert names(rig.from_port("catalogue", 1, s["advisor"], {"docs": [good]})) == ("Deliver",)
    assert rig.plane.last is not None
    assert [f.reason.code for f in rig.plane.last.findings] == ["DP-2.3/superseded"]
    rig.now += 2 * HOUR
    fresh = rig.session(3)
    assert reasons(rig.from_port("catalogue", 3, fresh["advisor"], {"docs": [newer]})) == ("DP-2.3/stale",)


def test_a_document_signed_for_another_knowledge_base_is_refused() -> None:
    rig, s = _ready()
    other = rig.ingest("web", "sku-1", 1, "text")
    assert reasons(rig.from_port("catalogue", 1, s["advisor"], {"docs": [other]})) == ("DP-2.3/unsigned",)


def test_masking_never_leaves_a_payload_that_its_schema_forbids() -> None:
    rig, s = _ready()
    # A query may be masked; an id that a card was put into has nothing left that fits.
    assert reasons(rig.act(s["cart"], "order.create", {"basket": "4111111111111111", "total": 1})) == (
        "DP-2.1/refused",
    )
    assert b"4111111111111111" not in b"".join(rig.log.bodies)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"text": "x" * 2001}, "note: field `text`"),
        ({}, "note: field `text`"),
        ({"text": 5}, "note: field `text`"),
        ({"text": "hi", "SECRET-4111": 1}, "note"),
    ],
)
def test_a_misfit_names_the_declared_field_and_nothing_of_the_payload(body: object, said: str) -> None:
    rig, s = _ready()
    rig.send(s["advisor"], s["cart"], body)
    assert rig.plane.last is not None
    assert rig.plane.last.findings[0].detail == said


def test_no_signature_looks_like_anything_that_dlp_looks_for() -> None:
    scan = scanner()
    for number in range(2000):
        signature = spelled(hashlib.sha512(b"%d" % number).digest())
        assert unspelled(signature) == hashlib.sha512(b"%d" % number).digest()
        documents = [
            {"id": f"prod-{number}", "version": number % 300, "text": "x", "signature": signature}
        ] * 2
        content = json.dumps({"docs": documents, "price": 4999}).encode()
        assert scan.scan(hashlib.sha256(content).digest(), content).kinds == 0, number


@pytest.mark.parametrize("text", ["-", "bbbb-", "bbb", "0123456789abcdef" * 8, "bb" * 64, "é" * 143])
def test_what_is_not_spelled_as_a_signature_is_none(text: str) -> None:
    assert unspelled(text) == b""
