"""The bytes: the documentation says what the code does, and a second reader made from it agrees."""

import struct
from hashlib import sha256
from pathlib import Path
from typing import Any, get_type_hints
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import VerifyKey

from evidence.logs import STATE, bodies_of, make
from maso.evidence import format as form
from maso.evidence.format import Layout, merkle_root, segment_name, segment_number

LAYOUTS = {
    "PREFIX": (form.PREFIX, form.Prefix),
    "HEADER": (form.HEADER, form.HeaderFields),
    "BLOCK": (form.BLOCK, form.BlockHead),
    "SEAL": (form.SEAL, form.SealFields),
}
TYPES = {"B": "u8", "H": "u16", "I": "u32", "Q": "u64", "q": "i64"}


def table(layout: Layout) -> str:
    lines = ["| offset | bytes | type | field | |", "|---|---|---|---|---|"]
    for field in layout.fields:
        size = struct.calcsize("<" + field.code)
        kind = TYPES.get(field.code, "bytes")
        lines.append(f"| {layout.offset(field.name)} | {size} | {kind} | `{field.name}` | {field.meaning} |")
    return "\n".join([*lines, f"| {layout.size} | | | | |"])


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_documented_layout_is_that_of_the_code(root: Path, name: str) -> None:
    text = (root / "docs" / "evidence-format.md").read_text(encoding="utf-8")
    expected = f"<!-- layout: {name} -->\n\n{table(LAYOUTS[name][0])}\n"
    assert expected in text, f"docs/evidence-format.md should have:\n\n{expected}"


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_fields_have_the_names_of_the_layout(name: str) -> None:
    layout, fields = LAYOUTS[name]
    assert [field.name for field in layout.fields] == list(get_type_hints(fields))


def test_the_documented_limits_are_those_of_the_code(root: Path) -> None:
    text = " ".join((root / "docs" / "evidence-format.md").read_text(encoding="utf-8").split())
    assert f"SHA-256 of its first {form.BLOCK_HEAD_BYTES} bytes" in text
    assert f"up to {form.MERKLE_ARITY} hashes" in text
    assert form.RECORD_BYTES_MAX == 1 << 20
    assert "A record has at most 1 MiB" in text


def second_root(leaves: list[bytes]) -> bytes:
    """The Merkle root as documented, written another way."""
    if not leaves:
        return bytes(32)
    nodes = [sha256(b"\x01" + b"".join(leaves[i : i + 16])).digest() for i in range(0, len(leaves), 16)]
    return nodes[0] if len(nodes) == 1 else second_root(nodes)


@given(count=st.integers(0, 600))
def test_the_merkle_root_is_the_documented_one(count: int) -> None:
    leaves = [sha256(b"%d" % i).digest() for i in range(count)]
    assert merkle_root(leaves) == second_root(leaves)


def test_a_reader_made_from_the_documentation_agrees() -> None:
    """Offsets are literal on purpose: this must break when the format changes."""
    made = make(40, run_id=b"run-1")
    stream = b"".join(made.storage.contents().values())
    prev, key, at = bytes(32), b"", 0
    records: list[Any] = []
    unsealed: list[Any] = []
    kinds: list[Any] = []
    for number in range(10**6):
        if at == len(stream):
            break
        (length,) = struct.unpack_from("<I", stream, at + 24)
        entry = stream[at : at + 64 + length]
        assert struct.unpack_from("<4sBBHQQ", entry) == (
            b"\x9d\x4d\x45\x76", entry[4], 1, 0, number, len(records)
        )  # fmt: skip
        assert entry[28:60] == prev
        assert crc32(entry[:60]) == int.from_bytes(entry[60:64], "little")
        kinds.append(entry[4])
        if entry[4] == 2:
            n, body_bytes = struct.unpack_from("<II", entry, 64)
            lengths = struct.unpack_from(f"<{n}I", entry, 108)
            crcs = struct.unpack_from(f"<{n}I", entry, 108 + 4 * n)
            ends = [108 + 8 * n + sum(lengths[: i + 1]) for i in range(n)]
            bodies = [entry[end - size : end] for end, size in zip(ends, lengths, strict=True)]
            assert sum(lengths) == body_bytes == len(entry) - 108 - 8 * n
            assert [crc32(body) for body in bodies] == list(crcs)
            assert entry[72:104] == second_root([sha256(body).digest() for body in bodies])
            records += bodies
            prev = sha256(entry[:108]).digest()
            unsealed.append(prev)
        else:
            if entry[4] == 1:
                key = entry[64 + 8 + 64 + 32 :][:32]
            else:
                assert struct.unpack_from("<I", entry, 72) == (len(unsealed),)
                assert entry[80:112] == second_root(unsealed)
                assert entry[120:152] == STATE
                unsealed = []
            VerifyKey(key).verify(b"maso evidence 1\x00\x05run-1" + entry[:-64], entry[-64:])
            prev = sha256(entry).digest()
        at += len(entry)
    assert records == bodies_of(40)
    assert prev == made.head
    assert (kinds[0], kinds[-1], set(kinds)) == (1, 4, {1, 2, 3, 4})


def test_the_format_has_not_changed() -> None:
    """A log that was written earlier must stay readable: a new format gets a new version number."""
    assert form.VERSION == 1
    assert make(25).head.hex() == "a093a35bdafd7b705c0649fdf958914426824b509508090cfcd033528d612e5d"


@pytest.mark.parametrize("name", ["segment-1.log", "segment-00000001.txt", "segment-+0000001.log", "x", ""])
def test_other_names_are_no_segments(name: str) -> None:
    assert segment_number(name) is None


def test_segment_names_give_their_numbers_back() -> None:
    for number in (0, 7, 99_999_999):
        assert segment_number(segment_name(number)) == number
