"""A coordinator that is stopped at any line goes on as if it had not been; stricter where nobody listened."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from maso.clock import DAY, MINUTE, SECOND
from maso.resilience.coordinator import Coordinator
from maso.resilience.journal import HEARD, SILENCE_NS, Journal, JournalError, restore, resume
from maso.resilience.pace import Phase
from maso.resilience.signals import (
    Answered,
    Assess,
    Blocked,
    Effect,
    Finish,
    Gone,
    Heard,
    Joined,
    Move,
    Notify,
    Order,
    Outcome,
    Provide,
    Request,
    Show,
    Signal,
)
from tests.resilience.given import KEY, Bench, agent, plan
from tests.resilience.test_coordinator import Everything

P, A, C, E = Phase
PAYMENT, SUPPORT = 3, 5


class Twin:
    """Two coordinators that hear the same: one plain, one that is stopped and restored. They must agree."""

    def __init__(self, plain: Coordinator, state_every: int) -> None:
        self.plain = plain
        self._every = state_every
        self.lines: list[bytes] = []
        self.journal = Journal(Coordinator(plain.plan, KEY), self.lines.append, state_every)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)

    def handle(self, signal: Signal, now: int) -> Sequence[Effect]:
        return self._both(lambda c: c.handle(signal, now))

    def outcome(self, nhi: int, ok: bool, at: int, now: int, about: str = "") -> Sequence[Effect]:
        return self._both(lambda c: c.outcome(nhi, ok, at, now, about))

    def advance(self, now: int) -> Sequence[Effect]:
        return self._both(lambda c: c.advance(now))

    def _both(self, do: Any) -> Sequence[Effect]:
        first, second = list(do(self.plain)), list(do(self.journal))
        assert first == second
        return first

    def crash(self, torn: int) -> None:
        """Stopped here, perhaps while it wrote a line that nobody acted on; and started again at once."""
        lines = [*self.lines, self.lines[-1][:torn]] if torn and self.lines else self.lines
        there = restore(self.plain.plan, KEY, lines)
        assert there.state() == self.plain.state()
        self.journal = Journal(there, self.lines.append, self._every)


class Stopped(Everything):
    """Any signals in any order, and a crash between any two: the same laws, and the same decisions."""

    def __init__(self) -> None:
        super().__init__()
        plain = self.b.c
        self.twin = Twin(plain, 7)
        self.twin.journal.handle(Joined(tuple((n, *live) for n, live in plain.instances.live.items())), 0)
        self.b.c = self.twin  # type: ignore[assignment]

    @rule(torn=st.integers(0, 1))
    def crash(self, torn: int) -> None:
        if self.twin.lines:
            self.twin.crash(torn)

    @rule(consumer=st.sampled_from(["one", "two", "three"]), number=st.integers(1, 12))
    def heard(self, consumer: str, number: int) -> None:
        self.b.say(Heard(consumer, number))

    @rule(kind=st.integers(0, 3), many=st.integers(1, 12))
    def blocked(self, kind: int, many: int) -> None:
        for session in range(1, many + 1):
            self.b.say(Blocked(self.b.nhi(session, kind), self.b.now))

    def teardown(self) -> None:
        if self.twin.lines:
            self.twin.crash(0)


TestStopped = Stopped.TestCase
TestStopped.settings = settings(stateful_step_count=30)


def journalled(p: Any = None, state_every: int = 1000, sessions: int = 100) -> tuple[Bench, list[bytes]]:
    """A bench whose coordinator writes everything down."""
    b = Bench(p, sessions)
    lines: list[bytes] = []
    joined = Joined(tuple((n, *live) for n, live in b.c.instances.live.items()))
    journal = Journal(Coordinator(b.plan, KEY), lines.append, state_every)
    journal.handle(joined, 0)
    b.c = journal  # type: ignore[assignment]
    return b, lines


def failing(b: Bench, kind: int, seconds: int) -> None:
    for i in range(seconds):
        for k in range(4):
            b.outcome(1 + (4 * i + k) % b.sessions, kind, ok=False)
        b.wait(1)


def back(b: Bench, lines: list[bytes], away: int = 0) -> list[Effect]:
    """Stopped and started again after `away` ns."""
    b.now += away
    journal, effects = resume(b.plan, KEY, list(lines), lines.append, b.now)
    b.c = journal  # type: ignore[assignment]
    return b.took(effects)


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 20)), min_size=4, max_size=12), st.booleans())
@settings(max_examples=12, deadline=None)
def test_no_restart_gives_a_fourth_self_heal_in_24_hours(falls: list[tuple[int, int]], silent: bool) -> None:
    """It fails, heals, and is stopped between; whatever it was asked, three a day and then a person."""
    b, lines = journalled(state_every=400, sessions=16)
    for minutes, crash_after in falls:
        failing(b, PAYMENT, 3)
        for i in range(2):
            b.wait(crash_after * 10)
            back(b, lines, SILENCE_NS + SECOND if silent and i else 0)
        b.wait(minutes * 30)
    healed: list[int] = []
    fallen = False
    for at, effect in b.effects:
        if isinstance(effect, Move) and effect.scope == "type:payment" and effect.share_milli == 1000:
            if effect.why.startswith("failing"):
                fallen = True
            elif effect.why == "steady" and fallen:
                healed.append(at)
                fallen = False
    assert len(healed) <= 3
    assert b.now < DAY


def test_the_heals_of_the_day_are_used_up_after_a_restart_as_before() -> None:
    b, lines = journalled()
    for _ in range(3):
        failing(b, PAYMENT, 3)
        b.wait(25 * 60)
        back(b, lines, 10 * SECOND)
    assert b.phases["type:payment"] == P
    failing(b, PAYMENT, 3)
    assert b.moves("type:payment")[-1] == (C, 1000, "heals-spent")
    back(b, lines, 10 * SECOND)
    b.wait(3600)
    assert b.phases["type:payment"] == C


def test_after_silence_a_return_is_broken_off_and_the_dwell_begins_anew() -> None:
    b, lines = journalled()
    failing(b, PAYMENT, 20)
    assert b.phases["type:payment"] == C
    b.wait(150)
    assert b.moves("type:payment")[-1][:2] == (A, 10)
    said = back(b, lines, MINUTE)
    assert Move("type:payment", C, "restarted", "", 1000) in said
    since = b.now
    while b.moves("type:payment")[-1][1] == 1000:
        b.wait(1)
    assert b.now - since >= 2 * MINUTE


def test_a_restart_without_silence_goes_on_with_the_return() -> None:
    b, lines = journalled()
    failing(b, PAYMENT, 20)
    b.wait(150)
    said = back(b, lines, SECOND)
    assert Move("type:payment", A, "steady", "", 10) in said
    b.wait(600)
    assert b.phases["type:payment"] == P


def test_what_holds_is_said_once_more() -> None:
    b, lines = journalled()
    failing(b, PAYMENT, 20)
    failing(b, SUPPORT, 2)
    b.say(Gone("cluster:store"))
    (request,) = b.kinds(Request)
    notices = b.kinds(Notify)
    said = back(b, lines)
    assert [m for m in said if isinstance(m, Move) and m.scope == "type:payment"][-1].phase is C
    assert Show("type:payment", "payment is away") in said
    assert Provide("payment", "spare", 1000) in said
    assert request in said
    assert notices
    assert [e for e in said if isinstance(e, Notify)] == notices
    for notice in notices:
        b.say(Heard(notice.consumer, notice.number))
    b.say(Answered(request.scope, True, "operator", request.number))
    assert b.phases["type:support"] == A
    again = back(b, lines)
    assert not [e for e in again if isinstance(e, (Request, Notify))]


def test_whoever_ended_an_emergency_is_named_again_so_that_the_plane_can_follow() -> None:
    """The plane refuses to leave Emergency without a name: the name is kept with what was said."""
    b, lines = journalled()
    b.order("type:payment", "stop", "operator")
    b.order("type:payment", "release", "incident commander")
    b.wait(300)
    moves = [m for m in back(b, lines) if isinstance(m, Move) and m.scope == "type:payment"]
    (move,) = [m for m in moves if m.share_milli == 1000]
    assert (move.phase, move.by) == (C, "incident commander")


def test_an_instance_that_ended_is_ended_again_and_an_open_question_asked_again() -> None:
    from maso.fleet.model import Dependency

    deps = (Dependency(consumer="two", producer="one", on_contingency="cascade", policy="assess"),)
    b, lines = journalled(plan((agent("a", "one"), agent("c", "two")), deps))
    for _ in range(3):
        b.outcome(7, 0, ok=False)
        b.now += SECOND
    b.say(Gone("cluster:one"))
    (asked,) = b.kinds(Assess)
    said = back(b, lines)
    assert Finish(b.nhi(7, 0)) in said
    assert asked in said


def test_an_order_that_was_used_is_used_after_a_restart_too() -> None:
    b, lines = journalled()
    order = Order("type:payment", "down", "operator", 1, 0)
    b.say(order)
    back(b, lines)
    assert b.say(order) == []
    assert b.phases["type:payment"] == A


def test_what_was_refused_is_refused_again_and_stops_nothing() -> None:
    b, lines = journalled()
    with pytest.raises(ValueError, match="legal"):
        b.say(Order("type:nobody", "stop", "operator", 1, 0))
    b.order("type:payment", "stop", "operator")
    back(b, lines)
    assert b.phases["type:payment"] == E


def test_only_the_last_line_may_be_torn() -> None:
    b, lines = journalled()
    failing(b, PAYMENT, 5)
    assert restore(b.plan, KEY, [*lines, lines[-1][:2]]).state() == restore(b.plan, KEY, lines).state()
    with pytest.raises(JournalError, match="line 3 of the journal cannot be read, and more follow"):
        restore(b.plan, KEY, [*lines[:2], lines[2][:2], *lines[3:]])


@pytest.mark.parametrize(
    "line", [[], [1], {"a": 1}, ["x", 0], [99, 0], [-9, 0], [0, 0, 1], [-1, 0, {}], [-1, 0, 5]]
)
def test_what_no_coordinator_wrote_is_no_journal(line: object) -> None:
    with pytest.raises(ValueError, match="journal"):
        restore(plan(), KEY, [msgspec.msgpack.encode(line)])


def test_every_signal_has_a_line() -> None:
    assert set(HEARD) == set(Signal.__args__)  # type: ignore[attr-defined]
    assert HEARD[0] is Outcome


def test_what_is_needed_after_a_state_does_not_grow_with_the_run() -> None:
    b, lines = journalled(state_every=500)
    for _ in range(20):
        failing(b, PAYMENT, 60)
        b.wait(60)
    states = [i for i, line in enumerate(lines) if msgspec.msgpack.decode(line)[0] == -1]
    assert len(lines) - states[-1] <= 500
    assert restore(b.plan, KEY, lines[states[-1] :]).state() == restore(b.plan, KEY, lines).state()
