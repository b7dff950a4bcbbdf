"""What the shop checks before it does anything: the typed check of EC-2.6 against its own rows.

One guard for each `facts_check` of an operation; it says in a fixed word what is wrong, or None.
"""

from collections.abc import Callable
from typing import Final

from maso.fleet.operations import OPERATIONS
from maso.worlds.base import Args, Store
from maso.worlds.shop_rows import Authorisation, Order, Product, Visit

DISCOUNT_PERCENT_MAX: Final = 15
CREDIT_MINOR_MAX: Final = 2_500
CREDIT_PER_SESSION_MINOR_MAX: Final = 5_000


class Guards:
    """The guards over one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_check: Final[dict[str, Callable[[Visit, Args], str | None]]] = {
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

    def wrong(self, operation: str, visit: Visit, args: Args) -> str | None:
        rules = OPERATIONS[operation]
        if rules.facts_check is None:
            return None
        if any(args.get(name) is None for name in rules.arguments):
            return "argument_missing"
        return self._by_check[rules.facts_check](visit, args)

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
        if order.state != "open" or order.pending or args["quantity"] < 1:
            return "not_changeable"
        product: Product = self._store.get("product", order.sku)
        spare = product.stock - product.reserved
        return None if args["quantity"] - order.quantity <= spare else "out_of_stock"

    def _cancel_wrong(self, visit: Visit, args: Args) -> str | None:
        order = self._mine(visit, args)
        if order is None:
            return "not_your_order"
        free = order.state in ("open", "authorised") and not order.pending
        return None if free else "not_cancellable"

    def _amount_wrong(self, visit: Visit, args: Args) -> str | None:
        order = self._mine(visit, args)
        if order is None:
            return "not_your_order"
        if order.state != "open" or order.pending:
            return "not_payable"
        return None if args["amount_minor"] == order.total_minor else "wrong_total"

    def held(self, visit: Visit, args: Args) -> Authorisation | None:
        held: Authorisation | None = self._store.get("authorisation", args["authorisation_id"])
        if held is None or held.session != visit.number:
            return None
        order = self._order(held.order)
        return held if order is not None and not order.pending and order.state != "cancelled" else None

    def _capture_wrong(self, visit: Visit, args: Args) -> str | None:
        held = self.held(visit, args)
        if held is None or held.state != "open":
            return "not_authorised"
        return None if 0 < args["amount_minor"] <= held.amount_minor else "over_authorised"

    def _void_wrong(self, visit: Visit, args: Args) -> str | None:
        held = self.held(visit, args)
        return None if held is not None and held.state == "open" else "not_authorised"

    def _refund_wrong(self, visit: Visit, args: Args) -> str | None:
        order = self._mine(visit, args)
        if order is None:
            return "not_your_order"
        left = 0 if order.pending else order.captured_minor - order.refunded_minor
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

    def _order(self, number: str) -> Order | None:
        order: Order | None = self._store.get("order", number)
        return order
