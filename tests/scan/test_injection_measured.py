"""The shipped model on the development set, through the whole scanner, where the corpus is at hand.

These figures are better than the honest ones, since the model was trained on these rows;
leave-one-source-out is `python tools/train_injection.py --evaluate` and stands in
docs/detection-injection.md. What this guards is the artefact: a pattern changed without a new training, a
database of other expressions, a first stage that excuses.
"""

from __future__ import annotations

import json
from collections import defaultdict
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pytest

from maso.scan.injection import InjectionDetector
from maso.scan.injection_patterns import RULES
from maso.scan.scanner import Scanner
from maso.scan.signals import Kind

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "inputs" / "detect-dev"
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the development corpus is not here")
# All attacks, since the small sources have few rows; of the benign rows every second keeps the test short.
STEP = {"attacks": 1, "benign": 2}


class Row(NamedTuple):
    source: str
    naive: bool
    attack: bool
    flag: bool
    block: bool
    excused: bool  # the detector flags the plain text, and the scanner as a whole does not
    unasked: bool  # the detector flags the plain text, and the first stage would not have called it


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    detector = InjectionDetector()
    scanner = Scanner(detector, cache_size=1)
    made = []
    for name, attack in (("attacks", True), ("benign", False)):
        lines = (CORPUS / f"injection_{name}.jsonl").read_text(encoding="utf-8").rstrip("\n").split("\n")
        for line in lines[:: STEP[name]]:
            row = json.loads(line)
            naive = attack and row["kind"].startswith(("indirect:", "indirect_code:"))
            content = json.dumps({"text": row["text"]}, ensure_ascii=False).encode()
            kinds = scanner.scan(sha256(content).digest(), content).kinds
            flag = bool(kinds & Kind.INJECTION_FLAG)
            plain = detector.inspect([row["text"]]).flag
            block = bool(kinds & Kind.INJECTION_BLOCK)
            unasked = plain and not detector.first(content)
            made.append(Row(row["source"], naive, attack, flag, block, plain and not flag, unasked))
    return made


def test_flags_attacks_of_every_source(rows: list[Row]) -> None:
    flags: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        if row.attack and not row.naive:
            flags[row.source].append(row.flag)
    recalls = {source: sum(seen) / len(seen) for source, seen in flags.items()}
    assert sum(recalls.values()) / len(recalls) >= MACRO_RECALL_MIN, recalls


def test_false_alarms_stay_below_one_in_a_hundred(rows: list[Row]) -> None:
    benign = [row for row in rows if not row.attack]
    assert sum(row.flag for row in benign) <= 0.01 * len(benign)


def test_refuses_no_honest_row(rows: list[Row]) -> None:
    assert not any(row.block for row in rows if not row.attack)


def test_blocking_implies_flagging(rows: list[Row]) -> None:
    assert all(row.flag for row in rows if row.block)


def test_the_first_stage_asks_about_all_that_the_detector_flags(rows: list[Row]) -> None:
    assert not [row.source for row in rows if row.unasked]


def test_the_scanner_excuses_next_to_nothing(rows: list[Row]) -> None:
    attacks = [row for row in rows if row.attack and not row.naive]
    excused = [row for row in attacks if row.excused]
    assert len(excused) <= 0.01 * len(attacks), sorted({row.source for row in excused})


def test_the_model_was_trained_with_these_rules() -> None:
    weighed = set(json.loads((MODEL).read_text())["rules"])
    assert weighed == {rule.name for rule in RULES}


MODEL = Path(__file__).resolve().parents[2] / "src" / "maso" / "scan" / "data" / "injection_model.json"
MACRO_RECALL_MIN = 0.75  # all rows that are not naive, the bare questions in them included
