"""docs/shutdown.md is drawn from the tables that the machines run by."""

from pathlib import Path

from maso.resilience.shutdown import TABLE
from maso.sim.outages import KINDS
from tools import shutdown_page

TEXT = (Path(__file__).parents[2] / "docs" / "shutdown.md").read_text("utf-8")


def test_the_page_is_what_the_tables_say() -> None:
    assert shutdown_page.page(TEXT) == TEXT, "run .venv/bin/python tools/shutdown_page.py"


def test_every_table_has_its_place() -> None:
    assert sorted(shutdown_page.names(TEXT)) == sorted(shutdown_page.SECTIONS)


def test_the_diagram_has_every_row_that_moves() -> None:
    drawn = shutdown_page.diagram().splitlines()
    for (stage, trigger), row in TABLE.items():
        if row.to is not stage:
            edge = f"{stage.name.lower()} --> {row.to.name.lower()}: "
            assert any(edge in line and trigger.value in line for line in drawn)


def test_every_outage_is_explained() -> None:
    drawn = shutdown_page.outages()
    assert [kind for kind in KINDS if f"| `{kind}` |" in drawn] == list(KINDS)
