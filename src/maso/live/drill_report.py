"""What a drill says: its figures, and whether it passed.

It passes when nothing is ambiguous, stock and both books agree, nothing of an agent was booked under an
epoch that was over or after every lease had run out, the plane let nothing go after the freeze, the last
action lies within the bound, the logs verify, and nothing is listed for a person unless the fault makes the
gateway's answer unobtainable.
"""

from typing import TYPE_CHECKING, Any

from maso.live.drill_audit import Clock, Findings
from maso.resilience.switch import StopPlan

if TYPE_CHECKING:
    from maso.live.drill import Wish

MS_NS = 1_000_000


def report(
    wish: "Wish",
    plan: StopPlan,
    clock: Clock,
    found: Findings,
    ended: dict[str, Any],
    peak: dict[str, Any],
    rates: list[tuple[int, int]],
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
        "actions_per_minute": rate(rates, clock.ordered),
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
        "sessions_kept": int(ended.get("sessions_kept", 0)),
        "unanswered": ended.get("unanswered", {}),
        "platform_cpu_share": round(float(peak.get("cpu_share", 0.0)), 3),
        "platform_memory_mb": int(peak.get("memory_mb", 0)),
        "machine_load": round(float(peak.get("load", 0.0)), 2),
        "wrong": list(audit.wrong),
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


def rate(rates: list[tuple[int, int]], until: int) -> int:
    """Agents' actions a minute over the last half of what came before the order."""
    before = [one for one in rates if not until or one[0] <= until]
    if len(before) < 2:
        return 0
    first, last = before[len(before) // 2 - 1], before[-1]
    took = last[0] - first[0]
    return round((last[1] - first[1]) * 60e9 / took) if took else 0


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
    if document["listed"] and not listed_allowed:
        out.append(f"{document['listed']} items were left for a person while the gateway could be reached")
    return out
