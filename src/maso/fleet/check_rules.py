"""What people decided: shutdown, budgets, prices, thresholds, traffic. Figures that contradict each other."""

from collections.abc import Sequence
from typing import Any, Final

from maso.fleet.bind import Path, listed
from maso.fleet.ground import Ground
from maso.fleet.model import BudgetStep, PeakPhase, ShutdownStage

_STAGES: Final = ("halt", "freeze", "drain", "terminate", "reconcile")
# What only `maso stress` sets, to measure what the right one is worth: each breaks an invariant.
COMPARED_ONLY: Final = {
    "label_propagation": ("declared", "delivered", "the sender's word would lower a label (invariant 3)"),
    "scan_at": ("boundaries", "every-message", "guardrails see every message (invariant 8)"),
    "bus": ("per-barrier", "one", "`maso run` drives one bus, and would not keep the barriers apart"),
    "credentials": ("pre-provisioned", "session", "one credential would reach other sessions (invariant 5)"),
    "pace_axes": ("three", "four", "consumers would return before their producers (invariant 11)"),
    "pace_evidence": ("signals", "instances", "one instance's failures would move its type"),
    "pace_hysteresis": ("none", "dwell", "a supply that comes and goes would take its consumers along"),
    "pace_return": ("at-once", "steps` or `small-steps", "whoever waits would return in the same second"),
    "stop_order": ("immediate", "graduated", "people order that when they must; no file does it for them"),
    "stop_by": ("control-plane", "lease", "whoever is not told would go on"),
    "stop_switches": ("per-region", "one", "`maso drill` runs one switch"),
}
_STEPS: Final = ("alert", "warn", "throttle", "degrade", "hard_stop")
# Shares are written with two or three decimals; a sum may miss 1 by that rounding.
_SUM_SLACK: Final = 0.01


def check(g: Ground) -> None:
    for rule in (
        _shutdown,
        _switch,
        _budget,
        _peak,
        _prices,
        _watch,
        _workload,
        _pace,
        _tier,
        _controls,
        _identity,
    ):
        rule(g)


def _rising(g: Ground, path: Path, names: Sequence[str], order: Sequence[str], key: str) -> None:
    """Each name once, in the order given."""
    last = -1
    for i, name in enumerate(names):
        rank = order.index(name)
        if rank == last or name in names[:i]:
            g.wrong((*path, i, key), f"`{name}` stands twice", "each once, in the order " + listed(order))
        elif rank < last:
            g.wrong((*path, i, key), f"`{name}` comes after `{names[i - 1]}`", "the order " + listed(order))
        last = max(last, rank)


def _shutdown(g: Ground) -> None:
    stages: tuple[ShutdownStage, ...] = g.fleet.shutdown
    if not stages or g.partial("shutdown"):
        return
    names = [s.stage for s in stages]
    _rising(g, ("shutdown",), names, _STAGES, "stage")
    for needed in ("halt", "terminate"):
        if needed not in names:
            g.wrong(("shutdown",), f"the shutdown has no stage `{needed}`", "`halt` and `terminate` at least")


def _switch(g: Ground) -> None:
    """A lease that ends, by the fastest clock, before the next one comes stops what nobody stopped."""
    switch = g.fleet.switch
    keys = ("lease_ms", "renew_ms", "drift_ms")
    if g.unsure("switch") or any(g.is_broken(("switch", key)) for key in keys):
        return
    lease, renew, drift = switch.lease_ms, switch.renew_ms, switch.drift_ms
    if drift >= lease:
        what = f"a clock may be {drift} ms ahead, and never sees a lease of {lease} ms that is still good"
        g.wrong(("switch", "drift_ms"), what, f"less than `lease_ms`, {lease}")
    elif renew + drift >= lease:
        what = f"to a clock {drift} ms ahead a lease of {lease} ms ends before it is renewed after {renew} ms"
        g.wrong(("switch", "renew_ms"), what, f"less than {lease - drift}: `lease_ms` less `drift_ms`")


def _budget(g: Ground) -> None:
    steps: tuple[BudgetStep, ...] = g.fleet.governance.budget_steps
    path = ("governance", "budget_steps")
    _rising(g, path, [s.step for s in steps], _STEPS, "step")
    for i in range(1, len(steps)):
        if steps[i].share <= steps[i - 1].share:
            what = f"the share {steps[i].share} does not rise above {steps[i - 1].share}"
            g.wrong((*path, i, "share"), what, "rising shares")
    if steps and g.fleet.governance.budget_usd_per_day is None:
        g.wrong(path, "the steps are shares of a budget that is not given", "`budget_usd_per_day`")
    seen: set[str] = set()
    for i, option in enumerate(g.fleet.governance.options):
        if option.id in seen:
            g.wrong(
                ("governance", "options", i, "id"),
                f"`{option.id}` stands twice under `options`",
                "each id once",
            )
        seen.add(option.id)


def _peak(g: Ground) -> None:
    phases: tuple[PeakPhase, ...] = g.fleet.peak
    for i, phase in enumerate(phases):
        if i and phase.phase <= phases[i - 1].phase:
            g.wrong(
                ("peak", i, "phase"),
                f"phase {phase.phase} comes after {phases[i - 1].phase}",
                "phases in order",
            )
        if i and phase.cost_increase <= phases[i - 1].cost_increase:
            g.wrong(
                ("peak", i, "cost_increase"), "the cost does not rise from phase to phase", "rising shares"
            )
        _sums_to_one(g, ("peak", i, "attribution"), phase.attribution)


def _sums_to_one(g: Ground, path: Path, shares: dict[str, float]) -> None:
    total = sum(shares.values())
    if shares and abs(total - 1) > _SUM_SLACK:
        g.wrong(path, f"the shares come to {total:.2f}", "a sum of 1")


def _prices(g: Ground) -> None:
    """A price without a source is a guess that later reads like a fact."""
    priced: list[tuple[Path, Any, tuple[str, ...]]] = [
        (path, p, ("usd_per_million_input_tokens", "usd_per_million_output_tokens"))
        for path, p in g.each("providers")
    ]
    priced += [(path, c, ("usd_per_call",)) for path, c in g.each("components")]
    priced.append((("judge",), g.fleet.judge, ("usd_per_call",)))
    for path, element, keys in priced:
        for key in keys:
            if getattr(element, key) and not element.price_source.strip():
                g.wrong((*path, key), "a price without a source", "`price_source: WHERE IT IS FROM`")
                break


def _watch(g: Ground) -> None:
    watch = g.fleet.watch
    if not watch.elevated_score < watch.high_score < watch.critical_score:
        what = f"the scores {watch.elevated_score}, {watch.high_score}, {watch.critical_score} do not rise"
        g.wrong(("watch",), what, "elevated below high below critical")
    _sums_to_one(g, ("watch", "signal_weights"), watch.signal_weights)


def _workload(g: Ground) -> None:
    w = g.fleet.workload
    for low, high in (
        ("handoffs_min", "handoffs_max"),
        ("clusters_per_task_min", "clusters_per_task_max"),
        ("sessions_normal", "sessions_peak"),
    ):
        least, most = getattr(w, low), getattr(w, high)
        if least is not None and most is not None and least > most:
            g.wrong(("workload", low), f"`{low}` {least} is above `{high}` {most}", f"at most `{high}`")
    if w.peak_factor < 1:
        g.wrong(("workload", "peak_factor"), f"the peak is lower than the norm: {w.peak_factor}", "1 or more")
    if w.messages_per_agent_minute is not None and w.messages_per_agent_minute < 0:
        g.wrong(("workload", "messages_per_agent_minute"), "less than nothing", "0 or more")


def _pace(g: Ground) -> None:
    for path, agent in g.each("types"):
        for level in ("instance", "type"):
            backup = getattr(agent.pace, level).backup_provider
            if backup is not None and backup == agent.provider:
                what = f"the backup provider of `{agent.id}` is its provider `{backup}`"
                g.wrong((*path, "pace", level, "backup_provider"), what, "another provider")
        if (
            agent.session_minutes_max is not None
            and agent.session_minutes_max < g.fleet.workload.session_minutes
        ):
            lasts = g.fleet.workload.session_minutes
            what = f"`{agent.id}` ends after {agent.session_minutes_max} minutes, a session lasts {lasts}"
            g.wrong((*path, "session_minutes_max"), what, f"{lasts} or more")


def _tier(g: Ground) -> None:
    """At tier 3 nobody approves: the way out must be declared."""
    if g.fleet.tier == 3 and not g.fleet.shutdown and not g.unsure("shutdown"):
        g.wrong(
            ("tier",), "a fleet of tier 3 declares no shutdown", "`shutdown` with its stages, or tier 1 or 2"
        )


def _controls(g: Ground) -> None:
    for key, (refused, legal, why) in COMPARED_ONLY.items():
        if getattr(g.fleet.controls, key) == refused:
            what = f"`{key}` is `{refused}`, which only `maso stress` measures, to compare: {why}"
            g.wrong(("controls", key), what, f"`{legal}`")


def _identity(g: Ground) -> None:
    """One service account stands for one type: a token that proves two proves none (E4)."""
    first: dict[str, str] = {}
    for path, agent in g.each("types"):
        account = agent.service_account
        if account is None:
            continue
        if account in first:
            what = f"`{account}` is the service account of `{first[account]}` as well"
            g.wrong((*path, "service_account"), what, "one of its own for each agent type")
        first.setdefault(account, agent.id)
        if g.fleet.identity is None:
            what = f"`{agent.id}` has a service account, but nothing says whose tokens are to be believed"
            legal = "`identity` with `issuer`, `audience` and `token_minutes_max`"
            g.wrong((*path, "service_account"), what, legal)
