"""`maso bench`: what the hot path costs on this machine, with everything on.

The mix is a recorded run of the built-in online shop (`traffic.py`), the figures are CPU time
(`measure.py`). Nothing here enters a simulated run.
"""

import os
import platform
from collections.abc import Callable
from typing import Any, Final

from maso import __version__
from maso.bench import measure
from maso.bench.traffic import FLEET, described, fresh_scanner, kilobytes, record

SIZES: Final = (5, 100, 10_000, 60_000)
EDGES: Final = (10, 100, 1_000, 10_000)
MESSAGES: Final = 20_000
MESSAGES_QUICK: Final = 4_000
ROUNDS: Final = 3

Progress = Callable[[str], None]


def run(quick: bool = False, progress: Progress | None = None) -> dict[str, Any]:
    """All figures, as plain data.

    quick: fewer messages, one round, and no run at 60,000 instances. progress: called with what is next.
    """
    say = progress or (lambda what: None)
    messages = MESSAGES_QUICK if quick else MESSAGES
    rounds = 1 if quick else ROUNDS
    sizes = SIZES[:-1] if quick else SIZES
    scaling = []
    main = None
    for size in sizes:
        say(f"{size} instances")
        recording = record(size, messages)
        scaling.append(
            {
                "instances": recording.instances,
                "us_per_message": round(measure.whole_us(recording, rounds), 2),
            }
        )
        if size == 10_000:
            main = recording
    assert main is not None
    say("cost by control")
    by_control = measure.by_control_us(main)
    say("scanning")
    scan = measure.scan_figures(main)
    say("messages of 1 KB")
    large = kilobytes(messages)
    large_us = measure.whole_us(large, rounds)
    say("memory")
    memory = measure.bytes_per_instance(record(6_000, messages))
    say("delegation")
    delegation = [{"edges": n, "us": round(measure.delegation_us(n), 2)} for n in EDGES]
    whole = next(row["us_per_message"] for row in scaling if row["instances"] > 5_000)
    return {
        "maso_version": __version__,
        "mark": "measured",
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.system()},
        "fleet": FLEET,
        "quick": quick,
        "mix": described(main, fresh_scanner().first),
        "messages_per_second_core": round(1e6 / whole),
        "us_per_message": whole,
        "us_without_scanning": round(sum(by_control.values()) - by_control["DP-2.1"], 2),
        "us_by_control": by_control,
        "scaling": scaling,
        "growth_largest_over_smallest": round(
            scaling[-1]["us_per_message"] / scaling[0]["us_per_message"], 3
        ),
        "bytes_per_instance": round(memory),
        "delegation": delegation,
        "scan": scan,
        "one_kilobyte": {
            "us_per_message": round(large_us, 2),
            "messages_per_second_core": round(1e6 / large_us),
            "mix": described(large, fresh_scanner().first),
            "scan": measure.scan_figures(large),
        },
    }
