"""What is said about data boundaries: true to the figures, and naming the key where there is none."""

from typing import Any

import pytest
from msgspec.structs import replace

from maso.findings import BreakpointFinding, ScalingFinding
from maso.fleet.load import load, read_fleet
from maso.fleet.model import Fleet
from maso.fleet.resize import resize
from maso.fleet.template import FleetFile
from maso.stress.dimension import Spread, View
from maso.stress.dimensions.data_boundaries import DIMENSION
from maso.stress.dimensions.delegation import DIMENSION as DELEGATION
from maso.stress.probes import boundaries_words as words

QUESTIONS = ("F6.1", "F6.2", "F6.3", "F6.4")
CHAIN = ["mergers", "a > b > c", "nobody", "DP-1.1/clearance"]


def file_of(name: str) -> FleetFile:
    file = load(read_fleet(name)[0], name).file
    assert file is not None
    return file


class Told:
    """A view that says what it is given: values by quantity, others under an adaptation, details."""

    def __init__(self, fleet: Fleet, values: dict[str, float], other: dict[str, float], **details: Any):
        self.fleet = fleet
        self.file = file_of("fleet-100")
        self.target = 100
        self.quick = True
        self.unit = "agents"
        self.in_force: tuple[str, ...] = ("label-lattice",)
        self.recommended: tuple[str, ...] = ()
        self._values = values
        self._other = other
        self._details = details

    def value(
        self, quantity: str, adaptations: tuple[str, ...] | None = None, at: int | None = None
    ) -> float | None:
        if adaptations is not None and adaptations != ("label-lattice",):
            return self._other.get(quantity)
        return self._values.get(quantity)

    def spread(self, quantity: str, adaptations: tuple[str, ...] | None = None) -> Spread | None:
        return None

    def around(self, adaptation: str) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
        return None, (*self.in_force, adaptation)

    def points(
        self, quantity: str, adaptations: tuple[str, ...] | None = None
    ) -> tuple[tuple[int, float], ...]:
        value = self.value(quantity, adaptations)
        return () if value is None else ((300, value),)

    def scaling(self, quantity: str, adaptations: tuple[str, ...] | None = None) -> ScalingFinding | None:
        return None

    def breaks(self, quantity: str, adaptations: tuple[str, ...] | None = None) -> BreakpointFinding | None:
        return None

    def detail(self, probe: str, name: str, adaptations: tuple[str, ...] | None = None) -> Any:
        return self._details.get(name)

    def evidence(self, *quantities: str) -> tuple[str, ...]:
        return quantities


FIRM = resize(file_of("fleet-100"), 100)
FIGURES = {
    "barrier_entries": 341.0, "barrier_audit_hours": 5.7, "crossing_pairs": 36.0, "pairs_apart": 4_500.0,
    "handled_us": 50.0, "sustained_per_second": 20_000.0, "cores": 0.5, "uncleared_receivers": 0.0,
    "crossing_us": 60.0, "buses": 1.0, "port_adapters": 29.0, "bytes_per_instance": 565.0, "rules_us": 12.0,
    "overlabelled_share": 0.25, "refused_honest_share": 0.0, "saturated_refused_share": 0.5,
}  # fmt: skip
OTHERS = {
    "barrier_entries": 9_122.0, "barrier_audit_hours": 152.0, "uncleared_receivers": 12.0, "buses": 10.0,
    "sustained_per_second": 90_000.0, "crossing_us": 110.0, "port_adapters": 126.0, "lost_by_gates": 72.0,
    "planted_unseen_share": 1.0, "handled_us": 30.0,
}  # fmt: skip
DETAILS: dict[str, Any] = {
    "crossing": [["x", "y", "finding", "mergers", "head of compliance"]],
    "crossing_total": 36,
    "shedding": 36,
    "longest": 12,
    "chains": [CHAIN, ["treasury", "d > e", "e", "nothing"]],
    "between_equals_share": 0.4,
    "instances_at_size": 100,
}


def full() -> View:
    return Told(FIRM, FIGURES, OTHERS, **DETAILS)


def test_every_question_is_answered_with_its_figures() -> None:
    told = {q.id: q.answer(full()) for q in DIMENSION.questions}
    assert tuple(told) == QUESTIONS
    assert [told[q].value for q in QUESTIONS] == [10, 36, 20_000, 0]
    assert [told[q].status for q in QUESTIONS] == ["declared", "measured", "measured", "measured"]
    assert "9,122 entries to read; as declared it is 341" in told["F6.1"].text
    assert "36 pairs of agents have a link across a barrier, of 4,500" in told["F6.2"].text
    assert "scanning all is viable" in told["F6.3"].text
    assert "10 buses" in told["F6.3"].text
    assert "inherits the restriction" in told["F6.4"].text
    assert "and 12 where labels" in told["F6.4"].text


def test_a_bus_that_is_too_slow_is_said_to_be() -> None:
    slow = Told(FIRM, {**FIGURES, "sustained_per_second": 100.0}, OTHERS, **DETAILS)
    assert "less than the declared 167" in words.scanning_viable(slow).text
    rows = {row.id: row.verdict for row in words.control_rows(slow)}
    assert rows["DP-2.1"] == "breaks"


def test_data_that_got_through_is_not_called_contained() -> None:
    leaky = Told(FIRM, {**FIGURES, "uncleared_receivers": 3.0}, OTHERS, **DETAILS)
    assert "does not inherit" in words.derived_inherits(leaky).text
    assert {row.id: row.verdict for row in words.control_rows(leaky)}["DP-2.5"] == "breaks"


def test_without_barriers_the_key_is_named() -> None:
    plain = replace(FIRM, compartments=tuple(replace(c, barrier=False) for c in FIRM.compartments))
    told = [q.answer(Told(plain, {}, {})) for q in DIMENSION.questions]
    assert [answer.status for answer in told] == ["missing"] * 4
    assert [answer.key for answer in told] == ["compartments[].barrier"] * 2 + [
        "links",
        "compartments[].barrier",
    ]
    assert words.decisions(Told(plain, {}, {})) == ()


def test_without_a_rate_the_key_is_named() -> None:
    silent = replace(FIRM, target=replace(FIRM.target, messages_per_second=None))
    answer = words.scanning_viable(Told(silent, FIGURES, OTHERS))
    assert (answer.status, answer.key) == ("missing", "target.messages_per_second")
    (cost,) = words.costs(Told(silent, FIGURES, OTHERS))
    assert "`target.messages_per_second`" in cost.basis


def test_controls_that_needed_the_labels_adapt() -> None:
    rows = {row.id: row for row in words.control_rows(full())}
    assert {name: row.verdict for name, row in rows.items()} == {
        "DP-1.1": "adapts", "DP-2.1": "holds", "DP-1.3": "not_measured", "DP-2.5": "adapts",
    }  # fmt: skip
    assert "152 hours to audit rules between pairs, 5.7 as declared, of 40" in rows["DP-1.1"].why


@pytest.mark.parametrize(
    ("adaptation", "said"),
    [
        ("label-lattice", ["25% of messages", "0% of honest messages", "50% of the links"]),
        (
            "bus-per-barrier",
            ["10 buses with 126 port adapters (one bus: 29)", "110 µs instead of 60", "72 links"],
        ),
        ("scan-at-boundaries", ["100% of the names planted", "30 µs instead of 50"]),
    ],
)
def test_what_is_given_up_is_said_in_figures(adaptation: str, said: list[str]) -> None:
    one = next(a for a in DIMENSION.adaptations if a.id == adaptation)
    text = one.gives_up(full(), adaptation)
    for part in said:
        assert part in text, text
    assert one.cost(full())[1]


def test_nothing_measured_is_no_defect() -> None:
    empty = Told(FIRM, {}, {})
    for question in DIMENSION.questions:
        assert question.answer(empty).text
    for adaptation in DIMENSION.adaptations:
        assert adaptation.gives_up(empty, adaptation.id)
        assert adaptation.cost(empty)[1]
    assert {row.verdict for row in words.control_rows(empty)} == {"not_measured"}
    assert words.costs(empty)
    assert words.attack_paths(empty) == ()


def test_attack_paths_say_what_stopped_them_or_that_nothing_did() -> None:
    stopped, through = words.attack_paths(full())
    assert (stopped.outcome, stopped.stopped_by, stopped.steps) == (
        "stopped",
        "DP-1.1/clearance",
        ("a", "b", "c"),
    )
    assert (through.outcome, through.stopped_by) == ("succeeds", "")


def test_declassifications_are_decided_by_those_who_answer_for_them() -> None:
    (first,) = words.decisions(full())
    assert (first.id, first.who) == ("declassifications", "head of compliance")
    assert first.what == "whether 36 links that shed a barrier may stay"
    (one,) = words.decisions(Told(FIRM, FIGURES, OTHERS, **{**DETAILS, "shedding": 1}))
    assert one.what == "whether 1 link that sheds a barrier may stay"
    assert words.decisions(Told(FIRM, FIGURES, OTHERS, **{**DETAILS, "shedding": 0})) == ()


def test_nobody_is_asked_to_cut_a_bus_that_maso_cannot_cut() -> None:
    """`maso run` drives one bus: whoever wants several builds them without it, and is told so."""
    assert [d.id for d in words.decisions(full())] == ["declassifications"]
    assert "`maso run` drives one bus" in words.scanning_viable(full()).text
    governance = replace(FIRM.governance, decision_rights={}, risk_owner="")
    nobody = replace(FIRM, governance=governance)
    slow = Told(nobody, {**FIGURES, "sustained_per_second": 100.0}, OTHERS, **DETAILS)
    asked = words.decisions(slow)[-1]
    assert asked.id == "scanning-capacity"
    assert "or build 10 buses outside of `maso run`, which drives one" in asked.what
    assert asked.cost.startswith("for the buses: 9 buses more")
    assert "`governance.decision_rights.security_control_budget`" in asked.who
    assert DIMENSION.right == words.RIGHT


def test_one_figure_stands_behind_every_cost_of_a_message() -> None:
    """50 µs is 20,000 a second, and a core for 1.2 million a minute, whatever other probes measured."""
    other = {**FIGURES, "handled_us": 70.0, "cores": 3.0}
    view = Told(FIRM, other, OTHERS, **DETAILS)
    text = words.scanning_viable(view).text
    assert "A message takes 50 µs" in text
    assert "0.00083 at 1,000, 0.0083 at 10,000, 0.5 at 600,000" in text
    assert "would take 1.8 times as long" in text
    (cost,) = words.costs(view)
    assert cost.basis.startswith("0.0083 cores at 167 messages a second")


def test_a_chain_that_met_nobody_is_no_attack_path() -> None:
    alone = ["treasury", "d", "nobody", "nothing"]
    view = Told(FIRM, FIGURES, OTHERS, **{**DETAILS, "chains": [CHAIN, alone]})
    assert [path.steps[0] for path in words.attack_paths(view)] == ["a"]


def test_a_lattice_that_is_more_to_read_says_so() -> None:
    few = Told(FIRM, FIGURES, {**FIGURES, "barrier_entries": 7.0, "barrier_audit_hours": 0.12}, **DETAILS)
    told = words.lattice_gives_up(few, "label-lattice")
    assert told.endswith(
        "at 100 agents it is more to audit: 341 entries instead of 7 with rules between pairs, 5.7 hours "
        "instead of 0.12"
    )
    assert "more to audit" not in words.lattice_gives_up(full(), "label-lattice")


def test_nothing_that_was_not_measured_stands_in_a_sentence() -> None:
    empty = Told(FIRM, {}, {})
    said = [question.answer(empty).text for question in DIMENSION.questions[2:]]
    said += [a.gives_up(empty, a.id) for a in DIMENSION.adaptations if a.id != "bus-per-barrier"]
    said += [row.why for row in words.control_rows(empty)]
    assert not [text for text in said if "not measured" in text]
    assert words.derived_inherits(empty).status == "declared"  # some are cleared and some are not


def test_both_hours_of_reading_are_one_kind_of_figure() -> None:
    found = {
        quantity.id: quantity
        for dimension in (DIMENSION, DELEGATION)
        for probe in dimension.probes
        for quantity in probe.quantities
    }
    hours = found["barrier_audit_hours"], found["policy_audit_hours"]
    assert {one.mark for one in hours} == {"measured"}
    assert all(one.title.startswith("hours to audit ") for one in hours)
    assert found["late_ms"].mark == "measured"
    assert not found["late_ms"].exact


def test_too_much_to_audit_is_asked_about_unless_something_is_recommended() -> None:
    view = Told(FIRM, {**FIGURES, "barrier_audit_hours": 60.0}, OTHERS, **DETAILS)
    asked = words.decisions(view)[-1]
    assert asked.id == "barrier-audit"
    assert "60 hours at 100 agents, of 40 hours declared" in asked.why
    assert "raise `target.audit_hours_max`" in asked.what
    view.recommended = ("label-lattice",)
    assert [d.id for d in words.decisions(view)] == ["declassifications"]
