"""Where every session is, so that it can go on later: one row each, in the same batches as the books.

    place   of a session that goes on: its journey, its step, what it was doing, its basket and orders
    kept    of one that was ended, for later: its place, and how that is known

A place is written when its step changes, and goes into the batch of what changed with it. So after a
`kill -9` the last committed step of every session is there. Whoever ends a session knows its place exactly
(`ended`); whoever settles what a killed platform left takes what was committed last (`last committed`), and
`as_of_ns` says when that was. By ids and never by names: who a customer is, and where they live, they say
again. What an agent had been told ends with it.

What a session does again when it comes back (`todo`): the delegations, since a plane begins without any, and
what a settlement undoes because nobody had finished it. What was finished is never done twice; an action
that was under way is finished if the books have it under its key.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from maso.journeys.scripts import Move, What
from maso.live.stores import BatchedStore
from maso.worlds.base import Store

PLACE: Final = "place"
KEPT: Final = "kept"
ENDED: Final = "ended"
LAST_COMMITTED: Final = "last committed"

# What a settlement takes back as long as it is not followed by what finishes it.
BEGINS: Final = frozenset(
    (
        "shop.stock_reserve",
        "shop.discount_apply",
        "shop.order_create",
        "shop.order_change",
        "shop.payment_authorise",
    )
)
FINISHES: Final = frozenset(("shop.stock_release", "shop.order_cancel", "shop.payment_capture"))


def keep_all(store: Store, how: str, as_of_ns: int) -> int:
    """Every place becomes a kept session. Returns how many are kept now, these and earlier ones."""
    for session, row in store.rows(PLACE):
        store.put(KEPT, session, {**row, "how": how, "as_of_ns": as_of_ns})
        store.delete(PLACE, session)
    return sum(1 for _ in store.rows(KEPT))


def take_kept(store: BatchedStore) -> dict[int, dict[str, Any]]:
    """The sessions that come back, by number; they are kept until each of them has a place again."""
    return {int(session): row for session, row in sorted(store.rows(KEPT), key=lambda one: int(one[0]))}


def step_of(store: Store, row: Mapping[str, Any]) -> int:
    """The next step of a session that comes back: past what it was doing, if the books have it as done."""
    doing = row.get("doing", "")
    payment = store.get("payment", doing) if doing else None
    if payment is not None:
        return int(row["step"]) + int(payment.state == "done")
    done = bool(doing) and store.get("once", doing) is not None
    return int(row["step"]) + done


def todo(moves: Sequence[Move], step: int) -> frozenset[int]:
    """Numbers of the moves before `step` that have to be made again."""
    delegations: list[int] = []
    begun: list[int] = []
    confirmed: dict[str, int] = {}  # by the customer, and not yet acted upon: a plane begins without any
    for number, move in enumerate(moves[:step]):
        if move.delegated:
            delegations.append(number)
        if move.action is None:
            continue
        operation = move.action.operation
        if move.what is What.CONFIRM:
            confirmed[operation] = number
        else:
            confirmed.pop(operation, None)
        if operation in BEGINS:
            begun.append(number)
        elif operation in FINISHES and move.what is What.ACT:
            begun.clear()
    return frozenset((*delegations, *begun, *confirmed.values()))
