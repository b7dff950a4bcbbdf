"""PACE in the summary of a run: what was broken, what moved, who waited and who was told.

Takes the `pace` part of `summary.json`; shows nothing for a run in which nothing failed and nothing moved.
"""

from typing import Any, Final

from rich.console import RenderableType
from rich.text import Text

from maso.clock import clock_text
from maso.report.terminal import heading, lines, plain_table

# An outage with its return is ten lines; what is three times that is read in `summary.json`.
SHOWN_MAX: Final = 30
NS: Final = 10**9


def pace_part(found: dict[str, Any]) -> list[RenderableType]:
    """The section, or nothing."""
    steps = found["transitions"]
    if not steps and not found["faults"] and not any(found["instance_transitions"].values()):
        return []
    head = heading("PACE (what failed, and what followed)", *_said(found))
    if not steps:
        return [head]
    table = plain_table("when", "scope", "phase", "for#", "why", "decided by")
    for step in steps[:SHOWN_MAX]:
        table.add_row(
            clock_text(step["at_ns"]),
            step["scope"],
            step["phase"],
            f"{step['share']:.0%}",
            step["why"],
            step["by"] or "itself",
        )
    more = len(steps) - SHOWN_MAX
    rest = [lines("", f"  and {more:,} more, `pace` in summary.json")] if more > 0 else []
    return [head, Text(), table, *rest]


def _said(found: dict[str, Any]) -> list[str]:
    said = [f"fault: {text}" for text in found["faults"]]
    moved = {phase: n for phase, n in found["instance_transitions"].items() if n}
    if moved:
        said.append("instances moved to " + ", ".join(f"{phase} {n:,} times" for phase, n in moved.items()))
    if found["left_for_later"]:
        said.append(
            f"{found['left_for_later']:,} moves left for later, {found['waiting_at_once_max']:,} at once,"
            f" {found['taken_up_again']:,} taken up again, after {found['waited_ns_max'] / NS:,.0f} s at most"
        )
    known = found["orchestrators"]
    if known:
        said.append(
            f"orchestrators told of a producer: {len(known)}, and {sum(k['knows'] for k in known)} know"
        )
    if found["people_called"]:
        said.append(f"people were called {len(found['people_called']):,} times")
    if not found["transitions"]:
        said.append("no type, cluster or system moved")
    return said
