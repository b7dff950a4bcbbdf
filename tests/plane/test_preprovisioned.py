"""The way that is only compared: pool identities, borrowed keys, and what even it refuses."""

import msgspec

from maso.clock import DAY, HOUR, MINUTE
from maso.controls.preprovisioned import PooledAdmission, proof
from maso.fleet.model import Controls
from maso.identity import Credential, Member, commitment_of, nhi_of
from maso.plane.events import Admit, CloseSession, Revoke, SetStage
from tests.plane.issuer import fleet
from tests.plane.small import Rig, names, reasons

HELLO = {"text": "the blue one"}


class Pool(Rig):
    """A rig whose plane takes borrowed credentials."""

    def __init__(self) -> None:
        super().__init__(fleet(controls=Controls(credentials="pre-provisioned")))
        assert type(self.plane._admission) is PooledAdmission
        self.serial = 1000

    def slot(self, type_id: str, number: int, life: int = 30 * DAY) -> tuple[str, ...]:
        credential, keys = self.authority.issue(0, ((type_id, number, False),), self.now, self.now + life)
        self.key.update(keys)
        return reasons(self.plane.handle(Admit(msgspec.msgpack.encode(credential)), self.now))

    def pool(self, type_id: str, number: int) -> int:
        return nhi_of(self.rules.sha256, type_id, 0, number)

    def borrow(self, session: int, *members: tuple[str, int], life: int = HOUR, **over: object) -> Credential:
        """Members (type, slot) with the keys of the slots."""
        self.serial += 1
        keys = tuple(self.key[self.pool(*member)] for member in members)
        built = tuple(
            Member(nhi_of(self.rules.sha256, t, session, 0), t, 0, commitment_of(key), b"")
            for (t, _), key in zip(members, keys, strict=True)
        )
        bare = Credential(self.serial, session, self.now, self.now + life, built, b"")
        bare = msgspec.structs.replace(bare, **over)
        for (t, _), key in zip(members, keys, strict=True):
            self.key[nhi_of(self.rules.sha256, t, session, 0)] = key
        return msgspec.structs.replace(bare, signature=proof(keys, bare.signed_bytes(self.rules.sha256)))

    def shown(self, credential: Credential) -> tuple[str, ...]:
        return reasons(self.plane.handle(Admit(msgspec.msgpack.encode(credential)), self.now))


def test_a_session_borrows_and_speaks() -> None:
    rig = Pool()
    assert rig.slot("advisor", 1) == rig.slot("cart", 1) == ()
    assert rig.shown(rig.borrow(7, ("advisor", 1), ("cart", 1))) == ()
    one, two = (nhi_of(rig.rules.sha256, t, 7, 0) for t in ("advisor", "cart"))
    assert names(rig.send(one, two, HELLO)) == ("Deliver",)


def test_the_lender_may_speak_in_every_session_and_that_is_the_point() -> None:
    rig = Pool()
    rig.slot("advisor", 1)
    rig.slot("cart", 1)
    for session in (7, 8):
        assert rig.shown(rig.borrow(session, ("advisor", 1), ("cart", 1))) == ()
        cart = nhi_of(rig.rules.sha256, "cart", session, 0)
        assert names(rig.send(rig.pool("advisor", 1), cart, HELLO, session=session)) == ("Deliver",)


def test_what_it_still_refuses() -> None:
    rig = Pool()
    rig.slot("advisor", 1)
    rig.slot("cart", 1)
    good = rig.borrow(7, ("cart", 1))
    assert rig.shown(msgspec.structs.replace(good, signature=b"x" * 32)) == ("IA-2.2/signature",)
    assert rig.shown(msgspec.structs.replace(good, session=8)) == ("IA-2.2/binding",)
    assert rig.shown(msgspec.structs.replace(good, members=())) == ("IA-2.2/binding",)
    assert rig.shown(rig.borrow(7, ("cart", 1), life=31 * DAY)) == ("IA-2.2/binding",), "longer than its key"
    assert rig.shown(rig.borrow(7, ("cart", 1), not_after=rig.now)) == ("IA-2.2/period",)
    assert rig.shown(good) == ()
    assert rig.shown(good) == ("IA-2.2/twice",)
    rig.plane.handle(CloseSession(7), rig.now)
    assert rig.shown(good) == ("IA-2.2/twice",), "nor after its session ended"
    other = rig.borrow(9, ("cart", 1))
    member = msgspec.structs.replace(
        other.members[0], type_id="advisor", nhi=nhi_of(rig.rules.sha256, "advisor", 9, 0)
    )
    assert rig.shown(msgspec.structs.replace(other, members=(member,))) == ("IA-2.2/binding",)


def test_slots_are_issued_by_the_authority_for_one_rotation() -> None:
    rig = Pool()
    assert rig.slot("cart", 1, 31 * DAY) == ("IA-2.2/period",)
    assert rig.slot("cart", 1) == ()
    assert rig.slot("cart", 1) == ("IA-2.2/twice",)
    assert rig.slot("nobody", 1) == ("IA-2.2/type",)
    credential, _ = rig.authority.issue(0, (("cart", 2, False),), rig.now, rig.now + DAY)
    assert rig.shown(msgspec.structs.replace(credential, signature=b"")) == ("IA-2.2/signature",)


def test_rotation_ends_the_old_key_for_new_sessions() -> None:
    rig = Pool()
    rig.slot("cart", 1)
    old = rig.borrow(7, ("cart", 1))
    rig.plane.handle(Revoke(rig.pool("cart", 1)), rig.now)
    assert rig.shown(old) == ("IA-2.2/period",)
    assert rig.slot("cart", 1) == ()
    assert rig.shown(old) == ("IA-2.2/period",), "its key is not the pool's any more"
    assert rig.shown(rig.borrow(7, ("cart", 1))) == ()
    rig.now += 30 * DAY
    assert rig.shown(rig.borrow(8, ("cart", 1), life=MINUTE)) == ("IA-2.2/period",)


def test_from_a_halt_on_nobody_borrows_for_a_new_session() -> None:
    rig = Pool()
    rig.slot("cart", 1)
    rig.plane.handle(SetStage("system", 1), rig.now)
    assert rig.shown(rig.borrow(1, ("cart", 1))) == ("IA-2.2/halted",)
