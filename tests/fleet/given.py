"""The built-in fleets as the tests take them: their text, file and fleet, which are always there."""

from maso.fleet.builtins import builtin_path
from maso.fleet.load import load
from maso.fleet.model import Fleet
from maso.fleet.template import FleetFile


def text_of(name: str) -> str:
    path = builtin_path(name)
    assert path is not None, name
    return path.read_text("utf-8")


def file_of(text: str) -> FleetFile:
    file = load(text).file
    assert file is not None
    return file


def fleet_of(text: str) -> Fleet:
    fleet = load(text).fleet
    assert fleet is not None
    return fleet
