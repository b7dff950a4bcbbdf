"""The commands, their options and their help. What a command does is in the module that it imports.

Every value arrives as text and is read by `arguments.py`; a command's own module is imported when it runs,
so that `maso --help` stays fast. A command here returns the work instead of doing it: done inside Typer, it
would meet Typer's own opinions about Ctrl-C and closed pipes.
"""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Final

import typer
from typer.exceptions import TyperException

from maso import __version__
from maso.cli.arguments import closest, words
from maso.cli.drill_app import drill
from maso.cli.ending import HELD, USAGE, Stop, usage
from maso.cli.options import FleetName, Json, RunDir, Settings, Work
from maso.cli.stress_app import dimensions, questions, report, stress

_ABOUT: Final = """maso runs a fleet of AI agents, described in one file, through its real security controls.

\b
  maso init                                 write a small fleet file to start from
  maso check fleet.yaml                     is it right, and what does it say?
  maso stress fleet.yaml --quick            how its controls scale, where they break, what fixes it
  maso run fleet.yaml --minutes 5 --out out run it: honest traffic and adversaries
  maso drill killswitch fleet.yaml          stop it in the middle of paying, and settle its money
  maso ls out --decision deny               what was refused
  maso explain out 4711                     the whole chain behind one decision
  maso verify out                           does the record of the run still hold?
  maso sign stress --as NAME --role ROLE    accept findings, item by item, with conditions

FLEET is the path of a fleet file or the name of a built-in one; a wrong name lists them.

\b
Exit codes: 0 held, 1 maso failed, 2 usage, 3 nothing to examine, 10 an invariant broke,
11 with --gate a budget breaks before the target, 12 evidence or a sign-off does not verify, 130 interrupted.
"""

app: Final = typer.Typer(
    name="maso",
    help=_ABOUT,
    add_completion=False,  # it would write into the user's shell configuration
    rich_markup_mode=None,
    pretty_exceptions_enable=False,  # they show locals
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 110},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"maso {__version__}")
        raise typer.Exit(HELD)


@app.callback(invoke_without_command=True)
def _maso(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Print the version and exit.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        raise usage(f"no command was given; legal: {_command_list()}")


@app.command()
def init(
    file: Annotated[str, typer.Argument(metavar="[FILE]", help="Where to write it.")] = "fleet.yaml",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: Json = False,
) -> Work:
    """Write a small commented fleet file to start from.

    A help desk with four agents, complete enough to be run; docs/fleet-files.md explains it part by part.
    `-` prints it instead.

    \b
    Examples:
      maso init
      maso init my-fleet.yaml
      maso init - | less
    """
    from maso.cli.fleet import init_command

    return partial(init_command, file, force, as_json)


@app.command()
def check(
    fleet: FleetName,
    size: Annotated[str | None, typer.Option("--size", metavar="N", help="Check it at another size.")] = None,
    settings: Settings = None,
    as_json: Json = False,
) -> Work:
    """Is this fleet file right, and what does it say?

    Every mistake comes with its line, what is wrong and what is legal; what a mistaken entry means is checked
    once it is mended. A right file gives a summary, and the warnings that an architect would raise.

    \b
    Examples:
      maso check fleet.yaml
      maso check ecommerce-10k --json
      maso check ecommerce-10k --set types.payment.judge=0.5

    Exit codes: 0 the file is right (warnings may stand), 2 it has mistakes or does not exist.
    """
    from maso.cli.fleet import check_command

    return partial(check_command, fleet, size, settings or [], as_json)


for command in (stress, report, dimensions, questions, drill):
    app.command()(command)


@app.command()
def controls(
    control: Annotated[
        str,
        typer.Argument(
            metavar="[ID]", help="One control, such as EC-2.6, or a reason, such as EC-2.6/refused."
        ),
    ] = "",
    published: Annotated[
        bool, typer.Option("--published", help="Use the numbers of the current public MASO catalogue.")
    ] = False,
    as_json: Json = False,
) -> Work:
    """The controls that run, or one of them with every reason that it may give, or one reason.

    Ids are those of the documents that maso was built for. `--published` shows the numbers that the public
    MASO catalogue gives the same controls today, and takes an ID as such a number only; without it, an ID
    that is none here is looked up there too.

    \b
    Examples:
      maso controls
      maso controls EC-2.6
      maso controls EC-2.6/refused
      maso controls IA-2.3 --published

    Exit codes: 0, or 2 when there is no such control.
    """
    from maso.cli.controls import controls_command

    return partial(controls_command, control, published, as_json)


@app.command()
def run(
    fleet: FleetName,
    size: Annotated[
        str | None,
        typer.Option("--size", metavar="N", help="Agents of a breadth fleet, sessions of a depth fleet."),
    ] = None,
    minutes: Annotated[
        str | None, typer.Option("--minutes", metavar="M", help="Virtual minutes; 5 unless told.")
    ] = None,
    seed: Annotated[
        str | None, typer.Option("--seed", metavar="S", help="Another seed is another run; 1 unless told.")
    ] = None,
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="Where the run is written.")] = "out",
    settings: Settings = None,
    attack: Annotated[
        list[str] | None,
        typer.Option("--attack", metavar="ID", help="Only this adversary, or `none`; may be repeated."),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            "--fault", metavar="KIND@START+TIME", help="Break something for a while; may be repeated."
        ),
    ] = None,
    peak: Annotated[bool, typer.Option("--peak", help="A breadth fleet works at its peak rate.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier run in DIR.")] = False,
    as_json: Json = False,
) -> Work:
    """Run a fleet in virtual time through its real controls, with honest traffic and adversaries.

    Prints what was decided and why, and writes DIR/fleet.yaml (as run), DIR/evidence/ (the signed record)
    and DIR/summary.json. The same fleet, size, minutes and seed give the same evidence, byte for byte.
    Traffic, people and the world are simulated; every decision is made by the code that would run live.
    What broke comes with its place: whose attempt, which way or action, which session, which records. When
    honest traffic does not get through, the last line on standard error says so and why.

    \b
    A fault is KIND[:TARGET]@START+TIME (60s, 2m, 1h), by default where the most critical actions are hit:
      gateway-outage, gateway-slow          a port: calls to it fail, or take thirty times as long
      provider-outage                       a provider: agents whose model runs there say nothing
      cluster-down, orchestrator-stopped    a cluster: its agents, or only its orchestrator
      instance-failure                      an agent type: one instance of it fails at all it does
      layer-down, coordinator-stopped       guardrails, judge or human; PACE itself, which then goes on

    \b
    Examples:
      maso run research-5 --minutes 10
      maso run ecommerce-10k --size 200 --minutes 15 --fault gateway-outage@60s+120s
      maso run ecommerce-10k --size 10000 --minutes 5 --seed 7 --out out
      maso run fleet.yaml --set types.payment.budgets.turns=5 --out tight

    Exit codes: 0 held, 2 usage, 3 no message was sent, 10 an invariant broke, 130 interrupted (the evidence
    is closed and signed all the same).
    """
    from maso.cli.running import run_command

    return partial(
        run_command, fleet, size, minutes, seed, out, settings or [], attack or [], fault or [], peak, force,
        as_json,
    )  # fmt: skip


@app.command()
def ls(
    run_dir: RunDir,
    decision: Annotated[
        str | None, typer.Option("--decision", metavar="D", help="Only these: allow, redact, hold or deny.")
    ] = None,
    control: Annotated[
        str | None, typer.Option("--control", metavar="ID", help="Only what this control spoke about.")
    ] = None,
    type_id: Annotated[
        str | None, typer.Option("--type", metavar="T", help="Only from or to this agent type or port.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="CODE", help="Only what this reason was given for.")
    ] = None,
    action: Annotated[
        str | None, typer.Option("--action", metavar="ID", help="Only this action and the answers to it.")
    ] = None,
    session: Annotated[
        str | None, typer.Option("--session", metavar="S", help="Only this session, such as 12 or h8.")
    ] = None,
    honest: Annotated[
        bool, typer.Option("--honest", help="Without sessions and channels of adversaries.")
    ] = False,
    limit: Annotated[
        str | None, typer.Option("--limit", metavar="N", help="At most so many; 20 unless told.")
    ] = None,
    as_json: Json = False,
) -> Work:
    """Find an envelope in the evidence of a run.

    One line for each message, credential and contract: when, what was decided, from whom to whom, and why.
    A session whose number begins with `h` is an adversary's; what is held first has a second line when it is
    decided. A refused credential proves nobody, so `--honest` leaves it out.

    \b
    Examples:
      maso ls out --decision deny
      maso ls out --decision deny --honest
      maso ls out --control EC-2.6 --type payment
      maso ls out --reason EC-2.6/refused --action order.create
      maso ls out --session h8
      maso ls out --limit 1000 --json

    Exit codes: 0, 2 usage, 3 nothing matches or there is no evidence, 12 the evidence is damaged.
    """
    from maso.cli.listing import Asked, ls_command

    asked = Asked(decision, control, type_id, reason, action, session, honest)
    return partial(ls_command, run_dir, asked, limit, as_json)


@app.command()
def explain(
    run_dir: RunDir,
    envelope: Annotated[str, typer.Argument(metavar="ENVELOPE", help="Its number, as `maso ls` shows it.")],
    as_json: Json = False,
) -> Work:
    """The whole chain behind one decision, rebuilt from the evidence alone.

    Who sent it, under which credential, contracts and endorsements, what was found and why it was decided
    so; and everything that its sender had read before, up to where it entered the fleet. Of a record that is
    about no message (an admission, a contract, a gate): what it is and what it changed.

    \b
    Examples:
      maso explain out 4711
      maso explain out 4711 --json

    Exit codes: 0, 2 usage, 3 there is no such record or no evidence, 12 the evidence is damaged.
    """
    from maso.cli.tracing import explain_command

    return partial(explain_command, run_dir, envelope, as_json)


@app.command()
def verify(
    run_dir: RunDir,
    head: Annotated[
        str | None,
        typer.Option("--head", metavar="HEX", help="The head that the run printed: shows a rollback."),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="HEX", help="The public key that must have signed the evidence."),
    ] = None,
    fingerprints: Annotated[
        list[str] | None,
        typer.Option("--key-fingerprint", metavar="HEX", help="A key that must have signed the findings."),
    ] = None,
    signed: Annotated[
        list[str] | None,
        typer.Option(
            "--signed", metavar="HEX", help="A record that `maso sign` wrote and that must be here."
        ),
    ] = None,
    as_json: Json = False,
) -> Work:
    """Do the evidence of a run and the sign-offs of a stress run still hold?

    Reads every byte, changes nothing, and names the record that is wrong. Without `--head` a log that
    was cut back to an earlier signed end, or replaced by another one, cannot be told from a whole one:
    keep the head that `maso run` prints somewhere else. For sign-offs, `--key-fingerprint` says whose key
    must have signed, and `--signed` that a record must still be there; both may be repeated.

    \b
    Examples:
      maso verify out
      maso verify out --head 5c0f... --json
      maso verify out --key-fingerprint 9a41...

    Exit codes: 0 it holds, 3 there is nothing to verify, 12 it does not hold.
    """
    from maso.cli.evidence import Known, verify_command

    return partial(verify_command, run_dir, Known(head, key, fingerprints or [], signed or []), as_json)


@app.command()
def sign(
    run_dir: Annotated[str, typer.Argument(metavar="DIR", help="The directory of a stress run.")],
    name: Annotated[str | None, typer.Option("--as", metavar="NAME", help="Who signs.")] = None,
    role: Annotated[
        str | None, typer.Option("--role", metavar="ROLE", help="In which role, such as risk-owner.")
    ] = None,
    accept: Annotated[
        list[str] | None, typer.Option("--accept", metavar="ITEM", help="Accept this; may be repeated.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Accept everything that can be.")] = False,
    condition: Annotated[
        list[str] | None,
        typer.Option(
            "--condition", metavar="ITEM=TEXT", help="Accept it on this condition; may be repeated."
        ),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option(
            "--expires", metavar="DATE|DAYS", help="The last day, such as 2027-01-31, or days from now."
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="FILE", help="Your signing key; otherwise one by your name."),
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="Show what can be accepted; sign nothing.")] = False,
    as_json: Json = False,
) -> Work:
    """Accept what a stress run found, item by item, and sign it with your own key.

    Signs the SHA-256 of DIR/findings.json, what you accept, on which conditions and until when, and what you
    do not accept; writes DIR/signatures/N.json, which names the sign-off before it. On first use a key is
    made for you in your configuration (maso/keys); MASO_KEY_PASSPHRASE, or a prompt, protects it. A run
    that was changed after it was signed does not verify.

    \b
    Examples:
      maso sign out --list
      maso sign out --as "Ada Lovelace" --role risk-owner --accept F2.4 --expires 90
      maso sign out --as "Ada Lovelace" --role risk-owner --all \\
        --condition F2.4="answered before the pilot"

    Exit codes: 0, 2 usage, 3 there are no findings, 12 the sign-offs that are there do not verify.
    """
    from maso.cli.sign import Asked, sign_command

    asked = Asked(name, role, accept or [], condition or [], expires, everything, key, listing)
    return partial(sign_command, run_dir, asked, as_json)


@app.command()
def bench(
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer messages, one round, smaller fleets.")
    ] = False,
    as_json: Json = False,
) -> Work:
    """Measure the hot path on this machine, with every control on.

    Messages a second and core, cost by control, cost at growing fleets, memory for each instance. CPU time,
    on recorded traffic of the built-in shop, always on text that the scanner has not seen.

    \b
    Examples:
      maso bench --quick
      maso bench --json
    """
    from maso.cli.bench import bench_command

    return partial(bench_command, quick, as_json)


def _command_list() -> str:
    return ", ".join(
        f"`{info.name or info.callback.__name__}`" for info in app.registered_commands if info.callback
    )


def invoke(arguments: Sequence[str]) -> int:
    """Run the command that the arguments name; the exit code. Raises Stop and whatever the command raises."""
    command = typer.main.get_command(app)
    try:
        found = command.main(list(arguments), prog_name="maso", standalone_mode=False)
    except TyperException as error:
        raise _as_stop(error, list(arguments)) from None
    if callable(found):
        found()
    return found if isinstance(found, int) else HELD


def _as_stop(error: TyperException, arguments: list[str]) -> Stop:
    """Typer's mistake in maso's words."""
    context: Any = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "maso"
    return Stop(USAGE, _mistake(error, context, arguments), f"`{path} --help` shows what it takes")


def _mistake(error: TyperException, context: Any, arguments: list[str]) -> str:
    option: str | None = getattr(error, "option_name", None)
    parameter: Any = getattr(error, "param", None)
    match type(error).__name__:
        case "NoSuchOption" if option is not None:
            return f"there is no option {words(option)}{_near(option, context)}; legal: {_options(context)}"
        case "BadOptionUsage" if option is not None:
            return f"`{option}` needs a value, or was given one that it does not take"
        case "MissingParameter" if parameter is not None:
            return f"`{parameter.metavar or parameter.name}` is missing"
    text = error.message
    if text.startswith("No such command"):
        name = next((word for word in arguments if not word.startswith("-")), "")
        names = [command.strip("`") for command in _command_list().split(", ")]
        return f"there is no command {words(name)}{closest(name, names)}; legal: {_command_list()}"
    if text.startswith("Got unexpected extra argument"):
        return "there are more arguments than the command takes"
    return words(text[:1].lower() + text[1:]).strip("`")


def _options_of(context: Any) -> list[str]:
    if context is None:
        return []
    found = [name for p in context.command.get_params(context) for name in p.opts if name.startswith("-")]
    return [name for name in found if name != "-h"]


def _near(option: str, context: Any) -> str:
    return closest(option, _options_of(context))


def _options(context: Any) -> str:
    return ", ".join(f"`{name}`" for name in _options_of(context))
