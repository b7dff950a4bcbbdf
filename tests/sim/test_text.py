"""Texts: fresh every time, of the right size, safe in JSON, and free of what honest text must not hold."""

import hashlib
import json

import pytest

from maso.fleet.operations import TEXTS
from maso.phrases import desk, shop
from maso.scan.scanner import Scanner
from maso.scan.signals import Kind
from maso.streams import stream
from maso.text import compile_shape, parse, writer

# A name is a name, and there are only so many: about 30,000 of them here.
FRESH = [kind for kind in TEXTS if kind != "name"]
LONG = ("question", "product", "advice", "complaint", "reply", "research", "filing", "report")


@pytest.mark.parametrize("kind", FRESH)
def test_practically_no_two_are_equal(kind: str) -> None:
    bits, write = stream(11, kind).bits, writer(kind)
    texts = [write(bits) for _ in range(20_000)]
    assert len(set(texts)) >= 19_998


@pytest.mark.parametrize("kind", TEXTS)
def test_goes_into_json_as_it_is(kind: str) -> None:
    bits, write = stream(12, kind).bits, writer(kind)
    for _ in range(500):
        text = write(bits)
        assert json.loads('"' + text + '"') == text
        assert text == text.strip()
        assert "  " not in text
        assert "{" not in text


@pytest.mark.parametrize("kind", LONG)
def test_a_long_kind_is_as_long_as_the_real_thing(kind: str) -> None:
    bits, write = stream(13, kind).bits, writer(kind)
    sizes = sorted(len(write(bits).encode()) for _ in range(2_000))
    assert sizes[20] > 110
    assert sizes[1_000] > 230
    assert 380 < sizes[1_900] < 900


def test_honest_text_holds_no_card_no_secret_and_contacts_only_where_they_belong() -> None:
    scanner = Scanner(None)
    for kind in TEXTS:
        bits, write = stream(14, kind).bits, writer(kind)
        for _ in range(800):
            content = json.dumps({"text": write(bits)}, ensure_ascii=False).encode()
            kinds = scanner.scan(hashlib.sha256(content).digest(), content).kinds
            assert not kinds & (Kind.PAN | Kind.CVV | Kind.SECRET | Kind.IBAN | Kind.NATIONAL_ID), content
            if kind != "contact":
                assert not kinds & (Kind.EMAIL | Kind.PHONE), content


def test_there_are_other_languages_and_names_with_accents() -> None:
    bits, write = stream(15, "question").bits, writer("question")
    texts = [write(bits) for _ in range(400)]
    for word in ("Guten Tag", "Bonjour", "Hola", "Hello there"):
        assert any(word in text for text in texts), word
    assert any(not text.isascii() for text in texts)


def test_every_kind_of_the_vocabulary_is_written_and_no_other() -> None:
    assert sorted(TEXTS) == sorted([*shop.SHAPES, *desk.SHAPES])
    with pytest.raises(ValueError, match="there is no text kind `sonnet`; legal: question, product"):
        writer("sonnet")


def test_a_sentence_that_json_must_escape_is_refused() -> None:
    with pytest.raises(ValueError, match="must escape"):
        parse('say "hello"')


def test_a_shape_that_could_run_out_of_random_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match="may use 201 random bytes; the pool has 160"):
        compile_shape("\n\n".join(["{first}"] * 100))
