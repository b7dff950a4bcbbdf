"""The keys under `switch` in a fleet file: each of them moves the plan, and what is rehearsed by it."""

from functools import cache
from itertools import pairwise

import msgspec
import pytest
from nacl.signing import SigningKey

from maso.clock import MS, SECOND
from maso.fleet.load import load, load_file
from maso.fleet.model import Fleet
from maso.fleet.model import Switch as Keys
from maso.fleet.resize import resize
from maso.fleet.starter import TEMPLATE
from maso.resilience.lease import DRIFT_NS, LEASE_NS, RENEW_NS
from maso.resilience.reconcile import Ask
from maso.resilience.switch import Renew, Switch, stop_plan
from maso.resilience.twopersons import CONFIRM_NS
from maso.scan.injection import InjectionDetector
from maso.scan.scanner import Scanner
from maso.sim.outages import parse
from maso.sim.rehearsal import Rehearsal, Result, Wish, hurried, prepare, regions_of
from maso.sim.till import Letter
from maso.sim.tower import persons, rehearsed
from maso.stress.dimension import Trial
from maso.stress.probes import shutdown_rig


@cache
def shop() -> Fleet:
    return resize(load_file("ecommerce-10k")[0], 30)


@cache
def scanner() -> Scanner:
    return Scanner(InjectionDetector())


def told(**keys: int) -> Fleet:
    return msgspec.structs.replace(shop(), switch=Keys(**keys))


def prepared(seed: int, *outages: str, rate: float | None = None, **keys: int) -> Rehearsal:
    fleet = hurried(told(**keys))
    if rate is not None:
        target = msgspec.structs.replace(fleet.target, in_flight_confirm_per_second=rate)
        fleet = msgspec.structs.replace(fleet, target=target)
    ready, rules = prepare(fleet)
    found = tuple(parse(text, regions_of(fleet)) for text in outages)
    # An immediate kill leaves most to the sweep.
    return Rehearsal(ready, rules, scanner(), Wish(seed, found, "system", immediate=rate is not None))


def rehearse(seed: int, *outages: str, **keys: int) -> tuple[Result, Rehearsal]:
    made = prepared(seed, *outages, **keys)
    return made.run(), made


def test_what_a_file_leaves_open_is_what_the_machines_have_by_themselves() -> None:
    plan = stop_plan(shop())
    assert (plan.lease_ns, plan.renew_ns, plan.drift_ns, plan.confirm_ns) == (
        LEASE_NS,
        RENEW_NS,
        DRIFT_NS,
        CONFIRM_NS,
    )


def test_a_file_says_it_and_the_plan_has_it() -> None:
    head, _, rest = TEMPLATE.partition("switch:")
    keys = "{lease_ms: 9000, renew_ms: 1500, drift_ms: 250, second_person_seconds: 45, calls_at_once: 7}"
    fleet = load(f"{head}switch: {keys}\n{rest[rest.index(chr(10) * 2) :]}").fleet
    assert fleet is not None
    plan, before = stop_plan(fleet), stop_plan(load(TEMPLATE).fleet)  # type: ignore[arg-type]
    assert plan.lease_ns == 9 * SECOND
    assert plan.renew_ns == 1_500 * MS
    assert plan.drift_ns == 250 * MS
    assert plan.confirm_ns == 45 * SECOND
    assert plan.asking.at_once == 7
    assert plan.bound_ns() - before.bound_ns() == 3 * SECOND + 150 * MS
    assert plan.bound_ns(partition=True) == 9 * SECOND + 250 * MS + plan.call_ns


def test_a_lease_that_is_said_to_be_longer_is_obeyed_longer() -> None:
    """Nobody hears the switch: everybody ends with the last lease."""

    def last(lease_ms: int) -> float:
        trial = Trial(fleet=told(lease_ms=lease_ms), size=30, at=1_000, target=30, seed=1, quick=True)
        return shutdown_rig.lossy(trial).values["last_action_lossy_s"]

    short, long = last(2_500), last(20_000)
    assert short < 2.6 + 10
    assert long - short == pytest.approx(17.5, abs=3)


def test_in_a_rehearsal_a_cut_off_platform_stops_with_its_lease() -> None:
    for lease_ms in (2_500, 15_000):
        result, made = rehearse(5, "partition@run+10m", lease_ms=lease_ms)
        cut_at = next(at for at, what in made.outages_seen if what.startswith("partition"))
        most = cut_at + (lease_ms + 100) * MS
        assert result.wrong == ()
        assert most - 3 * SECOND < made.platform.spoke_last <= most


def test_gateway_and_tools_take_leases_of_the_declared_length() -> None:
    made = prepared(3, lease_ms=15_000)
    result = made.run()
    assert result.wrong == ()
    assert made.till.booked
    assert not any("too long" in why for why in result.fenced)


def test_leases_are_renewed_as_often_as_declared() -> None:
    """So many in the first four seconds, for each type."""
    serials = []
    for renew_ms in (500, 2_000):
        switch = Switch(rehearsed(stop_plan(told(renew_ms=renew_ms))), persons(1)[0], SigningKey(bytes(32)))
        count = 0
        for now in range(0, 4 * SECOND, 10 * MS):
            count += sum(isinstance(effect, Renew) for effect in switch.advance(now))
        serials.append(count / len(shop().types))
    assert serials == [8, 2]


def test_clocks_of_a_rehearsal_drift_by_what_is_declared() -> None:
    result, made = rehearse(3, "clock-drift@run+10m", drift_ms=1_000)
    assert result.wrong == ()
    assert {abs(off) for off in made.scene.clocks.values()} == {1_000 * MS}
    assert result.bound_ms == stop_plan(shop()).bound_ns() // MS + 900


def test_one_persons_order_lapses_when_the_file_says() -> None:
    """The first order is held at its end, and two other people order again."""
    for seconds in (15, 50):
        result, made = rehearse(2, "second-silent@run", second_person_seconds=seconds)
        assert result.wrong == ()
        lapsed = [at for at, _, why in made.tower.calls if "in time" in why]
        asked = next(tell.at for tell in made.tower.tells if tell.stage > 0)
        assert lapsed
        assert seconds * SECOND <= lapsed[0] - asked <= (seconds + 1) * SECOND


def most_at_once(made: Rehearsal) -> list[int]:
    """How many calls of the sweep the gateway has in its hands, whenever one more has come."""
    seen: list[int] = []
    arrive = made.till.arrive

    def counted(letter: Letter) -> None:
        arrive(letter)
        if letter.source == "reconciler":
            seen.append(made.till._working)

    made.till.arrive = counted  # type: ignore[method-assign]
    return seen


def test_the_sweep_has_no_more_calls_out_than_the_file_says() -> None:
    """A slow gateway, at which everything is still open: the drain is broken off at once."""
    found = {}
    for at_once in (1, 3, 40):
        made = prepared(4, "gateway-slow@run+16m", calls_at_once=at_once)
        seen = most_at_once(made)
        result = made.run()
        assert result.wrong == ()
        found[at_once] = max(seen)
    assert found[1] == 1
    assert found[3] == 3
    assert found[40] > 3


def asked_at(made: Rehearsal) -> list[int]:
    """When the reconciler asks something."""
    times: list[int] = []
    pass_on = made.sweeper._ask

    def noted(ask: Ask) -> None:
        times.append(made.sim.kernel.now)
        pass_on(ask)

    made.sweeper._ask = noted  # type: ignore[method-assign]
    return times


@pytest.mark.parametrize(
    "outage", ["gateway-fails@reconcile+8s", "gateway-unsure@reconcile+20s", "lossy@run+5m"]
)
def test_a_rehearsed_sweep_keeps_the_declared_rate(outage: str) -> None:
    """Every question of it goes out at least a quarter of a second after the one before."""
    asked = 0
    for seed in range(1, 8):
        made = prepared(seed, outage, rate=4)
        times = asked_at(made)
        assert made.run().wrong == ()
        assert all(later - earlier >= SECOND // 4 for earlier, later in pairwise(times))
        asked += len(times)
    assert asked > 5
