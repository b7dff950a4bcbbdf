"""Card numbers cut over the messages of a session, and honest sessions that must not assemble one."""

from __future__ import annotations

import random
import sys

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
