"""What an answer is called: measured only where everything that it cites was."""

import msgspec
import pytest

from maso.findings import AnswerFinding, Mark, QuantityFinding
from maso.report.stress import words
from maso.report.stress.board import answers_by_status
from maso.report.stress.markdown import markdown
from maso.report.stress.page import page
from maso.stress.engine.conclude import _by_marks
from tests.stress.sample_findings import sample

FINDINGS = sample()


def cited(*marks: Mark, status: str = "measured") -> AnswerFinding:
    quantities = tuple(
        QuantityFinding(id=f"q{n}", title="t", unit="u", mark=mark) for n, mark in enumerate(marks)
    )
    dimension = msgspec.structs.replace(FINDINGS.dimensions[0], id="own", quantities=quantities)
    answer = msgspec.structs.replace(
        FINDINGS.answers[0], status=status, evidence=(*(f"own/q{n}" for n in range(len(marks))), "a-run")
    )
    return _by_marks(answer, (dimension,))


@pytest.mark.parametrize("mark", ["measured", "simulated", "declared"])
def test_one_mark_names_the_answer(mark: Mark) -> None:
    assert (cited(mark, mark).status, cited(mark).marks) == (mark, (mark,))


def test_several_marks_are_all_named() -> None:
    answer = cited("declared", "simulated", "declared")
    assert (answer.status, answer.marks) == ("mixed", ("simulated", "declared"))
    assert words.status(answer) == "simulated and declared"


def test_what_cites_nothing_follows_from_the_file_and_what_is_missing_stays_so() -> None:
    assert cited().status == "declared"
    assert cited("measured", status="missing").status == "missing"
    assert cited(status="not_checked").status == "not_checked"


def test_the_reports_say_what_an_answer_rests_on() -> None:
    own = msgspec.structs.replace(FINDINGS.answers[0], status="mixed", marks=("measured", "simulated"))
    findings = msgspec.structs.replace(FINDINGS, answers=(own, *FINDINGS.answers[1:]))
    assert answers_by_status(findings)["mixed"] == 1
    assert "(measured and simulated)" in markdown(findings)
    shown = page(findings)
    assert (
        '<span class="mark measured">measured</span> <span class="mark simulated">simulated</span>' in shown
    )
    assert "1 of several marks" in shown
