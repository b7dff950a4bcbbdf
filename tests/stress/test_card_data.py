"""The card data probes: numbers are looked for, found when a control is broken, and never told."""

import json
import re
from typing import Any

import msgspec
import pytest

from maso.controls.dlp import Dlp
from maso.controls.message import Message
from maso.fleet.load import load, read_fleet
from maso.fleet.resize import resize
from maso.fleet.template import FleetFile
from maso.journeys.actors import Actor
from maso.plane import recording
from maso.stress.dimension import Outcome, Settings, Trial, adapted
from maso.stress.dimensions.card_data import DIMENSION
from maso.stress.probes import cards
from maso.stress.probes.cards_search import Needles
from maso.stress.probes.cards_try import Tried

STANDARD: Settings = (("label_propagation", "declared"),)
LABELS: Settings = (("label_propagation", "delivered"),)


def file_of(name: str) -> FleetFile:
    text, _ = read_fleet(name)
    file = load(text, name).file
    assert file is not None
    return file


def trial(name: str, size: int, settings: Settings = LABELS, seed: int = 1) -> Trial:
    fleet = adapted(resize(file_of(name), size), settings)
    return Trial(fleet=fleet, size=size, at=size, target=size, seed=seed, quick=True)


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every number that is planted while a test runs."""
    seen: list[str] = []
    plant = Needles.plant

    def noted(self: Needles, number: str, *how: Any) -> int:
        seen.append(number)
        return plant(self, number, *how)

    monkeypatch.setattr(Needles, "plant", noted)
    return seen


def assert_tells_no_number(outcome: Outcome, planted: list[str]) -> None:
    told = json.dumps(msgspec.to_builtins(outcome))
    digits = re.sub(r"[^0-9]", "", told)
    assert planted
    assert not [number for number in planted if number in digits or number[::-1] in digits]
    assert not re.search(r"[0-9]{13,}", json.dumps(outcome.details))


def counts(outcome: Outcome) -> dict[str, float]:
    return {name: value for name, value in outcome.values.items() if not name.endswith("_us")}


# The run.


def test_only_who_is_cleared_holds_a_number(planted: list[str]) -> None:
    outcome = cards.run_scope(trial("ecommerce-10k", 60))
    values = outcome.values
    assert values["types_holding_cards"] == 1
    assert values["instances_holding_cards"] >= 1
    assert outcome.details["exposure"][0][:2] == ["payment", "yes"]
    assert outcome.details["pasted"] == 12
    for zero in ("types_beyond_scope", "ports_beyond_scope", "stray_contexts", "pasted_reaching_share"):
        assert values[zero] == 0
    for zero in ("records_with_card", "texts_with_card", "copies_after_end"):
        assert values[zero] == 0
    assert values["card_message_cpu_us"] > 0
    assert values["pasted_message_cpu_us"] > 0
    assert_tells_no_number(outcome, planted)


def test_the_same_seed_counts_the_same_and_another_does_not() -> None:
    first, again, other = (cards.run_scope(trial("ecommerce-10k", 40, seed=seed)) for seed in (5, 5, 6))
    assert counts(first) == counts(again)
    assert first.details == again.details
    assert first.details != other.details


def test_without_the_detector_the_search_finds_who_was_given_a_number(
    monkeypatch: pytest.MonkeyPatch, planted: list[str]
) -> None:
    monkeypatch.setattr(Dlp, "check", lambda _self, _m: None)
    outcome = cards.run_scope(trial("ecommerce-10k", 40))
    assert outcome.values["pasted_reaching_share"] == 1
    assert outcome.values["types_beyond_scope"] >= 3
    assert outcome.values["stray_contexts"] >= 3
    assert [row for row in outcome.details["exposure"] if row[1] == "no"]
    assert_tells_no_number(outcome, planted)


def test_a_record_that_is_not_masked_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def whole(m: Message) -> bytes:
        return m.envelope.payload[:512]

    monkeypatch.setattr(recording, "_excerpt", whole)
    assert cards.run_scope(trial("ecommerce-10k", 40)).values["records_with_card"] >= 3
    assert cards.run_pastes(trial("ecommerce-10k", 40)).values["paste_records_with_card"] >= 50


def test_a_context_that_outlives_its_end_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cards, "JOURNEY_MINUTES_MAX", 3)
    kept = trial("ecommerce-10k", 200)
    clean = cards.run_scope(kept).values
    assert clean["copies_after_end"] == 0
    purged = cards.run_journeys(kept).values
    assert purged["contexts_purged"] >= 1
    assert purged["copies_after_purge"] == 0
    monkeypatch.setattr(Actor, "purge", lambda _self: None)
    assert cards.run_scope(kept).values["copies_after_end"] >= 1
    assert cards.run_journeys(kept).values["copies_after_purge"] >= 1


# Trying.


def test_labels_keep_what_detection_alone_lets_out(planted: list[str]) -> None:
    alone, labels = (cards.run_flows(trial("ecommerce-10k", 10, chosen)) for chosen in (STANDARD, LABELS))
    assert alone.values["flows_tried"] == labels.values["flows_tried"] > 40
    assert alone.values["flows_leaking_given"] == 2
    assert alone.values["types_in_scope_attacked"] == 3
    assert labels.values["flows_leaking_given"] == 0
    assert labels.values["types_in_scope_attacked"] == 1
    for outcome in (alone, labels):
        assert outcome.values["flows_leaking_listed"] == 0
        assert outcome.values["attempt_records_with_card"] == 0
        assert 0 < outcome.values["attempt_records_invented"] < 20  # excerpts of what no label named
        assert outcome.details["given_flows"] >= 8
        assert_tells_no_number(outcome, planted)
    assert {row[3] for row in alone.details["leaks"]} >= {"letters over ids", "digits over fields"}
    assert "DP-2.5/not-received" in labels.details["stopped_by"]
    assert "DP-2.5/not-received" not in alone.details["stopped_by"]


def test_every_way_through_every_entry(planted: list[str]) -> None:
    outcome = cards.run_pastes(trial("ecommerce-10k", 10))
    values = outcome.values
    assert values["pastes_tried"] == 26 * values["paste_entries"]
    assert values["pasted_listed_share"] == 0
    assert values["pasted_unlisted_share"] > 0.9  # said openly: nothing labels what nobody recognises
    assert values["paste_records_with_card"] == 0
    assert 8 <= values["piece_digits_max"] < 15
    rows = {tuple(row[:3]): [int(n) for n in row[3:]] for row in outcome.details["channels"]}
    tried, masked, refused, arrived = rows["customer_chat", "sales_advisor", "listed"]
    assert (tried, arrived) == (19, 0)
    assert masked >= 5
    assert refused >= 10
    assert_tells_no_number(outcome, planted)


def test_pasted_numbers_arrive_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Dlp, "check", lambda _self, _m: None)
    assert cards.run_pastes(trial("ecommerce-10k", 10)).values["pasted_listed_share"] == 1


def test_honest_traffic_is_not_refused_by_labels() -> None:
    values = cards.run_honest(trial("ecommerce-10k", 10)).values
    assert values["honest_messages"] > 500
    assert values["honest_refused_by_labels"] == 0


# Shapes.


def test_what_flows_carry_and_what_their_receivers_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cards, "JOURNEY_MINUTES_MAX", 6)
    outcome = cards.run_journeys(trial("ecommerce-10k", 60))
    rows = {tuple(row[:3]): row[3:] for row in outcome.details["flows"]}
    fields, _, texts, unused, how, leaves = rows["payment", "cart_order", "receipt"]
    assert (fields, texts, how, leaves) == ("3", "0", "digits over several fields", "yes")
    assert "amount_minor" not in unused or "transaction" in unused
    assert rows["cart_order", "payment", "payment_request"][3] == "-"  # both fields are passed on
    shapes = cards.run_shapes(trial("ecommerce-10k", 60)).values
    assert shapes["flows_leaving_wide_enough"] == 0
    assert shapes["fields_between_types"] == 40


@pytest.mark.parametrize(("name", "size"), [("fleet-100", 30), ("research-5", 5), ("research-5", 1)])
def test_a_fleet_without_card_data_holds_none(name: str, size: int, planted: list[str]) -> None:
    outcome = cards.run_scope(trial(name, size))
    if size > 5:
        assert outcome.values["types_holding_cards"] == 0
        assert outcome.values["records_with_card"] == 0
        assert "card_message_cpu_us" not in outcome.values
        assert outcome.details["exposure"] == []
        assert_tells_no_number(outcome, planted)
    flows = cards.run_flows(trial(name, size)).values
    assert "types_in_scope_attacked" not in flows  # nobody is cleared, so nobody is given one
    assert flows["flows_leaking_listed"] == 0


SEARCHED = (
    "types_holding_cards", "types_beyond_scope", "ports_beyond_scope", "stray_contexts", "records_with_card",
    "texts_with_card", "copies_after_end",
)  # fmt: skip


def test_a_search_for_nothing_finds_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no number was written, "none was found" is no result; where one was, it is."""
    written = cards.run_scope(trial("fleet-100", 30)).values
    assert [name for name in SEARCHED if name not in written] == []
    monkeypatch.setattr("maso.stress.probes.cards_watch.Customers._paste", lambda _self, _tries: None)
    outcome = cards.run_scope(trial("fleet-100", 30))
    assert [name for name in SEARCHED if name in outcome.values] == []
    assert outcome.values["card_messages"] == 0
    assert "no card number was entered or pasted" in outcome.details["unexercised"]


def test_what_was_not_tried_is_not_counted_as_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cards, "every_paste", lambda *_: Tried([], 0, 0, 0))
    monkeypatch.setattr(cards, "every_flow", lambda *_: Tried([], 0, 0, 0))
    one = trial("research-5", 5)
    assert cards.run_pastes(one).values.keys() == {"pastes_tried", "paste_entries"}
    assert cards.run_flows(one).values.keys() == {"flows_tried", "attempts_tried"}


def test_no_budget_is_a_number_of_cleared_types() -> None:
    """Copies of a fleet clear more types than the fleet at its target, and that breaks nothing."""
    fleet = resize(file_of("ecommerce-10k"), 60)
    budgets = {
        quantity.id: quantity.budget(fleet) for probe in DIMENSION.probes for quantity in probe.quantities
    }
    assert budgets["types_holding_cards"] is None
    assert budgets["types_in_scope_attacked"] is None
    beyond = budgets["types_beyond_scope"]
    assert beyond is not None
    assert beyond.value == 0
    assert DIMENSION.right == "card_data_scope"
