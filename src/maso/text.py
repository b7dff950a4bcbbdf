"""Free text that looks like the real thing, different every time, for about 4 µs a text.

A kind of text has *shapes* (one per language, as a rule); a shape is a row of *slots*; each slot offers
sentences, and a sentence may have words to fill in. Everything is compiled into tables of exactly 256
entries, so one text costs one bulk draw of random bytes, one table look-up per byte used, and one join.
Freshness is combinatorial: tests measure that tens of thousands of texts hold no two equal.

The text contains no quotation mark, backslash or control character, so it goes into JSON as it is. It
holds no card number and no secret; e-mail addresses and telephone numbers only in the kind `contact`.
Not attempted: meaning across sentences, and grammatical agreement in every combination.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

from maso.fleet.operations import TEXTS
from maso.phrases import desk, shop
from maso.phrases.words import LISTS, PATTERNS, RULED

Bits = Callable[[int], int]
Writer = Callable[[Bits], str]
Part = str | tuple[str, ...]
Slot = tuple[tuple[Part, ...], ...]

TABLE: Final = 256
# The longest shape uses about 110 look-ups; `_check` refuses one that could run out.
POOL_BYTES: Final = 160
POOL_BITS: Final = POOL_BYTES * 8

_HOLE = re.compile(r"\{([a-z0-9]+)\}")
# JSON needs these escaped; the writers promise not to use them.
_FORBIDDEN = re.compile(r'["\\\x00-\x1f]')


def spread(items: Sequence[str]) -> tuple[str, ...]:
    """`items` repeated to 256 entries, so that one random byte picks one."""
    return tuple(items[i * len(items) // TABLE] for i in range(TABLE))


@cache
def words(name: str) -> tuple[str, ...]:
    """The 256-entry table of a word list; KeyError for a name that is none."""
    if name in RULED:
        return spread(RULED[name])
    return spread(tuple(LISTS[name].split("|")))


def parse(sentence: str) -> tuple[Part, ...]:
    """A sentence as constant strings and word tables, patterns expanded."""
    while any(name in PATTERNS for name in _HOLE.findall(sentence)):
        sentence = _HOLE.sub(lambda m: PATTERNS.get(m[1], m[0]), sentence)
    if _FORBIDDEN.search(sentence):
        raise ValueError(f"a sentence holds a character that JSON must escape: {sentence!r}")
    parts: list[Part] = []
    for i, piece in enumerate(_HOLE.split(sentence)):
        if i % 2:
            parts.append(words(piece))
        elif piece:
            parts.append(piece)
    return tuple(parts)


def _slot(lines: Sequence[str], first: bool) -> Slot:
    """One slot from its lines; a line `-` is an empty sentence (the slot may stay out)."""
    made = [() if line == "-" else parse(line if first else " " + line) for line in lines]
    return tuple(made[i * len(made) // TABLE] for i in range(TABLE))


def _check(slots: Sequence[Slot]) -> None:
    used = len(slots) + 1
    used += sum(max(sum(not isinstance(p, str) for p in variant) for variant in slot) for slot in slots)
    if used > POOL_BYTES:
        raise ValueError(f"a shape may use {used} random bytes; the pool has {POOL_BYTES}")


def compile_shape(text: str, *, long: bool = False) -> tuple[Slot, ...]:
    """A shape: slots separated by blank lines, one sentence a line.

    The long form draws two sentences from each inner slot, one from either half, so none comes twice.
    """
    blocks = [block.strip().splitlines() for block in re.split(r"\n[ \t]*\n", text.strip("\n"))]
    slots = []
    for i, lines in enumerate(blocks):
        if long and 0 < i < len(blocks) - 1:
            slots += [_slot(lines[::2], False), _slot(lines[1::2], False)]
        else:
            slots.append(_slot(lines, i == 0))
    _check(slots)
    return tuple(slots)


def _writer(shapes: Sequence[tuple[Slot, ...]]) -> Writer:
    table = tuple(shapes[i * len(shapes) // TABLE] for i in range(TABLE))

    def write(bits: Bits) -> str:
        pool = iter(bits(POOL_BITS).to_bytes(POOL_BYTES, "little"))
        draw = pool.__next__
        out: list[str] = []
        for slot in table[draw()]:
            for part in slot[draw()]:
                out.append(part if part.__class__ is str else part[draw()])
        return "".join(out)

    return write


@cache
def writer(kind: str) -> Writer:
    """The writer of one kind of text; ValueError with the legal names for an unknown one."""
    shapes = shop.SHAPES.get(kind) or desk.SHAPES.get(kind)
    if shapes is None:
        raise ValueError(f"there is no text kind `{kind}`; legal: {', '.join(TEXTS)}")
    return _writer([compile_shape(text, long=long) for text in shapes for long in (False, True)])
