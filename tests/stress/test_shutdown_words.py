"""What is said of shutting down, for fleets that declare everything, little, and next to nothing."""

from functools import cache
from typing import Any

import msgspec
import pytest

from maso.findings import AnswerFinding
from maso.fleet.load import read_fleet
from maso.stress.dimension import Spread
from maso.stress.dimensions.shutdown import DIMENSION
from maso.stress.engine.view import StudyView
from maso.stress.fit import extrapolate
from maso.stress.probes import shutdown_rig, shutdown_words
from tests.stress.conducted import OWN, conducted
from tests.stress.test_identity_words import TINY

ASKED = [f"F7.{n}" for n in range(1, 5)] + [f"E7.{n}" for n in range(1, 5)]


@cache
def viewed(name: str) -> StudyView:
    text = {"tiny": TINY, "own": OWN}.get(name) or read_fleet(name)[0].decode()
    target = {"tiny": 1, "ecommerce-10k": 20, "fleet-100": 5}.get(name, 6)
    return StudyView(conducted(text, target, DIMENSION), DIMENSION)


@cache
def answers(name: str) -> dict[str, AnswerFinding]:
    return {q.id: q.answer(viewed(name)) for q in DIMENSION.questions}


@pytest.mark.parametrize("name", ["ecommerce-10k", "fleet-100", "tiny", "own"])
def test_every_question_is_answered_or_names_its_key(name: str) -> None:
    found = answers(name)
    assert sorted(found) == sorted(ASKED)
    for one in found.values():
        assert one.text
        assert (one.status == "missing") == bool(one.key)
        assert "not measured" not in one.text or name in ("tiny", "own")


@pytest.mark.parametrize("name", ["ecommerce-10k", "fleet-100"])
def test_built_in_fleets_miss_nothing(name: str) -> None:
    assert not {q: a.key for q, a in answers(name).items() if a.status == "missing"}


def test_what_is_not_declared_names_its_key() -> None:
    keys = {q: a.key for q, a in answers("own").items() if a.key}
    assert keys == {
        "F7.1": "shutdown", "F7.2": "actions[].irreversible", "F7.3": "shutdown",
        "E7.1": "actions[].operation", "E7.2": "target.in_flight_confirm_per_second", "E7.4": "shutdown",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["ecommerce-10k", "fleet-100", "tiny", "own"])
def test_everything_else_is_said(name: str) -> None:
    view = viewed(name)
    assert [row.id for row in DIMENSION.controls(view)] == ["OB-3.2", "EC-2.6"]
    assert all(a.gives_up(view, a.id) and a.cost(view)[1] for a in DIMENSION.adaptations)
    assert all(d.who and d.why for d in DIMENSION.decisions(view))


class _Slow:
    """A view in which a sweep takes so long while every answer takes the longest that one may."""

    def __init__(self, view: StudyView, seconds: float) -> None:
        self._view, self._seconds = view, seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._view, name)

    def value(self, quantity: str, *more: Any, **named: Any) -> float | None:
        return self._seconds if quantity == "sweep_slow_s" else self._view.value(quantity, *more, **named)


def test_the_gateway_takes_the_sweep_at_its_own_pace_and_slow_answers_are_told() -> None:
    text = answers("ecommerce-10k")["E7.2"].text
    assert text.startswith("Yes: it takes 10 calls a second")
    assert "asks no faster than that" in text
    assert "longer than the drain" not in text
    late = shutdown_words.gateway(_Slow(viewed("ecommerce-10k"), 61.0))  # type: ignore[arg-type]
    assert "61 seconds if every answer takes 10 seconds, longer than the drain (`target" in late.text


def test_one_is_not_told_as_many() -> None:
    assert shutdown_words._under_way(92.0, "payments") == "92 payments are"
    assert shutdown_words._under_way(1.0, "trades") == "1 trade is"
    assert (
        shutdown_words._under_way(1.0, "calls that cannot be taken back")
        == "1 call that cannot be taken back is"
    )


def test_leases_hold_where_the_platform_alone_breaks() -> None:
    view = viewed("ecommerce-10k")
    assert view.value("outages_over_bound") == 0
    assert {row.id: row.verdict for row in DIMENSION.controls(view)}["OB-3.2"] == "adapts"


def test_what_is_open_only_at_the_largest_size_is_not_extrapolated() -> None:
    """Few payments are open in few sessions: often none but at the largest size."""
    assert extrapolate([(1, 0.0), (2, 0.0), (4, 0.0), (8, 0.0), (20, 0.0), (40, 2.0)], 100.0) is None


@pytest.mark.parametrize("name", ["ecommerce-10k", "fleet-100", "own"])
def test_figures_in_the_answers_are_those_of_their_quantities(name: str) -> None:
    """The same number in the text, the value and the quantity; the worst is never better than the best."""
    view, told = viewed(name), answers(name)
    worst, took = view.value("worst_outage_s"), view.value("last_action_s")
    own, bound = view.value("worst_platform_s"), view.value("bound_s")
    assert told["F7.1"].value == bound
    if worst is None or own is None or took is None or bound is None:
        assert told["F7.4"].status == told["E7.3"].status == "not_checked"
        return
    assert own <= worst <= bound
    said = shutdown_words._seconds(worst)
    assert said in told["F7.1"].text
    assert said in told["F7.4"].text
    assert shutdown_words._seconds(own) in told["E7.3"].text
    assert shutdown_words._seconds(bound) in told["F7.1"].text
    assert told["F7.4"].value == view.value("outages_over_bound")
    assert told["E7.3"].value == view.value("platform_over_bound")
    assert told["E7.3"].text != told["F7.4"].text
    rows = view.detail("independence", "tried")
    shown = [float(row[2].replace(",", "")) for row in rows if row[2] != "nothing acted"]
    assert max(shown, default=0.0) == pytest.approx(worst, abs=0.06)
    assert sum(int(row[1]) for row in rows[1:]) == view.detail("independence", "stops")


def test_a_stop_that_nobody_obeys_lasts_through_its_stages() -> None:
    """As in a live drill: a deaf platform acts until nothing of it is served or written any more."""
    view = viewed("ecommerce-10k")
    plan = shutdown_rig.stop_plan(view.fleet)
    drain = plan.ceilings[shutdown_rig.Stage.DRAIN] / 1e9
    assert drain / 2 < (view.value("worst_platform_s") or 0) <= (view.value("bound_s") or 0)


def test_ranges_that_overlap_show_no_difference() -> None:
    def halted(low: float, high: float) -> AnswerFinding:
        spread = Spread((low + high) / 2, low, high)
        return shutdown_words.halt_or_kill(_Spread(viewed("ecommerce-10k"), spread))  # type: ignore[arg-type]

    assert halted(50.0, 120.0).value == "no difference shown"
    assert "overlap" in halted(50.0, 120.0).text
    clear = halted(10.0, 40.0)
    assert clear.value == 75.0
    assert "(from 10 to 40)" in clear.text
    assert "(from 50 to 150)" in clear.text


class _Spread:
    """A view in which an immediate kill leaves 50 to 150 items, and a halt something else."""

    def __init__(self, view: StudyView, left: Spread) -> None:
        self._view, self._left = view, left

    def spread(self, quantity: str, adaptations: tuple[str, ...] | None = None) -> Spread | None:
        if quantity == "drained":
            return Spread(1.0, 1.0, 1.0)
        return self._left if adaptations else Spread(100.0, 50.0, 150.0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._view, name)


def test_the_bound_is_held_against_what_is_declared_for_it() -> None:
    assert "is not declared (`target.stop_seconds_max`)" in answers("ecommerce-10k")["F7.1"].text
    declared = _Declared(viewed("ecommerce-10k"), 60.0)
    text = shutdown_words.longest(declared).text  # type: ignore[arg-type]
    assert "At most 60 seconds are declared (`target.stop_seconds_max`): not kept." in text
    fleet = declared.fleet
    budgets = {q.id: q.budget(fleet) for p in DIMENSION.probes for q in p.quantities}
    for name in ("bound_s", "last_action_s", "worst_outage_s", "last_action_lossy_s"):
        assert budgets[name] == (60.0, "max", "target.stop_seconds_max")


class _Declared:
    def __init__(self, view: StudyView, seconds: float) -> None:
        self._view = view
        target = msgspec.structs.replace(view.fleet.target, stop_seconds_max=seconds)
        self.fleet = msgspec.structs.replace(view.fleet, target=target)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._view, name)


def test_the_switch_that_leases_are_from_is_in_the_costs() -> None:
    view = viewed("ecommerce-10k")
    (line,) = DIMENSION.costs(view)
    assert line.usd_month == view.fleet.prices.core_usd_month
