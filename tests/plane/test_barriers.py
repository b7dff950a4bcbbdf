"""Own rules, rules between pairs, stated labels, boundaries: each is really another way through the plane."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maso.controls.barriers import PerPairRules, count_pair_rules, marking, pair_rules
from maso.controls.classification import Classification
from maso.controls.derive import Derive
from maso.controls.dlp import AtBoundaries, Dlp, OwnRules
from maso.evidence.records import MessageRecord
from maso.fleet.model import AgentType, Compartment, Fleet, LabelSpec, Link, Schema
from maso.fleet.rulebook import Rulebook
from maso.labels import compartment_bit
from maso.scan.custom import OwnPatterns, wrong_patterns
from tests.plane.small import SMALL, Rig, names, reasons

PCI = compartment_bit(0)
DEAL = compartment_bit(2)
HERON = {"id": "heron", "pattern": r"project[ _-]heron", "compartment": "deal"}
NAMED = {"text": "they call it Project Heron"}


def _rig(*rules: dict[str, Any], **controls: str) -> Rig:
    """The small fleet with own rules and control settings; advisor and payment know deals, cart does not."""
    plain = msgspec.to_builtins(msgspec.convert(SMALL, Fleet))
    for agent in plain["types"]:
        if agent["id"] != "cart":
            agent["clearance"]["compartments"] = [*agent["clearance"]["compartments"], "deal"]
    fleet = msgspec.convert({**plain, "controls": controls}, Fleet)
    dlp = msgspec.convert({**msgspec.to_builtins(fleet.dlp), "rules": rules}, type(fleet.dlp))
    return Rig(msgspec.structs.replace(fleet, dlp=dlp))


def _steps(rig: Rig) -> dict[str, Any]:
    return {name: getattr(check, "__self__", check) for name, check in rig.plane.steps()}


# The firm's own rules.


def test_a_name_raises_the_label_and_clearance_decides() -> None:
    rig = _rig(HERON)
    s = rig.session()
    effects = rig.send(s["payment"], s["advisor"], NAMED)
    assert names(effects) == ("Deliver",)
    assert effects[0].label & DEAL  # type: ignore[union-attr]
    refused = rig.send(s["payment"], s["advisor"], {"text": "harmless"})
    assert names(refused) == ("Deliver",)
    refused = rig.send(s["advisor"], s["cart"], NAMED)
    assert reasons(refused) == ("DP-2.1/own-rule-raised", "DP-1.1/clearance")


def test_a_rule_that_refuses_refuses_also_those_who_are_cleared() -> None:
    rig = _rig({**HERON, "policy": "refuse"})
    s = rig.session()
    assert reasons(rig.send(s["payment"], s["advisor"], NAMED)) == ("DP-2.1/own-rule",)


@pytest.mark.parametrize(
    "text",
    ["project heron", "PROJECT_HERON", "рrojеct heron", "project\u200b heron", "pro\u00adject heron"],
)
def test_a_name_is_found_with_escapes_and_look_alikes(text: str) -> None:
    rig = _rig({**HERON, "policy": "refuse"})
    s = rig.session()
    assert reasons(rig.send(s["payment"], s["advisor"], {"text": text})) == ("DP-2.1/own-rule",)


@pytest.mark.parametrize("policy", ["raise", "refuse"])
def test_no_record_holds_what_was_named(policy: str) -> None:
    rig = _rig({**HERON, "policy": policy})
    s = rig.session()
    rig.send(s["advisor"], s["cart"], NAMED)
    # Another control refuses the same text after the rule has seen it.
    rig.send(s["advisor"], s["cart"], {"text": "Project Heron, and my card is 4111 1111 1111 1111"})
    told = b"".join(rig.log.bodies).lower()
    assert b"project heron" not in told
    last = rig.log.records()[-1]
    assert isinstance(last, MessageRecord)
    assert last.excerpt == b""


def test_without_rules_there_is_no_step_for_them() -> None:
    assert "DP-2.1 own rules" not in _steps(Rig())
    assert isinstance(_steps(_rig(HERON))["DP-2.1 own rules"], OwnRules)


def test_patterns_that_do_not_compile_are_named_by_position() -> None:
    assert wrong_patterns(["heron", "a{2}"]) == ()
    found = wrong_patterns(["heron", "(", "x*"])
    assert [position for position, _ in found] == [1, 2]
    assert "missing close parenthesis" in found[0][1]
    with pytest.raises(ValueError, match="pattern 1"):
        OwnPatterns(["heron", "("])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=8, unique=True), st.text(max_size=40))
def test_the_cache_changes_no_answer(letters: list[str], text: str) -> None:
    patterns = OwnPatterns([f"{letter}1" for letter in letters])
    content = text.encode("utf-8", "replace") + b"b1"
    first = patterns.scan(b"digest", content)
    assert patterns.scan(b"digest", content) == first == patterns.find(content)
    assert ("b" in letters) == (letters.index("b") in first if "b" in letters else False)


# Rules between pairs.


def test_the_settings_choose_other_controls_once() -> None:
    plain, other = _steps(Rig()), _steps(_rig(barrier_policy="per-pair-rules", scan_at="boundaries"))
    assert isinstance(plain["DP-1.1"], Classification)
    assert isinstance(plain["DP-2.1"], Dlp)
    assert isinstance(other["DP-1.1"], PerPairRules)
    assert isinstance(other["DP-2.1"], AtBoundaries)
    believed = dict(_rig(label_propagation="declared").plane.steps())["DP-2.5"]
    assert believed.__func__ is Derive.check_declared  # type: ignore[attr-defined]
    assert dict(Rig().plane.steps())["DP-2.5"].__func__ is Derive.check  # type: ignore[attr-defined]


def test_rules_between_pairs_see_content_and_no_label() -> None:
    rig = _rig(HERON, barrier_policy="per-pair-rules")
    s = rig.session()
    assert names(rig.send(s["advisor"], s["cart"], {"text": "in other words"}, label=1 | DEAL)) == (
        "Deliver",
    )
    for text in ("Project Heron", "Restricted: deal. Do not pass on"):
        assert reasons(rig.send(s["advisor"], s["cart"], {"text": text}))[-1] == "DP-1.1/pair-rule"


def test_rules_between_pairs_leave_levels_and_other_compartments_to_the_label() -> None:
    rig = _rig(barrier_policy="per-pair-rules")
    s = rig.session()
    assert reasons(rig.send(s["advisor"], s["cart"], {"text": "hi"}, label=PCI)) == ("DP-1.1/clearance",)
    assert reasons(rig.send(s["advisor"], s["cart"], {"text": "hi"}, label=0b111)) == ("DP-1.1/clearance",)


def test_stated_labels_are_believed_and_delivered_ones_are_not() -> None:
    for propagation, arrives in (("delivered", False), ("declared", True)):
        rig = _rig(label_propagation=propagation)
        s = rig.session()
        rig.send(s["payment"], s["advisor"], {"text": "the offer comes on Monday"}, label=1 | DEAL)
        effects = rig.send(s["advisor"], s["cart"], {"text": "expect news early next week"}, label=1)
        assert (names(effects) == ("Deliver",)) is arrives, propagation


def test_boundaries_are_scanned_and_what_lies_between_is_not() -> None:
    rig = _rig(HERON, scan_at="boundaries")
    s = rig.session()
    rig.send(s["payment"], s["payment"], {"text": "x"})
    seen = rig.send(s["advisor"], s["cart"], NAMED)  # cart is cleared for less
    assert "DP-2.1/own-rule-raised" in reasons(seen)
    rig.from_port("customer_chat", 1, s["cart"], NAMED)
    assert any(f.reason.code == "DP-2.1/own-rule-raised" for f in rig.plane.last.findings)  # type: ignore[union-attr]
    rig.send(s["cart"], s["advisor"], NAMED)  # advisor is cleared for all that cart is
    assert rig.plane.last is not None
    assert rig.plane.last.findings == ()


COMPARTMENTS = ("a", "b", "c")


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    cleared = draw(st.lists(st.sets(st.sampled_from(COMPARTMENTS)), min_size=1, max_size=7))
    barriers = draw(st.sets(st.sampled_from(COMPARTMENTS)))
    types = tuple(
        AgentType(id=f"t{i}", clearance=LabelSpec(compartments=tuple(sorted(held))))
        for i, held in enumerate(cleared)
    )
    return Fleet(
        fleet="drawn",
        kind="breadth",
        schemas=(Schema(id="s", fields={}),),
        types=types,
        links=(Link(from_="t0", to="t0", schema="s"),),
        compartments=tuple(Compartment(id=name, barrier=name in barriers) for name in COMPARTMENTS),
    )


@settings(max_examples=80, deadline=None)
@given(fleets())
def test_the_count_of_pair_rules_is_the_number_that_is_made(fleet: Fleet) -> None:
    table = pair_rules(Rulebook(fleet))
    assert all(table.values()), "a pair without rules takes memory"
    made = sum(map(len, table.values()))
    assert count_pair_rules(fleet) == made
    behind = {t.id: t.clearance.compartments for t in fleet.types}
    by_hand = sum(
        1
        for c in fleet.compartments
        if c.barrier
        for one in behind.values()
        for other in behind.values()
        if c.id in one and c.id not in other
    )
    assert made == by_hand


def test_the_count_of_the_small_fleet_covers_ports_that_are_acted_on() -> None:
    rig = _rig()
    made = sum(map(len, PerPairRules(rig.rules).table.values()))
    # advisor > cart, payment > cart; advisor > shop and payment > psp, which are not cleared for deals.
    assert made == count_pair_rules(rig.fleet) == 4


def test_a_marking_is_found_as_documents_write_it() -> None:
    patterns = OwnPatterns([marking("equity_research")])
    for text in (
        b"RESTRICTED: Equity Research",
        b"barrier - equity-research",
        b"compartment equity_research",
    ):
        assert patterns.find(text) == (0,), text
    assert patterns.find(b"our equity research desk is open") == ()
