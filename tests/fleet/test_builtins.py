"""The built-in fleets: right, complete, with the seeds' figures, and with the warnings that they deserve."""

import pytest

from maso.fleet.builtins import builtin_names
from maso.fleet.load import FleetError, load, load_fleet, read_fleet
from maso.fleet.summary import describe
from tests.fleet.given import text_of

EXPECTED = {
    "ecommerce-10k": {
        "irreversible-not-judged",
        "rag-unsigned",
        "transitive-privilege",
        "reviewers-short",
        "option-not-approved",
    },
    "fleet-100": {
        "control-on-task-provider",
        "port-unmarked",
        "request-idle",
        "no-backup-provider",
        "no-freeze",
    },
    "research-5": {"port-unmarked", "no-freeze"},
}
SIZES = {"ecommerce-10k": 10_000, "fleet-100": 100, "research-5": 5}


def test_there_are_three():
    assert builtin_names() == tuple(sorted(EXPECTED))


@pytest.mark.parametrize("name", EXPECTED)
def test_each_is_right_and_warns_as_it_should(name):
    fleet, text = load_fleet(name)
    assert load(text, name).mistakes == ()
    assert fleet.fleet == name
    assert fleet.size == SIZES[name]
    assert {w.id for w in describe(fleet).warnings} == EXPECTED[name]


@pytest.mark.parametrize(
    ("name", "places"),
    [("ecommerce-10k", [f"E{n}" for n in range(10)]), ("fleet-100", [f"F{n}" for n in range(1, 9)])],
)
def test_every_dimension_of_the_seed_has_its_place_in_a_comment(name, places):
    comments = [line.partition("#")[2] for line in text_of(name).splitlines()]
    for place in places:
        assert any(
            f"{place}" in c.replace(",", " ").replace(":", " ").replace(";", " ").split() for c in comments
        ), place


def test_the_shop_has_the_seeds_figures():
    fleet, _ = load_fleet("ecommerce-10k")
    types = {t.id: t for t in fleet.types}
    assert [types[n].judge for n in ("product_presentation", "delivery", "payment")] == [0.02, 0.05, 1.0]
    assert types["sales_advisor"].judge_actions == {"discount.apply": 1.0, "advice.give": 0.1}
    assert {t.pace.type.trigger_share for t in fleet.types} == {0.2}
    assert [s.seconds_max for s in fleet.shutdown] == [0, 30, 60, 10, 300]
    assert [s.share for s in fleet.governance.budget_steps] == [0.5, 0.75, 0.9, 0.95, 1.0]
    assert [p.cost_increase for p in fleet.peak] == [0.1, 0.2, 0.3, 0.4]
    assert fleet.judge.usd_per_call * 40_000 * 60 * 24 == pytest.approx(115_200)
    assert describe(fleet).instances == 60_000


def test_the_shops_sessions_make_the_seeds_40000_actions_a_minute():
    traffic = describe(load_fleet("ecommerce-10k")[0]).traffic
    assert 38_000 < traffic.messages_per_minute < 42_000
    assert 38_000 < traffic.actions_per_minute < 42_000


def test_only_payment_is_cleared_for_card_data():
    fleet, _ = load_fleet("ecommerce-10k")
    assert [t.id for t in fleet.types if "pci" in t.clearance.compartments] == ["payment"]
    cards = {s.id for s in fleet.schemas for f in s.fields.values() if f.type == "card"}
    assert [(x.from_, x.to) for x in fleet.links if x.schema in cards] == [("payment_form", "payment")]


def test_the_firm_has_the_seeds_figures():
    fleet, _ = load_fleet("fleet-100")
    summary = describe(fleet)
    assert summary.agents == 100
    assert summary.counts["clusters"] == 10
    assert summary.counts["regions"] == 4
    assert summary.counts["barriers"] == 10
    assert [p.share for p in summary.providers] == [0.4, 0.3, 0.2, 0.1]
    assert summary.traffic.messages_per_minute == 1_000
    assert summary.traffic.messages_per_minute_peak == 10_000
    assert sum(t.plane == "control" for t in fleet.types) == 20


def test_an_unknown_fleet_is_told_with_what_there_is():
    with pytest.raises(FleetError) as error:
        load_fleet("ecommerce10k")
    text = str(error.value)
    assert "there is no fleet `ecommerce10k`; did you mean `ecommerce-10k`?" in text
    assert "`ecommerce-10k`, `fleet-100`, `research-5`" in text


def test_no_name_is_no_folder():
    with pytest.raises(FleetError, match=r"there is no fleet ``; legal: the path of a fleet file"):
        load_fleet("")


@pytest.mark.parametrize("name", ["", "../secret", "nul\x00byte", "a" * 5000, "/"])
def test_odd_paths_are_mistakes(name):
    with pytest.raises(FleetError):
        read_fleet(name)


def test_a_file_is_read_by_its_path(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(text_of("research-5"), "utf-8")
    fleet, text = load_fleet(path)
    assert fleet.fleet == "research-5"
    assert text.startswith("# Five agents")
    path.write_text("fleet: x\n")
    with pytest.raises(FleetError) as error:
        load_fleet(path)
    assert all(m.file == str(path) for m in error.value.mistakes)
