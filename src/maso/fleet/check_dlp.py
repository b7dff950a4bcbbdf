"""The firm's own DLP rules: each has a name of its own, a compartment, and a pattern that compiles."""

from maso.fleet.bind import Path
from maso.fleet.ground import Ground
from maso.scan.custom import PATTERNS_MAX, wrong_patterns

_SYNTAX = "a Hyperscan pattern: no look-around, no back-references, nothing that matches an empty text"


def check(g: Ground) -> None:
    rules = g.fleet.dlp.rules
    if not rules:
        return
    if len(rules) > PATTERNS_MAX:
        g.wrong(("dlp", "rules", PATTERNS_MAX), f"{len(rules)} rules", f"at most {PATTERNS_MAX}")
        return
    seen: set[str] = set()
    for i, rule in enumerate(rules):
        path: Path = ("dlp", "rules", i)
        if rule.id in seen:
            g.wrong((*path, "id"), f"`{rule.id}` stands twice under `dlp.rules`", "each id once")
        seen.add(rule.id)
        names = g.ids("compartments")
        g.refer((*path, "compartment"), rule.compartment, "compartments", names, "compartment")
    for i, reason in wrong_patterns([rule.pattern for rule in rules]):
        what = f"the pattern of `{rules[i].id}` does not compile: {reason}"
        g.wrong(("dlp", "rules", i, "pattern"), what, _SYNTAX)
