"""CSV, JUnit, Markdown and the terminal: each keeps its format whatever a fleet file is named."""

import csv
import io
from xml.etree import ElementTree as Xml

import pytest
from msgspec.structs import replace
from rich.console import Console

from maso.findings import BeforeAfter
from maso.report.stress.junit import junit
from maso.report.stress.markdown import markdown, text
from maso.report.stress.page import page
from maso.report.stress.tables_csv import breakpoints_csv, conditions_csv, decisions_csv
from maso.report.stress.terminal import stress_terminal
from tests.stress.sample_findings import (
    NO_BREAK,
    SIGNATURE,
    audit_after,
    boundaries,
    breaks,
    delegation,
    sample,
)
from tests.stress.test_report_page import HOSTILE, hostile_findings


def rows(source):
    return list(csv.DictReader(io.StringIO(source, newline="")))


def test_breakpoints_are_a_line_for_each_configuration():
    found = rows(breakpoints_csv(sample()))
    audit = [
        (r["configuration"], r["low"], r["high"], r["kind"]) for r in found if r["quantity"] == "audit_hours"
    ]
    assert audit == [
        ("standard", "181", "196", "measured"),
        ("as declared", "181", "196", "measured"),
        ("as recommended", "1600", "1700", "extrapolated"),
    ]
    assert {r["quantity"] for r in found} == {
        "audit_hours",
        "delegations_per_minute",
        "closure_us",
        "scan_us",
    }


def test_decisions_name_their_owners():
    assert [(r["id"], r["who"]) for r in rows(decisions_csv(sample()))] == [
        ("delegation-model", "the risk owner"),
        ("audit-rate", "nobody: declare governance.decision_rights"),
    ]


def test_conditions_say_who_accepted_what_until_when():
    (row,) = rows(conditions_csv(sample(), [SIGNATURE]))
    assert row["item"] == "delegation/audit_hours"
    assert row["what"] == "Hours a person needs to audit the rules"
    assert (row["condition"], row["expires"]) == ("until clusters are in force", "2026-06-30")
    assert (row["name"], row["valid"]) == ("Sample Person", "yes")
    assert conditions_csv(sample(), []).count("\r\n") == 1


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", " =", "\n=", "＝", "＋"])
def test_no_cell_is_a_formula(start):
    formula = f'{start}HYPERLINK("x","y")'
    findings = sample()
    hostile = replace(findings, decisions=(replace(findings.decisions[0], what=formula, who=formula),))
    signature = {**SIGNATURE, "name": formula, "accepted": [{"id": formula, "condition": formula}]}
    for source in (decisions_csv(hostile), conditions_csv(hostile, [signature])):
        for row in rows(source):
            for cell in row.values():
                assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋"))


def test_numbers_stay_numbers_and_lines_end_as_rfc_4180_says():
    source = breakpoints_csv(sample())
    assert ",-0.9," in source  # an exponent below zero is no formula
    assert source.count("\n") == source.count("\r\n")
    quoted = decisions_csv(sample(decisions=(replace(sample().decisions[0], what='say "a", then\nb'),)))
    assert '"say ""a"", then\nb"' in quoted


def cases(findings):
    root = Xml.fromstring(junit(findings))
    return root, {case.get("name"): case for case in root.iter("testcase")}


def test_junit_has_a_case_for_every_budget():
    root, found = cases(sample())
    assert (root.get("tests"), root.get("failures"), root.get("skipped")) == ("4", "2", "1")
    audit = found["Hours a person needs to audit the rules"]
    assert audit.find("failure").text == "breaks: 181 to 196 agents\nrecommended: cluster-based"
    assert found["CPU of a transitive check"].find("skipped") is not None
    assert [child.tag for child in found["CPU of scanning a message"]] == ["properties"]
    facts = {p.get("name"): p.get("value") for p in audit.iter("property")}
    assert facts["budget_key"] == "target.audit_hours_max"
    assert facts["mark"] == "measured"


def test_junit_is_quiet_about_what_nothing_recommended_changes():
    _, found = cases(sample())
    failure = found["Delegations a minute within the latency budget"].find("failure")
    assert failure.text == "breaks: 144 to 158 agents"


@pytest.mark.parametrize("hostile", HOSTILE)
def test_junit_stays_well_formed(hostile):
    root, _ = cases(hostile_findings(hostile))
    assert root.tag == "testsuites"


@pytest.mark.parametrize(
    "hostile", [*HOSTILE, "[a](http://b)", "![i](x)", "| a |", "@everyone", "www.a.b", "`c`"]
)
def test_markdown_reads_no_text_as_markup(hostile):
    shown = text(hostile)
    bare = shown.replace("<!-- -->", "")
    unescaped = [ch for n, ch in enumerate(bare) if ch in "`*_{}[]<>#|~$!&" and bare[n - 1 : n] != "\\"]
    assert not unescaped
    assert "http:" not in shown
    assert "@everyone" not in shown
    assert "\n" not in shown


def test_a_table_of_markdown_keeps_its_columns():
    source = markdown(hostile_findings("a|b\nc"), [SIGNATURE])
    for block in source.split("\n\n"):
        lines = [line.replace("\\|", "") for line in block.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in lines}) <= 1


def test_markdown_has_the_chapters_of_the_page():
    source = markdown(sample(), [SIGNATURE])
    heads = [line for line in source.splitlines() if line.startswith("## ")]
    assert heads == [
        "## Scaling profile of every control", "## Breakpoints", "## Architectural decisions",
        "## Cost projections", "## Delegation graph (F2)", "## Data boundaries (F6)", "## Card data (E5)",
        "## All questions", "## Attack paths", "## Sign-off", "## Method and machine",
    ]  # fmt: skip
    assert "Fill in governance.audit\\_rules\\_per\\_hour." in source
    assert "signature verified" in source
    assert "Unsigned." in markdown(sample())


def printed(findings, directory=""):
    console = Console(width=110, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(*stress_terminal(findings, directory), sep="\n")
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_terminal_says_the_verdict_and_where_the_page_is():
    shown = printed(sample(), "out/run")
    for said in (
        "sample: ", "breaks", "144 to 158 agents", "Cluster-based delegation", "1 declaration missing",
        "out/run/report.html", "1 of 2 attack paths", "quick",
    ):  # fmt: skip
        assert said in shown


def test_the_terminal_obeys_nothing_in_a_name():
    findings = sample()
    shown = printed(replace(findings, fleet=replace(findings.fleet, name="[red]x[/red]\x1b]0;title\x07")))
    assert "[red]x[/red]" in shown
    assert "\x1b]0;" not in shown
    assert "\x07" not in shown


def test_the_terminal_works_for_nothing_at_all():
    bare = sample(dimensions=(), answers=(), controls=(), decisions=(), attack_paths=(), costs=())
    assert "nothing can be said to hold" in " ".join(printed(bare).split())
    skipped = sample(
        dimensions=(replace(delegation(), quantities=(), adaptations=(), skipped="no delegations"),)
    )
    assert printed(skipped)


def unwrapped(findings, width=110):
    console = Console(width=width, file=io.StringIO())
    console.print(*stress_terminal(findings), sep="\n")
    return " ".join(console.file.getvalue().split()), console.file.getvalue()  # type: ignore[attr-defined]


def test_the_terminal_says_what_a_recommendation_gives_up():
    said, lines = unwrapped(sample(), 60)
    assert (
        "Cluster-based delegation (delegation): medium complexity, no price declared gives up: a sample: 12%"
        in said
    )
    start = lines.index("gives up")
    wrapped = lines[start:].splitlines()[1]
    assert wrapped.startswith("    ")  # its second line keeps the indentation


def test_the_terminal_names_what_to_declare_and_then_is_not_done():
    said, _ = unwrapped(sample())
    assert "declare `governance.audit_rules_per_hour`, `target.blast_radius_share_max`" in said
    assert "nothing more" not in said
    html = page(sample())
    card = html.split("<h3>What to do</h3>")[1].split("</div>")[0]
    assert "<code>governance.audit_rules_per_hour</code>" in card
    assert "audit\\_rules\\_per\\_hour" in markdown(sample()).split("- to do:")[1].splitlines()[0]
    held = replace(delegation(), quantities=(audit_after(),), adaptations=(), recommended=())
    done = sample(dimensions=(held,), answers=())
    assert "What to do for the target nothing more" in unwrapped(done)[0]
    assert "Nothing more" in page(done)


def test_the_terminal_names_the_attack_and_the_copies():
    note = "the file has no `growth`: a sample grown by copies"
    said, _ = unwrapped(sample(not_checked=(note,)))
    assert "ask > get (reaches: a tool)" in said
    assert note in said


def test_what_an_adaptation_moves_on_another_axis_is_in_the_unit_of_that_axis():
    scanned = boundaries().quantities[0]
    moved = BeforeAfter(
        quantity="scan_us", unit="µs", value_before=50.0, value_after=20.0,
        breakpoint_before=breaks(4700, 4900), breakpoint_after=breaks(9000, 9100),
    )  # fmt: skip
    changed = replace(delegation().adaptations[0], quantities_after=(scanned,), before_after=(moved,))
    found = sample(dimensions=(replace(boundaries(), adaptations=(changed,)),))
    for source in (markdown(found), page(found)):
        assert "9,000 to 9,100 rules" in source
        assert "9,000 to 9,100 agents" not in source


def test_a_table_of_before_and_after_leaves_out_what_says_nothing():
    still = BeforeAfter(
        quantity="closure_us", unit="µs", value_before=5.0, value_after=5.0,
        breakpoint_before=None, breakpoint_after=NO_BREAK,
    )  # fmt: skip
    moved = replace(still, quantity="blast_radius", value_after=2.0, breakpoint_after=None)
    only = replace(delegation().adaptations[0], before_after=(still, moved))
    found = sample(dimensions=(replace(delegation(), adaptations=(only,)),))
    source = markdown(found).split("### Cluster-based delegation")[1].split("###")[0]
    assert "| quantity | before | after |\n" in source
    both = replace(only, before_after=(*delegation().adaptations[0].before_after, moved))
    shown = page(sample(dimensions=(replace(delegation(), adaptations=(both,)),)))
    assert shown.count('<td data-label="breaks, before" class="empty">') == 1
    assert shown.count('<td data-label="breaks, before" class="">') == 1
