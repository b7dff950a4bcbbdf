"""Card numbers cut over the messages of a session, and honest sessions that must not assemble one."""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maso.scan import fragments
from maso.scan.fragments import FragmentWindow
from maso.scan.signals import CLEAN, Kind, Signals
from tests.scan import values
from tests.scan.evasions import EVASIONS
from tests.scan.test_dlp import wrapped

HONEST = (
    "Your order {8} has shipped",
    "{1} items in the basket",
    "Room {3}, table {2}",
    "I would like {1} of them",
    "the total is {2}.{2}",
    "card ending in {4}",
    "tracking {9}",
    "zip {5}",
    "code {4}",
    "row {4} of the sheet",
    "version {1}.{2}.{4}",
    "invoice INV-{6}-{6}",
    "it costs {2} or {2}",
    "see you at {2}:{2}",
    "thanks, all good",
    "flight HAT{3}",
    "{4} people came in {4}",
    "batch {9} done",
)


_BODIES = [
    *(b'{"record_id":"R0000102"}', b'{"sku":"KX-0515","quantity":1}', b'{"postcode":"99569"}', b"4111", b"7"),
    *(b'{"text":"segment 4111"}', b'{"address":"segment 4111","postcode":"99569"}', b'{"n":4111,"ok":true}'),
    *(
        b'{"text":"\\u0034\\u0031"}',
        b'{"a":"part \\u0034111","b":"1"}',
        "ｆ４ 4".encode(),
        b'{"text":"hello"}',
    ),
    *(
        b'{"n":0012}',
        b'{"part1=4236":"1) 4236","x":"12:30"}',
        b'{"v":12.50,"w":3}',
        b"[4,1,1,1]",
        b'{"n":4111',
    ),
]


def window_over(messages: list[str]) -> list[Signals]:
    window = FragmentWindow()
    return [window.push(wrapped(message), CLEAN) for message in messages]


def test_pieces_in_order_assemble_whatever_the_wrapping() -> None:
    rng = random.Random(2)
    for name in ("two halves", "four segments", "with noise", "digit by digit"):
        for _ in range(20):
            messages = EVASIONS[name](values.card(rng, "mastercard"))
            found = [s for s in window_over(messages) if s.kinds & Kind.PAN]
            assert found, name
            assert found[0].hidden == Kind.PAN
            assert found[0].techniques == ("fragments",)
            window = FragmentWindow()
            assert any(window.push(message.encode(), CLEAN).kinds for message in messages)


def test_escaped_and_folded_pieces_assemble() -> None:
    number = "4111111111111111"
    pieces = ["".join(chr(0xFF10 + int(d)) for d in number[i : i + 4]) for i in range(0, 16, 4)]
    window = FragmentWindow()
    results = [
        window.push(wrapped(f"segment {p}", ascii_only=bool(i % 2)), CLEAN) for i, p in enumerate(pieces)
    ]
    assert results[-1].hidden & Kind.PAN


def form(beside: dict[str, object], field: str, text: str, *, first: bool, ascii_only: bool = False) -> bytes:
    body = {field: text, **beside} if first else {**beside, field: text}
    return json.dumps(body, ensure_ascii=ascii_only).encode()


@pytest.mark.parametrize(
    "name", ["two halves", "four segments", "with noise", "digit by digit", "half of a card"]
)
@pytest.mark.parametrize(
    "beside",
    [
        {"postcode": "99569"},
        {"postcode": "x1"},
        {"postcode": "SW1A 1AA", "sku": "KX-0884", "quantity": 3},
        {"stars": 5, "who": {"record_id": "R0000102"}},
        {"lot": "7719"},
    ],
)
def test_pieces_in_one_field_of_a_form_assemble_whatever_stands_beside(
    name: str, beside: dict[str, object]
) -> None:
    rng = random.Random(name)
    for turn in range(24):
        field = ("address", "text", "note", "message", "delivery_address", "customer_name")[turn % 6]
        number = values.card(rng, ("visa", "mastercard2", "amex")[turn % 3])
        if name == "half of a card":
            messages = [f"the first half of my card is {number[:8]}", f"and the second half: {number[8:]}"]
        else:
            messages = EVASIONS[name](number)
        window = FragmentWindow()
        contents = [
            form(beside, field, text, first=bool(turn % 2), ascii_only=turn % 4 < 2) for text in messages
        ]
        assert any(window.push(content, CLEAN).hidden & Kind.PAN for content in contents), contents


@pytest.mark.parametrize("fields", [("symbol", "text"), ("sku", "note"), ("record_id", "preferences")])
def test_fields_of_a_form_are_told_apart_whatever_they_are_called(fields: tuple[str, str]) -> None:
    # `symbol` and `text` were one field to the window, so nothing in pieces was found in such a form.
    beside, field = fields
    for pieces in (("first half 41111111", "second half 11111111"), ("4111", "1111", "1111", "1111")):
        window = FragmentWindow()
        found = [window.push(json.dumps({beside: "x1", field: piece}).encode(), CLEAN) for piece in pieces]
        assert found[-1].hidden & Kind.PAN, pieces


def test_pieces_in_two_fields_of_one_message_assemble() -> None:
    body = {"line1": "first half 41111111", "line2": "second half 11111111", "postcode": "99569"}
    assert FragmentWindow().push(json.dumps(body).encode(), CLEAN).hidden & Kind.PAN


def test_pieces_in_json_inside_json_assemble() -> None:
    window = FragmentWindow()
    for text in ("first half of the card 41111111", "second half of it 11111111"):
        inner = json.dumps({"address": text, "postcode": "99569"})
        signals = window.push(json.dumps({"text": inner}).encode(), CLEAN)
    assert signals.hidden & Kind.PAN


FORMS: tuple[Callable[[random.Random], dict[str, object]], ...] = (
    lambda r: {"address": f"{r.randint(1, 999)} Rue de Lyon", "postcode": f"{r.randint(0, 99999):05d}"},
    lambda r: {
        "address": f"Calle Mayor {r.randint(1, 99)}, Madrid",
        "postcode": str(r.randint(10000, 99999)),
    },
    lambda r: {
        "name": "Ana",
        "address": f"{r.randint(1, 999)} Baker Street",
        "zip": str(r.randint(10000, 99999)),
    },
    lambda r: {
        "sku": f"KX-{r.randint(0, 9999):04d}",
        "quantity": r.randint(1, 9),
        "price_minor": r.randint(99, 9999),
    },
    lambda r: {"order_id": f"O{r.randint(0, 9999999):07d}", "amount_minor": r.randint(99, 99999)},
    lambda r: {"basket_id": f"B{r.randint(0, 9999999):07d}", "percent": r.randint(1, 9)},
    lambda r: {
        "carrier": "northbound",
        "tracking_number": f"T{r.randint(0, 9999999):07d}",
        "days": r.randint(1, 9),
    },
    lambda r: {"text": f"I need {r.randint(1, 9)} of these by Monday", "sku": f"KX-{r.randint(0, 9999):04d}"},
    lambda r: {"text": "the parcel has not come", "order_id": f"O{r.randint(0, 9999999):07d}"},
    lambda r: {
        "note": f"ring at {r.choice(['Kim', 'Lee'])} {r.randint(1, 40)}",
        "postcode": str(r.randint(0, 99999)),
    },
    lambda r: {"month": r.randint(1, 12), "count": r.randint(1, 9), "region": "north"},
)


def test_honest_forms_assemble_nothing() -> None:
    rng = random.Random(14)
    messages = alarms = 0
    for _ in range(400):
        window = FragmentWindow()
        for _ in range(rng.randint(10, 40)):
            content = json.dumps(rng.choice(FORMS)(rng)).encode()
            messages += 1
            alarms += bool(window.push(content, CLEAN).kinds)
    assert alarms * 5000 <= messages, alarms


@given(st.lists(st.sampled_from(_BODIES), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_shapes_remembered_change_no_answer(bodies: list[bytes], rng: random.Random) -> None:
    """The same session with an empty memory before each message."""
    digits = [re.sub(rb"[0-9]", lambda _: b"%d" % rng.randrange(10), body) for body in bodies]
    warm, cold = FragmentWindow(), FragmentWindow()
    for content in digits + bodies:
        kept = dict(fragments._PIECELESS)
        fragments._PIECELESS.clear()
        expected = cold.push(content, CLEAN)
        fragments._PIECELESS.update(kept)
        assert warm.push(content, CLEAN) == expected
        assert (warm._pieces, warm._noise) == (cold._pieces, cold._noise)


def test_honest_sessions_assemble_nothing() -> None:
    rng = random.Random(4)
    messages = alarms = 0
    for _ in range(400):
        window = FragmentWindow()
        for _ in range(rng.randint(10, 40)):
            text = rng.choice(HONEST)
            for size in "123456789":
                while "{" + size + "}" in text:
                    text = text.replace(
                        "{" + size + "}", "".join(rng.choice("0123456789") for _ in range(int(size))), 1
                    )
            messages += 1
            alarms += bool(window.push(wrapped(text), CLEAN).kinds)
    assert alarms * 1000 <= messages


def test_memory_is_small_and_bounded() -> None:
    window = FragmentWindow()
    assert sys.getsizeof(window) + sys.getsizeof("") <= 300
    rng = random.Random(8)
    for _ in range(500):
        window.push(wrapped(f"part {rng.randint(1, 10**9)}"), CLEAN)
        held = sum(sys.getsizeof(getattr(window, name)) for name in FragmentWindow.__slots__)
        assert sys.getsizeof(window) + held <= 600


def test_a_message_without_digits_returns_the_same_signals() -> None:
    signals = Signals(kinds=int(Kind.EMAIL), stage=2)
    assert FragmentWindow().push(b'{"text": "no digits here"}', signals) is signals
