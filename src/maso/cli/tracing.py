"""`explain`: everything that the evidence says about one record, for the screen and for programs."""

from pathlib import Path

import msgspec

from maso.cli.arguments import whole_number
from maso.cli.chains import chain_document
from maso.cli.ending import UNVERIFIED, Stop, nothing
from maso.cli.evidence import run_directory
from maso.cli.names import Names, names_of, parties_of, records_of
from maso.cli.others import other_document
from maso.cli.screen import Screen
from maso.evidence.format import EvidenceError
from maso.evidence.read import read
from maso.evidence.trace import explain


def explain_command(run_dir: str, envelope: str, as_json: bool) -> None:
    screen = Screen(as_json)
    ref = whole_number("ENVELOPE", envelope, 0, 2**63 - 1)
    path = run_directory(run_dir)
    names = names_of(path)
    try:
        chain = explain(lambda: read(path), ref)
    except (EvidenceError, msgspec.DecodeError) as error:
        raise _damaged(error) from None
    if chain is None:
        _explain_other(screen, path, names, ref)
        return
    document = chain_document(chain, names, parties_of(path, names))
    screen.emit("maso.explain/1", document)
    if not as_json:
        from maso.report.chain import chain_tree

        screen.show(chain_tree(document))


def _damaged(error: Exception) -> Stop:
    what = str(error) if isinstance(error, EvidenceError) else "a record cannot be read"
    return Stop(UNVERIFIED, what, "the evidence is damaged; `maso verify` says where")


def _explain_other(screen: Screen, path: Path, names: Names, ref: int) -> None:
    """A record that is not about a message: what it says, without a chain."""
    last = -1
    for number, record in records_of(path):
        last = number
        if number == ref:
            document = other_document(number, record, names, path)
            screen.emit("maso.explain/1", document)
            if not screen.as_json:
                from maso.report.chain import other_tree

                screen.show(other_tree(document))
            return
    raise nothing(f"there is no record {ref}; legal: 0 to {last}, `maso ls` finds them")
