"""The narrow function: bytes in, signals out, once per content.

Three stages. The first (`first.FirstPass`) sees every message and excludes what can hold nothing. The
middle undoes escapes and folds characters where there are any, looks again, and runs the detectors that
the patterns named. The full one decodes what looks encoded, spoken or disguised, two levels deep, and
looks at everything that comes out. What is found in the bytes themselves becomes spans; what is found
only in another view becomes `hidden`.

The result depends on the bytes alone, so the cache by digest changes no answer. A compiled module may
replace `Scanner` as long as `tests/scan` holds.

Limits: content over `MAX_CONTENT` bytes that the first pass cannot exclude is not looked at but answered
as if it held a hidden card number and a secret (doubt denies).
"""

from __future__ import annotations

import copy
import re
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, Protocol

from maso.scan.decode import pieces
from maso.scan.dlp import Detectors, Hit
from maso.scan.first import FirstPass, Reason, blank
from maso.scan.normalise import MIN_SPOKEN, fold, spoken, unescape, unmask
from maso.scan.signals import CLEAN, Kind, Signals, Span

MAX_CONTENT: Final = 65_536  # bytes: messages are about 1 KB, the longest documents 30 KB
MAX_DEPTH: Final = 3  # encodings inside encodings: two levels are promised, and compression counts as one
MAX_TEXTS: Final = 48  # decoded texts of one message that are looked at
CACHE_SIZE: Final = 65_536  # results; most are the shared `CLEAN`, so about 100 bytes each with the digest

TOO_LARGE: Final = Signals(
    kinds=Kind.PAN | Kind.SECRET, hidden=Kind.PAN | Kind.SECRET, stage=3, techniques=("too large",)
)

_INJECTION: Final = int(Reason.INJECTION)
_SPOKEN: Final = int(Reason.SPOKEN)
_LOOKALIKE: Final = int(Reason.LOOKALIKE)
_EVERY: Final = _INJECTION - 1
_WRITTEN_ODDLY: Final = int(Reason.ESCAPE | Reason.ODD)
_ENCODED: Final = int(Reason.BASE64 | Reason.HEX | Reason.BASE32 | Reason.PACKED | Reason.CODES)
_FULL: Final = _ENCODED | int(Reason.SPOKEN | Reason.LOOKALIKE)
_CARD_ONLY: Final = int(Reason.CARD | Reason.SPREAD)
_NUMBERS: Final = _CARD_ONLY | int(Reason.CVV | Reason.NATIONAL_ID | Reason.ID_WORD)
_CUT_ESCAPE: Final = re.compile(r"\\u[0-9a-fA-F]{0,3}$")
_BARE_QUOTE: Final = re.compile(r'(?<!\\)"')


class InjectionSignal(Protocol):
    """What an injection detector answers: marked, to be refused, a score of 0 to 1000, pattern names."""

    @property
    def flag(self) -> bool: ...
    @property
    def block(self) -> bool: ...
    @property
    def milli(self) -> int: ...
    @property
    def names(self) -> tuple[str, ...]: ...


class InjectionDetector(Protocol):
    """A detector of instructions in data, run on the normalised texts of a message."""

    def first(self, content: bytes) -> bool: ...
    def inspect(self, texts: Sequence[str]) -> InjectionSignal: ...


class _Look:
    """What one message has shown so far: hits by view, and the texts for the injection detector."""

    __slots__ = ("disguised", "plain", "texts")

    def __init__(self) -> None:
        self.plain: list[Hit] = []
        self.disguised: list[tuple[str, Hit]] = []
        self.texts: list[str] = []


class Scanner:
    """Scans content for cardholder data, personal data, secrets and injections. One per thread."""

    __slots__ = ("_cache", "_cache_size", "_detectors", "_first", "_injection")

    def __init__(self, injection: InjectionDetector | None = None, cache_size: int = CACHE_SIZE) -> None:
        self._injection = injection
        self._cache: OrderedDict[bytes, Signals] = OrderedDict()
        self._cache_size = cache_size
        self._first = FirstPass()
        self._detectors = Detectors()

    def fresh(self) -> Scanner:
        """Another scanner for this thread that has seen nothing: compiling its databases takes a second."""
        other = copy.copy(self)
        other._cache = OrderedDict()
        return other

    def scan(self, digest: bytes, content: bytes) -> Signals:
        """Signals of `content`; `digest` (SHA-256 of it, given by the caller) is the cache key."""
        known = self._cache.get(digest)
        if known is not None:
            return known
        reasons = self.first(content)
        signals = self._look(content, reasons, everything=False) if reasons else CLEAN
        if len(self._cache) >= self._cache_size:
            # The oldest; an ordinary dict would search for it past all that were deleted before.
            self._cache.popitem(last=False)
        self._cache[digest] = signals
        return signals

    def first(self, content: bytes) -> int:
        """Bits of `first.Reason`: why the bytes need more than the first pass. 0: nothing can be found."""
        reasons = self._first.reasons(content)
        if self._injection is not None and self._injection.first(content):
            reasons |= _INJECTION
        return reasons

    def full(self, content: bytes) -> Signals:
        """Everything, every time: no first pass, every detector on every view. The reference for tests."""
        return self._look(content, _EVERY | _INJECTION, everything=True)

    def _look(self, content: bytes, reasons: int, *, everything: bool) -> Signals:
        if len(content) > MAX_CONTENT:
            return TOO_LARGE
        look = _Look()
        raw = (blank(content) if b"\\" in content else content).decode("latin-1")
        look.plain = self._detectors.find(raw, reasons)
        seen = reasons
        if reasons & (_WRITTEN_ODDLY | _FULL | _INJECTION):
            written = content.decode("utf-8", "replace")
            text = unescape(written)
            if reasons & _WRITTEN_ODDLY:
                text = fold(text)
                again = self._reasons(text, everything)
                look.disguised += (("characters", hit) for hit in self._detectors.find(text, again))
                seen |= again
            elif reasons & _ENCODED and text != written:
                seen |= self._reasons(text, everything)  # an escaped slash inside base64
            if self._is_suspect(text, reasons):
                look.texts.append(text)
            if seen & _FULL:
                self._views(text, seen, look, 0, everything)
        return self._signals(raw, look, 3 if seen & _FULL else 2)

    def _reasons(self, text: str, everything: bool) -> int:
        return _EVERY if everything else self._first.reasons(text.encode("utf-8", "replace"))

    def _is_suspect(self, text: str, reasons: int) -> bool:
        if self._injection is None:
            return False
        return bool(reasons & _INJECTION) or self._injection.first(text.encode("utf-8", "replace"))

    def _views(self, text: str, reasons: int, look: _Look, depth: int, everything: bool) -> None:
        """Spoken digits, letters for digits, and encoded runs of one text."""
        find = self._detectors.find
        if reasons & _SPOKEN:
            said, words = spoken(text)
            if words:
                again = self._reasons(said, everything) & _NUMBERS
                found = find(said, again | _CARD_ONLY, sure=words >= MIN_SPOKEN)
                look.disguised += (("spelled out", hit) for hit in found)
        if reasons & _LOOKALIKE:
            plain = unmask(text)
            if plain is not None:
                look.disguised += (("letters for digits", hit) for hit in find(plain, _CARD_ONLY, near=True))
        if reasons & _ENCODED and depth < MAX_DEPTH:
            for technique, decoded in pieces(text, reasons):
                if len(look.texts) + depth >= MAX_TEXTS:
                    return
                self._decoded(technique, decoded, look, depth + 1, everything)

    def _decoded(self, technique: str, text: str, look: _Look, depth: int, everything: bool) -> None:
        text = fold(unescape(text))
        again = self._reasons(text, everything)
        found = self._detectors.find(text, again, sure=bool(again & _CARD_ONLY))
        look.disguised += ((technique, hit) for hit in found)
        if self._is_suspect(text, 0):
            look.texts.append(text)
        if again & _FULL:
            self._views(text, again, look, depth, everything)

    def _signals(self, raw: str, look: _Look, stage: int) -> Signals:
        spans: list[Span] = []
        techniques: set[str] = set()
        clear: dict[int, list[str]] = {}
        kinds = hidden = 0
        for hit in look.plain:
            kinds |= hit.kind
            if hit.how:
                techniques.add(hit.how)
            if _is_in_place(raw, hit):
                spans.append(Span(int(hit.kind), hit.start, hit.end))
                clear.setdefault(hit.kind, []).append(hit.value)
            else:
                hidden |= hit.kind
        for technique, hit in look.disguised:
            kinds |= hit.kind
            if not any(hit.value in value or value in hit.value for value in clear.get(hit.kind, ())):
                hidden |= hit.kind
                techniques.add(technique)
        milli = 0
        if look.texts and self._injection is not None:
            verdict = self._injection.inspect(look.texts)
            kinds |= (Kind.INJECTION_FLAG if verdict.flag else 0) | (
                Kind.INJECTION_BLOCK if verdict.block else 0
            )
            milli = verdict.milli
            techniques.update(verdict.names)
        if not kinds and not milli:
            return _NOTHING[stage]
        return Signals(
            kinds=int(kinds),
            spans=tuple(sorted(spans, key=lambda span: (span.start, span.end, span.kind))),
            hidden=int(hidden),
            injection_milli=milli,
            stage=stage,
            techniques=tuple(sorted(techniques)),
        )


_NOTHING: Final = {stage: Signals(stage=stage) for stage in (1, 2, 3)}


def _is_in_place(raw: str, hit: Hit) -> bool:
    """The bytes of a hit can be replaced: it neither begins inside an escape nor spans two JSON strings."""
    if _CUT_ESCAPE.search(raw, max(0, hit.start - 5), hit.start):
        return False
    inside = raw[hit.start : hit.end]
    return not ("\\u" in inside or _BARE_QUOTE.search(inside))
