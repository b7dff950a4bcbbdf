"""Each thing that a phase changes, by itself: entering it changes what the plane does, the return undoes it.

Judged shares, tools that only read, a person's approval; what customers are told is the coordinator's
(`tests/resilience/test_coordinator.py`) and a whole run's (`tests/sim/test_faults.py`).
"""

from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maso.controls.endorse import CUSTOMER, FACTS, PERSON
from maso.evidence.records import MessageRecord
from maso.fleet.builtins import builtin_names
from maso.fleet.load import load_fleet
from maso.fleet.model import Fleet
from maso.plane.effects import Ask, Perform
from maso.plane.events import Answer, Deadline, SetPhase
from maso.resilience.allowances import RISKS, TABLE, drawn, higher, judge_milli
from maso.resilience.pace import Phase
from tests.plane.small import SMALL, Rig, names, reasons

P, A, C, E = Phase
ORDER = {"basket": "b1", "total": 100}
TRIES = 400


def rig_of(risk: str, **agent: object) -> Rig:
    fleet = msgspec.to_builtins(msgspec.convert(SMALL, Fleet))
    for kind in fleet["types"]:
        kind.update(risk=risk, budgets={}, **agent)
    for action in fleet["actions"]:
        action["risk"] = "medium"
    return Rig(msgspec.convert(fleet, Fleet))


def judged(rig: Rig, sender: int, count: int = TRIES) -> Iterator[bool]:
    """Of harmless, unprivileged actions, whether the facts are asked about each; all are done in the end."""
    for i in range(count):
        word = "".join(chr(97 + i // 26**k % 26) for k in range(3))
        effects = rig.act(sender, "catalogue.search", {"query": f"shoes {word}"})
        asked = isinstance(effects[0], Ask)
        if isinstance(effects[0], Ask):
            assert effects[0].kind == FACTS
            effects = rig.plane.handle(Answer(effects[0].hold, FACTS, True), rig.now)
        assert names(effects) == ("Perform",)
        yield asked


def share(rig: Rig, sender: int) -> float:
    return sum(judged(rig, sender)) / TRIES


@pytest.mark.parametrize("risk", RISKS)
def test_the_share_that_is_judged_follows_the_phase_and_the_return_undoes_it(risk: str) -> None:
    rig = rig_of(risk)
    s = rig.session()
    assert share(rig, s["cart"]) == 0
    for phase in (A, C):
        rig.plane.handle(SetPhase("type:cart", phase), rig.now)
        wanted = TABLE[risk, phase].judge_milli / 1000
        # Four standard deviations of a draw with this chance.
        assert share(rig, s["cart"]) == pytest.approx(wanted, abs=4 * (wanted * (1 - wanted) / TRIES) ** 0.5)
    rig.plane.handle(SetPhase("type:cart", P, "steady"), rig.now)
    assert share(rig, s["cart"]) == 0


def test_what_was_judged_stands_in_the_evidence() -> None:
    rig = rig_of("high")
    s = rig.session()
    rig.plane.handle(SetPhase("type:cart", C), rig.now)
    (ask,) = rig.act(s["cart"], "catalogue.search", {"query": "shoes"})
    assert isinstance(ask, Ask)
    record = [r for r in rig.log.records() if isinstance(r, MessageRecord)][-1]
    assert record.findings == (("PACE-1/judged", "facts"),)
    assert record.ask == FACTS


def test_a_declared_share_is_kept_where_it_is_higher_than_the_phase_asks_for() -> None:
    rig = rig_of("medium", judge=1.0)
    s = rig.session()
    rig.plane.handle(SetPhase("type:cart", A), rig.now)
    assert share(rig, s["cart"]) == 1


@pytest.mark.parametrize("how", ["refused", "silence", "another answers"])
def test_what_is_judged_is_not_done_without_a_verdict(how: str) -> None:
    rig = rig_of("high")
    s = rig.session()
    rig.plane.handle(SetPhase("type:cart", C), rig.now)
    (ask,) = rig.act(s["cart"], "catalogue.search", {"query": "shoes"})
    assert isinstance(ask, Ask)
    event = {
        "refused": Answer(ask.hold, FACTS, False),
        "silence": Deadline(ask.hold),
        "another answers": Answer(ask.hold, CUSTOMER, True),
    }[how]
    assert names(rig.plane.handle(event, rig.now)) == ("Refuse",)


def test_asking_again_is_drawn_again_the_same_and_a_phase_that_fell_meanwhile_draws_more() -> None:
    rig = rig_of("high")
    s = rig.session()
    rig.plane.handle(SetPhase("type:cart", A), rig.now)
    first = list(judged(rig, s["cart"], 40))
    assert 0 < sum(first) < 40
    assert list(judged(rig, s["cart"], 40)) == first
    held = rig_of("high")
    s = held.session()
    held.plane.handle(SetPhase("type:cart", C), held.now)
    (ask,) = held.act(s["cart"], "order.create", ORDER)
    assert isinstance(ask, Ask)
    held.plane.handle(SetPhase("type:cart", E), held.now)
    assert reasons(held.plane.handle(Answer(ask.hold, ask.kind, True), held.now)) == ("PACE-1/phase",)


@given(st.binary(min_size=32, max_size=32), st.integers(0, 1000), st.integers(0, 1000))
def test_whoever_is_drawn_at_a_share_is_drawn_at_every_higher_one(digest: bytes, a: int, b: int) -> None:
    key = b"k" * 32
    low, high = sorted((a, b))
    assert drawn(key, digest, high) or not drawn(key, digest, low)
    assert drawn(key, digest, 1000)
    assert not drawn(key, digest, 0)


def test_who_has_no_key_cannot_tell_who_is_drawn() -> None:
    digests = [i.to_bytes(32, "big") for i in range(TRIES)]
    same = sum(drawn(b"a" * 32, d, 500) == drawn(b"b" * 32, d, 500) for d in digests)
    assert 0.4 < same / TRIES < 0.6


def outcome(rig: Rig, sender: int, body: dict[str, object], action: str = "order.create") -> list[int]:
    """Who is asked about an action until it is done; -1 where it is refused."""
    kinds: list[int] = []
    effects = rig.act(sender, action, body)
    while isinstance(effects[0], Ask):
        kinds.append(effects[0].kind)
        effects = rig.plane.handle(Answer(effects[0].hold, effects[0].kind, True), rig.now)
    return kinds if isinstance(effects[0], Perform) else [*kinds, -1]


def test_tools_only_read_in_contingency_and_write_again_after_the_return() -> None:
    rig = rig_of("critical")
    s = rig.session()
    before = outcome(rig, s["cart"], ORDER)
    assert before[-1] != -1
    rig.plane.handle(SetPhase("type:cart", C), rig.now)
    assert outcome(rig, s["cart"], ORDER) == [-1]
    assert outcome(rig, s["cart"], {"query": "shoes"}, "catalogue.search") == [FACTS]
    for phase in (A, P):
        rig.plane.handle(SetPhase("type:cart", phase, "steady"), rig.now)
        assert outcome(rig, s["cart"], ORDER) == before


def test_a_person_is_asked_in_contingency_and_no_more_after_the_return() -> None:
    rig = rig_of("high")
    s = rig.session()
    before = outcome(rig, s["cart"], ORDER)
    assert PERSON not in before
    rig.plane.handle(SetPhase("type:cart", C), rig.now)
    assert outcome(rig, s["cart"], ORDER) == [*before, PERSON]
    rig.plane.handle(SetPhase("type:cart", P, "steady"), rig.now)
    assert outcome(rig, s["cart"], ORDER) == before


@pytest.mark.parametrize("name", builtin_names())
def test_in_primary_every_privileged_critical_action_is_checked_whatever_the_ratio(name: str) -> None:
    """What the table calls 100% in Primary: EC-2.6 asks the facts about each of them, in every fleet here."""
    fleet = load_fleet(name)[0]
    for action in fleet.actions:
        if action.risk == "critical" and action.privileged:
            assert any("facts" in a.endorsed_by for a in action.arguments.values()), action.id
            # No untrusted source may determine all of them, so that one is always asked about.
            assert any(not a.sources for a in action.arguments.values() if "facts" in a.endorsed_by)


def test_no_type_or_action_is_judged_less_than_its_row() -> None:
    for risk in RISKS:
        for other in RISKS:
            for phase in Phase:
                assert judge_milli(higher(risk, other), phase, 0) >= TABLE[risk, phase].judge_milli
