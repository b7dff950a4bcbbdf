"""Which configurations of the controls are measured, and which of them a probe can tell apart.

A configuration gives a value to every key of the fleet's `controls` section that a dimension names. A probe
says which adaptations can change its values; the keys of all others are put back to standard for it. So two
configurations that a probe cannot tell apart are one series of runs, made once.
"""

from maso.fleet.model import Fleet
from maso.stress.dimension import Adaptation, Dimension, Probe, Settings

Config = dict[str, str]


def standard(dimension: Dimension, fleet: Fleet) -> Config:
    """What works for a handful of agents; keys that it leaves out keep the fleet's own default."""
    given = dimension.standard(fleet) if callable(dimension.standard) else dimension.standard
    defaults = type(fleet.controls)()
    config = {key: str(getattr(defaults, key)) for key in _keys(dimension)}
    config.update(given)
    return config


def declared(dimension: Dimension, fleet: Fleet) -> Config:
    """What the fleet file says."""
    keys = [*standard(dimension, fleet)]
    return {key: str(getattr(fleet.controls, key)) for key in keys}


def _keys(dimension: Dimension) -> list[str]:
    return sorted({key for adaptation in dimension.adaptations for key, _ in adaptation.settings})


def holds(adaptation: Adaptation, config: Config) -> bool:
    """Whether the adaptation is part of this configuration."""
    return all(config.get(key) == value for key, value in adaptation.settings)


def in_force(dimension: Dimension, config: Config) -> tuple[str, ...]:
    return tuple(a.id for a in dimension.adaptations if holds(a, config))


def adding(config: Config, *adaptations: Adaptation) -> Config:
    """`config` with these adaptations; a later one replaces what an earlier one set."""
    changed = dict(config)
    for adaptation in adaptations:
        changed.update(adaptation.settings)
    return changed


def removing(config: Config, base: Config, adaptation: Adaptation) -> Config:
    """`config` with this adaptation's keys as they are in `base`."""
    changed = dict(config)
    for key, _ in adaptation.settings:
        changed[key] = base[key]
    return changed


def clash(one: Adaptation, other: Adaptation) -> bool:
    """Whether both set the same key, to different values."""
    first = dict(one.settings)
    return any(key in first and first[key] != value for key, value in other.settings)


def seen_by(probe: Probe, dimension: Dimension, config: Config, base: Config) -> Settings:
    """The settings of a series: `config` where the probe can tell, `base` elsewhere; sorted by key."""
    told = {key for a in dimension.adaptations if a.id in probe.adaptations for key, _ in a.settings}
    return tuple(sorted((key, config[key] if key in told else value) for key, value in base.items()))
