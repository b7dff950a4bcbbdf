"""The first pass against the full one: what `full` finds, `first` must not have excluded."""

from __future__ import annotations

import hashlib
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maso.scan.fragments import FragmentWindow
from maso.scan.scanner import Scanner
from maso.scan.signals import Kind
from tests.scan import values
from tests.scan.evasions import EVASIONS
from tests.scan.test_dlp import SCANNER, scan, wrapped

FRAGMENTS = ("two halves", "four segments", "with noise", "digit by digit")
NUMBERS = [
    values.card(random.Random(name), name)
    for name in ("visa", "amex", "mastercard2", "visa19", "diners", "visa13")
]


def forms(message: str) -> list[bytes]:
    """The ways in which a message travels: bare, in JSON, in ASCII JSON, JSON in JSON, among fields."""
    inside = json.dumps({"reply": message})
    busy = {
        "id": "3f2b9c1e-77aa-4b10-9c55-0d1e2f3a4b5c",
        "price": 12.5,
        "text": message,
        "at": "2026-03-01T10:22:31Z",
    }
    return [
        message.encode(),
        wrapped(message),
        wrapped(message, ascii_only=True),
        wrapped(inside),
        json.dumps(busy).encode(),
    ]


@pytest.mark.parametrize("name", [name for name in EVASIONS if name not in FRAGMENTS])
def test_every_known_evasion_is_found_in_every_form(name: str) -> None:
    for number in NUMBERS:
        for form in range(5):
            contents = [forms(message)[form] for message in EVASIONS[name](number)]
            assert any(scan(content).kinds & Kind.PAN for content in contents), (name, number, contents)


@pytest.mark.parametrize("name", sorted(EVASIONS))
def test_the_first_pass_excludes_nothing_that_the_full_pass_finds(name: str) -> None:
    for number in NUMBERS:
        for message in EVASIONS[name](number):
            for content in forms(message):
                full = SCANNER.full(content)
                if full.kinds:
                    assert SCANNER.first(content), content
                    assert scan(content).kinds == full.kinds, content


_CHARS = st.sampled_from(list('0123456789 -.,\n"\\/OolSuxn%&#;:=@abceé€“–🔹０٤④\u200b\xad'))
_TEXTS = st.lists(
    st.one_of(
        _CHARS,
        st.sampled_from(
            ["card ", "4111", "11111111", "cvv ", "one ", "four", "%34", "&#52;", "\\u0034", "SSN ", "token="]
        ),
        st.sampled_from(
            ["AKIAQWERTYUIOP234567", "a@b.example", "NDExMTExMTExMTExMTExMQ==", "GB82WEST12345698765432"]
        ),
        st.integers(0, 10**17).map(str),
    ),
    max_size=30,
).map("".join)


@given(_TEXTS, st.booleans())
@settings(max_examples=400)
def test_scan_and_full_agree_on_any_text(text: str, ascii_only: bool) -> None:
    for content in (text.encode(), wrapped(text, ascii_only=ascii_only)):
        assert scan(content).kinds == SCANNER.full(content).kinds, content


def test_ordinary_messages_are_excluded_by_the_first_pass() -> None:
    for text in (
        "Your basket holds two shirts and a lamp.",
        "Café für José: 12,50 € – “naïve”",
        "Order 88213 ships Monday.",
    ):
        assert SCANNER.first(wrapped(text)) == 0


class _Detector:
    """Stands in for the injection detector: sees the word in every normalised text."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def first(self, content: bytes) -> bool:
        return b"ignore" in content

    def inspect(self, texts: object) -> _Verdict:
        assert isinstance(texts, list)
        self.seen += texts
        return _Verdict()


class _Verdict:
    flag, block, milli, names = True, False, 700, ("override",)


def test_the_injection_detector_sees_normalised_and_decoded_texts() -> None:
    detector = _Detector()
    scanner = Scanner(injection=detector)
    for message in (
        "please ignore that",
        "please \\u0069gnore that",
        "cGxlYXNlIGlnbm9yZSB0aGF0IG5vdw==",
        "please ｉｇｎｏｒｅ that",
    ):
        content = message.encode()
        signals = scanner.scan(hashlib.sha256(content).digest(), content)
        assert signals.kinds == Kind.INJECTION_FLAG, message
        assert signals.injection_milli == 700
        assert "override" in signals.techniques
        assert "ignore" in detector.seen[-1]


def test_fragments_are_found_over_messages() -> None:
    for name in FRAGMENTS:
        for number in NUMBERS:
            if name == "digit by digit" or len(number) > 13:
                window = FragmentWindow()
                results = [window.push(c, scan(c)) for c in map(wrapped, EVASIONS[name](number))]
                assert results[-1].hidden & Kind.PAN or results[-2].hidden & Kind.PAN, (name, number)
