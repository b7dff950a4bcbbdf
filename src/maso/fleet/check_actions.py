"""Actions: what they do to the world, what guards them, and the floor under which the judge never goes."""

from maso.fleet.bind import Path, listed, near
from maso.fleet.check_flows import shedding
from maso.fleet.check_shapes import misfits
from maso.fleet.ground import Ground, excess
from maso.fleet.model import Action, AgentType, LabelSpec, Schema
from maso.fleet.operations import OPERATIONS, Operation, Range, answer_range


def check(g: Ground) -> None:
    for path, action in g.each("actions"):
        _operation(g, path, action)
        _guards(g, path, action)
        _floor(g, path, action)
        if action.declassify:
            shedding(g, path, action.schema, action.declassify, action.owner)
    for path, agent in g.each("types"):
        _judged(g, path, agent)
        _authority(g, path, agent)


def _operation(g: Ground, path: Path, action: Action) -> None:
    operation = OPERATIONS.get(action.operation)
    if operation is None:
        what = f"there is no operation `{action.operation}`{near(action.operation, OPERATIONS)}"
        g.wrong((*path, "operation"), what, listed(OPERATIONS))
        return
    schema, answer = g.schemas.get(action.schema), g.schemas.get(action.answer or "")
    if schema is not None:
        _arguments(g, path, action, operation, schema)
    if answer is not None:
        _answer(g, path, action, operation, answer)
    if operation.irreversible and not action.irreversible:
        what = f"`{operation.name}` cannot be undone, and the action does not say so"
        g.wrong((*path, "operation"), what, "`irreversible: true`")


def _arguments(g: Ground, path: Path, action: Action, operation: Operation, schema: Schema) -> None:
    for name, argument in operation.arguments.items():
        spec = schema.fields.get(name)
        if spec is None:
            what = f"`{operation.name}` needs `{name}`, which the schema `{schema.id}` does not have"
            g.wrong((*path, "schema"), what, f"a schema with `{name}: {{type: {argument.type}}}`")
        elif spec.type != argument.type or spec.optional:
            given = f"optional `{spec.type}`" if spec.optional else f"`{spec.type}`"
            needs = f"`{operation.name}` needs `{name}` as `{argument.type}`"
            what = f"{needs}; the schema `{schema.id}` has it as {given}"
            g.wrong((*path, "schema"), what, f"`{name}: {{type: {argument.type}}}`")


def _answer(g: Ground, path: Path, action: Action, operation: Operation, schema: Schema) -> None:
    """What nobody can fill must not be required: text is written, the rest comes from the world."""
    for name, spec in schema.fields.items():
        given = operation.answer.get(name)
        if (
            given is None
            and spec.type not in ("text", "documents")
            and spec.fact is None
            and not spec.optional
        ):
            what = f"the answer asks for `{name}`, which `{operation.name}` does not give"
            g.wrong(
                (*path, "answer"), what, f"fields among {listed(operation.answer)}, text, documents or facts"
            )
        elif given is not None and spec.type != given:
            what = f"the answer has `{name}` as `{spec.type}`; `{operation.name}` gives `{given}`"
            g.wrong((*path, "answer"), what, f"`{name}: {{type: {given}}}`")
        elif given is not None and spec.fact is None:
            for _, here, there, legal in misfits(spec, answer_range(operation, name) or Range()):
                what = f"`{name}` of the answer {here}, and what `{operation.name}` gives {there}"
                g.wrong((*path, "answer"), what, f"{legal} in the schema `{schema.id}`")


def _guards(g: Ground, path: Path, action: Action) -> None:
    schema = g.schemas.get(action.schema)
    if not action.privileged:
        if action.arguments:
            what = "`arguments` guards nothing while the action is not privileged"
            g.wrong((*path, "arguments"), what, "`privileged: true`, or leave `arguments` out")
        return
    if schema is None:
        return
    for name in action.arguments:
        if name not in schema.fields:
            what = f"the schema `{schema.id}` has no field `{name}`{near(name, schema.fields)}"
            g.wrong((*path, "arguments", name), what, listed(schema.fields))
    for name in schema.fields:
        if name not in action.arguments:
            what = f"the action is privileged, and nothing says what may determine `{name}`"
            g.wrong(
                (*path, "privileged"),
                what,
                f"`arguments: {{{name}: {{sources: [...], endorsed_by: [...]}}}}`",
            )
    _endorsers(g, path, action)


def _endorsers(g: Ground, path: Path, action: Action) -> None:
    operation = OPERATIONS.get(action.operation)
    for name, argument in action.arguments.items():
        where = (*path, "arguments", name, "endorsed_by")
        if "facts" in argument.endorsed_by and operation and operation.facts_check is None:
            checked = [o.name for o in OPERATIONS.values() if o.facts_check]
            what = f"`{operation.name}` has no check against facts"
            g.wrong(where, what, f"`customer` or `person`, or one of the operations {listed(checked)}")
        asks_customer = "customer" in argument.endorsed_by
        if (
            asks_customer
            and not any(p.source == "customer" for p in g.fleet.ports)
            and not g.partial("ports")
        ):
            g.wrong(
                where, "no port leads to a customer who could confirm", "`facts` or `person`, or such a port"
            )


def _floor(g: Ground, path: Path, action: Action) -> None:
    """The floor: nobody lowers the judge below 100% on what the fleet marks critical."""
    if action.risk == "critical" and action.judge != 1.0:
        what = f"`{action.id}` is critical, and the judge would see {action.judge:.0%} of it"
        g.wrong((*path, "judge") if action.judge else (*path, "risk"), what, "`judge: 1.0`")


def _judged(g: Ground, path: Path, agent: AgentType) -> None:
    own = (*agent.actions, *agent.may_request)
    for name, share in agent.judge_actions.items():
        where = (*path, "judge_actions", name)
        action = g.actions.get(name)
        if action is None:
            continue
        if name not in own:
            what = f"`{agent.id}` has no authority over `{name}`"
            g.wrong(where, what, listed(own) if own else "leave it out")
        if action.risk == "critical" and share < 1.0:
            what = f"`{name}` is critical, and the judge would see {share:.0%} of it"
            g.wrong(where, what, "1.0: nobody lowers the judge on a critical action")
        elif share < action.judge:
            what = f"`{agent.id}` lowers the judge on `{name}` from {action.judge:.0%} to {share:.0%}"
            g.wrong(where, what, f"{action.judge} or more, as the action says")


def _authority(g: Ground, path: Path, agent: AgentType) -> None:
    for i, name in enumerate(agent.may_request):
        if name in agent.actions:
            what = f"`{name}` stands under `actions` already, which includes passing it on"
            g.wrong((*path, "may_request", i), what, "leave it out here")
    for i, name in enumerate(agent.actions):
        action = g.actions.get(name)
        port = g.ports.get(action.port) if action else None
        if action and action.answer and port:
            over = excess(port.label, agent.clearance)
            if over:
                what = f"the answer to `{name}` carries {over}, and `{agent.id}` is not cleared for it"
                g.wrong(
                    (*path, "actions", i), what, f"clearance for {over}, or leave `{name}` to another type"
                )
        if action and port:
            _outward(g, (*path, "actions", i), agent, action, port.clearance)


def _outward(g: Ground, path: Path, agent: AgentType, action: Action, clearance: LabelSpec) -> None:
    """An action that sheds what its type never holds says something that is not so."""
    for name in action.declassify:
        if name in g.compartments and name in clearance.compartments:
            what = f"`{action.id}` sheds `{name}`, for which its port is cleared anyway"
            g.wrong(path, what, f"leave `{name}` out of `declassify`")
