"""The command line as a person meets it: start, help, wrong usage, errors."""

import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from drivegrid import __version__
from drivegrid.cli import main as cli
from drivegrid.errors import FormatError

COMMANDS = [command.callback for command in cli.app.registered_commands]
HEAVY = ("torch", "transformers", "cv2", "pandas", "scipy", "shapely")


def names() -> list[str]:
    return [c.name or c.callback.__name__.replace("_", "-") for c in cli.app.registered_commands]


def loaded_after(code: str) -> set[str]:
    """Return which heavy packages a fresh interpreter has loaded after running code."""
    report = f"import sys\n{code}\nprint([m for m in {HEAVY} if m in sys.modules], file=sys.stderr)"
    ran = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    return set(eval(ran.stderr.strip().splitlines()[-1]))


def test_import_loads_nothing_heavy() -> None:
    assert loaded_after("import drivegrid") == set()
    assert loaded_after("import cv2, pandas") >= {"cv2", "pandas"}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["check", "--help"]])
def test_help_and_version_load_nothing_heavy(arguments) -> None:
    code = f"""
sys.argv = ["drivegrid", *{arguments}]
from drivegrid.cli.main import main
try:
    main()
except SystemExit as stop:
    assert stop.code == 0, stop.code
"""
    assert loaded_after(code) == set()


def test_version() -> None:
    assert CliRunner().invoke(cli.app, ["--version"]).stdout == f"drivegrid {__version__}\n"


@pytest.mark.parametrize("name", names())
def test_every_command_has_help_with_an_example(name) -> None:
    ran = CliRunner().invoke(cli.app, [name, "--help"])
    assert ran.exit_code == 0
    assert f"drivegrid {name}" in ran.stdout.split("Example:")[1]


def test_every_command_is_listed() -> None:
    listed = CliRunner().invoke(cli.app, ["--help"]).stdout
    assert COMMANDS
    assert all(f"\n  {name} " in listed for name in names())


@pytest.mark.parametrize("arguments", [[], ["chek"], ["check", "--jsn"]])
def test_wrong_usage_exits_with_2(arguments) -> None:
    ran = CliRunner().invoke(cli.app, arguments)
    assert ran.exit_code == 2
    assert "Usage: drivegrid" in ran.output


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            FormatError("lane must have 2 points,\n got 1", "[red]a.json", 3),
            "error: lane must have 2 points, got 1 ([red]a.json, line 3)",
        ),
        (PermissionError(13, "Permission denied", "a.json"), "error: Permission denied: a.json"),
        (FormatError("\x1b[31mhostile\x07"), "error: �[31mhostile�"),
    ],
    ids=["own", "system", "hostile"],
)
def test_errors_are_one_line_and_exit_with_1(monkeypatch, capsys, error, line) -> None:
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def fail() -> None:
        raise error

    monkeypatch.setattr(cli, "app", app)
    monkeypatch.setattr(sys, "argv", ["drivegrid"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    out, err = capsys.readouterr()
    assert (stop.value.code, out, err.count("\n")) == (1, "", 1)
    assert line in err


def test_a_mistake_in_the_code_is_not_hidden(monkeypatch) -> None:
    def fail() -> None:
        raise KeyError("bug")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(KeyError):
        cli.main()


def test_module_runs_the_same_command() -> None:
    command = [sys.executable, "-m", "drivegrid", "--version"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout == f"drivegrid {__version__}\n"
