"""`maso drill`: its options and their help, as `app.py` has those of the others."""

from functools import partial
from typing import Annotated

import typer

from maso.cli.options import Json, Settings, Work

Text = str | None
Name = Annotated[str | None, typer.Argument(metavar="NAME", help="Which drill; `--list` names them.")]
Fleet = Annotated[str | None, typer.Argument(metavar="FLEET", help="A fleet file, or a built-in fleet.")]
Listed = Annotated[bool, typer.Option("--list", help="The drills there are, and what may fail in them.")]
Size = Annotated[Text, typer.Option("--size", metavar="N", help="Agents, or sessions of a depth fleet.")]
Seed = Annotated[Text, typer.Option("--seed", metavar="S", help="The first seed; 1 unless told.")]
Runs = Annotated[Text, typer.Option("--runs", metavar="N", help="Drills, each with the next seed.")]
Fault = Annotated[
    list[str] | None,
    typer.Option(
        "--fault", metavar="F", help="What fails, such as gateway-crash@drain+20s; may be repeated."
    ),
]
Immediate = Annotated[bool, typer.Option("--immediate", help="End everything at once, without a drain.")]
Scope = Annotated[
    Text, typer.Option("--scope", metavar="SCOPE", help="`system`, region:R, cluster:C, type:T, session:N.")
]
Live = Annotated[bool, typer.Option("--live", help="Real processes, a real database, real kills.")]
Database = Annotated[Text, typer.Option("--database", metavar="URL", help="Live: a PostgreSQL database.")]
Postgres = Annotated[bool, typer.Option("--postgres", help="Live: start a PostgreSQL server for it.")]
Bus = Annotated[str, typer.Option("--bus", metavar="BUS", help="Live: `memory` or `nats`.")]
Sessions = Annotated[Text, typer.Option("--sessions", metavar="N", help="Live: customer sessions.")]
Out = Annotated[Text, typer.Option("--out", metavar="DIR", help="Live: keep what each drill leaves behind.")]

NoWayBack = Annotated[
    bool, typer.Option("--no-way-back", help="Live: end with the audit; nobody comes back.")
]


def drill(
    name: Name = None,
    fleet: Fleet = None,
    listed: Listed = False,
    size: Size = None,
    seed: Seed = None,
    runs: Runs = None,
    fault: Fault = None,
    immediate: Immediate = False,
    scope: Scope = None,
    live: Live = False,
    database: Database = None,
    postgres: Postgres = False,
    bus: Bus = "memory",
    sessions: Sessions = None,
    out: Out = None,
    no_way_back: NoWayBack = False,
    settings: Settings = None,
    as_json: Json = False,
) -> Work:
    """Rehearse an emergency, with a pass or a fail.

    killswitch stops a fleet at work at a random moment, in virtual time: two people order it, the stages run,
    money is reconciled with the gateway, two people let it run again. Without `--fault` each seed draws what
    fails, and when; `--fault none` lets nothing fail. It fails when something began after the freeze or took
    effect after the bound, money is ambiguous, or books and stock disagree. `--live`: on real processes.

    \b
    Examples:
      maso drill killswitch ecommerce-10k --runs 50
      maso drill killswitch fleet.yaml --fault plane-crash@drain+20s --fault lossy@run
      maso drill killswitch ecommerce-10k --scope type:payment --immediate
      maso drill killswitch ecommerce-10k --live --sessions 500

    Exit codes: 0 every drill held, 2 usage, 10 a drill failed; docs/shutdown.md explains what is rehearsed.
    """
    if listed:
        from maso.cli.drill import list_command

        return partial(list_command, as_json)
    if live:
        from maso.cli.drill import on_processes

        return partial(
            on_processes, name, fleet, size, scope, sessions, seed, runs, fault or [], database, postgres,
            bus, immediate, out, no_way_back, settings or [], as_json,
        )  # fmt: skip
    from maso.cli.drill import drill_command

    beside = {
        "--database": database,
        "--postgres": postgres,
        "--sessions": sessions,
        "--out": out,
        "--no-way-back": no_way_back,
    }
    return partial(
        drill_command, name, fleet, size, seed, runs, fault or [], immediate, scope, settings or [], as_json,
        [option for option, value in beside.items() if value] + (["--bus"] if bus != "memory" else []),
    )  # fmt: skip
