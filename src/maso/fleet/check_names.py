"""Every name in a fleet file is declared once, and what refers to it finds it.

Names are checked also in elements with another mistake, wherever the name itself could be read. Of a file
whose `desks` and `growth` do not hold together, only what cannot mean a grown agent (`check_static`).
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from maso.fleet.bind import Path
from maso.fleet.ground import Ground
from maso.fleet.model import AgentType, LabelSpec
from maso.labels import MAX_COMPARTMENTS

ACTIONS_MAX: Final = 4095  # an action's number has 12 bits on the hot path, and 0 means none

_SECTIONS: Final = (
    "compartments", "providers", "regions", "clusters", "schemas", "ports", "actions", "types", "components",
)  # fmt: skip


def check(g: Ground) -> None:
    for section in _SECTIONS:
        _unique(g, section)
    _ports_are_not_types(g)
    _limits(g)
    for references in (_actions, _types, _ports, _links, _delegations, _clusters, _others):
        references(g)
    g.settle()


def check_static(g: Ground) -> None:
    """What can be said of names before the fleet was grown: links and delegations may mean grown agents."""
    for section in _SECTIONS:
        _unique(g, section)
    for references in (_types, _ports):
        references(g)
    g.settle()


def _unique(g: Ground, section: str) -> None:
    first: dict[str, Path] = {}
    for path, element in g.every(section):
        if not g.was_read((*path, "id")):
            continue
        if element.id in first:
            g.wrong((*path, "id"), f"`{element.id}` stands twice under `{section}`", "each id once")
        first.setdefault(element.id, path)


def _ports_are_not_types(g: Ground) -> None:
    for path, port in g.each("ports"):
        if port.id in g.types:
            g.wrong((*path, "id"), f"`{port.id}` is an agent type as well", "another name: links name both")


def _limits(g: Ground) -> None:
    for section, most in (("compartments", MAX_COMPARTMENTS), ("actions", ACTIONS_MAX)):
        count = len(getattr(g.fleet, section))
        if count > most:
            g.wrong((section, most), f"{count} {section}", f"at most {most}")
    if not g.fleet.types and not g.unsure("types"):
        g.wrong(("types",), "the fleet has no agents", "at least one under `types`, or `desks` and `growth`")


def _all(g: Ground, path: Path, key: str, names: Iterable[str], section: str, word: str) -> None:
    for i, name in enumerate(names):
        g.refer((*path, key, i), name, section, g.ids(section), word)


def _label(g: Ground, path: Path, key: str, label: LabelSpec) -> None:
    _all(g, (*path, key), "compartments", label.compartments, "compartments", "compartment")


def _one(g: Ground, path: Path, key: str, name: str | None, section: str, word: str) -> None:
    if name is not None:
        g.refer((*path, key), name, section, g.ids(section), word)


def _actions(g: Ground) -> None:
    for path, action in g.every("actions"):
        _one(g, path, "port", action.port, "ports", "port")
        _one(g, path, "schema", action.schema, "schemas", "schema")
        _one(g, path, "answer", action.answer, "schemas", "schema")
        _all(g, path, "declassify", action.declassify, "compartments", "compartment")


def _types(g: Ground) -> None:
    for path, agent in g.every("types"):
        _one(g, path, "provider", agent.provider, "providers", "provider")
        _one(g, path, "region", agent.region, "regions", "region")
        _label(g, path, "clearance", agent.clearance)
        _all(g, path, "actions", agent.actions, "actions", "action")
        _all(g, path, "may_request", agent.may_request, "actions", "action")
        for name in agent.judge_actions:
            g.refer((*path, "judge_actions", name), name, "actions", g.ids("actions"), "action")
        _cluster(g, path, agent)
        for level in ("instance", "type"):
            backup = getattr(agent.pace, level).backup_provider
            _one(g, (*path, "pace", level), "backup_provider", backup, "providers", "provider")


def _cluster(g: Ground, path: Path, agent: AgentType) -> None:
    if agent.cluster == "main" and not g.fleet.clusters:
        return
    _one(g, path, "cluster", agent.cluster, "clusters", "cluster")


def _ports(g: Ground) -> None:
    for path, port in g.every("ports"):
        _label(g, path, "label", port.label)
        _label(g, path, "clearance", port.clearance)


def _links(g: Ground) -> None:
    for path, link in g.every("links"):
        _end(g, (*path, "from"), link.from_, [*g.ids("types"), *g.ids("ports")], "type or port")
        if link.to in g.ports and g.was_read((*path, "to")):
            legal = "an agent type; what is sent to a port is an `action`"
            g.doubt((*path, "to"), f"`{link.to}` is a port", legal)
        else:
            _end(g, (*path, "to"), link.to, g.ids("types"), "agent type")
        _one(g, path, "schema", link.schema, "schemas", "schema")
        _all(g, path, "declassify", link.declassify, "compartments", "compartment")


def _end(g: Ground, path: Path, name: str, legal: list[str], word: str) -> None:
    if not g.unsure("ports"):
        g.refer(path, name, "types", legal, word, "ports")


def _delegations(g: Ground) -> None:
    for path, delegation in g.every("delegations"):
        _one(g, path, "from", delegation.from_, "types", "agent type")
        _one(g, path, "to", delegation.to, "types", "agent type")
        _all(g, path, "actions", delegation.actions, "actions", "action")
        _one(g, path, "output", delegation.output, "schemas", "schema")


def _dependencies_once(g: Ground) -> None:
    """Two that say different things of the same two clusters: nobody could tell which one counts."""
    seen: set[tuple[str, str]] = set()
    for path, dependency in g.each("dependencies"):
        pair = (dependency.consumer, dependency.producer)
        if pair in seen:
            what = f"that `{pair[0]}` depends on `{pair[1]}` stands here again"
            g.wrong((*path, "consumer"), what, "each dependency once")
        seen.add(pair)


def _clusters(g: Ground) -> None:
    for path, cluster in g.every("clusters"):
        _one(g, path, "region", cluster.region, "regions", "region")
        _one(g, path, "orchestrator", cluster.orchestrator, "types", "agent type")
    for path, dependency in g.every("dependencies"):
        _one(g, path, "consumer", dependency.consumer, "clusters", "cluster")
        _one(g, path, "producer", dependency.producer, "clusters", "cluster")
        read = g.was_read((*path, "consumer")) and g.was_read((*path, "producer"))
        if read and dependency.consumer == dependency.producer:
            g.wrong((*path, "producer"), f"`{dependency.consumer}` depends on itself", "another cluster")
    _dependencies_once(g)


def _others(g: Ground) -> None:
    _one(g, ("judge",), "provider", g.fleet.judge.provider, "providers", "provider")
    mapped: Iterable[tuple[Any, str]] = g.fleet.dlp.compartments.items()
    for kind, name in mapped:
        g.refer(("dlp", "compartments", kind), name, "compartments", g.ids("compartments"), "compartment")


Check = Callable[[Ground], None]
