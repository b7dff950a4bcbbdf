"""Whatever is done to a finished log is found, and named."""

import random
import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.logs import SEED, STATE, Made, holding, is_seal, make, places_of, writer
from maso.evidence.checkpoint import public_key_of, settings_of
from maso.evidence.faults import FaultyStorage
from maso.evidence.format import (
    BLOCK_HEAD_BYTES,
    HEADER,
    INDEX_BYTES,
    PREFIX,
    SEAL_BYTES,
    EvidenceError,
    HeaderFields,
    Kind,
    block_entry_bytes,
    segment_name,
)
from maso.evidence.log import LogWriter, Sealed
from maso.evidence.read import read_storage
from maso.evidence.scan import find_entry
from maso.evidence.verify import FAILURES_MAX, Failure, verify_storage


def flipped(made: Made, name: str, at: int, mask: int) -> dict[str, bytes]:
    files = made.storage.contents()
    data = bytearray(files[name])
    data[at] ^= mask
    files[name] = bytes(data)
    return files


def owner(sealed: Sealed, first: int, at: int) -> int | None:
    """The record that owns byte `at` of a block, worked out from the layout alone; None: the block's head."""
    count = sealed.records - first
    lengths = struct.unpack_from(f"<{count}I", sealed.data, BLOCK_HEAD_BYTES)
    if at < BLOCK_HEAD_BYTES:
        return None
    column = (at - BLOCK_HEAD_BYTES) // 4
    if column < 2 * count:
        return first + column % count
    body_at = BLOCK_HEAD_BYTES + INDEX_BYTES * count
    for record, length in enumerate(lengths, start=first):
        body_at += length
        if at < body_at:
            return record
    raise AssertionError("the byte is behind the block")


def every_byte(made: Made) -> Iterator[tuple[str, int, int, int, Sealed, int]]:
    """File, byte in file, byte in entry, entry's number, entry, records before it: for every byte."""
    first = 0
    for number, (name, offset, sealed) in enumerate(made.places):
        for at in range(len(sealed.data)):
            yield name, offset + at, at, number, sealed, first
        first = sealed.records


def assert_named(failure: Failure, at: int, number: int, sealed: Sealed, first: int, sealed_to: int) -> None:
    record = owner(sealed, first, at) if sealed.kind is Kind.BLOCK else None
    assert failure.entry == number
    if record is not None:
        assert failure.record == record
    elif sealed.kind is Kind.BLOCK:
        assert failure.records == (first, sealed.records - 1)
    elif is_seal(sealed) and at >= PREFIX.size:
        assert failure.records == ((sealed_to, first - 1) if first > sealed_to else None)
    else:
        assert failure.record is None
        assert f"record {first}" in failure.what or "header" in failure.what


def test_every_single_byte_flipped_is_found_and_named() -> None:
    made = make(14, blocks_per_checkpoint=3)
    kinds = set()
    sealed_to, current = 0, 0
    for name, place, at, number, sealed, first in every_byte(made):
        if number != current:
            current = number
            if is_seal(made.places[number - 1][2]):
                sealed_to = first
        for bit in range(8):
            result = verify_storage(holding(flipped(made, name, place, 1 << bit)))
            assert not result.ok, (name, place, bit)
            assert result.state in ("broken", "torn")
            assert_named(result.failures[0], at, number, sealed, first, sealed_to)
        kinds.add(sealed.kind)
    assert kinds == {Kind.HEADER, Kind.BLOCK, Kind.CHECKPOINT, Kind.CLOSE}


@pytest.mark.parametrize("mask", [1, 128, 255])
def test_a_flipped_byte_in_a_larger_log_is_found_and_named(mask: int) -> None:
    made = make(1500, block_bytes=2000, blocks_per_checkpoint=4, segment_bytes=20_000)
    places = [place for place in every_byte(made) if place[4].kind is Kind.BLOCK]
    for name, place, at, number, sealed, first in random.Random(mask).sample(places, 60):
        result = verify_storage(holding(flipped(made, name, place, mask)))
        assert not result.ok
        assert_named(result.failures[0], at, number, sealed, first, 0)
        assert len(result.failures) <= 2


def test_a_damaged_record_is_never_read() -> None:
    made = make(14)
    for name, place, _at, _, sealed, first in every_byte(made):
        if sealed.kind is not Kind.BLOCK:
            continue
        got: list[bytes] = []
        try:
            for _, body in read_storage(holding(flipped(made, name, place, 4))):
                got.append(body)
        except EvidenceError:
            pass
        assert len(got) >= first
        assert got == made.bodies[: len(got)]


def test_every_truncation_is_found() -> None:
    made = make(14)
    files = made.storage.contents()
    names = sorted(files)
    for i, name in enumerate(names):
        for size in range(len(files[name])):
            kept = {n: files[n] for n in names[:i]} | {name: files[name][:size]}
            tail_cut = verify_storage(holding(kept))
            assert not tail_cut.ok
            assert tail_cut.failures[-1].what
            middle_cut = verify_storage(holding(files | {name: files[name][:size]}))
            assert not middle_cut.ok


def test_a_log_cut_at_an_entry_is_not_closed_and_a_known_head_shows_the_rollback() -> None:
    made = make(14)
    files: dict[str, bytes] = {}
    for name, _, sealed in made.places[:-1]:
        files[name] = files.get(name, b"") + sealed.data
        cut = verify_storage(holding(files))
        assert (cut.ok, cut.state) == (False, "open")
        assert "the log is not closed" in cut.failures[0].what
        assert verify_storage(holding(files), allow_open=True).ok
        known = verify_storage(holding(files), allow_open=True, head=made.head)
        assert (known.ok, known.state) == (False, "broken")
        assert "rolled back" in known.failures[0].what


def test_a_log_that_grew_since_still_holds_the_known_head() -> None:
    log = writer()
    log.append(b"x" * 100)
    earlier = log.seal(1, STATE)
    log.append(b"y" * 100)
    log.close(2, STATE)
    files: dict[str, bytes] = {}
    for name, _, sealed in places_of(log.take_sealed()):
        files[name] = files.get(name, b"") + sealed.data
    result = verify_storage(holding(files), head=earlier)
    assert (result.ok, result.head_seen_at_record) == (True, 1)


def test_a_torn_tail_is_told_from_damage() -> None:
    made = make(14, close=False)
    files = made.storage.contents()
    last = sorted(files)[-1]
    result = verify_storage(holding(files | {last: files[last][:-3]}), allow_open=True)
    assert (result.ok, result.state) == (False, "torn")


def restructured(made: Made, order: list[Sealed]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for name, _, sealed in places_of(order):
        files[name] = files.get(name, b"") + sealed.data
    return files


@given(data=st.data())
def test_entries_removed_doubled_or_swapped_are_found(data: st.DataObject) -> None:
    made = make(20)
    order = [sealed for _, _, sealed in made.places]
    i = data.draw(st.integers(1, len(order) - 1))
    j = data.draw(st.integers(1, len(order) - 1).filter(lambda j: order[j] != order[i]))
    what = data.draw(st.sampled_from(["remove", "double", "swap", "overwrite"]))
    if what == "remove":
        del order[i]
    elif what == "double":
        order.insert(j, order[i])
    elif what == "swap":
        order[i], order[j] = order[j], order[i]
    else:
        order[i] = order[j]
    assert not verify_storage(holding(restructured(made, order))).ok


@given(data=st.data())
def test_segments_removed_doubled_or_swapped_are_found(data: st.DataObject) -> None:
    made = make(40)
    files = made.storage.contents()
    names = sorted(files)
    a = data.draw(st.sampled_from(names))
    b = data.draw(st.sampled_from([name for name in names if name != a]))
    what = data.draw(st.sampled_from(["remove", "overwrite", "swap", "empty", "add"]))
    if what == "remove":
        del files[a]
    elif what == "overwrite":
        files[a] = files[b]
    elif what == "swap":
        files[a], files[b] = files[b], files[a]
    elif what == "empty":
        files[a] = b""
    else:
        files[f"segment-{len(names):08d}.log"] = files[a]
    assert not verify_storage(holding(files)).ok


def test_a_missing_middle_segment_is_named() -> None:
    made = make(40)
    files = made.storage.contents()
    del files["segment-00000001.log"]
    result = verify_storage(holding(files))
    assert result.failures[0].what.startswith(
        "`segment-00000001.log` is missing, with the records from record "
    )


def block_with(entry: Sealed, lengths_and_bodies: list[bytes], root: bytes | None = None) -> Sealed:
    """The block again, with other bodies and all checksums made right."""
    count = len(lengths_and_bodies)
    head = bytearray(entry.data[:BLOCK_HEAD_BYTES])
    body_bytes = sum(map(len, lengths_and_bodies))
    head[24:28] = (block_entry_bytes(count, body_bytes) - PREFIX.size).to_bytes(4, "little")
    head[60:64] = crc32(head[:60]).to_bytes(4, "little")
    head[64:68] = count.to_bytes(4, "little")
    head[68:72] = body_bytes.to_bytes(4, "little")
    if root is not None:
        head[72:104] = root
    head[104:108] = crc32(head[:104]).to_bytes(4, "little")
    index = b"".join(len(body).to_bytes(4, "little") for body in lengths_and_bodies)
    index += b"".join(crc32(body).to_bytes(4, "little") for body in lengths_and_bodies)
    return entry._replace(data=bytes(head) + index + b"".join(lengths_and_bodies))


def bodies_in(made: Made, number: int) -> list[bytes]:
    first = made.places[number - 1][2].records
    return made.bodies[first : made.places[number][2].records]


@pytest.mark.parametrize("what", ["remove", "double", "swap", "edit", "resplit"])
def test_records_changed_with_all_checksums_made_right_are_found(what: str) -> None:
    made = make(30)
    order = [sealed for _, _, sealed in made.places]
    blocks = [
        i for i, sealed in enumerate(order) if sealed.kind is Kind.BLOCK and len(bodies_in(made, i)) > 2
    ]
    for i in blocks:
        bodies = bodies_in(made, i)
        assert block_with(order[i], bodies).data == order[i].data
        first = order[i - 1].records
        edited = {
            "remove": bodies[1:],
            "double": [bodies[0], *bodies],
            "swap": [bodies[1], bodies[0], *bodies[2:]],
            "edit": [bodies[0] + b"!", *bodies[1:]],
            "resplit": [bodies[0] + bodies[1][:1], bodies[1][1:], *bodies[2:]],
        }[what]
        if edited == bodies:
            continue
        forged = [*order[:i], block_with(order[i], edited), *order[i + 1 :]]
        result = verify_storage(holding(restructured(made, forged)))
        assert not result.ok
        assert result.failures[0].records == (first, first + len(edited) - 1)


def test_a_whole_block_rewritten_with_its_root_breaks_the_chain_behind_it() -> None:
    made = make(30)
    log = writer()
    changed = [b"other", *made.bodies[1:]]
    for body in changed:
        log.append(body)
    first_block = log.take_sealed()[1]
    order = [sealed for _, _, sealed in made.places]
    assert len(first_block.data) != len(order[1].data) or first_block.data != order[1].data
    order[1] = first_block
    result = verify_storage(holding(restructured(made, order)))
    assert not result.ok
    assert result.failures[0].entry == 2


def test_a_log_signed_again_with_another_key_needs_the_expected_key_or_head() -> None:
    honest = make(10)
    other = LogWriter(b"run-1", b"o" * 32, fleet_sha256=b"f" * 32)
    other.append(b"invented")
    other.close(1, STATE)
    forged = holding(restructured(honest, other.take_sealed()))
    assert verify_storage(forged).ok  # the limit: consistent in itself
    by_key = verify_storage(forged, public_key=public_key_of(SEED))
    assert "someone else signed this log" in by_key.failures[0].what
    assert not verify_storage(forged, head=honest.head).ok
    assert verify_storage(honest.storage, public_key=public_key_of(SEED), head=honest.head).ok


def misled(how: str) -> FaultyStorage:
    """A log whose writer had the key and broke a rule; everything else about it is right."""
    log = writer(segment_bytes=600)
    for _ in range(4):
        log.append(b"x" * 100)
    if how == "other fleet":
        log._settings = replace(log.settings, fleet_sha256=b"g" * 32)
    if how == "blocks left out":
        log._tail.unsealed = log._tail.unsealed[1:]
    if how == "blocks miscounted":
        log._tail.blocks += 1
    if how == "records miscounted":
        log._tail.records += 1
    if how == "entries miscounted":
        log._tail.number += 1
    if how == "segments miscounted":
        log._tail.segment += 1
    if how == "goes on":
        log.close(1, STATE)
        log._closed = log._refuses = False
    log.append(b"y" * 100)
    log.close(2, STATE)
    files: dict[str, bytes] = {}
    for name, _, entry in places_of(log.take_sealed()):
        files[name] = files.get(name, b"") + entry.data
    return holding({segment_name(i): files[name] for i, name in enumerate(sorted(files))})


@pytest.mark.parametrize(
    ("how", "what"),
    [
        ("other fleet", "it does not state the same run, key and settings as the first header"),
        ("blocks left out", "it was not made from the blocks since the seal before it"),
        ("blocks miscounted", "it was not made from the blocks since the seal before it"),
        ("records miscounted", "it is entry 8 at record 5, expected was entry 8 at record 4"),
        ("entries miscounted", "it is entry 9 at record 4, expected was entry 8 at record 4"),
        ("segments miscounted", "it belongs to segment 5"),
        ("goes on", "it stands after the close of the log"),
    ],
)
def test_what_only_the_holder_of_the_key_could_do_wrong_is_found(how: str, what: str) -> None:
    assert what in verify_storage(misled(how)).failures[0].what


def test_a_key_swapped_in_the_headers_alone_is_found() -> None:
    mine, theirs = make(10), LogWriter(b"run-1", b"o" * 32, fleet_sha256=b"f" * 32)
    header = theirs.take_sealed()[0]
    order = [sealed for _, _, sealed in mine.places]
    result = verify_storage(holding(restructured(mine, [header, *order[1:]])))
    assert not result.ok


def test_a_seal_of_another_run_under_the_same_key_is_refused() -> None:
    mine, other = make(10), make(10, run_id=b"run-2")
    for i, (_, _, sealed) in enumerate(mine.places):
        if not is_seal(sealed):
            continue
        order = [entry for _, _, entry in mine.places]
        order[i] = other.places[i][2]
        assert not verify_storage(holding(restructured(mine, order))).ok


@pytest.mark.parametrize("window", range(4, 90))
def test_the_next_entry_is_found_wherever_it_starts(window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maso.evidence.scan.SEARCH_BYTES", window)
    made = make(5)
    name, offset, sealed = made.places[1]
    found = find_entry(made.storage, name, 1, 1)
    assert found is not None
    assert (found[0], found[1].data) == (offset, sealed.data)


def test_a_header_with_another_key_id_is_refused() -> None:
    header = make(1).places[0][2]
    fields = HeaderFields._make(HEADER.struct.unpack_from(header.data, PREFIX.size))
    assert settings_of(fields._replace(key_id=b"12345678")) == "the key id is not that of the public key"


def test_files_that_do_not_belong_are_named() -> None:
    made = make(5)
    result = verify_storage(holding(made.storage.contents() | {"notes.txt": b"x"}))
    assert result.failures[0].what == "`notes.txt` does not belong to the evidence"


def test_bytes_behind_the_close_are_found() -> None:
    made = make(5)
    files = made.storage.contents()
    last = sorted(files)[-1]
    for extra in (b"\x00", files[last][-SEAL_BYTES:], b"x" * 500):
        assert not verify_storage(holding(files | {last: files[last] + extra})).ok


def test_several_damages_are_all_named() -> None:
    made = make(60)
    files = made.storage.contents()
    wanted: list[Any] = []
    first = 0
    for name, offset, sealed in made.places:
        if sealed.kind is Kind.BLOCK and len(wanted) < 5:
            data = bytearray(files[name])
            data[offset + BLOCK_HEAD_BYTES + 4 * (sealed.records - first)] ^= 1
            files[name] = bytes(data)
            wanted.append(first)
        first = sealed.records
    result = verify_storage(holding(files))
    assert [failure.record for failure in result.failures] == wanted


def test_failures_are_listed_up_to_a_limit_and_counted_beyond() -> None:
    log = LogWriter(b"r", SEED, fleet_sha256=b"f" * 32)
    for _ in range(FAILURES_MAX + 50):
        log.append(b"x")
    log.close(1, STATE)
    files: dict[str, bytes] = {}
    for name, _, sealed in places_of(log.take_sealed()):
        data = sealed.data
        if sealed.kind is Kind.BLOCK:
            data = data[: -(FAILURES_MAX + 50)] + b"y" * (FAILURES_MAX + 50)
        files[name] = files.get(name, b"") + data
    result = verify_storage(holding(files))
    assert (len(result.failures), result.failures_not_listed) == (FAILURES_MAX, 50)


@given(noise=st.binary(max_size=400), at=st.integers(0, 5000), cut=st.integers(0, 600))
def test_no_noise_makes_verify_or_read_fail_otherwise_than_it_should(noise: bytes, at: int, cut: int) -> None:
    files = make(20).storage.contents()
    name = sorted(files)[at % len(files)]
    data = files[name]
    place = at % len(data)
    replaced = data[:place] + noise + data[place + cut :]
    result = verify_storage(holding(files | {name: replaced}))
    assert result.ok == (replaced == data)
    try:
        list(read_storage(holding(files | {name: replaced})))
    except EvidenceError:
        pass


@given(noise=st.binary(min_size=1, max_size=2000))
def test_a_file_of_noise_alone_is_refused(noise: bytes) -> None:
    assert not verify_storage(holding({"segment-00000000.log": noise}), allow_open=True).ok


def test_nothing_to_verify_is_an_error_of_its_own() -> None:
    with pytest.raises(EvidenceError, match="there is no evidence to verify"):
        verify_storage(holding({}))


def test_verifying_writes_nothing() -> None:
    storage = make(20).storage
    storage.arm(0)  # the next operation that changes or syncs anything raises
    verify_storage(storage)
    list(read_storage(storage))
