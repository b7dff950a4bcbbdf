"""Identity of an instance: an NHI derived from type, session and instance, and the credential behind it.

The fleet's authority issues one `Credential` per session (or per pod): an Ed25519 signature over the
session, its lifetime and its members. Each member is one instance with its NHI, a commitment to the MAC
key that it alone holds, and, where its type may delegate, the public key that its contracts are checked
with. So there is one asymmetric operation per session and a keyed hash per message, and an instance that
is taken over holds a key that speaks for one type in one session and nothing else.

MAC keys come from the authority's master key by a one-way derivation; the plane, which verifies, holds
the same master (it is part of the trusted base), an instance never does.

Rules of the credential, checked in `controls/nhi.py`: known authority, valid signature, this plane's
fleet, not before, not after, NHIs that derive from what is claimed, commitments that match.
"""

import hashlib
from typing import Final

import msgspec
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

KEY_BYTES: Final = 32
_NHI_MASK: Final = (1 << 63) - 1  # fits a signed 64-bit column anywhere
_encode = msgspec.msgpack.Encoder().encode


def nhi_of(fleet_sha256: bytes, type_id: str, session: int, instance: int) -> int:
    """The NHI of an instance: 63 bits of BLAKE2b over fleet, type, session and instance number.

    Unambiguous because the encoding is msgpack. A chance collision (2**-31 at 60,000 instances) makes the
    second admission fail; it never lets one instance speak for another.
    """
    raw = hashlib.blake2b(_encode((type_id, session, instance)), digest_size=8, key=fleet_sha256).digest()
    return (int.from_bytes(raw, "big") & _NHI_MASK) or 1


def nhi_text(nhi: int) -> str:
    return f"{nhi:016x}"


class Member(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """One instance that a credential speaks for.

    commitment   BLAKE2b-128 of its MAC key
    public_key   Ed25519 key for contracts; empty where the type may not delegate
    """

    nhi: int
    type_id: str
    instance: int
    commitment: bytes
    public_key: bytes


class Credential(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """What the authority signs: these instances, in this session, from then to then."""

    serial: int
    session: int
    not_before: int
    not_after: int
    members: tuple[Member, ...]
    signature: bytes

    def signed_bytes(self, fleet_sha256: bytes) -> bytes:
        fields = (self.serial, self.session, self.not_before, self.not_after, self.members)
        return b"maso credential 1\0" + fleet_sha256 + _encode(fields)


def commitment_of(key: bytes) -> bytes:
    return hashlib.blake2b(key, digest_size=16, person=b"maso commitment").digest()


def derive_key(master: bytes, nhi: int, serial: int) -> bytes:
    """The MAC key of one instance under one credential; a reissued credential means a new key."""
    return hashlib.blake2b(
        nhi.to_bytes(8, "big") + serial.to_bytes(8, "big"), key=master, digest_size=KEY_BYTES
    ).digest()


class Authority:
    """The fleet's issuer of credentials. Its seed and master key are given by the driver.

    Raises ValueError for a seed or master of the wrong length.
    """

    def __init__(self, fleet_sha256: bytes, seed: bytes, master: bytes) -> None:
        if len(master) != KEY_BYTES:
            raise ValueError(f"the master key has {len(master)} bytes; it needs {KEY_BYTES}")
        self.fleet_sha256 = fleet_sha256
        self.public_key = bytes(SigningKey(seed).verify_key)
        self._signing = SigningKey(seed)
        self._master = master
        self._serial = 0

    def delegation_seed(self, nhi: int) -> bytes:
        """The seed of an instance's own signing key, derived so that a run is reproducible."""
        return hashlib.blake2b(
            nhi.to_bytes(8, "big"), key=self._master, digest_size=32, person=b"maso delegate"
        ).digest()

    def issue(
        self, session: int, members: tuple[tuple[str, int, bool], ...], not_before: int, not_after: int
    ) -> tuple[Credential, dict[int, bytes]]:
        """A credential for `members` (type, instance, may delegate), and the MAC key of each NHI."""
        self._serial += 1
        keys: dict[int, bytes] = {}
        built = []
        for type_id, instance, delegates in members:
            nhi = nhi_of(self.fleet_sha256, type_id, session, instance)
            keys[nhi] = derive_key(self._master, nhi, self._serial)
            public = bytes(SigningKey(self.delegation_seed(nhi)).verify_key) if delegates else b""
            built.append(Member(nhi, type_id, instance, commitment_of(keys[nhi]), public))
        bare = Credential(self._serial, session, not_before, not_after, tuple(built), b"")
        signature = self._signing.sign(bare.signed_bytes(self.fleet_sha256)).signature
        return msgspec.structs.replace(bare, signature=signature), keys


def signature_holds(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether an Ed25519 signature is right; a malformed key or signature is simply wrong."""
    if len(public_key) != 32 or len(signature) != 64:
        return False
    try:
        VerifyKey(public_key).verify(message, signature)
    except (BadSignatureError, ValueError):
        return False
    return True
