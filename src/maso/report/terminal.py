"""How the results of a run look in a terminal: tables and lines made from plain data, nothing measured here.

Every function takes what a command also writes as JSON, so that a summary read back from `summary.json` looks
the same. Colours carry no meaning that the words do not.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

# A fleet of hundreds of types fits no screen: what had most to say is shown, `summary.json` has the rest.
TYPES_SHOWN_MAX: Final = 24
VIOLATIONS_SHOWN_MAX: Final = 5  # the first ones show what is wrong; `summary.json` has twenty of each
BROKEN_SHOWN_MAX: Final = 10  # one control that fails breaks many things in the same way
NOBODY: Final = "nobody proven"  # the row of messages whose sender proved nothing
DECISIONS: Final = ("allow", "redact", "hold", "deny")


def plain_table(*columns: str) -> Table:
    """A table without a frame; columns whose name ends in `#` are numbers, the `#` is not shown."""
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        header_style="bold",
    )
    for column in columns:
        if column.endswith("#"):
            table.add_column(column[:-1], justify="right", no_wrap=True)
        else:
            table.add_column(column, overflow="fold")
    return table


def run_summary(summary: dict[str, Any], pace: Sequence[RenderableType] = ()) -> list[RenderableType]:
    """Everything that `maso run` prints, in the order in which a reader asks; `pace` is its part on PACE."""
    parts: list[RenderableType] = [_head(summary), Text(), *_decisions(summary), Text()]
    parts += [*_honest(summary), Text()]
    parts += [*pace, Text()] if pace else []
    parts += [*_adversaries(summary["adversaries"]), Text()]
    parts += [*_checkers(summary["checkers"]), Text()]
    parts += [*_broken_places(summary.get("broken", [])), Text()] if summary.get("broken") else []
    parts += [*_controls(summary), Text(), _scan(summary["scan"]), Text()]
    return [*parts, _evidence(summary), Text(), _speed(summary)]


def lines(*texts: str) -> Text:
    return Text("\n".join(texts))


def heading(title: str, *texts: str) -> Text:
    """A bold line and the lines under it."""
    made = Text(title, style="bold")
    for text in texts:
        made.append("\n  " + text, style="not bold")
    return made


def share(part: int, whole: int) -> str:
    """Per cent, never rounded up to all of it or down to nothing."""
    if not whole:
        return "-"
    percent = 100 * part / whole
    if part != whole and percent > 99.995:
        return "99.99%"
    if part and percent < 0.005:
        return "<0.01%"
    return f"{percent:.2f}%".replace(".00%", "%")


def _head(s: dict[str, Any]) -> Text:
    fleet = s["fleet"]
    unit = "sessions" if fleet["kind"] == "depth" else "agents"
    minutes = s["simulated_ns"] / 60e9
    cut = ", interrupted" if s["interrupted"] else ""
    return heading(
        f"{fleet['name']} at size {fleet['size']:,} ({unit}), {minutes:g} minutes, seed {s['seed']}{cut}",
        f"{fleet['types']:,} agent types and {fleet['ports']:,} ports; fleet {fleet['sha256'][:16]}",
        "simulated: time, traffic, people, the world, keys (derived from the seed)",
        "real: every control, every decision, the evidence",
    )


def _settled(row: dict[str, int]) -> int:
    """Messages that were decided in the end; a hold is decided again later."""
    return row["allow"] + row["redact"] + row["deny"]


def _decisions(s: dict[str, Any]) -> list[RenderableType]:
    found = s["decisions"]
    by = found["by_decision"]
    settled = _settled(by)
    said = ", ".join(f"{by[name]:,} {word}" for name, word in _WORDS.items())
    table = plain_table(
        "from", *(f"{word}#" for word in _WORDS.values()), "honest allowed#", "by adversaries#"
    )
    rows = sorted(found["by_type"], key=lambda r: -_settled(r["honest"]) - _settled(r["hostile"]))
    kept = rows if len(rows) <= TYPES_SHOWN_MAX else rows[:TYPES_SHOWN_MAX]
    for row in (r for r in found["by_type"] if r in kept):
        table.add_row(*_type_row(row))
    more = len(rows) - len(kept)
    rest = [lines(f"  and {more:,} more types, in summary.json")] if more else []
    legend = _legend_of_decisions(found)
    rest += [lines("", *(f"  {text}" for text in legend))] if legend else []
    return [heading("What was decided", f"{settled:,} messages: {said}"), Text(), table, *rest]


def _legend_of_decisions(found: dict[str, Any]) -> list[str]:
    """What the words in the table mean, of those that are there."""
    said = []
    if found["by_decision"]["hold"]:
        said.append(
            "held first: kept until somebody outside the agents vouched for it or did not, then decided"
        )
    if any(row["type"] == NOBODY for row in found["by_type"]):
        said.append(f"{NOBODY}: forged, expired or unreadable; whoever it names need not have sent it")
    return said


_WORDS: Final = {"allow": "allowed", "redact": "redacted", "hold": "held first", "deny": "denied"}


def _type_row(row: dict[str, Any]) -> list[str]:
    honest, hostile = row["honest"], row["hostile"]
    name = f"{row['type']} (port)" if row["is_port"] else row["type"]
    return [
        name,
        *(f"{honest[d] + hostile[d]:,}" for d in DECISIONS),
        share(honest["allow"] + honest["redact"], _settled(honest)),
        f"{_settled(hostile):,}" if _settled(hostile) else "",
    ]


def _honest(s: dict[str, Any]) -> list[RenderableType]:
    row, honest = s["decisions"]["honest"], s["honest"]
    settled, through = _settled(row), row["allow"] + row["redact"]
    completed = sum(honest["journeys_completed"].values())
    broken = sum(b["count"] for b in honest["journeys_broken"])
    away = honest["sessions_turned_away"]
    parts: list[RenderableType] = [
        heading(
            "Honest traffic (simulated)",
            f"{share(through, settled)} of {settled:,} messages went through,"
            f" {row['redact']:,} of them redacted",
            f"{honest['sessions_opened']:,} sessions opened, {away:,} turned away",
            f"journeys: {completed:,} completed, {broken:,} broken off,"
            f" {honest['journeys_cut_by_the_end']:,} still under way at the end",
            _performed(honest["world_performed"]),
        )
    ]
    refused = [r for r in s["decisions"]["reasons"] if r["decision"] == "deny" and r["honest"]]
    if refused:
        parts += [Text(), heading("Every refusal of an honest message"), Text(), _reasons(refused, "honest")]
    else:
        parts.append(lines("  no honest message was refused"))
    if honest["journeys_broken"]:
        parts += [Text(), _broken(honest["journeys_broken"])]
    if honest["world_declined"]:
        said = [f"{r['count']:,} {r['operation']} ({r['why']})" for r in honest["world_declined"]]
        parts.append(lines("", f"  the world declined, whoever asked: {', '.join(said)}"))
    return parts


def _performed(performed: dict[str, int]) -> str:
    said = ", ".join(
        f"{n:,} {name}" for name, n in sorted(performed.items(), key=lambda p: (-p[1], p[0]))[:8]
    )
    return f"done in the world: {said}" if said else "nothing was done in the world"


def _reasons(rows: Iterable[dict[str, Any]], side: str) -> Table:
    table = plain_table("times#", "reason", "what happened", "what to do")
    for row in sorted(rows, key=lambda r: (-r[side], r["code"])):
        table.add_row(f"{row[side]:,}", row["code"], row["text"], row["remedy"])
    return table


def _broken(rows: list[dict[str, Any]]) -> Table:
    table = plain_table("times#", "journey", "broken off by")
    for row in rows:
        table.add_row(f"{row['count']:,}", row["journey"], row["by"])
    return table


def _adversaries(found: dict[str, Any]) -> list[RenderableType]:
    """What was planted, what refused it, and whether its effect happened, which is what counts."""
    rows = [row for row in found["by_adversary"] if row["attempts"]]
    absent = [row["id"] for row in found["by_adversary"] if not row["attempts"]]
    if not rows:
        return [heading("Adversaries (simulated)", "none took part")]
    head = heading(
        "Adversaries (simulated)",
        f"{found['attempts']:,} attempts by {len(rows)} adversaries, with {found['messages']:,} messages:"
        f" {found['effects_achieved']:,} achieved their effect",
    )
    table = plain_table("adversary", "attempts#", "refused by", "no effect anyway#", "achieved#")
    for row in rows:
        table.add_row(
            row["id"],
            f"{row['attempts']:,}",
            _counted(row["stopped_by"]),
            f"{row['without_effect']:,}" if row["without_effect"] else "",
            f"{len(row['achieved']):,}",
        )
    legend = []
    if any(row["without_effect"] for row in rows):
        legend.append(
            "no effect anyway: no control refused it, and what it wanted did not happen all the same"
        )
    if absent:
        legend.append(
            "no surface for them (this fleet has no link, port or action to aim at; summary.json says what"
            f" is missing): {', '.join(absent)}"
        )
    return [head, Text(), table, *([lines("", *(f"  {text}" for text in legend))] if legend else [])]


def _checkers(found: dict[str, Any]) -> list[RenderableType]:
    """What the independent eyes saw, and what each of them cannot see."""
    head = heading(
        "Checkers (their own view of every event, not the controls')",
        f"{found['events_watched']:,} events watched, {found['violations']:,} violations",
    )
    table = plain_table("inv.#", "checker", "violations#", "does not cover")
    for row in found["by_checker"]:
        table.add_row(str(row["invariant"]), row["name"], f"{row['violations']:,}", row["does_not_cover"])
    for invariant, why in found["not_watched"].items():
        table.add_row(invariant, "not watched", "", why)
    said = [lines(*(f"  {text}" for text in found["first_violations"][:VIOLATIONS_SHOWN_MAX]))]
    return [head, Text(), table, *(said if found["first_violations"] else [])]


def _broken_places(found: list[dict[str, Any]]) -> list[RenderableType]:
    """Everything needed to look into each thing that broke."""
    parts: list[RenderableType] = [heading("What broke, and where")]
    shown = _first_of_each(found)[:BROKEN_SHOWN_MAX]
    for one in shown:
        parts.append(lines("", f"  invariant {one['invariant']}: {_who(one)}"))
        parts.append(lines(*(f"    {name:<10} {text}" for name, text in _place(one) if text)))
    more = len(found) - len(shown)
    return [*parts, lines("", f"  and {more:,} more, `broken` in summary.json")] if more > 0 else parts


def _first_of_each(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first of each adversary and checker: the others look alike."""
    first: dict[str, dict[str, Any]] = {}
    for one in found:
        first.setdefault(one.get("checker") or one["adversary"], one)
    return list(first.values())


def _who(one: dict[str, Any]) -> str:
    variant = f" ({one['variant']})" if one["variant"] else ""
    hostile = f"{one['adversary']}{variant}" if one["adversary"] else ""
    if "checker" not in one:
        return f"adversary {hostile} achieved its effect: {one['effect']}"
    return f"the checker `{one['checker']}` objects" + (f", in an attempt of {hostile}" if hostile else "")


def _place(one: dict[str, Any]) -> list[tuple[str, str]]:
    way = f"{one['from']} > {one['to']}" if one["to"] else one["from"] or ""
    message = f"{one['message']}, {way}, {one['decision']}" if one["message"] else way
    return [
        ("happened", one["what"]),
        ("where", message),
        ("when", f"{one['at']}" + (f", session {one['session']}" if one["session"] else "")),
        ("records", ", ".join(map(str, one["records"])) or "none: it happened outside the messages"),
        ("stop it", ", ".join(one["should_stop_it"])),
        ("spoke", ", ".join(one["spoke"]) or "no control"),
        *(("look at" if i == 0 else "", command) for i, command in enumerate(one["look_at"])),
        ("again", one["reproduce"]),
    ]


def _counted(counts: dict[str, int]) -> str:
    """`3 IA-2.1/mac, 1 LOOP/repeated`, the most frequent first."""
    return ", ".join(f"{n:,} {name}" for name, n in sorted(counts.items(), key=lambda p: (-p[1], p[0])))


def _controls(s: dict[str, Any]) -> list[RenderableType]:
    table = plain_table("control", "name", "denied#", "held#", "redacted#", "marked#")
    silent = []
    for row in s["decisions"]["by_control"]:
        if not any(row[d] for d in DECISIONS):
            silent.append(row["control"])
            continue
        table.add_row(
            row["control"], row["name"], *(f"{row[d]:,}" for d in ("deny", "hold", "redact", "allow"))
        )
    quiet = [lines(f"had nothing to say: {', '.join(silent)}")] if silent else []
    return [heading("Which control spoke, in the order in which they run"), Text(), table, *quiet]


def _scan(scan: dict[str, Any]) -> RenderableType:
    full = share(scan["examined_in_full"], scan["scanned"])
    texts = [f"{scan['scanned']:,} payloads scanned, {full} of them in full"]
    texts += [_found_line(row) for row in scan["found"]]
    if not scan["found"]:
        texts.append("nothing was found in them")
    return heading("Data and injections found", *texts)


def _found_line(row: dict[str, Any]) -> str:
    total = {d: row["honest"][d] + row["hostile"][d] for d in DECISIONS}
    hidden = row["honest"]["hidden"] + row["hostile"]["hidden"]
    said = ", ".join(f"{total[d]:,} {word}" for d, word in _FOUND_WORDS.items() if total[d])
    disguised = f"; {hidden:,} of them disguised" if hidden else ""
    return f"{row['kind'].replace('_', ' ')}: in messages that were {said}{disguised}"


_FOUND_WORDS: Final = {"deny": "denied", "redact": "redacted", "hold": "held", "allow": "allowed"}


def _evidence(s: dict[str, Any]) -> Text:
    kept = s["evidence"]
    return heading(
        "Evidence",
        f"{kept['records']:,} records, {kept['bytes']:,} bytes, closed and signed, in {kept['directory']}",
        f"head {kept['head']}",
        f"key  {kept['public_key']}",
        "keep the head elsewhere: `maso verify DIR --head HEAD` then also sees a rollback",
    )


def _speed(s: dict[str, Any]) -> Text:
    took = s["measured"]
    return heading(
        "Speed (measured on this machine)",
        f"{took['seconds']:,.1f} seconds, {took['cpu_seconds']:,.1f} of CPU:"
        f" {took['messages_per_cpu_second'] or 0:,} messages a second of CPU, with simulation and evidence",
    )
