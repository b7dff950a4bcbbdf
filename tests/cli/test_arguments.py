"""What a user types wrong is said in the user's words, with what is legal; nothing gives a traceback."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maso.cli.arguments import whole_number
from maso.cli.ending import Stop
from tests.cli.terminal import maso, within

COMMANDS = ("init", "check", "controls", "verify", "ls", "explain", "run", "bench")
WORDS = [
    *COMMANDS, "--json", "--set", "--size", "--head", "--key", "--help", "--version", "-h", "--", "-", "",
    "\0", "ecommerce-10k", "size=0", "a=b=c", ".=", "size=1e9", "x" * 300, "4111 1111 1111 1111", "\x1b[31m",
    "\udcff", "../..", "/", "--seed", "--minutes", "--out", "--limit", "-1", "1e9", "0x10", "\u0661", "nope",
    "--decision", "[red]x[/red]", "%s{}", "EC-2.6", "--published", "--force", "types.payment.judge=2",
    "--json=1",
]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("chek",), "there is no command `chek`; did you mean `check`?; legal: `init`, `check`,"),
        (("check",), "`FLEET` is missing"),
        (("check", "a", "b"), "there are more arguments than the command takes"),
        (("check", "x", "--sise"), "there is no option `--sise`; did you mean `--size`?; legal: `--size`,"),
        (("verify", "x", "--head"), "`--head` needs a value"),
        (("verify", "x", "--head", "12"), "`--head` is `12`; legal: 64 hexadecimal digits"),
        (("check", "x", "--size", "many"), "`--size` is `many`; legal: a whole number from 1 to 1000000"),
        (("check", "x", "--size", "0"), "`--size` is 0; legal: a whole number from 1 to 1000000"),
        (("controls", "EC-2.66"), "there is no control `EC-2.66`; did you mean `EC-2.6`?; legal: `IA-2.1`,"),
        (
            ("controls", "EC-2.6/refusd"),
            "`ID` is `EC-2.6/refusd`; did you mean `EC-2.6/refused`?; legal: `EC-2.6/",
        ),
        (
            ("controls", "IA-9", "--published"),
            "there is no control that the public catalogue gives the number",
        ),
        (("init", "4111111111111111/x"), "there is no directory `(digits)`; make it first"),
    ],
)
def test_mistakes_in_the_users_words(arguments: tuple[str, ...], said: str) -> None:
    done = maso(*arguments)
    assert done.code == 2
    assert done.out == ""
    assert done.error.startswith(f"maso: {said}"), done.error


def test_a_card_number_typed_by_mistake_is_not_repeated() -> None:
    done = maso("check", "4111 1111 1111 1111")
    assert done.code == 2
    assert "1111" not in done.out + done.error


@settings(max_examples=200)
@given(st.sampled_from(COMMANDS), st.lists(st.sampled_from(WORDS) | st.text(max_size=20), max_size=4))
def test_no_arguments_give_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, name: str, rest: list[str]
) -> None:
    # Mistakes are tried; what takes long is not done.
    arguments = [name, *rest, "--no-such-option"] if name in ("run", "bench") else [name, *rest]
    with within(tmp_path_factory.mktemp("here")):
        done = maso(*arguments)
    assert done.code in (0, 2, 3), (arguments, done)
    assert "a defect in maso" not in done.error, (arguments, done)
    assert "Traceback" not in done.error


@given(st.text(max_size=30) | st.integers(-5, 200).map(str))
def test_a_number_is_a_number_or_a_mistake(text: str) -> None:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 100:
        assert whole_number("--n", text, 1, 100) == int(text)
        return
    with pytest.raises(Stop) as caught:
        whole_number("--n", text, 1, 100)
    assert caught.value.lines[0].endswith("; legal: a whole number from 1 to 100")
