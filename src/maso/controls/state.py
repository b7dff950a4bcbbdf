"""What a plane remembers, and how a record changes it.

State changes in one place only: `apply_*`, each a function of the state and one record. So a denial
leaks no budget, and a run's state can be rebuilt by applying the records of its evidence again
(`plane/replay.py`), without payloads, keys or scans.

Not kept here: payloads, contexts and memory contents (the driver has those), and MAC keys survive only
as long as their instance.
"""

from collections import OrderedDict
from typing import Final

from maso.claims import CONFIDENCE_MAX
from maso.clock import MINUTE, SECOND
from maso.contract import DelegationContract
from maso.fleet.rulebook import TypeRules
from maso.scan.fragments import FragmentWindow

# EC-2.4: three blocks by the guardrails within ten minutes pause the agent.
BLOCKS_TO_PAUSE: Final = 3
BLOCK_WINDOW_NS: Final = 10 * MINUTE
PAUSE_NS: Final = 10 * MINUTE
# A healthy channel fails a MAC by a bug, not by the dozen: 20 in a minute is somebody trying.
CHANNEL_FAILURES_MAX: Final = 20
CHANNEL_WINDOW_NS: Final = MINUTE
CHANNEL_CLOSED_NS: Final = 30 * SECOND


class Instance:
    """One running agent (or port) of a type, in one session (0 for ports).

    context, memory   labels of what is in its context and in its memory store
    ceiling           the authority left to it when it acts without a contract
    claim_floor       lowest confidence of the claims delivered to it since its context was purged
    sources           references of the ingestion events that were delivered to it
    received          marks of values that it may tell on a declassifying flow (`derive.py`)
    """

    __slots__ = (
        "alive",
        "blocks",
        "blocks_since",
        "ceiling",
        "claim_floor",
        "context",
        "delivered",
        "gate",
        "key",
        "last_action",
        "last_digest",
        "last_seq",
        "memory",
        "nhi",
        "not_after",
        "not_before",
        "number",
        "paused_until",
        "public_key",
        "received",
        "repeats",
        "retries",
        "session",
        "sources",
        "tokens",
        "turns",
        "type",
    )

    def __init__(self, nhi: int, rules: TypeRules, session: "Session", number: int) -> None:
        self.nhi = nhi
        self.type = rules
        self.session = session
        self.number = number
        self.key = b""
        self.public_key = b""
        self.not_before = 0
        self.not_after = 0
        self.alive = True
        self.last_seq = 0
        self.context = 0
        self.memory = 0
        self.ceiling = rules.authority
        self.gate = 0
        self.paused_until = 0
        self.blocks = 0
        self.blocks_since = 0
        self.turns = 0
        self.tokens = 0
        self.retries = 0
        self.last_action = 0
        self.last_digest = b""
        self.repeats = 0
        self.delivered: tuple[int, ...] = ()
        self.claim_floor = CONFIDENCE_MAX
        self.received = b""
        self.sources: set[int] | None = None  # membership only; never iterated


class ContractState:
    """A contract in force: its chain's worth, computed once when it was registered."""

    __slots__ = ("contract", "depth", "edge", "effective", "live_until", "parent", "revoked")

    def __init__(
        self,
        contract: DelegationContract,
        edge: tuple[int, int],
        parent: "ContractState | None",
        effective: int,
        live_until: int,
    ) -> None:
        self.contract = contract
        self.edge = edge  # types of source and target, for the live graph
        self.parent = parent
        self.effective = effective
        self.live_until = live_until
        self.depth: int = 1 if parent is None else parent.depth + 1
        self.revoked = False


class Endorsement:
    """Who vouches for one action digest, each until its own instant; 0 means nobody does."""

    __slots__ = ("customer", "facts", "person")

    def __init__(self) -> None:
        self.customer = 0
        self.facts = 0
        self.person = 0

    def kinds(self, now: int) -> int:
        """Bits of the kinds (customer 1, facts 2, person 4) that vouch for it at `now`."""
        return (self.customer > now) | (self.facts > now) << 1 | (self.person > now) << 2

    def add(self, kinds: int, not_after: int) -> None:
        if kinds & 1:
            self.customer = not_after
        if kinds & 2:
            self.facts = not_after
        if kinds & 4:
            self.person = not_after


class Session:
    """One customer's or one task's set of instances."""

    __slots__ = (
        "claims",
        "closed",
        "contracts",
        "endorsements",
        "fragments",
        "gate",
        "holds",
        "instances",
        "label",
        "number",
    )

    def __init__(self, number: int) -> None:
        self.number = number
        self.instances: list[Instance] = []
        self.label = 0
        self.gate = 0
        self.closed = False
        self.holds = 0
        self.fragments = FragmentWindow()
        self.contracts: dict[int, ContractState] | None = None
        self.endorsements: dict[bytes, Endorsement] | None = None
        self.claims: dict[int, tuple[int, frozenset[int]]] | None = None  # confidence, primary sources


class Channel:
    """Failed authentication counts against where it came in, never against whom it claimed to be."""

    __slots__ = ("closed_until", "failures", "since")

    def __init__(self) -> None:
        self.failures = 0
        self.since = 0
        self.closed_until = 0

    def count_failure(self, now: int) -> None:
        if now - self.since > CHANNEL_WINDOW_NS:
            self.since = now
            self.failures = 0
        self.failures += 1
        if self.failures >= CHANNEL_FAILURES_MAX:
            self.closed_until = now + CHANNEL_CLOSED_NS
            self.failures = 0


class DocumentVersion:
    """The current version of an ingested document."""

    __slots__ = ("ingested", "sha256", "version")

    def __init__(self, version: int, sha256: bytes, ingested: int) -> None:
        self.version = version
        self.sha256 = sha256
        self.ingested = ingested


class PlaneState:
    """Everything that a plane remembers."""

    __slots__ = (
        "channels", "documents", "gates", "instances", "returns", "serials", "sessions", "stage",
        "type_gates", "type_returns",
    )  # fmt: skip

    def __init__(self, types: int) -> None:
        self.instances: dict[int, Instance] = {}
        self.sessions: dict[int, Session] = {}
        # Credentials that were used, until they expire; ordered, so that they are looked at in turn.
        self.serials: OrderedDict[int, int] = OrderedDict()
        self.channels: dict[int, Channel] = {}
        self.documents: dict[tuple[int, str], DocumentVersion] = {}
        self.gates: dict[tuple[str, str], int] = {}  # (phase or stage, scope) as set
        self.type_gates = [0] * types
        # Scopes on their way back: the better phase, and the thousandths of the sessions that are in it.
        self.returns: dict[str, tuple[int, int]] = {}
        self.type_returns: list[tuple[tuple[str, int, int, int], ...]] = [()] * types
        self.stage = 0

    def channel(self, number: int) -> Channel:
        channel = self.channels.get(number)
        if channel is None:
            channel = self.channels[number] = Channel()
        return channel
