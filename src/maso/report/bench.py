"""The figures of `maso bench` as tables, from the plain data that `--json` prints."""

from typing import Any, Final

from rich.console import RenderableType
from rich.text import Text

from maso.report.terminal import heading, plain_table

_PLAIN: Final = {
    "us_without_scanning": "µs a message, everything but scanning",
    "growth_largest_over_smallest": "cost at the largest fleet over cost at the smallest",
    "bytes_per_instance": "bytes of memory for each live instance",
}


def bench_tables(figures: dict[str, Any]) -> list[RenderableType]:
    machine = figures["machine"]
    head = heading(
        f"{figures['messages_per_second_core']:,} messages a second and core,"
        f" {figures['us_per_message']:g} µs each (measured, CPU time)",
        f"{figures['fleet']} with every control on and evidence written; Python {machine['python']},"
        f" {machine['cpus']} CPUs, {machine['system']}{', quick' if figures['quick'] else ''}",
        *(f"{figures[key]:,g} {words}" for key, words in _PLAIN.items()),
    )
    return [head, Text(), *_controls(figures), Text(), *_growth(figures), Text(), *_mix(figures)]


def _controls(figures: dict[str, Any]) -> list[RenderableType]:
    table = plain_table("control", "µs a message#")
    for name, microseconds in figures["us_by_control"].items():
        table.add_row(name, f"{microseconds:.2f}")
    return [heading("Cost by control, in the order in which they run"), Text(), table]


def _growth(figures: dict[str, Any]) -> list[RenderableType]:
    sizes = plain_table("instances#", "µs a message#")
    for row in figures["scaling"]:
        sizes.add_row(f"{row['instances']:,}", f"{row['us_per_message']:g}")
    edges = plain_table("delegations in force#", "µs for one check#")
    for row in figures["delegation"]:
        edges.add_row(f"{row['edges']:,}", f"{row['us']:g}")
    return [heading("Growth"), Text(), sizes, Text(), edges]


def _mix(figures: dict[str, Any]) -> list[RenderableType]:
    mix, scan = figures["mix"], figures["scan"]
    said = [f"{name.replace('_', ' ')}: {value:g}" for name, value in mix.items()]
    scanned = [f"{name.replace('_', ' ')}: {value:g}" for name, value in scan.items()]
    return [heading("Messages measured on", *said), Text(), heading("Scanning", *scanned)]
