"""Remakes what the documents quote: the tables of reasons, what commands print, the picture in the README.

    .venv/bin/python tools/pages.py            everything; runs a large fleet, so it takes minutes
    .venv/bin/python tools/pages.py controls   the tables in docs/controls.md
    .venv/bin/python tools/pages.py cli        the outputs in docs/cli.md, in seconds
    .venv/bin/python tools/pages.py readme     the outputs in README.md and the picture, from one large run

A block of output is marked `<!-- maso: compared -->` (a test runs it and compares) or `<!-- maso: a run -->`
(pasted from a run). `, N lines` cuts what each command prints. `, first ls ...` runs that `ls` before, and
puts the first envelope that it lists in the place of the command's last word. Each line `$ maso ...` is run,
and what follows it is replaced. Prose is never touched.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

CONTROLS_PAGE = ROOT / "docs" / "controls.md"
# By the word that asks for it; each page is made in a folder of its own.
CONSOLE_PAGES = {"cli": ROOT / "docs" / "cli.md", "readme": ROOT / "README.md"}
PICTURE = ROOT / "docs" / "img" / "run.svg"
PICTURE_COLUMNS = 100
# What the picture shows of a run's summary: up to here, so that it fits a screen.
PICTURE_ENDS_BEFORE = "Checkers"

_HEADER = "| reason | what happened | what to do |"
_BLOCK = re.compile(
    r"<!-- maso: (?P<kind>compared|a run)(?:, (?P<lines>\d+) lines)?(?:, first (?P<first>[^>\n]*))? -->\n"
    r"```console\n(?P<body>.*?)```\n",
    re.DOTALL,
)

Ask = Callable[[list[str]], str]  # arguments of maso to what it printed, both outputs in their order


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
        table = "\n".join(rows) + "\n"
        text, found = pattern.subn(lambda m, table=table: m[1] + table, text)  # type: ignore[misc]
        if found != 1:
            raise SystemExit(f"docs/controls.md: no table of reasons in the section of {control}")
    return text


def console_page(text: str, ask: Ask, kinds: tuple[str, ...]) -> str:
    """The page with the output of every command in blocks of these kinds as `ask` gives it."""

    def remade(block: re.Match[str]) -> str:
        if block["kind"] not in kinds:
            return block[0]
        shown: list[str] = []
        for line in block["body"].splitlines():
            if line.startswith("$ "):
                if shown:
                    shown.append("")
                line = _with_first(line, block["first"], ask)
                shown += [line, *_output(line, ask, int(block["lines"] or 0))]
        head = block[0][: block.start("body") - block.start()]
        return head + "\n".join(shown) + "\n```\n"

    return _BLOCK.sub(remade, text)


def _with_first(line: str, listing: str | None, ask: Ask) -> str:
    if listing is None:
        return line
    rows = json.loads(ask([*listing.split(), "--json", "--limit", "1"]))["rows"]
    return f"{line.rpartition(' ')[0]} {rows[0]['ref']}"


def _output(line: str, ask: Ask, most: int) -> list[str]:
    arguments = line.removeprefix("$ ").removeprefix("./").removeprefix("maso ")
    said = ask(arguments.split()).rstrip("\n").split("\n")
    return said if not most or len(said) <= most else [*said[:most], "..."]


def in_folder(folder: Path) -> Ask:
    """Commands as processes in one folder, where what one wrote the next one reads."""

    def ask(arguments: list[str]) -> str:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "maso", *arguments],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode not in (0, 2, 3):
            raise SystemExit(f"maso {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}")
        return done.stdout

    return ask


def picture(summary: dict[str, object]) -> str:
    """The head of a run's summary as SVG; it loads no font from anywhere."""
    from rich.console import Console
    from rich.terminal_theme import MONOKAI

    from maso.report.terminal import run_summary

    console = Console(record=True, width=PICTURE_COLUMNS, file=io.StringIO(), markup=False, highlight=False)
    for part in run_summary(summary):
        if str(part).startswith(PICTURE_ENDS_BEFORE):
            break
        console.print(part)
    svg = console.export_svg(title="maso run", theme=MONOKAI, unique_id="maso")
    return re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)


def main(what: list[str]) -> None:
    if not what or "controls" in what:
        CONTROLS_PAGE.write_text(controls_page(CONTROLS_PAGE.read_text("utf-8")), "utf-8")
    for name, page in CONSOLE_PAGES.items():
        if what and name not in what:
            continue
        with tempfile.TemporaryDirectory() as folder:
            text = console_page(page.read_text("utf-8"), in_folder(Path(folder)), ("compared", "a run"))
            page.write_text(text, "utf-8")
            summary = Path(folder) / "out" / "summary.json"
            if name == "readme":
                PICTURE.parent.mkdir(exist_ok=True)
                PICTURE.write_text(picture(json.loads(summary.read_text("utf-8"))), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
