"""Rehearsals of a kill switch: every outage in every stage, attacks, crashes; checkers that see a break."""

from collections.abc import Callable
from functools import cache

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maso.clock import SECOND
from maso.evidence.records import GateRecord, encode_record
from maso.fleet.load import load_fleet
from maso.fleet.model import Fleet
from maso.fleet.rulebook import Rulebook
from maso.resilience.asking import terms
from maso.resilience.reconcile import Answer, Ask, Reconciler, Settle, State
from maso.resilience.shutdown import Stage
from maso.scan.injection import InjectionDetector
from maso.scan.scanner import Scanner
from maso.sim.checkers import money
from maso.sim.faults import FaultError
from maso.sim.kernel import Kernel
from maso.sim.outages import KINDS, Outage, parse
from maso.sim.regions import Network
from maso.sim.rehearsal import Rehearsal, Result, Wish, hurried, prepare, wish_of
from maso.streams import stream
from maso.verdict import Outcome
from maso.worlds import payments, settling
from maso.worlds.audit import audit
from maso.worlds.base import DeclinedError, MemoryStore
from maso.worlds.gateway import Call, Gateway, Verb
from maso.worlds.shop import Shop

REGIONS = ("zone-a", "zone-b")


@cache
def ground(name: str = "ecommerce-10k", size: int = 12) -> tuple[Fleet, Rulebook, Scanner]:
    fleet, _ = load_fleet(name, size)
    return (*prepare(hurried(fleet)), Scanner(InjectionDetector()))


def rehearse(
    seed: int, *faults: str, scope: str = "system", immediate: bool = False
) -> tuple[Result, Rehearsal]:
    outages = tuple(parse(text, REGIONS) for text in faults)
    made = Rehearsal(*ground(), Wish(seed, outages, scope, immediate))
    return made.run(), made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stage", ["freeze", "drain", "terminate", "reconcile"])
def test_every_outage_in_every_stage(kind: str, stage: str) -> None:
    result, _ = rehearse(KINDS.index(kind) + 1, f"{kind}@{stage}+8s")
    assert result.wrong == ()
    assert result.ambiguous == 0


@pytest.mark.parametrize("seed", range(1, 13))
def test_drawn_rehearsals_hold(seed: int) -> None:
    result = Rehearsal(*ground(), wish_of(ground()[0], seed)).run()
    assert result.wrong == ()


@pytest.mark.parametrize("seed", range(1, 6))
def test_every_adversary_strikes_while_the_fleet_is_stopped(seed: int) -> None:
    made = Rehearsal(*ground(), wish_of(ground()[0], seed)._replace(scope="system", attacked=True))
    assert made.run().wrong == ()
    assert made.mix is not None
    assert made.mix.planted > 30


@pytest.mark.parametrize("name", ["fleet-100", "research-5"])
def test_fleets_without_a_shop(name: str) -> None:
    fleet, rules, scanner = ground(name, 100 if name == "fleet-100" else 5)
    result = Rehearsal(fleet, rules, scanner, Wish(1, (), "system")).run()
    assert result.wrong == ()
    assert result.settled


def test_the_same_seed_is_the_same_rehearsal() -> None:
    faults = ("lossy@run+60s", "plane-crash@drain+10s")
    (one, first), (two, second) = rehearse(3, *faults), rehearse(3, *faults)
    assert one == two
    assert first.log.bodies == second.log.bodies


def test_a_silent_gateway_is_listed_with_the_reason_and_nothing_is_ambiguous() -> None:
    result, made = next(
        (r, m) for r, m in (rehearse(s, "gateway-crash@run+16m") for s in range(1, 40)) if r.listed > 1
    )
    assert result.wrong == ()
    assert any("no statement" in why for why in result.why_listed)
    assert all(made.store.get("listed", line.partition(": ")[0]) for line in result.why_listed)


def test_a_partition_ends_everything_by_its_lease() -> None:
    result, made = rehearse(5, "partition@run+10m")
    assert result.wrong == ()
    lease = made.plan.lease_ns + made.plan.drift_ns
    cut_at = next(at for at, what in made.outages_seen if what.startswith("partition"))
    assert made.platform.spoke_last <= cut_at + lease


def test_a_hostile_orchestrator_gets_nothing_booked_that_stays() -> None:
    tried = 0
    for seed in range(1, 9):
        result, made = rehearse(seed, "orchestrator-hostile@halt+2m")
        assert result.wrong == ()
        tried += sum(result.hostile.values())
        evil = [hold for hold in made.till.gateway.holds() if hold.key.startswith("evil/")]
        assert all(hold.state == "void" for hold in evil)
    assert tried > 50


def test_the_payment_timing_attack_fails() -> None:
    """E8: begin a purchase, and use the drain to push through what was never committed."""
    pushed = 0
    for seed in range(1, 9):
        result, made = rehearse(seed, "orchestrator-hostile@freeze+1m", "gateway-slow@freeze+30s")
        assert result.wrong == ()
        pushed += result.hostile.get("push", 0)
        refs = made.platform.freeze_refs.get("system", 1 << 60)
        booked = [b for b in made.till.booked if b.verb is Verb.CAPTURE and b.key.isdecimal()]
        until = made.platform.resume_ref or 1 << 60
        assert all(int(b.key) < refs for b in booked if int(b.key) < until)
    assert pushed


def test_one_part_stops_and_the_rest_goes_on() -> None:
    result, made = rehearse(2, scope="type:payment")
    assert result.wrong == ()
    ended = [k for k, holder in made.platform.holders.items() if holder.epoch > 1]
    assert ended == ["payment"]


# The checkers see what they are for.


def test_the_money_checker_sees_each_kind_of_break() -> None:
    def wrong(break_it: Callable[[Rehearsal], object]) -> str:
        _, made = rehearse(1)
        break_it(made)
        books = made.till.gateway
        return " ".join(money.money(audit(made.store, books.holds(), books.accounts())))

    def first(made: Rehearsal, table: str, state: str) -> tuple[str, object]:
        return next((k, row) for k, row in made.store.rows(table) if row.state == state)

    def reopened(made: Rehearsal) -> None:
        key, order = first(made, "order", "cancelled")
        made.store.put("order", key, msgspec.structs.replace(order, state="open"))  # type: ignore[type-var]

    def shelf(made: Rehearsal) -> None:
        sku, product = next(iter(made.store.rows("product")))
        made.store.put("product", sku, msgspec.structs.replace(product, stock=product.stock - 1))

    def refunded(made: Rehearsal) -> None:
        key, _ = first(made, "order", "captured")
        made.till.gateway.call(Call(Verb.REFUND, "theft", key, 1))

    def held(made: Rehearsal) -> None:
        made.till.gateway.call(Call(Verb.AUTHORISE, "theft", "O1", 5))

    assert wrong(lambda _: None) == ""
    assert "is open, and not listed" in wrong(reopened)
    assert "on the shelf" in wrong(shelf)
    assert "the gateway says" in wrong(refunded)
    assert "that we never booked" in wrong(held)
    assert "account `shop`" in wrong(lambda made: payments.move(made.store, "shop", "customers", 1))


def test_the_freeze_checker_sees_what_goes_through() -> None:
    """The same records with the freeze at their beginning: everything after it is wrong."""
    _, made = rehearse(1)
    freeze = encode_record(GateRecord(0, "stage", "system", Stage.FREEZE, Outcome.ALLOW))
    wrong = money.frozen([freeze, *made.log.bodies])
    assert any("admits a session in freeze" in line for line in wrong)
    assert any("lets a message through in freeze" in line for line in wrong)


def test_the_forward_checker_sees_a_stage_that_falls() -> None:
    _, made = rehearse(1)
    log = made.tower.switch.log
    assert money.forward(log) == []
    (back,) = [entry for entry in log if entry.after == Stage.RUN]
    alone = msgspec.structs.replace(back, by=("ann", "ann"))
    assert money.forward([*log[:-1], alone])[0].startswith("forward: system fell from 6 to 0")


# Settling, over the store alone.


def shop_at_work(draws: st.DataObject) -> tuple[Shop, MemoryStore, Gateway]:
    """A few customers somewhere in the middle of paying; of some calls the answer was lost, or the call."""
    store, gateway = MemoryStore(), Gateway(MemoryStore())
    shop = Shop(store, stream(1, "test"), 20, remote=True)
    for session in range(1, 5):
        facts: dict[str, object] = {}
        shop.open(session, facts, 0)
        path = ["stock_reserve", "order_create", "payment_authorise", "payment_capture", "payment_refund"]
        for number, name in enumerate(path[: draws.draw(st.integers(0, 5))]):
            key = str(session * 100 + number)
            started = shop.begin(f"shop.{name}", session, arguments(name, facts), key, 0)
            if not isinstance(started, Call):
                continue
            arrives, answered = draws.draw(st.booleans()), draws.draw(st.booleans())
            if arrives:
                answer = gateway.call(started)
                if answered:
                    shop.finish(key, answer, 0)
                    continue
            break
    for call in shop.owed:
        if call.verb is Verb.HISTORY:
            gateway.call(call)
    return shop, store, gateway


def arguments(name: str, facts: dict[str, object]) -> dict[str, object]:
    match name:
        case "stock_reserve":
            return {"sku": facts["sku"], "quantity": facts["quantity"]}
        case "order_create":
            return {"basket_id": facts["basket_id"], "total_minor": facts["total_minor"]}
        case "payment_authorise":
            return {"order_id": facts["order_id"], "amount_minor": facts["order_total_minor"]}
        case "payment_capture":
            amount = facts["authorised_minor"]
            return {"authorisation_id": facts["authorisation_id"], "amount_minor": amount}
    return {"order_id": facts["order_id"], "amount_minor": facts["refund_minor"]}


def sweep(store: MemoryStore, gateway: Gateway, *, stop_after: int = 1 << 30) -> list[Settle]:
    """One reconciliation; it dies after so many effects."""
    strangers = settling.strangers(store, list(gateway.holds()), list(gateway.accounts()))
    found = [*settling.items(store, lambda ref: ref % 2 == 0), *strangers]
    made = Reconciler(found, 0, 300 * SECOND, terms(None, 2 * SECOND))
    todo, settles = made.start(), []
    while todo and stop_after:
        stop_after -= 1
        effect = todo.pop(0)
        if isinstance(effect, Ask):
            answer = gateway.call(settling.call_of(store, effect))
            todo += made.answer(effect, answer, 0)
        else:
            settling.book(store, effect)
            settles.append(effect)
    return settles


def image(*stores: MemoryStore) -> list[object]:
    tables = ("order", "authorisation", "payment", "product", "reservation", "book", "hold", "account")
    return [msgspec.to_builtins(list(store.rows(table))) for store in stores for table in tables]


@given(draws=st.data(), cut=st.integers(0, 12))
@settings(max_examples=60)
def test_a_sweep_killed_half_way_and_run_again_leaves_the_same_books(draws: st.DataObject, cut: int) -> None:
    _, store, gateway = shop_at_work(draws)
    sweep(store, gateway, stop_after=cut)
    settled = sweep(store, gateway)
    books = audit(store, gateway.holds(), gateway.accounts())
    assert books.wrong == ()
    assert all(s.state is not State.LISTED for s in settled)
    before = image(store, gateway._store)  # type: ignore[arg-type]
    assert sweep(store, gateway) == []
    assert image(store, gateway._store) == before  # type: ignore[arg-type]


# The shop's payments in two halves.


def paying() -> tuple[Shop, Call, str]:
    shop = Shop(MemoryStore(), stream(1, "test"), 20, remote=True)
    facts: dict[str, object] = {}
    shop.open(1, facts, 0)
    shop.begin("shop.order_create", 1, arguments("order_create", facts), "1", 0)
    started = shop.begin("shop.payment_authorise", 1, arguments("payment_authorise", facts), "2", 0)
    assert isinstance(started, Call)
    return shop, started, str(facts["order_id"])


def test_while_a_payment_is_under_way_nothing_else_happens_to_its_order() -> None:
    shop, call, number = paying()
    again = shop.begin(
        "shop.payment_authorise", 1, {"order_id": number, "amount_minor": call.amount_minor}, "2", 0
    )
    assert again == call
    for operation, args in (
        ("shop.order_cancel", {"order_id": number}),
        ("shop.order_change", {"order_id": number, "quantity": 2}),
        ("shop.payment_authorise", {"order_id": number, "amount_minor": call.amount_minor}),
    ):
        with pytest.raises(DeclinedError):
            shop.begin(operation, 1, args, "3", 0)


def test_an_answer_is_booked_once() -> None:
    shop, call, _ = paying()
    shop.finish(call.key, Answer.DONE, 0)
    books = shop.books
    with pytest.raises(DeclinedError, match="nothing_asked"):
        shop.finish(call.key, Answer.DONE, 0)
    assert shop.books == books
    assert books["held"] == call.amount_minor


def test_an_answer_after_the_session_ended_is_booked_and_let_go() -> None:
    shop, call, number = paying()
    shop.close(1, 0)
    with pytest.raises(DeclinedError, match="session_closed"):
        shop.finish(call.key, Answer.DONE, 0)
    (order,) = [order for order in shop.orders() if order.id == number]
    assert order.state == "cancelled"
    assert shop.owed[-1].verb is Verb.VOID


def test_the_gateway_answers_a_key_once_and_for_good() -> None:
    gateway = Gateway(MemoryStore())
    hold = Call(Verb.AUTHORISE, "a", "O1", 100)
    assert gateway.call(Call(Verb.CANCEL, "late", "", 0)) is Answer.CANCELLED
    assert gateway.call(Call(Verb.AUTHORISE, "late", "O1", 100)) is Answer.CANCELLED
    assert [gateway.call(hold) for _ in range(2)] == [Answer.DONE] * 2
    assert gateway.call(hold._replace(amount_minor=999)) is Answer.REFUSED
    assert gateway.call(Call(Verb.CAPTURE, "c", "a", 101)) is Answer.REFUSED
    assert gateway.call(Call(Verb.CAPTURE, "d", "a", 100)) is Answer.DONE
    assert gateway.call(Call(Verb.CAPTURE, "e", "a", 100)) is Answer.REFUSED  # a duplicate under another key
    assert gateway.call(Call(Verb.VOID, "v", "a", 0)) is Answer.REFUSED
    assert gateway.call(Call(Verb.REFUND, "r", "O1", 101)) is Answer.REFUSED
    assert gateway.call(Call(Verb.REFUND, "s", "O1", 60)) is Answer.DONE
    assert gateway.call(Call(Verb.REFUND, "t", "O1", 60)) is Answer.REFUSED
    assert gateway.call(Call(Verb.CANCEL, "d", "", 0)) is Answer.DONE


def test_a_statement_of_the_gateway_comes_with_the_promise_that_nothing_older_follows() -> None:
    made = Rehearsal(*ground(), Wish(1, ()))
    revocation = made.tower.switch.issuer.revoke("payment")
    heard: list[object] = []
    made.till.statement(((revocation,), heard.append))
    made.sim.kernel.run(SECOND)
    assert len(heard) == 1
    assert made.till.fence.epoch("payment") == revocation.epoch == 2


# The network and the outages.


def test_a_cut_loses_messages_both_ways_until_it_is_mended() -> None:
    kernel = Kernel()
    net, heard = Network(kernel, stream(1, "net"), {"far": 5 * SECOND}), []  # type: ignore[var-annotated]
    net.cut("a", "*")
    net.send("a", "b", heard.append, 1)
    net.send("b", "a", heard.append, 2)
    net.send("b", "c", heard.append, 3)
    net.mend("a", "*")
    net.send("far", "a", heard.append, 4)
    kernel.run(SECOND)
    assert heard == [3]
    kernel.run(100 * SECOND)
    assert heard == [3, 4]
    assert net.cut_messages == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fire", "`fire` is no outage; legal: gateway-slow"),
        ("lossy@never", "`never` is no stage; legal: run, halt, freeze, drain, terminate, reconcile"),
        ("lossy@run+5", "`5` is no duration; legal: a whole number with s or m, such as 20s"),
        ("lossy@run+0s", "`0s` is no duration; legal: from one second to a day"),
        ("lossy:zone-a@run", "`lossy` has no target; legal: KIND"),
        ("region-cut:x@run", "there is no region `x`; legal: zone-a, zone-b"),
    ],
)
def test_an_outage_that_cannot_be_read(text: str, said: str) -> None:
    with pytest.raises(FaultError) as error:
        parse(text, REGIONS)
    assert str(error.value).startswith(said)


def test_an_outage_is_read() -> None:
    assert parse("region-cut@drain+2m", REGIONS) == Outage(
        "region-cut", "zone-a", Stage.DRAIN, 0, 120 * SECOND
    )


@pytest.mark.parametrize("immediate", [False, True])
def test_a_platform_that_obeys_nobody_acts_until_the_sweep_fences_its_books(immediate: bool) -> None:
    """The same as `--live --fault deaf`: the gateway serves nothing new, our own database until then."""
    fleet, _ = load_fleet("ecommerce-10k", 40)  # at its own pace: sessions last as long as stages
    outages = (parse("platform-deaf@halt+400s", REGIONS),)
    made = Rehearsal(*prepare(fleet), ground()[2], Wish(3, outages, "system", immediate))
    result = made.run()
    assert result.wrong == ()
    assert result.settled
    fenced = result.stages_ms["reconcile"]
    assert result.last_action_ms <= fenced + 100 <= result.bound_ms
    assert result.last_action_ms or immediate
    assert fenced - result.last_action_ms < 30_000  # it acted as long as it could
    assert made.till.fenced["nothing new after the freeze"] or immediate
    plan = made.plan
    ended = fenced - result.stages_ms["terminate"]
    assert ended * 1_000_000 <= plan.lease_ns + plan.drift_ns + 200_000_000  # leases ran out, no ceiling


def test_who_was_answered_last_counts_although_nothing_lasts() -> None:
    """What an agent only read is an action, as in a live drill."""
    _, made = rehearse(2)
    last = max(made._answered.values())
    lasting = max((act.at for act in made.platform.acts if act.at < made._resumed), default=0)  # type: ignore[operator]
    assert last > lasting
    assert made._last_effect() >= last
