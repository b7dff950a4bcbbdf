"""What a live drill says where the packages of an extra are not installed: how to get them."""

import asyncio
import importlib.util
import sys

import pytest

from maso.live.bus import NatsBus
from maso.live.postgres import MissingError, make_schema
from maso.live.postgres_server import _programs


async def _nobody(_: bytes) -> None:
    return


def test_without_its_driver_postgresql_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingError, match=r"PostgreSQL needs .*`\./maso --with live drill \.\.\.`"):
        make_schema("postgresql://nowhere/x")


def test_without_its_wheel_a_server_of_its_own_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(
        MissingError, match=r"^`--postgres` needs packages .*, or SQLite, which needs nothing$"
    ):
        _programs()


def test_without_its_client_the_bus_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nats", None)
    with pytest.raises(MissingError, match=r"`\./maso --with live drill \.\.\.` .*, or no `--bus`$"):
        asyncio.run(NatsBus.connect("nats://nowhere", _nobody, _nobody))  # type: ignore[arg-type]
