"""Scanning against the number of the firm's own rules, on fresh text; and the memory of isolated contexts.

The rules are drawn as a bank's compliance desk would write them: code names after a word for what they name;
two names near each other; references with letters and digits; companies with their legal form; and one in ten
a bare format of letters and digits, without a word to look for, which is what costs. What is measured is
looking: hardly any of them is found. Texts are about 900 characters of the kinds that the built-in fleets'
agents write, each looked at once.
"""

import hashlib
import tracemalloc
from functools import lru_cache
from typing import Final

from maso.fleet.model import Fleet
from maso.scan.custom import PATTERNS_MAX, OwnPatterns
from maso.streams import Stream, stream
from maso.stress.dimension import Outcome, Trial
from maso.stress.probes.boundaries_rig import Rig, text_payload
from maso.stress.probes.parts import fresh_scanner
from maso.stress.timing import cpu_us_each
from maso.text import writer

# F6: thousands; both sides of it. Each set is compiled once per process: 1,000 take 3 s of CPU, 5,000 12 s.
RULES: Final = (10, 30, 100, 300, 1_000, 3_000, 5_000)
RULES_QUICK: Final = (10, 30, 100, 300)
FORMATS_MAX: Final = 40  # a firm has some dozens of formats, and thousands of names
TEXTS: Final = 300
TEXTS_QUICK: Final = 120
CHARS: Final = 900
KINDS: Final = ("research", "filing", "market", "risk", "compliance", "report", "question", "advice", "reply")
# Rules are the firm's, whatever the seed of a run: only the texts change with it.
RULES_SEED: Final = 1
INSTANCES: Final = 300  # over which the memory of one is taken
MEMBERS_MAX: Final = 50
_SYLLABLES: Final = (
    *("ba", "ber", "cal", "dor", "el", "fen", "gar", "hal", "in", "jor", "kel", "lor", "mar", "nor", "or"),
    *("pel", "quin", "ran", "sol", "tar", "ul", "ver", "wes", "yar", "zen"),
)


def _name(draws: Stream) -> str:
    return draws.pick(_SYLLABLES) + draws.pick(_SYLLABLES) + draws.pick(_SYLLABLES)


def rule(draws: Stream, number: int) -> str:
    """One pattern; see the module's first lines."""
    name = _name(draws)
    if number % 10 == 9 and number < 10 * FORMATS_MAX:
        kind = number // 10
        letters, digits, more = 1 + kind % 5, 2 + kind // 5 % 6, 1 + kind // 30 % 5
        return rf"\b[A-Z]{{{letters}}}[0-9]{{{digits}}}[-/ ]?[A-Z]{{{more}}}[0-9]{{{1 + kind // 150}}}\b"
    match number % 4:
        case 0:
            return rf"(?:project|deal|operation|code ?name)[ _-]{{1,2}}{name}"
        case 1:
            return rf"\b{name}\b.{{0,40}}\b(?:{_name(draws)}|{_name(draws)})\b"
        case 2:
            return rf"\b[A-Z]{{2,4}}-?[0-9]{{2,4}}[-/]{number:04d}[A-Z]?\b"
    return rf"\b{name}[ -](?:holdings|partners|capital|group|inc|ltd|llc|plc|gmbh|s\.?a\.?)\b"


@lru_cache(maxsize=len(RULES))
def own_patterns(count: int) -> OwnPatterns:
    """That many rules, compiled."""
    draws = stream(RULES_SEED, "stress/boundaries/rules")
    return OwnPatterns([rule(draws, number) for number in range(count)])


def fresh_texts(seed: int, at: int, count: int) -> list[bytes]:
    """Payloads of about 900 characters, no two alike."""
    draws = stream(seed, f"stress/boundaries/texts/{at}")
    made = []
    for _ in range(count):
        text = ""
        while len(text) < CHARS:
            text += writer(draws.pick(KINDS))(draws.bits) + " "
        made.append(text_payload(text))
    return made


def points(_fleet: Fleet, quick: bool) -> tuple[int, ...]:
    return RULES_QUICK if quick else RULES


def run_rules(trial: Trial) -> Outcome:
    """Looking for `trial.at` rules in a text, alone, and with everything else that is looked for."""
    patterns = own_patterns(min(trial.at, PATTERNS_MAX))
    texts = fresh_texts(trial.seed, trial.at, TEXTS_QUICK if trial.quick else TEXTS)
    keyed = [(hashlib.sha256(text).digest(), text) for text in texts]
    scanner = fresh_scanner()

    def everything(item: tuple[bytes, bytes]) -> None:
        scanner.scan(*item)
        patterns.find(item[1])

    patterns.find(texts[0])
    alone = cpu_us_each(patterns.find, texts, 1)
    both = cpu_us_each(everything, keyed, 1)
    found = sum(1 for text in texts if patterns.find(text))
    return Outcome(
        values={"rules_us": alone, "scan_us": both},
        details={"texts": len(texts), "texts_with_a_hit": found},
    )


# Memory (DP-1.3).


def run_memory(trial: Trial) -> Outcome:
    """Bytes of a live instance in the plane: its own, and its share of its session's."""
    rig = Rig(trial.fleet, trial.seed)
    names = [agent.id for agent in trial.fleet.types][:MEMBERS_MAX]
    sessions = max(1, INSTANCES // len(names))
    rig.session(1, names)  # what is made once is made now
    kept = []
    tracemalloc.start()
    try:
        for number in range(2, 2 + sessions):
            kept.append(rig.session(number, names))
        traced = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    plane = traced.filter_traces(
        [tracemalloc.Filter(True, "*/maso/plane/*"), tracemalloc.Filter(True, "*/maso/controls/*"),
         tracemalloc.Filter(True, "*/maso/scan/fragments.py"), tracemalloc.Filter(True, "*/maso/identity.py")]
    )  # fmt: skip
    count = sum(map(len, kept))
    spent = sum(statistic.size for statistic in plane.statistics("filename"))
    per_session = len(trial.fleet.types)
    live = trial.size * per_session if trial.fleet.kind == "depth" else trial.size
    return Outcome(
        values={"bytes_per_instance": spent / count},
        details={"measured_over": count, "instances_at_size": live},
    )
