"""The shop's payments, each in two halves: asked of the gateway, and booked once its answer is known.

`begin` writes a `Payment` (state `asked`) before anything leaves; `finish` books the answer. Whatever happens
in between, the row says that an answer is owed, and under which key the gateway has it: that is what a
reconciliation finds. Both halves, and every booking, work on the store alone, so that they go on where a
crashed process stopped; doing one twice changes nothing.

While a payment of an order is under way (`Order.pending`), nothing else happens to that order.

Keys: a payment that an agent's action caused has the number of its commit record as its key; what the shop
does by itself (letting go what nobody captures) is named after what it undoes.
"""

from typing import Final

from maso.resilience.reconcile import Answer
from maso.worlds.base import Store
from maso.worlds.gateway import Call, Verb
from maso.worlds.shop_rows import Authorisation, Order, Payment, Product

ACCOUNTS: Final = ("customers", "held", "shop", "credit")


def open_books(store: Store) -> None:
    """All accounts at 0, unless there are books already."""
    for account in ACCOUNTS:
        if store.get("book", account) is None:
            store.put("book", account, 0)


def move(store: Store, source: str, target: str, amount_minor: int) -> None:
    store.put("book", source, store.get("book", source) - amount_minor)
    store.put("book", target, store.get("book", target) + amount_minor)


# The first half.


def ask(store: Store, verb: Verb, key: str, order: Order, held: Authorisation | None, amount: int) -> Call:
    """Write down that the gateway is asked for this, and say the call."""
    authorisation = "" if held is None else held.id
    store.put("payment", key, Payment(key, verb.value, order.session, order.id, authorisation, amount))
    order.pending = key
    store.put("order", order.id, order)
    return call_of(store, store.get("payment", key))


def call_of(store: Store, payment: Payment) -> Call:
    """The call that a payment stands for, the same one however often it is made."""
    verb = Verb(payment.verb)
    target = payment.order
    if verb in (Verb.CAPTURE, Verb.VOID):
        held: Authorisation = store.get("authorisation", payment.authorisation)
        target = held.key
    return Call(verb, payment.key, target, 0 if verb is Verb.VOID else payment.amount_minor)


# The second half.


def finish(store: Store, key: str, answer: Answer, new_id: str = "", expires: int = 0) -> Payment | None:
    """Book an answer; None where nothing is owed under this key any more. BUSY and UNKNOWN book nothing.

    new_id, expires  of an authorisation
    """
    payment: Payment | None = store.get("payment", key)
    if payment is None or payment.state != "asked" or answer in (Answer.BUSY, Answer.UNKNOWN):
        return None
    if answer is Answer.DONE:
        _BOOKED[Verb(payment.verb)](store, payment, new_id, expires)
        close(store, payment, "done")
    else:
        close(store, payment, answer.value)
    return payment


def close(store: Store, payment: Payment, state: str) -> None:
    """Nothing is owed any more."""
    payment.state = state
    store.put("payment", payment.key, payment)
    order: Order = store.get("order", payment.order)
    if order.pending == payment.key:
        order.pending = ""
        store.put("order", order.id, order)


def _authorised(store: Store, payment: Payment, new_id: str, expires: int) -> None:
    number = new_id or f"A{payment.key}"
    held = Authorisation(
        number, payment.order, payment.session, payment.amount_minor, expires, key=payment.key
    )
    store.put("authorisation", held.id, held)
    payment.authorisation = held.id
    move(store, "customers", "held", held.amount_minor)
    order: Order = store.get("order", payment.order)
    order.state, order.authorisation = "authorised", held.id
    store.put("order", order.id, order)


def _captured(store: Store, payment: Payment, new_id: str, expires: int) -> None:
    held: Authorisation = store.get("authorisation", payment.authorisation)
    amount = payment.amount_minor
    move(store, "held", "shop", amount)
    move(store, "held", "customers", held.amount_minor - amount)  # what was not taken is let go
    held.captured_minor, held.state = amount, "captured"
    store.put("authorisation", held.id, held)
    order: Order = store.get("order", payment.order)
    order.state, order.captured_minor = "captured", amount
    store.put("order", order.id, order)
    ship_out(store, order)


def _voided(store: Store, payment: Payment, new_id: str, expires: int) -> None:
    held: Authorisation = store.get("authorisation", payment.authorisation)
    let_go(store, held)
    order: Order = store.get("order", payment.order)
    if order.state == "authorised":
        order.state = "open"
        store.put("order", order.id, order)


def _refunded(store: Store, payment: Payment, new_id: str, expires: int) -> None:
    move(store, "shop", "customers", payment.amount_minor)
    order: Order = store.get("order", payment.order)
    order.refunded_minor += payment.amount_minor
    store.put("order", order.id, order)


_BOOKED: Final = {
    Verb.AUTHORISE: _authorised,
    Verb.CAPTURE: _captured,
    Verb.VOID: _voided,
    Verb.REFUND: _refunded,
}


# The small parts.


def let_go(store: Store, held: Authorisation) -> None:
    """What was held is the customer's again; once."""
    if held.state == "open":
        move(store, "held", "customers", held.amount_minor)
        held.state = "void"
        store.put("authorisation", held.id, held)


def ship_out(store: Store, order: Order) -> None:
    """Captured: the goods leave the shelf."""
    product: Product = store.get("product", order.sku)
    product.stock -= order.quantity
    product.reserved -= order.quantity
    product.shipped += order.quantity
    store.put("product", product.sku, product)


def release(store: Store, sku: str, quantity: int) -> None:
    """Reserved stock is free again."""
    product: Product = store.get("product", sku)
    product.reserved -= quantity
    store.put("product", sku, product)


def cancel_order(store: Store, order: Order) -> None:
    """An order that nobody finishes: its stock is free again; once. Its money is another matter."""
    if order.state in ("open", "authorised"):
        release(store, order.sku, order.quantity)
        order.state = "cancelled"
        store.put("order", order.id, order)


def agrees(store: Store, payment: Payment) -> bool:
    """The typed check against the facts, now: whether this payment is what its order says."""
    order: Order | None = store.get("order", payment.order)
    held: Authorisation | None = store.get("authorisation", payment.authorisation)
    if order is None:
        return False
    match Verb(payment.verb):
        case Verb.AUTHORISE:
            return order.state == "open" and payment.amount_minor == order.total_minor
        case Verb.CAPTURE:
            known = held is not None and held.state == "open" and held.order == order.id
            return known and order.state == "authorised" and payment.amount_minor == order.total_minor
        case Verb.REFUND:
            return 0 < payment.amount_minor <= order.captured_minor - order.refunded_minor
    return True
