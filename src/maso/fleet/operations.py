"""The vocabulary that a fleet file shares with the worlds: operations, facts and kinds of text.

An *operation* is what happens outside the agents when an action is performed: a price is quoted, money is
captured, a note is filed. An action of a fleet names one; its schema must have the operation's arguments
by name and type (more fields are the fleet's own business), and the answer's schema may ask for any of
the answer's fields. A *fact* is what the world knows about a session (`order_id`, `total_minor`): schemas
name facts so that simulated traffic is about something, and the typed checks compare against them.

Not here: what an operation does (`worlds`, later the live stores), and which checks a fleet demands
(`endorsed_by` in the file).
"""

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

WorldName = Literal["shop", "desk", "ledger"]
FieldType = Literal["text", "id", "int", "money", "enum", "bool"]


class Argument(NamedTuple):
    """One required argument: the field type that a schema must give it, and the fact it honestly has."""

    type: FieldType
    fact: str | None = None


class Operation(NamedTuple):
    """One operation of one world.

    arguments     required, by name
    answer        fields that the world's answer has, by name; text fields are written by a generator
    facts_check   name of the typed check against the world's facts; None where there is nothing to check
    irreversible  cannot be undone by another operation
    moves_money   changes what the customer, the shop or the desk owns or owes
    lasting       leaves something behind that later operations of a session build on; false for mere reading
    """

    name: str
    world: WorldName
    arguments: dict[str, Argument]
    answer: dict[str, FieldType]
    facts_check: str | None = None
    irreversible: bool = False
    moves_money: bool = False
    lasting: bool = True


# What a shop knows about a session, by name: the type a field filled from it must have.
SHOP_FACTS: Final[dict[str, FieldType]] = {
    "customer_id": "id",
    "email": "text",
    "phone": "text",
    "customer_name": "text",
    "address": "text",
    "postcode": "id",
    "sku": "id",
    "product": "text",
    "quantity": "int",
    "price_minor": "money",
    "stock": "int",
    "basket_id": "id",
    "reservation_id": "id",
    "discount_percent": "int",
    "shipping_minor": "money",
    "total_minor": "money",
    "order_id": "id",
    "order_total_minor": "money",
    "authorisation_id": "id",
    "authorised_minor": "money",
    "captured_minor": "money",
    "refundable_minor": "money",
    "refund_minor": "money",
    "refund_id": "id",
    "refunded_minor": "money",
    "credit_minor": "money",
    "carrier": "id",
    "tracking_number": "id",
    "return_id": "id",
    "transaction_id": "id",
}

# What a desk knows about a task.
DESK_FACTS: Final[dict[str, FieldType]] = {
    "client_id": "id",
    "symbol": "id",
    "company": "text",
    "filing_id": "id",
    "subject": "id",
    "market_minor": "money",
    "limit_minor": "money",
    "quantity": "int",
    "side": "enum",
    "risk_score": "int",
    "verdict": "enum",
    "trade_id": "id",
    "settlement_minor": "money",
    "note_id": "id",
}

# Every world knows which session it is about.
COMMON_FACTS: Final[dict[str, FieldType]] = {"session_id": "id", "record_id": "id"}

FACTS: Final[dict[str, FieldType]] = {**SHOP_FACTS, **DESK_FACTS, **COMMON_FACTS}

SIDES: Final = ("buy", "sell")
VERDICTS: Final = ("cleared", "cleared_with_conditions", "escalated")


class Range(NamedTuple):
    """What a fact can be: characters of a text or id, the number of an int or money, the words of an enum."""

    low: int = 0
    high: int = 0
    words: tuple[str, ...] = ()


# A letter and a running number of seven digits; nine digits are more than any run counts up to.
_NUMBER: Final = Range(8, 10)
# The dearest product starts at 18,319; prices move by 1.7% a step and wander by a quarter in a day.
_PRICE: Final = Range(100, 30_000)
_BASKET: Final = Range(0, 90_000)  # three of the dearest; 0 where nothing is paid or left
_SECURITY: Final = Range(50, 60_000)  # starts below 30,000; moves by a tenth of a percent a step

# How long or large each fact can be in its world while messages say what their facts say. A schema's field
# must hold all of it, or honest messages would be refused; a test holds the worlds to it.
RANGES: Final[dict[WorldName, dict[str, Range]]] = {
    "shop": {
        "customer_id": _NUMBER,
        "email": Range(20, 40),
        "phone": Range(16, 16),
        "customer_name": Range(5, 50),
        "address": Range(20, 120),
        "postcode": Range(5, 5),
        "sku": Range(7, 7),
        "product": Range(7, 7),
        "quantity": Range(1, 3),
        "price_minor": _PRICE,
        "stock": Range(10, 5_000),
        "basket_id": _NUMBER,
        "reservation_id": _NUMBER,
        "discount_percent": Range(5, 10),
        "shipping_minor": Range(390, 1_290),
        "total_minor": _BASKET,
        "order_id": _NUMBER,
        "order_total_minor": _BASKET,
        "authorisation_id": _NUMBER,
        "authorised_minor": _BASKET,
        "captured_minor": _BASKET,
        "refundable_minor": _BASKET,
        "refund_minor": Range(0, 45_000),  # half of what is left
        "refund_id": _NUMBER,
        "refunded_minor": Range(0, 45_000),
        "credit_minor": Range(300, 999),
        "carrier": Range(7, 11),
        "tracking_number": _NUMBER,
        "return_id": _NUMBER,
        "transaction_id": _NUMBER,
    },
    "desk": {
        "client_id": Range(5, 5),
        "symbol": Range(4, 4),
        "company": Range(5, 40),
        "filing_id": Range(13, 13),
        "subject": Range(4, 4),
        "market_minor": _SECURITY,
        "limit_minor": _SECURITY,
        "quantity": Range(10, 500),
        "side": Range(words=SIDES),
        "risk_score": Range(1, 99),
        "verdict": Range(words=VERDICTS[:1]),  # an honest task clears; the others are for what a fleet finds
        "trade_id": _NUMBER,
        "settlement_minor": Range(500, 30_000_000),
        "note_id": _NUMBER,
        "record_id": _NUMBER,
    },
    "ledger": {"session_id": Range(2, 10), "record_id": _NUMBER},
}


# What answers have besides facts of their world.
_ANSWERED: Final[dict[str, Range]] = {
    "line_minor": _BASKET,
    "percent": Range(0, 15),
    "amount_minor": _BASKET,
    "credit_id": _NUMBER,
    "days": Range(0, 5),
    "volume": Range(10_000, 1_058_575),
    "pages": Range(12, 191),
    "settled_minor": Range(500, 30_000_000),
}
# In answers of the desk, `price_minor` is the price of a trade.
_TRADED: Final = {"price_minor": _SECURITY}


def answer_range(operation: Operation, name: str) -> Range | None:
    """What the operation's answer can have in this field; None for truth values."""
    known = {**_ANSWERED, **RANGES[operation.world], **(_TRADED if operation.world == "desk" else {})}
    return known.get(name)


def worlds_of(operations: Iterable[str], facts: Iterable[str]) -> tuple[WorldName, ...]:
    """The worlds that a fleet with these operations and facts runs in, in the order in which they tell."""
    homes = {OPERATIONS[name].world for name in operations if name in OPERATIONS}
    named = set(facts)
    shop = "shop" in homes or bool(named & (SHOP_FACTS.keys() - DESK_FACTS.keys()))
    desk = "desk" in homes or bool(named & (DESK_FACTS.keys() - SHOP_FACTS.keys()))
    worlds: list[WorldName] = ["ledger"]
    return tuple(worlds + ["shop"] * shop + ["desk"] * desk)


def range_of(fact: str, worlds: Iterable[WorldName]) -> Range | None:
    """What the first of these worlds that knows the fact makes of it; None where nobody knows it."""
    return next((RANGES[world][fact] for world in worlds if fact in RANGES[world]), None)


# The generators of `text.py`: what a text field of a schema may name in `text`.
TEXTS: Final = (
    "question",  # what a shopper asks
    "product",  # a product description, as a retrieval answers
    "advice",  # what a sales adviser says
    "complaint",  # what an unhappy customer writes
    "reply",  # what support answers
    "order_note",  # what is noted on an order or basket
    "address",  # a postal address
    "name",  # a person's name
    "contact",  # a name with an e-mail address and a telephone number
    "carrier",  # a carrier's status line
    "payment",  # what a payment agent says about a payment, without cardholder data
    "research",  # an analyst's note
    "filing",  # an excerpt of a filing
    "market",  # a market comment
    "risk",  # a risk assessor's note
    "compliance",  # a compliance reviewer's note
    "report",  # a section of a compiled report
    "task",  # what one agent asks of another
    "status",  # a short line of progress or of a monitor
    "news",  # a web page's paragraph
)


def _operation(
    name: str,
    arguments: dict[str, Argument],
    answer: dict[str, FieldType],
    facts_check: str | None = None,
    *,
    irreversible: bool = False,
    moves_money: bool = False,
    lasting: bool = True,
) -> Operation:
    world, _, rest = name.partition(".")
    assert world in ("shop", "desk") or not rest
    home: WorldName = "shop" if world == "shop" else "desk" if world == "desk" else "ledger"
    return Operation(name, home, arguments, answer, facts_check, irreversible, moves_money, lasting)


_SKU: Final = Argument("id", "sku")
_QUANTITY: Final = Argument("int", "quantity")
_ORDER: Final = Argument("id", "order_id")
_AUTHORISATION: Final = Argument("id", "authorisation_id")
_SUBJECT: Final = Argument("id", "subject")

_SHOP: Final = (
    _operation(
        "shop.search",
        {"query": Argument("text")},
        {"sku": "id", "price_minor": "money", "stock": "int"},
        lasting=False,
    ),
    _operation(
        "shop.price_quote",
        {"sku": _SKU, "quantity": _QUANTITY},
        {"sku": "id", "quantity": "int", "price_minor": "money", "line_minor": "money"},
        lasting=False,
    ),
    _operation(
        "shop.stock_reserve",
        {"sku": _SKU, "quantity": _QUANTITY},
        {"reservation_id": "id", "basket_id": "id", "total_minor": "money"},
        "stock",
    ),
    _operation(
        "shop.stock_release",
        {"reservation_id": Argument("id", "reservation_id")},
        {"quantity": "int", "total_minor": "money"},
        "reservation",
    ),
    _operation(
        "shop.discount_apply",
        {"basket_id": Argument("id", "basket_id"), "percent": Argument("int", "discount_percent")},
        {"basket_id": "id", "percent": "int", "total_minor": "money"},
        "discount_policy",
        moves_money=True,
    ),
    _operation(
        "shop.order_create",
        {"basket_id": Argument("id", "basket_id"), "total_minor": Argument("money", "total_minor")},
        {"order_id": "id", "total_minor": "money"},
        "basket_total",
        moves_money=True,
    ),
    _operation(
        "shop.order_change",
        {"order_id": _ORDER, "quantity": _QUANTITY},
        {"order_id": "id", "total_minor": "money"},
        "order_changeable",
        moves_money=True,
    ),
    _operation(
        "shop.order_cancel", {"order_id": _ORDER}, {"order_id": "id"}, "order_cancellable", irreversible=True
    ),
    _operation(
        "shop.payment_authorise",
        {"order_id": _ORDER, "amount_minor": Argument("money", "order_total_minor")},
        {"authorisation_id": "id", "order_id": "id", "amount_minor": "money"},
        "order_total",
        moves_money=True,
    ),
    _operation(
        "shop.payment_capture",
        {"authorisation_id": _AUTHORISATION, "amount_minor": Argument("money", "authorised_minor")},
        {"authorisation_id": "id", "order_id": "id", "captured_minor": "money"},
        "authorised_amount",
        irreversible=True,
        moves_money=True,
    ),
    _operation(
        "shop.payment_void",
        {"authorisation_id": _AUTHORISATION},
        {"authorisation_id": "id", "order_id": "id"},
        "authorisation_open",
        irreversible=True,
        moves_money=True,
    ),
    _operation(
        "shop.payment_refund",
        {"order_id": _ORDER, "amount_minor": Argument("money", "refund_minor")},
        {"order_id": "id", "refund_id": "id", "refunded_minor": "money"},
        "captured_amount",
        irreversible=True,
        moves_money=True,
    ),
    _operation(
        "shop.credit_issue",
        {"amount_minor": Argument("money", "credit_minor")},
        {"credit_id": "id", "credit_minor": "money"},
        "credit_policy",
        irreversible=True,
        moves_money=True,
    ),
    _operation(
        "shop.carrier_quote",
        {"postcode": Argument("id", "postcode")},
        {"carrier": "id", "shipping_minor": "money", "days": "int"},
        lasting=False,
    ),
    _operation(
        "shop.carrier_book",
        {"order_id": _ORDER},
        {"order_id": "id", "carrier": "id", "tracking_number": "id"},
        "order_paid",
        irreversible=True,
    ),
    _operation(
        "shop.carrier_track",
        {"tracking_number": Argument("id", "tracking_number")},
        {"tracking_number": "id", "carrier": "id", "days": "int"},
        "shipment",
        lasting=False,
    ),
    _operation(
        "shop.address_check",
        {"address": Argument("text", "address")},
        {"deliverable": "bool", "postcode": "id"},
        lasting=False,
    ),
    _operation(
        "shop.return_open", {"order_id": _ORDER}, {"order_id": "id", "return_id": "id"}, "order_returnable"
    ),
)

_DESK: Final = (
    _operation(
        "desk.market_read",
        {"symbol": Argument("id", "symbol")},
        {"symbol": "id", "market_minor": "money", "volume": "int"},
    ),
    _operation(
        "desk.filing_read",
        {"filing_id": Argument("id", "filing_id")},
        {"filing_id": "id", "symbol": "id", "pages": "int"},
    ),
    _operation(
        "desk.research_publish", {"subject": _SUBJECT}, {"note_id": "id"}, "sourced", irreversible=True
    ),
    _operation(
        "desk.risk_record", {"subject": _SUBJECT, "score": Argument("int", "risk_score")}, {"record_id": "id"}
    ),
    _operation(
        "desk.compliance_record",
        {"subject": _SUBJECT, "verdict": Argument("enum", "verdict")},
        {"record_id": "id"},
    ),
    _operation(
        "desk.order_place",
        {
            "symbol": Argument("id", "symbol"),
            "side": Argument("enum", "side"),
            "quantity": _QUANTITY,
            "limit_minor": Argument("money", "limit_minor"),
        },
        {"trade_id": "id", "price_minor": "money", "settlement_minor": "money"},
        "trade_limits",
        irreversible=True,
        moves_money=True,
    ),
    _operation(
        "desk.order_cancel", {"trade_id": Argument("id", "trade_id")}, {"trade_id": "id"}, "trade_open"
    ),
    _operation(
        "desk.settle",
        {"trade_id": Argument("id", "trade_id"), "amount_minor": Argument("money", "settlement_minor")},
        {"trade_id": "id", "settled_minor": "money"},
        "trade_amount",
        irreversible=True,
        moves_money=True,
    ),
)

OPERATIONS: Final[dict[str, Operation]] = {
    op.name: op for op in (*_SHOP, *_DESK, _operation("record", {}, {"record_id": "id"}, lasting=False))
}
