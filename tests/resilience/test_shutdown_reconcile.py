"""Reconciliation: nothing stays ambiguous, whatever the gateway answers; every item ends, once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maso.clock import SECOND
from maso.resilience.asking import AT_ONCE, terms
from maso.resilience.reconcile import (
    ANSWERS,
    RETRY_MAX_NS,
    WANTED,
    Answer,
    Ask,
    Book,
    Effect,
    Item,
    Kind,
    Reconciler,
    Settle,
    State,
    Verb,
)

CEILING = 300 * SECOND
TERMS = terms(None, 2 * SECOND)


def item(kind: Kind, book: Book, *, group: str = "O1", right: bool = False, name: str = "x") -> Item:
    return Item(f"{kind.value}/{name}", kind, book, group, 100, "k", right, right, right)


def settled(effects: list[Effect]) -> dict[str, State]:
    return {e.item.id: e.state for e in effects if isinstance(e, Settle)}


def run(items: list[Item], answers: dict[Verb, Answer | None]) -> tuple[Reconciler, list[Effect]]:
    """Every question gets the answer for its verb; None is silence."""
    made = Reconciler(items, 0, CEILING, TERMS)
    todo = made.start()
    done: list[Effect] = []
    while True:
        while todo:
            effect = todo.pop(0)
            done.append(effect)
            if isinstance(effect, Ask):
                answer = answers.get(effect.verb)
                if answer is not None:
                    todo += made.answer(effect, answer, made.now)
        at = made.next_at
        if at is None:
            return made, done
        todo = made.advance(at)


def test_every_kind_and_book_that_can_be_is_in_the_table_for_both() -> None:
    assert all((kind, book, not right) in WANTED for kind, book, right in WANTED)


def test_every_question_of_the_tables_has_an_answer_for_done_and_for_refused() -> None:
    asked = {(kind, want.verb) for (kind, _, _), want in WANTED.items() if want.verb is not None}
    asked |= {(kind, step.verb) for (kind, _, _), step in ANSWERS.items() if step.verb is not None}
    missing = [(k, v, a) for k, v in asked for a in (Answer.DONE, Answer.REFUSED) if (k, v, a) not in ANSWERS]
    assert missing == []


def test_no_answer_leads_round_in_a_circle() -> None:
    for (kind, verb, _), step in ANSWERS.items():
        seen = {verb}
        follow = [step.verb]
        while follow:
            after = follow.pop()
            if after is None:
                continue
            assert after not in seen, (kind, verb)
            seen.add(after)
            follow += [s.verb for (k, v, _), s in ANSWERS.items() if (k, v) == (kind, after)]


@pytest.mark.parametrize(
    ("items", "answers", "expected"),
    [
        ([item(Kind.RESERVATION, Book.OPEN)], {}, {"reservation/x": State.CANCELLED}),
        ([item(Kind.ORDER, Book.OPEN)], {}, {"order/x": State.CANCELLED}),
        (
            [item(Kind.AUTHORISATION, Book.DONE), item(Kind.ORDER, Book.OPEN)],
            {Verb.VOID: Answer.DONE},
            {"authorisation/x": State.CANCELLED, "order/x": State.CANCELLED},
        ),
        (
            [
                item(Kind.AUTHORISATION, Book.DONE, right=True),
                item(Kind.CAPTURE, Book.ASKED, right=True),
                item(Kind.ORDER, Book.OPEN),
            ],
            {Verb.CONFIRM: Answer.DONE},
            {
                "capture/x": State.CONFIRMED,
                "authorisation/x": State.CONFIRMED,
                "order/x": State.CONFIRMED,
            },
        ),
        (
            [item(Kind.AUTHORISATION, Book.DONE, right=True), item(Kind.CAPTURE, Book.ASKED, right=True)],
            {Verb.CONFIRM: Answer.REFUSED, Verb.VOID: Answer.DONE},
            {"capture/x": State.CANCELLED, "authorisation/x": State.CANCELLED},
        ),
        (
            [item(Kind.CAPTURE, Book.ASKED)],
            {Verb.CANCEL: Answer.DONE, Verb.REFUND: Answer.DONE},
            {"capture/x": State.CANCELLED},
        ),
        ([item(Kind.CAPTURE, Book.DONE)], {Verb.REFUND: Answer.DONE}, {"capture/x": State.CANCELLED}),
        ([item(Kind.REFUND, Book.ASKED)], {Verb.CANCEL: Answer.DONE}, {"refund/x": State.LISTED}),
        ([item(Kind.REFUND, Book.THEIRS)], {}, {"refund/x": State.LISTED}),
        (
            [item(Kind.AUTHORISATION, Book.THEIRS)],
            {Verb.VOID: Answer.DONE},
            {"authorisation/x": State.CANCELLED},
        ),
        (
            [item(Kind.AUTHORISATION, Book.DONE)],
            {Verb.VOID: Answer.REFUSED, Verb.REFUND: Answer.DONE},
            {"authorisation/x": State.CANCELLED},
        ),
    ],
)
def test_what_becomes_of(
    items: list[Item], answers: dict[Verb, Answer | None], expected: dict[str, State]
) -> None:
    made, effects = run(items, answers)
    assert settled(effects) == expected
    assert made.ambiguous == 0
    assert made.now < CEILING


def test_silence_is_listed_at_the_ceiling_with_everything_that_hangs_on_it() -> None:
    items = [
        item(Kind.AUTHORISATION, Book.DONE, right=True),
        item(Kind.CAPTURE, Book.ASKED, right=True),
        item(Kind.ORDER, Book.OPEN),
    ]
    made, effects = run(items, {})
    assert set(settled(effects).values()) == {State.LISTED}
    assert made.cases["order/x"].why == "capture: the gateway gave no answer in time"
    assert made.now == CEILING
    tries = [e for e in effects if isinstance(e, Ask)]
    assert len({ask.key for ask in tries}) == 1  # the same call, whenever it is made
    assert 5 < len(tries) < CEILING // RETRY_MAX_NS * 2


def asked(effects: list[Effect]) -> list[Ask]:
    return [effect for effect in effects if isinstance(effect, Ask)]


def test_unknown_and_then_captured_is_captured() -> None:
    made = Reconciler([item(Kind.CAPTURE, Book.ASKED, right=True)], 0, CEILING, TERMS)
    (ask,) = asked(made.start())
    assert made.answer(ask, Answer.UNKNOWN, 1) == []
    at = made.next_at
    assert at is not None
    (again,) = asked(made.advance(at))
    assert (again.key, again.attempt) == (ask.key, 2)
    (told,) = made.answer(again, Answer.DONE, at + 1)
    assert isinstance(told, Settle)
    assert told.state is State.CONFIRMED


def test_answers_that_nobody_waits_for_change_nothing() -> None:
    made = Reconciler([item(Kind.CAPTURE, Book.ASKED, right=True)], 0, CEILING, TERMS)
    (ask,) = asked(made.start())
    assert made.answer(ask._replace(item=ask.item._replace(id="capture/y")), Answer.DONE, 1) == []
    assert made.answer(ask._replace(verb=Verb.REFUND), Answer.DONE, 1) == []
    assert len(made.answer(ask, Answer.DONE, 1)) == 1
    assert made.answer(ask, Answer.REFUSED, 2) == []
    assert made.cases["capture/x"].state is State.CONFIRMED


def test_an_answer_that_comes_after_all_is_taken_and_its_question_not_repeated() -> None:
    made = Reconciler([item(Kind.CAPTURE, Book.ASKED, right=True)], 0, CEILING, TERMS)
    (ask,) = asked(made.start())
    assert made.advance(TERMS.answer_ns) == []  # lost
    (told,) = made.answer(ask, Answer.DONE, TERMS.answer_ns + 1)
    assert isinstance(told, Settle)
    assert made.done
    assert made.advance(TERMS.answer_ns + RETRY_MAX_NS) == []


def test_busy_to_an_earlier_try_says_nothing_about_the_one_that_is_out() -> None:
    made = Reconciler([item(Kind.CAPTURE, Book.ASKED, right=True)], 0, CEILING, TERMS)
    (first,) = asked(made.start())
    made.advance(TERMS.answer_ns)
    assert made.next_at is not None
    at = made.next_at
    (_second,) = asked(made.advance(at))
    assert made.answer(first, Answer.BUSY, at + 1) == []
    assert asked(made.advance(at + TERMS.answer_ns - 1)) == []


def test_an_answer_to_a_question_whose_turn_was_near_leads_to_the_next_one_once() -> None:
    """Lost, due again, and held back by the pace when its answer comes after all."""
    slow = terms(0.1, SECOND)
    items = [item(Kind.CAPTURE, Book.ASKED, group=name, name=name) for name in "xy"]
    made = Reconciler(items, 0, CEILING, slow)
    (ask,) = asked(made.start())
    made.advance(slow.answer_ns)
    late = slow.answer_ns + SECOND
    assert made.advance(late) == []
    made.answer(ask, Answer.CANCELLED, late + 1)
    more = [one for at in range(20, 100, 10) for one in asked(made.advance(at * SECOND))]
    assert [one.verb for one in more if one.item is items[0]][:1] == [Verb.VOID]
    assert len({one.name for one in more}) == len(more)
    assert not any(one.item is items[0] and one.attempt == 2 for one in more[:2])


def test_never_more_calls_at_once_than_the_gateway_takes() -> None:
    items = [item(Kind.CAPTURE, Book.ASKED, group=f"O{n}", name=str(n)) for n in range(3 * AT_ONCE)]
    made = Reconciler(items, 0, CEILING, TERMS)
    first = asked(made.start())
    assert [ask.item.id for ask in first] == [f"capture/{n}" for n in range(AT_ONCE)]
    (void,) = asked(made.answer(first[0], Answer.CANCELLED, 1))  # what was begun comes first
    assert (void.item, void.verb) == (first[0].item, Verb.VOID)
    (new,) = asked(made.answer(void, Answer.DONE, 2))
    assert new.item.id == f"capture/{AT_ONCE}"


def test_what_needs_no_gateway_does_not_wait_for_it() -> None:
    items = [item(Kind.CAPTURE, Book.ASKED, group=f"O{n}", name=str(n)) for n in range(9)]
    items.append(item(Kind.RESERVATION, Book.OPEN, group="R"))
    made = Reconciler(items, 0, CEILING, terms(1, 2 * SECOND))
    assert settled(made.start()) == {"reservation/x": State.CANCELLED}


def test_two_items_with_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="`order/x` stands twice"):
        Reconciler([item(Kind.ORDER, Book.OPEN)] * 2, 0, CEILING, TERMS)


books = st.sampled_from([(kind, book) for kind, book, right in WANTED if right])


@given(
    chosen=st.lists(st.tuples(books, st.booleans(), st.integers(0, 3)), max_size=12),
    answers=st.lists(st.sampled_from([*Answer, None]), min_size=1, max_size=30),
)
def test_nothing_is_ever_ambiguous(
    chosen: list[tuple[tuple[Kind, Book], bool, int]], answers: list[Answer | None]
) -> None:
    """Whatever is there and whatever the gateway says: every item ends once, and nothing after its end."""
    items = [
        item(kind, book, group=f"O{group}", right=right, name=str(number))
        for number, ((kind, book), right, group) in enumerate(chosen)
    ]
    made = Reconciler(items, 0, CEILING, TERMS)
    todo, step = made.start(), 0
    ended: dict[str, State] = {}
    while not made.done:
        for effect in todo:
            if isinstance(effect, Settle):
                assert effect.item.id not in ended
                ended[effect.item.id] = effect.state
        todo = [effect for effect in todo if isinstance(effect, Ask)]
        if todo:
            ask = todo.pop(0)
            answer = answers[step % len(answers)]
            step += 1
            if answer is not None:
                todo += made.answer(ask, answer, made.now)  # type: ignore[arg-type]
        else:
            at = made.next_at
            assert at is not None
            todo = made.advance(at)
    for effect in todo:
        if isinstance(effect, Settle):
            assert effect.item.id not in ended
            ended[effect.item.id] = effect.state
    assert made.ambiguous == 0
    assert set(ended) == {i.id for i in items}
