"""The mix in a whole simulated run: everybody strikes or says why not, and one seed leaves the same bytes."""

from functools import cache

from maso.clock import MINUTE
from maso.fleet.grow import grow
from maso.fleet.load import load, read_fleet
from maso.fleet.rulebook import Rulebook
from maso.journeys.actors import Keyring
from maso.plane.plane import Plane
from maso.sim.adversaries.catalog import ADVERSARIES
from maso.sim.adversaries.mix import Mix
from maso.sim.checkers.reproducible import first_difference
from maso.sim.checkers.suite import Suite
from maso.sim.driver import Simulation
from maso.sim.watchers import RecordTap
from tests.plane.small import scanner
from tests.sim_adversaries.target import MemoryLog


@cache
def ran(seed: int, again: bool = False) -> tuple[Mix, Suite, list[bytes]]:
    """One minute of the shop with five customers."""
    text, name = read_fleet("ecommerce-10k")
    loaded = load(text, name)
    assert loaded.file is not None
    fleet = grow(loaded.file, 5)
    rules = Rulebook(fleet)
    keys = Keyring(rules, seed)
    log = MemoryLog()
    tap = RecordTap(log)
    suite = Suite(fleet, f"seed {seed}")
    mix = Mix(seed, MINUTE, tell_card=suite.cardholder.plant)
    plane = Plane(rules, keys.plane, tap, scanner())
    Simulation(
        fleet,
        rules,
        plane,
        keys,
        seed=seed,
        minutes=1,
        size=5,
        tap=tap,
        watchers=(mix, suite),
        adversaries=(mix,),
    ).run()
    return mix, suite, log.bodies


def test_nothing_is_achieved_and_nothing_is_broken() -> None:
    mix, suite, _ = ran(3)
    assert mix.achieved == 0
    assert suite.texts() == ()


def test_everybody_strikes_in_every_run_or_says_why_not() -> None:
    mix, _, _ = ran(3)
    tolls = {toll.adversary.id: toll for toll in mix.tolls()}
    assert set(tolls) == {a.id for a in ADVERSARIES}
    for toll in tolls.values():
        assert toll.planted or all(len(reason) > 20 for reason in toll.not_applicable), toll.adversary.id
        assert toll.planted or toll.not_applicable
    struck = [toll for toll in tolls.values() if toll.planted]
    assert len(struck) >= 30
    assert sum(toll.messages for toll in struck) == sum(s.planted for _, s, _ in mix._strikes)


def test_the_same_seed_leaves_the_same_bytes() -> None:
    _, one, bodies = ran(3)
    _, other, again = ran(3, again=True)
    assert first_difference(bodies, again) is None
    assert one.same_bytes.digest() == other.same_bytes.digest()
    _, another, _ = ran(4)
    assert another.same_bytes.digest() != one.same_bytes.digest()
