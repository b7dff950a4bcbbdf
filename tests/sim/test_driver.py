"""The driver with the real plane: honest sessions go through, the same run again is the same bytes."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from maso.clock import MINUTE, SECOND
from maso.envelope import MessageKind, open_wire
from maso.fleet.load import load_fleet
from maso.fleet.model import Fleet
from maso.fleet.rulebook import Rulebook
from maso.journeys.actors import Keyring
from maso.plane.effects import Deliver, Effect, Refuse
from maso.plane.events import Arrive, Endorser, SetStage
from maso.plane.plane import Plane
from maso.scan.scanner import Scanner
from maso.sim.driver import Simulation
from maso.sim.watchers import Performed, RecordTap
from maso.worlds.shop import Shop
from plane.small import SMALL
from sim.doubles import YesPlane, simulation

RUN = """
import hashlib, sys
sys.path[:0] = sys.argv[1:3]
from sim.test_driver import HashLog, run_of, shop_fleet
log = HashLog()
sim = run_of(shop_fleet(), 15, 2, log=log)
tally = sim.run()
print(log.digest(), sorted(tally.messages().items()), sorted(tally.completed.items()))
"""


class HashLog:
    """A log that keeps a digest of everything that was appended."""

    def __init__(self) -> None:
        self.count = 0
        self._sha256 = hashlib.sha256()

    def append(self, body: bytes) -> int:
        self._sha256.update(len(body).to_bytes(4, "big") + body)
        self.count += 1
        return self.count - 1

    def digest(self) -> str:
        return self._sha256.hexdigest()


_scanner: list[Scanner] = []


def run_of(
    fleet: Fleet, size: int, minutes: int, *, seed: int = 7, log: Any = None, **more: Any
) -> Simulation:
    if not _scanner:
        _scanner.append(Scanner(None))  # what injections look like is another test's business
    rules = Rulebook(fleet)
    keys = Keyring(rules, seed)
    tap = RecordTap(log or HashLog())
    plane = Plane(rules, keys.plane, tap, _scanner[0])
    return Simulation(fleet, rules, plane, keys, seed=seed, minutes=minutes, size=size, tap=tap, **more)


def shop_fleet() -> Fleet:
    return load_fleet("ecommerce-10k")[0]


class Witness:
    """A watcher that keeps everything."""

    wants_inbox = True

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.effects: list[Effect] = []
        self.records = 0
        self.done: list[Performed] = []

    def on_event(self, event: object, now: int) -> None:
        self.events.append(event)

    def on_effects(
        self, event: object, effects: Sequence[Effect], records: Sequence[bytes], now: int
    ) -> None:
        assert event is self.events[-1]
        self.effects += effects
        self.records += len(records)

    def on_world(self, done: Performed, now: int) -> None:
        self.done.append(done)


@pytest.fixture(scope="module")
def shop_run() -> tuple[Simulation, Witness, HashLog]:
    witness, log = Witness(), HashLog()
    sim = run_of(shop_fleet(), 120, 6, log=log, watchers=(witness,))
    sim.run()
    return sim, witness, log


def test_honest_sessions_of_the_shop_go_through(shop_run: tuple[Simulation, Witness, HashLog]) -> None:
    sim, _, _ = shop_run
    tally = sim.tally
    assert tally.total() > 3_000
    assert tally.refused == {}
    assert tally.broken == {}
    assert tally.declined == {}
    assert tally.completed["purchase"] > 5
    assert tally.completed["browse"] > 10


def test_money_was_moved_and_the_books_balance(shop_run: tuple[Simulation, Witness, HashLog]) -> None:
    sim, witness, _ = shop_run
    (shop,) = [world for world in sim.worlds if isinstance(world, Shop)]
    assert sum(shop.books.values()) == 0
    assert shop.books["held"] == 0  # every session was closed, and what it left was settled
    captured = [d for d in witness.done if d.operation == "shop.payment_capture"]
    assert len(captured) > 5
    for done in captured:
        assert done.answer is not None
        assert done.answer["captured_minor"] == done.args["amount_minor"]


def test_watchers_see_every_event_effect_and_record(shop_run: tuple[Simulation, Witness, HashLog]) -> None:
    sim, witness, log = shop_run
    delivered = sum(type(e) is Deliver for e in witness.effects)
    assert delivered + len(witness.done) >= sim.tally.total() - sim.tally.total(2) - len(sim.sessions.live)
    assert witness.records == log.count - 1  # all but the one that the plane wrote before it was handed over


def test_holds_are_answered_by_the_facts(shop_run: tuple[Simulation, Witness, HashLog]) -> None:
    sim, _, _ = shop_run
    assert sim.tally.asked[int(Endorser.FACTS), True] > 50
    assert (int(Endorser.FACTS), False) not in sim.tally.asked
    assert sim._held == {}


def test_every_session_ends_and_nothing_of_it_stays(shop_run: tuple[Simulation, Witness, HashLog]) -> None:
    sim, _, _ = shop_run
    assert sim.sessions.live == {}
    assert sim.facts == {}
    assert all(actor.rules.is_port for actor in sim.actors.values())
    assert sim.tally.opened == sum(sim.tally.completed.values()) + sim.tally.cut


@pytest.mark.parametrize("hash_seed", ["0", "12345"])
def test_the_same_seed_gives_the_same_bytes_in_any_process(root: Path, hash_seed: str) -> None:
    log = HashLog()
    tally = run_of(shop_fleet(), 15, 2, log=log).run()
    here = f"{log.digest()} {sorted(tally.messages().items())} {sorted(tally.completed.items())}"
    env = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", RUN, str(root / "src"), str(root / "tests")]
    out = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == here


def test_another_seed_gives_another_run() -> None:
    digests = set()
    for seed in (1, 2):
        log = HashLog()
        run_of(shop_fleet(), 4, 1, seed=seed, log=log).run()
        digests.add(log.digest())
    assert len(digests) == 2


def test_research_runs_end_to_end() -> None:
    sim = run_of(load_fleet("research-5")[0], 5, 5)
    tally = sim.run()
    assert tally.refused == {}
    assert sum(tally.completed.values()) >= 2
    assert tally.performed["desk.research_publish"] >= 2


# A small fleet with one of everything, on the real plane and on one that says yes.

PURCHASE: list[dict[str, Any]] = [
    {"from": "customer_chat", "to": "cart"},
    {"from": "cart", "to": "advisor", "kind": "claim"},
    {"confirm": "order.create"},
    {"from": "cart", "action": "order.create"},
    {"from": "cart", "to": "payment", "kind": "delegation", "delegate": ["payment.authorise"]},
    {"from": "payment", "action": "payment.authorise", "under": "cart"},
]
LOAD = {"journeys": [{"id": "purchase", "share": 1.0, "steps": PURCHASE}], "messages_per_agent_minute": 30}


def small(**over: Any) -> Fleet:
    return msgspec.convert({**SMALL, "kind": "breadth", "workload": LOAD, **over}, Fleet)


def test_customers_confirm_what_the_page_shows() -> None:
    tally = run_of(small(), 1, 3).run()
    assert tally.refused == {}
    assert tally.completed["purchase"] > 5


def test_without_a_confirmation_the_customer_is_asked() -> None:
    steps = [step for step in PURCHASE if "confirm" not in step]
    load = {**LOAD, "journeys": [{"id": "purchase", "share": 1.0, "steps": steps}]}
    tally = run_of(small(workload=load), 1, 3).run()
    assert tally.asked[int(Endorser.CUSTOMER), True] > 5
    assert tally.refused == {}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_walks_of_a_fleet_without_journeys_are_honest_to_the_plane(seed: int) -> None:
    load = {"messages_per_agent_minute": 60, "handoffs_min": 3, "handoffs_max": 8}
    tally = run_of(small(workload=load), 1, 3, seed=seed).run()
    assert tally.refused == {}
    assert tally.declined == {}
    assert sum(tally.completed.values()) > 20


def test_a_refusal_breaks_the_journey_and_is_counted_with_its_reason() -> None:
    steps = [{"from": "payment", "action": "payment.authorise"}]
    load = {**LOAD, "journeys": [{"id": "bold", "share": 1.0, "steps": steps}]}
    tally = run_of(small(workload=load), 1, 2).run()
    assert set(tally.refused) == {("payment", "IA-2.3/contract-needed")}
    assert set(tally.broken) == {("bold", "IA-2.3/contract-needed")}
    assert tally.completed == {}


def test_a_frozen_fleet_turns_sessions_away() -> None:
    sim = run_of(small(), 1, 4)
    sim.kernel.at(MINUTE, lambda _: sim.handle(SetStage("system", 1)) and None)
    tally = sim.run()
    assert tally.turned_away > 3
    assert tally.completed["purchase"] > 1


class Stranger:
    """An adversary that forges an envelope, and lets a customer write something through a port."""

    def __init__(self) -> None:
        self.outcomes: list[tuple[type, ...]] = []

    def plan(self, ground: Any) -> Iterable[tuple[int, Callable[[Any], None], Any]]:
        yield 30 * SECOND, self.forge, ground
        yield 40 * SECOND, self.write, ground

    def forge(self, ground: Simulation) -> None:
        happened = ground.handle(Arrive(1 << 40, b"not an envelope"))
        assert len(happened.records) == 1
        self.outcomes.append(tuple(type(e) for e in happened.effects))

    def write(self, ground: Simulation) -> None:
        run = next(iter(ground.sessions.live.values()), None)
        if run is None:
            return
        to = run.actors[ground.rules.type_by_id["cart"].index][0].nhi
        happened = ground.from_port("customer_chat", run.number, to, b'{"text":"hello"}')
        self.outcomes.append(tuple(type(e) for e in happened.effects))


def test_adversaries_act_on_the_same_plane_and_are_not_counted_as_honest() -> None:
    stranger = Stranger()
    sim = run_of(small(), 1, 2, adversaries=(stranger,))
    tally = sim.run()
    assert stranger.outcomes[0] == (Refuse,)
    assert tally.refused == {}


def test_what_adversaries_draw_does_not_shift_honest_traffic() -> None:
    plain = simulation(small(), minutes=3).run()
    seen: list[int] = []
    sim = simulation(small(), minutes=3, watchers=(Witness(),))
    sim.kernel.at(SECOND, lambda _: seen.append(len(sim.tally.messages())))
    assert sim.run().messages() == plain.messages()


def test_inboxes_are_kept_only_when_somebody_looks() -> None:
    sim = simulation(small(), minutes=1)
    sim.kernel.at(50 * SECOND, lambda _: [None for a in sim.actors.values() if a.inbox is not None] and 1 / 0)
    sim.run()
    witness = Witness()
    sim = simulation(small(), minutes=1, watchers=(witness,))
    kept: list[bytes] = []
    sim.kernel.at(
        55 * SECOND, lambda _: kept.extend(body for a in sim.actors.values() for body in a.inbox or ())
    )
    sim.run()
    assert kept


def test_claims_travel_with_their_sources_and_lose_a_little() -> None:
    steps = [
        {"from": "customer_chat", "to": "advisor"},
        {"from": "advisor", "to": "cart", "kind": "claim"},
        {"from": "cart", "to": "advisor", "kind": "claim"},
    ]
    load = {**LOAD, "journeys": [{"id": "claims", "share": 1.0, "steps": steps}]}
    witness = Witness()
    run_of(small(workload=load), 1, 3, watchers=(witness,)).run()
    sent = [e for e in witness.effects if type(e) is Deliver and e.kind == MessageKind.CLAIM]
    first = {e.session: e.claims[0] for e in sent if not e.claims[0].derived}
    again = [e for e in sent if e.claims[0].derived]
    assert again
    for effect in again:
        claim, told = effect.claims[0], first[effect.session]
        assert claim.derived == (told.id,)
        assert claim.confidence <= told.confidence
        assert told.sources


def test_honest_agents_declare_the_labels_of_what_they_were_told() -> None:
    witness = Witness()
    sim = simulation(small(), minutes=2, watchers=(witness,))
    sim.run()
    ports = {actor.nhi for actor in sim.ports.values()}
    chat = sim.ports["customer_chat"].label
    said = [open_wire(event.wire) for event in witness.events if type(event) is Arrive]
    agents = [envelope for envelope in said if envelope.sender not in ports]
    assert len(agents) > 20
    # Every journey here begins with what a customer wrote, and the rest is made from it.
    assert all((envelope.label or 0) & chat == chat for envelope in agents)
    assert all(envelope.parents for envelope in agents)


def test_the_yes_plane_is_told_of_every_session_end() -> None:
    plane = YesPlane()
    simulation(small(), plane, minutes=2).run()
    assert set(plane.members) == {0}
