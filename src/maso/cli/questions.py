"""`dimensions` and `questions`: what a stress test measures, and what it is asked."""

from rich.table import Table

from maso.cli.screen import Screen
from maso.stress.dimension import Dimension
from maso.stress.questions import QUESTIONS
from maso.stress.registry import all_dimensions, by_id


def dimensions_command(as_json: bool) -> None:
    screen = Screen(as_json)
    found = all_dimensions()
    screen.emit("maso.dimensions/1", {"dimensions": [_document(dimension) for dimension in found]})
    table = Table("dimension", "what it measures", "answers", "adaptations", box=None, pad_edge=False)
    for dimension in found:
        table.add_row(
            dimension.id,
            dimension.title,
            ", ".join(question.id for question in dimension.questions),
            ", ".join(adaptation.id for adaptation in dimension.adaptations),
        )
    screen.show(table)


def _document(dimension: Dimension) -> dict[str, object]:
    return {
        "id": dimension.id,
        "title": dimension.title,
        "about": dimension.about,
        "seed_dimension": list(dimension.seed_dimension),
        "questions": [question.id for question in dimension.questions],
        "quantities": [
            {
                "id": quantity.id,
                "title": quantity.title,
                "unit": quantity.unit,
                "mark": quantity.mark,
                "expected": quantity.expected,
                "controls": list(quantity.controls),
                "budget_key": quantity.budget_key,
            }
            for probe in dimension.probes
            for quantity in probe.quantities
        ],
        "adaptations": [
            {"id": a.id, "title": a.title, "settings": dict(a.settings), "forbidden": a.forbidden}
            for a in dimension.adaptations
        ],
    }


def questions_command(as_json: bool) -> None:
    screen = Screen(as_json)
    built = by_id()
    rows = [(asked.id, asked.words, asked.dimension, asked.dimension in built) for asked in QUESTIONS]
    screen.emit(
        "maso.questions/1",
        {"questions": [{"id": i, "asked": w, "dimension": d, "built": b} for i, w, d, b in rows]},
    )
    table = Table("question", "asked", "dimension", box=None, pad_edge=False)
    for question, asked, dimension, there in rows:
        table.add_row(question, asked, dimension if there else f"{dimension} (not built yet)")
    screen.show(table)
