"""Settling the shop's books after a shutdown: what there is to settle, what to ask, what to write.

`items` reads every reservation, unfinished order, held authorisation and unanswered payment from the store;
`resilience/reconcile.py` decides what becomes of each; `call_of` says how it asks the gateway; `book` writes
an outcome. Only the store is needed, no shop and no session: so it works after a crash, and a second time.

What is listed for a person keeps its rows as they are; the table `listed` says why. A later run takes a
listed item up again, and removes it from the list if it can settle it.

Judging: whether a payment is completed is decided by the typed check against the facts as they are now, for
every one of them. That stands in for the judge, which has its own place in the plane.
"""

from collections.abc import Callable
from typing import Any

from maso.resilience import reconcile
from maso.resilience.reconcile import Ask, Item, Kind, Settle, State
from maso.worlds import payments
from maso.worlds.base import Store
from maso.worlds.gateway import Call, Verb
from maso.worlds.shop_rows import Authorisation, Order, Payment, Reservation

# Whether the commit record with this number comes before the freeze.
Committed = Callable[[int], bool]

_KINDS = {
    "authorise": Kind.AUTHORISATION,
    "capture": Kind.CAPTURE,
    "void": Kind.VOID,
    "refund": Kind.REFUND,
}


def items(store: Store, committed: Committed) -> list[Item]:
    """Everything that is not settled, in the order of the tables."""
    asked: dict[str, list[Payment]] = {}
    for _, payment in store.rows("payment"):
        if payment.state == "asked":
            asked.setdefault(payment.order, []).append(payment)
    found: list[Item] = []
    for _, order in store.rows("order"):
        waiting = asked.get(order.id, [])
        if waiting or order.state in ("open", "authorised"):
            found += _order_items(store, order, waiting, committed)
    for _, held in store.rows("authorisation"):
        if held.state == "open":
            found.append(_held_item(store, held, asked.get(held.order, []), committed))
    for _, kept in store.rows("reservation"):
        found.append(Item(f"reservation/{kept.id}", Kind.RESERVATION, reconcile.Book.OPEN, kept.id))
    return found


def _order_items(store: Store, order: Order, waiting: list[Payment], committed: Committed) -> list[Item]:
    found = [_payment_item(store, payment, order, committed) for payment in waiting]
    if order.state in ("open", "authorised"):
        found.append(
            Item(
                f"order/{order.id}", Kind.ORDER, reconcile.Book.OPEN, order.id, order.total_minor, alive=True
            )
        )
    return found


def _payment_item(store: Store, payment: Payment, order: Order, committed: Committed) -> Item:
    # An unanswered authorisation is followed by no capture: nothing needs it.
    wanted = payment.verb != Verb.AUTHORISE
    return Item(
        f"{payment.verb}/{payment.key}",
        _KINDS[payment.verb],
        reconcile.Book.ASKED,
        order.id,
        payment.amount_minor,
        payment.key,
        committed=wanted and _before(payment.key, committed),
        judged=payments.agrees(store, payment),
        alive=order.state != "cancelled",
    )


def _held_item(store: Store, held: Authorisation, waiting: list[Payment], committed: Committed) -> Item:
    captures = [p for p in waiting if p.verb == Verb.CAPTURE and p.authorisation == held.id]
    order: Order = store.get("order", held.order)
    return Item(
        f"authorisation/{held.id}",
        Kind.AUTHORISATION,
        reconcile.Book.DONE,
        held.order,
        held.amount_minor,
        held.key,
        committed=any(_before(p.key, committed) for p in captures),
        judged=any(payments.agrees(store, p) for p in captures),
        alive=order.state != "cancelled",
    )


def _before(key: str, committed: Committed) -> bool:
    """What the shop does by itself is no agent's action, and needs no commit record."""
    return committed(int(key)) if key.isdecimal() else True


def call_of(store: Store, ask: Ask) -> Call:
    """What is said to the gateway. To confirm is to make the first call again, under its own key."""
    item = ask.item
    match ask.verb:
        case reconcile.Verb.CONFIRM:
            return payments.call_of(store, store.get("payment", item.key))
        case reconcile.Verb.CANCEL:
            return Call(Verb.CANCEL, item.key, "", 0)
        case reconcile.Verb.VOID:
            return Call(Verb.VOID, ask.key, _held(store, item).key, 0)
    return Call(Verb.REFUND, ask.key, item.group, item.amount_minor)


def book(store: Store, settle: Settle) -> None:
    """Write an outcome. The same one again changes nothing."""
    item = settle.item
    if settle.state is State.LISTED:
        store.put("listed", item.id, settle.why)
        return
    store.delete("listed", item.id)
    done = settle.state is State.CONFIRMED
    match item.kind:
        case Kind.RESERVATION:
            _release(store, item.group)
        case Kind.ORDER:
            if not done:
                payments.cancel_order(store, store.get("order", item.group))
        case Kind.AUTHORISATION if item.book is reconcile.Book.DONE:
            if not done:
                payments.let_go(store, _held(store, item))
        case Kind.CAPTURE if not done:
            payments.let_go(store, _held(store, item))
            payments.finish(store, item.key, reconcile.Answer.CANCELLED)
        case _:
            answer = reconcile.Answer.DONE if done else reconcile.Answer.CANCELLED
            payments.finish(store, item.key, answer)


def outcomes(store: Store) -> dict[str, Any]:
    """What is listed, and why."""
    return dict(store.rows("listed"))


def _held(store: Store, item: Item) -> Authorisation:
    if item.kind is Kind.AUTHORISATION and item.book is reconcile.Book.DONE:
        number = item.id.partition("/")[2]
    else:
        payment: Payment = store.get("payment", item.key)
        number = payment.authorisation
    held: Authorisation = store.get("authorisation", number)
    return held


def _release(store: Store, number: str) -> None:
    kept: Reservation | None = store.get("reservation", number)
    if kept is not None:
        payments.release(store, kept.sku, kept.quantity)
        store.delete("reservation", number)
