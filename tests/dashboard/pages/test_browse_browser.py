"""Browsing in a real browser: what is clicked narrows the view, and its address holds it."""

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.store import browse
from drivegrid.dashboard.store.query import Query

from tests.dashboard.canvas.browser import wait_until
from tests.dashboard.pages.conftest import make_world
from tests.dashboard.pages.site import Site, click_mark, make_site, wait_for_picture

pytestmark = pytest.mark.slow

CAR = "object/vehicle/car"


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    with make_world(tmp_path_factory.mktemp("browse")) as world, make_site(world) as made:
        yield made


def shows(tab: Any, names: list[str]) -> None:
    """Wait until these frames are in the gallery, and no other."""
    wait_until(lambda: tab.locator("a.tile .name").all_inner_texts() == names)


def test_filters_a_frame_and_the_way_back(site) -> None:
    with site.tab("browse") as tab:
        shows(tab, [f"frame-{number}.png" for number in range(6)])
        tab.get_by_role("button", name="rain").click()
        shows(tab, ["frame-0.png", "frame-3.png"])
        click_mark(tab, tab.locator("[data-testid=stVegaLiteChart]").first, {"value": "car"})
        shows(tab, ["frame-3.png"])
        tab.get_by_text("1 frames").wait_for()
        address = tab.url
        asked = Query(facts={"weather": ("rain",), "label": (CAR,)})
        rows = browse.page(site.world.hub.database, asked, site.world.dataset_id).frames
        assert [row.image for row in rows] == ["frame-3.png"]
        tab.locator("a.tile").click()
        wait_for_picture(tab)
        tab.get_by_role("heading", name="frame-3.png").wait_for()
        assert tab.url.endswith(f"/frame?frame={rows[0].id}")
        tab.go_back()
        tab.wait_for_url(address)
        shows(tab, ["frame-3.png"])
    with site.tab(address.removeprefix(f"{site.server.url}/")) as colleague:
        shows(colleague, ["frame-3.png"])
        colleague.get_by_role("button", name="Clear all filters").click()
        shows(colleague, [f"frame-{number}.png" for number in range(6)])
