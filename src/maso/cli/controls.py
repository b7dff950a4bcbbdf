"""`controls`: the catalogue for people and programs. Nothing is said that the catalogue does not hold."""

from typing import Any

from rich.table import Table

from maso.cli.arguments import closest, words
from maso.cli.ending import Stop, usage
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
    if control.upper() in ALSO and not published and not _named(control):
        _show_record(screen, control.upper())
        return
    found = _published(control) if published else _named(control)
    if not found:
        raise _unknown(control, published)
    screen.emit("maso.controls/1", {"controls": [_document(c) for c in found], "also": {}})
    for one in found:
        _show(screen, one, published)


def _home(where: str) -> str:
    owner = next((c for c in CONTROLS if c.module == where), None)
    return f"{owner.id} {owner.name}" if owner is not None else where


def _named(name: str) -> tuple[Control, ...]:
    wanted = name.upper()
    return tuple(c for c in CONTROLS if c.id == wanted or ALSO.get(wanted) == c.module)


def _published(number: str) -> tuple[Control, ...]:
    return tuple(c for c in CONTROLS if number.upper() in c.published)


def _unknown(name: str, published: bool) -> Stop:
    legal = [*(c.id for c in CONTROLS), *ALSO]
    which = ""
    if published:
        legal = sorted({number for c in CONTROLS for number in c.published})
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


def _show(screen: Screen, control: Control, published: bool) -> None:
    alias = f" (published as {', '.join(control.published)})" if published else ""
    screen.text(
        f"{control.id} {control.name}{alias}",
        f"  {control.about}",
        f"  tier {control.tier}, layer {control.layer} ({LAYER_NAMES[control.layer]}),"
        f" cost grows with: {control.cost}",
        "",
    )
    table = plain_table("reason", "what happened", "what to do")
    for reason in control.reasons:
        table.add_row(reason.code, reason.text, reason.remedy)
    screen.show(table)
