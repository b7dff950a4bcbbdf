"""Settling after somebody who is not us has used our gateway: every row ends, or a person has it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from maso.resilience.reconcile import Answer, State
from maso.sim.scene import AllBut
from maso.streams import stream
from maso.worlds import settling
from maso.worlds.audit import audit
from maso.worlds.base import MemoryStore
from maso.worlds.gateway import Call, Gateway, Verb
from maso.worlds.shop import Shop
from tests.sim.test_shutdown import arguments, image, shop_at_work, sweep

ACTS = st.lists(
    st.tuples(
        st.sampled_from([Verb.AUTHORISE, Verb.CAPTURE, Verb.VOID, Verb.REFUND, Verb.CANCEL]),
        st.integers(0, 30),
        st.sampled_from([0, 1, 100, 10_000_000]),
    ),
    max_size=6,
)


def strike(gateway: Gateway, acts: list[tuple[Verb, int, int]]) -> None:
    """Calls under keys of their own, to whatever the gateway has: all of an amount, or a part of it."""
    for number, (verb, at, part) in enumerate(acts):
        holds, accounts = list(gateway.holds()), list(gateway.accounts())
        target, amount = "O9999999", 100
        if verb in (Verb.CAPTURE, Verb.VOID) and holds:
            target, amount = holds[at % len(holds)].key, holds[at % len(holds)].amount_minor
        elif verb in (Verb.REFUND, Verb.AUTHORISE) and accounts:
            target, amount = accounts[at % len(accounts)].order, accounts[at % len(accounts)].captured_minor
        elif verb is Verb.CANCEL:
            target = ""
        gateway.call(Call(verb, f"evil/{number}", target, min(part, amount) if part else amount))


@given(draws=st.data(), acts=ACTS, cut=st.integers(0, 12))
@settings(max_examples=120)
def test_whatever_strangers_did_at_the_gateway_nothing_is_ambiguous(
    draws: st.DataObject, acts: list[tuple[Verb, int, int]], cut: int
) -> None:
    _, store, gateway = shop_at_work(draws)
    strike(gateway, acts)
    sweep(store, gateway, stop_after=cut)
    sweep(store, gateway)
    books = audit(store, gateway.holds(), gateway.accounts())
    assert books.wrong == ()
    assert books.ambiguous == 0
    assert all(hold.state != "open" or _listed(store, hold.key) for hold in gateway.holds())
    before, listed = image(store, gateway._store), settling.outcomes(store)  # type: ignore[arg-type]
    again = sweep(store, gateway)
    assert all(settle.state is State.LISTED for settle in again)
    assert (image(store, gateway._store), settling.outcomes(store)) == (before, listed)  # type: ignore[arg-type]


def _listed(store: MemoryStore, key: str) -> bool:
    return any(key in item for item in settling.outcomes(store))


def test_money_given_back_by_a_stranger_is_for_a_person() -> None:
    store, gateway = MemoryStore(), Gateway(MemoryStore())
    shop = Shop(store, stream(1, "test"), 20, remote=True)
    shop.open(1, {}, 0)
    for call in shop.owed:
        gateway.call(call)
    (account,) = gateway.accounts()
    assert gateway.call(Call(Verb.REFUND, "evil", account.order, 10)) is Answer.DONE
    shop.close(1, 0)
    sweep(store, gateway)
    assert list(settling.outcomes(store)) == [f"theirs/refund/{account.order}"]
    assert audit(store, gateway.holds(), gateway.accounts()).wrong == ()


def test_a_key_of_before_the_stop_is_answered_as_before_and_takes_nothing_again() -> None:
    store, gateway = MemoryStore(), Gateway(MemoryStore())
    shop = Shop(store, stream(1, "test"), 20, remote=True)
    facts: dict[str, object] = {}
    shop.open(1, facts, 0)
    shop.begin("shop.order_create", 1, arguments("order_create", facts), "1", 0)
    held = shop.begin("shop.payment_authorise", 1, arguments("payment_authorise", facts), "2", 0)
    assert isinstance(held, Call)
    assert gateway.call(held) is Answer.DONE
    before = sweep(store, gateway)  # the stop: nobody had heard the answer
    assert [s.state for s in before if s.item.key == "2"] == [State.CANCELLED]
    (hold,) = gateway.holds()
    for again in (held, held._replace(amount_minor=1), held._replace(target="O0000009")):
        assert gateway.call(again) is (Answer.DONE if again == held else Answer.REFUSED)
    assert [(h.key, h.state) for h in gateway.holds()] == [(hold.key, "void")]
    assert sweep(store, gateway) == []


def test_what_belongs_to_a_session_that_goes_on_is_left_alone_but_for_what_was_taken_from_it() -> None:
    store, gateway = MemoryStore(), Gateway(MemoryStore())
    shop = Shop(store, stream(1, "test"), 20, remote=True)
    for session in (1, 2):
        facts: dict[str, object] = {}
        shop.open(session, facts, 0)
        steps = ["order_create", "payment_authorise", "payment_capture", "stock_reserve"]
        for number, name in enumerate(steps):
            key = str(session * 10 + number)
            started = shop.begin(f"shop.{name}", session, arguments(name, facts), key, 0)
            if isinstance(started, Call) and name == "payment_authorise":
                shop.finish(key, gateway.call(started), 0)

    def left(live: AllBut, taken: tuple[str, ...] = ()) -> set[tuple[str, int]]:
        found = settling.items(store, lambda ref: True, live, taken)
        sessions = {i.id: 1 if i.key[:1] == "1" else 2 for i in found if i.key}
        rows = {n: row.session for t in ("order", "authorisation", "reservation") for n, row in store.rows(t)}
        return {(i.kind.value, sessions.get(i.id) or rows[i.id.partition("/")[2]]) for i in found}

    kinds = {"order", "authorisation", "reservation", "capture"}
    assert left(AllBut(1)) == {(kind, 1) for kind in kinds}
    assert left(AllBut(2)) == {(kind, 2) for kind in kinds}
    assert left(AllBut(1), ("22",)) == {(kind, 1) for kind in kinds} | {("capture", 2)}
    assert left(AllBut(0)) == set()
