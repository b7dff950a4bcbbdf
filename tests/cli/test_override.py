"""`--set`: one key of a fleet file, changed in its text; the result is what the loader says it is."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maso.cli.ending import Stop
from maso.cli.fleet import declared
from maso.cli.override import change, split
from maso.fleet.load import load, load_file
from maso.fleet.starter import template
from tests.cli.terminal import maso

TEXT = """\
# a comment that stays
size: 3   # how many
limits: {turns: 5, "max": [1, 2]}
types:
- id: pay.now
  # about it
  risk: high
  judge:
    a: 1
- {id: other, risk: low}
empty: {}
last: 'x'
"""


def changed(*settings: str) -> str:
    return change(TEXT, [split(setting) for setting in settings]).text


@pytest.mark.parametrize(
    ("setting", "before", "after"),
    [
        ("size=4", "size: 3   # how many", "size: 4   # how many"),
        ("limits.turns=6", "{turns: 5,", "{turns: 6,"),
        ("limits.max=[3]", '"max": [1, 2]', '"max": [3]'),
        ("limits.new=1", "{turns: 5,", "{new: 1, turns: 5,"),
        ("types.pay.now.risk=low", "  risk: high\n", "  risk: low\n"),
        ("types.pay.now.judge.a=0.5", "    a: 1\n", "    a: 0.5\n"),
        ("types.pay.now.judge.b.c=2", "    a: 1\n", "    b: {c: 2}\n    a: 1\n"),
        ("types.1.risk=high", "{id: other, risk: low}", "{id: other, risk: high}"),
        ("types.other.more=[1, 2]", "{id: other,", "{more: [1, 2], id: other,"),
        ("empty.a=1", "empty: {}", "empty: {a: 1}"),
        ("last=a: b # c", "last: 'x'", 'last: "a: b # c"'),
        ("last=", "last: 'x'", 'last: ""'),
        ("types=[]", TEXT[TEXT.index("types:") : TEXT.index("empty:")], "types: []\n"),
    ],
)
def test_the_text_changes_there_and_nowhere_else(setting: str, before: str, after: str) -> None:
    assert changed(setting) == TEXT.replace(before, after, 1)


def test_later_ones_see_what_earlier_ones_wrote() -> None:
    assert "limits: {a: 2, turns: 5," in changed("limits.a=1", "limits.a=2")


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("size", "`--set` is `size`; legal: `KEY=VALUE`"),
        ("a..b=1", "`--set` is `a..b=1`; legal: `KEY=VALUE`"),
        ("size.x=1", "`--set size.x=1`: `size` holds one value, there is nothing below it"),
        ("types.pay.risk=1", "`--set types.pay.risk=1`: the list has no element `pay`"),
        ("types.7.risk=1", "legal: `pay.now`, `other` or a place from 0 to 1"),
        ("size=1\n2", "the value of `--set size` is not plain text"),
    ],
)
def test_a_mistake_names_the_option(setting: str, said: str) -> None:
    with pytest.raises(Stop) as caught:
        changed(setting)
    assert said in caught.value.lines[0]


def test_the_loader_says_what_is_wrong_with_the_value() -> None:
    done = maso("check", "ecommerce-10k", "--set", "types.payment.risk=hgih")
    assert done.code == 2
    assert done.error.startswith(
        "maso: `--set types.payment.risk=hgih`: `hgih` is not one of them; did you mean"
    )


def test_a_consequence_elsewhere_names_the_line() -> None:
    done = maso("check", "ecommerce-10k", "--set", "compartments=[{id: pci}]")
    assert done.code == 2
    assert done.error.startswith("maso: ecommerce-10k:")
    assert "there is no compartment `pii`" in done.error


def test_the_floor_of_the_judge_cannot_be_set_lower() -> None:
    done = maso("check", "ecommerce-10k", "--set", "types.payment.judge_actions.payment.authorise=0.5")
    assert done.code == 2
    assert "nobody lowers the judge on a critical action" in done.error


KEYS = [
    "fleet",
    "about",
    "tier",
    "size",
    "workload.session_minutes",
    "types.0.risk",
    "target.size",
    "new",
    "ports.0",
]
VALUES = st.sampled_from(
    ["1", "0.5", "high", "[a, b]", "{a: 1}", "'x'", "- a", "a: b", "#", "&a b", "*a", "!!int 3"]
)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(KEYS), VALUES | st.text(max_size=12)), max_size=2))
def test_whatever_is_set_gives_a_fleet_or_a_mistake(pairs: list[tuple[str, str]]) -> None:
    try:
        found = change(template(), [split(f"{key}={value}") for key, value in pairs])
    except Stop:
        return
    loaded = load(found.text)
    assert (loaded.fleet is None) == bool(loaded.mistakes)
    assert all(found.blame(mistake) for mistake in loaded.mistakes)


def test_size_is_written_into_the_file_that_is_kept() -> None:
    found = declared("ecommerce-10k", "77", [])
    again = load(found.text)
    assert again.fleet is not None
    assert again.fleet.size == 77
    assert msgspec.msgpack.encode(again.fleet) == msgspec.msgpack.encode(found.fleet)
    assert "# E0: 10,000 customers" in found.text
    untouched, text = load_file("ecommerce-10k")
    assert untouched.size == 10_000
    assert declared("ecommerce-10k", None, []).text == text
