"""``drivegrid scenes``: sheets of scenes, and packs added, listed, verified and removed."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from drivegrid.cli.main import app
from drivegrid.data.images import load_image
from drivegrid.errors import ConfigError, FormatError
from drivegrid.scenes import assets
from drivegrid.scenes.world import sample_world
from tests.scenes import faked
from tests.scenes.archiving import GOOD, need_cairo, pinned, tar_of


def run(*arguments: object):
    return CliRunner().invoke(app, ["scenes", *(str(argument) for argument in arguments)])


@pytest.fixture
def rendering(monkeypatch):
    """Stand in for the renderer; a scene with other faces is that of the next seed."""
    module = SimpleNamespace(
        render_scene=lambda seed, size_wh, renderer: faked.render(seed + bool(renderer), size_wh),
        default_renderer=lambda faces: faces,
    )
    monkeypatch.setitem(sys.modules, "drivegrid.scenes.render", module)


def holds(sheet, first) -> bool:
    """Whether a sheet begins with a picture, some pixels from its corner."""
    height, width = first.shape[:2]
    return any(
        np.array_equal(sheet[y : y + height, x : x + width], first)
        for y in range(9)
        for x in range(9)
    )


@pytest.mark.parametrize("command", ["preview", "assets", "assets add", "assets verify"])
def test_help_has_an_example(command) -> None:
    ran = run(*command.split(), "--help")
    assert ran.exit_code == 0
    assert f"drivegrid scenes {command.split()[0]}" in ran.stdout.split("Example:")[1]


def test_preview_writes_a_sheet_of_consecutive_seeds(rendering, tmp_path) -> None:
    out = tmp_path / "new" / "sheet.png"
    ran = run("preview", "--grid", "3x2", "--seed", 7, "--size", "64x40", "--out", out)
    assert ran.exit_code == 0, ran.output
    assert ran.stdout == f"{out}: seeds 7 to 12\n"
    sheet = load_image(out)
    assert 3 * 64 < sheet.shape[1] < 3 * 64 + 30
    assert holds(sheet, faked.render(7, (64, 40)).image)


def test_preview_shows_only_what_is_asked_for(rendering, tmp_path) -> None:
    out = tmp_path / "sheet.png"
    chosen = ["--only", "weather=snow", "--only", "time=day"]
    ran = run("preview", "--grid", "2x1", "--size", "64x64", "--out", out, *chosen)
    assert ran.exit_code == 0, ran.output
    first, last = (int(word) for word in ran.stdout.split() if word.isdigit())
    for seed in (first, last):
        world = sample_world(seed)
        assert (world.weather, world.time) == ("snow", "day")


def test_preview_draws_labels_if_asked(rendering, tmp_path) -> None:
    sheets = []
    for name, options in (("plain.png", []), ("labels.png", ["--labels"])):
        ran = run("preview", "--grid", "1x1", "--size", "90x60", "--out", tmp_path / name, *options)
        assert ran.stdout == f"{tmp_path / name}: seeds 0 to 0\n"
        sheets.append(load_image(tmp_path / name))
    assert sheets[0].shape == sheets[1].shape
    assert not np.array_equal(*sheets)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--grid", "4by3"], "grid must be two numbers, got '4by3'"),
        (["--grid", "0x3"], "grid must be two numbers"),
        (["--size", "448"], "size must be two numbers"),
        (["--grid", "99x99", "--size", "999x999"], "at most"),
        (["--out", "sheet.gif"], "--out must end in one of"),
        (["--only", "weather=hail"], "--only must be one of clear, cloudy, rain, snow, fog"),
        (["--only", "mood=good"], "--only must be one of template, weather, time, surface"),
        (["--pack", "skies"], "pack must be one of signs, got 'skies'"),
    ],
)
def test_preview_refuses_before_it_renders(monkeypatch, tmp_path, options, named) -> None:
    def render(seed, size_wh, renderer):
        pytest.fail("rendered")

    module = SimpleNamespace(render_scene=render, default_renderer=None)
    monkeypatch.setitem(sys.modules, "drivegrid.scenes.render", module)
    ran = run("preview", "--out", tmp_path / "sheet.png", *options)
    assert ran.exit_code == 1
    assert isinstance(ran.exception, ConfigError)
    assert named in str(ran.exception)


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """The file of a pack ``signs`` that is the only one there is."""
    path = tmp_path / "signs.tgz"
    path.write_bytes(tar_of(GOOD))
    monkeypatch.setattr(assets, "PACKS", {"signs": pinned(path.read_bytes())})
    monkeypatch.setenv("DRIVEGRID_ASSETS", str(tmp_path / "cache"))
    return path


def test_a_pack_from_first_to_last(archive, tmp_path) -> None:
    def state() -> str:
        (pack,) = json.loads(run("assets", "--json").stdout)["packs"]
        return pack["state"]

    assert state() == "absent"
    assert run("assets", "verify").exit_code == 0  # nothing here, nothing wrong
    assert run("assets", "verify", "signs").exit_code == 1
    added = run("assets", "add", "signs", "--from", archive)
    assert (added.exit_code, state()) == (0, "present")
    assert f"signs: added, licence MIT\nfolder: {tmp_path / 'cache' / 'signs'}" in added.stdout
    assert "was here already" in run("assets", "add", "signs").stdout
    assert run("assets", "verify").stdout == "signs: present\n"
    assert run("assets", "remove", "signs").stdout == "signs: removed\n"
    assert state() == "absent"
    assert run("assets", "remove", "signs").stdout == "signs: was not here\n"


def test_preview_with_a_pack(rendering, archive, tmp_path) -> None:
    need_cairo()
    options = ["--grid", "1x1", "--size", "64x40", "--out", tmp_path / "sheet.png"]
    missing = run("preview", *options, "--pack", "signs")
    assert (missing.exit_code, type(missing.exception)) == (1, FormatError)
    assert "drivegrid scenes assets add signs" in str(missing.exception)
    run("assets", "add", "signs", "--from", archive)
    assert run("preview", *options, "--pack", "signs").exit_code == 0
    assert holds(load_image(tmp_path / "sheet.png"), faked.render(1, (64, 40)).image)


def test_altered_files_are_named(archive, tmp_path) -> None:
    run("assets", "add", "signs", "--from", archive)
    (tmp_path / "cache" / "signs" / "LICENSE").write_bytes(b"other")
    assert "signs     altered" in run("assets").stdout
    ran = run("assets", "verify")
    assert ran.exit_code == 1
    assert "LICENSE" in ran.stderr
    shown = run("assets", "verify", "signs", "--json")
    assert shown.exit_code == 1
    assert json.loads(shown.stdout) == {"signs": {"state": "altered", "altered": ["LICENSE"]}}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("add", "trees"), "pack must be one of signs, got 'trees'"),
        (("verify", "trees"), "pack must be one of signs"),
        (("remove", "../signs"), "pack must be one of signs"),
        (("add", "signs", "--from", "missing.tgz"), "missing.tgz"),
    ],
)
def test_errors_fail(archive, arguments, named) -> None:
    ran = run("assets", *arguments)
    assert ran.exit_code == 1
    assert named in str(ran.exception)


def test_the_list_is_short_enough_for_a_terminal(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("DRIVEGRID_ASSETS", str(tmp_path))
    lines = run("assets").stdout.splitlines()
    assert len(lines) == len(assets.PACKS) + 1
    assert all(len(line) <= 100 for line in lines[:-1])
