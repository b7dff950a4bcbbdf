"""The page as a browser would get it: whole, closed off, and honest about where a figure comes from."""

import base64
import hashlib
import re
from itertools import pairwise

import pytest
from msgspec.structs import replace

from maso.findings import encode
from maso.report.stress import words
from maso.report.stress.legible import legible, legible_findings
from maso.report.stress.page import page, prose
from tests.stress.reading import Page
from tests.stress.sample_findings import (
    NO_BREAK,
    SIGNATURE,
    TARGET,
    audit_after,
    audit_before,
    delegation,
    points,
    sample,
)

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "admin\u202enimda",
    "{{ 7 * 7 }} {% raw %}",
    "x" * 4000,
    "javascript:alert(1)",
    "a\x1b[31mb\x00c",
    "</style><style>*{display:none}",
    "]]>&amp;<!--",
)


def hostile_findings(text):
    """The sample with `text` in every place that a fleet file or a signer can write."""
    plain = sample()
    first = delegation()
    quantity = replace(
        first.quantities[0], id=text, title=text, unit=text, axis_unit=text, controls=(text,),
        budget=replace(first.quantities[0].budget, key=text),
    )  # fmt: skip
    rows = tuple(tuple(text for _ in row) for row in first.lists[0].rows)
    adaptation = replace(first.adaptations[0], title=text, gives_up=text, settings={text: text})
    dimension = replace(
        first, id=text, title=text, about=text, quantities=(quantity, *first.quantities[1:]),
        adaptations=(adaptation, *first.adaptations[1:]), not_checked=(text,), standard={text: text},
        lists=(replace(first.lists[0], id=text, title=text, columns=(text,) * 3, rows=rows),),
    )  # fmt: skip
    return replace(
        plain,
        fleet=replace(plain.fleet, name=text, about=text, unit=text),
        dimensions=(dimension, *plain.dimensions[1:]),
        answers=tuple(replace(a, text=text, evidence=(text,), key=text) for a in plain.answers),
        decisions=tuple(replace(d, what=text, who=text, why=text) for d in plain.decisions),
        attack_paths=tuple(replace(p, steps=(text,), reaches=text) for p in plain.attack_paths),
        command=text,
    )


def test_the_page_is_well_formed():
    assert Page(page(sample(), [SIGNATURE])).faults == []


def test_nothing_is_loaded_from_anywhere_and_nothing_runs():
    found = Page(page(sample(), [SIGNATURE]))
    assert not [tag for tag, _ in found.elements if tag in ("script", "link", "img", "iframe", "object")]
    assert found.attributes("src") == []
    assert all(target.startswith("#") for target in found.attributes("href"))
    assert not [name for _, attrs in found.elements for name in attrs if name.startswith("on")]
    assert "http://" not in page(sample())
    assert "https://" not in page(sample())


def test_the_policy_allows_the_pages_own_style_and_nothing_else():
    source = page(sample())
    (policy,) = [
        attrs["content"]
        for attrs in Page(source).all("meta")
        if attrs.get("http-equiv") == "Content-Security-Policy"
    ]
    (style,) = re.findall(r"<style>(.*?)</style>", source, re.S)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    # The policy would drop a style attribute in silence.
    assert Page(source).attributes("style") == []
    assert "url(" not in style.replace("url(#hatch)", "")
    assert "@import" not in style


def test_every_anchor_leads_somewhere_and_no_id_comes_twice():
    found = Page(page(sample(), [SIGNATURE]))
    ids = found.attributes("id")
    assert len(ids) == len(set(ids))
    assert {target[1:] for target in found.attributes("href")} <= set(ids)


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_a_fleet_file_stays_text(text):
    accepted = [{"id": text, "condition": text, "expires": text}]
    signature = {**SIGNATURE, "name": text, "role": text, "accepted": accepted}
    hostile = page(hostile_findings(text), [signature])
    found, plain = Page(hostile), Page(page(sample(), [SIGNATURE]))
    assert found.faults == []
    assert {tag for tag, _ in found.elements} <= {tag for tag, _ in plain.elements}
    assert not [name for _, attrs in found.elements for name in attrs if name.startswith("on")]
    ids = found.attributes("id")
    assert len(ids) == len(set(ids))
    assert {target[1:] for target in found.attributes("href")} <= set(ids)
    assert " ".join(legible(text).split()) in found.text


def test_keys_between_backticks_are_set_as_code_and_escaped():
    assert prose("declare `a.b` <i>") == "declare <code>a.b</code> &lt;i&gt;"
    assert prose("`<b>` and `c`") == "<code>&lt;b&gt;</code> and <code>c</code>"
    assert prose("one ` alone <b>") == "one ` alone &lt;b&gt;"


def test_no_markup_of_the_pages_own_is_shown_as_text():
    for tag in ("a href", "span", "code", "b>", "svg", "td"):
        assert f"&lt;{tag}" not in page(sample(), [SIGNATURE])


def test_what_is_invisible_is_written_out():
    assert legible("admin\u202enimda\x1b[31m\x00\u200b") == "admin<U+202E>nimda<U+001B>[31m<U+0000><U+200B>"
    assert legible("two\tlines\nhere\r") == "two lines\nhere "
    shown = page(replace(sample(), command="a\u202eb\x1b"))
    assert "a&lt;U+202E&gt;b&lt;U+001B&gt;" in shown
    assert not [ch for ch in shown if not ch.isprintable() and ch != "\n"]


def test_legible_findings_keep_everything_else():
    assert legible_findings(sample()) == sample()


def test_the_same_findings_give_the_same_bytes():
    assert page(sample(), [SIGNATURE]) == page(sample(), [SIGNATURE])


def test_the_verdict_counts_and_names_what_breaks_first():
    text = Page(page(sample())).text
    assert (
        "At its target of 400 agents, 1 quantity of 4 with a budget holds with the controls as the fleet file"
        " declares them; 1 more with what is recommended, 1 breaks, whatever was tried, 1 could not be"
    ) in text
    assert "Breaks first: Delegations a minute within the latency budget: 144 to 158 agents." in text
    assert "1 of 2 attack paths that were tried succeeded: ask > get (reaches: a tool)." in text
    assert "$13,250 a month for 2 lines; no price declared for 1 more" in text
    assert "no compartment of this fleet holds cardholder data" in text


def test_marks_differ_by_more_than_colour():
    source = page(sample())
    for mark in ("measured", "simulated", "declared", "extrapolated"):
        assert f'class="mark {mark}">{mark}<' in source
    (style,) = re.findall(r"<style>(.*?)</style>", source, re.S)
    looks = [re.findall(rf"\.mark\.{mark}{{(.*?)}}", style) for mark in words.MARKS]
    assert all(looks)
    assert len({str(look) for look in looks}) == len(words.MARKS)
    # Solid points for what ran, outlined ones for what was simulated, hatched ranges beyond the runs.
    assert '<g class="p s0"><g><title>' in source
    assert '<g class="o s0"><g><title>' in source
    assert 'class="hatched"' in source
    assert re.search(r'class="range c\d far"', source)


def test_a_missing_answer_names_its_key():
    assert "Fill in governance.audit_rules_per_hour" in Page(page(sample())).text


def test_the_evidence_of_an_answer_has_its_runs():
    found = Page(page(sample()))
    assert "Hours a person needs to audit the rules , at 400: seed 1: 171 hours sample-400-1" in found.text
    # A list is cited by its own anchor, a run by its name.
    assert "#list-delegation-transitive" in found.attributes("href")


def test_what_never_changes_is_a_line_and_no_plot():
    still = replace(audit_before(), points=points(lambda size: 0.0), breakpoint=NO_BREAK, reaches_target=True)
    shown = page(sample(dimensions=(replace(delegation(), quantities=(still,), adaptations=()),)))
    assert 'class="plot"' not in shown
    assert "0 hours at every size run, 5 to 400 agents" in Page(shown).text


def test_what_the_target_rests_on_beyond_the_runs_is_marked():
    beyond = replace(audit_after(), points=points(lambda size: size / 40, sizes=(5, 10, 20)))
    shown = page(sample(dimensions=(replace(delegation(), quantities=(beyond,), adaptations=()),)))
    assert '✓ reaches the target</span> <span class="mark extrapolated">' in shown
    assert '✓ reaches the target</span> <span class="mark extrapolated">' not in page(sample())


def test_plots_say_in_words_what_they_show():
    labels = [attrs["aria-label"] for attrs in Page(page(sample())).all("svg") if attrs.get("role") == "img"]
    assert labels
    assert any("breakpoint 181 to 196 agents" in label and "Target: 400 agents" in label for label in labels)


def test_tables_have_scopes_and_headings_go_down_one_by_one():
    found = Page(page(sample(), [SIGNATURE]))
    assert all("scope" in attrs for attrs in found.all("th"))
    levels = [int(tag[1]) for tag, _ in found.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


def test_nothing_measured_gives_a_page_without_empty_chapters():
    bare = sample(
        dimensions=(), answers=(), controls=(), decisions=(), attack_paths=(), costs=(), not_checked=(),
        seeds=(),
    )  # fmt: skip
    found = Page(page(bare))
    assert found.faults == []
    assert "nothing can be said to hold or to break" in found.text
    assert found.all("table") == [{"class": "stack"}]  # the legend of marks


def test_signatures_are_shown_with_what_they_accept():
    findings = sample()
    digest = hashlib.sha256(encode(findings)).hexdigest()
    assert "Unsigned." in Page(page(findings)).text
    mine = Page(page(findings, [{**SIGNATURE, "findings_sha256": digest}])).text
    assert "Sample Person, risk-owner ✓ signature verified" in mine
    assert "until clusters are in force" in mine
    assert (
        "✕ signed other findings" in Page(page(findings, [{**SIGNATURE, "findings_sha256": "00" * 32}])).text
    )
    assert "✕ signature does not verify" in Page(page(findings, [{**SIGNATURE, "valid": False}])).text


def luminance(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(2 * ch for ch in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def themes():
    """The colours of the light theme, the dark one and paper."""
    (style,) = re.findall(r"<style>(.*?)</style>", page(sample()), re.S)
    return [dict(re.findall(r"--([\w-]+):(#\w+)", root)) for root in re.findall(r":root{(.*?)}", style, re.S)]


def test_contrast_is_at_least_that_of_wcag_aa():
    assert len(themes()) == 3
    for colours in themes():
        for ground in ("bg", "surface"):
            for text in ("ink", "muted", "link", "holds", "adapts", "breaks", "none", "budget"):
                assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground, colours)
            for line in ("s0", "s1", "s2", "s3", "target"):
                assert contrast(colours[line], colours[ground]) >= 3, (line, ground, colours)


def test_the_target_is_in_the_title_and_the_fleet_in_the_facts():
    found = Page(page(sample()))
    assert f"sample: what holds at {TARGET} agents" in found.text
    assert "maso stress sample.yaml --quick" in found.text
