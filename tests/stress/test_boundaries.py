"""Data boundaries: the probes on real fleets, what an adaptation changes, and fleets that declare little."""

from functools import cache
from itertools import pairwise

import msgspec
import pytest
from msgspec.structs import replace

from maso.fleet.load import load, read_fleet
from maso.fleet.model import AgentType, Compartment, Delegation, Fleet, LabelSpec, Link, Schema
from maso.fleet.resize import resize
from maso.fleet.starter import TEMPLATE
from maso.fleet.template import FleetFile
from maso.plane.segments import COMMON, segments
from maso.streams import stream
from maso.stress.dimension import Outcome, Settings, Trial, adapted
from maso.stress.dimensions.data_boundaries import DIMENSION
from maso.stress.probes import (
    boundaries,
    boundaries_buses,
    boundaries_derived,
    boundaries_rules,
    boundaries_traffic,
)

assert isinstance(DIMENSION.standard, tuple)
STANDARD: Settings = DIMENSION.standard
LATTICE: Settings = (*STANDARD, *DIMENSION.adaptations[0].settings)
BUSES: Settings = (*LATTICE, *DIMENSION.adaptations[1].settings)
AT_BOUNDARIES: Settings = (*LATTICE, *DIMENSION.adaptations[2].settings)
CONFIGURATIONS = {"standard": STANDARD, "lattice": LATTICE, "buses": BUSES, "boundaries": AT_BOUNDARIES}


@cache
def file_of(name: str) -> FleetFile:
    text = TEMPLATE.encode() if name == "start" else read_fleet(name)[0]
    file = load(text, name).file
    assert file is not None
    return file


def trial(name: str, size: int, given: Settings, at: int | None = None, seed: int = 1) -> Trial:
    fleet = adapted(resize(file_of(name), size), given)
    return Trial(fleet=fleet, size=size, at=size if at is None else at, target=size, seed=seed, quick=True)


def bare(fleet: Fleet) -> Trial:
    return Trial(fleet=fleet, size=len(fleet.types), at=3, target=9, seed=1, quick=True)


# Entries.


@pytest.mark.parametrize(
    ("size", "rules", "labels"), [(5, 4, 52), (25, 526, 110), (100, 9_122, 341), (400, 144_500, 1_259)]
)
def test_rules_grow_with_pairs_and_labels_with_agents(size: int, rules: int, labels: int) -> None:
    pairs = boundaries.run_entries(trial("fleet-100", size, STANDARD)).values
    lattice = boundaries.run_entries(trial("fleet-100", size, LATTICE)).values
    assert (pairs["barrier_entries"], lattice["barrier_entries"]) == (rules, labels)
    assert pairs["barrier_audit_hours"] == rules / 60


def test_the_crossing_links_are_listed_with_who_answers_for_them() -> None:
    details = boundaries.run_entries(trial("research-5", 5, LATTICE)).details
    assert details["crossing_total"] == len(details["crossing"]) == 6
    assert ["compliance_reviewer", "report_compiler", "sign_off", "inside", "head of compliance"] in details[
        "crossing"
    ]
    into = next(row for row in details["crossing"] if row[0] == "research_analyst")
    assert into[3:] == ["nothing", "nobody need: it leads into the barrier"]


def test_no_rate_of_reading_no_hours() -> None:
    one = trial("fleet-100", 5, STANDARD)
    silent = replace(one.fleet, governance=replace(one.fleet.governance, audit_rules_per_hour=0.0))
    assert "barrier_audit_hours" not in boundaries.run_entries(replace(one, fleet=silent)).values


def test_the_check_asks_the_rules_of_the_pair_or_one_label() -> None:
    pairs = boundaries.run_check(trial("fleet-100", 25, STANDARD))
    label = boundaries.run_check(trial("fleet-100", 25, LATTICE))
    assert pairs.details["messages"] == label.details["messages"] == 6
    assert pairs.values["barrier_table_mb"] > 10 * label.values["barrier_table_mb"]
    assert pairs.values["barrier_check_us"] > 0 < label.values["barrier_check_us"]


# Derived data.


@pytest.mark.parametrize(("name", "size", "most"), [("fleet-100", 25, 12), ("ecommerce-10k", 3, 5)])
def test_a_summary_reaches_who_is_not_cleared_unless_labels_follow_it(
    name: str, size: int, most: int
) -> None:
    reached = [
        boundaries_derived.run_handoffs(trial(name, size, STANDARD, at)).values["uncleared_receivers"]
        for at in (1, 4, 12)
    ]
    assert reached == sorted(reached)
    assert 0 < reached[-1] <= most
    assert reached[0] == 1
    with_labels = boundaries_derived.run_handoffs(trial(name, size, LATTICE, 12))
    assert with_labels.values == {"uncleared_receivers": 0}
    chains = with_labels.details["chains"]
    assert all(row[2] == "nobody" for row in chains)
    assert chains[0][3] == "DP-1.1/clearance"


def test_believing_the_sender_is_enough_to_let_a_summary_out() -> None:
    stated: Settings = (*LATTICE, ("label_propagation", "declared"))
    outcome = boundaries_derived.run_handoffs(trial("fleet-100", 25, stated, 12))
    assert outcome.values["uncleared_receivers"] > 1


def test_a_chain_walks_on_links_and_back_where_they_end() -> None:
    fleet = resize(file_of("research-5"), 5)
    out = boundaries_derived.neighbours(fleet)
    path = boundaries_derived.chain(fleet, "compliance_reviewer", frozenset(out), 12)
    assert len(path) == 13
    assert all(after in out[before] for before, after in pairwise(path))


def test_scanning_at_boundaries_misses_what_is_planted_between_agents() -> None:
    for name, size in (("fleet-100", 25), ("ecommerce-10k", 3), ("research-5", 5)):
        seen = boundaries_derived.run_planted(trial(name, size, LATTICE)).values
        unseen = boundaries_derived.run_planted(trial(name, size, AT_BOUNDARIES)).values
        assert seen["planted_unseen_share"] == 0
        assert unseen["planted_unseen_share"] > 0.5


def test_a_label_without_a_way_out_refuses_harmless_words() -> None:
    """Two agents, one behind a barrier, a link out that sheds nothing: what the label costs."""
    types = (
        AgentType(id="inside", clearance=LabelSpec(compartments=("deal",))),
        AgentType(id="outside"),
    )
    schema = msgspec.convert({"id": "note", "fields": {"text": {"type": "text"}}}, Schema)
    fleet = Fleet(
        fleet="two", kind="breadth", schemas=(schema,), types=types,
        links=(Link(from_="inside", to="outside", schema="note"),),
        compartments=(Compartment(id="deal", barrier=True),),
    )  # fmt: skip
    refused = {
        name: boundaries_derived.run_planted(bare(adapted(fleet, given))).values["saturated_refused_share"]
        for name, given in CONFIGURATIONS.items()
    }
    assert refused == {"standard": 0, "lattice": 1, "buses": 1, "boundaries": 1}


# Buses.


def test_a_cut_fleet_keeps_every_agent_once_and_every_link_or_gate() -> None:
    fleet = resize(file_of("fleet-100"), 50)
    cut = segments(fleet)
    own = [t.id for bus in cut.buses for t in bus.fleet.types if not t.id.startswith("gate.")]
    assert sorted(own) == sorted(t.id for t in fleet.types)
    known = {t.id for t in fleet.types}
    between = [x for x in fleet.links if x.from_ in known]
    within = [x for bus in cut.buses for x in bus.fleet.links if x.from_ in known and x.to in known]
    assert len(within) + len(cut.gates) == len(between)
    for bus in cut.buses:
        held = {t.clearance.compartments for t in bus.fleet.types if t.id in known}
        assert len(held) == 1, bus.id


def test_a_fleet_without_barriers_is_one_bus() -> None:
    fleet = resize(file_of("research-5"), 5)
    plain = replace(fleet, compartments=tuple(replace(c, barrier=False) for c in fleet.compartments))
    cut = segments(plain)
    assert [bus.id for bus in cut.buses] == [COMMON]
    assert not cut.gates


@pytest.mark.parametrize(("name", "size", "buses"), [("fleet-100", 50, 10), ("ecommerce-10k", 3, 2)])
def test_across_buses_nobody_can_be_addressed_and_gates_deliver(name: str, size: int, buses: int) -> None:
    one = boundaries_buses.run_buses(trial(name, size, LATTICE))
    cut = boundaries_buses.run_buses(trial(name, size, BUSES))
    assert (one.values["buses"], cut.values["buses"]) == (1, buses)
    assert (one.values["addressable_share"], cut.values["addressable_share"]) == (1, 0)
    assert one.details["arrived"] == cut.details["arrived"] == 0
    assert cut.details["misaddressed_codes"] == ["IA-1.4/recipient"]
    assert one.details["crossed"] == cut.details["crossed"] > 0
    assert one.details["refused"] == cut.details["refused"] == 0
    assert cut.values["port_adapters"] > one.values["port_adapters"]
    assert cut.values["lost_by_gates"] > one.values["lost_by_gates"] == 0


def test_what_a_gate_delivers_carries_the_label_with_which_it_left() -> None:
    """A web source taints the sender; the mark arrives on the other bus, the shed barrier does not."""
    fleet = resize(file_of("fleet-100"), 25)
    cut = segments(fleet)
    gate = cut.gates[0]
    buses = boundaries_buses.Buses(cut, 1, frozenset((gate.id, gate.link.from_, gate.link.to)), 1)
    sender = buses.actors[0][gate.link.from_]
    sender.label = sender.rules.clearance | 1 << 4  # every compartment it may have, and the mark of the web
    draws = stream(1, "test")
    (body,) = boundaries_buses._payloads(fleet, [gate.link.schema], draws)
    effect = buses.cross(buses.sealed(gate, 0, body))
    assert buses.crossed == 1
    assert effect.label & 1 << 4  # type: ignore[union-attr]
    assert not effect.label >> 8  # type: ignore[union-attr]


# Traffic, rates, rules, memory.


def test_traffic_is_the_fleets_own_and_nothing_honest_is_refused() -> None:
    for name, size in (("fleet-100", 10), ("ecommerce-10k", 10)):
        outcome = boundaries_traffic.run_traffic(trial(name, size, LATTICE))
        assert outcome.details["messages"] == boundaries_traffic.MESSAGES_QUICK
        assert outcome.values["refused_honest_share"] == 0
        assert outcome.values["message_us"] > 0


def test_counts_of_a_recording_do_not_depend_on_the_run() -> None:
    one = boundaries_traffic._record(resize(file_of("fleet-100"), 10), 10, 3, 200)
    other = boundaries_traffic._record(resize(file_of("fleet-100"), 10), 10, 3, 200)
    assert one.events == other.events
    assert (one.over, one.between, one.load) == (other.over, other.between, other.load)
    assert one.over > 0


def test_a_bus_each_sustains_more_and_handles_what_crosses_twice() -> None:
    one = boundaries_traffic.run_capacity(trial("fleet-100", 50, LATTICE))
    cut = boundaries_traffic.run_capacity(trial("fleet-100", 50, BUSES))
    assert cut.values["sustained_per_second"] > 2 * one.values["sustained_per_second"]
    assert cut.details["handlings"] == 1 + cut.details["crossing_share"] > 1
    assert one.details["handlings"] == 1


@pytest.mark.parametrize(("load", "low", "high"), [(0.1, 0.1, 0.2), (0.9, 0.5, 4), (1.25, 12_000, 12_001)])
def test_a_queue_is_short_below_capacity_and_grows_for_a_minute_above(
    load: float, low: float, high: float
) -> None:
    service_us = 100.0
    late = boundaries_traffic.late_ms(stream(1, "test"), load / service_us * 1e6, service_us)
    assert low <= late <= high


def test_rules_are_compiled_once_and_texts_are_fresh() -> None:
    assert boundaries_rules.own_patterns(30) is boundaries_rules.own_patterns(30)
    first = boundaries_rules.fresh_texts(1, 10, 20)
    assert len({*first}) == 20
    assert not {*first} & {*boundaries_rules.fresh_texts(2, 10, 20)}
    values = boundaries_rules.run_rules(trial("fleet-100", 5, LATTICE, 30)).values
    assert values["scan_us"] > values["rules_us"] > 0


def test_a_live_instance_takes_less_than_two_kilobytes() -> None:
    outcome = boundaries_rules.run_memory(trial("ecommerce-10k", 10_000, LATTICE))
    assert 100 < outcome.values["bytes_per_instance"] < 2_000
    assert outcome.details["instances_at_size"] == 60_000


# Any fleet.


def _all(one: Trial) -> dict[str, Outcome]:
    return {probe.id: probe.run(one) for probe in DIMENSION.probes if not probe.applies(one.fleet)}


@pytest.mark.parametrize("given", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_every_probe_runs_on_a_fleet_that_says_next_to_nothing(given: Settings) -> None:
    fleet = Fleet(
        fleet="bare", kind="breadth", schemas=(Schema(id="s", fields={}),), links=(),
        types=(AgentType(id="a"), AgentType(id="b")),
    )  # fmt: skip
    found = _all(bare(adapted(fleet, given)))
    assert {"traffic", "capacity", "rates", "planted"} <= found.keys()
    assert not {"entries", "check", "handoffs", "buses"} & found.keys()
    assert found["traffic"].values == found["rates"].values == found["planted"].values == {}
    barred = replace(
        fleet,
        compartments=(Compartment(id="deal", barrier=True),),
        delegations=(Delegation(from_="a", to="b", actions=()),),
    )
    for outcome in _all(bare(adapted(barred, given))).values():
        assert all(value == value for value in outcome.values.values())


@pytest.mark.parametrize("given", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_every_probe_runs_on_the_starter(given: Settings) -> None:
    found = _all(trial("start", 4, given))
    declared = {quantity.id for probe in DIMENSION.probes for quantity in probe.quantities}
    for outcome in found.values():
        assert outcome.values.keys() <= declared


def test_counted_quantities_are_the_same_for_every_seed() -> None:
    exact = {q.id for probe in DIMENSION.probes for q in probe.quantities if q.exact}
    for name, size in (("fleet-100", 25), ("ecommerce-10k", 3)):
        one, other = (_all(trial(name, size, LATTICE, 3, seed)) for seed in (1, 2))
        for probe in one:
            for quantity in exact & one[probe].values.keys():
                assert one[probe].values[quantity] == other[probe].values[quantity], quantity


def test_a_barrier_that_no_link_leads_out_of_is_not_tried() -> None:
    """No chain, no result: "nobody received it" would be said of a summary that went nowhere."""
    fleet = adapted(resize(file_of("start"), 4), STANDARD)
    assert boundaries_derived.run_handoffs(bare(fleet)).details["chains"]
    silent = replace(fleet, links=tuple(link for link in fleet.links if link.from_ != "cashier"))
    assert boundaries_derived.run_handoffs(bare(silent)).values == {}
