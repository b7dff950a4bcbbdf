"""The rows of the shop's tables: products, orders, authorisations, and the visit of one session."""

from typing import Any

import msgspec


class Product(msgspec.Struct):
    sku: str
    price_minor: int
    stock: int
    reserved: int = 0


class Order(msgspec.Struct):
    """state: open, authorised, captured, cancelled."""

    id: str
    session: int
    sku: str
    quantity: int
    price_minor: int
    discount_percent: int
    created: int
    state: str = "open"
    authorisation: str = ""
    captured_minor: int = 0
    refunded_minor: int = 0
    tracking: str = ""
    carrier: str = ""
    return_id: str = ""

    @property
    def total_minor(self) -> int:
        return total_of(self.price_minor, self.quantity, self.discount_percent)


class Authorisation(msgspec.Struct):
    """state: open, captured, void."""

    id: str
    order: str
    session: int
    amount_minor: int
    expires: int
    captured_minor: int = 0
    state: str = "open"


class Visit(msgspec.Struct):
    """One session's basket and what it was about; `owned` are orders it may act on."""

    number: int
    facts: dict[str, Any]
    basket: str
    sku: str
    quantity: int
    price_minor: int
    discount_percent: int = 0
    reservation: str = ""
    reserved: int = 0
    credit_minor: int = 0
    orders: tuple[str, ...] = ()

    @property
    def total_minor(self) -> int:
        return total_of(self.price_minor, self.quantity, self.discount_percent)


def total_of(price_minor: int, quantity: int, discount_percent: int) -> int:
    """Rounded down to the minor unit, in the customer's favour."""
    return price_minor * quantity * (100 - discount_percent) // 100
