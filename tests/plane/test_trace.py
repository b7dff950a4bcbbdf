"""OB-3.5: what `explain` says is what happened, from records alone."""

from maso.clock import MINUTE
from maso.controls.endorse import CUSTOMER, FACTS
from maso.envelope import MessageKind
from maso.evidence.trace import Chain, explain, find
from maso.plane.effects import Ask, Deliver, Perform
from maso.plane.events import Answer, Endorse, Purge
from tests.plane.small import Rig
from tests.plane.test_authority import ORDER, _digest


def _explain(rig: Rig, ref: int) -> Chain:
    chain = explain(lambda: enumerate(rig.log.bodies), ref)
    assert chain is not None
    return chain


def test_the_chain_of_a_purchase() -> None:
    rig = Rig()
    s = rig.session()
    rig.session(2)
    (page,) = rig.from_port("web", 1, s["advisor"], {"text": "a page"})
    (advice,) = rig.send(s["advisor"], s["cart"], {"text": "advice"})
    (chat,) = rig.from_port("customer_chat", 1, s["cart"], {"text": "I take it"})
    assert isinstance(page, Deliver)
    assert isinstance(advice, Deliver)
    assert isinstance(chat, Deliver)
    rig.plane.handle(Endorse(CUSTOMER, 1, _digest(rig, "order.create", ORDER), rig.now + MINUTE), rig.now)
    (ask,) = rig.act(s["cart"], "order.create", ORDER, parents=(chat.ref,))
    assert isinstance(ask, Ask)
    (done,) = rig.plane.handle(Answer(ask.hold, FACTS, True), rig.now)
    assert isinstance(done, Perform)
    chain = _explain(rig, done.ref)
    assert chain.settles == ask.hold
    assert _explain(rig, ask.hold).settled_by == done.ref
    assert [(c.ref, c.declared) for c in chain.causes] == [(advice.ref, False), (chat.ref, True)]
    above = chain.causes[0].message
    assert above is not None
    assert [c.ref for c in above.causes] == [page.ref]
    assert [e.kind for _, e in chain.endorsements] == [CUSTOMER, FACTS]
    assert chain.sender is not None
    assert rig.rules.types[chain.sender.type_index].id == "cart"
    assert chain.sender.session == 1


def test_contracts_up_to_the_root_and_a_purge_cuts() -> None:
    rig = Rig()
    s = rig.session()
    contract = rig.contract(s["cart"], s["payment"], ("payment.authorise",))
    rig.register(contract)
    delegation = int(MessageKind.DELEGATION)
    rig.send(s["cart"], s["payment"], ORDER, kind=delegation, contract=contract.id)
    rig.plane.handle(Purge(s["payment"]), rig.now)
    (ask,) = rig.act(s["payment"], "payment.authorise", {"order": "o", "amount": 1}, contract=contract.id)
    assert isinstance(ask, Ask)
    (done,) = rig.plane.handle(Answer(ask.hold, FACTS, True), rig.now)
    assert isinstance(done, Perform)
    chain = _explain(rig, done.ref)
    assert [r.id for _, r in chain.contracts] == [contract.id]
    assert chain.causes == ()


def test_refused_unopened_and_absent() -> None:
    rig = Rig()
    rig.plane.arrive(3, b"junk", rig.now)
    last = len(rig.log.bodies) - 1
    chain = _explain(rig, last)
    assert chain.sender is None
    assert chain.record.findings[0][0] == "IA-2.1/malformed"
    assert explain(lambda: enumerate(rig.log.bodies), last + 1) is None
    assert explain(lambda: enumerate(rig.log.bodies), 0) is None
    assert find(lambda: enumerate(rig.log.bodies), 0) is not None
