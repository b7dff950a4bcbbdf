"""What changed between two findings, in words: one sentence, Markdown, and plain data for `--json`."""

from typing import Any, Final

import msgspec

from maso.report.stress import words
from maso.report.stress.compare import Comparison, Turn
from maso.report.stress.markdown import table, text

TURNS: Final[dict[Turn, str]] = {"worse": "worse", "better": "better", "other": "changed"}


def verdict(comparison: Comparison) -> str:
    """One sentence: how much changed, and how much of it for the worse."""
    changes = comparison.changes
    if not changes:
        return "nothing changed that two runs of the same would not differ in"
    worse = sum(change.turn == "worse" for change in changes)
    better = sum(change.turn == "better" for change in changes)
    said = f"{words.count(len(changes), 'change')}, {worse} for the worse, {better} for the better"
    return f"regressed: {said}" if comparison.regressed else said


def comparison_markdown(comparison: Comparison) -> str:
    """The same for a pull request."""
    parts = ["## What changed", "", f"- before: {text(comparison.old)}", f"- now: {text(comparison.new)}"]
    parts += [f"- {text(verdict(comparison))}", *(f"- note: {text(note)}" for note in comparison.notes), ""]
    rows = [
        (
            f"**{TURNS[c.turn]}**" if c.turn == "worse" else TURNS[c.turn],
            c.kind,
            f"{text(c.title)} ({text(c.where)})",
            text(c.before) or "-",
            (text(c.after) or "-") + (f" ({text(c.note)})" if c.note else ""),
        )
        for c in comparison.changes
    ]
    parts += table(("", "what", "of", "before", "now"), rows)
    return "\n".join(parts) + "\n"


def comparison_data(comparison: Comparison) -> dict[str, Any]:
    """The same as plain data, for `--json`."""
    data: dict[str, Any] = msgspec.to_builtins(comparison)
    return {"regressed": comparison.regressed, **data}
