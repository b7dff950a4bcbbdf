"""Used credentials are remembered until they expire, and no longer, whatever lives longer among them."""

import msgspec

from maso.clock import DAY, MINUTE
from maso.plane.effects import Admitted
from maso.plane.events import Admit, CloseSession
from tests.plane.small import Rig, reasons

LIFE = 30 * MINUTE


def test_what_is_remembered_stays_bounded_through_a_day_of_sessions() -> None:
    rig = Rig()  # its ports' credential lives for a year, and was the first
    most = 0
    for number in range(1, 500):
        rig.admit(number, (("cart", 0, True),), LIFE)
        rig.plane.handle(CloseSession(number), rig.now)
        rig.now += MINUTE
        most = max(most, len(rig.plane.state.serials))
    assert most <= 60, "30 are valid at any time: as many again may wait to be found"


def test_none_that_is_valid_is_forgotten() -> None:
    rig = Rig()
    shown = []
    for number in range(1, 200):
        credential, _ = rig.authority.issue(number, (("cart", 0, True),), rig.now, rig.now + LIFE)
        data = msgspec.msgpack.encode(credential)
        (effect,) = rig.plane.handle(Admit(data), rig.now)
        assert isinstance(effect, Admitted)
        rig.plane.handle(CloseSession(number), rig.now)
        shown.append((data, rig.now + LIFE))
        rig.now += MINUTE
        for again, until in shown[-40:]:
            (refused,) = (reasons(rig.plane.handle(Admit(again), rig.now)),)
            assert refused == (("IA-2.2/twice",) if rig.now < until else refused)
            assert refused in (("IA-2.2/twice",), ("IA-2.2/period",))


def test_a_long_lived_credential_is_remembered_as_long() -> None:
    rig = Rig()
    port = next(iter(rig.plane.state.serials))
    for number in range(1, 300):
        rig.admit(number, (("cart", 0, True),), LIFE)
        rig.now += MINUTE
    assert rig.plane.state.serials[port] > rig.now + 300 * DAY
