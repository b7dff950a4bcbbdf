"""`controls`: the catalogue for people and programs. Nothing is said that the catalogue does not hold."""

from typing import Any

from rich.table import Table

from maso.cli.arguments import closest, words
from maso.cli.ending import Stop, usage
from maso.cli.names import reason_code, reason_of
from maso.cli.screen import Screen
from maso.controls.catalog import ALSO, CONTROLS, Control
from maso.report.terminal import plain_table
from maso.verdict import Reason

LAYER_NAMES = {1: "guardrails", 2: "judge", 3: "human"}


def controls_command(control: str, published: bool, as_json: bool) -> None:
    screen = Screen(as_json)
    if not control:
        screen.emit("maso.controls/1", {"controls": [_document(c) for c in CONTROLS], "also": dict(ALSO)})
        screen.show(_table(published))
        screen.text("", "part of these:")
        screen.text(*(f"  {name:<8}  in {_home(where)}" for name, where in ALSO.items()))
        screen.text("", "`maso controls ID` lists the reasons of one control; docs/controls.md has them all.")
        return
    if "/" in control:
        _show_reason(screen, reason_of(reason_code("ID", control)), published)
        return
    if control.upper() in ALSO and not published and not _named(control):
        _show_record(screen, control.upper())
        return
    named = () if published else _named(control)
    found = named or _published(control)
    if not found:
        raise _unknown(control, published)
    screen.emit("maso.controls/1", {"controls": [_document(c) for c in found], "also": {}})
    for one in found:
        _show(screen, one, published or not named)
    others = [c for c in _published(control) if c not in found]
    if others:
        said = ", ".join(f"{c.id} {c.name}" for c in others)
        screen.text(
            "", f"the public catalogue gives the number {words(control.upper())} to {said} (`--published`)"
        )


def _show_reason(screen: Screen, reason: Reason, published: bool) -> None:
    """One reason, under the control that gives it."""
    owner = next((c for c in CONTROLS if reason in c.reasons), None)
    if owner is None:
        screen.emit("maso.controls/1", {"controls": [], "also": {}, "reason": _reason(reason)})
        screen.text("the plane itself, whichever control it was running", "")
    else:
        document = {**_document(owner), "reasons": [_reason(reason)]}
        screen.emit("maso.controls/1", {"controls": [document], "also": {}, "reason": _reason(reason)})
        _head(screen, owner, published)
        if reason.control != owner.id:
            screen.text(f"  {reason.control} is part of it", "")
    screen.text(
        reason.code, f"  what happened: {reason.text}", f"  what to do:    {reason.remedy}", "",
        f"`maso ls DIR --reason {reason.code}` lists what it was given for",
    )  # fmt: skip


def _home(where: str) -> str:
    owner = next((c for c in CONTROLS if c.module == where), None)
    return f"{owner.id} {owner.name}" if owner is not None else where


def _named(name: str) -> tuple[Control, ...]:
    wanted = name.upper()
    return tuple(c for c in CONTROLS if c.id == wanted or ALSO.get(wanted) == c.module)


def _published(number: str) -> tuple[Control, ...]:
    return tuple(c for c in CONTROLS if number.upper() in c.published)


def _numbers() -> list[str]:
    """What the public catalogue calls the controls that run here."""
    return sorted({number for c in CONTROLS for number in c.published})


def _unknown(name: str, published: bool) -> Stop:
    legal = list(dict.fromkeys([*(c.id for c in CONTROLS), *ALSO, *_numbers()]))
    which = ""
    if published:
        legal = _numbers()
        which = " that the public catalogue gives the number"
    listed = ", ".join(f"`{one}`" for one in legal)
    return usage(f"there is no control{which} {words(name)}{closest(name.upper(), legal)}; legal: {listed}")


def _show_record(screen: Screen, name: str) -> None:
    """A control that is no check of a message: the record itself."""
    screen.emit("maso.controls/1", {"controls": [], "also": {name: ALSO[name]}})
    screen.text(f"{name} is {ALSO[name]}: it refuses nothing; see `maso verify` and `maso explain`")


def _document(control: Control) -> dict[str, Any]:
    return {
        "id": control.id,
        "name": control.name,
        "published": list(control.published),
        "tier": control.tier,
        "layer": control.layer,
        "cost_grows_with": control.cost,
        "about": control.about,
        "also": [name for name, where in ALSO.items() if where == control.module],
        "reasons": [_reason(reason) for reason in control.reasons],
    }


def _reason(reason: Reason) -> dict[str, str]:
    return {"code": reason.code, "control": reason.control, "text": reason.text, "remedy": reason.remedy}


def _table(published: bool) -> Table:
    table = plain_table("id", "name", "tier", "cost grows with", "what it does")
    if published:
        table = plain_table("id", "published as", "name", "tier", "what it does")
    for c in CONTROLS:
        if published:
            table.add_row(c.id, ", ".join(c.published), c.name, str(c.tier), c.about)
        else:
            table.add_row(c.id, c.name, str(c.tier), c.cost, c.about)
    return table


def _head(screen: Screen, control: Control, published: bool) -> None:
    alias = f" (published as {', '.join(control.published)})" if published else ""
    screen.text(
        f"{control.id} {control.name}{alias}",
        f"  {control.about}",
        f"  tier {control.tier}, layer {control.layer} ({LAYER_NAMES[control.layer]}),"
        f" cost grows with: {control.cost}",
        "",
    )


def _show(screen: Screen, control: Control, published: bool) -> None:
    _head(screen, control, published)
    table = plain_table("reason", "what happened", "what to do")
    for reason in control.reasons:
        table.add_row(reason.code, reason.text, reason.remedy)
    screen.show(table)
