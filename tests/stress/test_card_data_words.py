"""Answers about card data for any fleet file: figures where they were measured, keys where not."""

import re

import msgspec
import pytest

from maso.findings import AnswerFinding, Findings, encode
from maso.fleet.load import load, read_fleet
from maso.stress.dimension import Dimension
from maso.stress.dimensions.card_data import DIMENSION
from maso.stress.engine import conclude
from maso.stress.engine.executors import Inline
from maso.stress.engine.store import Store
from maso.stress.engine.study import Plan, Study
from maso.stress.probes import cards
from tests.stress.planted import MACHINE

SHAPES = """
schemas:
  - {id: note, fields: {subject: {type: id, max: 12}, text: {type: text}}}
  - {id: code, fields: {subject: {type: id, max: 12}}}
"""
# Twelve agents that nobody outside can write to.
CLOSED = (
    "fleet: closed\nkind: breadth\n"
    + SHAPES
    + "types:\n"
    + "".join(f"  - {{id: agent-{n}}}\n" for n in range(12))
    + "links:\n"
    + "".join(f"  - {{from: agent-{n}, to: agent-{n + 1}, schema: note}}\n" for n in range(11))
)
# One type, one customer, no compartment: a chat bot.
ALONE = (
    "fleet: alone\nkind: depth\n"
    + SHAPES
    + "ports:\n  - {id: chat, source: customer, clearance: {level: internal}}\n"
    + "types:\n  - {id: bot, clearance: {level: internal}}\n"
    + "links:\n  - {from: chat, to: bot, schema: note}\n"
    + "workload: {journeys: [{id: talk, share: 1.0, steps: [{from: chat, to: bot, repeat: 9}]}]}\n"
)
# A till that takes cards by a form, and tells a clerk more than it should.
TILL = """
fleet: till
kind: depth
compartments: [{id: pci}]
dlp: {policy: {pan: raise}, compartments: {pan: pci}}
schemas:
  - {id: form, fields: {card: {type: card}}}
  - {id: receipt, fields: {text: {type: text}}}
ports:
  - {id: form, source: customer, label: {level: internal, compartments: [pci]}, external: true}
types:
  - {id: till, clearance: {level: internal, compartments: [pci]}}
  - {id: clerk, clearance: {level: internal}}
links:
  - {from: form, to: till, schema: form}
  - {from: till, to: clerk, schema: receipt}
workload:
  journeys: [{id: pay, share: 1.0, steps: [{from: form, to: till, repeat: 9}]}]
"""


# The search for breakpoints goes no further than the sweep: what it finds there is not the question here.
def short(most: int) -> Dimension:
    probes = tuple(msgspec.structs.replace(probe, size_max=most) for probe in DIMENSION.probes)
    return msgspec.structs.replace(DIMENSION, probes=probes)


def findings_of(text: str, target: int) -> Findings:
    loaded = load(text)
    assert loaded.file is not None, loaded.mistakes
    plan = Plan(loaded.file, text, target, True, 1)
    study = Study(plan, [short(max(target, 12))], Inline(), Store(None), lambda _what, _done, _total: None)
    study.conduct()
    return conclude.conclude(study, MACHINE, "maso stress")


def answers_of(findings: Findings) -> dict[str, AnswerFinding]:
    return {a.question: a for a in findings.answers if a.dimension == "card-data"}


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer attempts and shorter journeys: what is said is tested, not what is measured."""
    monkeypatch.setattr(cards, "JOURNEY_MINUTES_MAX", 2)
    monkeypatch.setattr(cards, "ATTEMPTS", 250)
    monkeypatch.setattr(cards, "PASTES", 120)


def test_the_shop_is_answered_from_measurements() -> None:
    findings = findings_of(read_fleet("ecommerce-10k")[0].decode(), 120)
    answers = answers_of(findings)
    assert [answers[f"E5.{n}"].status for n in (1, 2, 3, 4)] == ["measured", "mixed", "measured", "measured"]
    assert [answers[f"E5.{n}"].value for n in (1, 3, 4)] == [1.0, 0.0, 0.0]
    assert "Cleared for `pci`: `payment`, 1 of 6 types." in answers["E5.1"].text
    assert "3 types with detection alone, 1 with labels" in answers["E5.1"].text
    assert "0 hold a card number in a listed way" in answers["E5.3"].text
    assert "In an invented way" in answers["E5.3"].text
    assert all(answer.evidence for answer in answers.values())
    dimension = findings.dimensions[0]
    assert {row.id: row.verdict for row in dimension.controls} == {
        "DP-1.1": "adapts",
        "DP-2.1": "holds",
        "DP-1.3": "holds",
        "OB-1.1": "holds",
    }
    (labels,) = dimension.adaptations
    assert labels.in_force
    assert labels.gives_up.startswith("freedom of honest senders: of ")
    outcomes = [path.outcome for path in findings.attack_paths]
    assert outcomes.count("succeeds") == 1  # a customer's own invention, and nothing else
    assert outcomes.count("stopped") >= 4
    assert {decision.who for decision in findings.decisions} == {"chief risk officer"}
    assert not re.search(rb"[0-9]{13,}", re.sub(rb"[0-9a-f]{16,}|[0-9]+\.[0-9]+", b"", encode(findings)))


def test_a_fleet_without_card_data_says_so() -> None:
    answers = answers_of(findings_of(read_fleet("research-5")[0].decode(), 5))
    assert answers["E5.1"].value == 0.0
    assert "No PCI scope is declared: `dlp.compartments.pan` names no compartment" in answers["E5.1"].text
    assert "searching every context found none" in answers["E5.1"].text
    assert answers["E5.4"].value == 0.0


def test_where_nothing_enters_nothing_is_measured() -> None:
    findings = findings_of(CLOSED, 12)
    answers = answers_of(findings)
    assert answers["E5.1"].status == "declared"
    assert "neither a text nor a card number enters this fleet" in answers["E5.1"].text
    assert answers["E5.2"].value is not None
    assert answers["E5.4"].status == "declared"
    assert {row.id: row.verdict for row in findings.dimensions[0].controls}["DP-2.1"] == "holds"


def test_a_single_type_has_no_flows_to_minimise() -> None:
    answers = answers_of(findings_of(ALONE, 4))
    assert answers["E5.2"].status in ("declared", "not_checked")
    assert answers["E5.1"].value == 0.0
    assert answers["E5.4"].value == 0.0


def test_a_wide_way_out_of_the_compartment_is_kept_by_labels_alone() -> None:
    findings = findings_of(TILL, 6)
    answers = answers_of(findings)
    assert "2 types with detection alone, 1 with labels" in answers["E5.1"].text
    wide = next(q for q in findings.dimensions[0].quantities if q.id == "flows_leaving_wide_enough")
    assert [point.value for point in wide.points] == [1.0]
    assert wide.reaches_target is False
    assert answers["E5.4"].status == "declared"  # nobody writes a text here
    assert {decision.who for decision in findings.decisions} == {
        "nobody is named: fill in `governance.decision_rights.card_data_scope`"
    }


def test_the_dimension_says_what_it_did_not_check() -> None:
    assert any("19 listed and 7 invented" in text for text in DIMENSION.not_checked)
