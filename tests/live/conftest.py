"""Folders with short paths for sockets: the path of a test's own folder is longer than a socket may have."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def sockets() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="maso-t-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)
