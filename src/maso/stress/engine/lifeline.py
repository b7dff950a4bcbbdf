"""A worker ends at once when whoever started it lets go, or has ended, in whatever way.

The caller holds one end of a pipe and nobody else does; a thread of the worker waits at the other. A caller
that is ended by `kill -9` runs no handler, but the system closes what it held. So one pipe serves both ends:
Ctrl-C that must not wait for a run of half a minute, and a caller that is gone.

Not handled: a worker that stands in a call of a library that keeps the interpreter's lock (none here takes
longer than a second), or that was stopped itself.
"""

import os
import threading
from multiprocessing.connection import Connection
from typing import Final

# A result is sent in two pieces when it is large; an end between them would leave the caller waiting for the
# second. Sending takes a thousandth of this.
SENDING_SECONDS: Final = 0.2

_busy = threading.Event()


def busy(yes: bool) -> None:
    """Whether this process makes a run now; otherwise it may be sending one."""
    if yes:
        _busy.set()
    else:
        _busy.clear()


def hold(line: Connection) -> None:
    """This process ends when the other end of `line` is closed."""
    threading.Thread(target=_end_with, args=(line,), name="lifeline", daemon=True).start()


def _end_with(line: Connection) -> None:
    line.poll(None)  # nothing is ever sent: this returns when the other end is gone
    if not _busy.is_set():
        threading.Event().wait(SENDING_SECONDS)
    os._exit(1)
