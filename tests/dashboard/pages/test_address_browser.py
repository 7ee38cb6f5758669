"""What is picked in a real browser stands in the address, and comes back from there."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.store import browse
from drivegrid.dashboard.store.matches import MatchFilter, match_page
from drivegrid.dashboard.store.query import Query

from tests.dashboard.pages.conftest import make_world
from tests.dashboard.pages.site import Site, make_site, wait_for_picture

pytestmark = pytest.mark.slow
CAR = "object/vehicle/car"


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    with make_world(tmp_path_factory.mktemp("address")) as world, make_site(world) as made:
        yield made


def wait_for(page: Any, **expected: str) -> None:
    """Wait until the address says all this."""

    def says(url: str) -> bool:
        asked = parse_qs(urlparse(url).query)
        return all(asked.get(name) == [value] for name, value in expected.items())

    page.wait_for_url(says)


def test_the_cell_and_the_threshold_of_compare(site) -> None:
    near, far = site.world.evaluations["near"], site.world.evaluations["far"]
    with site.tab(f"compare?first={near}&second={far}") as page:
        page.get_by_text("Click a cell").wait_for()
        chart = page.locator("[data-testid=stVegaLiteChart]").nth(1)
        cells = chart.locator(".mark-rect path")
        cells.first.wait_for()
        cells.first.click(position={"x": 4, "y": 4})  # beside the count
        wait_for(page, true=CAR)
        page.get_by_text(re.compile(r"truth .*, predicted")).wait_for()
        page.get_by_role("slider", name="Least confidence").press("ArrowRight")
        wait_for(page, least="0.51")
        said = page.get_by_text(re.compile(r"truth .*, predicted")).inner_text()
        page.reload()
        page.get_by_text(said).wait_for()
        assert page.get_by_role("slider", name="Least confidence").input_value() == "0.51"


def test_the_row_of_errors_and_its_pages_on_a_small_screen(site) -> None:
    number = site.world.evaluations["far"]
    rows = match_page(site.world.hub.database, number, MatchFilter(hit=False)).rows
    with site.tab(f"errors?evaluation={number}&row={rows[3].id}") as page:
        image = browse.frame(site.world.hub.database, rows[3].frame_id).image
        page.get_by_text(image).wait_for()
        for name in ("Previous", "Next"):
            box = page.get_by_role("button", name=name).bounding_box()
            assert box["y"] + box["height"] <= 720
        table = page.locator("[data-testid=stDataFrame] canvas").first
        box = table.bounding_box()
        page.mouse.click(box["x"] + 15, box["y"] + 35 * 2.5)
        wait_for(page, row=str(rows[1].id))
        page.get_by_text(browse.frame(site.world.hub.database, rows[1].frame_id).image).wait_for()


def test_a_thumbnail_opens_its_frame(site) -> None:
    frames = browse.page(site.world.hub.database, Query(), site.world.dataset_id).frames
    with site.tab("browse") as page:
        tile = page.locator(".tile", has_text=frames[2].image)
        assert tile.get_attribute("href") == f"frame?frame={frames[2].id}"
        tile.click()
        page.wait_for_url(f"**/frame?frame={frames[2].id}")
        wait_for_picture(page)
    with site.tab("browse") as page:
        page.locator(".tile").nth(len(frames) - 1).focus()
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/frame?frame={frames[-1].id}")


def test_a_picture_that_is_offered_is_asked_about(site) -> None:
    frames = browse.page(site.world.hub.database, Query(), site.world.dataset_id).frames
    with site.tab("") as page:
        page.get_by_text("take one of these").wait_for()
        page.locator(".tile").nth(len(frames) - 1).wait_for()
        page.locator(".tile", has_text=frames[1].image).click()
        page.wait_for_url(f"**/ask?frame={frames[1].id}")
        wait_for_picture(page)
        page.get_by_label("Question").wait_for()
