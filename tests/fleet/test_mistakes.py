"""A hundred kinds of bad fleet file: each is refused with its place, what is wrong and what is legal."""

import pytest

from maso.fleet.builtins import builtin_path
from maso.fleet.load import Loaded, load
from maso.fleet.starter import TEMPLATE
from tests.fleet.bad_files import BAD


def _text(name: str) -> str:
    path = builtin_path(name)
    assert path is not None
    return path.read_text("utf-8")


SHOP, FIRM, DESK = _text("ecommerce-10k"), _text("fleet-100"), _text("research-5")
IDS = [f"{i}-{row[3][:40]}" for i, row in enumerate(BAD)]
TEXTS = {"shop": SHOP, "firm": FIRM, "desk": DESK, "start": TEMPLATE}


def changed(file: str, old: str, new: str) -> str:
    text = TEXTS[file]
    assert old in text, f"the fleet file no longer has `{old}`"
    return text.replace(old, new, 1)


def refused(text: str) -> Loaded:
    loaded = load(text, "bad.yaml")
    assert loaded.fleet is None
    assert loaded.file is None
    return loaded


def test_there_are_a_hundred_kinds_and_more():
    assert len({words for *_, words in BAD}) >= 100


@pytest.mark.parametrize(
    ("file", "old", "new", "words"), BAD, ids=[f"{i}-{row[3][:40]}" for i, row in enumerate(BAD)]
)
def test_a_bad_file_is_refused_with_place_and_remedy(file, old, new, words):
    loaded = refused(changed(file, old, new))
    told = [m for m in loaded.mistakes if words in m.what]
    assert told, "\n".join(map(str, loaded.mistakes)) or "accepted"
    for mistake in loaded.mistakes:
        assert mistake.line > 0
        assert mistake.column > 0
        assert mistake.legal
        assert "maso." not in mistake.what
    assert list(loaded.mistakes) == sorted(loaded.mistakes, key=lambda m: (m.line, m.column, m.what))


@pytest.mark.parametrize("name", TEXTS)
def test_the_unchanged_files_are_right(name):
    assert load(TEXTS[name], name).mistakes == ()


def test_the_place_is_the_place():
    text = changed("start", "to: front_desk, schema: facts", "to: front_desk, schema: fact")
    (mistake,) = refused(text).mistakes
    line = text.splitlines()[mistake.line - 1]
    assert line[mistake.column - 1 :].startswith("fact}")
    assert str(mistake) == (
        f"bad.yaml:{mistake.line}:{mistake.column}: there is no schema `fact`; did you mean `facts`?; "
        "legal: `question`, `facts`, `refund_request`, `refund_result`, `search`, `passages`, `reply`, "
        "`refund_done`, `report`"
    )
    assert mistake.path == "links[2].schema"


def told_in(old: str, new: str) -> list[str]:
    """What is told of the starter with one change, without the file's name and the column."""
    return [f"{m.what}; {m.legal}" for m in refused(changed("start", old, new)).mistakes]


def test_a_missing_authority_is_told_once_and_says_where_to_put_it():
    (told,) = told_in("may_request: [refund.pay]", "may_request: []")
    assert told.startswith("`front_desk` has no authority over `refund.pay`, so it cannot pass it on")
    assert "`refund.pay` under `may_request` of `front_desk`" in told


def test_a_step_that_lacks_a_declassification_names_the_link_to_change():
    (told,) = told_in("    declassify: [bank_data]\n    owner: head of finance   #", "    #")
    line = TEMPLATE.split("  - from: cashier")[0].count("\n") + 1
    assert "`declassify: [bank_data]`, a strict schema and an `owner` on the link from `cashier`" in told
    assert f"(line {line})" in told


def test_a_step_of_the_wrong_kind_is_told_the_kinds_that_its_link_has():
    told = told_in(
        "{from: front_desk, to: supervisor, schema: report}",
        "{from: front_desk, to: supervisor, schema: report, kinds: [instruction]}",
    )
    assert (
        "no link carries data from `front_desk` to `supervisor`; `kind: instruction` in this step" in told[0]
    )


def test_several_kinds_of_data_that_a_link_must_refuse_are_one_mistake_with_one_remedy():
    (told,) = told_in("declassify: [bank_data]", "declassify: [bank_data, personal]")
    assert told.endswith("`dlp: {email: refuse, phone: refuse}` on this link")


def test_all_mistakes_come_at_once_in_the_order_of_the_file():
    text = TEMPLATE
    for old, new in (
        ("tier: 2", "tier: 9"),
        ("port: bank", "port: bnak"),
        ("    provider: provider-b\n", "    provider: provider-x\n"),
        ("share: 0.8", "share: 0.9"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    mistakes = refused(text).mistakes
    assert [m.what.split("`")[1] for m in mistakes[:3]] == ["9", "bnak", "provider-x"]
    assert "come to 1.10" in mistakes[-1].what


def test_names_are_checked_beside_other_mistakes():
    """A duplicate id and an unknown name show although something else in the same element is wrong."""
    text = TEMPLATE.replace("  - id: cashier\n", "  - id: researcher\n    judge: 7\n", 1)
    text = text.replace("    provider: provider-b\n", "    provider: provider-x\n    risk: awful\n", 1)
    text = text.replace("  - {id: provider-b}\n", "  - {id: provider-a, latency_ms_median: soon}\n", 1)
    told = [m.what for m in refused(text).mistakes]
    for words in ("`researcher` stands twice", "no provider `provider-x`", "`provider-a` stands twice"):
        assert sum(words in what for what in told) == 1, "\n".join(told)


def test_a_template_that_does_not_hold_together_hides_no_duplicate_and_no_unknown_provider():
    agent = "{id: front, provider: nowhere, cluster: equities}"
    text = FIRM.replace("    takes: ", "    takes: nobody_", 1)
    text = text.replace("types: []\n", f"types: [{agent}, {agent}]\n", 1)
    told = [m.what for m in refused(text).mistakes]
    for words in ("no role `nobody_", "no provider `nowhere`", "`front` stands twice under `types`"):
        assert any(words in what for what in told), "\n".join(told)


def test_a_name_that_stands_twice_is_legal_once():
    text = changed("start", "  - {id: provider-b}\n", "  - {id: provider-a}\n")
    (unknown, *_) = [m for m in refused(text).mistakes if "no provider" in m.what]
    assert unknown.legal == "`provider-a`"


def test_a_mistake_is_not_told_twice_in_other_words():
    """What follows from a mistake is not told as a second one."""
    text = changed("start", "  - id: cashier\n    role", "  - id: cashier\n    rolle")
    assert [m.what for m in refused(text).mistakes] == ["`rolle` is not known here; did you mean `role`?"]


def test_a_mistake_in_a_template_is_told_once():
    text = changed("firm", "actions: [market.read, filing.read, vendor.read]\n        judge",
                   "actions: [market.read, filing.red, vendor.read]\n        judge")  # fmt: skip
    assert [m.what for m in refused(text).mistakes] == [
        "there is no action `filing.red`; did you mean `filing.read`?"
    ]


def test_an_id_that_is_no_name_is_told_once_and_never_as_legal():
    """Whoever refers to it, under its right name, is not told that there is no such thing."""
    for old, new in (
        ("  - {id: provider-b}\n", '  - {id: "dé couverte✈"}\n'),
        ("  - {id: provider-b}\n", "  - {}\n"),
        ("  - id: chat\n", "  - id: the chat\n"),
    ):
        told = refused(changed("start", old, new)).mistakes
        assert len(told) == 1, "\n".join(map(str, told))
    told = refused(changed("shop", "{id: checkout,", "{id: check out,")).mistakes
    assert [m.what for m in told] == ["`check out` is not a name"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("fleet: x\nkind: breadth\ntypes:\n\t- id: a\n", "4:1"),
        ("fleet: x\nkind: breadth\ntypes:\n  - id: a\n  -\tid: b\n", "5:4"),
        ("fleet: x\n\tkind: breadth\n", "2:1"),
    ],
)
def test_a_tab_is_called_a_tab(text, place):
    (told,) = refused(text).mistakes
    assert str(told).startswith(f"bad.yaml:{place}: not readable as YAML: a tab ")
    assert told.legal == "spaces"


def test_what_could_be_a_card_number_is_not_repeated():
    number = "4111 1111 1111 1111"
    for place in ("fleet: ", "tier: ", "kind: ", f"{number}: "):
        mistakes = refused(TEMPLATE + f"\n{place}{number}\n").mistakes
        assert mistakes
        assert not any(number[:9] in str(m) for m in mistakes)


def test_a_long_word_is_shortened():
    mistakes = refused(TEMPLATE.replace("kind: breadth", "kind: " + "breadth" * 100)).mistakes
    assert len(mistakes[0].what) < 200


def test_what_cannot_be_read_is_not_called_wrong_as_well():
    (mistake,) = refused(
        changed("start", "about: answers questions and pays refunds", "about: *text")
    ).mistakes
    assert mistake.what == "the alias `*text` repeats another part of the file"
    (mistake,) = refused(changed("start", "tier: 2", "tier: *two")).mistakes
    assert mistake.what == "the alias `*two` repeats another part of the file"
