"""`maso check`: the summary as it is printed, its JSON, and each warning shown a fleet that deserves it."""

import io
import json
import os
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from maso.fleet.load import load, load_fleet
from maso.fleet.model import Fleet
from maso.fleet.render import render
from maso.fleet.starter import TEMPLATE
from maso.fleet.summary import as_json, describe
from maso.fleet.warnings import RULES, warnings_of

GOLDEN = Path(__file__).parent / "golden"
LOADED = load(TEMPLATE).fleet
assert LOADED is not None
START: Fleet = LOADED
SHOP, _ = load_fleet("ecommerce-10k")
FIRM, _ = load_fleet("fleet-100")


def printed(fleet: Fleet) -> str:
    out = io.StringIO()
    console = Console(file=out, width=120, color_system=None, force_terminal=False, legacy_windows=False)
    console.print(render(describe(fleet)))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


@pytest.mark.parametrize("fleet", [SHOP, FIRM], ids=["ecommerce-10k", "fleet-100"])
def test_the_summary_is_printed_like_this(fleet):
    path = GOLDEN / f"check-{fleet.fleet}.txt"
    text = printed(fleet)
    if os.environ.get("MASO_ACCEPT"):
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8"), f"{path.name} differs; MASO_ACCEPT=1 accepts it"


def test_one_is_not_told_as_many():
    text = printed(START)
    assert "5 paths (from one agent to another), 1 delegation\n" in text
    assert "1 information barrier between 3 pairs of agents, only one of each cleared; 1 pair linked" in text


def test_an_external_port_that_is_cleared_is_a_way_out():
    ways = {c.id: c.leaves_by for c in describe(START).compartments}
    assert ways["personal"] == ("chat (outside)", "bank (outside)")
    assert ways["bank_data"] == ("cashier > front_desk", "bank (outside)")


def test_a_fleet_of_a_thousand_fits_a_few_screens():
    assert printed(load_fleet("fleet-100", 1000)[0]).count("\n") < 400


def test_the_json_is_plain_and_complete():
    plain = json.loads(json.dumps(as_json(describe(SHOP))))
    assert plain["instances"] == 60_000
    assert plain["traffic"]["messages_per_minute"] > 38_000
    assert [w["id"] for w in plain["warnings"]] == [w.id for w in describe(SHOP).warnings]
    assert {"from", "to", "actions"} == set(plain["delegations"][0])


def change(fleet: Fleet, section: str, index: int, **values) -> Fleet:
    elements = list(getattr(fleet, section))
    elements[index] = msgspec.structs.replace(elements[index], **values)
    return msgspec.structs.replace(fleet, **{section: tuple(elements)})


def at(fleet: Fleet, section: str, name: str) -> int:
    return [e.id for e in getattr(fleet, section)].index(name)


def found(fleet: Fleet) -> dict[str, tuple[str, ...]]:
    return {w.id: w.where for w in warnings_of(fleet)}


# For each warning a fleet that is legal and deserves it, and what must stand in its `where`.
replace = msgspec.structs.replace
gov = START.governance
desk, cashier = at(START, "types", "front_desk"), at(START, "types", "cashier")
chat, book = at(START, "ports", "chat"), at(START, "ports", "handbook")
link = START.links[1]
cycle = replace(START.delegations[0], from_="cashier", to="front_desk")
forth = replace(SHOP.dependencies[0], on_emergency="cascade")
back = replace(forth, consumer=forth.producer, producer=forth.consumer)
fields = START.schemas[at(START, "schemas", "refund_request")].fields
INVENTED = {**fields, "order_id": replace(fields["order_id"], fact=None)}
results = START.schemas[at(START, "schemas", "refund_result")].fields
UNTOLD = {**results, "booking": replace(fields["order_id"], fact="refund_id")}
DESERVING = {
    "provider-share": (change(START, "types", 3, provider="provider-a"), "provider-a (4 of 4"),
    "control-on-task-provider": (
        change(START, "types", 3, provider="provider-a"),
        "supervisor (provider-a)",
    ),
    "judge-on-task-provider": (
        replace(START, judge=replace(START.judge, provider="provider-a")),
        "provider-a",
    ),
    "irreversible-not-judged": (
        change(SHOP, "actions", at(SHOP, "actions", "order.cancel"), judge=0.5),
        "order.cancel (50%)",
    ),
    "money-not-privileged": (change(START, "actions", 2, privileged=False), "refund.pay"),
    "argument-made-up": (
        change(START, "schemas", at(START, "schemas", "refund_request"), fields=INVENTED),
        "refund.pay: order_id (`fact: order_id`)",
    ),
    "barrier-without-schema": (
        replace(START, links=(*START.links, replace(link, from_="cashier", to="supervisor"))),
        "cashier > supervisor (bank_data)",
    ),
    "trusted-outside": (change(START, "ports", chat, source=None), "chat"),
    "free-instructions": (
        change(START, "links", 1, instruction_sources=("web",)),
        "front_desk > researcher (web)",
    ),
    "rag-unsigned": (change(START, "ports", book, signed=False), "handbook"),
    "rag-no-freshness": (change(START, "ports", book, fresh_minutes_max=None), "handbook"),
    "port-unmarked": (change(START, "ports", book, source=None), "handbook"),
    "transitive-privilege": (
        change(START, "types", desk, may_request=()),
        "refund.pay: front_desk > cashier",
    ),
    "delegation-cycle": (replace(START, delegations=(*START.delegations, cycle)), "front_desk > cashier"),
    "never-delegated": (replace(START, delegations=()), "cashier: refund.pay"),
    "action-unused": (change(START, "types", cashier, actions=()), "refund.pay"),
    "authority-idle": (
        change(START, "types", 3, actions=("handbook.search",)),
        "supervisor: handbook.search",
    ),
    "request-idle": (replace(START, delegations=()), "front_desk: refund.pay"),
    "isolated": (replace(START, links=START.links[:-1]), "supervisor"),
    "unreached": (replace(START, links=START.links[-1:]), "front_desk"),
    "dependency-cycle": (
        replace(SHOP, dependencies=(forth, back)),
        "`on_emergency: cascade` all round: storefront from checkout, checkout from storefront",
    ),
    "recovery-order": (
        change(SHOP, "clusters", at(SHOP, "clusters", "storefront"), recovery_order=4),
        "checkout (2) before storefront (4), on which it depends",
    ),
    "recovery-order-shared": (
        change(SHOP, "clusters", at(SHOP, "clusters", "storefront"), recovery_order=2),
        "(2)",
    ),
    "fallback-unnamed": (
        replace(SHOP, dependencies=(replace(forth, on_contingency="fallback", fallback=""),)),
        f"{forth.consumer} from {forth.producer} (`on_contingency`)",
    ),
    "stale-unbounded": (
        replace(SHOP, dependencies=(replace(forth, on_alternate="stale", stale_minutes_max=None),)),
        f"{forth.consumer} from {forth.producer} (`on_alternate`)",
    ),
    "stage-endless": (
        replace(START, shutdown=(replace(START.shutdown[0], seconds_max=999_999_999),)),
        "halt (999,999,999 s, 11,574 days)",
    ),
    "no-freeze": (
        replace(START, shutdown=tuple(s for s in START.shutdown if s.stage != "freeze")),
        "shutdown",
    ),
    "not-received": (
        change(START, "schemas", at(START, "schemas", "refund_result"), fields=UNTOLD),
        "refund, cashier > front_desk: booking (`fact: refund_id`)",
    ),
    "lease-outlives-stage": (
        replace(START, switch=replace(START.switch, lease_ms=10_000)),
        "terminate (10 s; `switch.lease_ms` and `drift_ms`: 10.1 s)",
    ),
    "lease-no-slack": (
        replace(START, switch=replace(START.switch, renew_ms=2_950)),
        "`switch.lease_ms` 6000, `renew_ms` 2950",
    ),
    "no-shutdown": (replace(START, shutdown=()), "shutdown"),
    "no-budgets": (change(START, "types", desk, budgets=type(START.types[0].budgets)()), "front_desk"),
    "no-money-budget": (replace(START, governance=replace(gov, budget_usd_per_day=None)), "governance"),
    "no-pace": (START, "front_desk"),
    "no-backup-provider": (START, "front_desk"),
    "no-provider": (change(START, "types", desk, provider=None), "front_desk"),
    "no-session-end": (change(START, "types", desk, session_minutes_max=None), "front_desk"),
    "reviewers-short": (SHOP, "escalations an hour"),
    "option-not-approved": (SHOP, "longer-price-cache"),
    "no-decision-rights": (replace(START, governance=replace(gov, decision_rights={})), "governance"),
    "no-risk-owner": (replace(START, governance=replace(gov, risk_owner="")), "governance"),
}


def test_every_warning_has_a_fleet_that_deserves_it():
    assert set(DESERVING) == {ident for ident, *_ in RULES}


@pytest.mark.parametrize("ident", DESERVING)
def test_a_warning_is_raised_where_it_is_deserved(ident):
    fleet, where = DESERVING[ident]
    assert any(where in text for text in found(fleet).get(ident, ())), found(fleet)


BREAKS = ({"on_emergency": "stale"}, {"on_emergency": "fallback"}, {"policy": "assess"})


@pytest.mark.parametrize("change_it", BREAKS, ids=str)
def test_one_dependency_that_does_not_follow_breaks_a_circle(change_it):
    broken = replace(SHOP, dependencies=(forth, replace(back, **change_it)))
    assert "dependency-cycle" not in found(broken)


def test_a_circle_is_cut_by_the_order_and_that_contradicts_nothing():
    assert "recovery-order" not in found(replace(SHOP, dependencies=(forth, back)))
    assert "recovery-order" not in found(SHOP)


def test_a_lease_that_ends_with_its_stage_or_has_two_renewals_is_fine():
    assert "lease-outlives-stage" not in found(replace(START, switch=replace(START.switch, lease_ms=9_900)))
    assert "lease-no-slack" not in found(replace(START, switch=replace(START.switch, renew_ms=2_949)))


def test_a_stage_of_a_day_an_old_age_and_a_named_source_are_fine():
    day = replace(START, shutdown=tuple(replace(s, seconds_max=86_400) for s in START.shutdown))
    assert "stage-endless" not in found(day)
    bounded = replace(
        forth, on_alternate="stale", on_contingency="fallback", fallback="x", stale_minutes_max=5
    )
    assert not {"stale-unbounded", "fallback-unnamed"} & set(found(replace(SHOP, dependencies=(bounded,))))


def test_each_phase_has_its_own_circles():
    """What stops in Emergency may still follow round in Contingency."""
    there = replace(forth, on_contingency="cascade", on_emergency="stale")
    again = replace(back, on_contingency="cascade")
    (where,) = found(replace(SHOP, dependencies=(there, again)))["dependency-cycle"]
    assert where.startswith("`on_contingency: cascade` all round")


def test_nothing_else_is_raised_for_the_starter():
    assert set(found(START)) == {"no-pace", "no-backup-provider", "no-freeze"}


def test_every_warning_says_why_and_what_to_do():
    for fleet in (START, SHOP, FIRM):
        for warning in warnings_of(fleet):
            assert warning.where
            assert warning.what
            assert warning.why
            assert warning.todo
