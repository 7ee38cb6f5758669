"""What is picked in a real browser stands in the address, and comes back from there."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlparse

import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from drivegrid.dashboard.store import browse  # noqa: E402
from drivegrid.dashboard.store.matches import MatchFilter, match_page  # noqa: E402
from drivegrid.dashboard.store.query import Query  # noqa: E402

from tests.dashboard.canvas.browser import ARGUMENTS, chromium  # noqa: E402
from tests.dashboard.pages.served import serve  # noqa: E402

pytestmark = pytest.mark.slow
CAR = "object/vehicle/car"


@pytest.fixture
def visit(world) -> Iterator:
    """Return a function that opens an address of the dashboard, small as laptops are."""
    program = chromium()
    if program is None:
        pytest.skip("Chromium is not installed (apt install chromium)")
    with serve(world.hub.settings.folder) as server, playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))

        def open_at(address: str):
            page.goto(f"{server.url}/{address}")
            return page

        yield open_at
        assert problems == []
        browser.close()


def wait_for(page, **expected: str) -> None:
    """Wait until the address says all this."""

    def says(url: str) -> bool:
        asked = parse_qs(urlparse(url).query)
        return all(asked.get(name) == [value] for name, value in expected.items())

    page.wait_for_url(says)


def test_the_cell_and_the_threshold_of_compare(world, visit) -> None:
    near, far = world.evaluations["near"], world.evaluations["far"]
    page = visit(f"compare?first={near}&second={far}")
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


def test_the_row_of_errors_and_its_pages_on_a_small_screen(world, visit) -> None:
    number = world.evaluations["far"]
    rows = match_page(world.hub.database, number, MatchFilter(hit=False)).rows
    page = visit(f"errors?evaluation={number}&row={rows[3].id}")
    image = browse.frame(world.hub.database, rows[3].frame_id).image
    page.get_by_text(image).wait_for()
    for name in ("Previous", "Next"):
        box = page.get_by_role("button", name=name).bounding_box()
        assert box["y"] + box["height"] <= 720
    table = page.locator("[data-testid=stDataFrame] canvas").first
    box = table.bounding_box()
    page.mouse.click(box["x"] + 15, box["y"] + 35 * 2.5)
    wait_for(page, row=str(rows[1].id))
    page.get_by_text(browse.frame(world.hub.database, rows[1].frame_id).image).wait_for()


def test_a_thumbnail_opens_its_frame(world, visit) -> None:
    frames = browse.page(world.hub.database, Query(), world.dataset_id).frames
    page = visit("browse")
    tile = page.locator(".tile", has_text=frames[2].image)
    assert tile.get_attribute("href") == f"frame?frame={frames[2].id}"
    tile.click()
    page.wait_for_url(f"**/frame?frame={frames[2].id}")
    page.locator("svg.picture image:not(.hidden)").wait_for(state="attached")
    page = visit("browse")
    page.locator(".tile").nth(len(frames) - 1).focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/frame?frame={frames[-1].id}")
