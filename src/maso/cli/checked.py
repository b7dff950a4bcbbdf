"""What the checkers of a run saw, and what they do not cover: for the summary, as plain data."""

from collections.abc import Sequence
from typing import Any, Final

from maso.cli.wish import Wish
from maso.sim.checkers.suite import Suite


def again(fleet: str, size: int, wish: Wish, settings: Sequence[str]) -> str:
    """The command that shows the same run again."""
    words = ["maso run", fleet, f"--size {size}", f"--minutes {wish.minutes}", f"--seed {wish.seed}"]
    words += ["--peak"] if wish.peak else []
    words += [f"--attack {name}" for name in (wish.attacks if wish.attacks is not None else ())]
    words += ["--attack none"] if wish.attacks == () else []
    words += [f"--fault {fault}" for fault in wish.faults]
    return " ".join([*words, *(f"--set {setting}" for setting in settings)])


def checkers_document(suite: Suite) -> dict[str, Any]:
    return {
        "events_watched": suite.turns,
        "digest_of_all_records": suite.same_bytes.digest(),
        "violations": sum(suite.counts.values()),
        "by_checker": [
            {
                "invariant": checker.invariant,
                "name": checker.name,
                "violations": suite.counts[checker.name],
                "covers": checker.covers,
                "does_not_cover": checker.does_not_cover,
            }
            for checker in suite.checkers
        ],
        "first_violations": list(suite.texts()),
        "not_watched": NOT_WATCHED,
    }


# Invariants of the design that no checker watches yet, and why.
_NOT_RUN: Final = "declared in the fleet file and checked there, but not run in this version"
NOT_WATCHED: Final = {
    "7": "no ambiguous money: nobody is stopped in a run; `maso drill` stops a fleet, settles, and looks at"
    f" every payment. The economy is {_NOT_RUN}",
    "8": f"the floor holds: the judge is {_NOT_RUN}; a fleet file that lowers the floor is refused",
}


def broken_in(suite: Suite) -> list[str]:
    """What broke, one line for each checker that saw something."""
    return [
        f"invariant {checker.invariant}, {checker.name}: {suite.counts[checker.name]} times"
        for checker in suite.checkers
        if suite.counts[checker.name]
    ]
