"""A whole dimension studied in this process at a small size, for tests of what is said of it."""

from pathlib import Path

from maso.fleet.load import load
from maso.stress.dimension import Dimension
from maso.stress.engine.executors import Inline
from maso.stress.engine.study import Plan, Study
from tests.stress.test_identity_words import _Nowhere

# Two types in two clusters, a dependency, and nothing else.
OWN = """
fleet: own
kind: depth
schemas: [{id: note, fields: {text: {type: text}}}]
ports: [{id: chat, source: customer}]
types: [{id: a, cluster: x}, {id: b, cluster: y}]
links: [{from: chat, to: a, schema: note}, {from: a, to: b, schema: note}]
clusters: [{id: x}, {id: y}]
dependencies: [{consumer: y, producer: x}]
"""


def conducted(text: str, target: int, dimension: Dimension) -> Study:
    file = load(text).file
    assert file is not None
    plan = Plan(file, text, target, quick=True, seed=1)
    study = Study(plan, [dimension], Inline(), _Nowhere(Path("/nonexistent")), lambda *_: None)
    study.conduct()
    return study
