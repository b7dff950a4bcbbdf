"""What changed between two findings, and whether any of it is for the worse: an architecture's CI gate.

Only what two honest runs of the same thing would not differ in counts. CPU time, and what is simulated over
few seeds, is never the same twice: of a quantity that is neither a count nor declared, a class or a
breakpoint that moved is told, and only what becomes of the target counts.

    scaling class     both resolved and different; for the worse where it rises in order and the intervals of
                      the exponents do not meet
    breakpoint        the ranges no longer overlap; where none was found, it lies beyond the largest run
    value             of an exact count without a breakpoint, at the target
    reaching          a quantity stops or begins to reach the target, as each run's own findings say
    verdict           of a control; told only, where more measures it than before, or where neither a count
                      nor a target reached as declared stands behind it
    quantity, answer, attack path, decision    new, gone, or different
    list              rows that are new or gone, such as a transitive privilege path; a new one is for the
                      worse, since lists hold what should be looked at. Of lists that were cut, the totals

Measured times of two machines are not comparable: such changes are told, and count for nothing. A quantity
that is gone from a dimension that ran, or a dimension that skips the fleet now, can hide a regression, so it
counts as one; a dimension that was not asked for is noted. `notes` say what differs in the conditions.

Not handled: two changes that cancel out in one quantity.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from maso.findings import (
    AnswerFinding,
    DimensionFinding,
    Findings,
    ListFinding,
    QuantityFinding,
    ScalingFinding,
)
from maso.report.stress import words
from maso.report.stress.legible import legible_findings
from maso.report.stress.standing import Standing, shown_control, standings

Kind = Literal[
    "scaling class", "breakpoint", "value", "reaches target", "verdict", "quantity", "dimension", "list",
    "answer", "attack path", "decision",
]  # fmt: skip
Turn = Literal["worse", "better", "other"]

ROWS_NAMED_MAX: Final = 10  # of a list: enough to see what kind of row is new
_VERDICT_ORDER: Final = ("holds", "in_force", "adapts", "breaks")
# What an answered question rests on is no better or worse: an answer may rest on more than it did before.
_UNANSWERED: Final = ("missing", "not_checked")
_OUTCOME_ORDER: Final = ("stopped", "possible", "succeeds")
_OTHER_MACHINE: Final = "measured on another machine"
_NOISE: Final = "never the same twice; what becomes of the target is what counts"
_NOTHING_BEHIND: Final = "no count, and no target as declared, changed with it"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One difference. `where` names the thing: `dimension/quantity`, a control, a question."""

    kind: Kind
    where: str
    title: str
    before: str
    after: str
    turn: Turn
    note: str = ""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All differences, for the worse first; `notes` are differences of the conditions."""

    old: str
    new: str
    changes: tuple[Change, ...]
    notes: tuple[str, ...]

    @property
    def regressed(self) -> bool:
        return any(change.turn == "worse" for change in self.changes)


def compare(old: Findings, new: Findings) -> Comparison:
    """What changed from `old` to `new`."""
    before, after = legible_findings(old), legible_findings(new)
    same_machine = before.machine == after.machine
    found = [
        *_dimensions(before, after, same_machine),
        *_controls(before, after, same_machine),
        *_answers(before, after),
        *_attacks(before, after),
        *_decisions(before, after),
    ]
    order = {"worse": 0, "better": 1, "other": 2}
    return Comparison(
        old=_name(before),
        new=_name(after),
        changes=tuple(sorted(found, key=lambda change: order[change.turn])),
        notes=tuple(_notes(before, after)),
    )


def _name(findings: Findings) -> str:
    fleet = findings.fleet
    return f"{fleet.name} ({fleet.sha256[:16]}), maso {findings.maso_version}"


def _notes(old: Findings, new: Findings) -> Iterator[str]:
    if old.fleet.sha256 != new.fleet.sha256:
        yield "the fleet files differ"
    targets = [f"{f.fleet.target:,} {f.fleet.unit}" for f in (old, new)]
    if targets[0] != targets[1]:
        yield f"the target was {targets[0]} and is {targets[1]}"
    if old.machine != new.machine:
        yield "another machine: changes of measured times are told and do not count"
    if old.quick != new.quick:
        yield "a quick run before, a full one now" if old.quick else "a full run before, a quick one now"
    asked = {d.id for d in new.dimensions}
    left = [d.id for d in old.dimensions if d.id not in asked]
    if left:
        yield f"not part of this run, so nothing is said about it: {', '.join(left)}"
    if old.seeds != new.seeds:
        yield "other seeds"
    if old.schema_version != new.schema_version:
        yield f"findings of schema {old.schema_version} before, {new.schema_version} now"


# --- dimensions and quantities ---------------------------------------------------------------------------


def _dimensions(old: Findings, new: Findings, same_machine: bool) -> Iterator[Change]:
    before = {d.id: d for d in old.dimensions}
    after = {d.id: d for d in new.dimensions}
    for name in _both(before, after):
        if name not in after:
            yield _change("dimension", name, before[name].title, "measured", "not part of this run", "other")
        elif name not in before:
            yield _change("dimension", name, after[name].title, "not part of that run", "measured", "other")
        else:
            yield from _dimension(before[name], after[name], same_machine)


def _dimension(old: DimensionFinding, new: DimensionFinding, same_machine: bool) -> Iterator[Change]:
    if bool(old.skipped) != bool(new.skipped):
        turn: Turn = "worse" if new.skipped else "better"
        yield _change(
            "dimension", new.id, new.title, old.skipped or "measured", new.skipped or "measured", turn
        )
        return
    before = {q.id: q for q in old.quantities}
    after = {q.id: q for q in new.quantities}
    for name in _both(before, after):
        where = f"{new.id}/{name}"
        if name not in after:
            yield _change("quantity", where, before[name].title, "measured", "gone", "worse")
        elif name not in before:
            yield _change("quantity", where, after[name].title, "", "new", "other")
        else:
            for change in _quantity(where, before[name], after[name]):
                yield change if same_machine else _on_other_machine(change, after[name])
    yield from _lists(old, new)


def _on_other_machine(change: Change, quantity: QuantityFinding) -> Change:
    if quantity.exact or quantity.mark != "measured":
        return change
    return msgspec.structs.replace(change, turn="other", note=_OTHER_MACHINE)


def _quantity(where: str, old: QuantityFinding, new: QuantityFinding) -> Iterator[Change]:
    noisy = _noisy(old) or _noisy(new)
    for change in (*_class(where, new.title, old.scaling, new.scaling), *_breakpoint(where, old, new)):
        yield msgspec.structs.replace(change, turn="other", note=change.note or _NOISE) if noisy else change
    if old.reaches_target != new.reaches_target:
        turn: Turn = "other"
        if None not in (old.reaches_target, new.reaches_target):
            turn = "better" if new.reaches_target else "worse"
        said = {True: "yes", False: "no", None: "open"}
        before, after = said[old.reaches_target], said[new.reaches_target]
        yield _change("reaches target", where, new.title, before, after, turn)
    yield from _value(where, old, new)


def _noisy(quantity: QuantityFinding) -> bool:
    """Whether an honest second run of the same may come out otherwise."""
    return not quantity.exact and quantity.mark != "declared"


def _class(
    where: str, title: str, old: ScalingFinding | None, new: ScalingFinding | None
) -> Iterator[Change]:
    if old is None or new is None or old.scaling_class == new.scaling_class:
        return
    if "unresolved" in (old.scaling_class, new.scaling_class):
        return
    apart = new.low > old.high or new.high < old.low
    turn: Turn = "other"
    if apart:
        turn = "worse" if _rank(new) > _rank(old) else "better"
    yield Change(
        kind="scaling class",
        where=where,
        title=title,
        before=words.class_words(old),
        after=words.class_words(new),
        turn=turn,
        note="" if apart else "the intervals of the exponents meet: it may be noise",
    )


def _rank(scaling: ScalingFinding) -> int:
    return words.CLASS_ORDER.index(scaling.scaling_class)


def _breakpoint(where: str, old: QuantityFinding, new: QuantityFinding) -> Iterator[Change]:
    was, now = _range(old), _range(new)
    if was is None or now is None:
        return
    turn: Turn
    if now[1] < was[0]:
        turn = "worse"
    elif now[0] > was[1]:
        turn = "better"
    else:
        return
    before, after = (words.breaks_words(q, q.axis_unit) for q in (old, new))
    note = "the budget is another one" if old.budget != new.budget else ""
    yield Change(
        kind="breakpoint", where=where, title=new.title, before=before, after=after, turn=turn, note=note
    )


def _range(quantity: QuantityFinding) -> tuple[float, float] | None:
    """Where the quantity breaks: beyond the largest run, where no breakpoint was found. None: not known."""
    found = quantity.breakpoint
    if found is None or found.kind == "unresolved":
        return None
    if found.kind == "none":
        return float(words.largest_run(quantity) or 0), float("inf")
    return found.low or 0.0, found.high if found.high is not None else float("inf")


def _value(where: str, old: QuantityFinding, new: QuantityFinding) -> Iterator[Change]:
    """A count at the target that changed; with a budget, the breakpoint and the target tell what it means."""
    if not (old.exact and new.exact) or None in (old.at_target, new.at_target):
        return
    if old.at_target != new.at_target and old.target == new.target:
        before, after = words.amount(old.at_target, old.unit), words.amount(new.at_target, new.unit)
        yield _change("value", where, new.title, before, after, "other")


# --- lists -----------------------------------------------------------------------------------------------


def _lists(old: DimensionFinding, new: DimensionFinding) -> Iterator[Change]:
    before = {li.id: li for li in old.lists}
    after = {li.id: li for li in new.lists}
    for name in _both(before, after):
        where = f"{new.id}/{name}"
        if name not in after:
            yield _change(
                "list", where, before[name].title, f"{before[name].total:,} in all", "gone", "other"
            )
        elif name not in before:
            yield _change("list", where, after[name].title, "", f"{after[name].total:,} in all", "other")
        else:
            yield from _list(where, before[name], after[name])


def _list(where: str, old: ListFinding, new: ListFinding) -> Iterator[Change]:
    added = [row for row in new.rows if row not in old.rows]
    gone = [row for row in old.rows if row not in new.rows]
    cut = old.total > len(old.rows) or new.total > len(new.rows)
    if cut or not new.adverse:
        # Which rows a cut list shows may change without any being new; rows that may be there come and go.
        if old.total != new.total:
            turn: Turn = "worse" if new.total > old.total else "better"
            said = f"{old.total:,} in all", f"{new.total:,} in all"
            yield _change("list", where, new.title, *said, turn if new.adverse else "other")
        return
    if added:
        yield _change("list", where, new.title, "", f"{len(added):,} new: {_rows(added)}", "worse")
    if gone:
        yield _change("list", where, new.title, f"{len(gone):,} gone: {_rows(gone)}", "", "better")


def _rows(rows: Sequence[Sequence[str]]) -> str:
    named = "; ".join(" · ".join(row) for row in rows[:ROWS_NAMED_MAX])
    return f"{named}; and {len(rows) - ROWS_NAMED_MAX} more" if len(rows) > ROWS_NAMED_MAX else named


# --- controls, answers, attack paths, decisions ----------------------------------------------------------


def _controls(old: Findings, new: Findings, same_machine: bool) -> Iterator[Change]:
    before = {c.id: c for c in old.controls}
    was_there, is_there = ({s.path: s for s in standings(f)} for f in (old, new))
    for control in new.controls:
        earlier = before.get(control.id)
        if earlier is None:
            continue
        if earlier.quantities and not control.quantities:
            continue  # its dimensions were not asked for: noted once
        was = shown_control(earlier, was_there.values())
        now = shown_control(control, is_there.values())
        same_measure = {*was_there} & {*earlier.quantities} == {*is_there} & {*control.quantities}
        if was == now or (earlier.verdict == control.verdict and not same_measure):
            continue
        pairs = [(was_there[p], is_there[p]) for p in control.quantities if p in was_there and p in is_there]
        note = ""
        if any(path not in earlier.quantities for path in control.quantities):
            note = "measured by more than before"
        elif not same_machine and any(_timed(pair[1].now) for pair in pairs):
            note = _OTHER_MACHINE
        elif pairs and not any(_moved(*pair) for pair in pairs):
            note = _NOTHING_BEHIND
        yield Change(
            kind="verdict",
            where=control.id,
            title=control.name,
            before=words.VERDICTS[was],
            after=words.VERDICTS[now],
            turn="other" if note else _along(_VERDICT_ORDER, was, now),
            note=note,
        )


def _timed(quantity: QuantityFinding) -> bool:
    return not quantity.exact and quantity.mark == "measured"


def _moved(old: Standing, new: Standing) -> bool:
    """Whether a quantity explains that its control's verdict is another: a target as declared, or a count."""
    if {old.now.reaches_target, new.now.reaches_target} == {True, False}:
        return True
    return not (_noisy(old.now) or _noisy(new.now)) and old.verdict != new.verdict


def _along(worsening: Sequence[str], old: str, new: str) -> Turn:
    if old not in worsening or new not in worsening:
        return "other"
    return "worse" if worsening.index(new) > worsening.index(old) else "better"


def _answers(old: Findings, new: Findings) -> Iterator[Change]:
    before = {a.question: a for a in old.answers}
    there = {d.id for d in new.dimensions}
    for answer in new.answers:
        earlier = before.get(answer.question)
        if earlier is None or answer.dimension not in there:
            continue  # of a dimension that was not asked for: noted once
        if earlier.status != answer.status:
            turn = _turned(earlier, answer)
            yield _change("answer", answer.question, answer.asked, _said(earlier), _said(answer), turn)
        elif isinstance(answer.value, str) and answer.value != earlier.value:
            # A figure is told by its quantity, where an interval says whether it changed.
            yield _change("answer", answer.question, answer.asked, _said(earlier), _said(answer), "other")


def _turned(old: AnswerFinding, new: AnswerFinding) -> Turn:
    before, after = old.status in _UNANSWERED, new.status in _UNANSWERED
    if before == after:
        return "other"
    return "better" if before else "worse"


def _said(answer: AnswerFinding) -> str:
    value = f": {words.amount(answer.value, answer.unit)}" if answer.value is not None else ""
    return f"{words.status(answer)}{value}"


def _attacks(old: Findings, new: Findings) -> Iterator[Change]:
    before = {p.id: p for p in old.attack_paths}
    after = {p.id: p for p in new.attack_paths}
    there = {d.id for d in new.dimensions}
    for name in _both(before, after):
        was, now = before.get(name), after.get(name)
        path = now or was
        if now is None and path is not None and path.dimension and path.dimension not in there:
            continue  # of a dimension that was not asked for: noted once
        if path is None or (was is not None and now is not None and was.outcome == now.outcome):
            continue
        title = f"{' > '.join(path.steps)} reaches {path.reaches}"
        old_said = was.outcome if was is not None else ""
        new_said = now.outcome if now is not None else ""
        yield _change("attack path", name, title, old_said, new_said, _attack_turn(old_said, new_said))


def _attack_turn(old: str, new: str) -> Turn:
    if old and new:
        return _along(_OUTCOME_ORDER, old, new)
    if new:
        return "other" if new == "stopped" else "worse"
    return "other"


def _decisions(old: Findings, new: Findings) -> Iterator[Change]:
    before = {(d.dimension, d.id): d for d in old.decisions}
    after = {(d.dimension, d.id): d for d in new.decisions}
    for key in _both(before, after):
        was, now = before.get(key), after.get(key)
        decision = now or was
        if decision is None or (was is not None and now is not None and was.who == now.who):
            continue
        old_said = f"decided by {was.who}" if was is not None else ""
        new_said = f"decided by {now.who}" if now is not None else "nothing left to decide"
        yield _change("decision", "/".join(key).strip("/"), decision.what, old_said, new_said, "other")


def _both(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> Iterable[Any]:
    """The names of both, in the new order, then what is gone."""
    return (*after, *(name for name in before if name not in after))


def _change(kind: Kind, where: str, title: str, before: str, after: str, turn: Turn) -> Change:
    return Change(kind=kind, where=where, title=title, before=before, after=after, turn=turn)
