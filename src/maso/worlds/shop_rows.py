"""The rows of the shop's tables: products, reservations, orders, authorisations, payments; and a visit."""

from typing import Any

import msgspec


class Product(msgspec.Struct):
    """What is on the shelf is all that was ever put there, less what was shipped."""

    sku: str
    price_minor: int
    stock: int
    reserved: int = 0
    filled: int = 0
    shipped: int = 0


class Reservation(msgspec.Struct):
    """Stock held for a basket that nobody has ordered yet; gone with the order or the release."""

    id: str
    session: int
    sku: str
    quantity: int


class Order(msgspec.Struct):
    """state: open, authorised, captured, cancelled. `pending` is the key of the payment under way.

    earlier  bought, paid and shipped before this run: no stock of it was ever counted here
    """

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
    pending: str = ""
    earlier: bool = False

    @property
    def total_minor(self) -> int:
        return total_of(self.price_minor, self.quantity, self.discount_percent)


class Authorisation(msgspec.Struct):
    """state: open, captured, void. `key` is the gateway's name for it."""

    id: str
    order: str
    session: int
    amount_minor: int
    expires: int
    captured_minor: int = 0
    state: str = "open"
    key: str = ""


class Payment(msgspec.Struct):
    """One call to the gateway. state: asked, then done, refused, cancelled, or listed for a person."""

    key: str
    verb: str
    session: int
    order: str
    authorisation: str
    amount_minor: int
    state: str = "asked"


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
