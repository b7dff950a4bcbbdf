"""What several commands take, and what a command returns."""

from collections.abc import Callable
from typing import Annotated

import typer

Work = Callable[[], None]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
FleetName = Annotated[str, typer.Argument(metavar="FLEET", help="A fleet file, or a built-in fleet's name.")]
RunDir = Annotated[str, typer.Argument(metavar="DIR", help="The directory of a run.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one key of the fleet file; may be repeated."),
]
