"""One run: a probe at one point, small enough to send to any process, and what came back.

A run is named by its content: the fleet, maso's own code, the dimension, the probe, the point, the seed and
the settings. The same name means the same counts, so a run that is on disk is never made twice, whoever made
it; CPU times are those of the machine that made it.
"""

import hashlib
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec

import maso
from maso.fleet.load import load
from maso.fleet.model import Fleet
from maso.fleet.resize import resize
from maso.fleet.template import FleetFile, GrowthRule
from maso.stress.dimension import Outcome, Settings, Trial, adapted
from maso.stress.registry import by_id
from maso.stress.timing import cpu_us

# Enough for a worker that meets a few sizes in turn; a fleet of 4,000 agents is some 20 MB.
FLEETS_KEPT: Final = 6


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What to run. `settings` are all keys of the `controls` section that the dimension names, sorted."""

    dimension: str
    probe: str
    size: int
    at: int
    seed: int
    target: int
    quick: bool
    settings: Settings
    adaptations: tuple[str, ...] = ()
    rule: GrowthRule | None = None


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A job that was done. `key` names its file under `runs/`."""

    key: str
    job: Job
    values: Mapping[str, float]
    details: Mapping[str, Any]
    cpu_seconds: float


class ProbeError(Exception):
    """A probe raised; says which and where, without any text of a message."""


@cache
def code_digest() -> str:
    """SHA-256 over every source and data file of the installed package."""
    root = Path(maso.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
        digest.update(file.relative_to(root).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def fleet_file_digest(file: FleetFile) -> str:
    """SHA-256 of what the file says; comments and layout do not count."""
    return hashlib.sha256(msgspec.msgpack.encode(file)).hexdigest()


def run_key(job: Job, fleet_sha256: str, code_sha256: str) -> str:
    raw = msgspec.msgpack.encode((fleet_sha256, code_sha256, job))
    return f"{job.dimension}-{job.probe}-{job.at}-{hashlib.sha256(raw).hexdigest()[:16]}"


@lru_cache(maxsize=2)
def _file(text: str) -> FleetFile:
    loaded = load(text)
    assert loaded.file is not None  # it was loaded before it was sent here
    return loaded.file


@lru_cache(maxsize=FLEETS_KEPT)
def _fleet(text: str, size: int, rule: GrowthRule | None) -> Fleet:
    return resize(_file(text), size, rule)


def perform(text: str, key: str, job: Job) -> Run:
    """Run `job` on the fleet file `text`; the only function that workers call. Raises ProbeError."""
    dimension = by_id()[job.dimension]
    probe = next(p for p in dimension.probes if p.id == job.probe)
    trial = Trial(
        fleet=adapted(_fleet(text, job.size, job.rule), job.settings),
        size=job.size,
        at=job.at,
        target=job.target,
        seed=job.seed,
        quick=job.quick,
        adaptations=job.adaptations,
    )
    outcomes: list[Outcome] = []
    try:
        spent_us = cpu_us(lambda: outcomes.append(probe.run(trial)), repetitions=1, collect=True)
    except Exception as error:
        where = f"{job.dimension}/{job.probe} at {job.at}, seed {job.seed}"
        raise ProbeError(f"{where}: {_told(error)}") from None
    known = {quantity.id for quantity in probe.quantities}
    strange = set(outcomes[0].values) - known
    if strange:
        raise ProbeError(f"{job.dimension}/{job.probe} returned undeclared quantities {sorted(strange)}")
    values = {name: float(value) for name, value in sorted(outcomes[0].values.items())}
    return Run(
        key=key, job=job, values=values, details=outcomes[0].details, cpu_seconds=round(spent_us / 1e6, 6)
    )


def _told(error: BaseException) -> str:
    """Type and place of an exception; its text may hold a payload, so it is left out."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    if place is None:
        return type(error).__name__
    name = Path(place.tb_frame.f_code.co_filename).name
    return f"{type(error).__name__} in {name}, line {place.tb_lineno}"
