"""Draws the tables and the diagrams of docs/pace.md from the tables that the machines run by.

    .venv/bin/python tools/pace_page.py    rewrites what is between `<!-- pace: NAME -->` and `<!-- end -->`

Prose outside of the marks is never touched. A test holds the page against the tables.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))
PAGE = ROOT / "docs" / "pace.md"
_BLOCK = re.compile(r"(<!-- pace: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def transitions() -> str:
    from maso.resilience.pace import TABLE, Level

    rows = []
    for (phase, trigger), row in TABLE.items():
        who = [_authority(row.authority[level]) for level in Level]
        rows.append([_name(phase), f"`{trigger.value}`", _name(row.to), *who, row.meaning])
    return table(["in", "trigger", "to", "instance", "type", "cluster", "system", "meaning"], rows)


def diagram(level_name: str) -> Callable[[], str]:
    """A state diagram of one level; solid rows go by themselves, `by ...` ones need that person."""

    def draw() -> str:
        from maso.resilience.pace import TABLE, Authority, Level, Phase

        level = Level[level_name]
        lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {_name(Phase.PRIMARY)}"]
        edges: dict[tuple[Phase, Phase, Authority], list[str]] = {}
        for (phase, trigger), row in TABLE.items():
            if row.authority[level] is not Authority.NOBODY:
                edges.setdefault((phase, row.to, row.authority[level]), []).append(trigger.value)
        for (phase, to, authority), triggers in edges.items():
            by = "" if authority is Authority.AUTOMATIC else f" (by {_authority(authority)})"
            lines.append(f"    {_name(phase)} --> {_name(to)}: {', '.join(triggers)}{by}")
        return "\n".join([*lines, "```", ""])

    return draw


def meanings() -> str:
    from maso.resilience.pace import MEANS, Level, Phase

    rows = [[level.name.lower(), *(MEANS[level, phase] for phase in Phase)] for level in Level]
    return table(["level", *(_name(phase) for phase in Phase)], rows)


def allowances() -> str:
    from maso.envelope import KIND_NAMES
    from maso.resilience.allowances import TABLE, ActionClass

    def classes(top: ActionClass) -> str:
        return {0: "none", 1: "reading", 2: "unprivileged", 3: "privileged, if it can be undone", 4: "all"}[
            top
        ]

    rows = []
    for (risk, phase), row in TABLE.items():
        kinds = [name for kind, name in sorted(KIND_NAMES.items()) if row.kinds >> kind & 1]
        approved = classes(row.approved) if row.approved > row.free else "no more"
        judge = "as declared" if not row.judge_milli else f"at least {row.judge_milli / 10:g}%"
        going = "all" if len(kinds) == len(KIND_NAMES) else ", ".join(kinds) or "none"
        told = "yes" if row.tell else "no"
        rows.append([risk, _name(phase), going, classes(row.free), approved, judge, told])
    header = ["risk", "phase", "messages", "actions", "with a person's approval", "judged", "customers told"]
    return table(header, rows)


def layers() -> str:
    from maso.resilience.layers import TABLE

    rows = [[str(layer), _name(phase), *map(_name, floors)] for (layer, phase), floors in TABLE.items()]
    return table(["layer that is gone", "phase of the type", "medium", "high", "critical"], rows)


def vertical() -> str:
    from maso.resilience.layers import VERTICAL
    from maso.resilience.pace import Phase

    return table(["layer", *map(_name, Phase)], [[str(layer), *said] for layer, said in VERTICAL.items()])


def responses() -> str:
    from maso.resilience.cascade import CHOICES, RESPONSES, floor_of
    from maso.resilience.pace import Phase

    rows = []
    for response in RESPONSES:
        floors = [
            _name(floor_of(response, phase)) if response in CHOICES[phase] else "not legal"
            for phase in CHOICES
        ]
        rows.append([f"`{response}`", *floors])
    return table(["response", *(f"producer in {_name(p)}" for p in Phase if p)], rows)


def ramp() -> str:
    from maso.clock import SECOND
    from maso.resilience.ramp import SHARES_MILLI, SILENT_STEPS, STEP_NS

    shares = ", ".join(f"{share / 10:g}%" for share in SHARES_MILLI)
    return (
        f"Shares: {shares}. A step lasts {STEP_NS // SECOND} s, or {SILENT_STEPS * STEP_NS // SECOND} s when"
        " nobody who returned was heard from; the last share is everybody, and the return is done.\n"
    )


def fixed() -> str:
    from maso.clock import MINUTE, SECOND
    from maso.resilience import clusters, counters, pace, plan

    rows = [
        ["share of those heard from", f"{plan.TRIGGER_SHARE:.0%}", "`pace.type.trigger_share`"],
        ["window", f"{plan.TRIGGER_MINUTES} min", "`pace.type.trigger_minutes`"],
        ["instances at least", str(counters.INSTANCES_MIN), "fixed"],
        ["and of all that live", f"{counters.LIVE_SHARE_MILLI / 10:g}%", "fixed"],
        ["share to come back", f"1/{plan.BACK_SHARE_DIVISOR} of the share above", "fixed"],
        ["dwell of a type", "its window", "`pace.type.trigger_minutes`"],
        ["dwell of a cluster and the system", f"{plan.CLUSTER_DWELL_NS // MINUTE} min", "fixed"],
        ["dwell of an instance", f"{pace.INSTANCE_SETTINGS.dwell_ns // SECOND} s", "fixed"],
        ["longest dwell after aborted returns", f"{pace.BACKOFF_MAX} times", "fixed"],
        ["not counted after a step down", f"{plan.SETTLE_NS // SECOND} s", "fixed"],
        ["heals in 24 hours", "3", "`self_heals_per_day_max`"],
        ["an approval waits", f"{plan.ANSWER_NS // MINUTE} min", "`governance.review_minutes_max`"],
        ["an orchestrator's assessment waits", f"{clusters.ASSESS_NS // SECOND} s", "fixed"],
        ["who approves", plan.OPERATOR, "`governance.decision_rights.pace_transition`"],
        ["who ends Emergency", plan.COMMANDER, "`governance.decision_rights.leave_emergency`"],
    ]
    return table(["what", "unless the file says", "key"], rows)


def faults() -> str:
    from maso.sim.faults import KINDS

    return table(["kind", "target"], [[f"`{kind}`", target] for kind, target in KINDS.items()])


SECTIONS: dict[str, Callable[[], str]] = {
    "transitions": transitions,
    "instance": diagram("INSTANCE"),
    "type": diagram("TYPE"),
    "meanings": meanings,
    "allowances": allowances,
    "layers": layers,
    "vertical": vertical,
    "responses": responses,
    "ramp": ramp,
    "fixed": fixed,
    "faults": faults,
}


def page(text: str) -> str:
    """The page with every marked part as the tables have it; KeyError for a mark that means nothing."""
    return _BLOCK.sub(lambda m: f"{m[1]}\n{SECTIONS[m['name']]()}\n{m[3]}", text)


def names(text: str) -> list[str]:
    """The marks of a page."""
    return [m["name"] for m in _BLOCK.finditer(text)]


def _name(phase: object) -> str:
    return str(phase.name).capitalize()  # type: ignore[attr-defined]


def _authority(authority: object) -> str:
    name = str(authority.name).lower()  # type: ignore[attr-defined]
    return {"nobody": "-", "automatic": "by itself"}.get(name, name)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
