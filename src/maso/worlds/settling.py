"""Settling the shop's books after a shutdown: what there is to settle, what to ask, what to write.

`items` reads every reservation, unfinished order, held authorisation and unanswered payment from the store;
`resilience/reconcile.py` decides what becomes of each; `call_of` says how it asks the gateway; `book` writes
an outcome. Only the store is needed, no shop and no session: so it works after a crash, and a second time.

What is listed for a person keeps its rows as they are; the table `listed` says why. A later run takes a
listed item up again, and removes it from the list if it can settle it. What a run has given back, because
somebody else had taken it, stands in the table `undone`: else the next run would take that for a stranger's.

Judging: whether a payment is completed is decided by the typed check against the facts as they are now, for
every one of them. That stands in for the judge, which has its own place in the plane.
"""

from collections.abc import Callable, Container, Iterable
from typing import Any, Final

from maso.resilience import reconcile
from maso.resilience.reconcile import Ask, Item, Kind, Settle, State
from maso.worlds import payments
from maso.worlds.base import Store
from maso.worlds.gateway import Account, Call, Hold, Verb
from maso.worlds.shop_rows import Authorisation, Order, Payment, Reservation

# Whether the commit record with this number comes before the freeze.
Committed = Callable[[int], bool]

# The entry of the list that stands for all that the gateway's own statement would have shown.
STATEMENT: Final = "statement"
_OPEN: Final = reconcile.Book.OPEN
_KINDS: Final = {
    "authorise": Kind.AUTHORISATION,
    "capture": Kind.CAPTURE,
    "void": Kind.VOID,
    "refund": Kind.REFUND,
}


def items(
    store: Store, committed: Committed, live: Container[int] = (), taken: Container[str] = ()
) -> list[Item]:
    """Everything that is not settled, in the order of the tables.

    live   sessions that go on (of a scope that is not the whole system): what they have begun is theirs
    taken  keys of unanswered payments in them all the same: whoever made them was stopped
    """
    asked: dict[str, list[Payment]] = {}
    for _, payment in store.rows("payment"):
        if payment.state == "asked" and (payment.session not in live or payment.key in taken):
            asked.setdefault(payment.order, []).append(payment)
    found: list[Item] = []
    for _, order in store.rows("order"):
        waiting = asked.get(order.id, [])
        ended = order.state in ("open", "authorised") and order.session not in live
        found += [_payment_item(store, payment, order, committed) for payment in waiting]
        if ended:
            number = f"order/{order.id}"
            found.append(Item(number, Kind.ORDER, _OPEN, order.id, order.total_minor, alive=True))
    for _, held in store.rows("authorisation"):
        if held.state == "open" and held.session not in live:
            found.append(_held_item(store, held, asked.get(held.order, []), committed))
    for _, kept in store.rows("reservation"):
        if kept.session not in live:
            found.append(Item(f"reservation/{kept.id}", Kind.RESERVATION, _OPEN, kept.id))
    return found


def strangers(
    store: Store, holds: Iterable[Hold], accounts: Iterable[Account], live: Container[int] = ()
) -> list[Item]:
    """What the gateway has and we never wrote down, from its own statement.

    Taken after every older epoch was revoked there, so that nothing of it can still come. A capture of our
    own authorisation under a stranger's key shows when that authorisation is let go; in a session that goes
    on it is found here.
    """
    found: list[Item] = []
    for hold in holds:
        known: Payment | None = store.get("payment", hold.key)
        if hold.state == "void" or (known is not None and not _robbed(store, hold, known, live)):
            continue
        # One name, however it stands: if it is captured while it is let go, it is given back once.
        number = f"theirs/hold/{hold.key}"
        if store.get("undone", number) is not None:
            continue
        kind = Kind.AUTHORISATION if hold.state == "open" else Kind.CAPTURE
        amount = hold.amount_minor if hold.state == "open" else hold.captured_minor
        found.append(Item(number, kind, reconcile.Book.THEIRS, hold.order, amount, hold.key))
    return found + _strange_refunds(store, accounts)


def _robbed(store: Store, hold: Hold, known: Payment, live: Container[int]) -> bool:
    """Whether an authorisation of a session that goes on was captured by somebody who is not us."""
    order: Order = store.get("order", hold.order)
    held: Authorisation | None = store.get("authorisation", known.authorisation)
    if known.session not in live or hold.state != "captured" or held is None:
        return False
    return held.state == "open" and not order.pending


def _strange_refunds(store: Store, accounts: Iterable[Account]) -> list[Item]:
    found: list[Item] = []
    ours: dict[str, int] = {}
    for _, payment in store.rows("payment"):
        if payment.verb == Verb.REFUND and payment.state in ("asked", "done"):
            ours[payment.order] = ours.get(payment.order, 0) + payment.amount_minor
    for order_id, amount in undone(store).items():
        ours[order_id] = ours.get(order_id, 0) + amount
    for account in accounts:
        order: Order | None = store.get("order", account.order)
        over = account.refunded_minor - ours.get(account.order, 0)
        if order is not None and order.state == "captured" and over > 0:
            number = f"theirs/refund/{account.order}"
            found.append(Item(number, Kind.REFUND, reconcile.Book.THEIRS, account.order, over))
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
            target = item.key if item.kind is Kind.AUTHORISATION else _held(store, item).key
            return Call(Verb.VOID, ask.key, target, 0)
    return Call(Verb.REFUND, ask.key, item.group, item.amount_minor)


def book(store: Store, settle: Settle) -> None:
    """Write an outcome. The same one again changes nothing."""
    item = settle.item
    if settle.state is State.LISTED:
        store.put("listed", item.id, settle.why)
        return
    store.delete("listed", item.id)
    if settle.verb is reconcile.Verb.REFUND and settle.state is State.CANCELLED:
        store.put("undone", item.id, [item.group, item.amount_minor])
    if item.book is reconcile.Book.THEIRS:
        _strange(store, item)
        return
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


def _strange(store: Store, item: Item) -> None:
    """What was undone at the gateway never was in our books, unless it was done to what is ours."""
    payment: Payment | None = store.get("payment", item.key)
    held = None if payment is None else store.get("authorisation", payment.authorisation)
    if held is not None and held.state == "open":
        payments.let_go(store, held)
        order: Order = store.get("order", held.order)
        if order.state == "authorised":
            order.state = "open"
            store.put("order", order.id, order)


def undone(store: Store) -> dict[str, int]:
    """By order: what somebody else had taken, and a run has given back."""
    amounts: dict[str, int] = {}
    for _, (order, amount) in store.rows("undone"):
        amounts[order] = amounts.get(order, 0) + amount
    return amounts


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
