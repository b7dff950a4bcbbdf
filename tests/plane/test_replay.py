"""A run's records alone bring its state back, and every change of state is in a record."""

from collections.abc import Sequence

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from maso.claims import Claim
from maso.clock import MINUTE, SECOND
from maso.controls.endorse import FACTS
from maso.envelope import MessageKind
from maso.plane.effects import Ask, Deliver
from maso.plane.events import Answer, CloseSession, Deadline, Endorse, Purge, Retire, SetPhase
from maso.plane.replay import rebuild, state_digest
from tests.plane.small import CHANNEL, Rig


def _same(rig: Rig) -> bool:
    again = rebuild(rig.rules, enumerate(rig.log.bodies))
    return state_digest(again) == state_digest(rig.plane.state)


class Anything(RuleBasedStateMachine):
    """Whatever happens to a plane, its records say it all."""

    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig()
        self.sessions: dict[int, dict[str, int]] = {}
        self.next = 1
        self.asks: list[Ask] = []

    def _note(self, effects: Sequence[object]) -> None:
        self.asks += [e for e in effects if isinstance(e, Ask)]

    def _pick(self, data: st.DataObject) -> tuple[int, dict[str, int]] | None:
        alive = [
            (n, s)
            for n, s in self.sessions.items()
            if all(i in self.rig.plane.state.instances for i in s.values())
        ]
        return data.draw(st.sampled_from(alive)) if alive else None

    @rule()
    def open(self) -> None:
        if self.next < 4:
            self.sessions[self.next] = self.rig.session(self.next)
            self.next += 1

    @rule(data=st.data(), to=st.sampled_from(["advisor", "cart", "payment"]), text=st.text(max_size=20))
    def talk(self, data: st.DataObject, to: str, text: str) -> None:
        picked = self._pick(data)
        if picked is None:
            return
        number, s = picked
        kind = data.draw(st.sampled_from([1, 2, 3, 5]))
        claims = (
            (Claim(data.draw(st.integers(1, 3)), 1, data.draw(st.integers(0, 500))),) if kind == 3 else ()
        )
        sender = data.draw(st.sampled_from(sorted(s)))
        self._note(self.rig.send(s[sender], s[to], {"text": text}, kind=kind, claims=claims))
        self._note(self.rig.from_port("customer_chat", number, s[to], {"text": text}))

    @rule(data=st.data(), total=st.integers(0, 3))
    def order(self, data: st.DataObject, total: int) -> None:
        picked = self._pick(data)
        if picked:
            self._note(self.rig.act(picked[1]["cart"], "order.create", {"basket": "b", "total": total}))

    @rule(data=st.data())
    def delegate(self, data: st.DataObject) -> None:
        picked = self._pick(data)
        if not picked:
            return
        s = picked[1]
        contract = self.rig.contract(s["cart"], s["payment"], ("payment.authorise",))
        self.rig.register(contract)
        pay = {"order": "o", "amount": 5}
        self._note(self.rig.act(s["payment"], "payment.authorise", pay, contract=contract.id))

    @rule(data=st.data(), granted=st.booleans(), way=st.sampled_from(["answer", "endorse", "deadline"]))
    def settle(self, data: st.DataObject, granted: bool, way: str) -> None:
        if not self.asks:
            return
        ask = self.asks.pop(data.draw(st.integers(0, len(self.asks) - 1)))
        events = {
            "answer": Answer(ask.hold, ask.kind, granted),
            "endorse": Endorse(ask.kind, ask.session, ask.digest, self.rig.now + MINUTE),
            "deadline": Deadline(ask.hold),
        }
        self._note(self.rig.plane.handle(events[way], self.rig.now))

    @rule(
        data=st.data(),
        what=st.sampled_from([Purge, Retire]),
        who=st.sampled_from(["advisor", "cart", "payment"]),
    )
    def end_one(self, data: st.DataObject, what: type, who: str) -> None:
        picked = self._pick(data)
        if picked:
            self.rig.plane.handle(what(picked[1][who]), self.rig.now)

    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        if self.sessions:
            number = data.draw(st.sampled_from(sorted(self.sessions)))
            self.sessions.pop(number)
            self.rig.plane.handle(CloseSession(number), self.rig.now)

    @rule(
        phase=st.integers(0, 4),
        scope=st.sampled_from(["system", "type:cart", "session:1", "cluster:money"]),
        share=st.sampled_from([1000, 1000, 10, 500, 0, 1001]),
        by=st.sampled_from(["", "operator"]),
    )
    def degrade(self, phase: int, scope: str, share: int, by: str) -> None:
        self.rig.plane.handle(SetPhase(scope, phase, "order", by, share), self.rig.now)

    @rule(data=st.data(), phase=st.integers(0, 3))
    def degrade_one(self, data: st.DataObject, phase: int) -> None:
        nhis = sorted(self.rig.plane.state.instances)
        if nhis:
            nhi = data.draw(st.sampled_from(nhis))
            self.rig.plane.handle(SetPhase(f"instance:{nhi}", phase), self.rig.now)

    @rule(data=st.binary(max_size=30), seconds=st.integers(0, 400))
    def junk_and_time(self, data: bytes, seconds: int) -> None:
        self.rig.plane.arrive(CHANNEL, data, self.rig.now)
        self.rig.now += seconds * SECOND

    @invariant()
    def the_records_say_it_all(self) -> None:
        assert _same(self.rig)


TestAnything = Anything.TestCase
TestAnything.settings = settings(max_examples=25, stateful_step_count=25)


def test_a_lost_record_shows() -> None:
    rig = Rig()
    s = rig.session()
    rig.send(s["advisor"], s["cart"], {"text": "hi"})
    assert _same(rig)
    del rig.log.bodies[-1]
    assert not _same(rig)


@pytest.mark.parametrize("granted", [True, False])
def test_held_and_settled(granted: bool) -> None:
    rig = Rig()
    s = rig.session()
    (chat,) = rig.from_port("customer_chat", 1, s["cart"], {"text": "I take it"})
    assert isinstance(chat, Deliver)
    (ask,) = rig.act(s["cart"], "order.create", {"basket": "b", "total": 1})
    assert isinstance(ask, Ask)
    assert _same(rig)
    rig.plane.handle(Answer(ask.hold, FACTS, granted), rig.now)
    assert _same(rig)


def test_instructions_and_contracts_come_back() -> None:
    rig = Rig()
    s = rig.session()
    rig.send(s["advisor"], s["cart"], {"text": "do"}, kind=int(MessageKind.INSTRUCTION))
    rig.register(rig.contract(s["cart"], s["payment"], ("payment.authorise",)))
    assert _same(rig)
