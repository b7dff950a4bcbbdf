"""The search for planted card numbers finds them in every way they are written, and nothing else."""

import unicodedata

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maso.evidence.records import GateRecord, encode_record
from maso.fleet.model import FieldSpec, Schema
from maso.streams import stream
from maso.stress.probes.cards_fleet import carries
from maso.stress.probes.cards_forms import LISTED, UNLISTED, WAYS_TRIED, Numbers, Way, sentences
from maso.stress.probes.cards_search import Holder, Needles, digits_of, reachable

NUMBERS = 12


def said(text: str) -> bytes:
    return msgspec.json.encode({"symbol": "x1", "text": text})


@pytest.mark.parametrize("way", WAYS_TRIED, ids=lambda way: way.name)
def test_every_way_of_writing_is_found_and_belongs_to_its_number(way: Way) -> None:
    numbers = Numbers(stream(3, way.name))
    for _ in range(NUMBERS):
        needles = Needles()
        other, number = numbers.next(), numbers.next()
        needles.plant(other, 5, way.write(other))
        known = needles.plant(number, 5, way.write(number))
        holder = Holder()
        found = [holder.take(needles, 5, said(text)) for text in sentences(way.write(number))]
        assert found[-1] == known, way.name
        assert list(holder.held) == [known]


@pytest.mark.parametrize("way", LISTED, ids=lambda way: way.name)
def test_listed_ways_are_found_in_any_session(way: Way) -> None:
    """Where a number turns up in another session, its pieces are nobody's; what can be undone is."""
    numbers = Numbers(stream(4, way.name))
    for _ in range(NUMBERS):
        needles, number, holder = Needles(), numbers.next(), Holder()
        known = needles.plant(number)
        found = [holder.take(needles, 77, said(text)) for text in sentences(way.write(number))]
        assert found[-1] == known, way.name


@given(st.text() | st.text(alphabet="0٣४５²x é"))
def test_digits_of_every_script_are_left_and_nothing_else(text: str) -> None:
    known = (unicodedata.digit(char, None) for char in text)
    assert digits_of(text) == "".join(str(digit) for digit in known if digit is not None)


def test_a_missing_piece_is_not_found() -> None:
    numbers = Numbers(stream(5, "pieces"))
    for way in WAYS_TRIED:
        number = numbers.next()
        pieces = way.write(number)
        if len(pieces) < 2:
            continue
        needles, holder = Needles(), Holder()
        needles.plant(number, 5, pieces)
        assert all(holder.take(needles, 5, said(text)) is None for text in sentences(pieces)[:-1])
        assert holder.digits_of_piece(5, needles) == sum(map(len, pieces[:-1]))


def test_honest_text_holds_nothing() -> None:
    needles, holder = Needles(), Holder()
    numbers = Numbers(stream(6, "planted"))
    for _ in range(200):
        number = numbers.next()
        for way in UNLISTED:
            needles.plant(number, 5, way.write(number))
    draws = stream(6, "said")
    for _ in range(400):
        order = "".join(str(draws.below(10)) for _ in range(12))
        text = (
            f"order {order} of {draws.below(31)} May, 2 of size {draws.below(60)}, call 0{draws.below(10**9)}"
        )
        assert holder.take(needles, 5, said(text)) is None


def test_digits_over_fields_and_messages_are_joined() -> None:
    number = "4539578763621486"
    needles, over, spelled = Needles(), Holder(), Holder()
    known = needles.plant(number)
    body = {"transaction": number[:12], "amount_minor": int(number[12:])}
    assert over.take(needles, 9, msgspec.json.encode(body)) == known
    messages = [msgspec.json.encode({"id": "ok-1", "amount_minor": int(digit)}) for digit in number]
    assert [spelled.take(needles, 9, m) for m in messages][-1] == known


def test_records_are_searched_as_bytes_texts_and_integers() -> None:
    number = "4539578763621486"
    needles = Needles()
    known = needles.plant(number, 5, ("dfdj-fhih-hgdg-cbei-xyz",))
    clean = GateRecord(1, "stage", "system", 0, 0)
    assert needles.in_record(encode_record(clean)) is None
    for hidden in (
        msgspec.structs.replace(clean, scope=f"x {number[:4]} {number[4:8]}-{number[8:]}"),
        msgspec.structs.replace(clean, scope="%34" + number[1:]),
        msgspec.structs.replace(clean, now=int(number)),
    ):
        assert needles.in_record(encode_record(hidden)) == known
    coded = encode_record(msgspec.structs.replace(clean, scope="dfdj-fhih-hgdg-cbei-xyz"))
    assert needles.in_record(coded) is None
    assert needles.verbatim_in(coded, listed=True) == 1


class Hidden(msgspec.Struct, gc=False):
    inner: object


def test_memory_is_searched_through_everything_but_code() -> None:
    class Keeper:
        __slots__ = ("queue",)

    keeper, beside = Keeper(), ["beside"]
    keeper.queue = [(1, Hidden({"k": [Hidden(b"deep")]})), beside]  # type: ignore[attr-defined]
    found = [thing for thing in reachable((keeper,), (beside,)) if isinstance(thing, str | bytes)]
    assert b"deep" in found
    assert "beside" not in found


@pytest.mark.parametrize(
    ("fields", "how"),
    [
        ({"card": FieldSpec(type="card")}, "card field"),
        ({"note": FieldSpec(type="text", max=40)}, "free text"),
        ({"note": FieldSpec(type="text", max=12)}, ""),
        ({"order": FieldSpec(type="id", max=13)}, "one field that is long enough"),
        ({"order": FieldSpec(type="id")}, "one field that is long enough"),
        ({"a": FieldSpec(type="id", max=12), "b": FieldSpec(type="int", max=9)}, ""),
        (
            {"a": FieldSpec(type="id", max=12), "b": FieldSpec(type="int", max=10)},
            "digits over several fields",
        ),
        ({"a": FieldSpec(type="enum", values=("x", "y")), "b": FieldSpec(type="bool")}, ""),
    ],
)
def test_what_a_schema_could_carry(fields: dict[str, FieldSpec], how: str) -> None:
    assert carries(Schema(id="shape", fields=fields)) == how
