"""Invariant 7, looked at from outside: our books against the gateway's, row by row, after everything.

It knows nothing of how anything was settled. Each row must be at an end or on the list for a person; the
stock on every shelf must be what was put there less what was shipped, reserved only by what is listed; each
order's money must stand at the gateway as it stands with us; and our accounts must be the sum of their rows.
What is listed may differ: that is why a person has it. `Audit.wrong` says what is wrong, in words.

Does not verify: what a customer was told, that a person ever looks at the list, or a gateway whose own books
are wrong in themselves.
"""

from collections.abc import Container, Iterable
from typing import Final, NamedTuple

from maso.worlds.base import Store
from maso.worlds.gateway import Account, Hold
from maso.worlds.settling import STATEMENT, undone
from maso.worlds.shop_rows import Order

# Enough to see what is wrong; a whole database's worth of one mistake says no more.
WRONG_MAX: Final = 20


class Audit(NamedTuple):
    """
    items        rows that a settlement is about: payments, orders, authorisations, reservations
    listed       items for a person
    ambiguous    items that are neither at an end nor listed
    stock_wrong  products whose shelf is not what their rows say
    books_wrong  orders or accounts where we and the gateway, or we and our rows, differ
    """

    items: int
    listed: int
    ambiguous: int
    stock_wrong: int
    books_wrong: int
    wrong: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return not (self.ambiguous or self.stock_wrong or self.books_wrong)


class _Findings:
    def __init__(self) -> None:
        self.items = self.ambiguous = self.stock = self.books = 0
        self.texts: list[str] = []

    def say(self, text: str) -> None:
        if len(self.texts) < WRONG_MAX:
            self.texts.append(text)


def audit(
    store: Store, holds: Iterable[Hold], accounts: Iterable[Account], live: Container[int] = ()
) -> Audit:
    """Look at everything. `holds` and `accounts` are the gateway's own books.

    live  sessions that go on: what they have not finished yet is no item
    """
    found = _Findings()
    listed = dict(store.rows("listed"))
    doubtful = _ends(store, listed, live, found)
    _stock(store, doubtful, found)
    _gateway(store, holds, accounts, doubtful, found)
    _accounts(store, found)
    return Audit(found.items, len(listed), found.ambiguous, found.stock, found.books, tuple(found.texts))


def _ends(store: Store, listed: dict[str, str], live: Container[int], found: _Findings) -> set[str]:
    """Every row is at an end or listed. Returns the orders that a listed item is about."""
    doubtful = {_stranger(item) for item in listed if item.startswith("theirs/refund/")}

    def look(item: str, order: str, session: int, ended: bool, how: str) -> None:
        if not ended and session in live:
            return
        found.items += 1
        if item in listed:
            doubtful.add(order)
        elif not ended:
            found.ambiguous += 1
            found.say(f"`{item}` is {how}, and not listed")

    for key, payment in store.rows("payment"):
        look(f"{payment.verb}/{key}", payment.order, payment.session, payment.state != "asked", payment.state)
    for number, held in store.rows("authorisation"):
        look(f"authorisation/{number}", held.order, held.session, held.state != "open", "still held")
    for number, order in store.rows("order"):
        if order.pending and order.session in live:
            doubtful.add(number)  # a payment is on its way
        look(f"order/{number}", number, order.session, order.state in ("captured", "cancelled"), order.state)
    for number, kept in store.rows("reservation"):
        look(f"reservation/{number}", number, kept.session, False, "still reserved")
    return doubtful


def _stock(store: Store, doubtful: set[str], found: _Findings) -> None:
    reserved: dict[str, int] = {}
    shipped: dict[str, int] = {}
    for _, order in store.rows("order"):
        if order.state in ("open", "authorised"):
            reserved[order.sku] = reserved.get(order.sku, 0) + order.quantity
        elif order.state == "captured" and not order.earlier:
            shipped[order.sku] = shipped.get(order.sku, 0) + order.quantity
    for _, kept in store.rows("reservation"):
        reserved[kept.sku] = reserved.get(kept.sku, 0) + kept.quantity
    for sku, product in store.rows("product"):
        out, held = shipped.get(sku, 0), reserved.get(sku, 0)
        if product.shipped != out or product.stock != product.filled - out or product.reserved != held:
            found.stock += 1
            found.say(
                f"`{sku}`: {product.stock} on the shelf, {product.reserved} reserved, {product.shipped}"
                f" shipped; its rows say {product.filled - out}, {held}, {out}"
            )


def _gateway(
    store: Store,
    holds: Iterable[Hold],
    accounts: Iterable[Account],
    doubtful: set[str],
    found: _Findings,
) -> None:
    listed = dict(store.rows("listed"))
    unseen = STATEMENT in listed
    strange = {_stranger(item) for item in listed if item.startswith("theirs/")}
    ours = {held.key: held for _, held in store.rows("authorisation")}
    for hold in holds:
        held = ours.pop(hold.key, None)
        if hold.key in strange:
            doubtful.add(hold.order)
        if hold.order in doubtful:
            continue
        if held is None:
            if hold.state == "open" and not unseen:
                _differs(found, f"the gateway holds money for `{hold.order}` that we never booked")
        elif (held.state, hold.state) == ("void", "captured"):
            pass  # given back: then the order's account is even, which is looked at below
        elif (held.state, held.captured_minor) != (hold.state, hold.captured_minor):
            _differs(found, f"`{held.id}` is {held.state} with us, {hold.state} at the gateway")
    for held in ours.values():
        if held.order not in doubtful:
            _differs(found, f"`{held.id}` is unknown to the gateway")
    theirs = {account.order: account for account in accounts}
    back = undone(store)
    for number, order in store.rows("order"):
        account = theirs.pop(number, Account(number))
        if number not in doubtful and not unseen and not _same_money(order, account, back.get(number, 0)):
            _differs(
                found,
                f"`{number}`: captured {order.captured_minor}, refunded {order.refunded_minor}; the gateway"
                f" says {account.captured_minor}, {account.refunded_minor}",
            )
    for number, account in theirs.items():
        if account.captured_minor != account.refunded_minor and not unseen:
            _differs(found, f"the gateway took money for an order `{number}` that we do not have")


def _stranger(item: str) -> str:
    """The gateway's key in an item that only the gateway knew; for a refund, the order."""
    return item.split("/", 2)[2]


def _same_money(order: Order, account: Account, back: int) -> bool:
    """What was taken behind our back must have been given back: all of it, where we never took anything."""
    if not order.captured_minor:
        return account.captured_minor == account.refunded_minor
    ours = (order.captured_minor + back, order.refunded_minor + back)
    return ours == (account.captured_minor, account.refunded_minor)


def _accounts(store: Store, found: _Findings) -> None:
    captured = refunded = 0
    for _, order in store.rows("order"):
        captured += order.captured_minor
        refunded += order.refunded_minor
    credit = sum(amount for _, amount in store.rows("credit"))
    held = sum(h.amount_minor for _, h in store.rows("authorisation") if h.state == "open")
    rows = {
        "held": held,
        "shop": captured - refunded - credit,
        "credit": credit,
        "customers": refunded - captured - held,
    }
    for account, amount in rows.items():
        if (store.get("book", account) or 0) != amount:
            _differs(found, f"account `{account}` is {store.get('book', account)}, its rows say {amount}")


def _differs(found: _Findings, text: str) -> None:
    found.books += 1
    found.say(text)
