"""Draws the tables and the diagram of docs/shutdown.md from the tables that the machines run by.

    .venv/bin/python tools/shutdown_page.py    rewrites between `<!-- shutdown: NAME -->` and `<!-- end -->`

Prose outside of the marks is never touched. A test holds the page against the tables.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))
PAGE = ROOT / "docs" / "shutdown.md"
_BLOCK = re.compile(r"(<!-- shutdown: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_WHO = {
    "SELF": "by itself, once two ordered",
    "ALONE": "by itself",
    "ONE": "one person",
    "TWO": "two people",
}


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def stages() -> str:
    from maso.resilience.shutdown import TABLE

    rows = [
        [stage.name.lower(), f"`{trigger.value}`", row.to.name.lower(), _WHO[row.authority.name], row.meaning]
        for (stage, trigger), row in TABLE.items()
    ]
    return table(["in", "trigger", "to", "who", "meaning"], rows)


def diagram() -> str:
    from maso.resilience.shutdown import TABLE, Authority, Stage

    edges: dict[tuple[Stage, Stage, Authority], list[str]] = {}
    for (stage, trigger), row in TABLE.items():
        if row.to is not stage:
            edges.setdefault((stage, row.to, row.authority), []).append(trigger.value)
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> run"]
    for (stage, to, authority), triggers in edges.items():
        who = {Authority.ONE: " (one person)", Authority.TWO: " (two people)"}.get(authority, "")
        lines.append(f"    {stage.name.lower()} --> {to.name.lower()}: {', '.join(triggers)}{who}")
    return "\n".join([*lines, "```", ""])


def wanted() -> str:
    from maso.resilience.reconcile import WANTED

    rows = [
        [
            kind.value,
            book.value,
            "yes" if right else "no",
            "nothing" if want.verb is None else f"`{want.verb.value}`",
            want.meaning,
        ]
        for (kind, book, right), want in WANTED.items()
    ]
    return table(["item", "in our books", "right", "asked of the gateway", "why"], rows)


def answers() -> str:
    from maso.resilience.reconcile import ANSWERS

    rows = []
    for (kind, verb, answer), step in ANSWERS.items():
        then = f"ask `{step.verb.value}`" if step.verb is not None else f"**{step.state.name.lower()}**"  # type: ignore[union-attr]
        rows.append([kind.value, f"`{verb.value}`", answer.value, then, step.meaning])
    return table(["item", "asked", "answer", "then", "why"], rows)


def times() -> str:
    from maso.clock import SECOND
    from maso.fleet.model import Switch
    from maso.resilience import asking, shutdown, switch

    ceilings = ", ".join(f"{s.name.lower()} {ns // SECOND} s" for s, ns in shutdown.CEILINGS_NS.items())
    unless = Switch()
    rows = [
        ["ceilings of the stages", ceilings, "`shutdown` in the fleet file"],
        [
            "the second person answers within",
            f"{unless.second_person_seconds} s",
            "`switch.second_person_seconds`",
        ],
        ["a lease lasts", f"{unless.lease_ms / 1000:g} s", "`switch.lease_ms`"],
        ["it is renewed every", f"{unless.renew_ms / 1000:g} s", "`switch.renew_ms`"],
        ["a clock may be off by", f"{unless.drift_ms} ms", "`switch.drift_ms`"],
        [
            "the longest call to a system outside",
            f"{switch.CALL_NS // SECOND} s, or {switch.CALL_FACTOR} times the slowest port's median",
            "`latency_ms_median` of the ports",
        ],
        [
            "questions of the sweep a second",
            "not limited",
            "`target.in_flight_confirm_per_second`",
        ],
        [
            "questions of the sweep at once",
            f"that rate times the longest call; without a rate {asking.AT_ONCE}",
            "`switch.calls_at_once`",
        ],
        [
            "an unanswered one counts as lost after",
            "the longest call and one turn at that rate",
            "follows",
        ],
        ["who may order", switch.ROLE, "`governance.decision_rights.kill_switch`, else `leave_emergency`"],
    ]
    return table(["what", "unless told", "where it is declared"], rows)


def outages() -> str:
    from maso.sim import outages as module

    text = module.__doc__ or ""
    block = text.split("what it does\n", 1)[1].split("\n\n", 1)[0]
    rows = []
    for line in block.splitlines():
        kind, about = line.strip().split("  ", 1)
        rows.append([f"`{kind}`", about.strip()])
    return table(["outage", "what it does"], rows)


SECTIONS: dict[str, Callable[[], str]] = {
    "stages": stages,
    "diagram": diagram,
    "wanted": wanted,
    "answers": answers,
    "times": times,
    "outages": outages,
}


def names(text: str) -> list[str]:
    return [match["name"] for match in _BLOCK.finditer(text)]


def page(text: str) -> str:
    """The page with every block drawn anew; KeyError for a mark that means nothing."""
    return _BLOCK.sub(lambda match: f"{match[1]}\n{SECTIONS[match['name']]()}\n{match[3]}", text)


def main() -> int:
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
