"""Who may have the sweep's lease, and say that a sweep is over: the reconciler, by a key of its own.

Who reaches the switch's socket is not for that who it says it is; a platform that somebody took over reaches
it too. The sweep's lease lets its bearer settle anything at the gateway, and the word that all is settled
lets people start anew, so both need a signature over what is wanted, the epoch of the stop that it is about,
and a time. The switch and the reconciler stand on one machine and have one clock.

Not handled: a reconciler that is taken over itself.
"""

from typing import Any, Final

import msgspec
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from maso.clock import SECOND

# Longer than a busy machine leaves a process waiting; a proof is for one stop at most, whoever repeats it.
GOOD_NS: Final = 10 * SECOND
_DOMAIN: Final = b"maso reconciler\0"

_encode = msgspec.msgpack.Encoder().encode


def prove(key: SigningKey, wanted: str, epoch: int, now: int) -> list[Any]:
    """What goes with a request. `epoch`: 0 where the asker does not know it yet."""
    return [epoch, now, key.sign(_DOMAIN + _encode((wanted, epoch, now))).signature]


def proven(key: VerifyKey, wanted: str, body: Any, now: int) -> int | None:
    """The epoch that the request names; None for whoever else asks."""
    try:
        epoch, at, signature = msgspec.convert(body, tuple[int, int, bytes])
        key.verify(_DOMAIN + _encode((wanted, epoch, at)), signature)
    except (msgspec.ValidationError, BadSignatureError, ValueError, TypeError):
        return None
    return epoch if -GOOD_NS < now - at < GOOD_NS else None
