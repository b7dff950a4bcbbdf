"""What is said of PACE, for fleets that declare everything, little, and next to nothing."""

from functools import cache

import pytest

from maso.findings import AnswerFinding, DimensionFinding, Findings, ListFinding
from maso.fleet.load import read_fleet
from maso.report.stress.cascade import worst
from maso.stress.dimensions.pace import DIMENSION
from maso.stress.engine.conclude import conclude
from maso.stress.engine.study import Study
from maso.stress.engine.view import StudyView
from maso.stress.saying import number
from tests.stress.conducted import OWN, conducted
from tests.stress.planted import MACHINE
from tests.stress.test_identity_words import TINY

ASKED = [f"F3.{n}" for n in range(1, 6)] + [f"E6.{n}" for n in range(1, 6)]

# A declared order of recovery that the dependencies overrule, roles of its own, and a till that is overrun.
CHAIN = """
fleet: chain
kind: depth
schemas: [{id: note, fields: {text: {type: text}}}]
ports: [{id: chat, source: customer}, {id: till, source: tool, calls_per_minute_max: 480}]
actions: [{id: pay, port: till, schema: note}]
types:
  - {id: a, cluster: x}
  - {id: b, cluster: y, risk: critical, actions: [pay]}
  - {id: b2, cluster: y}
  - {id: c, cluster: z}
  - {id: watcher, cluster: z, plane: control}
links: [{from: chat, to: a, schema: note}, {from: a, to: b, schema: note}, {from: b, to: c, schema: note}]
clusters: [{id: x, recovery_order: 3}, {id: y, recovery_order: 1}, {id: z, recovery_order: 2}]
dependencies:
  - {consumer: y, producer: x, on_contingency: fallback, on_emergency: fallback, fallback: the cache}
  - {consumer: z, producer: y, on_contingency: stale, on_emergency: cascade, stale_minutes_max: 30}
governance:
  decision_rights: {leave_emergency: incident commander, pace_transition: duty manager}
  risk_owner: the board
target: {blast_radius_share_max: 0.05}
"""
SLOW = "target: {blast_radius_share_max: 0.05}"
HURRY = "target: {blast_radius_share_max: 0.05, recovery_minutes_max: 30}"


@cache
def studied(name: str) -> Study:
    text = {"tiny": TINY, "own": OWN, "chain": CHAIN, "hurried": CHAIN.replace(SLOW, HURRY)}.get(name)
    text = text or read_fleet(name)[0].decode()
    target = {"tiny": 1, "ecommerce-10k": 20, "fleet-100": 10, "chain": 60, "hurried": 60}.get(name, 6)
    return conducted(text, target, DIMENSION)


@cache
def viewed(name: str) -> StudyView:
    return StudyView(studied(name), DIMENSION)


@cache
def found(name: str) -> Findings:
    return conclude(studied(name), MACHINE, "maso stress")


def said(name: str, question: str) -> str:
    return next(a.text for a in found(name).answers if a.question == question)


def listed(dimension: DimensionFinding, name: str) -> ListFinding:
    return next(one for one in dimension.lists if one.id == name)


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


# One figure, one source: what answers, tables, decisions and the picture say of the same thing is the same.

TWO = ["ecommerce-10k", "chain"]


@pytest.mark.parametrize("name", TWO)
def test_an_answer_has_the_value_of_a_quantity_that_it_cites(name: str) -> None:
    (dimension,) = found(name).dimensions
    at = {f"pace/{q.id}": q.at_target for q in dimension.quantities}
    for one in found(name).answers:
        if one.question in ASKED and one.question != "F3.4" and one.value is not None:
            assert one.value in [at[path] for path in one.evidence if path in at], one.question


@pytest.mark.parametrize("name", TWO)
def test_the_worst_cascade_is_the_same_row_in_the_answer_the_table_and_the_picture(name: str) -> None:
    (dimension,) = found(name).dimensions
    at = {q.id: q.at_target for q in dimension.quantities}
    table = listed(dimension, "cascade")
    cluster, phase, _, _, _, lost, later, others, _ = table.rows[0]
    assert worst(table)[:2] == (cluster, phase)
    assert f"The worst is `{cluster}` in {phase.capitalize()}: of all agents {lost} are" in said(name, "F3.2")
    assert f"{later} once stale data has run out, which is {others} of the agents outside" in said(
        name, "F3.2"
    )
    assert later == f"{100 * (at['lost_later_share'] or 0):.0f}%"
    assert max(int(row[5][:-1]) for row in table.rows) == round(100 * (at["lost_share"] or 0))


def test_shares_are_of_what_they_say() -> None:
    """`y` in Emergency takes `z` along: two agents of five, and of the three outside `y`."""
    assert "of all agents 40% are lost" in said("chain", "F3.2")
    assert "which is 67% of the agents outside `y`" in said("chain", "F3.2")


@pytest.mark.parametrize("name", TWO)
def test_the_time_of_recovery_is_one_figure(name: str) -> None:
    (dimension,) = found(name).dimensions
    now = next(q.at_target for q in dimension.quantities if q.id == "recovery_minutes")
    tables = {a.id: {b.quantity: b for b in a.before_after} for a in dimension.adaptations}
    other = tables["fourth-axis"]["recovery_minutes"]
    assert other.value_after == now
    assert f"in Primary {number(now)} minutes after the last cause" in said(name, "F3.5")
    assert f"as declared, {number(other.value_before)} minutes after the last cause" in said(name, "F3.5")
    for adaptation in dimension.adaptations:
        row = tables[adaptation.id].get("recovery_minutes")
        if row is not None:
            after, before = number(row.value_after), number(row.value_before)
            assert f"{after} minutes after the last cause of an outage of all" in adaptation.gives_up
            assert f"instead of {before} minutes" in adaptation.gives_up


@pytest.mark.parametrize("name", ["ecommerce-10k", "chain"])
def test_smaller_steps_name_their_whole_price_wherever_they_are_named(name: str) -> None:
    (dimension,) = found(name).dimensions
    small = next(a for a in dimension.adaptations if a.id == "small-steps")
    rows = {b.quantity: b for b in small.before_after}
    price = f"may go on after {number(rows['return_minutes'].value_after)} minutes instead of "
    assert price in small.gives_up
    assert f"{number(rows['recovery_minutes'].value_after)} minutes after the last cause" in small.gives_up
    assert number(rows["return_peak"].value_after) in said(name, "E6.5")
    assert f"{number(rows['recovery_minutes'].value_after)} minutes after the last" in said(name, "E6.5")
    for decision in found(name).decisions:
        if "small-steps" in decision.what:
            assert small.gives_up in decision.cost


def test_one_matter_is_one_decision_of_one_owner() -> None:
    assert found("chain").dimensions[0].recommended == ("small-steps",)
    decisions = {d.id: d.who for d in found("chain").decisions}
    assert decisions == dict.fromkeys(["pace-cascade", "small-steps", "pace-messages"], "duty manager")


def test_what_takes_longer_than_the_file_allows_is_not_recommended() -> None:
    (dimension,) = found("hurried").dimensions
    assert dimension.recommended == ()
    (decision,) = [d for d in found("hurried").decisions if "small-steps" in d.what]
    assert decision.id == "pace-return"
    assert "which is not recommended" in decision.what
    assert "(30 minutes are allowed)" in decision.cost


def test_roles_are_those_that_the_coordinator_obeys() -> None:
    assert "asked everywhere: duty manager (`" in said("chain", "E6.4")
    assert "leads out of it: incident commander (`" in said("chain", "E6.4")
    assert "leads out of it: incident commander, as `governance.decision_rights.leave_emergency`" in said(
        "ecommerce-10k", "E6.4"
    )


def test_an_overruled_order_of_recovery_is_said_and_its_times_explained() -> None:
    assert "`recovery_order` puts `y` before `x`, and is overruled" in said("chain", "F3.5")
    assert "overruled" not in said("ecommerce-10k", "F3.5")
    rows = listed(found("chain").dimensions[0], "order").rows
    assert [row[:3] for row in rows] == [("1", "x", "3"), ("2", "y", "1"), ("3", "z", "2")]
    assert [row[4] for row in rows] == ["nobody", "x in Alternate or better", "y in Alternate or better"]


def test_what_is_counted_is_named() -> None:
    assert "of the 4 types that work on tasks" in said("chain", "E6.3")
    assert "of all 5 types, 1 of the control plane among them" in said("chain", "E6.4")
    assert "8 calls a second, 480 a minute (`ports[till].calls_per_minute_max`)" in said("chain", "E6.5")
