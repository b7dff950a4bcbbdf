"""What is said of shutting down, for fleets that declare everything, little, and next to nothing."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from maso.findings import AnswerFinding
from maso.fleet.load import load, read_fleet
from maso.stress.dimensions.shutdown import DIMENSION
from maso.stress.engine.executors import Inline
from maso.stress.engine.study import Plan, Study
from maso.stress.engine.view import StudyView
from maso.stress.fit import extrapolate
from maso.stress.probes import shutdown_words
from tests.stress.test_identity_words import TINY, _Nowhere

ASKED = [f"F7.{n}" for n in range(1, 5)] + [f"E7.{n}" for n in range(1, 5)]
OWN = """
fleet: own
kind: depth
schemas: [{id: note, fields: {text: {type: text}}}]
ports: [{id: chat, source: customer}]
types: [{id: a, cluster: x}, {id: b, cluster: y}]
links: [{from: chat, to: a, schema: note}, {from: a, to: b, schema: note}]
clusters: [{id: x}, {id: y}]
dependencies: [{consumer: y, producer: x}]
"""


@cache
def viewed(name: str) -> StudyView:
    text = {"tiny": TINY, "own": OWN}.get(name) or read_fleet(name)[0].decode()
    file = load(text).file
    assert file is not None
    target = {"tiny": 1, "ecommerce-10k": 20, "fleet-100": 5}.get(name, 6)
    plan = Plan(file, text, target, quick=True, seed=1)
    study = Study(plan, [DIMENSION], Inline(), _Nowhere(Path("/nonexistent")), lambda *_: None)
    study.conduct()
    return StudyView(study, DIMENSION)


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
    assert "61 seconds if every answer takes 10 seconds, longer than the drain." in late.text


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
