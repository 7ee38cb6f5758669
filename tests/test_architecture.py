"""The rules of the tree: who imports whom, where torch begins, how long things get.

docs/architecture.md shows the same table for people.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("drivegrid", "training", "dashboard", "taxonomy")

LAYERS = {
    "errors": 0,
    "taxonomy": 0,
    "geometry": 1,
    "labels": 1,
    "tokens": 2,
    "data": 3,
    "trunk": 3,
    "model": 4,
    "masks": 4,
    "metrics": 4,
    "scenes": 4,
    "plotting": 4,
    "tasks": 5,
    "inference": 6,
    "training": 7,
    "dashboard": 7,
    "cli": 8,
    "__main__": 9,
    "__init__": 7,
}
"""A part may import itself and parts of lower layers.

``__init__`` is the facade, for users and the command line.
"""

WITH_TORCH = {"trunk", "model", "masks", "inference", "training", "dashboard", "cli"}
TORCH = {"torch", "transformers", "peft", "accelerate", "torchvision"}

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
MAX_PARAMETERS = 6
ALLOWED_BY = "noqa: PLR0913"
"""Marks, for ruff and here, a signature that something else prescribes."""

FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
WRITTEN = [path for path in FILES if path.parent != ROOT / "dashboard/migrations/versions"]
"""Without revisions of the database: Alembic writes them, and they never change afterwards."""


def module_of(path: Path) -> str:
    """Return the import name of a file: training/sft.py is drivegrid.training.sft."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts if parts[0] == "drivegrid" else ("drivegrid", *parts))


def part_of(module: str) -> str:
    """Return the part of drivegrid a module belongs to; names of the facade are ``__init__``."""
    _, *inner = module.split(".")
    return inner[0] if inner and inner[0] in LAYERS else "__init__"


def imports(tree: ast.AST, module: str) -> Iterator[tuple[int, str]]:
    """Yield line and absolute name of everything a module imports, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = module.split(".")[: -node.level] if node.level else []
            base += node.module.split(".") if node.module else []
            yield from ((node.lineno, ".".join([*base, alias.name])) for alias in node.names)


def faults_of_imports(source: str, module: str) -> list[str]:
    """Return one line for each import that breaks the table."""
    part, found = part_of(module), []
    for line, name in imports(ast.parse(source), module):
        top = name.split(".")[0]
        if top in FOLDERS[1:]:
            found.append(f"line {line}: import drivegrid.{top}, not {top}")
        elif top in TORCH and part not in WITH_TORCH:
            found.append(f"line {line}: {part} must not import {top}")
        elif top == "drivegrid":
            target = part_of(name)
            if target != part and LAYERS[target] >= LAYERS[part]:
                found.append(f"line {line}: {part} (layer {LAYERS[part]}) imports {name}")
    return found


def faults_of_size(source: str) -> list[str]:
    """Return one line for each file, function or signature over its limit."""
    lines = source.splitlines()
    found = [f"{len(lines)} lines"] if len(lines) > MAX_FILE_LINES else []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = node.end_lineno - node.lineno + 1 - docstring_lines(node)
            if length > MAX_FUNCTION_LINES:
                found.append(f"line {node.lineno}: {node.name} has {length} lines")
            num = num_parameters(node)
            if num > MAX_PARAMETERS and ALLOWED_BY not in lines[node.lineno - 1]:
                found.append(f"line {node.lineno}: {node.name} has {num} parameters")
    return found


def docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    text = ast.get_docstring(node, clean=False)
    return 0 if text is None else text.count("\n") + 1


def num_parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count parameters as a caller sees them, without self and cls."""
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return len(given) - (bool(given) and given[0].arg in ("self", "cls"))


def test_there_is_something_to_check() -> None:
    assert len(FILES) > 20
    assert {part_of(module_of(path)) for path in FILES} <= set(LAYERS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path) -> None:
    assert faults_of_imports(path.read_text(encoding="utf-8"), module_of(path)) == []


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_functions_and_signatures_stay_small(path) -> None:
    assert faults_of_size(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_part_stands_in_the_table(path) -> None:
    name = module_of(path).split(".")[1]
    assert name in LAYERS, f"give {name} a layer"
    assert path.stem not in ("utils", "helpers", "misc", "common"), (
        "name the file for what it holds"
    )


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("*.py")), ids=lambda path: path.name)
def test_tests_use_the_one_import_name(path) -> None:
    names = [name for _, name in imports(ast.parse(path.read_text(encoding="utf-8")), "tests")]
    assert [name for name in names if name.split(".")[0] in FOLDERS[1:]] == []


@pytest.mark.parametrize(
    ("module", "source", "num_faults"),
    [
        ("drivegrid.tokens.codec", "", 0),
        ("drivegrid.tokens.codec", "import numpy\nfrom drivegrid.tokens.grid import GridSpec", 0),
        ("drivegrid.tokens.codec", "from drivegrid.data.scene import Scene", 1),
        ("drivegrid.tokens.codec", "from drivegrid.data import scene, store", 2),
        ("drivegrid.tokens.codec", "from drivegrid import data", 1),
        ("drivegrid.tokens.codec", "from drivegrid import Scene", 1),
        ("drivegrid.tokens.codec", "import drivegrid", 1),
        ("drivegrid.tokens.codec", "from ..data.scene import Scene", 1),
        ("drivegrid.tokens.codec", "from .grid import GridSpec", 0),
        ("drivegrid.tokens.codec", "def f():\n    import torch.nn", 1),
        ("drivegrid.metrics.lanes", "from drivegrid.scenes.render import render_scene", 1),
        ("drivegrid.model.nano", "import torch", 0),
        ("drivegrid.training.sft", "from drivegrid.dashboard.app import main", 1),
        ("drivegrid.training.sft", "from .config import Config", 0),
        ("drivegrid.training.sft", "from ..dashboard import app", 1),
        ("drivegrid.cli.train", "def f():\n    from training.sft import main", 1),
        ("drivegrid.cli.train", "import taxonomy, dashboard.app", 2),
        ("drivegrid.__init__", "from drivegrid.inference.predictor import Predictor", 0),
    ],
)
def test_the_import_rule_itself(module, source, num_faults) -> None:
    assert len(faults_of_imports(source, module)) == num_faults


@pytest.mark.parametrize(
    ("source", "num_faults"),
    [
        ("", 0),
        ("x = 1\n" * 400, 0),
        ("x = 1\n" * 401, 1),
        ("def f():\n" + "    x = 1\n" * 49, 0),
        ("def f():\n" + "    x = 1\n" * 50, 1),
        ('def f():\n    """A.\n\n    B.\n    """\n' + "    x = 1\n" * 49, 0),
        ("def f(a, b, c, d, e, f): ...", 0),
        ("def f(a, b, c, /, d, *, e, f, g): ...", 1),
        ("class A:\n    def f(self, a, b, c, d, e, f, *args, **kwargs): ...", 0),
        ("def f(  # noqa: PLR0913 - why\n    a, b, c, d, e, f, g\n): ...", 0),
    ],
)
def test_the_size_rule_itself(source, num_faults) -> None:
    assert len(faults_of_size(source)) == num_faults
