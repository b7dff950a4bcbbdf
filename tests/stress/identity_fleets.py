"""Fleets for the tests of the identity dimension, at a size and with credentials of either kind."""

from typing import Any

import msgspec

from maso.fleet.load import load_file
from maso.fleet.model import Fleet
from maso.fleet.resize import resize
from maso.stress.dimension import Trial, adapted

POOLED = (("credentials", "pre-provisioned"),)
SESSION = (("credentials", "session"),)


def trial(name: str = "ecommerce-10k", size: int = 12, settings: Any = SESSION, **over: Any) -> Trial:
    file, _ = load_file(name)
    fleet = adapted(resize(file, size), settings)
    fields = {"fleet": fleet, "size": size, "at": size, "target": size, "seed": 1, "quick": True}
    return Trial(**{**fields, **over})


def changed(one: Trial, **over: Any) -> Trial:
    """The trial with fields of its fleet replaced."""
    return msgspec.structs.replace(one, fleet=msgspec.structs.replace(one.fleet, **over))


def types(fleet: Fleet, **over: Any) -> tuple[Any, ...]:
    return tuple(msgspec.structs.replace(t, **over) for t in fleet.types)
