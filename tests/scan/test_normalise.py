"""Folding and unescaping: one text out of many ways to write it."""

from __future__ import annotations

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from maso.scan.normalise import fold, spoken, unescape, unmask


def test_digits_of_every_script_fold_to_ascii() -> None:
    for code in range(0x80, 0x1FBFA):
        char = chr(code)
        if unicodedata.category(char) == "Nd":
            assert fold(char) == str(unicodedata.decimal(char)), hex(code)


def test_folding_keeps_ascii_and_accented_letters() -> None:
    assert fold("plain 123 ~") == "plain 123 ~"
    assert fold("Crème brûlée") == "Crème brûlée"
    assert fold("раураl 𝟒１①²\u200b\xad") == "paypal 4112"


@given(st.text(max_size=60))
def test_folding_twice_changes_nothing_about_digits(text: str) -> None:
    once = fold(text)
    assert [c for c in fold(once) if c.isdecimal()] == [c for c in once if c.isdecimal()]


@given(st.text(max_size=40).filter(lambda text: not set(text) & set("\\%&")))
def test_json_escapes_are_seen_through(text: str) -> None:
    assert unescape(json.dumps(text)[1:-1]) == text.encode("utf-16", "replace").decode(
        "utf-16", "replace"
    ) or any("\x00" <= char < " " or char == "\x7f" for char in text)


def test_escapes_of_many_languages() -> None:
    for form in (
        "\\u0034",
        "\\\\u0034",
        "\\x34",
        "\\u{34}",
        "%34",
        "%2534",
        "&#52;",
        "&#x34;",
        "&#0052",
        "%u0034",
        "\\64",
    ):
        assert unescape(form) == "4", form
    assert unescape("\\ud83d\\udd39") == "🔹"
    assert unescape("&nbsp;&amp;") == "\xa0&"
    assert unescape("100% sure & done\\") == "100% sure & done\\"


def test_spoken_digits() -> None:
    assert spoken("four double one triple two oh-nine")[0] == "4 11 222 0-9"
    assert spoken("fouronefive")[0] == "415"
    assert spoken("FÜNF vier") == ("5 4", 2)
    assert spoken("someone often weighs it") == ("someone often weighs it", 0)


def test_letters_for_digits() -> None:
    assert unmask("code 4lll-llll-OOOO-SSS5 now") == "code 4111-1111-0000-5555 now"
    assert unmask("1234 5678 9012 3456") is None
    assert unmask("so is it 12 or 13") is None
