"""The shop: catalogue, stock, baskets, orders, payments, carriers; its books always balance.

Money is in integer minor units and moves between four accounts, `customers`, `held` (authorised, not yet
captured), `shop` and `credit`, whose sum is always 0. Laws that hold after every operation, whoever asked
for it: stock on the shelf and reserved stock are never negative; what was captured never exceeds what was
authorised, nor what was refunded what was captured; an order has one total and one owner.

A session has one basket at a time with one chosen product (price locked when chosen). A customer comes
with an earlier order that was paid and delivered, so that returns and complaints have an object. Half
done things are settled: an abandoned order is cancelled, an authorisation that nobody captures is voided
(`close`, and the confirm-or-cancel sweep in `advance`).

Simplified: one currency, no tax, one parcel an order, a gateway that approves every honest payment.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from maso.clock import MINUTE, SECOND
from maso.fleet.operations import OPERATIONS
from maso.streams import Stream
from maso.text import writer
from maso.worlds.base import Args, Once, Result, Store, changed_facts, decline
from maso.worlds.shop_rows import Authorisation, Order, Product, Visit

PRODUCTS: Final = 2_000
# An authorisation or an unpaid order that nobody finishes is undone after this time.
CONFIRM_WITHIN_NS: Final = 30 * MINUTE
SWEEP_EVERY_NS: Final = 10 * SECOND
# The change stream: prices move and shelves are filled this often.
CHANGE_EVERY_NS: Final = SECOND
CHANGES_AT_ONCE: Final = 5
STOCK_LOW: Final = 200
STOCK_FULL: Final = 5_000
DISCOUNT_PERCENT_MAX: Final = 15
CREDIT_MINOR_MAX: Final = 2_500
CREDIT_PER_SESSION_MINOR_MAX: Final = 5_000
CARRIERS: Final = ("northbound", "paketta", "swiftlane", "postexpress")


class Shop:
    """The shop world. `stream` decides who comes and what they look at."""

    name = "shop"

    def __init__(self, store: Store, stream: Stream, products: int = PRODUCTS) -> None:
        self._store = store
        self._stream = stream
        self._once = Once(store)
        self._visits: dict[int, Visit] = {}
        self._skus = [f"KX-{n:04d}" for n in range(products)]
        self._number = 0
        self._next_change = 0
        self._next_sweep = SWEEP_EVERY_NS
        self._open_orders: dict[str, int] = {}  # unfinished orders, by the time they were created
        self.books: dict[str, int] = {"customers": 0, "held": 0, "shop": 0, "credit": 0}
        for sku in self._skus:
            price = 500 + self._stream.latency(3_000)
            store.put("product", sku, Product(sku, price, self._stream.between(STOCK_LOW, STOCK_FULL)))
        self._perform: dict[str, Callable[[Visit, Args, int], Result]] = {
            "shop.search": self._search,
            "shop.price_quote": self._price_quote,
            "shop.stock_reserve": self._stock_reserve,
            "shop.stock_release": self._stock_release,
            "shop.discount_apply": self._discount_apply,
            "shop.order_create": self._order_create,
            "shop.order_change": self._order_change,
            "shop.order_cancel": self._order_cancel,
            "shop.payment_authorise": self._authorise,
            "shop.payment_capture": self._capture,
            "shop.payment_void": self._void,
            "shop.payment_refund": self._refund,
            "shop.credit_issue": self._credit,
            "shop.carrier_quote": self._carrier_quote,
            "shop.carrier_book": self._carrier_book,
            "shop.carrier_track": self._carrier_track,
            "shop.address_check": self._address_check,
            "shop.return_open": self._return_open,
        }
        self._guards: dict[str, Callable[[Visit, Args], str | None]] = {
            "stock": self._stock_short,
            "reservation": self._reservation_wrong,
            "discount_policy": self._discount_wrong,
            "basket_total": self._basket_wrong,
            "order_changeable": self._change_wrong,
            "order_cancellable": self._cancel_wrong,
            "order_total": self._amount_wrong,
            "authorised_amount": self._capture_wrong,
            "authorisation_open": self._void_wrong,
            "captured_amount": self._refund_wrong,
            "credit_policy": self._credit_wrong,
            "order_paid": self._unpaid,
            "shipment": self._shipment_wrong,
            "order_returnable": self._return_wrong,
        }

    # The face to the driver.

    def open(self, session: int, facts: dict[str, Any], now: int) -> None:
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
        visit = Visit(session, facts, "", "", 0, 0)
        self._visits[session] = visit
        self._choose(visit)
        self._earlier_order(visit, now)

    def close(self, session: int, now: int) -> None:
        visit = self._visits.pop(session, None)
        if visit is None:
            return
        self._unreserve(visit)
        for number in visit.orders:
            order = self._order(number)
            if order is not None and order.state in ("open", "authorised"):
                self._undo(order)
        self._once.forget(session)

    def perform(
        self, operation: str, session: int, args: Args, key: str, now: int
    ) -> tuple[Result, tuple[str, ...]]:
        visit = self._visits.get(session)
        if visit is None:
            decline("session_closed")
        what = self._perform.get(operation)
        if what is None:
            decline("unknown_operation")
        rules = OPERATIONS[operation]
        if rules.facts_check is None:
            return self._changes(visit, what, args, now)  # reads are as good the second time
        wanted = {name: args.get(name) for name in rules.arguments}
        before = self._once.earlier(operation, wanted, key)
        if before is not None:
            return before, ()
        reason = self._wrong(operation, visit, args)
        if reason is not None:
            decline(reason)
        answer, changed = self._changes(visit, what, args, now)
        self._once.keep(operation, session, wanted, key, answer)
        return answer, changed

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
        return visit is not None and self._wrong(operation, visit, args) is None

    def facts(self, session: int) -> Mapping[str, Any]:
        return self._visits[session].facts

    def advance(self, now: int) -> int:
        """Prices move, shelves are filled, and what was not confirmed in time is cancelled."""
        done = 0
        while self._next_change <= now:
            self._next_change += CHANGE_EVERY_NS
            for _ in range(CHANGES_AT_ONCE):
                self._change(self._product(self._stream.pick(self._skus)))
                done += 1
        if self._next_sweep <= now:
            self._next_sweep = now + SWEEP_EVERY_NS
            done += self._sweep(now)
        return done

    def orders(self) -> Iterator[Order]:
        """Every order, for audits and checkers."""
        return (row for _, row in self._store.rows("order"))

    def authorisations(self) -> Iterator[Authorisation]:
        return (row for _, row in self._store.rows("authorisation"))

    def products(self) -> Iterator[Product]:
        return (row for _, row in self._store.rows("product"))

    # What the guards say; None means that nothing is wrong.

    def _wrong(self, operation: str, visit: Visit, args: Args) -> str | None:
        rules = OPERATIONS[operation]
        if rules.facts_check is None:
            return None
        if any(args.get(name) is None for name in rules.arguments):
            return "argument_missing"
        return self._guards[rules.facts_check](visit, args)

    def _stock_short(self, visit: Visit, args: Args) -> str | None:
        product: Product | None = self._store.get("product", args["sku"])
        quantity = args["quantity"]
        if product is None or quantity < 1:
            return "no_such_product"
        mine = visit.reserved if visit.sku == product.sku else 0
        return None if product.stock - product.reserved + mine >= quantity else "out_of_stock"

    def _reservation_wrong(self, visit: Visit, args: Args) -> str | None:
        return None if visit.reserved and args["reservation_id"] == visit.reservation else "no_reservation"

    def _discount_wrong(self, visit: Visit, args: Args) -> str | None:
        if args["basket_id"] != visit.basket:
            return "not_your_basket"
        return None if 0 <= args["percent"] <= DISCOUNT_PERCENT_MAX else "against_policy"

    def _basket_wrong(self, visit: Visit, args: Args) -> str | None:
        if args["basket_id"] != visit.basket:
            return "not_your_basket"
        if args["total_minor"] != visit.total_minor:
            return "wrong_total"
        if visit.reserved == visit.quantity:
            return None
        return self._stock_short(visit, {"sku": visit.sku, "quantity": visit.quantity})

    def _mine(self, visit: Visit, args: Args) -> Order | None:
        number = args["order_id"]
        return self._order(number) if number in visit.orders else None

    def _change_wrong(self, visit: Visit, args: Args) -> str | None:
        order = self._mine(visit, args)
        if order is None:
            return "not_your_order"
        if order.state != "open" or args["quantity"] < 1:
            return "not_changeable"
        product = self._product(order.sku)
        spare = product.stock - product.reserved
        return None if args["quantity"] - order.quantity <= spare else "out_of_stock"

    def _cancel_wrong(self, visit: Visit, args: Args) -> str | None:
        order = self._mine(visit, args)
        if order is None:
            return "not_your_order"
        return None if order.state in ("open", "authorised") else "not_cancellable"

    def _amount_wrong(self, visit: Visit, args: Args) -> str | None:
        order = self._mine(visit, args)
        if order is None:
            return "not_your_order"
        if order.state != "open":
            return "not_payable"
        return None if args["amount_minor"] == order.total_minor else "wrong_total"

    def _held(self, visit: Visit, args: Args) -> Authorisation | None:
        held: Authorisation | None = self._store.get("authorisation", args["authorisation_id"])
        return held if held is not None and held.session == visit.number else None

    def _capture_wrong(self, visit: Visit, args: Args) -> str | None:
        held = self._held(visit, args)
        if held is None or held.state != "open":
            return "not_authorised"
        return None if 0 < args["amount_minor"] <= held.amount_minor else "over_authorised"

    def _void_wrong(self, visit: Visit, args: Args) -> str | None:
        held = self._held(visit, args)
        return None if held is not None and held.state == "open" else "not_authorised"

    def _refund_wrong(self, visit: Visit, args: Args) -> str | None:
        order = self._mine(visit, args)
        if order is None:
            return "not_your_order"
        left = order.captured_minor - order.refunded_minor
        return None if 0 < args["amount_minor"] <= left else "over_captured"

    def _credit_wrong(self, visit: Visit, args: Args) -> str | None:
        amount = args["amount_minor"]
        if not 0 < amount <= CREDIT_MINOR_MAX:
            return "against_policy"
        return None if visit.credit_minor + amount <= CREDIT_PER_SESSION_MINOR_MAX else "against_policy"

    def _unpaid(self, visit: Visit, args: Args) -> str | None:
        order = self._mine(visit, args)
        if order is None:
            return "not_your_order"
        return None if order.state in ("authorised", "captured") else "not_paid"

    def _shipment_wrong(self, visit: Visit, args: Args) -> str | None:
        mine = (self._order(number) for number in visit.orders)
        found = any(o is not None and o.tracking == args["tracking_number"] for o in mine)
        return None if found and args["tracking_number"] else "no_such_shipment"

    def _return_wrong(self, visit: Visit, args: Args) -> str | None:
        order = self._mine(visit, args)
        if order is None:
            return "not_your_order"
        return None if order.state == "captured" else "not_returnable"

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

    def _authorise(self, visit: Visit, args: Args, now: int) -> Result:
        order = self._order(args["order_id"])
        assert order is not None
        amount = args["amount_minor"]
        held = Authorisation(self._new("A"), order.id, visit.number, amount, now + CONFIRM_WITHIN_NS)
        self._store.put("authorisation", held.id, held)
        self._move("customers", "held", amount)
        order.state, order.authorisation = "authorised", held.id
        visit.facts.update(authorisation_id=held.id, authorised_minor=amount, transaction_id=held.id)
        self._keep(visit, order)
        return {"authorisation_id": held.id, "order_id": order.id, "amount_minor": amount}

    def _capture(self, visit: Visit, args: Args, now: int) -> Result:
        held = self._held(visit, args)
        assert held is not None
        amount = args["amount_minor"]
        self._move("held", "shop", amount)
        self._move("held", "customers", held.amount_minor - amount)  # what was not taken is let go
        held.captured_minor, held.state = amount, "captured"
        self._store.put("authorisation", held.id, held)
        order = self._order(held.order)
        assert order is not None
        order.state, order.captured_minor = "captured", amount
        self._ship_out(order)
        self._keep(visit, order)
        return {"authorisation_id": held.id, "order_id": order.id, "captured_minor": amount}

    def _void(self, visit: Visit, args: Args, now: int) -> Result:
        held = self._held(visit, args)
        assert held is not None
        self._let_go(held)
        order = self._order(held.order)
        assert order is not None
        order.state = "open"
        self._keep(visit, order)
        return {"authorisation_id": held.id, "order_id": order.id}

    def _refund(self, visit: Visit, args: Args, now: int) -> Result:
        order = self._order(args["order_id"])
        assert order is not None
        amount = args["amount_minor"]
        self._move("shop", "customers", amount)
        order.refunded_minor += amount
        self._keep(visit, order)
        number = self._new("F")
        visit.facts.update(refund_id=number, refunded_minor=amount, transaction_id=number)
        return {
            "order_id": order.id,
            "refund_id": number,
            "refunded_minor": amount,
        }

    def _credit(self, visit: Visit, args: Args, now: int) -> Result:
        amount = args["amount_minor"]
        self._move("shop", "credit", amount)
        visit.credit_minor += amount
        return {"credit_id": self._new("G"), "credit_minor": amount}

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
            carrier=self._stream.pick(CARRIERS),
        )  # fmt: skip
        self._move("customers", "shop", order.captured_minor)
        self._keep(visit, order)

    def _unreserve(self, visit: Visit) -> None:
        if visit.reserved:
            product = self._product(visit.sku)
            product.reserved -= visit.reserved
            self._store.put("product", product.sku, product)
            visit.reserved = 0

    def _ship_out(self, order: Order) -> None:
        """Captured: the goods leave the shelf."""
        product = self._product(order.sku)
        product.stock -= order.quantity
        product.reserved -= order.quantity
        self._store.put("product", product.sku, product)
        self._open_orders.pop(order.id, None)

    def _undo(self, order: Order) -> None:
        """Cancel an unfinished order: money and stock go back."""
        held: Authorisation | None = self._store.get("authorisation", order.authorisation)
        if held is not None and held.state == "open":
            self._let_go(held)
        product = self._product(order.sku)
        product.reserved -= order.quantity
        self._store.put("product", product.sku, product)
        order.state = "cancelled"
        self._store.put("order", order.id, order)
        self._open_orders.pop(order.id, None)

    def _let_go(self, held: Authorisation) -> None:
        self._move("held", "customers", held.amount_minor)
        held.state = "void"
        self._store.put("authorisation", held.id, held)

    def _move(self, source: str, target: str, amount: int) -> None:
        self.books[source] -= amount
        self.books[target] += amount

    def _change(self, product: Product) -> None:
        step = self._stream.between(-30, 30)
        product.price_minor = max(100, product.price_minor + product.price_minor * step // 1000)
        if product.stock < STOCK_LOW:
            product.stock = STOCK_FULL
        self._store.put("product", product.sku, product)

    def _sweep(self, now: int) -> int:
        """Confirm or cancel: what is unfinished for too long is undone."""
        late = [number for number, since in self._open_orders.items() if now - since >= CONFIRM_WITHIN_NS]
        for number in late:
            order = self._order(number)
            assert order is not None
            self._undo(order)
        return len(late)
