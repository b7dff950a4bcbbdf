"""The shutdown dimension: its probes drive the real switch, leases, reconciler and rehearsals."""

from functools import cache

import msgspec
import pytest

from maso.clock import SECOND
from maso.fleet.load import load_file
from maso.fleet.model import Fleet
from maso.fleet.resize import resize
from maso.resilience import lease as lease_module
from maso.resilience.asking import terms
from maso.stress.dimension import Trial, adapted
from maso.stress.dimensions.shutdown import DIMENSION
from maso.stress.probes import shutdown_money, shutdown_rig, shutdown_try

STANDARD = dict(DIMENSION.standard)  # type: ignore[arg-type]


@cache
def fleet(name: str, size: int) -> Fleet:
    return resize(load_file(name)[0], size)


def trial(name: str, size: int, at: int | None = None, **controls: str) -> Trial:
    held = adapted(fleet(name, size), tuple(controls.items()))
    return Trial(fleet=held, size=size, at=at or size, target=size, seed=1, quick=True)


def test_leases_end_everybody_at_once_and_the_platform_one_by_one() -> None:
    leased, told = (shutdown_rig.stop(trial("ecommerce-10k", 2_000, **c)) for c in ({}, STANDARD))  # type: ignore[arg-type]
    assert leased.values["last_action_s"] < 3 < told.values["last_action_s"]
    assert told.values["stop_messages"] == 12_000 > 10 * leased.values["stop_messages"]
    assert leased.values["last_action_s"] < leased.values["bound_s"]


def test_where_nobody_hears_anything_leases_run_out_and_told_agents_go_on() -> None:
    cut = shutdown_rig.lossy(trial("ecommerce-10k", 500, 1_000)).values["last_action_lossy_s"]
    plan = shutdown_rig.stop_plan(fleet("ecommerce-10k", 500))
    assert 3 < cut <= plan.bound_ns(partition=True) / 1e9
    told = shutdown_rig.lossy(trial("ecommerce-10k", 500, 1_000, **STANDARD))
    assert told.values["last_action_lossy_s"] == 3_600


def test_a_holder_that_ignores_its_end_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_module.Holder, "may_begin", lambda *_: True)
    monkeypatch.setattr(lease_module.Fence, "refuses", lambda *_: "")
    found = shutdown_rig.stop(trial("ecommerce-10k", 100))
    assert found.values["last_action_s"] == 3_600


def test_a_switch_in_every_region_keeps_a_cut_off_region_at_work() -> None:
    one = shutdown_rig.cut_off(trial("fleet-100", 60)).values["cut_off_share"]
    own = shutdown_rig.cut_off(trial("fleet-100", 60, stop_switches="per-region")).values["cut_off_share"]
    assert one > 0.1
    assert own == 0


def test_more_regions_change_little() -> None:
    found = shutdown_rig.spread(trial("fleet-100", 60, 16)).values["last_action_regions_s"]
    assert found < 5


def test_a_sweep_is_watched_to_its_end() -> None:
    """A capped time would look like a limit: 4,000 payments at a call in four seconds take hours."""
    assert shutdown_money.sweep(4_000, 0.25, terms(0.25, SECOND)).seconds == 16_000


def test_a_sweep_at_the_gateways_own_rate_repeats_nothing() -> None:
    assert shutdown_money.sweep(120, 10, terms(10, 2 * SECOND)) == (12.0, 0, 0)
    assert shutdown_money.sweep(120, 10, terms(10, 2 * SECOND), 2 * SECOND) == (14.0, 0, 0)
    assert shutdown_money.sweep(0, 10, terms(10, SECOND)) == (0.0, 0, 0)


def test_a_gateway_that_is_slower_than_declared_is_asked_less() -> None:
    """Half of what is declared: it is never idle, and few calls are repeated."""
    swept = shutdown_money.sweep(400, 5, terms(10, 10 * SECOND))
    assert (swept.seconds, swept.listed) == (80.0, 0)
    assert swept.repeats < 100


def test_what_is_open_grows_with_the_sessions() -> None:
    assert shutdown_money.most(10_000, 0.0) == 0
    assert shutdown_money.most(10_000, 0.01) == pytest.approx(140, abs=1)
    assert shutdown_money.most(10, 1.0) == 10


def test_payments_and_reservations_of_the_fleets_own_workload() -> None:
    few, many = (shutdown_money.in_flight(trial("ecommerce-10k", n)).values for n in (400, 4_000))
    assert 0 < few["payments_open"] < few["reservations_open"] < 0.2 * 400
    assert 4 < many["payments_open"] / few["payments_open"] < 10
    assert many["drain_holds"] == 600


def test_a_fleet_that_moves_no_money_has_none_open() -> None:
    values = shutdown_money.in_flight(trial("research-5", 5)).values
    assert "payments_open" not in values
    assert "reservations_open" not in values


def test_rehearsed_stops_leave_nothing_ambiguous() -> None:
    found = shutdown_try.halt_or_kill(trial("ecommerce-10k", 40))
    assert (found.values["ambiguous"], found.values["laws_broken"]) == (0, 0)
    assert found.details["sessions"] >= 30


def test_outages_stay_within_the_bound_and_the_platform_alone_does_not() -> None:
    leased = shutdown_try.independence(trial("ecommerce-10k", 20))
    assert (leased.values["outages_over_bound"], leased.values["outage_laws_broken"]) == (0, 0)
    assert int(next(r for r in leased.details["tried"] if r[0].startswith("orchestrator is"))[5]) > 0
    told = shutdown_try.independence(trial("ecommerce-10k", 20, **STANDARD))  # type: ignore[arg-type]
    failing = [case for case in shutdown_try._cases(fleet("ecommerce-10k", 20)) if not case.platform_tells]
    assert told.values["outages_over_bound"] == shutdown_try.TRIES_QUICK * len(failing)


def test_stages_without_words_are_counted() -> None:
    own = fleet("ecommerce-10k", 10)
    one = trial("ecommerce-10k", 10)
    assert shutdown_try.messages(one).values["stages_without_message"] == 0
    mute = tuple(msgspec.structs.replace(s, customer_message="") for s in own.shutdown)
    silent = msgspec.structs.replace(one, fleet=msgspec.structs.replace(own, shutdown=mute))
    assert shutdown_try.messages(silent).values["stages_without_message"] == 4
