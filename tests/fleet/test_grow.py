"""Growth: deterministic, nested, by the rule in the file."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maso.fleet.grow import SIZE_MAX_BREADTH, SIZE_MAX_DEPTH, GrowthError, grow
from maso.fleet.load import FleetError, load_fleet
from maso.fleet.rulebook import Rulebook
from tests.fleet.given import file_of, text_of

FIRM = file_of(text_of("fleet-100"))
SHOP = file_of(text_of("ecommerce-10k"))
DESK = file_of(text_of("research-5"))
RULES = ["constant-degree", "constant-density", "hub"]
SECTIONS = ("types", "links", "delegations", "ports", "clusters", "dependencies", "actions", "schemas")


def contained(small, large):
    return all(
        set(map(repr, getattr(small, section))) <= set(map(repr, getattr(large, section)))
        for section in SECTIONS
    )


@given(st.integers(1, 250), st.sampled_from(RULES))
def test_a_fleet_is_contained_in_the_next_larger_one(n, rule):
    small, large = grow(FIRM, n, rule), grow(FIRM, n + 1, rule)
    assert len(small.types) == n == small.size
    assert contained(small, large)


def test_containment_holds_over_the_whole_range():
    fleets = [grow(FIRM, n) for n in (5, 6, 9, 10, 50, 99, 100, 101, 333, 1000)]
    assert all(contained(a, b) for a, b in pairwise(fleets))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("n", [5, 7, 23, 100, 240])
def test_every_grown_fleet_compiles_and_its_names_resolve(n, rule):
    fleet = grow(FIRM, n, rule)
    Rulebook(fleet)
    names = {t.id for t in fleet.types} | {p.id for p in fleet.ports}
    assert len(names) == len(fleet.types) + len(fleet.ports)
    assert {end for link in fleet.links for end in (link.from_, link.to)} <= names
    assert {t.cluster for t in fleet.types} <= {c.id for c in fleet.clusters}


def test_growth_is_the_same_every_time():
    assert grow(FIRM, 137) == grow(FIRM, 137)


def edges(n, rule):
    return sum(x.from_.endswith((".lead", ".trader", ".settler")) and x.to.endswith(".intake")
               for x in grow(FIRM, n, rule).links)  # fmt: skip


def test_the_rule_decides_how_edges_grow():
    """Between desks: linear for constant degree and hub, quadratic for constant density."""
    ratio = {rule: edges(800, rule) / edges(400, rule) for rule in RULES}
    assert 1.9 < ratio["constant-degree"] < 2.1
    assert 1.9 < ratio["hub"] < 2.1
    assert 2.8 < ratio["constant-density"] < 4.2


def test_constant_density_is_about_the_density():
    desks = 160
    joined = edges(desks * 5, "constant-density") - (desks - 1)  # the chain is always there
    assert 0.08 < joined / (desks * (desks - 1) / 2) < 0.12


def test_in_a_hub_everybody_is_joined_to_the_first_desk_both_ways():
    between = [x for x in grow(FIRM, 60, "hub").links if x.schema == "finding"]
    assert all("equity-research-1." in x.from_ or "equity-research-1." in x.to for x in between)
    assert len(between) == 2 * 11


def test_the_first_five_agents_are_a_working_chain():
    fleet = grow(FIRM, 5)
    assert [t.id.split(".")[1] for t in fleet.types] == [
        "intake",
        "analyst",
        "reviewer",
        "lead",
        "orchestrator",
    ]
    pairs = {(x.from_.split(".")[-1], x.to.split(".")[-1]) for x in fleet.links}
    assert {
        ("console", "intake"),
        ("intake", "analyst"),
        ("analyst", "reviewer"),
        ("reviewer", "lead"),
    } <= pairs


def test_a_barrier_is_shed_exactly_where_one_lies_between():
    fleet = grow(FIRM, 100)
    held = {t.id: set(t.clearance.compartments) for t in fleet.types}
    for link in fleet.links:
        if link.from_ in held:
            assert set(link.declassify) == held[link.from_] - held[link.to]
            assert not link.declassify or link.owner


def test_dependencies_follow_the_order_of_the_clusters():
    fleet = grow(FIRM, 1000)
    order = {c.id: i for i, c in enumerate(fleet.clusters)}
    assert fleet.dependencies
    assert all(order[d.producer] < order[d.consumer] for d in fleet.dependencies)


@given(st.integers(1, SIZE_MAX_DEPTH))
def test_in_depth_only_the_number_of_sessions_changes(n):
    fleet = grow(SHOP, n)
    assert fleet.size == n
    assert (fleet.types, fleet.links) == (SHOP.types, SHOP.links)


@pytest.mark.parametrize(
    ("file", "n", "words"),
    [
        (DESK, 6, "cannot be made at size 6: it lists 5 agents and has no `desks` and `growth`"),
        (DESK, 4, "cannot be made at size 4"),
        (FIRM, 0, "size 0 is out of range; legal: 1 to"),
        (FIRM, SIZE_MAX_BREADTH + 1, "is out of range"),
        (SHOP, 0, "size 0 is out of range; legal: 1 to 1000000 sessions"),
        (SHOP, SIZE_MAX_DEPTH + 1, "is out of range"),
    ],
)
def test_a_size_that_cannot_be_is_refused(file, n, words):
    with pytest.raises(GrowthError, match="size") as error:
        grow(file, n)
    assert words in str(error.value)


def test_loading_at_a_size_tells_it_like_a_mistake():
    with pytest.raises(FleetError) as error:
        load_fleet("research-5", 9)
    (mistake,) = error.value.mistakes
    assert mistake.file == "research-5"
    assert "legal: 5, or add both sections" in str(mistake)
