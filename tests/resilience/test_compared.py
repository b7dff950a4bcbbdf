"""The settings of PACE that a stress test compares really take another way."""

from itertools import pairwise

from maso.clock import MINUTE, SECOND
from maso.fleet.load import load_file
from maso.fleet.resize import resize
from maso.resilience.coordinator import Coordinator
from maso.resilience.pace import Phase
from maso.resilience.plan import plan_of
from maso.resilience.ramp import AT_ONCE_MILLI, SHARES_MILLI, SMALL_SHARES_MILLI, Ramp, Verdict
from maso.resilience.signals import Gone, Joined, Notify
from maso.stress.dimension import adapted


def coordinator(**controls: str) -> Coordinator:
    fleet = adapted(resize(load_file("fleet-100")[0], 50), tuple(controls.items()))
    return Coordinator(plan_of(fleet), b"k" * 32)


def flooded(one: Coordinator) -> Phase:
    """Ten instances of the first type live; one of them fails a thousand times."""
    one.handle(Joined(tuple((n, 0, n) for n in range(1, 11))), 0)
    for i in range(1, 1001):
        one.outcome(1, False, i * SECOND // 50, i * SECOND // 50)
    return one.types[0].machine.phase


def test_signals_count_what_one_instance_does_instances_do_not() -> None:
    assert flooded(coordinator()) is Phase.PRIMARY
    assert flooded(coordinator(pace_evidence="signals")) > Phase.PRIMARY


def test_with_three_axes_nobody_is_told() -> None:
    def told(one: Coordinator) -> int:
        first = one.graph.order[0]
        effects = one.handle(Gone(f"cluster:{one.graph.names[first]}"), 0)
        return sum(type(effect) is Notify for effect in effects)

    assert told(coordinator()) > 0
    assert told(coordinator(pace_axes="three")) == 0


def test_without_hysteresis_nothing_is_waited_for() -> None:
    dwell, none = coordinator().plan.types[0], coordinator(pace_hysteresis="none").plan.types[0]
    assert (dwell.settings.dwell_ns, none.settings.dwell_ns) == (2 * MINUTE, 0)
    assert dwell.back_milli * 2 == none.back_milli == none.trigger_milli


def test_the_steps_of_a_return() -> None:
    for name, shares in (
        ("steps", SHARES_MILLI), ("small-steps", SMALL_SHARES_MILLI), ("at-once", AT_ONCE_MILLI)
    ):  # fmt: skip
        assert coordinator(pace_return=name).types[0].shares == shares
    assert max(b - a for a, b in pairwise(SMALL_SHARES_MILLI)) == 25
    ramp = Ramp(0, 200, 30 * SECOND, AT_ONCE_MILLI)
    assert (ramp.share_milli, ramp.advance(1)) == (1000, Verdict.DONE)
