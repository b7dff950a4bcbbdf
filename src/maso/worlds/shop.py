"""The shop: catalogue, stock, baskets, orders, payments, carriers; its books always balance.

Money is in integer minor units and moves between four accounts, `customers`, `held` (authorised, not yet
captured), `shop` and `credit`, whose sum is always 0. Laws that hold after every operation, whoever asked
for it: stock on the shelf and reserved stock are never negative; what was captured never exceeds what was
authorised, nor what was refunded what was captured; an order has one total and one owner.

A session has one basket at a time with one chosen product (price locked when chosen). A customer comes
with an earlier order that was paid and delivered, so that returns and complaints have an object. Half
done things are settled: an abandoned order is cancelled, an authorisation that nobody captures is voided
(`close`, and the confirm-or-cancel sweep in `advance`).

Payments go through a gateway with books of its own (`gateway.py`, `payments.py`). `perform` asks it and books
its answer in one step; where the gateway is elsewhere (`remote`), a driver calls `begin`, carries the call
there and the answer back to `finish`, and takes along what `owed` says besides. Everything that counts is in
the store: a shop over a store that has one already goes on where that stopped, without its visits.

Simplified: one currency, no tax, one parcel an order, a gateway that approves every honest payment.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from maso.clock import MINUTE, SECOND
from maso.fleet.operations import OPERATIONS
from maso.resilience.reconcile import Answer
from maso.streams import Stream
from maso.text import writer
from maso.worlds import payments
from maso.worlds.base import Args, MemoryStore, Once, Result, Store, changed_facts, decline
from maso.worlds.gateway import Call, Gateway, Verb
from maso.worlds.shop_guards import Guards
from maso.worlds.shop_rows import Authorisation, Order, Payment, Product, Reservation, Visit

PRODUCTS: Final = 2_000
# An authorisation or an unpaid order that nobody finishes is undone after this time.
CONFIRM_WITHIN_NS: Final = 30 * MINUTE
SWEEP_EVERY_NS: Final = 10 * SECOND
# The change stream: prices move and shelves are filled this often.
CHANGE_EVERY_NS: Final = SECOND
CHANGES_AT_ONCE: Final = 5
STOCK_LOW: Final = 200
STOCK_FULL: Final = 5_000
CARRIERS: Final = ("northbound", "paketta", "swiftlane", "postexpress")


class Shop:
    """The shop world. `stream` decides who comes and what they look at."""

    name = "shop"

    def __init__(
        self, store: Store, stream: Stream, products: int = PRODUCTS, *, remote: bool = False
    ) -> None:
        """`remote`: the gateway is elsewhere, and a driver carries its calls."""
        self._store = store
        self.gateway = None if remote else Gateway(MemoryStore())
        # Somebody with a newer epoch owns the store (a reconciliation): nothing is written here any more.
        self.fenced = False
        self.owed: list[Call] = []  # calls that nobody waits for: a driver takes them along
        self._stream = stream
        self._once = Once(store)
        self._visits: dict[int, Visit] = {}
        self._skus = [f"KX-{n:04d}" for n in range(products)]
        self._number = 0
        self._next_change = 0
        self._next_sweep = SWEEP_EVERY_NS
        self._open_orders: dict[str, int] = {}  # unfinished orders, by the time they were created
        self._fill()
        self._perform: dict[str, Callable[[Visit, Args, int], Result]] = {
            "shop.search": self._search,
            "shop.price_quote": self._price_quote,
            "shop.stock_reserve": self._stock_reserve,
            "shop.stock_release": self._stock_release,
            "shop.discount_apply": self._discount_apply,
            "shop.order_create": self._order_create,
            "shop.order_change": self._order_change,
            "shop.order_cancel": self._order_cancel,
            "shop.credit_issue": self._credit,
            "shop.carrier_quote": self._carrier_quote,
            "shop.carrier_book": self._carrier_book,
            "shop.carrier_track": self._carrier_track,
            "shop.address_check": self._address_check,
            "shop.return_open": self._return_open,
        }
        self._begin: dict[str, Callable[[Visit, Args, str], Call]] = {
            "shop.payment_authorise": self._authorise,
            "shop.payment_capture": self._capture,
            "shop.payment_void": self._void,
            "shop.payment_refund": self._refund,
        }
        self._guards = Guards(store)

    # The face to the driver.

    def open(self, session: int, facts: dict[str, Any], now: int) -> None:
        visit = self._welcome(session, facts)
        self._choose(visit)
        self._earlier_order(visit, now)

    def reopen(self, session: int, facts: dict[str, Any], left: Mapping[str, Any]) -> None:
        """A kept session comes back: its customer, its basket at the price that was locked, its orders.

        Nothing is reserved: that was settled. Names and addresses were not kept; they are said again.
        """
        visit = self._welcome(session, facts)
        facts["customer_id"], visit.credit_minor = left["customer_id"], left["credit_minor"]
        self._choose(visit)
        product = self._product(left["basket"]["sku"])
        if product.stock - product.reserved >= left["basket"]["quantity"]:
            for name, value in left["basket"].items():
                setattr(visit, name, value)
            facts["stock"], facts["product"] = product.stock - product.reserved, product.sku
            self._show_basket(visit)
        for order in map(self._order, left["orders"]):
            if order is not None and order.state != "cancelled":
                self._keep(visit, order)

    def _welcome(self, session: int, facts: dict[str, Any]) -> Visit:
        bits = self._stream.bits
        email, phone, postcode = self._contact()
        facts.update(
            customer_id=f"C{session:07d}",
            customer_name=writer("name")(bits),
            email=email,
            phone=phone,
            address=writer("address")(bits),
            postcode=postcode,
            carrier=self._stream.pick(CARRIERS),
            shipping_minor=self._stream.between(390, 1290),
        )
        visit = self._visits[session] = Visit(session, facts, "", "", 0, 0)
        return visit

    def close(self, session: int, now: int) -> None:
        visit = self._visits.pop(session, None)
        if visit is None:
            return
        if self.fenced:
            return
        self._look_again(visit)
        self._unreserve(visit)
        for number in visit.orders:
            order = self._order(number)
            if order is not None and order.state in ("open", "authorised") and not order.pending:
                self._undo(order)
        self._once.forget(session)

    def perform(
        self, operation: str, session: int, args: Args, key: str, now: int
    ) -> tuple[Result, tuple[str, ...]]:
        started = self.begin(operation, session, args, key, now)
        if not isinstance(started, Call):
            return started
        assert self.gateway is not None, "a remote gateway's calls are carried by a driver"
        return self.finish(started.key, self.gateway.call(started), now)

    def begin(
        self, operation: str, session: int, args: Args, key: str, now: int
    ) -> Call | tuple[Result, tuple[str, ...]]:
        """`perform` up to what the gateway is needed for: its answer, or the call to carry there.

        Begun again under the same key before an answer was booked, it is the same call.
        """
        visit = self._visits.get(session)
        if visit is None:
            decline("session_closed")
        if self.fenced:
            decline("fenced")
        self._look_again(visit)
        rules = OPERATIONS.get(operation)
        pays = self._begin.get(operation)
        what = self._perform.get(operation)
        if rules is None or (what is None and pays is None):
            decline("unknown_operation")
        if rules.facts_check is None and what is not None:
            return self._changes(visit, what, args, now)  # reads are as good the second time
        wanted = {name: args.get(name) for name in rules.arguments}
        before = self._once.earlier(operation, wanted, key)
        if before is not None:
            return before, ()
        if pays is not None:
            return self._pay(pays, operation, visit, wanted, key)
        reason = self._guards.wrong(operation, visit, args)
        if reason is not None:
            decline(reason)
        assert what is not None
        answer, changed = self._changes(visit, what, args, now)
        self._once.keep(operation, session, wanted, key, answer)
        return answer, changed

    def _pay(
        self, pays: Callable[[Visit, Args, str], Call], operation: str, visit: Visit, args: Args, key: str
    ) -> Call:
        asked: Payment | None = self._store.get("payment", key)
        if asked is not None:
            if asked.state != "asked" or self._store.get("wanted", key) != (operation, args):
                decline("key_reused")
            return payments.call_of(self._store, asked)
        reason = self._guards.wrong(operation, visit, args)
        if reason is not None:
            decline(reason)
        self._store.put("wanted", key, (operation, args))
        return pays(visit, args, key)

    def finish(self, key: str, answer: Answer, now: int) -> tuple[Result, tuple[str, ...]]:
        """Book the gateway's answer. Raises DeclinedError where it is no, or nobody waits for it."""
        if self.fenced:
            decline("fenced")
        wanted = self._store.get("wanted", key)
        new = self._new("A") if wanted is not None and wanted[0] == "shop.payment_authorise" else ""
        payment = payments.finish(self._store, key, answer, new, now + CONFIRM_WITHIN_NS)
        if payment is None:
            decline("nothing_asked")
        self._store.delete("wanted", key)
        self._track(payment)
        if answer is not Answer.DONE or wanted is None:
            decline("gateway_declined")
        visit = self._visits.get(payment.session)
        if visit is None:
            decline("session_closed")  # booked all the same
        known = dict(visit.facts)
        result = self._told(visit, payment)
        self._once.keep(wanted[0], payment.session, wanted[1], key, result)
        return result, changed_facts(known, visit.facts)

    def _track(self, payment: Payment) -> None:
        """An order that was paid, or undone meanwhile, is no longer one to sweep."""
        order = self._order(payment.order)
        assert order is not None
        if order.state in ("captured", "cancelled"):
            self._open_orders.pop(order.id, None)
        elif order.session not in self._visits:
            self._undo(order)  # its session ended while the gateway was asked

    @staticmethod
    def _changes(
        visit: Visit, what: Callable[[Visit, Args, int], Result], args: Args, now: int
    ) -> tuple[Result, tuple[str, ...]]:
        facts = visit.facts
        known = dict(facts)
        answer = what(visit, args, now)
        return answer, changed_facts(known, facts)

    def check_facts(self, operation: str, session: int, args: Args) -> bool:
        visit = self._visits.get(session)
        return visit is not None and self._guards.wrong(operation, visit, args) is None

    def facts(self, session: int) -> Mapping[str, Any]:
        return self._visits[session].facts

    def advance(self, now: int) -> int:
        """Prices move, shelves are filled, and what was not confirmed in time is cancelled."""
        done = 0
        while self._next_change <= now and not self.fenced:
            self._next_change += CHANGE_EVERY_NS
            for _ in range(CHANGES_AT_ONCE):
                self._change(self._product(self._stream.pick(self._skus)))
                done += 1
        if self._next_sweep <= now and not self.fenced:
            self._next_sweep = now + SWEEP_EVERY_NS
            done += self._sweep(now)
        return done

    @property
    def books(self) -> dict[str, int]:
        """The four accounts, in minor units; their sum is 0."""
        return {account: self._store.get("book", account) for account in payments.ACCOUNTS}

    def keep(self, session: int, now: int) -> None:
        """The session was terminated: what its customer needs to go on later, by ids and never by names."""
        left = self.left(session)
        if left is not None:
            self._store.put("kept", str(session), {"at_ns": now, **left})

    def left(self, session: int) -> dict[str, Any] | None:
        """What `reopen` needs of an open session, as plain data."""
        visit = self._visits.get(session)
        if visit is None:
            return None
        return {
            "customer_id": visit.facts["customer_id"],
            "basket": {
                "sku": visit.sku,
                "quantity": visit.quantity,
                "price_minor": visit.price_minor,
                "discount_percent": visit.discount_percent,
            },
            "orders": list(visit.orders),
            "credit_minor": visit.credit_minor,
        }

    def orders(self) -> Iterator[Order]:
        """Every order, for audits and checkers."""
        return (row for _, row in self._store.rows("order"))

    def authorisations(self) -> Iterator[Authorisation]:
        return (row for _, row in self._store.rows("authorisation"))

    def products(self) -> Iterator[Product]:
        return (row for _, row in self._store.rows("product"))

    # What the operations do.

    def _search(self, visit: Visit, args: Args, now: int) -> Result:
        if not visit.reserved:
            self._choose(visit)
        product = self._product(visit.sku)
        return {
            "sku": product.sku,
            "price_minor": visit.price_minor,
            "stock": product.stock - product.reserved,
        }

    def _price_quote(self, visit: Visit, args: Args, now: int) -> Result:
        product: Product | None = self._store.get("product", args["sku"])
        if product is None:
            decline("no_such_product")
        # A reserved line keeps the price at which it was reserved.
        price = visit.price_minor if visit.sku == product.sku else product.price_minor
        quantity = args["quantity"]
        return {
            "sku": product.sku,
            "quantity": quantity,
            "price_minor": price,
            "line_minor": price * quantity,
        }

    def _stock_reserve(self, visit: Visit, args: Args, now: int) -> Result:
        self._unreserve(visit)
        product = self._product(args["sku"])
        if visit.sku != product.sku:
            visit.sku, visit.price_minor = product.sku, product.price_minor
        visit.quantity = visit.reserved = args["quantity"]
        product.reserved += visit.reserved
        self._store.put("product", product.sku, product)
        visit.reservation = self._new("V")
        row = Reservation(visit.reservation, visit.number, product.sku, visit.reserved)
        self._store.put("reservation", row.id, row)
        visit.facts["reservation_id"] = visit.reservation
        self._show_basket(visit)
        return {
            "reservation_id": visit.reservation,
            "basket_id": visit.basket,
            "total_minor": visit.total_minor,
        }

    def _stock_release(self, visit: Visit, args: Args, now: int) -> Result:
        quantity = visit.reserved
        self._unreserve(visit)
        return {"quantity": quantity, "total_minor": 0}

    def _discount_apply(self, visit: Visit, args: Args, now: int) -> Result:
        visit.discount_percent = args["percent"]
        self._show_basket(visit)
        return {"basket_id": visit.basket, "percent": args["percent"], "total_minor": visit.total_minor}

    def _order_create(self, visit: Visit, args: Args, now: int) -> Result:
        product = self._product(visit.sku)
        product.reserved += visit.quantity - visit.reserved
        self._store.put("product", product.sku, product)
        order = Order(
            self._new("O"), visit.number, visit.sku, visit.quantity, visit.price_minor,
            visit.discount_percent, now,
        )  # fmt: skip
        if visit.reserved:
            self._store.delete("reservation", visit.reservation)
        visit.reserved, visit.basket = 0, ""  # the order holds it now; the next basket is another
        self._open_orders[order.id] = now
        self._keep(visit, order)
        self._choose(visit)
        return {"order_id": order.id, "total_minor": order.total_minor}

    def _order_change(self, visit: Visit, args: Args, now: int) -> Result:
        order = self._order(args["order_id"])
        assert order is not None
        product = self._product(order.sku)
        product.reserved += args["quantity"] - order.quantity
        order.quantity = args["quantity"]
        self._store.put("product", product.sku, product)
        self._keep(visit, order)
        return {"order_id": order.id, "total_minor": order.total_minor}

    def _order_cancel(self, visit: Visit, args: Args, now: int) -> Result:
        order = self._order(args["order_id"])
        assert order is not None
        self._undo(order)
        return {"order_id": order.id}

    def _authorise(self, visit: Visit, args: Args, key: str) -> Call:
        order = self._order(args["order_id"])
        assert order is not None
        return payments.ask(self._store, Verb.AUTHORISE, key, order, None, args["amount_minor"])

    def _capture(self, visit: Visit, args: Args, key: str) -> Call:
        return self._on_held(Verb.CAPTURE, visit, args, key, args["amount_minor"])

    def _void(self, visit: Visit, args: Args, key: str) -> Call:
        return self._on_held(Verb.VOID, visit, args, key, 0)

    def _on_held(self, verb: Verb, visit: Visit, args: Args, key: str, amount: int) -> Call:
        held = self._guards.held(visit, args)
        assert held is not None
        order = self._order(held.order)
        assert order is not None
        return payments.ask(self._store, verb, key, order, held, amount)

    def _refund(self, visit: Visit, args: Args, key: str) -> Call:
        order = self._order(args["order_id"])
        assert order is not None
        return payments.ask(self._store, Verb.REFUND, key, order, None, args["amount_minor"])

    def _told(self, visit: Visit, payment: Payment) -> Result:
        """What the answer of a payment says, and what the session knows from now on."""
        order = self._order(payment.order)
        assert order is not None
        self._keep(visit, order)
        facts = visit.facts
        held, amount = payment.authorisation, payment.amount_minor
        match Verb(payment.verb):
            case Verb.AUTHORISE:
                facts.update(authorisation_id=held, authorised_minor=amount, transaction_id=held)
                return {"authorisation_id": held, "order_id": order.id, "amount_minor": amount}
            case Verb.CAPTURE:
                return {"authorisation_id": held, "order_id": order.id, "captured_minor": amount}
            case Verb.VOID:
                return {"authorisation_id": held, "order_id": order.id}
        number = self._new("F")
        facts.update(refund_id=number, refunded_minor=amount, transaction_id=number)
        return {"order_id": order.id, "refund_id": number, "refunded_minor": amount}

    def _credit(self, visit: Visit, args: Args, now: int) -> Result:
        amount = args["amount_minor"]
        payments.move(self._store, "shop", "credit", amount)
        visit.credit_minor += amount
        number = self._new("G")
        self._store.put("credit", number, amount)
        return {"credit_id": number, "credit_minor": amount}

    def _carrier_quote(self, visit: Visit, args: Args, now: int) -> Result:
        facts = visit.facts
        return {
            "carrier": facts["carrier"],
            "shipping_minor": facts["shipping_minor"],
            "days": 1 + facts["shipping_minor"] % 5,
        }

    def _carrier_book(self, visit: Visit, args: Args, now: int) -> Result:
        order = self._order(args["order_id"])
        assert order is not None
        order.carrier = visit.facts["carrier"]
        order.tracking = self._new("T")
        self._keep(visit, order)
        return {"order_id": order.id, "carrier": order.carrier, "tracking_number": order.tracking}

    def _carrier_track(self, visit: Visit, args: Args, now: int) -> Result:
        return {
            "tracking_number": args["tracking_number"],
            "carrier": visit.facts["carrier"],
            "days": self._stream.below(5),
        }

    def _address_check(self, visit: Visit, args: Args, now: int) -> Result:
        return {"deliverable": True, "postcode": visit.facts["postcode"]}

    def _return_open(self, visit: Visit, args: Args, now: int) -> Result:
        order = self._order(args["order_id"])
        assert order is not None
        order.return_id = order.return_id or self._new("N")
        visit.facts["return_id"] = order.return_id
        self._keep(visit, order)
        return {"order_id": order.id, "return_id": order.return_id}

    # The small parts.

    def _new(self, letter: str) -> str:
        self._number += 1
        self._store.put("counter", "number", self._number)
        return f"{letter}{self._number:07d}"

    def _product(self, sku: str) -> Product:
        product: Product = self._store.get("product", sku)
        return product

    def _order(self, number: str) -> Order | None:
        order: Order | None = self._store.get("order", number)
        return order

    def _contact(self) -> tuple[str, str, str]:
        n = self._stream.bits(32)
        return (
            f"customer.{n % 100_000}@example.org",
            f"+49 30 {n % 9_000 + 1_000} {n >> 16 & 4095:04d}",
            f"{n % 90_000 + 10_000}",
        )

    def _choose(self, visit: Visit) -> None:
        """Look at another product that is there; a new basket for it."""
        product = self._product(self._stream.pick(self._skus))
        while product.stock - product.reserved < 10:
            product = self._product(self._stream.pick(self._skus))
        visit.sku, visit.price_minor = product.sku, product.price_minor
        visit.quantity, visit.reserved, visit.discount_percent = 1 + self._stream.bits(2) % 3, 0, 0
        visit.reservation = ""
        visit.basket = visit.basket or self._new("B")
        facts = visit.facts
        facts["sku"], facts["stock"] = product.sku, product.stock - product.reserved
        facts["product"] = product.sku
        facts["discount_percent"] = 5 if visit.price_minor & 1 else 10
        facts["credit_minor"] = 300 + visit.price_minor % 700
        self._show_basket(visit)

    def _show_basket(self, visit: Visit) -> None:
        facts = visit.facts
        facts["basket_id"], facts["sku"], facts["quantity"] = visit.basket, visit.sku, visit.quantity
        facts["price_minor"], facts["total_minor"] = visit.price_minor, visit.total_minor

    def _keep(self, visit: Visit, order: Order) -> None:
        """Write an order back; it becomes the one that the session is about."""
        self._store.put("order", order.id, order)
        if order.id not in visit.orders:
            visit.orders = (*visit.orders, order.id)
        facts = visit.facts
        facts["order_id"], facts["order_total_minor"] = order.id, order.total_minor
        facts["captured_minor"] = order.captured_minor
        left = order.captured_minor - order.refunded_minor
        facts["refundable_minor"] = left
        # A refund of half of what is left: a second one in the same session is then honest too.
        facts["refund_minor"] = (left + 1) // 2
        if order.tracking:
            facts["tracking_number"], facts["carrier"] = order.tracking, order.carrier

    def _earlier_order(self, visit: Visit, now: int) -> None:
        """What this customer bought, paid and received before: it was booked when it happened."""
        product = self._product(self._stream.pick(self._skus))
        order = Order(
            self._new("O"), visit.number, product.sku, 1, product.price_minor, 0, now, "captured",
            captured_minor=product.price_minor, tracking=self._new("T"),
            carrier=self._stream.pick(CARRIERS), earlier=True,
        )  # fmt: skip
        payments.move(self._store, "customers", "shop", order.captured_minor)
        self._send(Call(Verb.HISTORY, f"history/{order.id}", order.id, order.captured_minor))
        self._keep(visit, order)

    def _unreserve(self, visit: Visit) -> None:
        if visit.reserved:
            payments.release(self._store, visit.sku, visit.reserved)
            self._store.delete("reservation", visit.reservation)
            visit.reserved = 0

    def _look_again(self, visit: Visit) -> None:
        """The row decides whether something is reserved: a reconciliation may have released it."""
        if visit.reserved and self._store.get("reservation", visit.reservation) is None:
            visit.reserved = 0

    def _undo(self, order: Order) -> None:
        """Cancel an unfinished order: its stock is free at once, its money when the gateway has let it go."""
        held: Authorisation | None = self._store.get("authorisation", order.authorisation)
        if order.state in ("open", "authorised"):
            payments.cancel_order(self._store, order)
        self._open_orders.pop(order.id, None)
        if held is not None and held.state == "open":
            call = payments.ask(self._store, Verb.VOID, f"undo/{held.key}", order, held, 0)
            self._send(call)

    def _send(self, call: Call) -> None:
        """A call that nobody waits for."""
        if self.gateway is None:
            self.owed.append(call)
            return
        answer = self.gateway.call(call)
        if call.verb is not Verb.HISTORY:
            payments.finish(self._store, call.key, answer)

    def _change(self, product: Product) -> None:
        step = self._stream.between(-30, 30)
        product.price_minor = max(100, product.price_minor + product.price_minor * step // 1000)
        if product.stock < STOCK_LOW:
            product.filled += STOCK_FULL - product.stock
            product.stock = STOCK_FULL
        self._store.put("product", product.sku, product)

    def _sweep(self, now: int) -> int:
        """Confirm or cancel: what is unfinished for too long is undone."""
        late = [number for number, since in self._open_orders.items() if now - since >= CONFIRM_WITHIN_NS]
        for number in late:
            order = self._order(number)
            assert order is not None
            if not order.pending:
                self._undo(order)
        return len(late)

    def _fill(self) -> None:
        """A new shop, or one that goes on where its store stopped."""
        store = self._store
        payments.open_books(store)
        for sku in self._skus:
            if store.get("product", sku) is None:
                price = 500 + self._stream.latency(3_000)
                stock = self._stream.between(STOCK_LOW, STOCK_FULL)
                store.put("product", sku, Product(sku, price, stock, filled=stock))
        self._number = store.get("counter", "number") or 0
        self._open_orders = {
            order.id: order.created for order in self.orders() if order.state in ("open", "authorised")
        }
