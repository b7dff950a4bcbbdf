"""A linear classifier over hashed character n-grams, in integers only.

The score of a stretch of text is `sum(weight[hash(gram)]) / sqrt(number of grams)`: logistic regression
over n-gram counts, where the square root stands in for the length of the count vector. The sum is additive,
so one cumulative sum gives the score of every window, and the score of a text is that of its worst window:
a payload of one line inside a long document is not diluted by the document.

Weights are int8 and everything after them is integer arithmetic, so the same text has the same score on
every machine. The hash is our own (a multiplicative hash of 3, 4 and 5 bytes), never Python's.

Not handled here: meaning. A paraphrase that shares no n-grams with what was trained on scores low; text in
a script that the training never saw scores near the bias. What the score is good for is stated, with
figures, in docs/detection-injection.md.
"""

from __future__ import annotations

import json
from hashlib import sha256
from importlib import resources
from math import isqrt
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

TABLE_BITS: Final = 17  # 128 K buckets of one byte: stays in the L2 cache; 2^18 gained nothing held out
WINDOW_BYTES: Final = 256  # the payloads of the development set are 40 to 300 bytes long
STRIDE_BYTES: Final = 64  # a payload as long as half a window is whole in some window
CHUNK_BYTES: Final = 1 << 16  # arrays of one pass stay under 1 MB whatever the text
# One unit of the classifier's score is a hundredth of a logit.
UNITS_PER_LOGIT: Final = 100
FORMAT: Final = 1

_Bytes = npt.NDArray[np.uint8]
_Indices = npt.NDArray[np.uint32]

# Odd constants spread the bits of a gram over the upper bits of a 32-bit product.
_SPREAD = (np.uint32(2654435761), np.uint32(2246822519), np.uint32(3266489917))
_FIFTH = np.uint32(668265263)
_SHIFT = np.uint32(32 - TABLE_BITS)
_EIGHT = np.uint32(8)


def _fold_table() -> bytes:
    table = bytearray(range(256))
    for byte in range(ord("A"), ord("Z") + 1):
        table[byte] = byte + 32
    for byte in range(ord("0"), ord("9") + 1):
        table[byte] = ord("0")  # which digit it is says nothing about intent
    for byte in range(0x20):
        table[byte] = 0x20
    return bytes(table)


_FOLD = _fold_table()


def fold(text: bytes) -> bytes:
    """Lower-case ASCII, one digit for all digits, one blank for every run of blanks or control bytes."""
    return b" " + b" ".join(text.translate(_FOLD).split()) + b" "


def gram_indices(folded: bytes) -> tuple[_Indices, _Indices, _Indices]:
    """Buckets of all 3-, 4- and 5-byte grams; `folded` must be at least 5 bytes long."""
    one = np.frombuffer(folded, dtype=np.uint8).astype(np.uint32)
    two = (one[:-1] << _EIGHT) | one[1:]
    three = (two[:-1] << _EIGHT) | one[2:]
    four = (three[:-1] << _EIGHT) | one[3:]
    five = four[:-1] * _FIFTH + one[4:]
    return (three * _SPREAD[0]) >> _SHIFT, (four * _SPREAD[1]) >> _SHIFT, (five * _SPREAD[2]) >> _SHIFT


def window_starts(length: int) -> range:
    """Where windows begin in a folded text of `length` bytes: the last one is filled up from the left."""
    if length <= WINDOW_BYTES:
        return range(0, 1)
    return range(0, length - WINDOW_BYTES + STRIDE_BYTES, STRIDE_BYTES)


class ModelMeta(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What goes with the weights. All integers; units are hundredths of a logit unless said."""

    format: int
    weights_sha256: str
    bias: int
    # score = sum * scale_num // (isqrt(grams * 10_000) * scale_den): undoes the quantisation of the weights
    scale_num: int
    scale_den: int
    classifier: int  # hundredths: what the n-gram score counts for in the total
    any: int  # what it adds that some rule fired
    more: int  # what each further rule adds
    rules: dict[str, int]  # what this rule adds beyond that, by name
    flag_at: int
    block_at: int
    block_classifier_at: int


def load_model() -> tuple[ModelMeta, npt.NDArray[np.int8]]:
    """The shipped model. Raises ValueError when the two files do not belong together: never score with a
    mix."""
    folder = resources.files("maso.scan").joinpath("data")
    meta = msgspec.json.decode(folder.joinpath("injection_model.json").read_bytes(), type=ModelMeta)
    raw = folder.joinpath("injection_weights.bin").read_bytes()
    if len(raw) != 1 << TABLE_BITS or sha256(raw).hexdigest() != meta.weights_sha256:
        raise ValueError("injection_weights.bin is not the file that injection_model.json describes")
    return meta, np.frombuffer(raw, dtype=np.int8)


class NgramClassifier:
    """Scores text with given weights. Pure: holds nothing but its tables."""

    def __init__(self, meta: ModelMeta, weights: npt.NDArray[np.int8]) -> None:
        self._weights = weights.astype(np.int16)
        self._bias = meta.bias
        self._num = meta.scale_num
        self._den = meta.scale_den
        # grams of a window is about three times its bytes; the root is taken over 10,000 times that, for
        # two digits
        self._full = self._divisor(WINDOW_BYTES)

    def _divisor(self, length: int) -> int:
        return isqrt(3 * length * 10_000) * self._den

    def score(self, text: bytes) -> int:
        """The worst window's score, in hundredths of a logit. Any bytes; time is linear in their number."""
        folded = fold(text)
        length = len(folded)
        if length < 8:  # nothing can be asked for in fewer than six letters
            return -10 * UNITS_PER_LOGIT
        if length <= WINDOW_BYTES:
            return int(self._positions(folded).sum()) * self._num // self._divisor(length) + self._bias
        best = self._best_window(folded[:CHUNK_BYTES])
        for start in range(CHUNK_BYTES - WINDOW_BYTES, length - WINDOW_BYTES, CHUNK_BYTES - WINDOW_BYTES):
            best = max(best, self._best_window(folded[start : start + CHUNK_BYTES]))
        return best * self._num // self._full + self._bias

    def _positions(self, folded: bytes) -> npt.NDArray[np.int32]:
        """For each byte, the sum of the weights of the three grams that begin there."""
        three, four, five = gram_indices(folded)
        weights = self._weights
        total = weights.take(three).astype(np.int32)
        total[:-1] += weights.take(four)
        total[:-2] += weights.take(five)
        return total

    def _best_window(self, folded: bytes) -> int:
        steps = np.add.reduceat(self._positions(folded), np.arange(0, len(folded) - 2, STRIDE_BYTES))
        per_window = WINDOW_BYTES // STRIDE_BYTES
        if len(steps) <= per_window:
            return int(steps.sum())
        running = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(steps, dtype=np.int64)))
        return int((running[per_window:] - running[:-per_window]).max())


def encode_meta(meta: ModelMeta) -> bytes:
    """The model's description as stable, readable JSON (used by the training tool)."""
    return (json.dumps(msgspec.to_builtins(meta), indent=1, sort_keys=True) + "\n").encode()
