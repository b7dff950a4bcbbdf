"""What a plane asks its driver to do. Effects are returned in order; the plane itself does nothing.

A driver performs `Persist` before it lets any later effect of the same list be seen outside, unless the
fleet's durability policy says that acknowledgement may lag (ADR 3).
"""

from typing import NamedTuple

from maso.claims import Claim
from maso.verdict import Finding


class Deliver(NamedTuple):
    """Hand a message to an instance; `payload` may be a redacted copy, `ref` is its name from now on."""

    ref: int
    to: int
    sender: int
    session: int
    kind: int
    action: int
    label: int
    contract: int
    payload: bytes
    claims: tuple[Claim, ...]


class Perform(NamedTuple):
    """Do an action in the world through its port; the answer comes back as an envelope from the port."""

    ref: int
    sender: int
    session: int
    action: int
    contract: int
    label: int
    payload: bytes


class Refuse(NamedTuple):
    """Tell the channel that its message was refused, and why; no text of the message is in it.

    sender  who wrote it, where that was proved; 0 where nothing counts against anybody
    """

    ref: int
    channel: int
    findings: tuple[Finding, ...]
    sender: int = 0


class Ask(NamedTuple):
    """Ask the world (facts, customer) or a person about a held action; answer with `Answer` or `Endorse`.

    `not_after` is the deadline; the driver raises `Deadline(hold)` at that instant.
    """

    hold: int
    kind: int
    session: int
    sender: int
    action: int
    digest: bytes
    payload: bytes
    not_after: int


class Admitted(NamedTuple):
    """The instances of a credential may speak."""

    ref: int
    session: int
    nhis: tuple[int, ...]


class Ended(NamedTuple):
    """These instances are gone; whatever context or memory the driver keeps for them must be destroyed."""

    ref: int
    nhis: tuple[int, ...]


class Purged(NamedTuple):
    """This instance's context must be destroyed."""

    ref: int
    nhi: int


class Staged(NamedTuple):
    """A scope is in a stage from record `ref` on; what was committed before it has a lower number."""

    ref: int
    scope: str
    stage: int


Effect = Deliver | Perform | Refuse | Ask | Admitted | Ended | Purged | Staged
