"""The findings as JUnit XML, for the page where a CI shows its tests.

A test case is a quantity with a budget, with the controls as the fleet file declares them. It *fails* where
its whole range lies below the target (what `--gate` refuses), is *skipped* where that could not be told, and
passes otherwise. Dimensions are suites. Durations are left out: a stress test is not faster because a
quantity is.
"""

from xml.etree import ElementTree as Xml

from maso.findings import DimensionFinding, Findings
from maso.report.stress import words
from maso.report.stress.legible import legible_findings
from maso.report.stress.standing import Standing, budgeted, inferred, misses, standings


def junit(findings: Findings) -> str:
    """A whole XML document."""
    shown = legible_findings(findings)
    found = budgeted(standings(shown), shown.fleet.target)
    root = Xml.Element("testsuites", name=f"maso stress {shown.fleet.name}")
    totals = [
        _suite(root, shown, dimension, [s for s in found if s.dimension is dimension])
        for dimension in shown.dimensions
    ]
    for name, column in zip(("tests", "failures", "skipped"), zip(*totals, strict=True), strict=False):
        root.set(name, str(sum(column)))
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def _suite(
    root: Xml.Element, findings: Findings, dimension: DimensionFinding, found: list[Standing]
) -> tuple[int, int, int]:
    suite = Xml.SubElement(root, "testsuite", name=dimension.title)
    properties = Xml.SubElement(suite, "properties")
    facts = {
        "fleet": findings.fleet.name,
        "fleet_sha256": findings.fleet.sha256,
        "target": f"{findings.fleet.target} {findings.fleet.unit}",
        "maso_version": findings.maso_version,
        "quick": "yes" if findings.quick else "no",
        "recommended": ", ".join(dimension.recommended),
        "skipped": dimension.skipped,
    }
    for name, value in facts.items():
        if value:
            Xml.SubElement(properties, "property", name=name, value=value)
    outcomes = [_case(suite, findings, standing) for standing in found]
    counts = (len(found), outcomes.count("failure"), outcomes.count("skipped"))
    for name, count in zip(("tests", "failures", "skipped"), counts, strict=True):
        suite.set(name, str(count))
    suite.set("errors", "0")
    return counts


def _case(suite: Xml.Element, findings: Findings, standing: Standing) -> str:
    quantity, size = standing.now, findings.fleet.target
    case = Xml.SubElement(
        suite, "testcase", classname=f"maso.stress.{standing.dimension.id}", name=quantity.title
    )
    unit = words.axis_unit(findings, quantity)
    where = words.breaks_words(quantity, unit)
    properties = Xml.SubElement(case, "properties")
    for name, value in _facts(standing, where, size).items():
        Xml.SubElement(properties, "property", name=name, value=value)
    if misses(quantity):
        remedy = ", ".join(standing.dimension.recommended) if standing.recommended is not None else ""
        message = (
            f"{quantity.title} misses its budget before the target of {quantity.target or size:,} {unit}"
        )
        failure = Xml.SubElement(case, "failure", type="breakpoint", message=message)
        failure.text = f"breaks: {where}" + (f"\nrecommended: {remedy}" if remedy else "")
        return "failure"
    if quantity.reaches_target is None:
        Xml.SubElement(case, "skipped", message=f"could not be decided: {where}")
        return "skipped"
    return "passed"


def _facts(standing: Standing, where: str, size: int) -> dict[str, str]:
    quantity = standing.now
    facts = {
        "quantity": standing.path,
        "mark": quantity.mark,
        "breakpoint": where,
        "class": words.growth_words(quantity),
        "controls": ", ".join(quantity.controls),
        "extrapolated": "yes" if inferred(quantity, size) else "",
    }
    if quantity.budget is not None:
        facts["budget"] = words.budget_words(quantity.budget, quantity.unit)
        facts["budget_key"] = quantity.budget.key
    return {name: value for name, value in facts.items() if value}
