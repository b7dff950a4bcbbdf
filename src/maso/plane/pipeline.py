"""The order of the controls, and how one message runs through them.

    open, identify (IA-2.1) > posture (PACE-1, OB-3.2, EC-2.4) > ways and tools (IA-1.4) > memory (DP-1.3)
    > delegation (IA-2.3) > shape (EC-2.13) > derive (DP-2.5) > DLP (DP-2.1) > classification (DP-1.1)
    > RAG (DP-2.3) > guard (PG-1.1, PG-2.1, PG-1.4) > uncertainty (PG-2.5 to 2.7) > spend (OB-2.5, LOOP)
    > endorse (EC-2.6)

The first denial ends the run: what comes later would cost time and say nothing about why it was refused.
A control that raises denies. Cheap and structural controls come first, so that what fails them is never
scanned; the endorsement comes last, so that nobody is asked about what would be refused anyway.

Where the fleet file's `controls` leave a choice, it is made here, once: no step asks for a setting.
"""

from collections.abc import Callable

import msgspec

from maso.controls.barriers import PerPairRules
from maso.controls.classification import Classification
from maso.controls.contracts import ProofAtUse
from maso.controls.credentials import Credentials
from maso.controls.delegation import Delegated
from maso.controls.derive import Derive
from maso.controls.dlp import scanning_steps
from maso.controls.endorse import Endorse
from maso.controls.guard import Guard
from maso.controls.guard_bus import GuardBus
from maso.controls.loop import Loop
from maso.controls.memory import Memory
from maso.controls.message import Message
from maso.controls.posture import Posture
from maso.controls.rag import Rag
from maso.controls.shape import Shape
from maso.controls.source_tag import SourceTag
from maso.controls.spend import Spend
from maso.controls.state import PlaneState
from maso.controls.tools import Tools
from maso.controls.uncertainty import Uncertainty
from maso.fleet.rulebook import Rulebook
from maso.plane.decide import failed
from maso.scan.scanner import Scanner
from maso.verdict import Finding, Outcome

Check = Callable[[Message], Finding | None]


class Keys(msgspec.Struct, frozen=True):
    """The trusted base of one plane. Given by the driver; never recorded.

    authority   Ed25519 public key of the fleet's authority
    master      32 bytes from which MAC keys derive
    ingestion   Ed25519 public key of the ingestion pipeline
    record      32 bytes that key the digests in the evidence
    """

    authority: bytes
    master: bytes
    ingestion: bytes
    record: bytes


def _derive(rules: Rulebook, keys: Keys) -> Check:
    derive = Derive(keys.record)
    believed = rules.fleet.controls.label_propagation == "declared"
    return derive.check_declared if believed else derive.check


def _classify(rules: Rulebook) -> Check:
    if rules.fleet.controls.barrier_policy == "per-pair-rules":
        return PerPairRules(rules).check
    return Classification(rules.compartments).check


class Pipeline:
    """The controls in force, as bound functions in order."""

    __slots__ = ("_again", "_checks", "names")

    def __init__(self, rules: Rulebook, state: PlaneState, scanner: Scanner, keys: Keys) -> None:
        credentials = Credentials(state, keys.record, rules.label_mask)
        delegated = Delegated()
        every_use = rules.fleet.controls.contract_verification == "every-use"
        proof: list[tuple[str, Check]] = [("T3-CONTRACT", ProofAtUse(state).check)] if every_use else []
        steps: list[tuple[str, Check]] = [
            ("open", credentials.open),
            ("IA-2.1", credentials.check),
            ("PACE-1", Posture(state, rules, keys.record).check),
            ("IA-1.4", Tools(state).check),
            ("DP-1.3", Memory().check),
            ("IA-2.3", delegated.check),
            *proof,
            ("EC-2.13", Shape().check),
            ("IA-2.3 resource", delegated.check_resource),
            ("DP-2.5", _derive(rules, keys)),
            *scanning_steps(rules, scanner),
            ("DP-1.1", _classify(rules)),
            ("DP-2.3", Rag(state, keys.ingestion).check),
            ("PG-1.1", Guard().check),
            ("PG-2.1", GuardBus().check),
            ("PG-1.4", SourceTag().check),
            ("PG-2.7", Uncertainty().check),
            ("OB-2.5", Spend().check),
            ("LOOP", Loop().check),
            ("EC-2.6", Endorse(keys.record).check),
        ]
        self.names = tuple(name for name, _ in steps)
        self._checks = tuple(check for _, check in steps)
        # A held message was opened when it came in; everything else is asked again.
        self._again = self._checks[1:]

    def steps(self) -> tuple[tuple[str, Check], ...]:
        """(name, bound check) in order: what the benchmark times one by one."""
        return tuple(zip(self.names, self._checks, strict=True))

    def run(self, m: Message) -> list[Finding]:
        """Every finding up to and including the first denial; empty when no control spoke."""
        findings: list[Finding] = []
        checks = self._again if m.resumed else self._checks
        check = checks[0]
        try:
            for check in checks:
                finding = check(m)
                if finding is not None:
                    findings.append(finding)
                    if finding.outcome is Outcome.DENY:
                        return findings
        except Exception:  # fail closed, whatever it was: invariant 1
            findings.append(failed(self.names[self._checks.index(check)]))
        return findings
