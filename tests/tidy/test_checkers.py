"""Each tidy checker, seen to complain about a bad source and to let a good one pass."""

from __future__ import annotations

import ast
from collections.abc import Iterable

import pytest

from tests.tidy import checkers


def lines(complaints: Iterable[checkers.Complaint]) -> list[int]:
    return sorted(number for number, _ in complaints)


def test_a_function_of_61_lines_is_too_long_and_one_of_60_is_not() -> None:
    bad = "def f():\n" + "    x = 1\n" * 60
    good = "def f():\n" + "    x = 1\n" * 59
    assert list(checkers.long_functions(ast.parse(bad))) == [(1, "`f` has 61 lines; legal: up to 60")]
    assert list(checkers.long_functions(ast.parse(good))) == []


def test_a_long_method_and_a_long_inner_function_are_found() -> None:
    bad = "class C:\n    async def m(self):\n" + "        x = 1\n" * 60
    assert lines(checkers.long_functions(ast.parse(bad))) == [2]


def test_a_module_of_651_lines_is_too_long() -> None:
    assert lines(checkers.long_module("x = 1\n" * 651)) == [1]
    assert lines(checkers.long_module("x = 1\n" * 650)) == []


@pytest.mark.parametrize(
    "bad",
    [
        "import time",
        "from time import monotonic_ns",
        "import asyncio.events",
        "import secrets",
        "import threading",
        "from random import choice",
        "import random\nrandom.random()",
        "import random\nrandom.shuffle([])",
        "import random\nr = random.Random()",
        "from random import Random\nr = Random()",
        "import numpy\nnumpy.random.default_rng()",
        "import datetime\ndatetime.datetime.now()",
        "from datetime import date\ndate.today()",
        "import os\nos.urandom(8)",
        "import uuid\nuuid.uuid4()",
        "from nacl.signing import SigningKey\nSigningKey.generate()",
    ],
)
def test_ambient_time_and_randomness_are_found(bad: str) -> None:
    assert len(list(checkers.ambient(ast.parse(bad)))) == 1


@pytest.mark.parametrize(
    "good",
    [
        "import random\nr = random.Random(7)\nr.random()",
        "from random import Random\nr = Random(seed)",
        "import uuid\nuuid.UUID(int=3)",
        "import datetime\ndatetime.datetime.fromtimestamp(now // 10**9, datetime.UTC)",
        "clock.now()",
        "from maso.sim import random",
    ],
)
def test_what_is_handed_in_is_not_ambient(good: str) -> None:
    assert list(checkers.ambient(ast.parse(good))) == []


def test_hash_is_found_unless_it_serves_a_dict() -> None:
    bad = "def f(x):\n    return hash(x)\n"
    good = "class C:\n    def __hash__(self):\n        return hash(self.x)\n\nhashlib.hash\nself.hash(3)\n"
    assert lines(checkers.builtin_hash(ast.parse(bad))) == [2]
    assert lines(checkers.builtin_hash(ast.parse(good))) == []


@pytest.mark.parametrize(
    "bad",
    [
        "for x in {1, 2}:\n    pass",
        "for x in set(y):\n    pass",
        "for x in frozenset(y):\n    pass",
        "for x in {a for a in y}:\n    pass",
        "z = [x for x in {1, 2}]",
        "z = {x: 1 for x in set(y)}",
        "z = list({1, 2})",
        "z = tuple(set(y))",
        "z = ','.join({'a', 'b'})",
        "z = [*set(y)]",
        "z = list(set(a) | b)",
        "z = dict.fromkeys({1})",
        "s = {1, 2}\nfor x in s:\n    pass",
        "s = {1}\ndef f():\n    for x in s:\n        pass",
        "def f(s: set[int]):\n    return [x for x in s]",
        "def f(s: frozenset[int]):\n    return list(s)",
        "def f():\n    s: set[int] = g()\n    for x in s:\n        pass",
        "class C:\n    def m(self):\n        self.s = set()\n        for x in self.s:\n            pass",
        "z = f(x for x in {1})",
    ],
)
def test_a_walk_through_a_set_is_found(bad: str) -> None:
    assert len(list(checkers.set_iteration(ast.parse(bad), bad))) == 1


@pytest.mark.parametrize(
    "good",
    [
        "for x in sorted({1, 2}):\n    pass",
        "for x in [1, 2]:\n    pass",
        "x in {1, 2}",
        "z = any(x for x in {1})",
        "z = len(set(y))",
        "z = {x for x in set(y)}",
        "for x in {1, 2}:  # order-free: the sum does not mind\n    t += x",
        "for x in {'a': 1}:\n    pass",
        "def f(s: set[int]):\n    pass\ndef g(s: list[int]):\n    return list(s)",
    ],
)
def test_a_walk_in_a_known_order_passes(good: str) -> None:
    assert list(checkers.set_iteration(ast.parse(good), good)) == []


def test_names_that_say_nothing_are_found() -> None:
    tree = ast.parse("class SessionManager:\n    pass\nclass Session:\n    pass")
    assert lines(checkers.empty_names(tree, "sessions")) == [1]
    assert lines(checkers.empty_names(ast.parse(""), "string_utils")) == [1]
    assert lines(checkers.empty_names(ast.parse(""), "commons_audit")) == []


def test_machine_paths_and_registries_are_found() -> None:
    for path in checkers.MACHINE_PATHS:
        assert lines(checkers.foreign_addresses(f"fine\nsee {path}x\n")) == [2]
        assert lines(checkers.foreign_addresses(f"[x]({path}x)")) == [1]
        assert lines(checkers.foreign_addresses(f"a relative one: docs{path}x")) == []
    for host in checkers.REGISTRY_HOSTS:
        assert lines(checkers.foreign_addresses(f"https://{host}/simple")) == [1]


def test_an_address_or_an_option_in_a_lock_is_found() -> None:
    good = "# made by tools/lock\na==1 \\\n    --hash=sha256:00\n"
    assert lines(checkers.addresses_in_lock(good)) == []
    for bad in (
        "--index-url x",
        "a @ ht" + "tps://example.org/a.whl",
        "--find-links dir",
        "-e file:src",
        "--pre",
    ):
        assert lines(checkers.addresses_in_lock(good + bad + "\n")) == [4]


def test_a_package_without_hash_or_version_in_a_lock_is_found() -> None:
    good = "a==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n"
    assert lines(checkers.unhashed_in_lock(good)) == []
    assert lines(checkers.unhashed_in_lock(good + "b==2\n")) == [4]
    assert lines(checkers.unhashed_in_lock(good + "b>=2 --hash=sha256:00\n")) == [4]


def test_locked_versions_reads_names_and_versions() -> None:
    assert checkers.locked_versions("a-b==1.2 \\\n    --hash=sha256:00\nc==3\n") == {"a-b": "1.2", "c": "3"}


def test_file_names_in_prose_are_read() -> None:
    text = (
        "see src/maso/plane/decide.py, `fleet/load.py`,\nadapt.py (and a/b), docs/adr/NNNN-x.md, x/other.py"
    )
    assert list(checkers.named_files(text)) == [
        (1, "src/maso/plane/decide.py"),
        (1, "fleet/load.py"),
        (2, "adapt.py"),
    ]


def test_links_of_markdown_are_read_outside_fences() -> None:
    text = "[a](docs/a.md#b) [b](https://example.org)\n```\n[c](gone.md)\n```\n![d](docs/d.svg)"
    assert list(checkers.linked_files(text)) == [(1, "docs/a.md"), (5, "docs/d.svg")]


def test_a_file_that_does_not_exist_is_a_complaint() -> None:
    named = [(3, "docs/gone.md"), (4, "docs/here.md")]
    found = list(checkers.missing_files(named, lambda name: name == "docs/here.md", "README.md"))
    assert found == [(3, "README.md names `docs/gone.md`, which does not exist")]


def test_files_named_in_comments_and_docstrings_are_read_and_those_in_code_are_not() -> None:
    source = '"""Theory.\n\nSee plane/decide.py.\n"""\nx = "sim/out.py"  # like sim/kernel.py\n'
    assert sorted(checkers.files_named_in_source(source)) == [(3, "plane/decide.py"), (5, "sim/kernel.py")]


def test_a_control_without_section_or_test_is_found() -> None:
    page = "### IA-2.1\ntext\n### `DP-1.1` labels\n"
    assert list(checkers.controls_without(["IA-2.1", "DP-1.1"], page, "IA-2.1 and DP-1.1.")) == []
    assert list(checkers.controls_without(["IA-2.1"], page, "IA-2.10 IA-2.1.3 XIA-2.1")) == [
        (1, "control `IA-2.1` is named by no test")
    ]
    assert list(checkers.controls_without(["DP-1"], page, "DP-1")) == [
        (1, "control `DP-1` has no section `### DP-1` in docs/controls.md")
    ]


def test_a_version_without_an_entry_is_found() -> None:
    assert lines(checkers.changelog_lacks("0.1.0", "# Changes\n\n## 0.1.0 - soon\n")) == []
    assert lines(checkers.changelog_lacks("0.1.0", "## 0.1.01\n## 0.1.0.1\n0.1.0\n")) == [1]


def test_decisions_with_a_wrong_name_or_one_number_are_found() -> None:
    assert lines(checkers.decision_names(["0001-a.md", "0002-b-c.md"])) == []
    assert len(list(checkers.decision_names(["0001-a.md", "0001-b.md", "2-c.md"]))) == 2
