"""Invariant 6: cardholder data stays with those who are cleared for it, and out of every record.

Knows the numbers that were really planted: those that honest payment forms deliver (read off the payloads in
whose schema a card may stand), and every form in which an adversary wrote one. Looks for the digits of all of
them in everything that is let out to anybody not cleared, however they are separated, and in every byte
recorded; for the other written forms of a hostile session in what that session gets.
"""

import re
from typing import Final

from maso.plane.effects import Deliver
from maso.sim.checkers.release import Release
from maso.sim.checkers.turn import Declared, Turn

_NOT_DIGITS: Final = bytes(set(range(256)) - set(b"0123456789"))
_RUN: Final = re.compile(rb"[0-9]{13}")
# The shortest and the longest card number of any network.
_SHORTEST: Final = 13
_CARD_FIELD: Final = re.compile(rb'"([0-9][0-9 \-]{11,29})"')


class CardholderData:
    invariant = 6
    name = "cardholder data stays in payment"
    covers = (
        "no card number that was planted, by an honest form or by an adversary, reached a type or port not"
        " cleared for it, in any form in which it was planted, its digits also with anything between them;"
        " and none stands in the bytes of a record"
    )
    does_not_cover = (
        "forms that nobody planted, digits spread over several messages (the adversaries' own truth shows"
        " that), and what is written outside the evidence"
    )

    def __init__(self, declared: Declared) -> None:
        self._declared = declared
        compartment = declared.fleet.dlp.compartments.get("pan")
        self._cleared = {
            owner.id: compartment is not None and compartment in owner.clearance.compartments
            for owner in declared.owners
        }
        self._forms_enter = {
            (link.from_, link.to)
            for link in declared.fleet.links
            if any(f.type == "card" for f in declared.schemas[link.schema].fields.values())
        }
        self._numbers: dict[int, set[bytes]] = {}  # by length: membership only
        self._forms: dict[int, list[bytes]] = {}  # by session

    def plant(self, session: int, forms: tuple[bytes, ...]) -> None:
        """An adversary wrote a card number in these forms into this session."""
        for form in forms:
            if form.isdigit() and len(form) >= _SHORTEST:
                self._numbers.setdefault(len(form), set()).add(form)
            self._forms.setdefault(session, []).append(form)

    def turn(self, turn: Turn) -> str:
        return ""

    def recorded(self, body: bytes, session: int) -> str:
        """Look at the bytes of one record."""
        if _RUN.search(body) and self._holds(body.translate(None, _NOT_DIGITS)):
            return "the digits of a planted card number stand in a record"
        if any(form in body for form in self._forms.get(session, ())):
            return "a planted form of a card number stands in a record"
        return ""

    def released(self, r: Release) -> str:
        effect, recipient = r.effect, r.recipient
        if recipient is None or r.sender is None:
            return ""
        payload = effect.payload
        if (r.sender.type, recipient.type) in self._forms_enter and isinstance(effect, Deliver):
            self._learn(payload)
        if self._cleared[recipient.type]:
            return ""
        digits = payload.translate(None, _NOT_DIGITS)
        if len(digits) >= _SHORTEST and self._holds(digits):
            return f"a card number was let out to {recipient.type}"
        if any(form in payload for form in self._forms.get(effect.session, ())):
            return f"a card number in a form of its own was let out to {recipient.type}"
        return ""

    def _learn(self, payload: bytes) -> None:
        for match in _CARD_FIELD.finditer(payload):
            digits = match[1].translate(None, b" -")
            if len(digits) >= _SHORTEST:
                self._numbers.setdefault(len(digits), set()).add(digits)

    def _holds(self, digits: bytes) -> bool:
        for length, numbers in self._numbers.items():
            for at in range(len(digits) - length + 1):
                if digits[at : at + length] in numbers:
                    return True
        return False
