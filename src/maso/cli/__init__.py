"""The command line: reads arguments, calls what does the work, prints, and turns the end into an exit code.

The plane handles cardholder data, so a process of maso leaves nothing behind when it dies: core dumps are
off, no traceback is printed (a traceback with locals would show a payload; one without still quotes the
error's text, which may), and an unexpected error is one line: its kind, and where in maso it happened.

Not handled: what the shell that started maso keeps, and memory that the operating system swaps out.
"""

import sys
from collections.abc import Sequence

from maso.cli.ending import Stop, exit_code_of, seal_process


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code (`ending.py` lists them)."""
    seal_process()
    given = sys.argv[1:] if arguments is None else list(arguments)
    sys.exit(run(given))


def run(arguments: Sequence[str]) -> int:
    """Run one command; the exit code. Nothing but a second Ctrl-C escapes."""
    as_json = "--json" in arguments
    try:
        from maso.cli.app import invoke

        return invoke(arguments)
    except Stop as stop:
        return stop.report(as_json)
    except BaseException as error:
        return exit_code_of(error, as_json)
