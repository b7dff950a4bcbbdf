"""What is said of identity, for fleets that declare everything, little, and next to nothing."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from maso.findings import AnswerFinding
from maso.fleet.load import load, read_fleet
from maso.stress.dimensions.identity import DIMENSION
from maso.stress.engine.executors import Inline
from maso.stress.engine.store import Store
from maso.stress.engine.study import Plan, Study
from maso.stress.engine.view import StudyView
from maso.stress.registry import all_dimensions

TINY = """
fleet: tiny
kind: breadth
schemas: [{id: note, fields: {text: {type: text}}}]
types: [{id: a, clearance: {level: internal}}]
links: []
"""
PARTLY = """
fleet: partly
kind: depth
schemas: [{id: note, fields: {text: {type: text}}}, {id: ask, fields: {ref: {type: id}}}]
ports: [{id: db, source: tool}]
actions: [{id: db.read, port: db, schema: ask, answer: note}]
identity: {issuer: "https://issuer.example", audience: maso, token_minutes_max: 10}
types:
  - {id: a, actions: [db.read], service_account: agents/a, session_minutes_max: 20}
  - {id: b, session_minutes_max: 20}
links: [{from: a, to: b, schema: note}]
"""


@cache
def viewed(name: str) -> StudyView:
    """A quick study of a fleet at a small size, in this process; runs are kept nowhere."""
    text = {"tiny": TINY, "partly": PARTLY}.get(name) or read_fleet(name)[0].decode()
    file = load(text).file
    assert file is not None
    target = 1 if name == "tiny" else 6
    plan = Plan(file, text, target, quick=True, seed=1)
    study = Study(plan, [DIMENSION], Inline(), Store(Path("/nonexistent")), lambda *_: None)
    study.conduct()
    return StudyView(study, DIMENSION)


class _Nowhere(Store):
    """Keeps no run."""

    def find(self, key: str, job: Any) -> None:
        return None

    def keep(self, run: Any) -> None:
        return None


@pytest.fixture(autouse=True)
def _no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "find", _Nowhere.find)
    monkeypatch.setattr(Store, "keep", _Nowhere.keep)


def answers(name: str) -> dict[str, AnswerFinding]:
    return {q.id: q.answer(viewed(name)) for q in DIMENSION.questions}


def test_it_is_found_and_answers_its_four_questions() -> None:
    assert DIMENSION in all_dimensions()
    assert [q.id for q in DIMENSION.questions] == ["E4.1", "E4.2", "E4.3", "E4.4"]


def test_a_fleet_that_declares_everything_is_answered_by_measurement() -> None:
    found = answers("ecommerce-10k")
    assert {a.status for a in found.values()} == {"measured"}
    assert all(a.evidence and not a.key for a in found.values())
    assert found["E4.3"].value == 0
    assert found["E4.3"].text.startswith("No: with the key of one instance of 6 types")
    assert found["E4.4"].value == 60


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("tiny", {"E4.1": "identity", "E4.2": "workload.journeys", "E4.4": "types[].session_minutes_max"}),
        ("partly", {"E4.1": "types[].service_account", "E4.2": "workload.journeys"}),
        ("fleet-100", {"E4.1": "identity", "E4.2": "workload.journeys"}),
    ],
)
def test_what_is_not_declared_names_its_key(name: str, keys: dict[str, str]) -> None:
    found = answers(name)
    assert {q: a.key for q, a in found.items() if a.status == "missing"} == keys
    assert found["E4.3"].value == 0
    for answer in found.values():
        assert answer.text == answer.text.strip()
        assert "None" not in answer.text


def test_controls_hold_or_adapt_and_attack_paths_are_stopped() -> None:
    view = viewed("ecommerce-10k")
    rows = {row.id: row.verdict for row in DIMENSION.controls(view)}
    assert rows == {"IA-2.1": "adapts", "IA-2.2": "adapts", "IA-2.3": "holds", "IA-2.5": "adapts"}
    assert {path.outcome for path in DIMENSION.attack_paths(view)} == {"stopped"}
    assert all(d.who == "chief risk officer" for d in DIMENSION.decisions(view))


@pytest.mark.parametrize("name", ["tiny", "partly", "ecommerce-10k"])
def test_everything_else_is_said_without_figures_that_are_missing(name: str) -> None:
    view = viewed(name)
    said = [*DIMENSION.controls(view), *DIMENSION.decisions(view), *DIMENSION.costs(view)]
    said += [*DIMENSION.attack_paths(view)]
    adaptation = DIMENSION.adaptations[0]
    words = [str(one) for one in said] + [adaptation.gives_up(view, adaptation.id), adaptation.cost(view)[1]]
    assert not [w for w in words if " None" in w or "nan" in w.split()]


def test_every_list_of_the_report_is_in_the_details() -> None:
    view = viewed("ecommerce-10k")
    for one in DIMENSION.lists:
        rows = view.detail(one.probe, one.detail)
        assert all(len(row) == len(one.columns) for row in rows), one.id
        assert view.detail(one.probe, f"{one.detail}_total") is not None, one.id


def test_the_standard_breaks_and_what_is_declared_does_not() -> None:
    view = viewed("ecommerce-10k")
    for name in ("blast_radius_share", "stale_share", "outliving_share", "stolen_max_s"):
        broken, held = view.breaks(name, ()), view.breaks(name)
        assert broken is not None, name
        assert held is not None, name
        assert (broken.kind, held.kind) == ("measured", "none"), name
