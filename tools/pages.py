"""Remakes what the documents quote: the tables of reasons, what commands print, the picture in the README.

    .venv/bin/python tools/pages.py            everything
    .venv/bin/python tools/pages.py controls   the tables in docs/controls.md

Prose is never touched. Tests hold the documents against the same functions, so a page that is out of date
fails them; this writes it anew.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

CONTROLS_PAGE = ROOT / "docs" / "controls.md"
_HEADER = "| reason | what happened | what to do |"


def reason_tables() -> dict[str, list[str]]:
    """The rows of the table of reasons in each control's section, by control id."""
    from maso.controls.catalog import CONTROLS

    return {
        control.id: [
            _HEADER,
            "|---|---|---|",
            *(f"| `{r.code}` | {r.text} | {r.remedy} |" for r in control.reasons),
        ]
        for control in CONTROLS
    }


def controls_page(text: str) -> str:
    """The page with every table of reasons as the catalogue has it."""
    for control, rows in reason_tables().items():
        pattern = re.compile(
            rf"(^### {re.escape(control)} (?:(?!^##).)*?){re.escape(_HEADER)}\n(?:\|[^\n]*\n)+",
            re.MULTILINE | re.DOTALL,
        )
        text, found = pattern.subn(lambda m, rows=rows: m[1] + "\n".join(rows) + "\n", text)  # type: ignore[misc]
        if found != 1:
            raise SystemExit(f"docs/controls.md: no table of reasons in the section of {control}")
    return text


def main(what: list[str]) -> None:
    if not what or "controls" in what:
        CONTROLS_PAGE.write_text(controls_page(CONTROLS_PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
