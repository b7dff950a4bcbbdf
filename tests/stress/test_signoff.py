"""The sign-off without the command line: items, records, the chain, files and keys, each of them attacked."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from maso.signoff import keys, read_signatures, record
from maso.signoff.chain import Held, file_name, judge, number_of
from maso.signoff.files import SIGNATURES_DIR, place, read_chain, read_plain
from maso.signoff.items import Item, by_name, items_of, names_of
from maso.signoff.record import Accepted, SignOff, SignOffError, build, digest_of, encode, typed
from tests.stress.sample import ITEMS, dimension, sample, stress_directory

ADA, GRACE = b"a" * 32, b"g" * 32
FINDINGS = digest_of(b"findings")
OTHER = digest_of(b"other findings")
CHEAP = keys.Cost(passes=3, memory_bytes=8192)  # libsodium's least


def signed(number: int, previous: str, seed: bytes = ADA, findings: str = FINDINGS) -> SignOff:
    items = items_of(sample())
    return build(
        maso_version="0.1.0",
        number=number,
        name="Ada Lovelace" if seed == ADA else "Grace Hopper",
        role="risk-owner",
        signed_at="2026-11-22T08:00:00Z",
        fleet="fleet-100",
        findings_sha256=findings,
        items=items,
        accepted=[
            Accepted(kind="breakpoint", id="delegation/rules", condition="by März", expires="2027-01-31")
        ],
        previous=previous,
        seed=seed,
    )


def chained(*what: tuple[bytes, str]) -> list[bytes]:
    """The files of sign-offs (key, findings), one after the other."""
    files: list[bytes] = []
    for seed, findings in what:
        previous = digest_of(files[-1]) if files else record.NO_RECORD
        files.append(encode(signed(len(files) + 1, previous, seed, findings)))
    return files


def held(files: Sequence[bytes]) -> list[Held]:
    return [Held(file_name(n), data) for n, data in enumerate(files, 1)]


THREE = chained((ADA, FINDINGS), (GRACE, FINDINGS), (ADA, FINDINGS))


# --- items -------------------------------------------------------------------------------------------------


def test_what_breaks_is_undecided_missing_or_unstopped_can_be_accepted_and_nothing_else() -> None:
    items = items_of(sample())
    assert tuple(item.id for item in items) == ITEMS == names_of(items)
    text = {item.id: item.text for item in items}
    assert "breaks at 23.4 to 25 agents, below the target of 100" in text["delegation/rules"]
    assert "as recommended: breaks at 400 to 440 agents" in text["delegation/rules"]
    assert "extrapolated, 2 times the largest run" in text["delegation/audit"]
    assert "could not be resolved" in text["delegation/noisy"]
    assert "`governance.audit_rules_per_hour` is not filled in" in text["F2.4"]
    assert text["launder"] == "a > b > payment: succeeded when it was tried"
    assert text["clusters"] == "delegate by cluster; why: pairs grow; cost: 3 weeks"
    assert {item.id: item.who for item in items}["clusters"] == "the CISO"


def test_what_is_over_its_budget_wherever_it_was_run_is_an_item() -> None:
    found = sample()
    worse = msgspec.structs.replace(
        dimension(), quantities=(msgspec.structs.replace(dimension().quantities[4], reaches_target=False),)
    )
    items = items_of(msgspec.structs.replace(found, dimensions=(worse,)))
    assert items[0].id == "delegation/unbudgeted"


def test_an_id_that_two_kinds_share_is_named_with_its_kind() -> None:
    items = (Item("decision", "x", "a"), Item("attack", "x", "b"), Item("missing", "y", "c"))
    assert names_of(items) == ("decision:x", "attack:x", "y")
    names = by_name(items)
    assert names["attack:x"].text == "b"
    assert names["missing:y"].text == names["y"].text == "c"
    assert "x" not in names


def test_an_id_that_comes_twice_is_one_item_that_says_both() -> None:
    found = sample()
    (decision,) = found.decisions
    twice = (decision, msgspec.structs.replace(decision, what="something else"))
    items = items_of(msgspec.structs.replace(found, decisions=twice))
    (item,) = [item for item in items if item.kind == "decision"]
    assert "delegate by cluster" in item.text
    assert "something else" in item.text


# --- the record --------------------------------------------------------------------------------------------


def test_three_sign_offs_hold() -> None:
    chain = judge(held(THREE), FINDINGS)
    assert chain.intact
    assert chain.holds
    assert [entry.valid for entry in chain.entries] == [True] * 3
    assert chain.head == digest_of(THREE[2])
    first = chain.entries[0].record
    assert first is not None
    assert {one.id for one in first.accepted} | {one.id for one in first.not_accepted} == set(ITEMS)


@given(data=st.data())
def test_a_changed_byte_anywhere_is_found(data: st.DataObject) -> None:
    which = data.draw(st.integers(0, 2))
    changed = bytearray(THREE[which])
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    files = [*THREE[:which], bytes(changed), *THREE[which + 1 :]]
    chain = judge(held(files), FINDINGS)
    assert not chain.intact
    assert [bool(entry.broken) for entry in chain.entries] == [which <= n <= which + 1 for n in range(3)]


@given(cut=st.integers(0, len(THREE[0]) - 1), more=st.binary(max_size=3))
def test_a_cut_or_lengthened_record_is_none(cut: int, more: bytes) -> None:
    assert not judge([Held("1.json", THREE[0][:cut] + more)], FINDINGS).intact
    if more:
        assert not judge([Held("1.json", THREE[0] + more)], FINDINGS).intact


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_judged_and_never_raise(data: bytes) -> None:
    assert not judge([Held("1.json", data)], FINDINGS).intact
    with pytest.raises(SignOffError):
        record.parse(b"[" * 50_000 + data)


def _resigned(change: Callable[[SignOff], SignOff], seed: bytes = ADA) -> bytes:
    """A record that its key holder really signed after changing what `build` would never write."""
    draft = change(msgspec.structs.replace(signed(1, record.NO_RECORD, seed), signature="0" * 128))
    signature = SigningKey(seed).sign(b"maso sign-off 1\x00" + encode(draft)).signature.hex()
    return encode(msgspec.structs.replace(draft, signature=signature))


def test_the_same_meaning_in_other_bytes_is_no_record() -> None:
    document = json.loads(THREE[0])
    assert record.parse(_resigned(lambda r: r)) is not None
    others = [
        json.dumps(document).encode(),
        json.dumps(document, indent=2).encode(),  # escapes the umlaut
        THREE[0].replace(b'"number": 1', b'"number": 1,\n  "number": 1'),
        THREE[0].replace(b'"role"', b'"more": 1,\n  "role"'),
        THREE[0].rstrip(),
    ]
    for other in others:
        with pytest.raises(SignOffError):
            record.parse(other)


def test_a_signature_for_another_purpose_says_nothing_here() -> None:
    draft = msgspec.structs.replace(signed(1, record.NO_RECORD), signature="0" * 128)
    signature = SigningKey(ADA).sign(encode(draft)).signature.hex()
    data = encode(msgspec.structs.replace(draft, signature=signature))
    assert "signature does not hold" in judge([Held("1.json", data)], FINDINGS).entries[0].broken


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda r: msgspec.structs.replace(r, fingerprint="0" * 64), "fingerprint"),
        (
            lambda r: msgspec.structs.replace(r, public_key=SigningKey(GRACE).verify_key.encode().hex()),
            "fingerpr",
        ),
        (lambda r: msgspec.structs.replace(r, signed_at="2026-13-01T00:00:00Z"), "date"),
        (
            lambda r: msgspec.structs.replace(
                r, accepted=(msgspec.structs.replace(r.accepted[0], expires="2026-02-30"),)
            ),
            "date",
        ),
        (lambda r: msgspec.structs.replace(r, accepted=r.accepted * 2), "twice"),
        (lambda r: msgspec.structs.replace(r, number=2), "exchanged"),
        (lambda r: msgspec.structs.replace(r, previous="1" * 64), "does not follow"),
    ],
)
def test_a_signed_record_that_makes_no_sense_is_broken(
    change: Callable[[SignOff], SignOff], says: str
) -> None:
    (entry,) = judge([Held("1.json", _resigned(change))], FINDINGS).entries
    assert says in entry.broken
    assert not entry.valid


def test_a_key_of_small_order_signs_nothing() -> None:
    """The identity point verifies anything in careless implementations."""
    public = (b"\x01" + bytes(31)).hex()
    draft = msgspec.structs.replace(
        signed(1, record.NO_RECORD),
        public_key=public,
        fingerprint=record.fingerprint_of(bytes.fromhex(public)),
        signature=(b"\x01" + bytes(63)).hex(),
    )
    assert judge([Held("1.json", encode(draft))], FINDINGS).entries[0].broken


# --- the chain ---------------------------------------------------------------------------------------------


def test_exchanged_files_are_found() -> None:
    chain = judge(held([THREE[1], THREE[0], THREE[2]]), FINDINGS)
    assert [bool(entry.broken) for entry in chain.entries] == [True, True, True]
    assert "exchanged" in chain.entries[0].broken


@pytest.mark.parametrize("gone", [1, 2])
def test_a_removed_sign_off_is_found(gone: int) -> None:
    chain = judge([one for one in held(THREE) if one.name != file_name(gone)], FINDINGS)
    assert "removed" in chain.entries[gone - 1].broken
    assert chain.entries[gone].broken
    assert not chain.intact


def test_a_removed_last_sign_off_shows_in_the_head_alone() -> None:
    chain = judge(held(THREE[:2]), FINDINGS)
    assert chain.intact
    assert chain.head != digest_of(THREE[2])


def test_a_record_replaced_by_one_of_another_key_breaks_the_next() -> None:
    forged = encode(signed(1, record.NO_RECORD, GRACE))
    chain = judge(held([forged, *THREE[1:]]), FINDINGS)
    assert not chain.entries[0].broken  # by itself it is a sign-off
    assert "does not follow" in chain.entries[1].broken


def test_changed_findings_make_every_sign_off_of_them_void() -> None:
    chain = judge(held(THREE), OTHER)
    assert chain.intact
    assert not chain.holds
    assert all("findings.json was changed" in entry.why for entry in chain.entries)


def test_whoever_signs_again_has_signed_and_nobody_else() -> None:
    files = chained((ADA, OTHER), (GRACE, OTHER), (ADA, FINDINGS))
    chain = judge(held(files), FINDINGS)
    assert [entry.superseded_by for entry in chain.entries] == [3, 0, 0]
    assert [entry.valid for entry in chain.entries] == [False, False, True]
    assert not chain.holds  # Grace has not
    assert judge(held(chained((ADA, OTHER), (ADA, FINDINGS))), FINDINGS).holds


def test_file_names() -> None:
    assert [number_of(n) for n in ("1.json", "256.json")] == [1, 256]
    bad = (
        "0.json",
        "01.json",
        "257.json",
        "1",
        "1.JSON",
        "+1.json",
        "\u0661.json",
        "a.part",
        "9" * 5000 + ".json",
    )
    assert [number_of(n) for n in bad] == [None] * len(bad)


# --- files -------------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A stress run signed twice."""
    path = stress_directory(tmp_path / "out")
    sha256 = digest_of((path / "findings.json").read_bytes())
    for n, data in enumerate(chained((ADA, sha256), (GRACE, sha256)), 1):
        assert place(path, n, data, f"t{n}")
    return path


def test_signatures_are_plain_data_for_a_report(run: Path) -> None:
    first, second = read_signatures(run)
    assert json.loads(json.dumps(first)) == first
    assert first["name"] == "Ada Lovelace"
    assert first["role"] == "risk-owner"
    assert first["signed_at"] == "2026-11-22T08:00:00Z"
    assert first["accepted"] == [
        {"kind": "breakpoint", "id": "delegation/rules", "condition": "by März", "expires": "2027-01-31"}
    ]
    assert (first["valid"], first["why"]) == (True, "")
    assert first["fingerprint"] != second["fingerprint"]
    (run / "findings.json").write_bytes((run / "findings.json").read_bytes() + b" ")
    assert [one["valid"] for one in read_signatures(run)] == [False, False]
    assert read_signatures(run)[0]["why"].startswith("findings.json was changed")


def test_no_signatures_and_no_findings(tmp_path: Path) -> None:
    assert read_signatures(tmp_path) == []
    assert read_signatures(stress_directory(tmp_path / "out")) == []


def test_without_findings_no_sign_off_is_valid(run: Path) -> None:
    (run / "findings.json").unlink()
    assert [one["valid"] for one in read_signatures(run)] == [False, False]


@pytest.mark.parametrize("what", ["link", "pipe", "folder", "large", "unreadable"])
def test_a_record_that_is_not_a_plain_file_is_broken_and_not_read(run: Path, what: str) -> None:
    file = run / SIGNATURES_DIR / "1.json"
    aside = run.parent / "aside.json"
    file.rename(aside)
    if what == "link":
        file.symlink_to(aside)
    elif what == "pipe":
        os.mkfifo(file)
    elif what == "folder":
        file.mkdir()
    elif what == "large":
        with file.open("wb") as sparse:
            sparse.truncate(record.RECORD_BYTES_MAX + 1)
    else:
        os.mknod(file, 0o600 | 0o140000)  # a socket
    one, two = read_signatures(run)
    assert not one["valid"]
    assert "`1.json`" in one["why"]
    assert not two["valid"]


def test_a_linked_folder_is_not_followed(run: Path) -> None:
    (run / SIGNATURES_DIR).rename(run.parent / "aside")
    (run / SIGNATURES_DIR).symlink_to(run.parent / "aside")
    (only,) = read_signatures(run)
    assert "link" in only["why"]
    assert not only["valid"]
    with pytest.raises(OSError, match=SIGNATURES_DIR):
        place(run, 3, b"x", "t")
    assert len(list((run.parent / "aside").iterdir())) == 2


def test_a_linked_findings_file_is_not_read(run: Path) -> None:
    (run / "findings.json").rename(run.parent / "aside")
    (run / "findings.json").symlink_to(run.parent / "aside")
    assert [one["valid"] for one in read_signatures(run)] == [False, False]
    with pytest.raises(SignOffError, match="is a link"):
        read_plain(run / "findings.json", 1_000_000)


def test_nothing_is_read_without_a_limit(run: Path) -> None:
    size = (run / "findings.json").stat().st_size
    assert len(read_plain(run / "findings.json", size)) == size
    with pytest.raises(SignOffError, match="too much to be one"):
        read_plain(run / "findings.json", size - 1)


def test_a_taken_number_stays_as_it_is(run: Path) -> None:
    before = (run / SIGNATURES_DIR / "2.json").read_bytes()
    assert not place(run, 2, b"another", "t")
    assert (run / SIGNATURES_DIR / "2.json").read_bytes() == before
    assert sorted(p.name for p in (run / SIGNATURES_DIR).iterdir()) == ["1.json", "2.json"]
    with pytest.raises(SignOffError, match="more are not legal"):
        place(run, record.SIGN_OFFS_MAX + 1, b"x", "t")


_KILLED = """
import os, signal, sys
from pathlib import Path
from maso.signoff import files
name, count = sys.argv[2], int(sys.argv[3])
real = getattr(os, name)
def dying(*args, **named):
    global count
    count -= 1
    if count == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*args, **named)
setattr(os, name, dying)
files.place(Path(sys.argv[1]), 3, Path(sys.argv[4]).read_bytes(), "killed")
"""


@pytest.mark.parametrize(
    ("call", "count", "there"),
    [("fsync", 2, False), ("link", 1, False), ("unlink", 1, True), ("fsync", 3, True)],
)
def test_killed_half_way_there_is_a_whole_record_or_none(
    run: Path, root: Path, call: str, count: int, there: bool
) -> None:
    sha256 = digest_of((run / "findings.json").read_bytes())
    (run.parent / "third").write_bytes(chained((ADA, sha256), (GRACE, sha256), (ADA, sha256))[2])
    child = subprocess.run(
        [sys.executable, "-c", _KILLED, str(run), call, str(count), str(run.parent / "third")],
        env={**os.environ, "PYTHONPATH": str(root / "src")},
        check=False,
    )
    assert child.returncode == -signal.SIGKILL
    chain = read_chain(run, sha256)
    assert chain.holds
    assert len(chain.entries) == (3 if there else 2)
    assert all(name.endswith(".part") for name in chain.strays)


# --- what is typed -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["Ada Lovelace", "Zoë Brontë", "李小龍", "محمد", "O'Brien-Smith", "Ñandú 3rd"]
)
def test_names_of_the_world_are_taken(text: str) -> None:
    assert typed(text, 120) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "\t\n",
        "a\x1b[31mb",
        "a\x00b",
        "a\u202eb",
        "a\u200bb",
        "\u2066a",
        "a\udcffb",
        "a\x9bb",
        "x" * 121,
    ],
)
def test_what_cannot_be_seen_is_refused(text: str) -> None:
    with pytest.raises(SignOffError):
        typed(text, 120)


def test_two_ways_to_write_a_letter_are_one_name() -> None:
    assert typed("Zoe\u0308", 120) == typed("Zo\u00eb", 120)
    assert typed(" Ada \n Lovelace ", 120) == "Ada Lovelace"


@pytest.mark.parametrize(
    "text", ["4111 1111 1111 1111", "pay 4111-1111-1111-1111 back", "1 4111111111111111 2"]
)
def test_a_card_number_is_refused(text: str) -> None:
    with pytest.raises(SignOffError, match="card number"):
        typed(text, 120)


@given(st.text(max_size=40))
def test_what_is_taken_can_be_seen_and_what_is_shown_always(text: str) -> None:
    assert record.one_line(text).isprintable()
    try:
        taken = typed(text, 40)
    except SignOffError:
        return
    assert taken == record.one_line(taken) == typed(taken, 40)


# --- keys --------------------------------------------------------------------------------------------------


def sealed(passphrase: bytes = b"correct horse") -> bytes:
    return keys.sealed(ADA, passphrase, salt=b"s" * 16, nonce=b"n" * 24, cost=CHEAP)


def test_a_sealed_key_opens_with_its_passphrase_alone() -> None:
    data = sealed()
    assert keys.is_sealed(data)
    assert ADA not in data
    assert keys.seed_of(data, b"correct horse") == ADA
    for wrong in (b"", b"Correct horse", b"correct horse "):
        with pytest.raises(keys.KeyFileError, match="does not open"):
            keys.seed_of(data, wrong)
    assert keys.seed_of(ADA) == ADA


@given(st.data())
def test_a_changed_key_file_never_gives_a_key(data: st.DataObject) -> None:
    changed = bytearray(sealed())
    place_ = data.draw(st.integers(0, len(changed) - 1).filter(lambda n: not 11 <= n < 19))  # not the costs
    changed[place_] ^= data.draw(st.integers(1, 255))
    with pytest.raises(keys.KeyFileError):
        keys.seed_of(bytes(changed), b"correct horse")


@pytest.mark.parametrize("cost", [(0, 8192), (2**32 - 1, 8192), (3, 2**32 - 1), (3, 0)])
def test_a_key_file_that_asks_for_everything_is_refused(cost: tuple[int, int]) -> None:
    data = bytearray(sealed())
    data[11:19] = cost[0].to_bytes(4, "little") + cost[1].to_bytes(4, "little")
    with pytest.raises(keys.KeyFileError, match="more time or memory"):
        keys.seed_of(bytes(data), b"correct horse")


@pytest.mark.parametrize("data", [b"", b"x" * 31, b"x" * 33, b"maso key 1\n", b"x" * 5000])
def test_what_is_no_key_is_refused(data: bytes) -> None:
    with pytest.raises(keys.KeyFileError, match="holds no key"):
        keys.seed_of(data)


def test_the_chain_is_read_from_a_copy_too(run: Path, tmp_path: Path) -> None:
    """A directory may be moved and handed on: nothing in a record names a place."""
    shutil.copytree(run, tmp_path / "elsewhere")
    assert [one["valid"] for one in read_signatures(tmp_path / "elsewhere")] == [True, True]
