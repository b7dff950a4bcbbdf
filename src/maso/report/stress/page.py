"""One self-contained HTML page of all findings: no network, no script, no file beside it.

The page forbids itself everything but its own style sheet (a content security policy with that sheet's
digest), so that text from a fleet file which somehow got through the escaping would still load and run
nothing. Templates escape by default; the only markup that enters them unescaped is the SVG of `plots.py`.
The same findings give the same bytes.

Not handled: opening evidence on paper in browsers that cannot style closed details; the Markdown has it all.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from maso.findings import Findings, QuantityFinding, encode
from maso.report.stress import words
from maso.report.stress.board import board, declare_words, forbidden, held_by, was_tried
from maso.report.stress.chapters import book, has_breaks
from maso.report.stress.legible import legible_data, legible_findings
from maso.report.stress.plots import swatch
from maso.report.stress.standing import inferred, shown_row, standings, target_of

PLACE: Final = "maso.report.stress"


def page(findings: Findings, signatures: Sequence[Mapping[str, Any]] = ()) -> str:
    """The whole page.

    signatures  as `maso sign` records them: name, role, signed_at, findings_sha256, valid, and accepted: a
                list of id, condition, expires
    """
    shown = legible_findings(findings)
    style = _style()
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            f=shown,
            board=board(shown),
            book=book(shown),
            found=standings(shown),
            barred=forbidden(shown),
            signatures=legible_data(list(signatures)),
            digest=hashlib.sha256(encode(findings)).hexdigest(),
            style=Markup(style),
            style_digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(PLACE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.do"],
    )
    environment.filters.update(
        figure=words.figure,
        amount=words.amount,
        dollars=words.dollars,
        scaling_class=words.class_words,
        growth=words.growth_words,
        forbidden=words.forbidden_words,
        exponent=words.exponent_words,
        breakpoint=words.breakpoint_words,
        budget=words.budget_words,
        settings=words.settings_words,
        capital=words.capital,
        prose=prose,
    )
    environment.globals.update(
        verdicts=words.VERDICTS,
        signs=words.VERDICT_SIGNS,
        statuses=words.STATUSES,
        classes=words.CLASSES,
        marks=words.MARKS,
        count=words.count,
        shown_row=shown_row,
        axis_unit=words.axis_unit,
        declare=declare_words,
        was_tried=was_tried,
        held_by=held_by,
        has_breaks=has_breaks,
        inferred=inferred,
        target_of=target_of,
        breaks=words.breaks_words,
        swatch=swatch,
        by_size=by_size,
    )
    return environment


@cache
def _style() -> str:
    environment = _environment()
    loader = environment.loader
    assert loader is not None
    source, _, _ = loader.get_source(environment, "style.css.j2")
    return source


def prose(text: str) -> Markup:
    """Escaped text in which what stands between backticks is set as code, the way maso names keys."""
    if isinstance(text, Markup):  # a link that a template made
        return text
    pieces = text.split("`")
    if len(pieces) % 2 == 0:  # one that opens nothing: left as it is
        return escape(text)
    marked = (Markup("<code>{}</code>").format(p) if n % 2 else escape(p) for n, p in enumerate(pieces))
    return Markup("").join(marked)


def by_size(quantity: QuantityFinding) -> Iterable[tuple[int, list[tuple[int, float, str]]]]:
    """The runs of a quantity: size, then seed, value and run, in that order."""
    sizes: dict[int, list[tuple[int, float, str]]] = {}
    for point in quantity.points:
        sizes.setdefault(point.size, []).append((point.seed, point.value, point.run))
    return sorted((size, sorted(runs)) for size, runs in sizes.items())
