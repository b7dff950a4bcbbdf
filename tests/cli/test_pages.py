"""The documents for strangers held against the code: tables, aliases, and what commands really print."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from maso.cli.app import app
from maso.controls.catalog import ALSO, CONTROLS
from tests.cli.terminal import maso, within
from tools import pages


def section(page: str, control: str) -> str:
    found = re.search(rf"^### {re.escape(control)} (.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)
    assert found is not None, f"docs/controls.md has no section `### {control} NAME`"
    return found[1]


def test_the_tables_of_reasons_are_the_catalogues(root: Path) -> None:
    page = (root / "docs" / "controls.md").read_text("utf-8")
    assert pages.controls_page(page) == page, "run .venv/bin/python tools/pages.py controls"


@pytest.mark.parametrize("control", CONTROLS, ids=lambda c: c.id)
def test_every_control_has_its_name_aliases_tier_and_file(root: Path, control: object) -> None:
    from maso.controls.catalog import Control

    assert isinstance(control, Control)
    text = section((root / "docs" / "controls.md").read_text("utf-8"), control.id)
    assert text.startswith(control.name)
    said = f"Published as {', '.join(control.published)}. Tier {control.tier}. `controls/{control.module}.py`"
    assert said in text
    assert "Does not promise" in text


def test_every_control_that_is_part_of_another_has_its_section(root: Path) -> None:
    page = (root / "docs" / "controls.md").read_text("utf-8")
    by_module = {control.module: control.id for control in CONTROLS}
    for name, where in ALSO.items():
        text = section(page, name)
        if where in by_module:
            assert f"Part of {by_module[where]}" in text, name


def test_no_section_is_about_a_control_that_does_not_run(root: Path) -> None:
    page = (root / "docs" / "controls.md").read_text("utf-8")
    sections = re.findall(r"^### ([A-Z0-9.-]+) ", page, re.MULTILINE)
    assert sorted(sections) == sorted([*(c.id for c in CONTROLS), *ALSO])


def test_reasons_that_refer_to_a_table_are_in_it(root: Path) -> None:
    """Every reason's own control has a section, so that `maso explain` never names something unexplained."""
    page = (root / "docs" / "controls.md").read_text("utf-8")
    for control in CONTROLS:
        for reason in control.reasons:
            assert f"### {reason.control} " in page, reason.code


def test_what_the_pages_show_is_what_commands_print(root: Path, tmp_path: Path) -> None:
    def ask(arguments: list[str]) -> str:
        with within(tmp_path):
            done = maso(*shlex.split(" ".join(arguments)))
        return done.out + done.error

    for name, page in pages.CONSOLE_PAGES.items():
        text = page.read_text("utf-8")
        assert pages.console_page(text, ask, ("compared",)) == text, (
            f"{page.name} is out of date: run .venv/bin/python tools/pages.py {name}"
        )


def test_every_command_has_its_section(root: Path) -> None:
    page = (root / "docs" / "cli.md").read_text("utf-8")
    for info in app.registered_commands:
        assert info.callback is not None
        name = info.name or info.callback.__name__
        assert re.search(rf"^## {name}$", page, re.MULTILINE), name
        assert f"maso {name}" in maso(name, "--help").out or "Examples:" in (info.callback.__doc__ or "")


def test_the_picture_loads_nothing_from_anywhere(root: Path) -> None:
    svg = (root / "docs" / "img" / "run.svg").read_text("utf-8")
    addresses = [a for a in re.findall(r"https?://[^\"' )]+", svg) if not a.startswith("http://www.w3.org/")]
    # Rich names itself in a comment; a comment loads nothing.
    comments = "".join(re.findall(r"<!--.*?-->", svg, re.DOTALL))
    assert [a for a in addresses if a not in comments] == []
    assert "@import" not in svg
    assert "url(http" not in svg
