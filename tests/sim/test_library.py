"""A port's documents."""

import hashlib

import msgspec

from maso.controls.rag import Ingestion
from maso.fleet.load import load_fleet
from maso.journeys.library import Library
from maso.scan.injection import InjectionDetector
from maso.scan.scanner import Scanner
from maso.streams import stream

# Some 8 h 20 min after a machine was started its clock reads like a number of Diners Club, each tenth ns.
LIKE_A_CARD_NS = 30_385_656_910_683


def test_no_moment_makes_a_document_look_like_a_card() -> None:
    """Found by a live drill: 40 honest sessions broke over what a port had told them, by the time of day."""
    fleet, _ = load_fleet("ecommerce-10k", 16)
    port = next(port for port in fleet.ports if port.id == "catalogue")
    library = Library(port, 1, "product", Ingestion(bytes(32)), stream(1, "library"), size=3)
    scanner = Scanner(InjectionDetector())
    for now in range(LIKE_A_CARD_NS, LIKE_A_CARD_NS + 12):
        list(library.fill(now))
        content = library.passages(stream(2, "passages"), 3).encode()
        assert all(one["ingested_ns"] in (now, now - 1) for one in msgspec.json.decode(content))
        assert not scanner.scan(hashlib.sha256(content).digest(), content).kinds
