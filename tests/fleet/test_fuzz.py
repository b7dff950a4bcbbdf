"""Whatever the bytes, reading a fleet file ends in a fleet or in mistakes, never in an exception."""

import string

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from maso.fleet.builtins import builtin_names
from maso.fleet.grow import grow
from maso.fleet.load import Loaded, load, own_size
from maso.fleet.rulebook import Rulebook
from maso.fleet.source import MAX_BYTES
from maso.fleet.starter import TEMPLATE
from maso.fleet.summary import describe
from tests.fleet.given import text_of

FILES = [TEMPLATE, *(text_of(name) for name in builtin_names())]
WORDS = sorted({word for text in FILES for word in text.replace(",", " ").split()})
KEYS = [
    "fleet",
    "kind",
    "types",
    "links",
    "schemas",
    "ports",
    "actions",
    "workload",
    "desks",
    "growth",
    "dlp",
]
ODD = [
    "no",
    "null",
    "~",
    "",
    "010",
    "1e3",
    "2024-01-01",
    ".inf",
    "-1",
    "9" * 20,
    "*a",
    "&a",
    "!!int 3",
    "- -",
    "? ",
]

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.sampled_from(WORDS)
)
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*KEYS, *WORDS]), inner, max_size=5)
    ),
    max_leaves=25,
)


def told(loaded: Loaded) -> Loaded:
    """What must hold of every answer."""
    assert (loaded.fleet is None) == bool(loaded.mistakes)
    for mistake in loaded.mistakes:
        assert mistake.line >= 1
        assert mistake.column >= 1
        assert mistake.what
        assert mistake.legal
        assert len(str(mistake)) < 4000
    if loaded.fleet is not None:
        assert loaded.file is not None
        describe(loaded.fleet)
        Rulebook(loaded.fleet)
    return loaded


@given(st.binary(max_size=300))
def test_any_bytes(data):
    told(load(data))


@given(st.text(max_size=300))
def test_any_text(text):
    told(load(text))


@given(st.text(alphabet=string.ascii_letters + ":{}[]-#&*!|>'\"%@` \n\t,?~.0123456789", max_size=200))
def test_text_of_yaml_signs(text):
    told(load(text))


@given(st.dictionaries(st.sampled_from(KEYS), trees, max_size=8))
def test_any_tree_under_known_keys(tree):
    told(load(yaml.safe_dump(tree, allow_unicode=True)))


@settings(max_examples=150)
@given(st.sampled_from(FILES), st.data())
def test_a_fleet_file_with_parts_changed(text, data):
    """Words exchanged, lines dropped, doubled and swapped: what a tired person or a bad merge does."""
    lines = text.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["drop", "double", "swap", "word", "odd", "indent"])):
            case "drop":
                del lines[at]
            case "double":
                lines.insert(at, lines[at])
            case "swap":
                other = data.draw(st.integers(0, len(lines) - 1))
                lines[at], lines[other] = lines[other], lines[at]
            case "word":
                words = lines[at].split(" ")
                words[data.draw(st.integers(0, len(words) - 1))] = data.draw(st.sampled_from(WORDS))
                lines[at] = " ".join(words)
            case "odd":
                lines[at] = f"{lines[at].partition(':')[0]}: {data.draw(st.sampled_from(ODD))}"
            case "indent":
                lines[at] = " " * data.draw(st.integers(0, 3)) + lines[at]
    loaded = told(load("\n".join(lines)))
    if loaded.file is not None and loaded.fleet is not None and loaded.file.kind == "breadth":
        assert grow(loaded.file, own_size(loaded.file)) == loaded.fleet


@given(st.sampled_from(FILES), st.integers(0, 40_000), st.binary(max_size=6))
def test_a_fleet_file_with_bytes_changed(text, at, patch):
    data = text.encode()
    told(load(data[: at % len(data)] + patch + data[at % len(data) + len(patch) :]))


@given(st.sampled_from(FILES), st.integers(0, 60_000))
def test_a_fleet_file_cut_off(text, at):
    told(load(text[: at % len(text)]))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 100_000, "nested more than"),
        ("{a: " * 50_000, "nested more than"),
        ("- " * 50_000, "nested more than"),
        ("a: &a [x]\n" + "".join(f"a{i}: &a{i} [*a, *a]\n" for i in range(50)), "the anchor"),
        ("a: &a\n  b: *a\n", "the alias"),
        ("fleet: " + "x" * (MAX_BYTES + 1), "characters"),
        ("fleet: \ud800", "U+D800"),
        ("", "the file is empty"),
        ("# only a comment\n", "the file is empty"),
        ("a\n", "not a list of"),
    ],
)
def test_files_that_are_meant_to_hurt(text, words):
    loaded = told(load(text))
    assert any(words in m.what for m in loaded.mistakes)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xfef\x00l\x00", "not UTF-8"),
        (b"\xef\xbb\xbffleet: x", "byte order mark"),
        (b"fleet: caf\xe9", "byte 0xe9 is not UTF-8"),
        (b"x" * (MAX_BYTES + 1), "bytes"),
    ],
)
def test_bytes_that_are_not_text(data, words):
    loaded = told(load(data))
    assert any(words in m.what for m in loaded.mistakes)


def test_many_mistakes_stay_cheap():
    """Ten thousand unknown keys are ten thousand mistakes, not ten thousand squared."""
    loaded = told(load("kind: depth\n" + "".join(f"key{i}: 1\n" for i in range(10_000))))
    assert len(loaded.mistakes) > 10_000


def test_groups_of_groups_are_counted_before_they_are_written_out():
    steps = "steps: [{from: chat, to: front_desk}]"
    for _ in range(4):
        steps = f"steps: [{{repeat: 100, {steps}}}]"
    text = TEMPLATE.replace(
        "      share: 0.2\n      steps:\n", f"      share: 0.2\n      {steps}\n      other:\n"
    )
    loaded = told(load(text))
    assert any("too many steps" in m.what for m in loaded.mistakes)


def test_json_is_a_fleet_file_too():
    import json

    tree = yaml.safe_load(TEMPLATE)
    text = json.dumps(tree, indent="\t")
    assert load(text).mistakes == ()
    assert load(text).fleet == load(TEMPLATE).fleet
