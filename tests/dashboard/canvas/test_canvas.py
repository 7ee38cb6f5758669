"""The component on a page, without a browser."""

import json
from pathlib import Path

import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.canvas import canvas as component
from drivegrid.dashboard.canvas.canvas import Settings
from drivegrid.dashboard.canvas.layers import CanvasError
from streamlit.testing.v1 import AppTest

from drivegrid.plotting.palette import OFFSET, PROPOSED, RESULT

PAGE = str(Path(__file__).with_name("canvas_page.py"))
VERDICT = {"kind": "verdict", "picture": "frame 1", "revision": 1, "verdict": "accept"}


def say(page: AppTest, message: object) -> AppTest:
    page.session_state["canvas"] = {"said": message}
    return page.run(timeout=60)


@pytest.fixture
def page() -> AppTest:
    return AppTest.from_file(PAGE).run(timeout=60)


def log_of(page: AppTest) -> list:
    return json.loads(page.code[0].value)


def test_a_page_with_a_canvas_runs_and_hears_nothing_yet(page) -> None:
    assert not page.exception
    assert log_of(page) == []


def test_what_is_said_comes_out_once(page) -> None:
    said = {"what": "Verdict", "picture": "frame 1", "stale": False, "verdict": "accept"}
    say(page, {**VERDICT, "token": "token-0001"})
    assert log_of(page) == [said]
    say(page, {**VERDICT, "token": "token-0001"})
    assert log_of(page) == [said]
    say(page, {**VERDICT, "token": "token-0002"})
    assert log_of(page) == [said, {**said, "stale": True}]


def test_a_refused_message_is_an_error_once(page) -> None:
    say(page, {**VERDICT, "token": "token-0001", "verdict": "delete"})
    assert "verdict must be one of" in page.exception[0].message
    assert not page.run(timeout=60).exception
    assert log_of(page) == []


def test_a_message_without_a_token_is_refused(page) -> None:
    say(page, 3)
    assert "message must be a mapping" in page.exception[0].message


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tools": ("eraser",)}, "tools must be of"),
        ({"tools": ("line",)}, "drawing must have labels"),
        ({"labels": ("",)}, "labels must have"),
        ({"labels": ("x" * 201,)}, "labels must have"),
        ({"lattice": (0, 32)}, "lattice must be"),
        ({"lattice": (32, 5000)}, "lattice must be"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, message) -> None:
    with pytest.raises(CanvasError, match=message):
        Settings(**settings)


def draw_without_a_layer() -> None:
    from drivegrid.dashboard.canvas.canvas import Settings, canvas
    from drivegrid.dashboard.canvas.layers import Picture

    settings = Settings(("line",), labels=("lane/line",))
    canvas(Picture("f", "/f", (8, 6)), [], revision=1, key="canvas", settings=settings)


def test_drawing_needs_an_editable_layer() -> None:
    page = AppTest.from_function(draw_without_a_layer).run(timeout=60)
    assert "drawing must have an editable layer" in page.exception[0].message


def look() -> None:
    from drivegrid.dashboard.canvas.canvas import canvas
    from drivegrid.dashboard.canvas.layers import Picture

    assert canvas(Picture("f", "/f", (8, 6)), [], revision=1, key="canvas") is None


def test_a_picture_alone_can_be_looked_at() -> None:
    assert not AppTest.from_function(look).run(timeout=60).exception


def test_scripts_are_all_there_and_never_make_markup_or_code_of_texts() -> None:
    files = {path.stem: path.read_text(encoding="utf-8") for path in component.FOLDER.glob("*.js")}
    assert set(component.SCRIPTS) == set(files)
    for name, text in files.items():
        assert len(text.splitlines()) <= 400, name
        for banned in ("innerHTML", "outerHTML", "insertAdjacent", "eval(", "Function(", "https:"):
            assert banned not in text, (name, banned)


def test_the_style_has_the_colours_of_the_palette_for_traces() -> None:
    style = (component.FOLDER / "canvas.css").read_text(encoding="utf-8")
    for name, color in {"proposed": PROPOSED, "offset": OFFSET, "result": RESULT}.items():
        assert "--{}: #{:02x}{:02x}{:02x};".format(name, *color) in style
