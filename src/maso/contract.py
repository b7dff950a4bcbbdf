"""Delegation contracts (T3-CONTRACT): authority passed on for one purpose, for a while, never enlarged.

A contract is signed by the instance that delegates. It names source and target (NHIs), the session, the
actions it permits as a bitset over the fleet's action numbers, the resource it is for, a time limit, the
schema of the expected output, and the contract under which the source itself acts (0 at the root of a
chain). What a chain is worth is the intersection of all its links; see `controls/delegation.py`.
"""

import hashlib
from typing import Any, Final

import msgspec
from nacl.signing import SigningKey

# F2 reckons with chains of 4 to 5 intermediaries; twice that is a laundering attempt or a loop.
MAX_CHAIN_DEPTH: Final = 8

_encode = msgspec.msgpack.Encoder().encode


class DelegationContract(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """One signed link.

    permits      bitset: bit n permits action number n
    resource     `argument=value` that an action under it must have, such as `order_id=o-17`; empty: any
    not_after    nanoseconds; at that instant it no longer holds
    output       id of the schema that the answer must have; empty when none is owed
    parent       id of the contract under which `source` acts; 0 for a root
    nonce        makes two otherwise equal contracts differ
    """

    source: int
    target: int
    session: int
    permits: int
    resource: str
    not_before: int
    not_after: int
    output: str
    parent: int
    nonce: int
    signature: bytes

    def signed_bytes(self) -> bytes:
        return b"maso contract 1\0" + _encode(_wire(self)[:-1])

    @property
    def id(self) -> int:
        """63 bits of SHA-256 over the signed bytes."""
        return int.from_bytes(hashlib.sha256(self.signed_bytes()).digest()[:8], "big") >> 1


def _wire(contract: DelegationContract) -> tuple[Any, ...]:
    """The fields as they travel: the bitset as bytes, since a fleet may have more than 64 actions."""
    fields = list(msgspec.structs.astuple(contract))
    permits = max(contract.permits, 0)
    fields[_PERMITS] = permits.to_bytes((permits.bit_length() + 7) // 8, "big")
    return tuple(fields)


_PERMITS: Final = DelegationContract.__struct_fields__.index("permits")
_Fields = tuple[int, int, int, bytes, str, int, int, str, int, int, bytes]
_decode = msgspec.msgpack.Decoder(_Fields, strict=True).decode


def sign_contract(contract: DelegationContract, seed: bytes) -> DelegationContract:
    signature = SigningKey(seed).sign(contract.signed_bytes()).signature
    return msgspec.structs.replace(contract, signature=signature)


def encode_contract(contract: DelegationContract) -> bytes:
    return _encode(_wire(contract))


def decode_contract(data: bytes) -> DelegationContract:
    """Strict; raises msgspec.DecodeError on anything else than one contract."""
    fields: list[Any] = list(_decode(data))
    permits = fields[_PERMITS]
    if permits[:1] == b"\0":
        raise msgspec.ValidationError("the bitset has leading zeros")
    fields[_PERMITS] = int.from_bytes(permits, "big")
    return DelegationContract(*fields)
