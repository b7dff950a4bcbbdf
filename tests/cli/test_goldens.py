"""Whole outputs of small commands, held against files; `MASO_ACCEPT=1 pytest tests/cli` writes them anew.

The summary of a run and the chain of a decision are rendered from data that was kept, so that a change in the
simulation does not change these files; `test_run.py` and `test_evidence.py` see the real ones.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import RenderableType

from maso.cli.app import app
from maso.cli.screen import Screen
from maso.report.chain import chain_tree
from maso.report.terminal import run_summary
from tests.cli.terminal import GOLDEN, assert_golden, maso, within

COMMANDS = [info.name or info.callback.__name__ for info in app.registered_commands if info.callback]


def printed(*renderables: RenderableType, monkeypatch: pytest.MonkeyPatch) -> str:
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    Screen(as_json=False).show(*renderables)
    return out.getvalue()


def kept(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text("utf-8"))


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help(name: str) -> None:
    done = maso(*([name] if name else []), "--help")
    assert (done.code, done.error) == (0, "")
    assert_golden(f"help-{name or 'maso'}.txt", done.out)


@pytest.mark.parametrize(
    ("golden", "arguments"),
    [
        ("controls.txt", ("controls",)),
        ("controls-published.txt", ("controls", "--published")),
        ("controls-EC-2.6.txt", ("controls", "EC-2.6")),
        ("controls-reason.txt", ("controls", "ec-2.9/deadline")),
        ("controls-reason-of-the-plane.txt", ("controls", "plane/control-failed")),
        ("controls-alias.txt", ("controls", "IA-2.4")),
        ("controls-PG-2.5.json", ("controls", "PG-2.5", "--json")),
    ],
)
def test_small_commands(golden: str, arguments: tuple[str, ...]) -> None:
    done = maso(*arguments)
    assert (done.code, done.error) == (0, "")
    assert_golden(golden, done.out)


def test_the_mistakes_of_a_bad_fleet_file(tmp_path: Path) -> None:
    with within(tmp_path):
        maso("init", "bad.yaml")
        text = Path("bad.yaml").read_text("utf-8")
        Path("bad.yaml").write_text(
            text.replace("kind: breadth", "kind: deep").replace("risk: ", "risc: "), "utf-8"
        )
        done = maso("check", "bad.yaml")
    assert (done.code, done.out) == (2, "")
    assert_golden("check-bad.txt", done.error)


def test_the_summary_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    assert_golden("run-summary.txt", printed(*run_summary(kept("summary.json")), monkeypatch=monkeypatch))


def test_the_chain_behind_a_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    assert_golden("explain.txt", printed(chain_tree(kept("chain.json")), monkeypatch=monkeypatch))


def test_a_summary_with_what_went_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a good run does not show: broken journeys, violations, an interruption, an effect achieved."""
    summary = kept("summary.json")
    summary["interrupted"] = True
    summary["honest"]["journeys_broken"] = [{"journey": "purchase", "by": "DP-1.1/clearance", "count": 3}]
    summary["checkers"]["first_violations"] = [
        "invariant 5 (one session, one type), record 12, 7 ns: an example"
    ]
    summary["adversaries"]["effects_achieved"] = 1
    summary["adversaries"]["by_adversary"][0]["achieved"] = [
        {"at_ns": 1, "variant": "a", "what": "delivered"}
    ]
    text = printed(*run_summary(summary), monkeypatch=monkeypatch)
    for part in (", interrupted", "purchase", "record 12, 7 ns: an example", ": 1 achieved their effect"):
        assert part in text


def test_markup_in_a_name_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = kept("chain.json")
    chain["excerpt"] = "[red]not markup[/red]"
    chain["findings"] = [{"code": "X/[b]y", "control": "X", "text": "[i]t", "remedy": "", "detail": "[/]"}]
    text = printed(chain_tree(chain), monkeypatch=monkeypatch)
    assert "[red]not markup[/red]" in text
    assert "X/[b]y: [i]t ([/])" in text
