"""What the front end shows a customer before they confirm: the facts of the world, whatever was asked for."""

from collections.abc import Mapping
from typing import Any

import msgspec

from maso.controls.endorse import action_digest
from maso.envelope import MessageKind
from maso.fleet.rulebook import Rulebook, flow_key
from maso.worlds.base import shown

_encode = msgspec.json.Encoder().encode


def page_digest(
    rules: Rulebook, facts: Mapping[str, Any], action: int, session: int, payload: bytes
) -> bytes:
    """The digest of the action as the page shows it: `payload` with the session's `facts` in it."""
    known = rules.actions[action]
    assert known is not None
    port = rules.type_by_id[known.spec.port].index
    doer = next(kind for kind in rules.types if kind.executes & known.bit)
    body = doer.flows[flow_key(port, MessageKind.ACTION, action)].decode(payload)
    names = body.__struct_fields__
    true = {k: v for k, v in shown(known.operation, facts).items() if k in names}
    return action_digest(action, session, _encode(msgspec.structs.replace(body, **true)))
