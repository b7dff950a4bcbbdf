"""A sweep asks no faster than the gateway confirms, and repeats nothing whose answer is still on its way."""

from bisect import insort
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maso.clock import MS, SECOND
from maso.resilience.asking import AT_ONCE, FULL, LEAST, Asking, Terms, terms
from maso.resilience.reconcile import Answer, Ask, Book, Item, Kind, Reconciler, State

CEILING = 600 * SECOND


def items(count: int) -> list[Item]:
    """Captures that were not committed: each takes two calls, cancel and void."""
    return [Item(f"c{n}", Kind.CAPTURE, Book.ASKED, f"o{n}", 100, f"k{n}") for n in range(count)]


class Fate(NamedTuple):
    """What becomes of one call: how long its answer takes of the longest, in percent; None: it is lost."""

    percent: int | None
    said: Answer | None


fates = st.one_of(
    st.builds(Fate, st.integers(0, 100), st.sampled_from([None, None, None, Answer.BUSY, Answer.UNKNOWN])),
    st.just(Fate(None, None)),
)


class Gateway:
    """Confirms `rate` calls a second, one after the other, and answers as drawn; watches how it is asked."""

    def __init__(self, rate: float | None, call_ns: int, drawn: list[Fate]) -> None:
        self.slot_ns = round(SECOND / rate) if rate else 0
        self.call_ns = call_ns
        self.drawn = drawn
        self.log: list[tuple[Ask, int]] = []
        self.coming: list[tuple[int, int, Ask, Answer]] = []
        self.at_once_max = 0
        self.too_early: list[str] = []
        self._free = 0

    def ask(self, ask: Ask, now: int) -> None:
        if any((a.item.id, a.verb) == (ask.item.id, ask.verb) for _, _, a, _ in self.coming):
            self.too_early.append(ask.item.id)
        number = len(self.log)
        self.log.append((ask, now))
        fate = self.drawn[number % len(self.drawn)]
        # A call that comes while another is being confirmed waits for it.
        self._free = max(self._free, now) + self.slot_ns
        if fate.percent is not None:
            said = fate.said or (Answer.CANCELLED if ask.verb == "cancel" else Answer.DONE)
            insort(self.coming, (self._free + self.call_ns * fate.percent // 100, number, ask, said))
        self.at_once_max = max(self.at_once_max, len(self.coming))


def swept(made: Reconciler, gateway: Gateway) -> None:
    effects, now, advanced = made.start(), 0, -1
    while True:
        for effect in effects:
            if isinstance(effect, Ask):
                gateway.ask(effect, now)
        due = made.next_at
        if due is None:
            return
        if gateway.coming and gateway.coming[0][0] <= due:
            now, _, ask, said = gateway.coming.pop(0)
            effects = made.answer(ask, said, now)
        else:
            assert due > advanced, "time goes on"
            now = advanced = due
            effects = made.advance(now)


@given(
    rate=st.one_of(st.none(), st.floats(0.05, 500)),
    call_ms=st.integers(1, 20_000),
    at_once=st.one_of(st.none(), st.integers(1, 40)),
    count=st.integers(0, 40),
    drawn=st.lists(fates, min_size=1, max_size=30),
)
@settings(max_examples=300, deadline=None)
def test_never_more_than_the_gateway_confirms_and_nothing_twice_at_a_time(
    rate: float | None, call_ms: int, at_once: int | None, count: int, drawn: list[Fate]
) -> None:
    held = terms(rate, call_ms * MS, at_once)
    made = Reconciler(items(count), 0, CEILING, held)
    gateway = Gateway(rate, call_ms * MS, drawn)
    swept(made, gateway)
    assert gateway.too_early == []
    assert gateway.at_once_max <= held.at_once
    if rate is not None:
        times = [at for _, at in gateway.log]
        assert all(b - a >= SECOND / rate for a, b in pairwise(times))
    assert made.ambiguous == 0


@given(
    rate=st.one_of(st.none(), st.floats(0.05, 50)),
    count=st.integers(1, 20),
    drawn=st.lists(st.integers(0, 400), min_size=1, max_size=30),
)
@settings(max_examples=150, deadline=None)
def test_answers_that_come_later_than_any_may_are_taken_and_nothing_is_asked_before_its_time(
    rate: float | None, count: int, drawn: list[int]
) -> None:
    held = terms(rate, SECOND)
    made = Reconciler(items(count), 0, 10 * CEILING, held)
    gateway = Gateway(rate, SECOND, [Fate(percent, None) for percent in drawn])
    swept(made, gateway)
    last: dict[tuple[str, str], int] = {}
    for ask, at in gateway.log:
        key = (ask.item.id, ask.verb)
        assert ask.attempt == 1 or at - last[key] > held.answer_ns
        last[key] = at
    assert len({ask.name for ask, _ in gateway.log}) == len(gateway.log)
    assert made.count(State.CANCELLED) == count


@given(rate=st.floats(0.5, 500), call_ms=st.integers(1, 10_000), count=st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_a_gateway_that_keeps_its_word_is_kept_busy(rate: float, call_ms: int, count: int) -> None:
    """Little's law: with rate x time calls out, the rate is reached though every answer takes the longest."""
    held = terms(rate, call_ms * MS)
    made = Reconciler(items(count), 0, 100 * CEILING, held)
    gateway = Gateway(rate, call_ms * MS, [Fate(100, None)])
    swept(made, gateway)
    assert len(gateway.log) == 2 * count
    # The last answer of the last call; the two calls of an item are one after the other.
    assert made.now <= 2 * count * held.gap_ns + 2 * (held.answer_ns + held.gap_ns)


def test_littles_law() -> None:
    assert terms(10, 2 * SECOND) == Terms(100 * MS, 21, 2_100 * MS)
    assert terms(0.1, SECOND) == Terms(10 * SECOND, 2, 11 * SECOND)
    assert terms(None, 2 * SECOND) == Terms(0, AT_ONCE, 2 * SECOND)
    assert terms(10, 2 * SECOND, 4).at_once == 4


def out(asking: Asking, now: int, count: int) -> list[tuple[str, str, int]]:
    names: list[tuple[str, str, int]] = []
    while asking.may(now) and len(names) < count:
        names.append((f"i{now}/{len(names)}", "cancel", 1))
        asking.asked(names[-1], now)
    return names


def test_busy_halves_the_pace_once_for_what_was_out_and_answers_raise_it_again() -> None:
    asking = Asking(Terms(0, 16, SECOND), 0)
    names = out(asking, 0, 16)
    assert not asking.may(0)
    for name in names:
        asking.answered(name, 1, busy=True)
    assert len(out(asking, 2, 99)) == 8
    asking = Asking(Terms(100, 16, SECOND), 0)
    asking.asked(("a", "cancel", 1), 0)
    asking.answered(("a", "cancel", 1), 5, busy=True)
    asking.asked(("b", "cancel", 1), 100)
    assert asking.next_at() == 300  # twice the gap
    for number in range(40):
        asking.answered(("b", "cancel", 1), 300, busy=False)
        asking.asked(("b", "cancel", 1), 1_000 + number)
    assert asking.next_at() == 1_039 + 100


def test_silence_slows_down_to_a_sixteenth_and_no_further() -> None:
    asking = Asking(Terms(100, 16, 1_000), 0)
    now = 0
    for number in range(12):
        asking.asked((f"i{number}", "cancel", 1), now)
        now += 1_000
        assert asking.lost(now) == [(f"i{number}", "cancel", 1)]
    asking.asked(("last", "cancel", 1), now)
    assert asking.next_at() - now == pytest.approx(100 * FULL / LEAST, abs=1) or not asking.may(now)


def test_everything_is_settled_though_every_other_answer_is_lost() -> None:
    made = Reconciler(items(40), 0, CEILING, terms(10, 2 * SECOND))
    gateway = Gateway(10, 2 * SECOND, [Fate(50, None), Fate(None, None)])
    swept(made, gateway)
    assert made.count(State.CANCELLED) == 40
