"""The names at the top: all there, lazily, and nothing else."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import drivegrid

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", drivegrid.__all__)
def test_every_name_resolves(name) -> None:
    assert getattr(drivegrid, name) is not None
    assert name in dir(drivegrid)


def test_lazy_names_are_listed_and_known_to_type_checkers() -> None:
    tree = ast.parse(Path(drivegrid.__file__).read_text(encoding="utf-8"))
    (guarded,) = [node for node in tree.body if isinstance(node, ast.If)]
    checked = {
        alias.name: node.module
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert checked == drivegrid._HOMES
    assert set(drivegrid._HOMES) < set(drivegrid.__all__)
    assert drivegrid.__all__ == sorted(drivegrid.__all__)


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Predicter'"):
        drivegrid.Predicter  # noqa: B018
    assert not hasattr(drivegrid, "np")


def test_a_missing_extra_is_named() -> None:
    """Without torch, only the names that need it fail, and say what to install."""
    code = """
import sys
sys.modules["torch"] = None
import drivegrid
drivegrid.GridSpec, drivegrid.render_scene
try:
    drivegrid.Predictor
except drivegrid.MissingExtraError as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'torch'" in ran.stdout
    assert "pip install 'drivegrid[model]'" in ran.stdout


def test_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", changes, re.MULTILINE)
    assert drivegrid.__version__ == project["version"] == released[0]
