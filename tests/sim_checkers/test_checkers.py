"""Every checker is silent on a true stream of events and speaks on a doctored one."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import msgspec
import pytest

from maso.claims import Claim
from maso.envelope import MessageKind, open_wire, seal
from maso.evidence.records import decode_record, encode_record
from maso.fleet.model import Fleet
from maso.plane.effects import Ask, Deliver, Effect, Perform
from maso.plane.events import Answer, Arrive, Deadline, Endorse, Purge, RegisterContract
from maso.sim.adversaries.authority import vouch
from maso.sim.adversaries.strike import Strike
from maso.sim.adversaries.surface import body_of
from maso.sim.checkers.reproducible import SameBytes, first_difference
from maso.sim.checkers.suite import Suite
from maso.sim.checkers.turn import Turn as Shown
from maso.streams import stream
from tests.sim_adversaries.target import TARGET, Range, surface

CARD = "4111111111111111"
CARD_TYPE = "clerk"  # not cleared for card numbers


class Seen(NamedTuple):
    event: Any
    effects: list[Effect]
    records: tuple[bytes, ...]
    now: int


class Story:
    """A true stream, and where in it the interesting turns are."""

    def __init__(self) -> None:
        self.turns: list[Seen] = []
        self.at: dict[str, int] = {}
        self.who: dict[str, int] = {}
        self.other: dict[str, int] = {}
        self.keys: dict[int, bytes] = {}

    def watch(self, event: object, effects: list[Effect], records: tuple[bytes, ...], now: int) -> None:
        self.turns.append(Seen(event, list(effects), records, now))

    def mark(self, name: str) -> None:
        self.at[name] = len(self.turns) - 1


@cache
def story() -> Story:
    """Chat, data, a claim, a card, a delegation, a payment held and vouched for, a receipt, a purge."""
    told = Story()
    range_ = Range(tap=told.watch)
    s = Strike(range_, surface(), stream(1, "story"), 1, "", None)
    s.note = lambda happened: happened  # type: ignore[method-assign]
    who = told.who = s.open("clerk", "manager", "deputy", "cashier")
    told.other = s.open("clerk", "manager", session=s.session + 1)
    told.keys = s.key
    _talk(told, s, who)
    _pay(told, s, who)
    s.trusted(Purge(who["clerk"]))
    told.mark("purge")
    assert range_.suite.texts() == ()
    return told


def _talk(told: Story, s: Strike, who: dict[str, int]) -> None:
    words = s.surface.schemas["words"]
    (chat,) = s.from_outside("chat", who["clerk"], body_of(words, text="two pairs please")).effects
    told.mark("chat")
    assert isinstance(chat, Deliver)
    s.send(who["clerk"], who["manager"], body_of(words, text="wants two pairs"), label=1)
    told.mark("data")
    claim = Claim(1, 5, 700, (), (chat.ref,))
    s.send(
        who["clerk"], who["manager"], body_of(words, text="see"), kind=int(MessageKind.CLAIM), claims=(claim,)
    )
    told.mark("claim")
    handed = Claim(2, 5, 600, (1,))
    s.send(
        who["manager"],
        who["deputy"],
        body_of(words, text="see"),
        kind=int(MessageKind.CLAIM),
        claims=(handed,),
    )
    told.mark("handed")


def _pay(told: Story, s: Strike, who: dict[str, int]) -> None:
    schemas = s.surface.schemas
    s.from_outside("form", who["cashier"], body_of(schemas["card"], card=CARD))
    told.mark("form")
    contract = s.contract(who["manager"], who["cashier"], ("pay",), resource="order=o1")
    s.register(contract)
    told.mark("contract")
    s.send(
        who["manager"], who["cashier"], body_of(schemas["words"], text="take it"),
        kind=int(MessageKind.DELEGATION), contract=contract.id,
    )  # fmt: skip
    told.mark("delegation")
    payload = body_of(schemas["sum"], order="o1", amount=50)
    s.act(who["cashier"], "pay", payload, contract=contract.id)
    told.mark("ask")
    ask = told.turns[-1].effects[0]
    assert isinstance(ask, Ask)
    s.trusted(Answer(ask.hold, ask.kind, True))
    told.mark("facts")
    vouch(s, "pay", payload)
    told.mark("pay")
    assert any(isinstance(e, Perform) for e in told.turns[-1].effects)
    answer = body_of(schemas["done"], ok=True, number="t1", amount=50)
    s.from_outside("bank", who["cashier"], answer, s.number("pay"))
    told.mark("answer")
    receipt = body_of(schemas["receipt"], transaction="t1", amount=50)
    s.send(who["cashier"], who["manager"], receipt)
    told.mark("receipt")


Doctor = Callable[[Story, list[Seen]], None]


def judged(doctor: Doctor | None = None) -> Suite:
    """A fresh suite after the story, doctored or not."""
    told = story()
    turns = list(told.turns)
    if doctor is not None:
        doctor(told, turns)
    suite = Suite(msgspec.convert(TARGET, Fleet), "tell the story again")
    for turn in turns:
        suite.on_effects(turn.event, turn.effects, turn.records, turn.now)
    return suite


def _change(name: str, **over: Any) -> Doctor:
    """The marked turn with other fields."""

    def doctor(told: Story, turns: list[Seen]) -> None:
        turns[told.at[name]] = turns[told.at[name]]._replace(**over)

    return doctor


def _effect(name: str, **over: Any) -> Doctor:
    """The last effect of the marked turn with other fields; a callable is asked for the value."""

    def doctor(told: Story, turns: list[Seen]) -> None:
        turn = turns[told.at[name]]
        values = {k: v(told, turn) if callable(v) else v for k, v in over.items()}
        last = turn.effects[-1]._replace(**values)  # type: ignore[union-attr]
        turns[told.at[name]] = turn._replace(effects=[*turn.effects[:-1], last])

    return doctor


def _wire(name: str, **over: Any) -> Doctor:
    """The marked arrival as if it had been sent otherwise."""

    def doctor(told: Story, turns: list[Seen]) -> None:
        turn = turns[told.at[name]]
        envelope = msgspec.structs.replace(open_wire(turn.event.wire), **over)
        wire = seal(envelope, b"k" * 32)
        turns[told.at[name]] = turn._replace(event=Arrive(turn.event.channel, wire))

    return doctor


def _record(name: str, **over: Any) -> Doctor:
    """The marked turn's last record with other fields."""

    def doctor(told: Story, turns: list[Seen]) -> None:
        turn = turns[told.at[name]]
        record = msgspec.structs.replace(decode_record(turn.records[-1]), **over)
        turns[told.at[name]] = turn._replace(records=(*turn.records[:-1], encode_record(record)))

    return doctor


def _drop(name: str) -> Doctor:
    """The marked turn's event has another effect: nobody endorsed, nobody registered anything."""

    def doctor(told: Story, turns: list[Seen]) -> None:
        del turns[told.at[name]]

    return doctor


def _late_contract(told: Story, turns: list[Seen]) -> None:
    at = told.at["pay"]
    turns[at] = turns[at]._replace(now=turns[at].now + 61_000_000_000)


def _by_deadline(told: Story, turns: list[Seen]) -> None:
    at = told.at["pay"]
    hold = next(e.hold for e in turns[told.at["facts"]].effects if isinstance(e, Ask))
    turns[at] = turns[at]._replace(event=Deadline(hold))


def _for_another(told: Story, turns: list[Seen]) -> None:
    at = told.at["pay"]
    event = turns[at].event
    assert isinstance(event, Endorse)
    turns[at] = turns[at]._replace(event=msgspec.structs.replace(event, digest=bytes(32)))


def _unsigned(told: Story, turns: list[Seen]) -> None:
    at = told.at["contract"]
    event = turns[at].event
    assert isinstance(event, RegisterContract)
    flipped = event.contract[:-1] + bytes([event.contract[-1] ^ 1])
    turns[at] = turns[at]._replace(event=RegisterContract(event.channel, flipped))


def _card(told: Story, turn: Seen) -> bytes:
    return b'{"text":"' + b"-".join(CARD[i : i + 4].encode() for i in range(0, 16, 4)) + b'"}'


def _card_recorded(told: Story, turns: list[Seen]) -> None:
    at = told.at["receipt"]
    record = msgspec.structs.replace(decode_record(turns[at].records[0]), excerpt=f"it is {CARD}".encode())
    turns[at] = turns[at]._replace(records=(encode_record(record),))


DOCTORED: list[tuple[str, Doctor]] = [
    ("fail closed", _change("data", event=Arrive(1, b"junk"))),
    ("fail closed", _wire("data", label=None)),
    ("fail closed", _wire("data", version=2)),
    ("fail closed", _wire("claim", seq=1)),
    ("fail closed", _change("data", now=10**15)),
    ("fail closed", _record("data", findings=(("plane/control-failed", "DP-2.1"),))),
    ("fail closed", _by_deadline),
    ("fail closed", _for_another),
    ("no authority from asking", _effect("pay", action=1, contract=0, sender=lambda t, _: t.who["deputy"])),
    ("no authority from asking", _effect("pay", contract=0)),
    ("no authority from asking", _effect("pay", contract=77)),
    ("no authority from asking", _effect("pay", payload=b'{"order":"o2","amount":50}')),
    ("no authority from asking", _late_contract),
    ("no authority from asking", _drop("contract")),
    ("no authority from asking", _unsigned),
    ("privileged actions are vouched for", _for_another),
    ("privileged actions are vouched for", _effect("pay", payload=b'{"order":"o1","amount":51}')),
    ("labels only rise", _effect("data", label=1)),
    ("labels only rise", _effect("data", label=lambda _, turn: turn.effects[0].label | 1 << 8)),
    ("labels only rise", _record("receipt", shed=0)),
    ("labels only rise", _wire("data", parents=(999,), label=1 << 9)),
    ("confidence only falls", _effect("handed", claims=(Claim(2, 5, 701, (1,)),))),
    ("confidence only falls", _effect("handed", claims=(Claim(2, 5, 600, (), (4,)),))),
    ("confidence only falls", _effect("handed", claims=(Claim(2, 5, 501),))),
    ("confidence only falls", _effect("claim", claims=(Claim(1, 5, 700, (9,)),))),
    ("one session, one type", _effect("data", to=lambda t, _: t.other["manager"])),
    ("one session, one type", _effect("data", to=1)),
    ("one session, one type", _effect("data", kind=int(MessageKind.ACTION))),
    ("one session, one type", _effect("chat", to=lambda t, _: t.who["deputy"])),
    ("cardholder data stays in payment", _effect("receipt", payload=_card)),
    ("cardholder data stays in payment", _card_recorded),
    ("every decision is recorded", _change("data", records=())),
    ("every decision is recorded", _change("purge", records=())),
    ("every decision is recorded", _effect("data", ref=10_000)),
    ("every decision is recorded", _effect("purge", nhi=5)),
    ("every decision is recorded", _record("data", outcome=3)),
    ("every decision is recorded", _record("data", label=3)),
    ("every decision is recorded", _effect("ask", hold=10_000)),
]


def test_the_true_story_is_in_order() -> None:
    assert judged().texts() == ()


@pytest.mark.parametrize(
    ("checker", "doctor"), DOCTORED, ids=[f"{i} {n}" for i, (n, _) in enumerate(DOCTORED)]
)
def test_a_doctored_one_is_seen(checker: str, doctor: Doctor) -> None:
    suite = judged(doctor)
    assert suite.counts[checker], dict(suite.counts)
    violation = next(v for v in suite.violations if v.checker == checker)
    text = violation.text(suite.reproduce)
    assert "tell the story again" in text
    assert CARD not in text
    assert f"invariant {violation.invariant} " in text


def test_every_checker_says_what_it_covers_and_what_not() -> None:
    suite = Suite(msgspec.convert(TARGET, Fleet), "")
    assert {c.invariant for c in suite.checkers} == {1, 2, 3, 4, 5, 6, 9, 10, 11}
    for checker in suite.checkers:
        assert len(checker.covers) > 40
        assert len(checker.does_not_cover) > 40
        assert type(checker).__module__.startswith("maso.sim.checkers.")


def test_violations_are_kept_in_part_and_counted_in_full() -> None:
    suite = Suite(msgspec.convert(TARGET, Fleet), "")
    for _ in range(50):
        suite.on_effects(Arrive(1, b""), [], (), 5)
    assert suite.counts["every decision is recorded"] == 50
    assert len(suite.violations) == 20


def test_two_runs_are_compared_record_by_record() -> None:
    assert first_difference([b"a", b"b"], [b"a", b"b"]) is None
    assert first_difference([b"a", b"b"], [b"a", b"c"]) == 2
    assert first_difference([b"a"], [b"a", b"b"]) == 2
    digests = []
    for bodies in ((b"ab", b"c"), (b"a", b"bc"), (b"ab", b"c")):
        same = SameBytes()
        same.turn(Shown(Arrive(1, b""), [], bodies, 0))
        digests.append(same.digest())
    assert digests[0] == digests[2] != digests[1]
