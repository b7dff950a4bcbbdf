"""The summary of a fleet for the screen. Tables of more than `ROWS_MAX` lines are folded or cut."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from maso.fleet.summary import Summary, TypeRow
from maso.fleet.warnings import Severity

# What fits a screen without scrolling the head of the summary away.
ROWS_MAX: Final = 24
WHERE_MAX: Final = 4
# Two ids and the short columns of a table fit in 110 columns; ids may have 64 characters.
ID_COLUMNS_MAX: Final = 24
_STYLES: Final[dict[Severity, str]] = {"high": "bold red", "medium": "yellow", "low": "dim"}


def render(summary: Summary) -> RenderableType:
    """Everything that `maso check` prints for a fleet without mistakes."""
    parts: list[RenderableType] = [
        _head(summary),
        _types(summary),
        _providers(summary),
        _compartments(summary),
    ]
    parts += [_actions(summary), _delegations(summary), _rules(summary), *_warnings(summary)]
    return Group(*parts)


class _Words(Table):
    """A table whose lines break between words; where they do not all fit, the longest are cut, names last."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        widths = self._widths(options.max_width)
        for column, width in zip(self.columns, widths, strict=True):
            column.width = width
        yield from super().__rich_console__(console, options)

    def _widths(self, width: int) -> list[int | None]:
        """Of each column; None leaves it to Rich, where everything fits."""
        texts = [[str(column.header), *map(str, column.cells)] for column in self.columns]
        natural = [max(cell_len(line) for text in column for line in text.split("\n")) for column in texts]
        words = [
            max((cell_len(word) for text in column for word in text.split()), default=1) for column in texts
        ]
        free = max(width - 2 * len(texts), len(texts))  # a blank on both sides of each
        if sum(natural) <= free:
            return [None] * len(texts)
        name = min(words[0], ID_COLUMNS_MAX)
        words = _capped([name, *[1] * (len(texts) - 1)], words, free)
        return [*_capped(words, natural, free)]


def _capped(least: list[int], most: list[int], free: int) -> list[int]:
    """Widths from `least` to `most` that fit; the widest give way first."""
    cap = max(most)
    while cap and sum(_between(least, most, cap)) > free:
        cap -= 1
    return _between(least, most, cap)


def _between(least: list[int], most: list[int], cap: int) -> list[int]:
    return [max(low, min(high, cap)) for low, high in zip(least, most, strict=True)]


def _in_lines(name: str) -> str:
    """A long id on two lines, broken where a part of it ends."""
    cut = max(name.rfind(mark, 1, ID_COLUMNS_MAX) for mark in "._-") if len(name) > ID_COLUMNS_MAX else -1
    return name if cut < 0 else f"{name[: cut + 1]}\n{name[cut + 1 :]}"


def _table(title: str, *columns: str) -> Table:
    table = _Words(
        title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, expand=False
    )
    for column in columns:
        right = column.startswith(">")
        table.add_column(column.lstrip(">"), justify="right" if right else "left", overflow="fold")
    return table


def _some(names: Iterable[str], most: int = WHERE_MAX) -> str:
    names = list(names)
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def _count(n: int, word: str) -> str:
    """`1 link`, `2 links`, `2 agent types`."""
    return f"{n:,} {word}{'' if n == 1 else 'es' if word.endswith('ch') else 's'}"


def _head(s: Summary) -> Text:
    unit = "session" if s.kind == "depth" else "agent"
    n = s.counts
    chain = f"{'' if s.chain.exact else 'at least '}{_count(s.chain.handoffs, 'handoff')}"
    lines = [f"{s.fleet}: {s.about}" if s.about else s.fleet]
    size, instances = _count(s.size, unit), _count(s.instances, "instance")
    lines.append(f"{s.kind} fleet of tier {s.tier} at size {size}, {instances}")
    paths = f"{_count(s.paths, 'path')} (from one agent to another)"
    delegations = _count(n["delegations"], "delegation")
    lines.append(f"{_count(n['types'], 'agent type')}, {_count(n['links'], 'link')}, {paths}, {delegations}")
    ports, schemas = _count(n["ports"], "port"), _count(n["schemas"], "schema")
    lines.append(f"{_count(n['actions'], 'action')} through {ports}, {schemas}")
    places = f"{_count(n['clusters'], 'cluster')} in {_count(n['regions'], 'region')}"
    lines.append(f"{places}; longest chain {chain}")
    if n["barriers"]:
        pairs, linked = _count(s.barrier_pairs, "pair"), _count(s.barrier_pairs_linked, "pair")
        apart = f"{pairs} of agents, only one of each cleared"
        lines.append(f"{_count(n['barriers'], 'information barrier')} between {apart}; {linked} linked")
    return Text("\n".join([*lines, *_traffic(s)]) + "\n")


def _traffic(s: Summary) -> list[str]:
    t = s.traffic
    journeys = _count(s.counts["journeys"], "journey")
    messages = _count(round(t.messages_per_minute), "message")
    actions = _count(round(t.actions_per_minute), "action")
    lines = []
    if s.counts["journeys"]:
        lines.append(f"{journeys}, {t.steps_per_session:g} steps of agents in each, on average")
    if t.messages_per_minute:
        lines.append(f"{messages} a minute, {t.messages_per_minute_peak:,.0f} at peak")
    if t.actions_per_minute:
        lines.append(
            f"{actions} a minute; the judge costs ${t.judge_usd_per_hour:,.0f} "
            f"an hour, ${t.judge_all_usd_per_hour:,.0f} if it saw all of them"
        )
    return lines


def _types(s: Summary) -> RenderableType:
    if len(s.types) > ROWS_MAX:
        return _clusters(s)
    table = _table(
        "Agents",
        "type",
        "risk",
        "provider",
        "cleared for",
        ">may do",
        ">passes on",
        ">judged",
        "budget a session",
    )
    for t in s.types:
        name = _in_lines(t.id) if t.plane == "task" else f"{_in_lines(t.id)} (control)"
        table.add_row(
            name,
            t.risk,
            t.provider,
            t.clearance,
            str(t.actions),
            str(t.may_request),
            f"{t.judged:.0%}",
            t.budgets,
        )
    return table


def _clusters(s: Summary) -> Table:
    table = _table("Agents by cluster", "cluster", ">agents", ">control", "risk", "providers", "regions")
    clusters: dict[str, list[TypeRow]] = {}
    for t in s.types:
        clusters.setdefault(t.cluster, []).append(t)
    for name, rows in list(clusters.items())[:ROWS_MAX]:
        table.add_row(
            name,
            str(len(rows)),
            str(sum(t.plane == "control" for t in rows)),
            _tally(t.risk for t in rows),
            _tally(t.provider for t in rows),
            _some(dict.fromkeys(t.region for t in rows if t.region)),
        )
    if len(clusters) > ROWS_MAX:
        table.add_row(f"and {len(clusters) - ROWS_MAX} more")
    return table


def _tally(words: Iterable[str]) -> str:
    return ", ".join(f"{n} {word}" for word, n in Counter(words).items())


def _providers(s: Summary) -> Table:
    table = _table(
        "Providers", "provider", ">agents", ">share", ">control", ">$/M in", ">$/M out", "price source"
    )
    for p in s.providers:
        table.add_row(
            p.id,
            str(p.agents),
            f"{p.share:.0%}",
            str(p.control),
            f"{p.usd_per_million_input_tokens:g}",
            f"{p.usd_per_million_output_tokens:g}",
            p.price_source,
        )
    return table


def _compartments(s: Summary) -> Table:
    table = _table("Compartments", "compartment", "barrier", ">cleared", "enters by", "leaves by")
    for c in s.compartments:
        cleared = str(len(c.cleared))
        table.add_row(c.id, "yes" if c.barrier else "", cleared, _some(c.enters_by, 3), _some(c.leaves_by, 3))
    return table


def _actions(s: Summary) -> Table:
    table = _table("Actions", "action", "port", "risk", "marks", "endorsed by", ">judged", "who")
    for a in s.actions[: 2 * ROWS_MAX]:
        marks, endorsers = ", ".join(a.marks), ", ".join(a.endorsed_by)
        table.add_row(_in_lines(a.id), a.port, a.risk, marks, endorsers, f"{a.judged:.0%}", _some(a.who, 2))
    if len(s.actions) > 2 * ROWS_MAX:
        table.add_row(f"and {len(s.actions) - 2 * ROWS_MAX} more")
    return table


def _delegations(s: Summary) -> Table:
    table = _table("Delegations", "from", "to", "actions")
    for source, target, actions in s.delegations[:ROWS_MAX]:
        table.add_row(source, target, _some(actions, 6))
    if len(s.delegations) > ROWS_MAX:
        table.add_row(f"and {len(s.delegations) - ROWS_MAX} more")
    return table


def _rules(s: Summary) -> Text:
    steps = ", ".join(f"{share:.0%} {step}" for share, step, _ in s.budget_steps) or "no steps"
    budget = "none" if s.budget_usd_per_day is None else f"${s.budget_usd_per_day:,.0f} a day ({steps})"
    stages = ", ".join(f"{stage} {seconds} s" for stage, seconds in s.shutdown) or "none"
    return Text(f"\nBudget: {budget}\nShutdown: {stages}\n")


def _warnings(s: Summary) -> list[RenderableType]:
    if not s.warnings:
        return [Text("No warnings.")]
    tally = ", ".join(f"{n} {word}" for word, n in Counter(w.severity for w in s.warnings).items())
    parts: list[RenderableType] = [Text(f"Warnings ({tally})", style="bold")]
    for w in s.warnings:
        text = Text()
        text.append(f"{w.severity:<6} ", style=_STYLES[w.severity])
        text.append(f"{w.id}: ", style="bold")
        text.append(f"{w.what}: {_some(w.where)}\n       why: {w.why}\n       do:  {w.todo}")
        parts.append(text)
    return parts
