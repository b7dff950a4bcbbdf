"""`maso drill killswitch FLEET`: rehearsals in virtual time, judged; `--list`; the way to `drill_live.py`.

Every rehearsal has a seed of its own, counted up from the first. Without `--fault` the seed draws what fails;
the scope and the kind of order are the command's. The worst one is explained line by line: the first that
failed, else the one that used most of its bound.
"""

from typing import Any, Final

from rich.text import Text

from maso.cli.arguments import one_of, whole_number, words
from maso.cli.ending import INVARIANT, Stop, usage
from maso.cli.fleet import declared
from maso.cli.screen import Screen
from maso.fleet.model import Fleet
from maso.report.terminal import plain_table

DRILLS: Final = {"killswitch": "stop a fleet at work, settle its money, and let it run again"}
RUNS_MAX: Final = 100_000
SEED_MAX: Final = 2**63 - 1
NOTHING_FAILS: Final = "none"
LINES_MAX: Final = 40


def list_command(as_json: bool) -> None:
    """The drills there are, and the outages of each."""
    from maso.live.drill_faults import FAULTS
    from maso.sim.outages import FORM, LEGAL

    screen = Screen(as_json)
    document = {"drills": DRILLS, "faults": list(LEGAL), "form": FORM, "faults_live": list(FAULTS)}
    screen.emit("maso.drills/1", document)
    for name, about in DRILLS.items():
        screen.text(f"{name}  {about}")
        screen.text(f"  --fault         {FORM}, or `{NOTHING_FAILS}`; unless told drawn from the seed")
        screen.text(*(f"                  {kind}" for kind in LEGAL))
        screen.text("  --live --fault  mix, or one of", *(f"                  {kind}" for kind in FAULTS))


def on_processes(
    name: str | None,
    fleet: str | None,
    size: str | None,
    scope: str | None,
    sessions: str | None,
    seed: str | None,
    runs: str | None,
    faults: list[str],
    database: str | None,
    postgres: bool,
    bus: str,
    immediate: bool,
    out: str | None,
    no_way_back: bool,
    settings: list[str],
    as_json: bool,
) -> None:
    """The same drill on real processes."""
    from maso.cli.drill_live import Asked, live_command

    wanted = _named(name, fleet)
    if len(faults) > 1:
        raise usage("`--live` takes one `--fault`; `mix` takes turns")
    if scope not in (None, "system"):
        raise usage("`--live` stops the whole system; legal: the drill without `--live` for a part of it")
    if size is not None and sessions is not None:
        raise usage("`--size` and `--sessions` both name the sessions of a live drill; legal: one of them")
    asked = Asked(
        sessions or size, seed, runs, faults[0] if faults else None, database, postgres, bus, immediate, out,
        no_way_back,
    )  # fmt: skip
    live_command(wanted, asked, settings, as_json)


def drill_command(
    name: str | None,
    fleet: str | None,
    size: str | None,
    seed: str | None,
    runs: str | None,
    faults: list[str],
    immediate: bool,
    scope: str | None,
    settings: list[str],
    as_json: bool,
    live_only: list[str],
) -> None:
    """Rehearse; raises Stop with 10 when a law broke."""
    from maso.scan.injection import InjectionDetector
    from maso.scan.scanner import Scanner
    from maso.sim.rehearsal import Rehearsal, document, hurried, log_of, prepare

    wanted = _named(name, fleet)
    if live_only:
        raise usage(f"`{live_only[0]}` is an option of a live drill; legal: with `--live`")
    screen = Screen(as_json)
    found = declared(wanted, size, settings)
    first = whole_number("--seed", seed or "1", 0, SEED_MAX)
    count = whole_number("--runs", runs or "1", 1, RUNS_MAX)
    outages = _outages(found.fleet, faults)
    where = _scope(found.fleet, scope or "system")
    ready, rules = prepare(hurried(found.fleet))
    scanner = Scanner(InjectionDetector())
    documents: list[dict[str, Any]] = []
    worst: tuple[int, list[str]] | None = None
    with screen.progress("rehearsing", count) as advance:
        for number in range(count):
            wish = _wish(ready, first + number, outages, where, immediate)
            rehearsal = Rehearsal(ready, rules, scanner, wish)
            result = rehearsal.run()
            documents.append(document(result))
            bad = (1 << 60 if result.wrong else 0) + result.last_action_ms
            if worst is None or bad > worst[0]:
                worst = (bad, [_title(documents[-1]), *log_of(rehearsal)])
            advance(number + 1)
    whole = together(documents)
    assert worst is not None
    whole["worst"] = worst[1]
    screen.emit("maso.drill/1", {"drill": "killswitch", "live": False, "fleet": found.fleet.fleet, **whole})
    _show(screen, documents, whole)
    if whole["broken"]:
        raise Stop(INVARIANT, *whole["broken"][:20], shown=True)


def _wish(fleet: Fleet, seed: int, outages: Any, scope: str, immediate: bool) -> Any:
    from maso.sim.rehearsal import Wish, wish_of

    drawn = wish_of(fleet, seed).outages if outages is None else outages
    return Wish(seed, drawn, scope, immediate)


def _named(name: str | None, fleet: str | None) -> str:
    legal = ", ".join(DRILLS)
    if name is None:
        raise usage(f"no drill was named; legal: {legal}, or `--list`")
    one_of("NAME", name, tuple(DRILLS))
    if fleet is None:
        raise usage(f"`maso drill {name}` needs a FLEET; legal: a fleet file, or the name of a built-in one")
    return fleet


def _outages(fleet: Fleet, faults: list[str]) -> Any:
    """What fails in every rehearsal; None where the seeds draw it."""
    from maso.sim.faults import FaultError
    from maso.sim.outages import parse
    from maso.sim.rehearsal import regions_of

    if not faults:
        return None
    if faults == [NOTHING_FAILS]:
        return ()
    try:
        return tuple(parse(text, regions_of(fleet)) for text in faults)
    except FaultError as error:
        raise usage(f"`--fault`: {error}") from None


def _scope(fleet: Fleet, scope: str) -> str:
    from maso.sim.rehearsal import regions_of

    level, _, name = scope.partition(":")
    names = {
        "region": regions_of(fleet),
        "cluster": tuple(dict.fromkeys(t.cluster for t in fleet.types)),
        "type": tuple(t.id for t in fleet.types),
    }
    if scope == "system" or (level == "session" and name.isascii() and name.isdecimal() and len(name) < 10):
        return scope
    if level not in names:
        legal = "system, region:NAME, cluster:NAME, type:NAME, session:NUMBER"
        raise usage(f"`--scope` is {words(scope)}; legal: {legal}")
    if name not in names[level]:
        raise usage(f"there is no {level} {words(name)}; legal: {', '.join(names[level]) or 'none here'}")
    return scope


# What is told.


def together(documents: list[dict[str, Any]]) -> dict[str, Any]:
    """All rehearsals as one."""

    def total(key: str) -> int:
        return sum(d[key] for d in documents)

    broken = [f"seed {d['seed']}: {line}" for d in documents for line in d["wrong"]]
    return {
        "runs": len(documents),
        "ambiguous": total("ambiguous"),
        "stock_equals_books": all(d["stock_equals_books"] for d in documents),
        "last_action_ms": max(d["last_action_ms"] for d in documents),
        "bound_ms": max(d["bound_ms"] for d in documents),
        "drained": total("drained"),
        "confirmed": total("confirmed"),
        "rolled_back": total("rolled_back"),
        "listed": total("listed"),
        "passed": not broken,
        "broken": broken,
        "drills": documents,
    }


def _title(d: dict[str, Any]) -> str:
    kind = "immediate" if d["immediate"] else "controlled"
    return f"seed {d['seed']}: {kind} stop of {d['scope']}; {'; '.join(d['outages']) or 'nothing failed'}"


def _show(screen: Screen, documents: list[dict[str, Any]], whole: dict[str, Any]) -> None:
    made = plain_table(
        "seed#", "last action#", "bound#", "drained#", "confirmed#", "rolled back#", "listed#", "ambiguous#",
        "verdict",
    )  # fmt: skip
    made.title, made.title_justify, made.title_style = "kill switch, rehearsed in virtual time", "left", ""
    for d in documents[:LINES_MAX]:
        made.add_row(
            str(d["seed"]), f"{d['last_action_ms']:,} ms", f"{d['bound_ms']:,} ms", str(d["drained"]),
            str(d["confirmed"]), str(d["rolled_back"]), str(d["listed"]), str(d["ambiguous"]),
            "BROKE" if d["wrong"] else "held",
        )  # fmt: skip
    screen.show(made)
    if len(documents) > LINES_MAX:
        screen.text(f"… and {len(documents) - LINES_MAX:,} more; `--json` has all of them")
    held = sum(not d["wrong"] for d in documents)
    screen.text(
        "",
        f"{held:,} of {len(documents):,} held; last action {whole['last_action_ms']:,} ms after the order"
        f" at the latest, bound {whole['bound_ms']:,} ms; {whole['ambiguous']} ambiguous,"
        f" {whole['listed']} listed for a person",
        "",
        "the worst of them:",
    )
    screen.show(*(Text(f"  {line}") for line in whole["worst"][:LINES_MAX]))
