"""The checker of invariant 11: silent when people release and producers lead, and it speaks otherwise."""

import msgspec
import pytest

from maso.evidence.records import GateRecord, encode_record
from maso.fleet.model import Cluster, Dependency, Fleet
from maso.plane.events import SetPhase
from maso.sim.checkers.emergency import OnlyPeopleLeaveEmergency
from maso.sim.checkers.turn import Declared, Turn
from tests.plane.small import SMALL

P, A, C, E = range(4)


def checker(*dependencies: Dependency) -> OnlyPeopleLeaveEmergency:
    names = ("a", "b", "c")
    fleet = msgspec.convert(SMALL, Fleet)
    fleet = msgspec.structs.replace(
        fleet, clusters=tuple(Cluster(id=name) for name in names), dependencies=dependencies
    )
    return OnlyPeopleLeaveEmergency(Declared(fleet))


def told(
    c: OnlyPeopleLeaveEmergency, scope: str, phase: int, by: str = "", share: int = 1000, outcome: int = 0
) -> str:
    event = SetPhase(scope, phase, "why", by, share)
    record = GateRecord(5, "phase", scope, phase, outcome, "why", by, share)
    return c.turn(Turn(event, [], (encode_record(record),), 5))


def test_a_person_releases() -> None:
    c = checker()
    assert told(c, "type:payment", E) == ""
    assert told(c, "type:payment", C, "incident commander", 10) == ""
    assert told(c, "type:payment", C, "incident commander") == ""
    assert told(c, "type:payment", A) == ""


@pytest.mark.parametrize("share", [10, 1000])
@pytest.mark.parametrize("scope", ["type:payment", "cluster:a", "system", "instance:7"])
def test_nothing_leaves_emergency_by_itself(scope: str, share: int) -> None:
    c = checker()
    told(c, scope, E)
    assert told(c, scope, C, "", share) == f"{scope} left Emergency by itself (why)"


def test_what_was_refused_changed_nothing() -> None:
    c = checker()
    told(c, "type:payment", E)
    assert told(c, "type:payment", P, "", 1000, 3) == ""
    assert told(c, "type:payment", P) != ""


def test_a_consumer_does_not_come_back_before_its_producer() -> None:
    c = checker(Dependency(consumer="b", producer="a", on_contingency="cascade"))
    told(c, "cluster:a", C)
    told(c, "cluster:b", C)
    early = "cluster b came back before a, on which it depends"
    assert told(c, "cluster:b", A) == early
    told(c, "cluster:b", C)
    assert told(c, "cluster:b", A, "", 10) == early
    assert told(c, "cluster:a", A, "", 500) == ""
    assert told(c, "cluster:b", A) == early  # a share of the producer is not the producer
    told(c, "cluster:b", C)
    assert told(c, "cluster:a", A) == ""
    assert told(c, "cluster:b", P) == ""  # `continue` in Alternate


@pytest.mark.parametrize(
    ("response", "policy", "best"),
    [
        ("stale", "automatic", A),
        ("fallback", "automatic", A),
        ("cascade", "automatic", C),
        ("cascade", "assess", A),
    ],
)
def test_what_a_dependency_lets_its_consumer_be(response: str, policy: str, best: int) -> None:
    d = msgspec.convert(
        {"consumer": "b", "producer": "a", "on_contingency": response, "policy": policy}, Dependency
    )
    for phase in (P, A, C):
        c = checker(d)
        told(c, "cluster:a", C)
        told(c, "cluster:b", E)
        assert (told(c, "cluster:b", phase, "incident commander") == "") is (phase >= best)


def test_round_a_circle_no_order_is_asked_for() -> None:
    c = checker(
        Dependency(consumer="b", producer="a", on_contingency="cascade"),
        Dependency(consumer="a", producer="b", on_contingency="cascade"),
    )
    told(c, "cluster:a", C)
    told(c, "cluster:b", C)
    assert told(c, "cluster:a", A) == ""
