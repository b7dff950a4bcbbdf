"""Every adversary achieves its effect when the controls in its way are off, and nothing when they are on."""

import json
from itertools import product

import pytest

from maso.plane.events import SetPhase, SetStage
from maso.resilience.pace import Phase
from maso.sim.adversaries.catalog import ADVERSARIES
from maso.sim.adversaries.ground import HOSTILE_SESSIONS_FROM
from maso.sim.adversaries.strike import Adversary
from tests.sim_adversaries import blind
from tests.sim_adversaries.offs import OFF
from tests.sim_adversaries.target import Range

# Bytes in which there is no envelope, and credentials that name nobody, have nothing to achieve: with every
# control off there is still nothing that could be delivered or admitted.
NOTHING_IN_IT = {
    *product(["junk-bytes"], ["empty", "cut", "random", "nested", "map", "unicode"]),
    *product(["forged-admission"], ["unknown type", "cut"]),
}
ALL = [(a, v) for a in ADVERSARIES for v in a.variants]
REAL = [(a, v) for a, v in ALL if (a.id, v) not in NOTHING_IN_IT]
# What the checkers see when the controls are off; the other attacks are about what no checker promises to
# watch (MACs, schemas, budgets, signatures of documents), and only their own truth shows them.
SEEN = {
    "replayed": "fail closed",
    "reordered": "fail closed",
    "expired-credential": "fail closed",
    "ended-instance": "fail closed",
    "colliding-number": "one session, one type",
    "wrong-session": "one session, one type",
    "undeclared-way": "one session, one type",
    "data-as-instruction": "one session, one type",
    "unlabelled": "fail closed",
    "direct-call": "no authority from asking",
    "laundered": "no authority from asking",
    "over-scope": "no authority from asking",
    "expired-contract": "no authority from asking",
    "widened-chain": "no authority from asking",
    "delegation-circle": "no authority from asking",
    "self-willed": "privileged actions are vouched for",
    "changed-after-confirmation": "privileged actions are vouched for",
    "replayed-endorsement": "privileged actions are vouched for",
    "injection-customer": "privileged actions are vouched for",
    "injection-tool": "privileged actions are vouched for",
    "injection-document": "privileged actions are vouched for",
    "left-out-parents": "labels only rise",
    "through-a-neighbour": "labels only rise",
    "exfiltrated": "labels only rise",
    "secret-through-strict-flow": "labels only rise",
    "across-a-barrier": "labels only rise",
    "pasted-card": "cardholder data stays in payment",
    "leaked-card": "cardholder data stays in payment",
    "inflated-claim": "confidence only falls",
    "invented-evidence": "confidence only falls",
}


def _id(pair: tuple[Adversary, str]) -> str:
    return f"{pair[0].id}: {pair[1]}" if pair[1] else pair[0].id


@pytest.mark.parametrize("pair", ALL, ids=_id)
def test_nothing_is_achieved_with_the_controls_on(pair: tuple[Adversary, str]) -> None:
    range_ = Range()
    strike = range_.strike(*pair)
    assert strike.planted, "the target fleet has a surface for everything"
    assert strike.achieved == []
    assert strike.reasons, "something spoke"
    assert range_.suite.texts() == ()


@pytest.mark.parametrize("pair", REAL, ids=_id)
def test_the_effect_is_real_with_the_controls_off(pair: tuple[Adversary, str]) -> None:
    adversary, variant = pair
    range_ = Range()
    for off in OFF[adversary.id]:
        off(range_)
    strike = range_.strike(adversary, variant)
    assert strike.achieved
    assert [f"{p.what}, record {p.ref}" if p.ref else p.what for p in strike.places] == strike.achieved
    expected = SEEN.get(adversary.id)
    assert expected is None or range_.suite.counts[expected], dict(range_.suite.counts)


def test_every_adversary_is_described_once_and_completely() -> None:
    ids = [a.id for a in ADVERSARIES]
    assert len(ids) == len(set(ids))
    assert set(OFF) == set(ids)
    for adversary in ADVERSARIES:
        assert adversary.effect
        assert adversary.controls
        assert 1 <= adversary.invariant <= 11
        assert len(set(adversary.variants)) == len(adversary.variants) > 0


def test_two_runs_of_one_seed_leave_the_same_bytes() -> None:
    def run(seed: int) -> list[bytes]:
        range_ = Range(seed=seed)
        for adversary in ADVERSARIES[:20]:
            range_.strike(adversary, adversary.variants[0])
        return range_.log.bodies

    one = run(1)
    assert run(1) == one
    assert run(2) != one


def test_hostile_sessions_are_their_own() -> None:
    range_ = Range()
    for adversary, variant in ALL:
        range_.mix.attempt(adversary, variant, range_._draw)
    for number in range_.plane.state.sessions:
        assert number == 0 or number >= HOSTILE_SESSIONS_FROM


def test_the_toll_counts_what_stopped_an_attempt_and_what_has_no_surface() -> None:
    range_ = Range()
    by_id = {a.id: a for a in ADVERSARIES}
    range_.mix.adversaries = (by_id["loop"], by_id["leaked-card"])
    range_.strike(by_id["loop"], "")
    loop, card = range_.mix.tolls()
    assert (loop.planted, loop.stopped, loop.quiet, loop.achieved) == (1, {"LOOP/repeated": 1}, 0, ())
    assert card.planted == 0
    assert range_.mix.achieved == 0
    assert json.dumps(loop.stopped)


def test_without_a_surface_it_is_not_applicable_and_says_why() -> None:
    import copy

    import msgspec

    from maso.fleet.model import Fleet
    from tests.sim_adversaries.target import TARGET

    bare = copy.deepcopy(TARGET)
    bare["delegations"] = []
    range_ = Range(msgspec.convert(bare, Fleet))
    laundered = next(a for a in ADVERSARIES if a.id == "laundered")
    range_.mix.adversaries = (laundered,)
    strike = range_.strike(laundered, laundered.variants[0])
    (toll,) = range_.mix.tolls()
    assert strike.planted == toll.planted == 0
    assert toll.not_applicable == {"the fleet declares no delegation": 1}


# A victim that PACE silences is not silenced by a flood.

FLOOD = next(a for a in ADVERSARIES if a.id == "channel-flood")


@pytest.mark.parametrize("gate", [SetPhase("system", int(Phase.EMERGENCY)), SetStage("type:clerk", 4)])
def test_a_flood_achieves_nothing_where_a_gate_forbids_the_victim_to_speak(gate: object) -> None:
    range_ = Range()
    range_.handle(gate)
    for _ in range(8):  # some of them draw a victim that the gate silences
        assert range_.strike(FLOOD, "").achieved == []
    spoke = {reason for _, strike, _ in range_.mix._strikes for reason in strike.reasons}
    assert spoke & {"PACE-1/phase", "OB-3.2/stage"}, "no victim was silenced: this test shows nothing"


def test_a_flood_that_silences_its_victim_is_found_in_any_phase() -> None:
    range_ = Range()
    range_.handle(SetPhase("system", int(Phase.EMERGENCY)))
    blind.one_channel(range_)
    strike = range_.strike(FLOOD, "")
    assert strike.achieved == [f"the victim was silenced, record {strike.refs[-1]}"]
    assert strike.reasons[-1] == "IA-2.1/channel-closed"
