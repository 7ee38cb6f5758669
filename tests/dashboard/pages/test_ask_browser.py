"""Asking in a real browser: a picture is uploaded, and the packaged model answers about it."""

import json
import os
from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")
pytest.importorskip("torch", reason="drivegrid[model] is not installed")

from drivegrid.data.images import save_image
from drivegrid.scenes.render import render_scene
from drivegrid.scenes.seeds import TEST_SEEDS
from tests.dashboard.canvas.browser import CanvasPage
from tests.dashboard.pages.conftest import make_world
from tests.dashboard.pages.site import Site, make_site, wait_for_picture
from tests.dashboard.serving.pictures import real_bomb

pytestmark = pytest.mark.slow

QUESTION = "Detect all lane lines."
ANSWER = ".entry[data-layer=answer]"


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    with make_world(tmp_path_factory.mktemp("ask")) as world, make_site(world) as made:
        yield made


def test_a_lane_query_on_an_upload_is_answered_with_its_trace(site, tmp_path) -> None:
    save_image(tmp_path / "road.png", render_scene(TEST_SEEDS[0], (960, 540)).image)
    with site.tab("ask") as tab:
        tab.locator("input[type=file]").set_input_files(tmp_path / "road.png")
        wait_for_picture(tab)
        tab.get_by_label("Question").fill(QUESTION)
        tab.get_by_role("button", name="Ask", exact=True).click()
        tab.locator(ANSWER).wait_for(timeout=90_000)
        page = CanvasPage(tab)
        with tab.expect_download() as downloaded:
            tab.get_by_role("button", name="Answer as JSON").click()
        answer = json.loads(downloaded.value.path().read_bytes())
        found = answer["instances"]
        assert found and all(0 < one["confidence"] <= 1 for one in found)
        page.shows(".canvas .shape", len(found))
        assert_confidence_on_canvas(page, found[0])
        assert_trace(page, found)


def test_bad_uploads_are_told_and_a_good_one_follows(site, tmp_path) -> None:
    bad = {
        "bomb.png": (real_bomb(), "picture must have at most"),
        "page.png": (b"<html><script>alert(1)</script></html>", "must be a JPEG, PNG or WebP"),
        "drawing.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "files are not allowed"),
        "large.png": (None, "File must be 32"),
    }
    with site.tab("ask") as tab:
        for name, (content, words) in bad.items():
            path = tmp_path / name
            path.write_bytes(content or b"")
            if content is None:
                os.truncate(path, 200 * 2**20)
            tab.locator("input[type=file]").set_input_files(path)
            tab.get_by_text(words).wait_for()
            assert tab.locator("svg.picture").count() == 0
        save_image(tmp_path / "road.png", np.zeros((180, 320, 3), np.uint8))
        tab.locator("input[type=file]").set_input_files(tmp_path / "road.png")
        wait_for_picture(tab)
        assert tab.get_by_text("picture must").count() == 0


def assert_confidence_on_canvas(page: CanvasPage, one: dict) -> None:
    """The name of a shape under the pointer says how sure the model is."""
    page.page.mouse.move(*page.client(*one["points"][0]))
    name = f"{one['label']} {100 * one['confidence']:.0f} %"
    page.page.locator("text.name", has_text=name).wait_for()
    page.page.mouse.move(0, 0)


def assert_trace(page: CanvasPage, found: list[dict]) -> None:
    """Cells of the lattice come first, then offsets, then what they lead to."""
    proposed = sum(one["tokens"][0].count("<grid_") for one in found)
    page.use("trace")
    slider, step = page.page.locator(".steps input"), page.page.locator(".step")
    slider.fill("0")
    page.shows(".trace .cell", proposed)
    page.shows(".trace .arrow", 0)
    assert step.inner_text() == "Proposed cells"
    slider.fill("1")
    page.shows(".trace .arrow", proposed)
    assert step.inner_text() == "Offsets, round 1"
    slider.fill(slider.get_attribute("max"))
    page.page.locator(".step", has_text="Result, deletes").wait_for()
