"""One name for one control, in every table of the report."""

from maso.controls.catalog import CONTROLS
from maso.stress.controls_asked import ASKED

NAMES = {control.id: control.name for control in CONTROLS}


def test_a_control_that_runs_is_called_as_in_the_catalogue() -> None:
    told = {asked.id: asked.name for asked in ASKED if asked.id in NAMES}
    assert told == {name: NAMES[name] for name in told}
    assert {"DP-2.5", "T3-CONTRACT", "IA-1.4", "EC-2.13"} <= told.keys()


def test_every_control_is_asked_about_once() -> None:
    assert len({asked.id for asked in ASKED}) == len(ASKED)
