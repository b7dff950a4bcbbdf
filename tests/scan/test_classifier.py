"""The n-gram classifier: integer scores, windows that do not dilute, and an artefact that belongs
together."""

from __future__ import annotations

from hashlib import sha256

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maso.scan import classifier
from maso.scan.classifier import (
    CHUNK_BYTES,
    TABLE_BITS,
    WINDOW_BYTES,
    NgramClassifier,
    fold,
    gram_indices,
    load_model,
)

META, WEIGHTS = load_model()
SHIPPED = NgramClassifier(META, WEIGHTS)
EXPECTED = ([28363, 52509, 104715, 116645], [85561, 98263, 99217], [57821, 49170])


def with_one_heavy_gram(gram: bytes) -> NgramClassifier:
    """Knows a single five-byte gram."""
    weights = np.zeros(1 << TABLE_BITS, dtype=np.int8)
    weights[gram_indices(gram)[2][0]] = 100
    return NgramClassifier(
        msgspec.structs.replace(META, bias=0, scale_num=1_000_000, scale_den=1000), weights
    )


def test_the_hash_is_fixed() -> None:
    # Changing the hash makes the shipped weights nonsense: these are the buckets they were trained with.
    three, four, five = gram_indices(b"ignore")
    assert three.tolist() == EXPECTED[0]
    assert four.tolist() == EXPECTED[1]
    assert five.tolist() == EXPECTED[2]


def test_folding_hides_case_digits_and_layout() -> None:
    assert fold(b"Order\n\t 4711\x00 NOW") == b" order 0000 now "


def test_the_place_of_a_payload_in_a_long_text_hardly_matters() -> None:
    model = with_one_heavy_gram(b"zebra")
    alone = model.score(b"a" * WINDOW_BYTES + b" zebra " + b"a" * WINDOW_BYTES)
    assert alone > 0
    for before in (0, 100, 1000, CHUNK_BYTES - 5, CHUNK_BYTES + 3, 2 * CHUNK_BYTES - WINDOW_BYTES - 5):
        assert model.score(b"a" * before + b" zebra " + b"a" * 4000) == alone, before


def test_a_short_text_weighs_by_its_own_length() -> None:
    model = with_one_heavy_gram(b"zebra")
    assert model.score(b"one zebra") > model.score(b"one zebra and then some more words about nothing at all")


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=2000))
def test_scores_are_plain_integers_and_repeatable(text: bytes) -> None:
    score = SHIPPED.score(text)
    assert type(score) is int
    assert score == NgramClassifier(META, WEIGHTS).score(text)


def test_the_artefact_is_small_and_belongs_together(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = WEIGHTS.tobytes()
    assert len(raw) <= 1 << 20
    assert sha256(raw).hexdigest() == META.weights_sha256
    monkeypatch.setattr(classifier, "TABLE_BITS", TABLE_BITS + 1)
    with pytest.raises(ValueError, match="is not the file"):
        load_model()


def test_everything_learned_is_an_integer() -> None:
    for value in msgspec.to_builtins(META).values():
        for number in value.values() if isinstance(value, dict) else [value]:
            assert isinstance(number, (int, str))
