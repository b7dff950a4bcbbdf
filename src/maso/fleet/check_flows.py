"""Links and delegations: what may go where, what it sheds on the way, and who may pass what on."""

from collections.abc import Iterable

from maso.fleet.bind import Path, listed
from maso.fleet.ground import STRICT_LEGAL, Ground, carrying_field, excess
from maso.fleet.model import AgentType, Delegation, DlpKind, DlpPolicy, Link, Port

# What identifies or opens accounts is never let through unseen, whatever a link says.
_NEVER_IGNORED = ("pan", "cvv", "secret")


def check(g: Ground) -> None:
    _once(g)
    for path, link in g.each("links"):
        _kinds(g, path, link)
        _sheds(g, path, link)
        _arrives(g, path, link)
        policy(g, (*path, "dlp"), link.dlp)
    policy(g, ("dlp", "policy"), g.fleet.dlp.policy)
    _delegations(g)


def _once(g: Ground) -> None:
    seen: dict[tuple[str, str, str], Path] = {}
    for path, link in g.each("links"):
        for kind in link.kinds:
            key = (link.from_, link.to, kind)
            if key in seen:
                what = f"`{link.from_}` to `{link.to}` for {kind} stands twice"
                g.wrong(path, what, "one link for each of its kinds, with one schema")
            seen.setdefault(key, path)


def _kinds(g: Ground, path: Path, link: Link) -> None:
    if not link.kinds:
        g.wrong((*path, "kinds"), "the link carries nothing", "`data`, `instruction`, `claim`, `delegation`")
    if link.instruction_sources and "instruction" not in link.kinds:
        what = "`instruction_sources` means nothing on a link without instructions"
        g.wrong((*path, "instruction_sources"), what, "leave it out, or add `instruction` to `kinds`")
    if link.from_ == link.to and link.kinds != ("data",):
        g.wrong(
            (*path, "kinds"),
            f"`{link.to}` instructs or delegates to itself",
            "`data`: what it notes for itself",
        )
    port = g.ports.get(link.from_)
    if port is None:
        return
    more = [
        k
        for k in link.kinds
        if k in ("delegation", "claim") or (k == "instruction" and port.source is not None)
    ]
    if more:
        what = f"the port `{port.id}` would send {more[0]}s"
        g.wrong((*path, "kinds"), what, "`data`; instructions only from a port with `source: null`")


def _sheds(g: Ground, path: Path, link: Link) -> None:
    if not link.declassify:
        return
    sender = g.types.get(link.from_) or g.ports.get(link.from_)
    held: tuple[str, ...] = ()
    if isinstance(sender, AgentType):
        held = sender.clearance.compartments
    elif isinstance(sender, Port):
        held = sender.label.compartments
    for i, name in enumerate(link.declassify):
        if sender is not None and name in g.compartments and name not in held:
            what = f"`{link.from_}` never holds `{name}`, so there is nothing to shed"
            g.wrong((*path, "declassify", i), what, listed(held) if held else "leave `declassify` out")
    shedding(g, path, link.schema, link.declassify, link.owner)
    guarded = [name for name in link.declassify if name in g.guarded]
    if guarded and "claim" in link.kinds:
        what = f"a claim says things in its own words, and this link sheds `{guarded[0]}`"
        g.wrong((*path, "kinds"), what, "`data`, `instruction`, `delegation`")
    _caught_before(g, path, link)


def shedding(g: Ground, path: Path, schema_id: str, shed: Iterable[str], owner: str) -> None:
    """What a link or an action that declassifies must be: strict, and owned."""
    schema = g.schemas.get(schema_id)
    reason = carrying_field(schema) if schema else None
    if reason:
        names = ", ".join(f"`{s}`" for s in shed)
        g.wrong(
            (*path, "declassify"),
            f"{names} is shed by the schema `{schema_id}`, but its field {reason}",
            STRICT_LEGAL,
        )
    if not owner.strip():
        g.wrong((*path, "declassify"), "nobody answers for this declassification", "`owner: NAME OR ROLE`")


def _caught_before(g: Ground, path: Path, link: Link) -> None:
    """DLP must refuse, not raise, what the link would shed right after it was raised."""
    for home in link.declassify:
        raised = [kind for kind, to in g.fleet.dlp.compartments.items() if to == home]
        raised = [kind for kind in raised if _acts(g, link, kind) != "refuse"]
        if raised:
            what = f"{listed(raised)} would be raised to `{home}`, and this link sheds `{home}` again"
            refused = ", ".join(f"{kind}: refuse" for kind in raised)
            g.wrong((*path, "declassify"), what, f"`dlp: {{{refused}}}` on this link")


def _acts(g: Ground, link: Link, kind: DlpKind) -> DlpPolicy:
    """What DLP does about a kind on this link."""
    unless_told: DlpPolicy = "refuse" if kind in _NEVER_IGNORED else "raise"
    return link.dlp.get(kind) or g.fleet.dlp.policy.get(kind) or unless_told


def _arrives(g: Ground, path: Path, link: Link) -> None:
    """A port's label is known: if the receiver is not cleared for it, nothing would ever be delivered."""
    port, receiver = g.ports.get(link.from_), g.types.get(link.to)
    if port is None or receiver is None:
        return
    over = excess(port.label, receiver.clearance, link.declassify)
    if over:
        what = f"everything from `{port.id}` carries {over}, and `{receiver.id}` is not cleared for it"
        g.wrong((*path, "to"), what, f"clearance for {over} in `{receiver.id}`, or another receiver")


def policy(g: Ground, path: Path, policies: dict[str, str] | dict) -> None:  # type: ignore[type-arg]
    for kind, act in policies.items():
        if act == "ignore" and kind in _NEVER_IGNORED:
            g.wrong((*path, kind), f"`{kind}` would be let through unseen", "`refuse`, `redact`, `raise`")
        if (
            act == "raise"
            and kind not in g.fleet.dlp.compartments
            and not g.is_broken(("dlp", "compartments"))
        ):
            legal = f"`dlp: {{compartments: {{{kind}: NAME}}}}`, or `refuse` or `redact`"
            g.wrong((*path, kind), f"`{kind}` has no compartment that it could be raised to", legal)


def _delegations(g: Ground) -> None:
    seen: set[tuple[str, str]] = set()
    for path, delegation in g.each("delegations"):
        pair = (delegation.from_, delegation.to)
        if pair in seen:
            g.wrong(
                path,
                f"`{pair[0]}` to `{pair[1]}` stands twice under `delegations`",
                "one entry with all its actions",
            )
        seen.add(pair)
        _delegation(g, path, delegation)
    declared = {(d.from_, d.to) for d in g.fleet.delegations}
    for path, link in g.each("links"):
        if (
            "delegation" in link.kinds
            and (link.from_, link.to) not in declared
            and not g.partial("delegations")
        ):
            what = (
                f"`{link.from_}` may send delegations to `{link.to}`, but no entry says what it may pass on"
            )
            g.wrong((*path, "kinds"), what, "an entry under `delegations`, or no `delegation` in `kinds`")


def _delegation(g: Ground, path: Path, delegation: Delegation) -> None:
    source, target = g.types.get(delegation.from_), g.types.get(delegation.to)
    if delegation.from_ == delegation.to:
        g.wrong((*path, "to"), f"`{delegation.to}` delegates to itself", "another agent type")
        return
    if not delegation.actions:
        g.wrong((*path, "actions"), "nothing is passed on", "at least one action")
    for i, name in enumerate(delegation.actions):
        if name not in g.actions:
            continue
        if source and name not in (*source.actions, *source.may_request):
            what = f"`{source.id}` has no authority over `{name}`, so it cannot pass it on"
            g.wrong((*path, "actions", i), what, _authority(source, name, "may_request"))
        if target and name not in (*target.actions, *target.may_request):
            what = f"`{target.id}` may not do `{name}`, nor pass it on"
            g.wrong((*path, "actions", i), what, _authority(target, name, "actions"))
    linked = (delegation.from_, delegation.to, "delegation") in g.links
    if source and target and not linked and not g.partial("links"):
        what = f"no link lets `{source.id}` send delegations to `{target.id}`"
        g.wrong(path, what, f"a link from `{source.id}` to `{target.id}` with `kinds: [delegation]`")


def _authority(agent: AgentType, name: str, key: str) -> str:
    names = (*agent.actions, *agent.may_request)
    held = f"what it lists: {listed(names, 12)}" if names else "another type"
    return f"`{name}` under `{key}` of `{agent.id}`, or {held}"
