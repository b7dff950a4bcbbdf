"""What the scanner finds in clear, what it leaves alone, and how a span is redacted."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import random
import zlib
from collections import Counter, defaultdict
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maso.scan import validators
from maso.scan.fragments import FragmentWindow
from maso.scan.scanner import MAX_CONTENT, TOO_LARGE, Scanner
from maso.scan.signals import CLEAN, Kind, Signals, redact
from tests.scan import values

SCANNER = Scanner()


def scan(content: bytes) -> Signals:
    return SCANNER.scan(hashlib.sha256(content).digest(), content)


def wrapped(text: str, *, ascii_only: bool = False) -> bytes:
    return json.dumps({"text": text}, ensure_ascii=ascii_only).encode()


@pytest.mark.parametrize("network", sorted(values.NETWORKS))
def test_cards_of_every_network_are_found_and_masked(network: str) -> None:
    rng = random.Random(network)
    for separator in ("", " ", "-"):
        number = values.grouped(values.card(rng, network), separator)
        content = wrapped(f"Refund issued to {number} today")
        signals = scan(content)
        assert signals.kinds == Kind.PAN
        assert signals.hidden == 0
        assert redact(content, signals) == wrapped("Refund issued to [card] today")


def test_a_fresh_scanner_has_seen_nothing_and_answers_the_same() -> None:
    first = SCANNER.fresh()
    content = json.dumps({"text": f"my card is {values.any_card(random.Random(1))}"}).encode()
    digest = hashlib.sha256(content).digest()
    known = first.scan(digest, content)
    fresh = first.fresh()
    assert fresh.scan(digest, b"nothing") is CLEAN  # by its digest, had it been seen
    assert first.scan(digest, b"nothing") is known
    assert fresh.fresh().scan(digest, content) == known


def test_a_bare_number_in_json_becomes_a_string() -> None:
    number = values.card(random.Random(1), "visa")
    content = f'{{"pan": {number}, "qty": 2}}'.encode()
    assert redact(content, scan(content)) == b'{"pan": "[card]", "qty": 2}'


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.CVV, "card on file, cvv: 482"),
        (Kind.CVV, 'pay with {"cvv2": "4821"}'),
        (Kind.CVV, "the security code on the back is 482"),
        (Kind.IBAN, "wire it to GB82 WEST 1234 5698 7654 32 now"),
        (Kind.IBAN, "de89370400440532013000"),
        (Kind.NATIONAL_ID, "ssn 123-45-6780"),
        (Kind.NATIONAL_ID, "his SSN is 123456780"),
        (Kind.NATIONAL_ID, "NI number AB 12 34 56 C"),
        (Kind.NATIONAL_ID, "CPF 529.982.247-25"),
        (Kind.NATIONAL_ID, "DNI: 12345678Z"),
        (Kind.NATIONAL_ID, "Aadhaar 2341 2341 2346"),
        (Kind.NATIONAL_ID, "codice RSSMRA85T10A562S"),
        (Kind.NATIONAL_ID, "Steuer-ID 86095742719"),
        (Kind.EMAIL, "write to ana.b+c@mail.example.org"),
        (Kind.PHONE, "call me at (415) 555-0132"),
        (Kind.PHONE, "+49 (0) 1573 681930"),
        (Kind.PHONE, "mobile number is 06 46 21 68 27"),
        (Kind.SECRET, "AKIA" + "QWERTYUIOP234567"),
        (Kind.SECRET, "-----BEGIN RSA PRIVATE KEY-----"),
        (Kind.SECRET, "postgres://admin:s3cr3tpw@db.internal/main"),
    ],
)
def test_kinds_in_clear(kind: Kind, text: str) -> None:
    for content in (text.encode(), wrapped(text), wrapped("line\n" + text)):
        assert scan(content).kinds & kind, content


@pytest.mark.parametrize(
    "word",
    [
        *(
            "phone",
            "telephone",
            "tel",
            "telefono",
            "telefone",
            "téléphone",
            "mobile",
            "mobily",
            "cell",
            "handy",
        ),
        *("móvil", "celular", "call", "fax", "whatsapp", "contact", "rufnummer", "dial"),
    ],
)
def test_every_word_for_a_telephone_names_a_number(word: str) -> None:
    for text in (f"{word}: 06 46 21 68 27", f"mi {word.upper()} es 646216827"):
        for content in (wrapped(text), wrapped(text, ascii_only=True)):
            assert SCANNER.full(content).kinds & Kind.PHONE, text
            assert scan(content).kinds & Kind.PHONE, text


@pytest.mark.parametrize(
    "words",
    [
        *("cvv 482", "CVV2: 482", "cvc2 482", "cvn 482", "csc 4821", "cav2 482", "card, CID 4821"),
        *("card verification value 482", "card security code is 482", "security code: 482"),
        *("3 digit code on the back 482", "three digits on back: 482", "code on the front of it 4821"),
    ],
)
def test_every_name_of_the_security_code_is_known(words: str) -> None:
    assert SCANNER.full(wrapped(words)).kinds & Kind.CVV
    assert scan(wrapped(words)).kinds & Kind.CVV


def test_zlib_is_found_whatever_its_first_bytes() -> None:
    number = values.card(random.Random(6), "visa")
    thirds = set()
    for start in map(chr, range(32, 127)):
        packed = base64.b64encode(zlib.compress(f"{start} charge {number} today".encode())).decode()
        thirds.add(packed[2])
        assert scan(wrapped(packed)).kinds & Kind.PAN, packed
    assert thirds == set("wxyz")


def test_slashes_that_the_encoder_escaped_hide_no_base64() -> None:
    number = values.card(random.Random(7), "visa")
    early = 0
    for start in map(chr, range(32, 127)):
        packed = base64.b64encode(gzip.compress(f"{start} charge {number}".encode(), mtime=0)).decode()
        early += "/" in packed[4:20]
        assert scan(wrapped(packed).replace(b"/", b"\\/")).kinds & Kind.PAN, packed
    assert early


def test_every_decoder_runs_that_the_text_without_escapes_needs() -> None:
    codes = json.dumps([hex(byte) for byte in b"4111111111111111"])
    noise = base64.b64encode(b"nice to see you, everything is fine here").decode()
    content = wrapped(f"{codes} {noise}")
    assert scan(content).kinds == SCANNER.full(content).kinds == Kind.PAN


@pytest.mark.parametrize("before", ["“", "«", "€", "é", "ğ", " ", "(", "2"])
def test_number_words_after_any_character(before: str) -> None:
    said = before + "four one one one one one one one one one one one one one one one"
    for text in (f"card {said}", f"card {before}four111111111111111"):
        for content in (wrapped(text), wrapped(text, ascii_only=True)):
            assert scan(content).kinds == SCANNER.full(content).kinds, content
            if before not in "é2":
                assert scan(content).kinds & Kind.PAN, content


def test_assigned_secrets_need_randomness() -> None:
    rng = random.Random(5)
    for _ in range(50):
        assert scan(wrapped(f"stripe_api_key = {values.token(rng, 32)}")).kinds & Kind.SECRET
    for text in ("password: see the vault", "API_KEY=<your-api-key>", "token = changeme", "secret: ********"):
        assert not scan(wrapped(text)).kinds & Kind.SECRET


def test_ibans_of_every_country_and_their_misspellings() -> None:
    rng = random.Random(9)
    for country in sorted(validators.IBAN_LENGTHS):
        right = values.iban(rng, country)
        assert scan(wrapped(f"iban {right}")).kinds & Kind.IBAN, country
        wrong = right[:-1] + str((int(right[-1]) + 1) % 10)
        assert not scan(wrapped(f"iban {wrong}")).kinds & Kind.IBAN


def test_invalid_social_security_numbers_are_not_found() -> None:
    for number in ("000-12-3456", "666-12-3456", "912-12-3456", "123-00-4567", "123-45-0000"):
        assert not scan(wrapped(f"SSN {number}")).kinds & Kind.NATIONAL_ID


@pytest.mark.parametrize(
    "text",
    [
        "Order #97632527 shipped.",
        "event at 1775485127957",
        "trace 11c60eb9-8d42-82de-6cf2-27dbe7c81a53",
        "digest sha256:a7c1d99f0df9025c04e10e230d91464bc013999ca8225854d1d2753f5a42dde4",
        "coords -81.47011870916377,69.12241563983306",
        "row 8697 | 3224 | 1839 | 5842 | 3142",
        "IMEI 358637878559712 checked in",
        "card ending in 4504 (**** **** **** 1158)",
        "paid 19.99, 24.50, 3.00 on 2026-03-01 10:22:31.123456",
        "Café für José: 12,50 € – “naïve”",
        "captures keyboard input, see https://github.com/org/repo/pull/3219",
        "the ai-risk-management-framework-2024 document",
        "someone often weighs the height of one fortune",
    ],
)
def test_honest_texts_are_left_alone(text: str) -> None:
    assert scan(wrapped(text)).kinds == 0
    assert scan(wrapped(text, ascii_only=True)).kinds == 0


def test_an_unchanged_message_is_the_same_object_and_plain_text_is_clean() -> None:
    assert scan(b'{"text": "hello there"}') is CLEAN
    content = wrapped("write to a@example.org")
    assert scan(content) is scan(content)


def test_the_cache_is_bounded() -> None:
    small = Scanner(cache_size=3)
    for i in range(10):
        small.scan(bytes([i]), b"hello")
    assert small.scan(b"\x01", wrapped("a@example.org")).kinds & Kind.EMAIL


def test_large_content_is_answered_without_looking_unless_the_first_pass_excludes_it() -> None:
    assert scan(b"nothing here. " * (MAX_CONTENT + 9)) is CLEAN
    noisy = (b"card 4111 1111 %41 \\u0034 one two " * 40_000)[: 1 << 20]
    assert SCANNER.full(noisy) is TOO_LARGE
    assert scan(noisy) is TOO_LARGE


def test_encodings_inside_encodings_and_bombs_are_bounded() -> None:
    text = values.card(random.Random(3), "visa").encode()
    for _ in range(12):
        text = base64.b64encode(text)
    scan(wrapped(text.decode()))
    bomb = base64.b64encode(gzip.compress(b"4111 " * 10_000_000, mtime=0)).decode()
    assert len(bomb) < MAX_CONTENT * 2
    scan(wrapped(bomb[: MAX_CONTENT - 100]))


@given(st.binary(max_size=400))
def test_any_bytes_can_be_scanned(content: bytes) -> None:
    signals = scan(content)
    SCANNER.full(content)
    FragmentWindow().push(content, signals)
    redact(content, signals)


_PIECES = st.lists(
    st.sampled_from(
        [
            "4111 1111 1111 1111",
            "5555555555554444",
            "AKIAQWERTYUIOP234567",
            "a.b@example.org",
            "\\n",
            '"',
            "card ",
            "cvv 482",
            "GB82WEST12345698765432",
            "ssn 123-45-6780",
            "+44 20 7946 0958",
            "é",
            "🔹",
            "\\u0034",
            "12.50",
            "%34",
            "\n",
            "{",
            "x",
            " ",
        ]
    ),
    max_size=12,
)


@given(_PIECES)
@settings(max_examples=150)
def test_redaction_keeps_json_and_leaves_no_span_value(pieces: list[str]) -> None:
    content = json.dumps({"text": " ".join(pieces), "more": pieces}).encode()
    signals = scan(content)
    masked = redact(content, signals)
    msgspec.json.decode(masked)
    again = scan(masked)
    for span in signals.spans:
        assert content[span.start : span.end] not in masked or span.end - span.start < 5
    if not signals.hidden:
        assert not again.kinds & (Kind.PAN | Kind.IBAN | Kind.EMAIL)


def test_the_measured_promises_hold_on_the_development_data(shared_inputs: Path) -> None:
    folder = shared_inputs / "detect-dev"
    kinds = {
        "PAN": Kind.PAN,
        "CVV": Kind.CVV,
        "IBAN": Kind.IBAN,
        "SSN": Kind.NATIONAL_ID,
        "EMAIL": Kind.EMAIL,
    }
    kinds |= {"PHONE": Kind.PHONE, "SECRET": Kind.SECRET}
    seen: Counter[str] = Counter()
    hit: Counter[str] = Counter()
    for line in (folder / "dlp_pos.jsonl").read_text().splitlines():
        item = json.loads(line)
        seen[item["type"]] += 1
        hit[item["type"]] += bool(scan(wrapped(item["text"])).kinds & kinds[item["type"]])
    assert hit["PAN"] >= 0.98 * seen["PAN"]
    assert all(hit[name] >= 0.95 * seen[name] for name in seen)
    negatives = [json.loads(line)["text"] for line in (folder / "dlp_neg.jsonl").read_text().splitlines()]
    alarms = sum(bool(scan(wrapped(text)).kinds) for text in negatives)
    assert alarms * 1000 <= len(negatives)
    missed: dict[str, int] = defaultdict(int)
    sessions = [json.loads(line) for line in (folder / "dlp_evade.jsonl").read_text().splitlines()]
    for session in sessions:
        window = FragmentWindow()
        found = 0
        for message in session["msgs"]:
            content = wrapped(message)
            found |= window.push(content, scan(content)).kinds
        missed[session["tech"]] += not found & Kind.PAN
    assert sum(missed.values()) < 0.05 * len(sessions), missed
