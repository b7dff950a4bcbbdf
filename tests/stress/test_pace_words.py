"""What is said of PACE, for fleets that declare everything, little, and next to nothing."""

from functools import cache
from pathlib import Path

import pytest

from maso.findings import AnswerFinding
from maso.fleet.load import load, read_fleet
from maso.stress.dimensions.pace import DIMENSION
from maso.stress.engine.executors import Inline
from maso.stress.engine.study import Plan, Study
from maso.stress.engine.view import StudyView
from tests.stress.test_identity_words import TINY, _Nowhere

ASKED = [f"F3.{n}" for n in range(1, 6)] + [f"E6.{n}" for n in range(1, 6)]
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
    target = {"tiny": 1, "ecommerce-10k": 20, "fleet-100": 10}.get(name, 6)
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
    assert {answers("tiny")[f"F3.{n}"].key for n in range(1, 6)} == {"dependencies"}
    own = answers("own")
    assert own["F3.4"].key == "dependencies[].stale_minutes_max"
    assert own["E6.3"].key == "types[].pace.type.customer_message"
    assert own["E6.2"].key == "types[].pace.type.trigger_share"
    assert own["E6.4"].key == "governance.decision_rights.pace_transition"


@pytest.mark.parametrize("name", ["ecommerce-10k", "fleet-100", "tiny", "own"])
def test_everything_else_is_said(name: str) -> None:
    view = viewed(name)
    assert [row.id for row in DIMENSION.controls(view)] == ["PACE-1", "OB-2.2", "OB-3.2"]
    assert all(a.gives_up(view, a.id) and a.cost(view)[1] for a in DIMENSION.adaptations)
    assert all(d.who and d.why for d in DIMENSION.decisions(view))


def test_the_standard_breaks_and_what_is_declared_does_not() -> None:
    view = viewed("fleet-100")
    assert view.value("uninformed_share", ()) == 1
    assert view.value("uninformed_share") == 0
    assert {row.id: row.verdict for row in DIMENSION.controls(view)}["PACE-1"] == "adapts"
