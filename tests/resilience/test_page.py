"""docs/pace.md is drawn from the tables that the machines run by."""

from pathlib import Path

import pytest

from maso.resilience.pace import TABLE, Level, Phase, legal
from tools import pace_page

TEXT = (Path(__file__).parents[2] / "docs" / "pace.md").read_text("utf-8")


def test_the_page_is_what_the_tables_say() -> None:
    assert pace_page.page(TEXT) == TEXT, "run .venv/bin/python tools/pace_page.py"


def test_every_table_has_its_place() -> None:
    assert sorted(pace_page.names(TEXT)) == sorted(pace_page.SECTIONS)


def test_a_mark_that_means_nothing_is_an_error() -> None:
    with pytest.raises(KeyError):
        pace_page.page("<!-- pace: nothing -->\n<!-- end -->")


def test_the_diagrams_have_every_row() -> None:
    for level in (Level.INSTANCE, Level.TYPE):
        drawn = pace_page.diagram(level.name)()
        for phase in Phase:
            for trigger in legal(level, phase):
                to = next(row.to for (p, t), row in TABLE.items() if p is phase and t.value == trigger)
                lines = [line for line in drawn.splitlines() if f"{phase.name.capitalize()} -->" in line]
                assert any(trigger in line and to.name.capitalize() in line for line in lines)
