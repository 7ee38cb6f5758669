"""What a user installs: every module and data file, under one import name."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[1]
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
    "setuptools"
]
FOLDERS = {folder: name for name, folder in SETUPTOOLS["package-dir"].items()}
SHIPPED = (".py", ".yaml", ".json", ".safetensors", ".glsl")
"""Every file of these kinds in the four folders belongs into the wheel."""


def installed_path(path: Path) -> str:
    """Return where a file of the tree stands once installed."""
    folder, *rest = path.relative_to(ROOT).parts
    return str(PurePosixPath(*FOLDERS[folder].split("."), *rest))


def tree(pattern: str) -> list[Path]:
    found = (path for folder in FOLDERS for path in (ROOT / folder).rglob(pattern))
    return [path for path in found if "__pycache__" not in path.parts and path.is_file()]


def run(*command: object, cwd: Path) -> str:
    """Run a command outside the checkout and return what it printed; show its error if it fails."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    ran = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=clean, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory) -> Path:
    """Build from a copy, so that nothing left over from earlier builds slips in."""
    copy, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    leave = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, copy / folder, ignore=leave)
    for file in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / file, copy)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, copy, cwd=out)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel, tmp_path_factory) -> Path:
    """Return a fresh environment that holds the wheel; its dependencies are those of this one."""
    home = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", home, cwd=home)
    python = home / "bin" / "python"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(run(python, "-c", where, cwd=home).strip())
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    run(*pip, "--no-deps", "--no-index", wheel, cwd=home)
    # A .pth line adds a folder without reading the .pth files in it: the editable install of
    # this checkout stays out.
    here = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    (site / "dependencies.pth").write_text("\n".join(here))
    return home


def test_packages_are_the_folders() -> None:
    folders = {installed_path(init.parent).replace("/", ".") for init in tree("__init__.py")}
    assert sorted(SETUPTOOLS["packages"]) == sorted(folders)


def test_every_folder_with_code_is_a_package() -> None:
    assert [p.parent for p in tree("*.py") if not (p.parent / "__init__.py").exists()] == []


def test_the_wheel_holds_every_module_and_data_file(wheel) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {installed_path(path) for path in tree("*") if path.suffix in SHIPPED}
    assert len(wanted) > 20
    assert wanted - held == set()
    assert "drivegrid/py.typed" in held


def test_the_wheel_holds_nothing_else(wheel) -> None:
    held = [PurePosixPath(name) for name in zipfile.ZipFile(wheel).namelist()]
    assert {path.parts[0].split("-")[0] for path in held} == {"drivegrid"}
    assert [path for path in held if "tests" in path.parts or path.suffix == ".pyc"] == []
    licenses = {path.name for path in held if "licenses" in path.parts}
    assert licenses == {"LICENSE", "NOTICE"}


@pytest.mark.parametrize("module", SETUPTOOLS["packages"])
def test_the_installed_wheel_imports(installed, module) -> None:
    code = f"import {module} as m; print(m.__file__)"
    file = Path(run(installed / "bin" / "python", "-c", code, cwd=installed).strip())
    assert file.is_relative_to(installed)


def test_the_installed_command_runs(installed) -> None:
    assert "Usage: drivegrid" in run(installed / "bin" / "drivegrid", "--help", cwd=installed)


def test_the_wheel_puts_no_generic_name_beside_others(installed) -> None:
    """Of the four folders' names only drivegrid may become importable."""
    code = (
        f"from importlib.util import find_spec; print([n for n in {list(FOLDERS)} if find_spec(n)])"
    )
    assert run(installed / "bin" / "python", "-c", code, cwd=installed).strip() == "['drivegrid']"


@pytest.mark.parametrize("package", SETUPTOOLS["packages"])
def test_the_working_environment_imports_this_checkout(package, tmp_path) -> None:
    code = f"import {package} as m; print(m.__file__)"
    file = Path(run(sys.executable, "-c", code, cwd=tmp_path).strip())
    assert file.is_relative_to(ROOT)
