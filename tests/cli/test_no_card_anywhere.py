"""Invariant 6 over everything that is written: evidence, summary, terminal, lists and explanations.

The numbers looked for are those that honest payment forms and adversaries really planted in this run.
"""

import json
import re
from pathlib import Path

import pytest

from maso.cli import running
from maso.sim.checkers.suite import Suite
from tests.cli.terminal import maso


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[bytes], Path, list[str]]:
    """Planted numbers, the run's directory, and what commands printed about it."""
    suites: list[Suite] = []

    class Kept(Suite):
        def __init__(self, *args: object, **named: object) -> None:
            super().__init__(*args, **named)  # type: ignore[arg-type]
            suites.append(self)

    patch = pytest.MonkeyPatch()
    patch.setattr(running, "Suite", Kept)
    out = tmp_path_factory.mktemp("cards") / "out"
    run = maso("run", "ecommerce-10k", "--size", "80", "--minutes", "4", "--seed", "11", "--out", str(out))
    patch.undo()
    printed = [run.out, run.error]
    listed = maso("ls", str(out), "--json", "--limit", "100000")
    printed.append(listed.out)
    found = json.loads(listed.out)
    refs = re.findall(r'"(?:ref|record)": (\d+)', json.dumps(found))
    denied = maso("ls", str(out), "--decision", "deny", "--limit", "60").out
    printed.append(denied)
    for ref in refs[:: max(1, len(refs) // 25)]:
        printed.append(maso("explain", str(out), ref).out)
    (suite,) = suites
    # An adversary's placeholder of zeros is no card number, and eight zero bytes stand everywhere.
    numbers = {n for n in suite.cardholder._numbers if len(n) >= 13 and len(set(n)) > 1}
    return numbers, out, printed


def _binary(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def test_planted_numbers_stand_nowhere(written: tuple[set[bytes], Path, list[str]]) -> None:
    numbers, out, printed = written
    assert len(numbers) >= 10, "the run must have planted some"
    files = [path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()]
    assert len(files) >= 3
    places = [*files, *(text.encode() for text in printed)]
    for number in sorted(numbers):
        spaced = b" ".join(number[i : i + 4] for i in range(0, len(number), 4))
        forms = (number, spaced, spaced.replace(b" ", b"-"), _binary(int(number)))
        for place in places:
            for form in forms:
                assert form not in place, "a planted card number was written"


def test_a_number_that_is_written_would_be_seen(written: tuple[set[bytes], Path, list[str]]) -> None:
    numbers, out, _ = written
    text = (out / "summary.json").read_bytes() + min(numbers)
    assert any(number in text for number in numbers)
