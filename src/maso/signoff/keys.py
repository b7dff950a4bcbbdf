"""A person's signing key as the bytes of its file: 32 bytes of seed, or the same sealed with a passphrase.

Sealed: `maso key 1`, what Argon2id costs, a salt, and the seed in a NaCl secretbox under the key that
Argon2id makes of the passphrase. The costs stand in the file, so that they can grow; they are limited when
read, so that a file from elsewhere cannot take all memory.

Not handled: keeping the file (its mode and its place are the command's), tokens and key services, rotation.
"""

import struct
from typing import Final, NamedTuple

from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id
from nacl.secret import SecretBox

SEED_BYTES: Final = 32
SALT_BYTES: Final = argon2id.SALTBYTES
NONCE_BYTES: Final = SecretBox.NONCE_SIZE
KEY_FILE_BYTES_MAX: Final = 4096  # either form is far shorter; whatever is longer is no key

_MAGIC: Final = b"maso key 1\n"
_HEAD: Final = struct.Struct(f"<{len(_MAGIC)}sII{SALT_BYTES}s")
_SEALED_BYTES: Final = _HEAD.size + NONCE_BYTES + SEED_BYTES + SecretBox.MACBYTES
_PASSES_MAX: Final = 16
_MEMORY_BYTES_MAX: Final = 1 << 30  # four times what we ask for ourselves


class Cost(NamedTuple):
    """What making the key of a passphrase costs. libsodium's `moderate`: some 0.5 s and 256 MiB."""

    passes: int = argon2id.OPSLIMIT_MODERATE
    memory_bytes: int = argon2id.MEMLIMIT_MODERATE


class KeyFileError(Exception):
    """The bytes are no key, or not with this passphrase; the text holds nothing of either."""


def sealed(seed: bytes, passphrase: bytes, *, salt: bytes, nonce: bytes, cost: Cost | None = None) -> bytes:
    """The file of a protected key. `salt` and `nonce` must be fresh and random."""
    used = cost or Cost()
    head = _HEAD.pack(_MAGIC, used.passes, used.memory_bytes, salt)
    return head + SecretBox(_key(passphrase, salt, used)).encrypt(seed, nonce)


def is_sealed(data: bytes) -> bool:
    """Whether a passphrase is needed; raises KeyFileError when this is the file of no key."""
    if len(data) == SEED_BYTES:
        return False
    if len(data) == _SEALED_BYTES and data.startswith(_MAGIC):
        return True
    raise KeyFileError(
        f"holds no key of maso; legal: {SEED_BYTES} bytes of seed, or what `maso sign` made of them with a"
        " passphrase"
    )


def seed_of(data: bytes, passphrase: bytes = b"") -> bytes:
    """The seed in the bytes of a key file; raises KeyFileError."""
    if not is_sealed(data):
        return data
    _, passes, memory_bytes, salt = _HEAD.unpack_from(data)
    if not 1 <= passes <= _PASSES_MAX or not argon2id.MEMLIMIT_MIN <= memory_bytes <= _MEMORY_BYTES_MAX:
        raise KeyFileError("asks for more time or memory than a key of maso does")
    try:
        return SecretBox(_key(passphrase, salt, Cost(passes, memory_bytes))).decrypt(data[_HEAD.size :])
    except CryptoError:
        raise KeyFileError("does not open with this passphrase") from None


def _key(passphrase: bytes, salt: bytes, cost: Cost) -> bytes:
    made: bytes = argon2id.kdf(
        SecretBox.KEY_SIZE, passphrase, salt, opslimit=cost.passes, memlimit=cost.memory_bytes
    )
    return made
