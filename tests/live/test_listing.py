"""reconciliation.csv: what a payments team loads."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from maso.live.listing import COLUMNS, decimal, lines, safe
from maso.live.reconciler_process import Settlement
from maso.worlds.gateway import Account, Hold


def row(**changed: object) -> Settlement:
    plain: dict[str, object] = {
        "item": "capture/12", "kind": "capture", "order": "O1", "session": 7, "key": "12",
        "amount_minor": 1_234, "ours": "asked", "outcome": "confirmed", "why": "captured, and held",
        "asked": "confirm",
    }  # fmt: skip
    return Settlement(**{**plain, **changed})  # type: ignore[arg-type]


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_whole_file() -> None:
    rows = [
        row(item="order/O2", kind="order", order="O2", key="", outcome="cancelled", why="nothing", asked=""),
        row(),
        row(item="authorisation/A9", kind="authorisation", key="9", ours="done", session=0),
    ]
    holds = {"9": Hold("9", "O1", 1_234, state="void")}
    text = lines(rows, holds, {"O1": Account("O1", 1_234, 200)})
    assert text == (
        "item,kind,order,session,gateway_key,amount,currency,ours_before,gateway_after,outcome,last_asked,"
        "reason\r\n"
        'authorisation/A9,authorisation,O1,,9,12.34,EUR,done,void,confirmed,confirm,"captured, and held"\r\n'
        'capture/12,capture,O1,7,12,12.34,EUR,asked,"captured 12.34, refunded 2.00",confirmed,confirm,'
        '"captured, and held"\r\n'
        "order/O2,order,O2,7,,12.34,EUR,asked,nothing,cancelled,,nothing\r\n"
    )


@given(st.text(max_size=30))
def test_no_field_is_a_formula(text: str) -> None:
    assert not safe(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20))  # type: ignore[arg-type]
def test_every_text_is_read_back(text: str) -> None:
    (back,) = read(lines([row(why=text, order=text)], {}, {}))
    assert tuple(back) == COLUMNS
    assert back["reason"] == safe(text)
    assert back["order"] == safe(text)
    assert all(not field.startswith(("=", "+", "-", "@")) for field in back.values())


@given(st.integers(-(10**12), 10**12))
def test_amounts_are_exact(amount: int) -> None:
    whole, _, cents = decimal(amount).partition(".")
    sign = -1 if whole.startswith("-") else 1
    assert len(cents) == 2
    assert sign * (abs(int(whole)) * 100 + int(cents)) == amount
