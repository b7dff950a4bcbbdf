"""What the disk refuses is told with the file it was about.

The system names a file that cannot be opened, but not one that cannot be written any further (a full disk, a
quota, a disk that went away): an `OSError` of an open file has no name. Not handled: SQLite and PostgreSQL,
which have errors of their own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """An OSError raised in here names `path`, unless it names a file already."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise
