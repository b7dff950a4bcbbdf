"""How a command ends: the exit codes, the refusal that a command raises, what is said of a defect.

    0    held: the command did what was asked and what it examined is right
    1    maso failed: a defect of maso, or the machine's (disk full, no permission)
    2    usage: an argument, an option or a fleet file is wrong
    3    nothing to examine: no run, no evidence, no record that matches
    10   an invariant broke
    11   with `--gate`: a breakpoint's whole range lies below the target
    12   the evidence or a sign-off does not verify
    130  interrupted by Ctrl-C; what was done until then is kept and signed
    141  whoever read the output went away

Every line on standard error begins with `maso: `; with `--json` the same stands on standard output as an
object with `error`. Never printed: the text of an exception that maso did not raise itself.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

HELD: Final = 0
FAILED: Final = 1
USAGE: Final = 2
NOTHING: Final = 3
INVARIANT: Final = 10
GATED: Final = 11
UNVERIFIED: Final = 12
INTERRUPTED: Final = 130  # 128 + SIGINT, what a shell reports for it
PIPE_CLOSED: Final = 141  # 128 + SIGPIPE

MEANING: Final = {
    HELD: "held",
    FAILED: "maso failed",
    USAGE: "usage: an argument or a fleet file is wrong",
    NOTHING: "nothing to examine",
    INVARIANT: "an invariant broke",
    GATED: "with --gate a budget breaks before the target",
    UNVERIFIED: "evidence or a sign-off does not verify",
    INTERRUPTED: "interrupted",
}


class Stop(Exception):  # noqa: N818 - it ends a command; not every end is an error
    """Ends the command. Each line says what is wrong, where, and what is legal, in the user's words.

    `shown`: the command has printed its result already, so standard output is not written again.
    """

    def __init__(self, code: int, *lines: str, shown: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.lines = lines
        self.shown = shown

    def report(self, as_json: bool) -> int:
        """Say it; returns the exit code."""
        say_error(self.lines, self.code, as_json and not self.shown)
        return self.code


def usage(*lines: str) -> Stop:
    return Stop(USAGE, *lines)


def nothing(*lines: str) -> Stop:
    return Stop(NOTHING, *lines)


def say_error(lines: Sequence[str], code: int, as_json: bool) -> None:
    """The lines on standard error and, for a program, as one object on standard output."""
    try:
        for line in lines:
            print(f"maso: {line}", file=sys.stderr)
        sys.stderr.flush()
        if as_json:
            document = {"schema": "maso.error/1", "exit": code, "error": list(lines)}
            print(json.dumps(document, indent=2))
            sys.stdout.flush()
    except OSError:
        _let_go_of_output()  # nobody listens any more; the exit code still says it


def exit_code_of(error: BaseException, as_json: bool) -> int:
    """The exit code for what nobody expected, after saying so."""
    match error:
        case KeyboardInterrupt():
            say_error(("interrupted, nothing was kept",), INTERRUPTED, as_json)
            return INTERRUPTED
        case SystemExit():
            return error.code if isinstance(error.code, int) else FAILED
        case BrokenPipeError():
            _let_go_of_output()
            return PIPE_CLOSED
        case OSError() if error.strerror:
            name = f"`{error.filename}`" if isinstance(error.filename, str) else "a file"
            say_error((f"{name} cannot be used: {error.strerror.lower()}",), FAILED, as_json)
            return FAILED
    say_error((_unexpected(error),), FAILED, as_json)
    return FAILED


def _unexpected(error: BaseException) -> str:
    return (
        f"a defect in maso: {type(error).__name__} {_where(error.__traceback__)}; please report this line."
        " Its text is not shown, since it may quote a message"
    )


def _where(traceback: TracebackType | None) -> str:
    """The last place in maso that the error came through: file, line and function."""
    package = Path(__file__).resolve().parent.parent
    place = "outside maso"
    while traceback is not None:
        code = traceback.tb_frame.f_code
        path = Path(code.co_filename)
        if package in path.parents:
            name = path.relative_to(package.parent).as_posix()
            place = f"at {name}:{traceback.tb_lineno} in `{code.co_name}`"
        traceback = traceback.tb_next
    return place


def _let_go_of_output() -> None:
    """Point the outputs at nothing, so that Python's own flush at exit does not complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(nowhere, stream.fileno())


def seal_process() -> None:
    """No core dump, no dump of stacks, no traceback: nothing of this process's memory reaches a disk."""
    import faulthandler
    import resource

    faulthandler.disable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.excepthook = _short_excepthook
    sys.unraisablehook = _short_unraisable
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a file name need not be text


def _short_excepthook(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    say_error((_unexpected(error),), FAILED, False)


def _short_unraisable(unraisable: object) -> None:
    kind = getattr(unraisable, "exc_type", None)
    name = kind.__name__ if isinstance(kind, type) else "an error"
    say_error((f"a defect in maso: {name} while cleaning up; please report this line",), FAILED, False)
