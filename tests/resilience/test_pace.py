"""The table of PACE and its machine: authority, dwell, heals; what is not legal changes nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from maso.clock import DAY, MINUTE, SECOND
from maso.resilience.pace import (
    TABLE,
    Authority,
    Level,
    Machine,
    Moved,
    Phase,
    Settings,
    Stays,
    Trigger,
    Waits,
    legal,
)

DWELL = 2 * MINUTE
P, A, C, E = Phase


def machine(level: Level = Level.TYPE, *, by_person: bool = False) -> Machine:
    return Machine(level, Settings(DWELL, 3, by_person, 15 * MINUTE))


def test_each_row_leads_to_another_phase_and_up_by_one_step_only() -> None:
    for (phase, trigger), row in TABLE.items():
        assert row.to is not phase
        assert row.to > phase - 2, (phase, trigger)


def test_no_row_leaves_emergency_without_a_person() -> None:
    rows = [row for (phase, _), row in TABLE.items() if phase is E]
    assert rows
    assert all(authority is Authority.COMMANDER for row in rows for authority in row.authority)


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("trigger", list(Trigger))
def test_what_is_not_in_the_table_changes_nothing_and_says_what_is_legal(
    level: Level, phase: Phase, trigger: Trigger
) -> None:
    m = machine(level)
    m.phase = phase
    result = m.fire(trigger, 10 * DAY, "somebody", Authority.COMMANDER)
    if trigger.value in legal(level, phase):
        assert isinstance(result, Moved)
        assert m.phase is TABLE[phase, trigger].to
        return
    assert result == Stays(f"`{trigger.value}` means nothing in {phase.name.lower()}", legal(level, phase))
    assert m.phase is phase


def test_a_type_falls_by_itself_as_far_as_contingency_and_no_further_without_a_person() -> None:
    m = machine()
    assert isinstance(m.fire(Trigger.FAILING, 0), Moved)
    assert isinstance(m.fire(Trigger.FAILING, 0), Moved)
    waits = m.fire(Trigger.FAILING, SECOND)
    assert waits == Waits(E, Trigger.FAILING, Authority.OPERATOR, SECOND + 15 * MINUTE, True)
    assert m.phase is C
    assert m.expire(SECOND + 15 * MINUTE - 1) is None
    moved = m.expire(SECOND + 15 * MINUTE)
    assert moved == Moved(C, E, Trigger.FAILING, Authority.AUTOMATIC, "")


def test_an_unanswered_request_to_step_up_lapses() -> None:
    m = machine(by_person=True)
    m.phase, m.since = C, 0
    assert isinstance(m.fire(Trigger.STEADY, DWELL), Waits)
    assert isinstance(m.expire(DWELL + 15 * MINUTE), Stays)
    assert m.phase is C


def test_where_a_person_decides_a_fall_waits_for_the_answer_or_the_deadline() -> None:
    m = machine(by_person=True)
    assert isinstance(m.fire(Trigger.FAILING, 0), Waits)
    assert m.phase is P
    assert m.answer(True, SECOND, "", Authority.OPERATOR).__class__ is Stays
    assert m.answer(True, SECOND, "operator", Authority.OPERATOR) == Moved(
        P, A, Trigger.FAILING, Authority.OPERATOR, "operator"
    )


@pytest.mark.parametrize(("role", "authority"), [("", Authority.COMMANDER), ("operator", Authority.OPERATOR)])
def test_emergency_is_not_left_without_the_role(role: str, authority: Authority) -> None:
    m = machine()
    m.phase = E
    result = m.fire(Trigger.RELEASE, 10 * DAY, role, authority)
    assert isinstance(result, Stays)
    assert m.phase is E
    assert m.waits is None  # an order is not kept for somebody else to approve


def test_three_heals_in_a_day_then_only_a_person() -> None:
    m = machine()
    now = 0
    for _ in range(3):
        assert isinstance(m.fire(Trigger.FAILING, now), Moved)
        now += DWELL
        assert isinstance(m.fire(Trigger.STEADY, now), Moved)
        now += SECOND
    m.fire(Trigger.FAILING, now)
    assert m.spent()
    assert m.fire(Trigger.SPENT, now) == Moved(A, C, Trigger.SPENT, Authority.AUTOMATIC, "")
    now += 20 * MINUTE
    stays = m.fire(Trigger.STEADY, now)
    assert isinstance(stays, Stays)
    assert stays.why == "the heals of 24 hours are used up: a person decides"
    assert isinstance(m.fire(Trigger.ORDER_UP, now, "operator", Authority.OPERATOR), Moved)
    assert isinstance(m.fire(Trigger.STEADY, now + DWELL), Moved)


def test_an_aborted_return_doubles_the_wait_up_to_eight_times() -> None:
    m = machine()
    m.fire(Trigger.FAILING, 0)
    waits = []
    for _ in range(6):
        waits.append(m.ready_at - m.since)
        m.aborted(m.ready_at)
    assert waits == [DWELL, 2 * DWELL, 4 * DWELL, 8 * DWELL, 8 * DWELL, 8 * DWELL]


class Laws(RuleBasedStateMachine):
    """No transition without authority, no step up by itself before the dwell, three heals a day."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.m = machine(Level.TYPE)
        self.ups: list[int] = []
        self.last = 0

    @rule(trigger=st.sampled_from(list(Trigger)), wait=st.integers(-MINUTE, 6 * MINUTE))
    def by_itself(self, trigger: Trigger, wait: int) -> None:
        self._took(self.m.fire(trigger, self._at(wait)), Authority.AUTOMATIC)

    @rule(
        trigger=st.sampled_from(list(Trigger)),
        wait=st.integers(-MINUTE, 6 * MINUTE),
        authority=st.sampled_from([Authority.AUTOMATIC, Authority.OPERATOR, Authority.COMMANDER]),
        role=st.sampled_from(["", "operator"]),
    )
    def by_somebody(self, trigger: Trigger, wait: int, authority: Authority, role: str) -> None:
        given_ = authority if role else Authority.AUTOMATIC
        self._took(self.m.fire(trigger, self._at(wait), role, authority), given_)

    @rule(granted=st.booleans(), role=st.sampled_from(["", "operator"]))
    def answered(self, granted: bool, role: str) -> None:
        given_ = Authority.OPERATOR if role else Authority.AUTOMATIC
        self._took(self.m.answer(granted, self.now, role, Authority.OPERATOR), given_)

    @rule(wait=st.integers(0, 20 * MINUTE))
    def time_passes(self, wait: int) -> None:
        result = self.m.expire(self._at(wait))
        if isinstance(result, Moved):
            assert result.after > result.before, "silence only ever degrades"
            self.last = self.m.now

    def _at(self, wait: int) -> int:
        self.now = max(0, self.now + wait)
        return self.now

    def _took(self, result: object, given_: Authority) -> None:
        if not isinstance(result, Moved):
            return
        row = TABLE[result.before, result.trigger]
        assert given_ >= row.authority[Level.TYPE]
        if result.before is E:
            assert result.by
            assert given_ is Authority.COMMANDER
        if result.after < result.before:
            if given_ is Authority.AUTOMATIC:
                assert self.m.now - self.last >= DWELL
                self.ups.append(self.m.now)
            else:
                self.ups.clear()  # a person has looked at it
        self.last = self.m.now

    @invariant()
    def heals(self) -> None:
        assert len([at for at in self.m.heals if at > self.m.now - DAY]) <= 3
        assert self.m.waits is None or self.m.waits.to is not self.m.phase


TestLaws = Laws.TestCase
TestLaws.settings = settings(stateful_step_count=40)


@given(st.lists(st.tuples(st.integers(0, 30 * MINUTE), st.booleans()), max_size=120))
@settings(deadline=None)
def test_flapping_evidence_heals_at_most_three_times_in_any_24_hours(
    flaps: list[tuple[int, bool]],
) -> None:
    m, now, healed = machine(), 0, []
    for wait, failing in flaps:
        now += wait
        if failing:
            m.fire(Trigger.FAILING, now)
        else:
            fell = m.fell
            if isinstance(m.fire(Trigger.STEADY, now), Moved) and fell:
                healed.append(now)
    for at in healed:
        assert len([h for h in healed if at - DAY < h <= at]) <= 3
