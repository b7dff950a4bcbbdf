"""What was measured about identity, in words: answers, controls, decisions, costs, attack paths.

Every figure comes from the view; where it has none, the text says which key of the fleet file would give it.
"""

from typing import Any, Final

from maso.findings import (
    AnswerFinding,
    AttackPath,
    ControlRow,
    CostFinding,
    DecisionFinding,
    Verdict,
)
from maso.stress.dimension import View
from maso.stress.probes.identity_blast import ACTIONS, AS_MEMBER, AS_OTHERS, AS_POOL, TO_OTHERS
from maso.stress.saying import answer, count, number, price_of_cores, who_decides

DIMENSION_ID: Final = "identity"
RIGHT: Final = "identity"  # the decision right that names who decides about identities
_EVERY: Final = ("session-credentials",)


def _detail(view: View, probe: str, name: str, adaptations: tuple[str, ...] | None = None) -> Any:
    return view.detail(probe, name, adaptations)


def _types_key(view: View, name: str) -> str:
    """Where a key of an agent type is filled in: in the templates, where the fleet grows from desks."""
    return f"desks[].roles[].{name}" if view.file.desks else f"types[].{name}"


def _kind(view: View, kind: str, adaptations: tuple[str, ...] | None = None) -> tuple[int, int, str]:
    """Attempts of one kind: tried, got through, stopped by."""
    for name, tried, through, stopped in _detail(view, "blast", "attempts_by_kind", adaptations) or ():
        if name == kind:
            return int(tried), int(through), str(stopped)
    return 0, 0, ""


# E4.1


def pod_identity(view: View) -> AnswerFinding:
    """Whether only a token that is bound to one pod proves an identity, and whether the fleet says which."""
    quantities = ("wrong_tokens_accepted", "pods_used_twice", "types_without_account")
    without = [agent.id for agent in view.fleet.types if agent.service_account is None]
    if view.fleet.identity is None:
        text = (
            "Not declared: the fleet file says neither whose tokens prove a pod nor which service account "
            "each type runs under, so nothing in it keeps pods from sharing a credential of their node. "
            "maso can check pods' tokens; it needs the issuer, the audience and one service account for "
            "each type."
        )
        return answer(view, "E4.1", None, "", text, key="identity")
    tried = _detail(view, "pods", "tokens_tried") or 0
    taken, again = view.value("wrong_tokens_accepted"), view.value("pods_used_twice")
    text = (
        f"{count(tried, 'wrong token was', 'wrong tokens were')} shown to the enrolment (a node's, a secret "
        f"of the account, another type's, another namespace's, expired, forged and others), and "
        f"{count(taken, 'was', 'were')} taken; {count(again, 'pod was', 'pods were')} taken twice. "
    )
    if without:
        named = ", ".join(f"`{name}`" for name in without[:3])
        text += f"{count(len(without), 'type has', 'types have')} no service account of their own: {named}."
        key = _types_key(view, "service_account")
        return answer(view, "E4.1", len(without), "types without an account", text, *quantities, key=key)
    types = len(view.fleet.types)
    each = "The one type has" if types == 1 else f"Each of the {types} types has"
    text += f"{each} a service account of its own."
    return answer(view, "E4.1", taken, "wrong tokens taken", text, *quantities)


# E4.2


def scoped(view: View) -> AnswerFinding:
    """Whether types are kept apart, and whether they are granted more than they use."""
    quantities = ("grants", "unused_grants", "unused_links", "own_actions_share", "lateral_share")
    tried, through, _ = _kind(view, ACTIONS)
    share = view.value("own_actions_share") or 0.0
    text = (
        f"Permissions belong to the type: of {count(tried, 'attempt', 'attempts')} at actions of other types "
        f"{through} got through, and one instance may do {100 * share:.0f}% of the fleet's actions. "
    )
    if not view.fleet.workload.journeys:
        text += (
            "Whether a type is granted more than it needs cannot be told, since the fleet file says "
            "nothing of what its agents do."
        )
        return answer(view, "E4.2", None, "", text, *quantities, key="workload.journeys")
    unused, links = view.value("unused_grants") or 0.0, view.value("unused_links") or 0.0
    text += (
        f"Of {count(view.value('grants'), 'granted action', 'granted actions')} "
        f"{count(unused, 'is', 'are')} used by no journey, and of the declared ways between agents "
        f"{number(links)}. "
    )
    without = sum(1 for agent in view.fleet.types if agent.service_account is None)
    text += (
        f"{count(without, 'type has', 'types have')} no service account declared, so a role of the cloud "
        "cannot be matched with them."
        if without
        else "No two types share a service account, so each can have a role of its own in the cloud."
    )
    return answer(view, "E4.2", unused, "unused grants", text, *quantities)


# E4.3


def lateral(view: View) -> AnswerFinding:
    """Whether a compromised instance reaches another customer's session, by trying."""
    attempts, through = _detail(view, "blast", "attempts"), _detail(view, "blast", "through")
    sessions, reached = _detail(view, "blast", "sessions_tried"), _detail(view, "blast", "sessions_reached")
    if attempts is None or sessions is None:
        return answer(view, "E4.3", None, "", "It was not measured for this fleet.", status="not_checked")
    others = sum(_kind(view, kind)[0] for kind in (TO_OTHERS, AS_OTHERS, AS_POOL))
    there = _detail(view, "blast", "sessions_there")
    text = (
        f"{'No' if not reached else 'Yes'}: with the key of one instance of "
        f"{count(_detail(view, 'blast', 'attackers'), 'type', 'types')}, "
        f"{count(others, 'attempt was', 'attempts were')} "
        f"made on {count(sessions, 'other session', 'other sessions')} (of {number(there)}), and "
        f"{count(reached, 'session was', 'sessions were')} reached; of all "
        f"{count(attempts, 'attempt', 'attempts')} beyond its own session, type and tools "
        f"{number(through)} got through. "
    )
    pooled = view.value("blast_radius_share", ())
    if pooled:
        text += f"With credentials provisioned in advance {100 * pooled:.0f}% of the sessions are reached. "
    by_id = _detail(view, "blast", "by_id_total") or 0
    if by_id:
        text += (
            f"{count(by_id, 'action is', 'actions are')} done at once on a record that the message names "
            "by id: whose record it is only the port can check, by the session that comes with the action."
        )
    return answer(
        view, "E4.3", reached, "other sessions reached", text, "blast_radius_share", "lateral_share"
    )


# E4.4


def longest(view: View) -> AnswerFinding:
    """Whether there is a longest session, and whether a credential ends with it."""
    quantities = ("late_accepted", "stolen_mean_s", "stolen_max_s", "types_without_maximum")
    late, tried = view.value("late_accepted"), _detail(view, "grants", "late_tried") or 0
    measured = (
        f"At the end of their credential {count(tried, 'instance', 'instances')} tried to go on, and "
        f"{number(late)} of their messages were taken. "
    )
    without = [agent.id for agent in view.fleet.types if agent.session_minutes_max is None]
    if without:
        default = 4 * view.fleet.workload.session_minutes
        text = (
            f"{count(len(without), 'type has', 'types have')} no longest session "
            f"({', '.join(without[:3])}); "
            f"maso then ends credentials after {count(default, 'minute', 'minutes')}, four times a session. "
            + measured
        )
        key = _types_key(view, "session_minutes_max")
        return answer(view, "E4.4", None, "minutes", text, *quantities, key=key)
    minutes = [agent.session_minutes_max or 0 for agent in view.fleet.types]
    span = f"{min(minutes)} to {max(minutes)}" if min(minutes) < max(minutes) else f"{max(minutes)}"
    text = f"Yes: {span} {'minute' if span == '1' else 'minutes'}, by type. " + measured
    mean = view.value("stolen_mean_s")
    if mean is not None:
        text += (
            f"A stolen credential stays good for {_minutes(mean)} on average and "
            f"{_minutes(view.value('stolen_max_s'))}"
            " at most, if nobody notices."
        )
    return answer(view, "E4.4", max(minutes), "minutes", text, *quantities)


def _minutes(seconds: float | None) -> str:
    if seconds is None:
        return "an unknown time"
    if seconds < 120:
        return count(round(seconds), "second", "seconds")
    if seconds < 172_800:
        return count(round(seconds / 60), "minute", "minutes")
    return count(round(seconds / 86_400), "day", "days")


# Controls, decisions, costs, attack paths.


def _verdict(view: View, quantity: str) -> Verdict:
    """Broken under the standard configuration and not as declared: it adapts."""
    now, before = view.value(quantity), view.value(quantity, ())
    if now is None:
        return "not_measured"
    if now > 0:
        return "breaks"
    return "adapts" if before else "holds"


def controls(view: View) -> tuple[ControlRow, ...]:
    """The rows of E4's table."""
    stale, rotations = view.value("stale_share"), view.value("rotations_per_day", ())
    proof = number(view.value("proof_us"))
    tried, through, stopped = _kind(view, ACTIONS)
    return (
        ControlRow(
            id="IA-2.1", name="zero-trust credentials", designed_for="a credential for each agent",
            strained_by="instances that live for minutes, and keys that outlive them",
            verdict=_verdict(view, "stale_share"),
            why=f"of the keys of ended instances {_share(stale)} are still heard, "
            f"{_share(view.value('stale_share', ()))} with credentials provisioned in advance; proving one "
            f"message takes {proof} µs at {view.target:,} {view.unit}",
        ),
        ControlRow(
            id="IA-2.2", name="NHI with cryptographic proof", designed_for="one identity for each agent",
            strained_by="thousands of instances of one type", verdict=_verdict(view, "lateral_share"),
            why="an identity derives from pod, type and session; of the attempts to be somebody else or "
            f"elsewhere {_share(view.value('lateral_share'))} got through, "
            f"{_share(view.value('lateral_share', ()))} with credentials provisioned in advance",
        ),
        ControlRow(
            id="IA-2.3", name="no transitive permissions",
            designed_for="keeping privileges from being laundered",
            strained_by="types that borrow each other's permissions",
            verdict="not_measured" if not tried else "breaks" if through else "holds",
            why=f"{count(tried, 'attempt', 'attempts')} at other types' actions, {through} got through"
            + (f" ({stopped})" if stopped else ""),
        ),
        ControlRow(
            id="IA-2.5", name="credential rotation",
            designed_for="long-lived credentials, refreshed on a schedule",
            strained_by="the number of instances", verdict=_verdict(view, "outliving_share"),
            why=_rotation_why(view, rotations),
        ),
    )  # fmt: skip


def _share(value: float | None) -> str:
    return "an unknown share" if value is None else "none" if value == 0 else f"{100 * value:.0f}%"


def _rotation_why(view: View, rotations: float | None) -> str:
    outlive = f"{_share(view.value('outliving_share'))} of the credentials outlive their instance"
    if rotations is None:
        return f"{outlive}; how much rotation it replaces needs `identity.rotation_days`"
    left = _minutes(view.value("stolen_mean_s", ()))
    return (
        f"{outlive}; on a schedule it would be {count(rotations, 'rotation', 'rotations')} a day, with a "
        f"stolen credential good for {left} on average"
    )


def decisions(view: View) -> tuple[DecisionFinding, ...]:
    """What somebody must decide for the credentials to be what the figures say."""
    who = who_decides(view, RIGHT)
    found = []
    if view.fleet.identity is not None:
        found.append(
            DecisionFinding(
                id="identity-pods",
                what="start a pod for each instance, and never serve two sessions from one",
                why="a used pod is refused, since what it read in one session would be in its memory in "
                "the next",
                who=who, cost="start-up time of pods; a pool of unused ones hides it", dimension=DIMENSION_ID,
            )
        )  # fmt: skip
    else:
        found.append(
            DecisionFinding(
                id="identity-declare",
                what="give each agent type a service account of its own, and declare issuer and audience",
                why="until then nothing says that a credential belongs to one pod", who=who,
                cost="a service account for each type", dimension=DIMENSION_ID,
            )
        )  # fmt: skip
    by_id = _detail(view, "blast", "by_id_total") or 0
    if by_id:
        found.append(
            DecisionFinding(
                id="identity-ports",
                what="have every port check that a record named by id belongs to the session of the action",
                why=f"{count(by_id, 'action is', 'actions are')} done at once on a record named by id, "
                "and a compromised instance may name any",
                who=who, cost="a check in each port", dimension=DIMENSION_ID,
            )
        )  # fmt: skip
    return tuple(found)


def costs(view: View) -> tuple[CostFinding, ...]:
    """CPU of admissions in the ramp, by the fleet file's price of a core."""
    cores = view.value("ramp_cores")
    if cores is None:
        return ()
    usd, priced = price_of_cores(view, cores)
    return (
        CostFinding(
            id="identity-ramp", what="admissions while the peak arrives", usd_month=usd, mark="measured",
            basis=f"{count(cores, 'core', 'cores')}, kept for the ramp; {priced}",
            dimension=DIMENSION_ID,
        ),
    )  # fmt: skip


def attack_paths(view: View) -> tuple[AttackPath, ...]:
    """Where a stolen key was tried."""
    paths = (
        ("identity-other-session", "act in another customer's session", (TO_OTHERS, AS_OTHERS, AS_POOL)),
        ("identity-other-type", "use another type's tools, or its name", (ACTIONS, AS_MEMBER)),
    )
    found = []
    for name, reaches, kinds in paths:
        rows = [_kind(view, kind) for kind in kinds]
        if not sum(tried for tried, _, _ in rows):
            continue
        through = sum(hits for _, hits, _ in rows)
        codes = dict.fromkeys(code for _, _, stopped in rows for code in stopped.split(", ") if code)
        found.append(
            AttackPath(
                id=name,
                steps=("take over one instance and its key", *kinds),
                reaches=reaches,
                outcome="succeeds" if through else "stopped",
                stopped_by="" if through else ", ".join(codes),
                dimension=DIMENSION_ID,
            )
        )
    return tuple(found)


def gives_up(view: View, own: str) -> str:
    """What session credentials cost, beside pooled ones."""
    with_it = view.value("admissions_per_second", (own,))
    without = view.value("admissions_per_second", ())
    if not with_it or not without:
        return "agents that were running before a session can no longer serve it"
    return (
        f"{1e6 / with_it:.0f} µs of CPU for the life of an instance instead of {1e6 / without:.0f}, nearly "
        "all of it for the pod's token; and warm agents that go from one session to the next"
    )


def cost(view: View) -> tuple[float | None, str]:
    cores = view.value("ramp_cores", _EVERY)
    if cores is None:
        return None, "CPU of the authority only; how much at peak needs `workload.ramp_minutes`"
    usd, basis = price_of_cores(view, cores)
    return usd, f"{count(cores, 'core', 'cores')}, kept for the ramp; {basis}"
