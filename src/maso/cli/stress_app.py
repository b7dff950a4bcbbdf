"""The commands around a stress test: their options and their help, as `app.py` has those of the others."""

from functools import partial
from typing import Annotated

import typer

from maso.cli.options import FleetName, Json, RunDir, Settings, Work

Text = str | None
Dimensions = Annotated[
    list[str] | None, typer.Option("--dimension", metavar="D", help="Only this dimension; may be repeated.")
]
Target = Annotated[
    Text, typer.Option("--target", metavar="N", help="Agents or sessions to reach; the file's `target.size`.")
]
Quick = Annotated[
    bool,
    typer.Option("--quick", help="About a minute: fewer sizes and seeds, as the report says."),
]
Seed = Annotated[Text, typer.Option("--seed", metavar="S", help="The first seed; 1 unless told.")]
Gate = Annotated[bool, typer.Option("--gate", help="For CI: exit 11 when a budget breaks before the target.")]
Resume = Annotated[
    bool, typer.Option("--resume", help="Keep what DIR holds and make only the runs that are missing.")
]
Compare = Annotated[
    Text, typer.Option("--compare", metavar="OLD", help="Show what changed since the stress run in OLD.")
]
ExecutorName = Annotated[
    str, typer.Option("--executor", metavar="NAME", help="`processes`, `inline`, or `ray`.")
]
Workers = Annotated[Text, typer.Option("--workers", metavar="N", help="Processes; one a core unless told.")]
Out = Annotated[
    Text, typer.Option("--out", metavar="DIR", help="Where it is written; `stress-FLEET` unless told.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace an earlier run in DIR.")]


def stress(
    fleet: FleetName,
    dimension: Dimensions = None,
    target: Target = None,
    quick: Quick = False,
    seed: Seed = None,
    gate: Gate = False,
    resume: Resume = False,
    compare: Compare = None,
    executor: ExecutorName = "processes",
    workers: Workers = None,
    out: Out = None,
    force: Force = False,
    settings: Settings = None,
    as_json: Json = False,
) -> Work:
    """Where do a fleet's controls break as it grows?

    Runs the real controls while the fleet grows from a handful of agents past its target, fits how each
    quantity grows, bisects the size at which it breaks its budget, applies adaptations and measures again,
    tries to get past the controls, and answers the questions of the stress test from what was measured.
    Writes DIR/report.html (one page, opens offline), report.md, findings.json, tables as CSV, junit.xml for
    CI, and every run. Budgets come from the fleet file; what it does not declare is named with its key.

    \b
    Examples:
      maso stress ecommerce-10k --quick
      maso stress fleet.yaml --target 400 --out before
      maso stress fleet.yaml --dimension delegation --set controls.delegation_policy=role-based --out after
      maso stress fleet.yaml --compare before --gate --out now

    Exit codes: 0 done (with --gate: every budget holds at the target), 2 usage, 11 with --gate: a breakpoint
    lies wholly below the target, or worse than OLD; 130 interrupted (`--resume` goes on).
    """
    from maso.cli.stress import Asked, stress_command

    asked = Asked(
        fleet, dimension or [], target, quick, seed, gate, resume, compare, executor, workers, out, force,
        settings or [],
    )  # fmt: skip
    return partial(stress_command, asked, as_json)


def report(directory: RunDir, as_json: Json = False) -> Work:
    """Render a stress run's reports again.

    From its findings.json and sign-offs; nothing is measured. Use it after `maso sign`, or with a newer maso.

    \b
    Examples:
      maso report stress-ecommerce-10k

    Exit codes: 0 rendered, 2 the findings are of another format, 3 there are none.
    """
    from maso.cli.rendering import report_command

    return partial(report_command, directory, as_json)


def dimensions(as_json: Json = False) -> Work:
    """What a stress test measures, and what it tries.

    \b
    Examples:
      maso dimensions
      maso dimensions --json
    """
    from maso.cli.questions import dimensions_command

    return partial(dimensions_command, as_json)


def questions(as_json: Json = False) -> Work:
    """The 80 questions of a stress test.

    \b
    Examples:
      maso questions
    """
    from maso.cli.questions import questions_command

    return partial(questions_command, as_json)
