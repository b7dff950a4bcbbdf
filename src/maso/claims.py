"""Claims: a statement that travels with its provenance and its uncertainty.

Confidence is an integer in per mille (0 to 1000). A claim names the claims that it restates (`derived`)
and the primary sources that it rests on (`sources`: references of ingestion events that the plane saw,
never names that a sender made up). What a handoff may do to a claim is decided in
`controls/uncertainty.py`; this module only says what a claim is.
"""

import msgspec

CONFIDENCE_MAX = 1000


class Claim(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """One claim inside an envelope.

    id          chosen by the author, unique within the session
    digest      first 8 bytes of SHA-256 of the statement, as an integer: says what, not how it is worded
    confidence  per mille
    derived     ids of the claims it restates or combines
    sources     references (record numbers) of the ingestion events that are its primary evidence
    assumptions number of assumptions and stated unknowns it carries
    """

    id: int
    digest: int
    confidence: int
    derived: tuple[int, ...] = ()
    sources: tuple[int, ...] = ()
    assumptions: int = 0
