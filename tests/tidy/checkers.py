"""What the house demands of a text, as functions from a source to complaints `(line, what is wrong)`.

They read text and syntax trees only, and import nothing of maso. Heuristics are marked as such: they find the
common form of a mistake, not each one. `test_checkers.py` shows each of them a bad source and a good one;
`test_tidy.py` holds them against the repository.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator

Complaint = tuple[int, str]

# Of 390 functions measured in three codebases that read well, none had more than 64 lines.
FUNCTION_LINES_MAX = 60
# The largest useful module among them had about 650 lines.
MODULE_LINES_MAX = 650

Function = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Scope = Function | ast.Lambda | ast.Module


def long_functions(tree: ast.Module) -> Iterator[Complaint]:
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield node.lineno, f"`{node.name}` has {lines} lines; legal: up to {FUNCTION_LINES_MAX}"


def long_module(source: str) -> Iterator[Complaint]:
    lines = source.count("\n")
    if lines > MODULE_LINES_MAX:
        yield 1, f"the module has {lines} lines; legal: up to {MODULE_LINES_MAX}"


# --- the clock and randomness ----------------------------------------------------------------------------

# Modules that only a driver may import: each is a clock, a source of entropy, or a wait.
DRIVER_MODULES = frozenset({"time", "secrets", "asyncio", "threading", "socket", "subprocess", "sqlite3"})
# Calls that only a driver may make, by their last two dotted parts.
DRIVER_CALLS = frozenset(
    {
        "datetime.now", "datetime.utcnow", "datetime.today", "date.today",
        "os.urandom", "os.getrandom", "os.getpid", "os.times", "uuid.uuid1", "uuid.uuid4", "utils.random",
        "SigningKey.generate", "PrivateKey.generate",
    }
)  # fmt: skip
# A generator is fine with a seed, and ambient without.
SEEDED_GENERATORS = frozenset({"random.Random", "Random", "random.default_rng", "default_rng"})
# What `import random` may be used for outside drivers.
RANDOM_MODULE_ALLOWS = frozenset({"Random"})


def dotted(node: ast.expr) -> str:
    """`a.b.c` for an attribute chain on a name, else the empty string."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join(reversed([*parts, node.id]))


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def ambient(tree: ast.Module) -> Iterator[Complaint]:
    """A clock, entropy or a wait outside the drivers. Heuristic: an alias (`import os as o`) escapes."""
    for node in ast.walk(tree):
        for name in _imported(node):
            first, _, rest = name.partition(".")
            if first in DRIVER_MODULES:
                yield node.lineno, f"imports `{first}`, which only a driver may"  # type: ignore[attr-defined]
                break
            if first == "random" and rest and rest not in RANDOM_MODULE_ALLOWS:
                yield node.lineno, f"imports `{name}`; legal: a named stream"  # type: ignore[attr-defined]
        if isinstance(node, ast.Call):
            yield from _ambient_call(node)


def _ambient_call(node: ast.Call) -> Iterator[Complaint]:
    name = dotted(node.func)
    tail = ".".join(name.split(".")[-2:])
    if tail in DRIVER_CALLS:
        yield node.lineno, f"calls `{tail}`, which only a driver may"
    elif tail in SEEDED_GENERATORS and not node.args and not node.keywords:
        yield node.lineno, f"`{tail}()` has no seed"
    elif name.startswith("random.") and name.count(".") == 1 and tail not in SEEDED_GENERATORS:
        yield node.lineno, f"`{tail}` draws from the global generator; legal: a named stream"


# --- order that differs from process to process ----------------------------------------------------------

# Consumers whose result does not depend on the order they see.
ORDER_FREE = frozenset({"sorted", "set", "frozenset", "sum", "len", "min", "max", "any", "all"})
ORDER_FREE_COMMENT = "# order-free"


def builtin_hash(tree: ast.Module) -> Iterator[Complaint]:
    """`hash(text)` differs between processes. A `__hash__` may use it: the inside of a dict shows nowhere."""
    allowed = {
        call
        for node in ast.walk(tree)
        if isinstance(node, FUNCTIONS) and node.name == "__hash__"
        for call in ast.walk(node)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and node not in allowed
            and isinstance(node.func, ast.Name)
            and node.func.id == "hash"
        ):
            yield node.lineno, "`hash()` differs between processes; legal: a digest"


def _is_set_type(annotation: ast.expr | None) -> bool:
    if isinstance(annotation, ast.Subscript):
        annotation = annotation.value
    return isinstance(annotation, ast.Name | ast.Attribute) and dotted(annotation).split(".")[-1] in {
        "set", "frozenset", "Set", "AbstractSet", "MutableSet",
    }  # fmt: skip


def _is_set(node: ast.expr, names: frozenset[str]) -> bool:
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Call(func=ast.Name(id="set" | "frozenset")):
            return True
        case ast.BinOp(op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor()):
            return _is_set(node.left, names) or _is_set(node.right, names)
        case ast.Name():
            return node.id in names
        case ast.Attribute():
            return dotted(node) in names
    return False


def _own_nodes(scope: Scope) -> Iterator[ast.AST]:
    """The nodes of a scope without those of the functions inside it."""
    body = scope.body if isinstance(scope.body, list) else [scope.body]
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (*FUNCTIONS, ast.Lambda)):
            todo.extend(ast.iter_child_nodes(node))


def _set_names(scope: Scope) -> frozenset[str]:
    """Names (and `self.x`) that this scope binds or annotates as a set."""
    found = {name for node in _own_nodes(scope) for name in _binds_set(node)}
    if isinstance(scope, FUNCTIONS):
        arguments = [*scope.args.posonlyargs, *scope.args.args, *scope.args.kwonlyargs]
        found |= {argument.arg for argument in arguments if _is_set_type(argument.annotation)}
    return frozenset(found)


def _binds_set(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Assign) and _is_set(node.value, frozenset()):
        yield from (dotted(target) for target in node.targets if isinstance(target, ast.Name | ast.Attribute))
    elif isinstance(node, ast.AnnAssign) and _is_set_type(node.annotation):
        yield dotted(node.target)


def set_iteration(tree: ast.Module, source: str) -> Iterator[Complaint]:
    """A loop over a set, or a list, tuple or joined text made of one.

    Heuristic: it knows a set by its literal, its call, its annotation, or an assignment in the same function;
    a set from elsewhere escapes.

    A line that says `# order-free` with a reason is let through.
    """
    excused = {number for number, line in enumerate(source.splitlines(), 1) if ORDER_FREE_COMMENT in line}
    module_names = _set_names(tree)
    scopes: list[Scope] = [tree, *(n for n in ast.walk(tree) if isinstance(n, (*FUNCTIONS, ast.Lambda)))]
    for scope in scopes:
        names = module_names | _set_names(scope)
        order_free = _order_free_generators(scope)
        for node in _own_nodes(scope):
            for iterated in _iterated(node, order_free):
                if _is_set(iterated, names) and iterated.lineno not in excused:
                    yield iterated.lineno, "iterates over a set; legal: `sorted(...)`, a dict, a tuple"


def _order_free_generators(scope: Scope) -> frozenset[ast.AST]:
    """Generator expressions handed straight to a consumer that does not mind order."""
    return frozenset(
        argument
        for node in _own_nodes(scope)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ORDER_FREE
        for argument in node.args
        if isinstance(argument, ast.GeneratorExp)
    )


def _iterated(node: ast.AST, order_free: frozenset[ast.AST]) -> Iterator[ast.expr]:
    """The expressions that a node walks through in an order that can be seen."""
    if isinstance(node, ast.For | ast.AsyncFor):
        yield node.iter
    elif isinstance(node, ast.ListComp | ast.DictComp | ast.GeneratorExp) and node not in order_free:
        yield from (generator.iter for generator in node.generators)
    elif isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else dotted(node.func)
        if name in {"list", "tuple", "enumerate", "join", "extend", "iter", "fromkeys"}:
            yield from node.args
    elif isinstance(node, ast.Starred):
        yield node.value


# --- names -----------------------------------------------------------------------------------------------

EMPTY_NAMES = re.compile(r"(?i)(utils?|helpers?|managers?|handlers?|misc|common)$")


def empty_names(tree: ast.Module, module_name: str) -> Iterator[Complaint]:
    """Names that say nothing: a module or class that is a `helper`, a `manager`, `utils`."""
    if EMPTY_NAMES.search(module_name):
        yield 1, f"the module is named `{module_name}`, which says nothing about what is in it"
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and EMPTY_NAMES.search(node.name):
            yield node.lineno, f"the class is named `{node.name}`, which says nothing about what it is"


# --- texts -----------------------------------------------------------------------------------------------

# Written in halves, so that this file passes its own test.
MACHINE_PATHS = tuple("/" + path for path in ("work/", "tmp/bash_jobs", "root/", "opt/pypi", "opt/wheels"))
REGISTRY_HOSTS = tuple(
    f"{name}.{ending}"
    for name, ending in (
        ("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("deb.debian", "org"),
        ("crates", "io"), ("proxy.golang", "org"),
    )
)  # fmt: skip


def foreign_addresses(text: str) -> Iterator[Complaint]:
    """A path of somebody's machine, or the address of a package registry."""
    for number, line in enumerate(text.splitlines(), 1):
        for path in MACHINE_PATHS:
            # A slash after a word is inside a relative path; one after a space or a quote begins a machine's.
            if re.search(rf"(?<![\w.~)\]}}-]){re.escape(path)}", line):
                yield number, f"names `{path}`, a path of one machine"
        for host in REGISTRY_HOSTS:
            if host in line:
                yield number, f"names `{host}`, a package registry"


def addresses_in_lock(text: str) -> Iterator[Complaint]:
    """A lock says what, never from where: that is the reader's own configuration."""
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(r"http|://|file:|^\s*--(?!hash=)", line):
            yield number, f"holds an address or an option: `{line.strip()[:60]}`"


def unhashed_in_lock(text: str) -> Iterator[Complaint]:
    """A package without a hash, or without an exact version."""
    logical = text.replace("\\\n", " ")
    for line in logical.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name = line.split()[0]
        if "==" not in name:
            yield text[: text.find(name)].count("\n") + 1, f"`{name}` has no exact version"
        elif "--hash=sha256:" not in line:
            yield text[: text.find(name)].count("\n") + 1, f"`{name}` has no hash"


def locked_versions(text: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE))


# --- names of files --------------------------------------------------------------------------------------

_FOLDERS = "src|docs|tests|tools|maso|fleet|evidence|resilience|controls|plane|watch|oversight|economy"
_FOLDERS += "|sim|stress|report|live|scan|bench"
# A path that starts in one of our folders, or a bare Python module, in prose. `*` stands for itself.
FILE_NAME = re.compile(
    rf"(?<![\w./<-])((?:{_FOLDERS})(?:/[\w*.-]+)*/[\w*-]+\.(?:py|md|yaml|json|sh|toml|svg|png)"
    rf"|[a-z_][a-z0-9_]*\.py)(?![\w/(])"
)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")


def named_files(text: str) -> Iterator[tuple[int, str]]:
    """The files that a prose names, with their lines. `NNNN` and `<...>` mark a pattern, not a name."""
    for number, line in enumerate(text.splitlines(), 1):
        for match in FILE_NAME.finditer(line):
            if "NNNN" not in match[1]:
                yield number, match[1]


def linked_files(markdown: str) -> Iterator[tuple[int, str]]:
    """The relative links of a Markdown text, without those inside fenced code."""
    fenced = False
    for number, line in enumerate(markdown.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        if not fenced:
            for match in LINK.finditer(line):
                if "://" not in match[1] and not match[1].startswith("mailto:"):
                    yield number, match[1]


def missing_files(
    named: Iterable[tuple[int, str]], exists: Callable[[str], bool], where: str
) -> Iterator[Complaint]:
    for number, name in named:
        if not exists(name):
            yield number, f"{where} names `{name}`, which does not exist"


def prose_of(source: str) -> Iterator[tuple[int, str]]:
    """The comments and docstrings of a Python source, each with its first line's number."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.Module)):
            text = ast.get_docstring(node, clean=False)
            if text is not None:
                yield node.body[0].lineno, text


def files_named_in_source(source: str) -> Iterator[tuple[int, str]]:
    for first_line, text in prose_of(source):
        yield from ((first_line + number - 1, name) for number, name in named_files(text))


# --- the catalogue of controls, the changelog, the decisions ---------------------------------------------


def controls_without(ids: Iterable[str], page: str, tests: str) -> Iterator[Complaint]:
    """A control without its section in the page, or that no test names. Lines are not known here: 1."""
    sections = set(re.findall(r"^### `?([A-Za-z0-9.-]+)`?", page, re.MULTILINE))
    for control in ids:
        if control not in sections:
            yield 1, f"control `{control}` has no section `### {control}` in docs/controls.md"
        if not re.search(rf"(?<![\w.-]){re.escape(control)}(?![\w-]|\.\d)", tests):
            yield 1, f"control `{control}` is named by no test"


def changelog_lacks(version: str, changelog: str) -> Iterator[Complaint]:
    if not re.search(rf"^## \[?{re.escape(version)}\]?(?![\w.])", changelog, re.MULTILINE):
        yield 1, f"CHANGELOG.md has no entry `## {version}`"


def decision_names(names: Iterable[str]) -> Iterator[Complaint]:
    """Decisions are named NNNN-words.md, and no two have one number."""
    seen: dict[str, str] = {}
    for name in sorted(names):
        match = re.fullmatch(r"(\d{4})-[a-z0-9-]+\.md", name)
        if match is None:
            yield 1, f"`docs/adr/{name}` is not named like `0001-some-words.md`"
        elif match[1] in seen:
            yield 1, f"`docs/adr/{name}` has the number of `{seen[match[1]]}`"
        else:
            seen[match[1]] = name
