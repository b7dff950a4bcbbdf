"""IA-2.3 and T3-CONTRACT: nobody gains an action by asking, by a longer chain, or by leaving a link out."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from maso.clock import MINUTE
from maso.contract import encode_contract
from maso.controls.delegation import DelegationGraph
from maso.controls.endorse import FACTS
from maso.envelope import MessageKind
from maso.plane.effects import Ask
from maso.plane.events import Answer, Purge, RegisterContract, Retire
from tests.plane.small import CHANNEL, Rig, names, reasons

PAY = {"order": "o-1", "amount": 4999}
ORDER = {"basket": "b-1", "total": 4999}


def _ready() -> tuple[Rig, dict[str, int]]:
    rig = Rig()
    return rig, rig.session()


def _paid(rig: Rig, s: dict[str, int], contract: int) -> tuple[str, ...]:
    (ask,) = rig.act(s["payment"], "payment.authorise", PAY, contract=contract)
    assert isinstance(ask, Ask)
    return names(rig.plane.handle(Answer(ask.hold, FACTS, True), rig.now))


def test_without_a_contract_the_action_is_refused() -> None:
    rig, s = _ready()
    assert reasons(rig.act(s["payment"], "payment.authorise", PAY)) == ("IA-2.3/contract-needed",)


def test_under_a_contract_it_goes_through() -> None:
    rig, s = _ready()
    contract = rig.contract(s["cart"], s["payment"], ("payment.authorise",))
    assert rig.register(contract) == []
    effects = rig.send(s["cart"], s["payment"], ORDER, kind=int(MessageKind.DELEGATION), contract=contract.id)
    assert names(effects) == ("Deliver",)
    assert _paid(rig, s, contract.id) == ("Perform",)


def test_the_tool_itself_stays_out_of_reach_of_the_delegator() -> None:
    rig, s = _ready()
    assert reasons(rig.act(s["cart"], "payment.authorise", PAY)) == ("IA-1.4/not-declared",)


@pytest.mark.parametrize(
    ("over", "code"),
    [
        ({"permits": 1 << 1 | 1 << 2}, "T3-CONTRACT/not-declared"),
        ({"permits": 0}, "T3-CONTRACT/malformed"),
        ({"permits": 1 << 90}, "T3-CONTRACT/not-declared"),
        ({"nonce": 1 << 41}, "T3-CONTRACT/malformed"),
        ({"output": "4111111111111111"}, "T3-CONTRACT/malformed"),
        ({"resource": "order=4111111111111111"}, "T3-CONTRACT/malformed"),
        ({"resource": "free text"}, "T3-CONTRACT/malformed"),
        ({"not_after": 0}, "T3-CONTRACT/period"),
        ({"not_after": 60 * MINUTE}, "T3-CONTRACT/period"),
        ({"not_before": 2 * MINUTE}, "T3-CONTRACT/period"),
        ({"session": 9}, "T3-CONTRACT/parties"),
        ({"parent": 12345}, "T3-CONTRACT/parent"),
        ({"resource": "x" * 65}, "T3-CONTRACT/malformed"),
    ],
)
def test_contracts_that_do_not_hold(over: dict[str, int], code: str) -> None:
    rig, s = _ready()
    contract = rig.contract(s["cart"], s["payment"], ("payment.authorise",), **over)
    assert reasons(rig.register(contract)) == (code,)


def test_forged_altered_and_foreign_contracts() -> None:
    rig, s = _ready()
    good = rig.contract(s["cart"], s["payment"], ("payment.authorise",))
    for bad in (
        msgspec.structs.replace(good, nonce=99),
        msgspec.structs.replace(good, signature=bytes(64)),
        msgspec.structs.replace(good, signature=b""),
    ):
        assert reasons(rig.register(bad)) == ("T3-CONTRACT/signature",)
    other = rig.session(2)
    across = rig.contract(s["cart"], other["payment"], ("payment.authorise",))
    assert reasons(rig.register(across)) == ("T3-CONTRACT/parties",)
    assert reasons(rig.register(rig.contract(s["advisor"], s["payment"], ("payment.authorise",)))) == (
        "T3-CONTRACT/not-declared",
    )


@given(st.binary(max_size=300))
@settings(max_examples=50)
def test_any_bytes_are_no_contract(data: bytes) -> None:
    rig = Rig()
    assert names(rig.plane.handle(RegisterContract(CHANNEL, data), rig.now)) == ("Refuse",)


def test_a_contract_of_others_an_unknown_one_and_an_expired_one() -> None:
    rig, s = _ready()
    contract = rig.contract(s["cart"], s["payment"], ("payment.authorise",))
    rig.register(contract)
    act = {"kind": int(MessageKind.DATA), "contract": contract.id}
    assert reasons(rig.send(s["advisor"], s["cart"], {"text": "hi"}, **act)) == ("IA-2.3/not-target",)
    assert reasons(rig.act(s["payment"], "payment.authorise", PAY, contract=77)) == (
        "IA-2.3/unknown-contract",
    )
    rig.now += 5 * MINUTE
    assert reasons(rig.act(s["payment"], "payment.authorise", PAY, contract=contract.id)) == (
        "IA-2.3/expired",
    )


def test_a_contract_of_another_session_is_worth_nothing_here() -> None:
    rig, s = _ready()
    contract = rig.contract(s["cart"], s["payment"], ("payment.authorise",))
    rig.register(contract)
    other = rig.session(2)
    assert reasons(rig.act(other["payment"], "payment.authorise", PAY, contract=contract.id)) == (
        "IA-2.3/unknown-contract",
    )


def test_a_contract_dies_with_its_source() -> None:
    rig, s = _ready()
    contract = rig.contract(s["cart"], s["payment"], ("payment.authorise",))
    rig.register(contract)
    rig.plane.handle(Retire(s["cart"]), rig.now)
    assert reasons(rig.act(s["payment"], "payment.authorise", PAY, contract=contract.id)) == (
        "IA-2.3/unknown-contract",
    )
    assert rig.plane.contracts.graph.edges == 0


def test_a_contract_about_one_order_covers_that_order_only() -> None:
    rig, s = _ready()
    contract = rig.contract(s["cart"], s["payment"], ("payment.authorise",), resource="order=o-1")
    rig.register(contract)
    other = {"order": "o-2", "amount": 4999}
    assert reasons(rig.act(s["payment"], "payment.authorise", other, contract=contract.id)) == (
        "IA-2.3/resource",
    )
    assert _paid(rig, s, contract.id) == ("Perform",)


def test_a_resource_is_one_argument_and_not_any_text_that_mentions_it() -> None:
    rig, s = _ready()
    for resource in ("amount=4999", "nothing=o-1", "order=o"):
        contract = rig.contract(s["cart"], s["payment"], ("payment.authorise",), resource=resource)
        rig.register(contract)
        effects = rig.act(
            s["payment"], "payment.authorise", {"order": "o-1", "amount": 1}, contract=contract.id
        )
        assert reasons(effects) == ("IA-2.3/resource",), resource


def test_who_is_instructed_is_limited_to_what_the_instructor_may_have_done() -> None:
    rig, s = _ready()
    order = {"basket": "b-1", "total": 4999}
    assert names(rig.act(s["cart"], "order.create", order)) == ("Ask",)
    effects = rig.send(s["advisor"], s["cart"], {"text": "order it now"}, kind=int(MessageKind.INSTRUCTION))
    assert names(effects) == ("Deliver",)
    assert reasons(rig.act(s["cart"], "order.create", order)) == ("IA-2.3/beyond",)
    contract = rig.contract(s["cart"], s["payment"], ("payment.authorise",))
    assert reasons(rig.register(contract)) == ("T3-CONTRACT/beyond",)
    rig.plane.handle(Purge(s["cart"]), rig.now)
    assert names(rig.act(s["cart"], "order.create", order)) == ("Ask",)


def test_a_note_to_self_keeps_the_instruction_past_a_purge() -> None:
    rig, s = _ready()
    rig.send(s["advisor"], s["cart"], {"text": "order it now"}, kind=int(MessageKind.INSTRUCTION))
    assert names(rig.send(s["cart"], s["cart"], {"text": "order it"})) == ("Deliver",)
    rig.plane.handle(Purge(s["cart"]), rig.now)
    assert reasons(rig.act(s["cart"], "order.create", ORDER)) == ("IA-2.3/beyond",)


def test_retired_encoding_is_whole() -> None:
    rig, s = _ready()
    contract = rig.contract(s["cart"], s["payment"], ("payment.authorise",))
    data = encode_contract(contract)
    assert reasons(rig.plane.handle(RegisterContract(CHANNEL, data + b"\x00"), rig.now)) == (
        "T3-CONTRACT/malformed",
    )
    assert reasons(rig.plane.handle(RegisterContract(CHANNEL, data + b"\x00" * 4000), rig.now)) == (
        "T3-CONTRACT/malformed",
    )


class GraphMachine(RuleBasedStateMachine):
    """The incremental closure against the plain definition."""

    def __init__(self) -> None:
        super().__init__()
        self.n = 6
        self.graph = DelegationGraph(
            tuple(1 << i for i in range(self.n)), tuple(1 << i for i in range(self.n))
        )
        self.live: list[tuple[int, int]] = []

    @rule(a=st.integers(0, 5), b=st.integers(0, 5))
    def add(self, a: int, b: int) -> None:
        self.graph.add(a, b)
        self.live.append((a, b))

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        if self.live:
            edge = data.draw(st.sampled_from(self.live))
            self.live.remove(edge)
            self.graph.remove(*edge)

    def _true_reach(self, start: int) -> int:
        seen, todo = {start}, [start]
        while todo:
            node = todo.pop()
            for a, b in self.live:
                if a == node and b not in seen:
                    seen.add(b)
                    todo.append(b)
        return sum(1 << i for i in seen)

    @invariant()
    def never_too_small_and_exact_when_refreshed(self) -> None:
        for i in range(self.n):
            assert self._true_reach(i) & ~self.graph.reach[i] == 0
        self.graph.refresh()
        assert [self._true_reach(i) for i in range(self.n)] == self.graph.reach
        assert self.graph.edges == len(set(self.live))


TestGraph = GraphMachine.TestCase


def test_removing_what_is_not_there() -> None:
    graph = DelegationGraph((1, 2), (1, 2))
    with pytest.raises(ValueError, match="no delegation from 0 to 1"):
        graph.remove(0, 1)


def test_beyond_names_what_a_chain_would_reach() -> None:
    graph = DelegationGraph((0b001, 0b011, 0b100), (0b001, 0b010, 0b100))
    graph.add(1, 2)
    assert graph.beyond(0, 1) == 0b110
    graph.add(0, 1)
    assert graph.reaches(0, 2)
    assert not graph.reaches(2, 0)
