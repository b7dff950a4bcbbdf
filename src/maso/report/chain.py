"""The chain behind one decision as a tree: the decision on top, below it what it rests on, down to the ports.

Takes the plain data that `maso explain --json` prints. A message that stands in two contexts is drawn
once and named the second time.
"""

from typing import Any

from rich.text import Text
from rich.tree import Tree

_STYLE = {"allow": "green", "redact": "yellow", "hold": "yellow", "deny": "red"}


def chain_tree(chain: dict[str, Any]) -> Tree:
    tree = Tree(_head(chain))
    _facts(tree, chain, whole=True)
    _causes(tree, chain)
    return tree


def other_tree(document: dict[str, Any]) -> Tree:
    """A record that is not about a message."""
    decision = document.get("decision")
    head = Text(f"record {document['ref']}  {document['at']}  {document['record']}")
    if decision:
        head.append(f"  {decision}", style=_STYLE.get(decision, ""))
    tree = Tree(head)
    tree.add(Text(document["means"]))
    for name, text in document["fields"].items():
        tree.add(Text(f"{name}: {text}"))
    for member in document.get("members", ()):
        tree.add(f"{_name(member)}, identity {member['nhi']}")
    _findings(tree, document.get("findings", []))
    if "contract" in document:
        _contracts(tree, [document["contract"]])
    if "endorsement" in document:
        _endorsements(tree, [document["endorsement"]])
    return tree


def _name(party: dict[str, Any] | None) -> str:
    if party is None:
        return "unknown"
    if party["type"] is None:
        return str(party["nhi"])
    return f"{party['type']}.{party['number']}" if party["number"] else str(party["type"])


def _head(chain: dict[str, Any]) -> Text:
    what = chain["kind"] if chain["action"] is None else f"{chain['kind']} {chain['action']}"
    way = f"{_name(chain['sender'])} to {_name(chain['recipient'])}"
    head = Text(f"envelope {chain['ref']}  {chain['at']}  ")
    head.append(chain["decision"], style=_STYLE.get(chain["decision"], ""))
    head.append(f"  {what}, {way}")
    return head


def _facts(tree: Tree, chain: dict[str, Any], *, whole: bool) -> None:
    if chain["label"] is not None:
        tree.add(f"label: {chain['label']}")
    if chain["declassified"]:
        tree.add(f"left behind, by declassification: {', '.join(chain['declassified'])}")
    if whole:
        _parties(tree, chain)
    if chain["found"]:
        hidden = f" (hidden: {', '.join(chain['hidden'])})" if chain["hidden"] else ""
        tree.add(f"found in it: {', '.join(chain['found'])}{hidden}")
    _findings(tree, chain["findings"])
    if chain["asked"]:
        tree.add(f"asked to vouch: {chain['asked']}")
    if chain["first_held_as"]:
        tree.add(f"held before, as envelope {chain['first_held_as']}")
    if chain["decided_as"]:
        tree.add(f"decided later, as envelope {chain['decided_as']}")
    if chain["excerpt"] and whole:
        tree.add(Text(f"masked excerpt: {chain['excerpt']}"))
    _contracts(tree, chain["contracts"])
    _endorsements(tree, chain["endorsements"])


def _parties(tree: Tree, chain: dict[str, Any]) -> None:
    for role in ("sender", "recipient"):
        party = chain[role]
        if party is None:
            continue
        if party["admitted_by"] is None:
            tree.add(f"{role}: nobody with the identity {party['nhi']} was admitted")
        else:
            tree.add(
                f"{role}: {_name(party)}, identity {party['nhi']}, admitted by record {party['admitted_by']}"
            )
    proof = "the sender is proven" if chain["authenticated"] else "the sender is only claimed"
    session = f"session {chain['session']}" if chain["session"] else "no session"
    tree.add(f"{session}, sequence {chain['sequence']}, channel {chain['channel']}: {proof}")
    digest = f", keyed digest {chain['payload_digest']}" if chain["payload_digest"] else ""
    tree.add(f"{chain['bytes']} bytes of payload{digest}")


def _findings(tree: Tree, findings: list[dict[str, str]]) -> None:
    for finding in findings:
        detail = f" ({finding['detail']})" if finding["detail"] else ""
        branch = tree.add(Text(f"{finding['code']}: {finding['text']}{detail}"))
        if finding["remedy"]:
            branch.add(Text(f"what to do: {finding['remedy']}"))


def _contracts(tree: Tree, contracts: list[dict[str, Any]]) -> None:
    for contract in contracts:
        about = f", about {contract['resource']}" if contract["resource"] else ""
        branch = tree.add(
            Text(
                f"under contract {contract['id']} (record {contract['record']}),"
                f" until {contract['not_after']}{about}"
            )
        )
        branch.add(
            Text(f"{contract['source']} permits {contract['target']}: {', '.join(contract['permits'])}")
        )
        _findings(branch, contract["findings"])


def _endorsements(tree: Tree, endorsements: list[dict[str, Any]]) -> None:
    for one in endorsements:
        said = "vouched for it" if one["granted"] else "did not vouch for it"
        tree.add(f"{one['by']} {said} at {one['at']} (record {one['record']}), good until {one['not_after']}")


def _causes(tree: Tree, chain: dict[str, Any]) -> None:
    if chain["causes_left_out"]:
        tree.add(f"{chain['causes_left_out']} earlier messages in its sender's context are not shown")
    for declared, mark in ((True, "made from"), (False, "had read")):
        refs = [c["ref"] for c in chain["causes"] if c["message"] is None and c["declared"] is declared]
        if refs:
            tree.add(f"{mark}, shown elsewhere: {', '.join(map(str, refs))}")
    for cause in chain["causes"]:
        mark = "made from" if cause["declared"] else "had read"
        message = cause["message"]
        if message is None:
            continue
        branch = tree.add(Text(f"{mark} ").append_text(_head(message)))
        _facts(branch, message, whole=False)
        _causes(branch, message)
