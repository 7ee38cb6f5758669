"""``drivegrid check``: what is installed, what is missing and how to get it."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, distribution, requires, version
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

import typer

from drivegrid.cli.output import print_json
from drivegrid.errors import ModelError
from drivegrid.model import SHIPPED

Status = Literal["ok", "missing", "old", "broken"]

_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+)(?:>=(?P<floor>[0-9.]+))?(?:.*extra == ['\"](?P<extra>\w+)['\"])?"
)
_FOR_DEVELOPERS = ("dev", "all")
_MARKS = {"ok": "ok     ", "missing": "missing", "old": "old    ", "broken": "broken "}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Args:
        name: Package, or what else was looked at.
        extra: The extra that brings it; empty for what every use needs.
        status: How it stands.
        found: Version or state; empty where there is none.
        fix: What to run; empty where nothing is wrong.
    """

    name: str
    extra: str
    status: Status
    found: str
    fix: str = ""


def check(
    as_json: Annotated[bool, typer.Option("--json", help="print as JSON")] = False,
) -> None:
    """Show what is installed, what is missing and how to get it.

    Exit code 1 if something that every use needs is missing, or if the packages to run a model
    are installed and the shipped model is not whole.

    Example: drivegrid check --json
    """
    found = findings()
    if as_json:
        print_json([asdict(finding) for finding in found])
    else:
        for finding in found:
            typer.echo(_line(finding))
    if any(finding.status != "ok" and not finding.extra for finding in found):
        raise typer.Exit(1)


def findings() -> list[Finding]:
    """Return Python, every package drivegrid asks for, known clashes and the shipped weights."""
    packages = [*_packages()]
    with_model = all(f.status != "missing" for f in packages if f.extra == "model")
    return [
        Finding("python", "", "ok", platform.python_version()),
        *packages,
        *_torchvision(),
        *_weights(with_model),
    ]


def release(text: str) -> tuple[int, ...]:
    """Return the leading numbers of a version.

    >>> release("2.13.0+cpu")
    (2, 13, 0)
    """
    return tuple(int(part) for part in re.split(r"[^0-9.]", text)[0].split(".") if part)


def install_command(extra: str) -> str:
    """Return how to install drivegrid with an extra, the way it was installed before."""
    brackets = f"[{extra}]" if extra else ""
    if _is_editable():
        return f"pip install -e '.{brackets}'"
    return f"pip install --upgrade 'drivegrid{brackets}'"


def _is_editable() -> bool:
    """Return whether drivegrid runs from a clone (PEP 610 tells how it was installed)."""
    origin = json.loads(distribution("drivegrid").read_text("direct_url.json") or "{}")
    editable: bool = origin.get("dir_info", {}).get("editable", False)
    return editable


def _packages() -> Iterator[Finding]:
    """Yield one finding for each requirement of the installed drivegrid."""
    for text in requires("drivegrid") or []:
        match = _REQUIREMENT.match(text)
        assert match is not None, text
        name, floor, extra = match["name"], match["floor"] or "0", match["extra"] or ""
        if name == "drivegrid" or extra in _FOR_DEVELOPERS:
            continue
        fix = install_command(extra)
        try:
            found = version(name)
        except PackageNotFoundError:
            yield Finding(name, extra, "missing", "", fix)
            continue
        if release(found) < release(floor):
            yield Finding(name, extra, "old", f"{found} < {floor}", fix)
        else:
            yield Finding(name, extra, "ok", found)


def _torchvision() -> Iterator[Finding]:
    """Yield a finding if torchvision is there: drivegrid does not use it, transformers does.

    Built for another torch, it fails on import and takes transformers with it.
    """
    try:
        found = version("torchvision")
    except PackageNotFoundError:
        return
    command = [sys.executable, "-c", "import torchvision"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode == 0:
        yield Finding("torchvision", "model", "ok", found)
    else:
        fix = "pip uninstall torchvision (not needed), or install the build that fits torch"
        yield Finding("torchvision", "model", "broken", f"{found} does not fit torch", fix)


def _weights(with_model: bool) -> Iterator[Finding]:
    """Yield a finding for each folder of shipped weights.

    Args:
        with_model: Whether the packages to run a model are installed: then every use needs them.
    """
    extra = "" if with_model else "model"
    fix = "pip install --force-reinstall drivegrid"
    if _is_editable():
        fix = "git checkout -- drivegrid/model/weights"
    root = Path(str(files("drivegrid.model"))) / "weights"
    folders = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    if SHIPPED not in [folder.name for folder in folders]:
        yield Finding(f"weights/{SHIPPED}", extra, "missing", "", fix)
    for folder in folders:
        name = f"weights/{folder.name}"
        try:
            from drivegrid.model.nano_files import verify_nano

            manifest = verify_nano(folder)
        except ModelError as error:
            yield Finding(name, extra, "broken", str(error), fix)
        except ImportError as error:
            state = f"not looked at without {error.name}"
            yield Finding(name, "model", "missing", state, install_command("model"))
        else:
            grid = manifest.grid
            state = f"{manifest.model_type}, {grid.cols}x{grid.rows} lattice"
            yield Finding(name, extra, "ok", state)


def _line(finding: Finding) -> str:
    """Return a finding as a line of the report."""
    extra = f"[{finding.extra}]" if finding.extra else ""
    line = f"{_MARKS[finding.status]}  {finding.name:34} {extra:10} {finding.found}"
    return f"{line.rstrip()}\n         {finding.fix}" if finding.fix else line.rstrip()
