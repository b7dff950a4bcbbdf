"""The payment gateway: another company's books, keyed by the caller's keys, on a store of its own.

Every call has a key; the same key with the same call is answered as before and changes nothing, with another
call it is refused. Nothing of ours is believed:

    authorise  holds an amount for an order
    capture    takes it, of an authorisation's key: at most what is held, once
    void       lets it go: of what is held and not captured; again it is done
    refund     gives back, of an order's captures: at most what was taken and not given back
    cancel     forbids a key for good where it was never seen, and says how it stands where it was
    history    an order that was paid before these books began

`cancel` is what makes a sweep final: a call that is still under way somewhere arrives at a tombstone.

Money is in integer minor units. Simplified: one currency, it approves every honest payment, and `history` is
believed. How slow, silent or broken it is, is for whoever drives it.
"""

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from maso.resilience.reconcile import Answer
from maso.worlds.base import Store


class Verb(StrEnum):
    AUTHORISE = "authorise"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"
    CANCEL = "cancel"
    HISTORY = "history"


class Call(NamedTuple):
    """`target` is an order (authorise, refund, history) or the key of an authorisation (capture, void)."""

    verb: Verb
    key: str
    target: str
    amount_minor: int


class Hold(msgspec.Struct):
    """An authorisation, under its call's key. state: open, captured, void."""

    key: str
    order: str
    amount_minor: int
    captured_minor: int = 0
    state: str = "open"


class Account(msgspec.Struct):
    """What was taken for an order, and given back."""

    order: str
    captured_minor: int = 0
    refunded_minor: int = 0


# What is noted of a call: verb, target, amount, answer.
Noted = tuple[str, str, int, str]


class Gateway:
    """The books. `call` does one thing or says why not; it never raises for what a caller says."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._do: Final[dict[Verb, Callable[[Call], bool]]] = {
            Verb.AUTHORISE: self._authorise,
            Verb.CAPTURE: self._capture,
            Verb.VOID: self._void,
            Verb.REFUND: self._refund,
            Verb.HISTORY: self._history,
        }

    def call(self, call: Call) -> Answer:
        noted: Noted | None = self._store.get("call", call.key)
        if call.verb is Verb.CANCEL:
            if noted is not None:
                return Answer(noted[3])
            self._note(call, Answer.CANCELLED)
            return Answer.CANCELLED
        if noted is not None:
            before = Answer(noted[3])
            same = noted[:3] == (call.verb, call.target, call.amount_minor)
            return before if same or before is Answer.CANCELLED else Answer.REFUSED
        answer = Answer.DONE if self._do[call.verb](call) else Answer.REFUSED
        self._note(call, answer)
        return answer

    def holds(self) -> Iterator[Hold]:
        """Every authorisation, for audits."""
        return (row for _, row in self._store.rows("hold"))

    def accounts(self) -> Iterator[Account]:
        return (row for _, row in self._store.rows("account"))

    def calls(self) -> Iterator[tuple[str, Noted]]:
        """Every key that was ever seen, with what became of it."""
        return self._store.rows("call")

    def _note(self, call: Call, answer: Answer) -> None:
        row: Noted = (call.verb.value, call.target, call.amount_minor, answer.value)
        self._store.put("call", call.key, row)

    def _authorise(self, call: Call) -> bool:
        if call.amount_minor <= 0:
            return False
        self._store.put("hold", call.key, Hold(call.key, call.target, call.amount_minor))
        return True

    def _capture(self, call: Call) -> bool:
        hold: Hold | None = self._store.get("hold", call.target)
        if hold is None or hold.state != "open" or not 0 < call.amount_minor <= hold.amount_minor:
            return False
        hold.state, hold.captured_minor = "captured", call.amount_minor
        self._store.put("hold", hold.key, hold)
        account = self._account(hold.order)
        account.captured_minor += call.amount_minor
        self._store.put("account", hold.order, account)
        return True

    def _void(self, call: Call) -> bool:
        hold: Hold | None = self._store.get("hold", call.target)
        if hold is None or hold.state == "captured":
            return False
        hold.state = "void"
        self._store.put("hold", hold.key, hold)
        return True

    def _refund(self, call: Call) -> bool:
        account = self._account(call.target)
        if not 0 < call.amount_minor <= account.captured_minor - account.refunded_minor:
            return False
        account.refunded_minor += call.amount_minor
        self._store.put("account", call.target, account)
        return True

    def _history(self, call: Call) -> bool:
        account = self._account(call.target)
        account.captured_minor += call.amount_minor
        self._store.put("account", call.target, account)
        return True

    def _account(self, order: str) -> Account:
        account: Account | None = self._store.get("account", order)
        return Account(order) if account is None else account
