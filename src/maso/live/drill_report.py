"""What a drill says: its figures, and whether it passed.

It passes when nothing is ambiguous, stock and both books agree, nothing of an agent was booked under an
epoch that was over or after every lease had run out, the plane let nothing go after the freeze, the last
action lies within the bound, the logs verify, and nothing is listed for a person unless the fault makes the
gateway's answer unobtainable; and every session that was kept came back.
"""

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from maso.live.drill_audit import Clock, Findings
from maso.resilience.switch import StopPlan

if TYPE_CHECKING:
    from maso.live.drill import Wish

MS_NS: Final = 1_000_000
# The rate is that of the last minute: long enough that chance moves it by less than a percent.
RATE_NS: Final = 60_000_000_000


def report(
    wish: "Wish",
    plan: StopPlan,
    clock: Clock,
    found: Findings,
    ended: dict[str, Any],
    peak: dict[str, Any],
    pace: "Pace",
    back: dict[str, Any],
    off: dict[str, Any],
) -> dict[str, Any]:
    """The document of one drill. `ended` is what the platform said last, empty if it was killed."""
    partition = wish.fault is not None and wish.fault.cut
    bound = plan.bound_ns(immediate=wish.immediate, partition=partition)
    last = _last_action(wish, found, ended)
    last_ms = max(0, last - clock.ordered) / MS_NS
    audit, effects = found.audit, found.effects
    document = {
        "sessions": wish.sessions,
        "instances": int(peak.get("instances", 0)),
        "actions_per_minute": pace.actions_per_minute,
        "rate_measured": pace.measured,
        "seed": wish.seed,
        "fault": wish.fault_name,
        "items": audit.items,
        "ambiguous": audit.ambiguous,
        "stock_equals_books": not audit.stock_wrong and not audit.books_wrong,
        "stock_wrong": audit.stock_wrong,
        "books_wrong": audit.books_wrong,
        "booked_under_revoked_epoch": effects.under_revoked,
        "booked_after_leases": effects.after_leases,
        "released_after_freeze": found.released.after_freeze,
        "last_action_ms": round(last_ms, 3),
        "bound_ms": bound / MS_NS,
        "drained": effects.drained,
        "settled": sum(found.outcomes.values()),
        "confirmed": found.outcomes.get("confirmed", 0),
        "rolled_back": found.outcomes.get("cancelled", 0),
        "listed": audit.listed,
        "evidence_verifies": all(log["ok"] for log in found.evidence.values()),
        "evidence": found.evidence,
        "platform_ended": ended.get("ended", "killed"),
        "sessions_kept": found.kept.sessions,
        "kept_by_last_committed_step": found.kept.last_committed,
        "kept_age_ms": _age_ms(found, clock),
        "unanswered": ended.get("unanswered", {}),
        "platform_cpu_share": pace.cpu_share,
        "platform_memory_mb": int(peak.get("memory_mb", 0)),
        "machine_load": round(float(peak.get("load", 0.0)), 2),
        "wrong": list(audit.wrong),
        "way_back": back,
        "called_off": off,
    }
    document["broken"] = broken(document, listed_allowed=wish.fault is not None and wish.fault.listed)
    document["passed"] = not document["broken"] and document["evidence_verifies"]
    return document


def _last_action(wish: "Wish", found: Findings, ended: dict[str, Any]) -> int:
    """When an agent's action last had an effect, by whoever knows of a later one.

    What a platform that obeys nobody says to itself is no effect: what counts is what a database or the
    gateway took from it.
    """
    if wish.fault is not None and wish.fault.deaf:
        return max(found.effects.last_ns, found.last_write_ns)
    return max(found.effects.last_ns, found.released.last_ns, int(ended.get("last_action_ns", 0)))


def _age_ms(found: Findings, clock: Clock) -> float:
    """How old the last committed steps were when the platform was gone; 0 where it kept them itself."""
    as_of, gone = found.kept.as_of_ns, clock.gone or clock.terminated
    return round(max(0, gone - as_of) / MS_NS, 3) if as_of else 0.0


class Told(NamedTuple):
    """What the platform said of itself at `at`: actions and CPU seconds since it began."""

    at: int
    actions: int
    cpu_s: float


class Pace(NamedTuple):
    """Agents' actions a minute and the platform's share of one core, and over which time.

    measured   seconds before the order, `from` and `to`: a minute at most, and only while the rate was level
    """

    actions_per_minute: int
    cpu_share: float
    measured: dict[str, float]


def pace(told: list[Told], level: int, until: int) -> Pace:
    """Over the last minute before the order, as far as the rate was level by then."""
    start = max(level, until - RATE_NS)
    window = [one for one in told if start <= one.at <= until]
    if len(window) < 2:
        return Pace(0, 0.0, {"from": 0.0, "to": 0.0})
    first, last = window[0], window[-1]
    took = last.at - first.at
    return Pace(
        round((last.actions - first.actions) * 60e9 / took),
        round((last.cpu_s - first.cpu_s) * 1e9 / took, 3),
        {"from": round((until - first.at) / 1e9, 1), "to": round((until - last.at) / 1e9, 1)},
    )


def called_off(
    stood: dict[str, dict[str, Any]], said: int, before: dict[str, Any], after: dict[str, Any]
) -> dict[str, Any]:
    """A freeze that was called off: how long it stood, and what went on.

    stood    what the platform said when it froze and when it went on; `said`: the second person, just before
    before   what it told of itself in the freeze; `after`: a second after it went on
    """
    frozen, on = stood["freeze"], stood["run"]
    return {
        "frozen_ms": round((on["at"] - frozen["at"]) / MS_NS, 1),
        "resumed_ms": round((on["at"] - said) / MS_NS, 1),
        "actions_meanwhile": on["made"] - frozen["made"],
        "actions_after": after["actions"] - on["made"],
        "due": on["due"],
        "missed": on["missed"],
        "sessions_before": before["sessions"],
        "sessions_after": after["sessions"],
        "broken": after["broken"] - before["broken"],
    }


def broken(document: dict[str, Any], *, listed_allowed: bool) -> list[str]:
    """Which promise broke, in words; empty if none did."""
    out = []
    if document["ambiguous"]:
        out.append(f"{document['ambiguous']} items have neither an outcome nor a listing")
    if not document["stock_equals_books"]:
        out.append("stock, our books and the gateway's differ")
    if document["booked_under_revoked_epoch"] or document["booked_after_leases"]:
        out.append("an agent's call was booked after its right had ended")
    if document["released_after_freeze"]:
        out.append(f"the plane let {document['released_after_freeze']} actions go after the freeze")
    if document["last_action_ms"] > document["bound_ms"]:
        out.append("the last action came after the bound")
    off = document["called_off"]
    if off and (off["actions_meanwhile"] or not off["actions_after"]):
        out.append("a freeze was called off: agents moved in it, or none after it")
    back = document["way_back"]
    if back and back["back"] < back["kept"]:
        out.append(f"{back['kept'] - back['back']} sessions that were kept did not come back")
    if document["listed"] and not listed_allowed:
        out.append(f"{document['listed']} items were left for a person while the gateway could be reached")
    return out
