"""The shutdown machine: stages only move forward, by the authority of their row; laws as a state machine."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from maso.clock import SECOND
from maso.resilience.shutdown import (
    CEILINGS_NS,
    TABLE,
    Authority,
    Moved,
    Shutdown,
    Stage,
    Stays,
    Trigger,
    legal,
)

BOTH = ("ann", "bob")


def stopped(until: Stage, now: int = 0) -> Shutdown:
    """A machine in a stage, two people behind it."""
    machine = Shutdown(now=now)
    machine.fire(Trigger.HALT, now, BOTH)
    while machine.stage < until:
        assert isinstance(machine.fire(Trigger.DONE, now), Moved)
    return machine


def test_a_controlled_halt_goes_through_every_stage_in_order() -> None:
    machine = Shutdown()
    seen = [machine.stage]
    assert isinstance(machine.fire(Trigger.HALT, 5, BOTH), Moved)
    seen.append(machine.stage)
    while isinstance(machine.fire(Trigger.DONE, 6), Moved):
        seen.append(machine.stage)
    assert seen == list(Stage)
    assert machine.ordered_at == 5
    assert isinstance(machine.fire(Trigger.RESUME, 7, BOTH), Moved)
    assert machine.stage is Stage.RUN
    assert not machine.confirmed


@pytest.mark.parametrize("before", [Stage.RUN, Stage.HALT, Stage.FREEZE, Stage.DRAIN])
def test_a_kill_goes_straight_to_terminate(before: Stage) -> None:
    machine = Shutdown() if before is Stage.RUN else stopped(before)
    moved = machine.fire(Trigger.KILL, 1, BOTH)
    assert isinstance(moved, Moved)
    assert machine.stage is Stage.TERMINATE


def test_one_person_halts_and_the_halt_holds_for_ever() -> None:
    machine = Shutdown()
    machine.fire(Trigger.ASK_HALT, 0, ("ann",))
    assert (machine.stage, machine.held) == (Stage.HALT, True)
    assert machine.expire(10**18) == []
    refused = machine.fire(Trigger.DONE, 10**18)
    assert isinstance(refused, Stays)
    assert refused.why == "waits for a second person"
    machine.fire(Trigger.LAPSED, 10**18)
    assert (machine.stage, machine.held) == (Stage.FREEZE, True)
    assert machine.expire(2 * 10**18) == []


def test_each_stage_ends_at_its_ceiling_and_reconciliation_never_does() -> None:
    machine = Shutdown()
    machine.fire(Trigger.HALT, 0, BOTH)
    moves = machine.expire(10_000 * SECOND)
    assert [(move.after, move.at // SECOND) for move in moves] == [
        (Stage.FREEZE, 0),
        (Stage.DRAIN, 30),
        (Stage.TERMINATE, 90),
        (Stage.RECONCILE, 100),
    ]
    assert machine.stage is Stage.RECONCILE
    assert machine.overdue


def test_a_stage_that_the_file_does_not_have_takes_no_time() -> None:
    machine = Shutdown({Stage.TERMINATE: 10 * SECOND})
    machine.fire(Trigger.HALT, 0, BOTH)
    machine.expire(0)
    assert machine.stage is Stage.TERMINATE


def test_what_is_not_in_the_table_changes_nothing_and_says_what_is_legal() -> None:
    machine = stopped(Stage.DRAIN)
    refused = machine.fire(Trigger.RESUME, 1, BOTH)
    assert refused == Stays("`resume` means nothing in drain", ("kill", "done", "ceiling"))
    assert machine.stage is Stage.DRAIN


def test_time_never_goes_back() -> None:
    machine = stopped(Stage.FREEZE, now=100 * SECOND)
    machine.expire(0)
    assert machine.since == 100 * SECOND


def test_every_way_back_needs_two_people_and_leads_to_running() -> None:
    back = {at: row for at, row in TABLE.items() if row.to < at[0]}
    assert {(at[0], row.to) for at, row in back.items()} == {
        (Stage.HALT, Stage.RUN), (Stage.FREEZE, Stage.RUN), (Stage.SETTLED, Stage.RUN)
    }  # fmt: skip
    assert all(row.authority is Authority.TWO for row in back.values())


def test_money_is_never_settled_by_time() -> None:
    assert (Stage.RECONCILE, Trigger.CEILING) not in TABLE


def test_every_stage_has_a_way_on() -> None:
    assert all(legal(stage) for stage in Stage)


class Laws(RuleBasedStateMachine):
    """Any triggers, people and times: the laws hold."""

    def __init__(self) -> None:
        super().__init__()
        self.machine = Shutdown(CEILINGS_NS)
        self.now = 0
        self.two_ordered = False

    @rule(trigger=st.sampled_from(list(Trigger)), by=st.lists(st.sampled_from("abc"), max_size=3))
    def fire(self, trigger: Trigger, by: list[str]) -> None:
        before, confirmed = self.machine.stage, self.machine.confirmed
        result = self.machine.fire(trigger, self.now, tuple(by))
        if isinstance(result, Stays):
            assert (self.machine.stage, self.machine.confirmed) == (before, confirmed)
            assert result.legal == legal(before)
            return
        if self.machine.stage < before:
            assert self.machine.stage is Stage.RUN
            assert len(set(by)) >= 2
            self.two_ordered = False
        if trigger in (Trigger.HALT, Trigger.KILL):
            assert len(set(by)) >= 2
            self.two_ordered = True

    @rule(seconds=st.integers(-100, 200))
    def wait(self, seconds: int) -> None:
        before = self.machine.stage
        self.now = max(self.now, self.now + seconds * SECOND)
        self.machine.expire(self.now + min(0, seconds) * SECOND)
        assert self.machine.stage >= before

    @invariant()
    def nobody_alone_goes_beyond_a_freeze(self) -> None:
        assert self.machine.stage <= Stage.FREEZE or self.two_ordered
        assert self.machine.confirmed == self.two_ordered


TestLaws = Laws.TestCase
TestLaws.settings = settings(max_examples=60, stateful_step_count=30)
