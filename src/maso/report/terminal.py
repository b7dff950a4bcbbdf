"""How results look in a terminal: Rich tables and lines made from plain data, nothing computed here.

Every function takes what a command also writes as JSON. Colours carry no meaning that the words do not.
"""

from rich import box
from rich.table import Table


def plain_table(*columns: str) -> Table:
    """A table without a frame; columns whose name ends in `#` are numbers, the `#` is not shown."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for column in columns:
        if column.endswith("#"):
            table.add_column(column[:-1], justify="right", no_wrap=True)
        else:
            table.add_column(column, overflow="fold")
    return table
