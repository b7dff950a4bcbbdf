"""Workloads: journeys become moves, fleets without journeys get walks, and the pace is the fleet's."""

from collections import Counter
from typing import Any

import msgspec
import pytest

from maso.clock import MINUTE
from maso.fleet.load import load_fleet
from maso.fleet.model import Fleet
from maso.fleet.rulebook import Rulebook
from maso.journeys.scripts import What
from maso.journeys.walks import Walker
from maso.sim.driver import Simulation
from maso.streams import stream
from plane.small import SMALL
from sim.doubles import simulation


def fleet_of(**over: Any) -> Fleet:
    return msgspec.convert({**SMALL, **over}, Fleet)


BARE = {
    "fleet": "bare",
    "kind": "breadth",
    "schemas": [{"id": "note", "fields": {"text": {"type": "text", "max": 500}}}],
    "types": [{"id": "a"}, {"id": "b"}, {"id": "c"}],
    "links": [
        {"from": "a", "to": "b", "schema": "note", "kinds": ["data", "claim"]},
        {"from": "b", "to": "c", "schema": "note", "kinds": ["data", "instruction"]},
        {"from": "c", "to": "a", "schema": "note"},
    ],
    "workload": {"messages_per_agent_minute": 20},
}
PURCHASE = [
    {"from": "customer_chat", "to": "cart", "repeat": 2},
    {"from": "cart", "action": "catalogue.search", "repeat": 2},
    {"confirm": "order.create"},
    {"from": "cart", "action": "order.create"},
    {"from": "cart", "to": "payment", "kind": "delegation", "delegate": ["payment.authorise"]},
    {"from": "payment", "action": "payment.authorise", "under": "cart"},
]
JOURNEY = {"id": "purchase", "share": 1.0, "steps": PURCHASE}


def moves_of(sim: Simulation) -> list[tuple[str, str, str]]:
    (script,) = sim.sessions.workload.scripts
    return [(m.what.name, m.sender.id, m.recipient.id) for m in script.moves]


def test_a_journey_is_written_out_move_by_move() -> None:
    sim = simulation(fleet_of(kind="depth", workload={"journeys": [JOURNEY]}))
    assert moves_of(sim) == [
        ("SEND", "customer_chat", "cart"),
        ("SEND", "customer_chat", "cart"),
        ("ACT", "cart", "shop"),
        ("ACT", "cart", "shop"),
        ("CONFIRM", "cart", "shop"),
        ("ACT", "cart", "shop"),
        ("SEND", "cart", "payment"),
        ("ACT", "payment", "psp"),
    ]
    (script,) = sim.sessions.workload.scripts
    assert script.agent_moves == 5
    assert [m.lasting for m in script.moves][6] is True


def test_groups_are_repeated_whole() -> None:
    steps = [
        {"repeat": 2, "steps": [{"from": "customer_chat", "to": "cart"}, {"from": "cart", "to": "advisor"}]}
    ]
    fleet = fleet_of(kind="depth", workload={"journeys": [{"id": "j", "share": 1, "steps": steps}]})
    ends = [(sender, to) for _, sender, to in moves_of(simulation(fleet))]
    assert ends == [("customer_chat", "cart"), ("cart", "advisor")] * 2


def test_a_journey_that_goes_where_no_link_goes_is_refused() -> None:
    steps = [{"from": "payment", "to": "cart", "kind": "instruction"}]
    fleet = fleet_of(workload={"journeys": [{"id": "odd", "share": 1, "steps": steps}]})
    with pytest.raises(ValueError, match="journey `odd` sends instruction from `payment` to `cart`"):
        simulation(fleet)


def test_walks_cover_the_links_of_a_fleet_without_journeys() -> None:
    fleet, _ = load_fleet("fleet-100")
    rules = Rulebook(fleet)
    journeys = Walker(fleet, rules, stream(1, "walks")).journeys()
    used = Counter((s.from_, s.to) for j in journeys for s in j.steps if s.to is not None)
    links = {(k.from_, k.to) for k in fleet.links if k.from_ != k.to}
    assert set(used) == links
    assert min(used.values()) >= 3  # the least used come first


def test_walks_end_within_the_handoffs_that_the_fleet_states() -> None:
    fleet = fleet_of(kind="breadth", workload={"handoffs_min": 3, "handoffs_max": 5})
    for journey in Walker(fleet, Rulebook(fleet), stream(1, "walks")).journeys():
        ports = {port.id for port in fleet.ports}
        handoffs = [s for s in journey.steps if s.to is not None and s.from_ not in ports]
        assert len(handoffs) <= 5


def test_a_fleet_without_ports_and_journeys_runs() -> None:
    sim = simulation(msgspec.convert(BARE, Fleet), minutes=2)
    tally = sim.run()
    assert tally.total() > 50
    assert not tally.broken
    assert {k[0] for k in tally.messages()} == {"a", "b", "c"}


def test_a_fleet_with_nothing_to_do_says_so() -> None:
    fleet = msgspec.convert({**BARE, "links": []}, Fleet)
    with pytest.raises(ValueError, match="no journeys, and no links"):
        simulation(fleet)


def test_a_breadth_fleet_sends_at_its_rate_and_at_peak_by_its_factor() -> None:
    load = {"messages_per_agent_minute": 10, "peak_factor": 4.0}
    fleet = msgspec.convert({**BARE, "workload": load}, Fleet)
    normal = simulation(fleet, minutes=30).run().total()
    peak = simulation(fleet, minutes=30, peak=True).run().total()
    assert normal == pytest.approx(3 * 10 * 30, rel=0.2)
    assert peak == pytest.approx(4 * normal, rel=0.2)


def test_a_depth_fleet_keeps_its_sessions_and_its_rate() -> None:
    load = {"session_minutes": 10, "actions_per_session": 10, "journeys": [JOURNEY]}
    fleet = fleet_of(kind="depth", workload=load)
    sim = simulation(fleet, minutes=20, size=60)
    live: list[int] = []
    for minute in range(1, 20):
        sim.kernel.at(minute * MINUTE, lambda _: live.append(len(sim.sessions.live)))
    tally = sim.run()
    assert sum(live) / len(live) == pytest.approx(60, rel=0.05)
    # Three types make ten moves each in ten minutes; ports and answers come on top.
    agents = sum(n for (who, _, _), n in tally.messages().items() if who in ("advisor", "cart", "payment"))
    assert agents == pytest.approx(60 * 3 * 20, rel=0.15)
    assert tally.opened > 60
    assert tally.cut == live[-1] or abs(tally.cut - 60) <= 3


def test_sessions_of_the_start_enter_part_way_and_catch_up_on_what_lasts() -> None:
    fleet = fleet_of(kind="depth", workload={"journeys": [JOURNEY]})
    sim = simulation(fleet, minutes=4, size=200)
    seen: list[int] = []
    sim.kernel.at(MINUTE, lambda _: seen.extend(run.entered for run in sim.sessions.live.values()))
    tally = sim.run()
    assert len(set(seen)) > 3
    assert tally.completed["purchase"] > 20  # many ends within four of fifteen minutes
    assert not tally.broken


def test_chances_are_taken() -> None:
    steps = [{"from": "customer_chat", "to": "cart"}, {"from": "cart", "to": "advisor", "chance": 0.25}]
    load = {"journeys": [{"id": "j", "share": 1, "steps": steps}], "messages_per_agent_minute": 60}
    tally = simulation(fleet_of(kind="breadth", workload=load), minutes=10).run()
    counted = tally.messages()
    first, second = counted["customer_chat", "data", "allow"], counted["cart", "data", "allow"]
    assert second == pytest.approx(first / 4, rel=0.25)


def test_confirmations_are_no_agents_moves() -> None:
    sim = simulation(fleet_of(kind="depth", workload={"journeys": [JOURNEY]}))
    (script,) = sim.sessions.workload.scripts
    assert [m.agent for m in script.moves if m.what is What.CONFIRM] == [False]
