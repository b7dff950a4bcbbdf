"""The PACE dimension: its probes drive the real coordinator, and notice when it takes another way."""

from functools import cache

import msgspec
import pytest

from maso.fleet.load import load_file
from maso.fleet.model import Fleet
from maso.fleet.resize import resize
from maso.resilience import cascade as cascade_module
from maso.resilience import clusters as clusters_module
from maso.resilience import counters
from maso.resilience.pace import Phase
from maso.stress.dimension import Outcome, Trial, adapted
from maso.stress.dimensions.pace import DIMENSION
from maso.stress.probes import pace_cascade, pace_posture, pace_signals
from maso.stress.probes.pace_stage import Stage, most_critical

STANDARD = dict(DIMENSION.standard)  # type: ignore[arg-type]


@cache
def fleet(name: str, size: int) -> Fleet:
    return resize(load_file(name)[0], size)


def trial(name: str, size: int, **controls: str) -> Trial:
    held = adapted(fleet(name, size), tuple(controls.items()))
    return Trial(fleet=held, size=size, at=size, target=size, seed=1, quick=True)


def rows(outcome: Outcome, name: str) -> list[list[str]]:
    return outcome.details[name]


def test_a_cluster_in_emergency_takes_along_what_the_file_says() -> None:
    found = pace_cascade.cascade(trial("fleet-100", 100))
    first = next(r for r in rows(found, "cascade") if r[:2] == ["equity-research", "emergency"])
    assert first[2].count(" emergency") == 9
    assert found.values["lost_share"] == pytest.approx(0.9)
    assert found.values["cascade_depth"] == 4
    assert found.values["uninformed_share"] == 0


def test_fallbacks_hold_the_cascade_back_and_three_axes_tell_nobody() -> None:
    held = pace_cascade.cascade(trial("fleet-100", 100, pace_on_emergency="fallback"))
    assert held.values["lost_share"] == 0
    alone = pace_cascade.cascade(trial("fleet-100", 100, pace_axes="three"))
    assert alone.values["uninformed_share"] == 1
    assert alone.values["clusters_moved"] == 0


def test_who_returns_before_a_producer_is_seen() -> None:
    four = pace_cascade.recovery(trial("fleet-100", 60))
    assert four.values["returns_too_early"] == 0
    assert pace_cascade.recovery(trial("fleet-100", 60, **STANDARD)).values["returns_too_early"] > 0


def test_the_order_of_recovery_has_every_cluster_and_its_producers() -> None:
    found = rows(pace_cascade.recovery(trial("ecommerce-10k", 100)), "order")
    assert [(r[1], r[4]) for r in found] == [
        ("storefront", "nobody"),
        ("checkout", "storefront in Alternate or better"),
        ("aftersales", "checkout in Alternate or better"),
    ]  # fmt: skip


def test_one_instance_moves_nothing_and_enough_of_them_do() -> None:
    found = pace_signals.apart(trial("ecommerce-10k", 500))
    assert found.values["moved_by_one"] == 0
    assert pace_signals.apart(trial("ecommerce-10k", 500, pace_evidence="signals")).values["moved_by_one"] > 0
    # More than a fifth of those heard from, and never fewer than one in fifty.
    assert 10 < found.values["hostile_needed"] < 250


def test_a_counter_that_counts_repeats_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maso.resilience.plan.Evidence", counters.SignalEvidence)
    assert pace_signals.apart(trial("ecommerce-10k", 50)).values["moved_by_one"] > 0


def test_a_cascade_that_does_not_follow_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (cascade_module, clusters_module):
        monkeypatch.setattr(module, "floor_of", lambda _chosen, _producer: Phase.PRIMARY)
    assert pace_cascade.cascade(trial("fleet-100", 50)).values["clusters_moved"] == 0


def test_a_supply_that_comes_and_goes_is_returned_to_a_few_times_a_day() -> None:
    held = pace_signals.flapping(trial("ecommerce-10k", 100))
    wild = pace_signals.flapping(trial("ecommerce-10k", 100, pace_hysteresis="none"))
    assert held.values["returns_per_day"] <= 3 < wild.values["returns_per_day"]


def test_smaller_steps_return_fewer_in_a_second() -> None:
    peak = {
        way: pace_signals.returning(trial("ecommerce-10k", 4_000, pace_return=way)).values["return_peak"]
        for way in ("at-once", "steps", "small-steps")
    }
    assert peak["at-once"] > 1.5 * peak["steps"] > 5 * peak["small-steps"]


def test_those_who_never_call_what_is_scarce_do_not_wait_for_it() -> None:
    found = pace_signals.returning(trial("ecommerce-10k", 1_000))
    limit, key, share = pace_signals.tightest(fleet("ecommerce-10k", 1_000))
    assert (key, limit) == ("ports[payment_gateway].calls_per_minute_max", 100)
    assert found.details["waiting"] == round(1_000 * share) < 1_000


def test_a_type_that_fails_is_found_within_its_window() -> None:
    found = pace_signals.signals(trial("ecommerce-10k", 1_000))
    assert 0 < found.values["detect_s"] < 120


def test_customers_are_shown_what_is_declared_or_the_type_is_counted() -> None:
    assert pace_signals.customers(trial("ecommerce-10k", 10)).values["types_without_message"] == 0
    told = fleet("ecommerce-10k", 10)
    mute = tuple(
        msgspec.structs.replace(
            t,
            pace=msgspec.structs.replace(
                t.pace, type=msgspec.structs.replace(t.pace.type, customer_message="")
            ),
        )
        for t in told.types
    )
    silent = msgspec.structs.replace(told, types=mute)
    one = Trial(fleet=silent, size=10, at=10, target=10, seed=1, quick=True)
    assert pace_signals.customers(one).values["types_without_message"] == 6


def test_a_phase_has_more_of_the_actions_checked_and_refuses_more() -> None:
    found = pace_posture.posture(trial("ecommerce-10k", 10_000))
    shares = [found.values[f"checked_{phase}_share"] for phase in ("primary", "alternate", "contingency")]
    assert 0 < shares[0] < shares[1] < shares[2] < 1
    # Orders wait for a person there, so that few come as far as a payment that would be refused.
    assert rows(found, "posture")[2][3] != "0.0%" == rows(found, "posture")[1][3]
    assert [row[0] for row in rows(found, "posture")] == ["primary", "alternate", "contingency"]
    other = pace_posture.posture(trial("fleet-100", 50))
    assert other.values["checked_alternate_share"] > other.values["checked_primary_share"]
    assert other.values["refused_contingency_share"] > 0


def test_a_plane_that_does_not_draw_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maso.controls.endorse.drawn", lambda _key, _digest, _milli: False)
    found = pace_posture.posture(trial("ecommerce-10k", 60))
    assert found.values["checked_alternate_share"] == pytest.approx(
        found.values["checked_primary_share"], abs=0.02
    )


def test_the_same_trial_gives_the_same() -> None:
    one = trial("fleet-100", 40)
    assert pace_cascade.recovery(one) == pace_cascade.recovery(one)
    assert pace_signals.flapping(one) == pace_signals.flapping(one)


def test_an_orchestrator_in_another_region_learns_later() -> None:
    stage = Stage(fleet("fleet-100", 100))
    assert stage.way("equity-research", "asset-management") < stage.way("equity-research", "wealth-advice")
    assert most_critical(fleet("ecommerce-10k", 10)).id == "payment"
