"""Invariant 6: cardholder data stays with those who are cleared for it, and out of every record.

Knows the numbers that were really planted: those that honest payment forms deliver (read off the payloads in
whose schema a card may stand), and every form in which an adversary wrote one. Looks in everything that is
let out to anybody not cleared, and in every byte recorded: for the digits of all of them where they stand in
a row, and for each session's own, also with anything between the digits and in every other form planted.
"""

import re
from typing import Final

from maso.plane.effects import Deliver
from maso.sim.checkers.release import Release
from maso.sim.checkers.turn import Declared, Turn

_NOT_DIGITS: Final = bytes(set(range(256)) - set(b"0123456789"))
# Every digit becomes 0, so that a row of digits is found by one search for zeros: 0.6 us for 1 KB where a
# regular expression takes 6.
_ZEROED: Final = bytes(48 if 48 <= i < 58 else i for i in range(256))
_ROW: Final = b"0" * 13
_DIGITS: Final = re.compile(rb"[0-9]{13,}")
_LENGTHS: Final = (13, 14, 15, 16, 17, 18, 19)
# The shortest and the longest card number of any network.
_SHORTEST: Final = 13
_CARD_FIELD: Final = re.compile(rb'"([0-9][0-9 \-]{11,29})"')


class CardholderData:
    invariant = 6
    name = "cardholder data stays in payment"
    covers = (
        "no card number that was planted, by an honest form or by an adversary, reached a type or port not"
        " cleared for it: as a row of digits in any session, and in its own session in every form planted and"
        " with anything between the digits; and none stands in the bytes of a record"
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
        self._numbers: set[bytes] = set()  # of all sessions: membership only
        self._forms: dict[int, list[bytes]] = {}  # by session: digits and every other form

    def plant(self, session: int, forms: tuple[bytes, ...]) -> None:
        """An adversary wrote a card number in these forms into this session."""
        held = self._forms.setdefault(session, [])
        for form in forms:
            if form.isdigit() and len(form) >= _SHORTEST:
                self._numbers.add(form)
            if form not in held:
                held.append(form)

    def turn(self, turn: Turn) -> str:
        return ""

    def recorded(self, body: bytes, session: int) -> str:
        """Look at the bytes of one record."""
        if _ROW in body.translate(_ZEROED) and self._in_a_run(body):
            return "the digits of a planted card number stand in a record"
        forms = self._forms.get(session)
        if forms is not None and any(form in body for form in forms):
            return "a planted form of a card number stands in a record"
        return ""

    def released(self, r: Release) -> str:
        effect, recipient = r.effect, r.recipient
        if recipient is None or r.sender is None:
            return ""
        payload = effect.payload
        if (r.sender.type, recipient.type) in self._forms_enter and isinstance(effect, Deliver):
            self._learn(effect.session, payload)
        if self._cleared[recipient.type]:
            return ""
        if _ROW in payload.translate(_ZEROED) and self._in_a_run(payload):
            return f"a card number was let out to {recipient.type}"
        forms = self._forms.get(effect.session)
        if forms is None:
            return ""
        digits = payload.translate(None, _NOT_DIGITS)
        if any(form in payload or form in digits for form in forms):
            return f"a card number in some form was let out to {recipient.type}"
        return ""

    def _learn(self, session: int, payload: bytes) -> None:
        for match in _CARD_FIELD.finditer(payload):
            self.plant(session, (match[1].translate(None, b" -"),))

    def _in_a_run(self, content: bytes) -> bool:
        """Whether an unbroken run of digits holds a number planted in any session."""
        for match in _DIGITS.finditer(content):
            run = match[0]
            for length in _LENGTHS:
                for at in range(len(run) - length + 1):
                    if run[at : at + length] in self._numbers:
                        return True
        return False
