"""What a journey tells out of a guarded compartment: `maso check` says what the plane then decides."""

from collections import Counter

import pytest

from maso.fleet.load import load, load_fleet
from maso.fleet.model import Fleet
from maso.fleet.starter import TEMPLATE
from maso.fleet.telling import How, untold_in
from maso.fleet.warnings import warnings_of
from maso.plane.effects import Deliver, Refuse
from sim.test_driver import Witness, run_of

RESULT = "      amount_minor: {type: money, max: 50000, fact: refund_minor}\n  - id: search"
# The request names the order, and no amount any more.
CASE = "  - id: case\n    fields:\n      order_id: {type: id, max: 12, fact: order_id}\n"
MUTE = (
    ("  - id: report\n", f"{CASE}  - id: report\n"),
    ("schema: refund_request, kinds: [delegation]", "schema: case, kinds: [delegation]"),
)


def changed(*changes: tuple[str, str]) -> str:
    text = TEMPLATE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def result(field: str) -> tuple[str, str]:
    return RESULT, f"      {field}\n  - id: search"


def loaded(text: str) -> Fleet:
    fleet = load(text).fleet
    assert fleet is not None
    return fleet


def run(fleet: Fleet) -> tuple[int, list[bytes]]:
    """Two hours: messages refused as never received, and payloads delivered."""
    witness = Witness()
    run_of(fleet, 4, 120, watchers=[witness]).run()
    codes = Counter(f.reason.code for e in witness.effects if isinstance(e, Refuse) for f in e.findings)
    return codes["DP-2.5/not-received"], [e.payload for e in witness.effects if isinstance(e, Deliver)]


def reports(payloads: list[bytes]) -> list[bytes]:
    return [payload for payload in payloads if b'"status"' in payload]


@pytest.mark.parametrize("name", ["ecommerce-10k", "fleet-100", "research-5"])
def test_built_in_fleets_tell_what_they_received(name: str) -> None:
    assert list(untold_in(load_fleet(name)[0])) == []


def test_what_was_told_passes() -> None:
    fleet = loaded(TEMPLATE)
    assert list(untold_in(fleet)) == []
    never, payloads = run(fleet)
    assert never == 0
    assert len(reports(payloads)) > 8


def test_a_value_that_nothing_stands_in_for_is_a_mistake() -> None:
    mistakes = load(changed(*MUTE)).mistakes
    assert [m.what for m in mistakes] == [
        "`cashier` sheds bank_data and has received no number that it may tell as `amount_minor`"
    ]
    legal = "a number sent to `cashier` before, from outside of it; or none in `refund_result`"
    assert mistakes[0].legal == legal


def test_one_that_is_left_out_sometimes_is_a_warning_and_refused_when_it_is_not() -> None:
    fleet = loaded(changed(*MUTE, result("slip: {type: int, min: 1, max: 900, optional: true}")))
    (found,) = untold_in(fleet)
    assert (found.journey, found.flow) == ("refund", "cashier > front_desk")
    assert (found.untold.field, found.untold.how) == ("slip", How.NOTHING)
    (where,) = next(w.where for w in warnings_of(fleet) if w.id == "not-received")
    assert where == "refund, cashier > front_desk: slip, and nothing of its kind"
    never, payloads = run(fleet)
    assert never > 4
    assert all(b'"slip":null' in payload for payload in reports(payloads))


def test_another_of_its_kind_stands_in_for_what_was_never_received() -> None:
    """The message passes, and names the order where it should name the transaction."""
    fleet = loaded(changed(result("booking: {type: id, max: 12, fact: transaction_id}")))
    (found,) = untold_in(fleet)
    assert (found.untold.field, found.untold.fact, found.untold.how) == (
        "booking",
        "transaction_id",
        How.ANOTHER,
    )
    never, payloads = run(fleet)
    told = [payload.split(b'"booking":"')[1].split(b'"')[0] for payload in reports(payloads)]
    assert never == 0
    assert len(told) > 8
    asked = b"".join(payload for payload in payloads if b'"order_id"' in payload)
    assert all(value in asked for value in told)
