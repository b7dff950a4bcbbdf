"""What the walk through a journey knows of the plane: labels, ceilings, endorsements, values to tell."""

from maso.fleet.load import load
from maso.fleet.starter import TEMPLATE

REFUND = """    - id: refund
      share: 0.2
      steps:
"""


def told(steps: list[str], *changes: tuple[str, str]) -> list[str]:
    """The mistakes of the starter with another second journey."""
    head, _, rest = TEMPLATE.partition(REFUND)
    text = (
        head + REFUND + "".join(f"        - {step}\n" for step in steps) + rest[rest.index("\nshutdown:") :]
    )
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return [m.what for m in load(text).mistakes]


ASK = "{from: chat, to: front_desk}"
DELEGATE = "{from: front_desk, to: cashier, kind: delegation, delegate: [refund.pay]}"
CONFIRM = "{confirm: refund.pay}"
PAY = "{from: cashier, action: refund.pay, under: front_desk}"
TELL = "{from: cashier, to: front_desk}"


def test_the_honest_refund_goes_through():
    assert told([ASK, DELEGATE, CONFIRM, PAY, TELL]) == []


def test_an_agents_own_idea_needs_every_endorser_too():
    assert told([DELEGATE, PAY]) == ["`refund.pay` needs the customer"]
    assert told([DELEGATE, CONFIRM, PAY]) == []


def test_a_confirmation_works_once():
    assert told([ASK, DELEGATE, CONFIRM, PAY, PAY]) == ["`refund.pay` needs the customer"]
    assert told([ASK, DELEGATE, CONFIRM, PAY[:-1] + ", repeat: 2}"]) == ["a confirmation works once"]


def test_a_compartment_is_carried_from_the_moment_it_was_received():
    free = (
        "    schema: refund_result\n    declassify: [bank_data]\n    owner: head of finance",
        "    schema: refund_result",
    )
    silent = ("    dlp: {iban: refuse}\n", "")
    comment = ("   # somebody answers for every declassification", "")
    words = "`cashier` holds bank_data by now, and `front_desk` is not cleared for it"
    assert told([ASK, DELEGATE, TELL], free, silent, comment) == []
    assert told([ASK, DELEGATE, CONFIRM, PAY, TELL], free, silent, comment) == [words]


def test_who_was_delegated_to_acts_for_the_delegator():
    able = ("    actions: [refund.pay]\n", "    actions: [refund.pay, customer.answer]\n")
    port = ("compartments: [personal]}\n    external", "compartments: [personal, bank_data]}\n    external")
    narrow = "`cashier` acts for somebody by now who may not do `customer.answer`"
    assert told(["{from: cashier, action: customer.answer}"], able, port) == []
    assert told([DELEGATE, "{from: cashier, action: customer.answer}"], able, port) == [narrow]


def test_out_of_a_guarded_compartment_only_ids_leave_that_came_in_from_outside():
    with_id = (
        "      status: {type: enum, values: [paid, refused]}",
        "      order_id: {type: id, max: 12, fact: order_id}",
    )
    request = "{from: front_desk, to: cashier, kind: delegation, delegate: [refund.pay]}"
    assert told([ASK, request, CONFIRM, PAY, TELL], with_id) == []
    # the request no longer names the order, so whatever the cashier tells comes from the bank
    plain = ("schema: refund_request, kinds: [delegation]", "schema: report, kinds: [delegation]")
    words = "`cashier` sheds bank_data and has received no id that it may tell as `order_id`"
    assert told([ASK, request, CONFIRM, PAY, TELL], with_id, plain) == [words]


def test_the_second_round_of_a_group_is_walked_too():
    steps = ["repeat: 2\n          steps: [" + ", ".join([ASK, DELEGATE, CONFIRM, PAY, TELL]) + "]"]
    assert told(steps) == []
    steps = [DELEGATE, CONFIRM, "repeat: 2\n          steps: [" + ", ".join([PAY, TELL]) + "]"]
    assert told(steps) == ["`refund.pay` needs the customer"]
