"""Reviewing in a real browser, by keyboard; what is said is looked up in the store."""

from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.store import browse, queues
from drivegrid.dashboard.store.query import Query
from drivegrid.dashboard.store.queues import Plan, Ranked
from drivegrid.dashboard.store.reviews import history

from tests.dashboard.canvas.browser import CanvasPage, wait_until
from tests.dashboard.pages.conftest import SIZE, frame_of, make_world
from tests.dashboard.pages.site import Site, make_site, wait_for_picture

pytestmark = pytest.mark.slow

KEYS = "axaaxaxxaa"
SAID = {"a": "accept", "x": "reject"}


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    with make_world(tmp_path_factory.mktemp("review"), len(KEYS) + 1) as world:
        with make_site(world) as made:
            yield made


def frames_of(site: Site) -> list[int]:
    rows = browse.page(site.world.hub.database, Query(), site.world.dataset_id).frames
    return [row.id for row in rows]


def make_queue(site: Site, name: str, ids: list[int]) -> int:
    maker = site.world.hub.someone("ada", "admin")
    plan = Plan(name, "number", len(ids))
    return maker.make_queue(site.world.dataset_id, plan, [Ranked(one) for one in ids])


def wait_for(page: CanvasPage, place: int, number: int) -> None:
    """Wait until a frame is shown, its picture loaded."""
    page.page.get_by_text(f"{place + 1}. frame-{number}.png").wait_for()
    wait_for_picture(page.page)


def test_ten_frames_by_keyboard(site) -> None:
    database, ids = site.world.hub.database, frames_of(site)
    queue = make_queue(site, "ten", ids)
    with site.tab(f"review?queue={queue}") as tab:
        page = CanvasPage(tab)
        for number, key in enumerate(KEYS):
            wait_for(page, number, number)
            page.press(key)
        wait_for(page, len(KEYS), len(KEYS))
        found = [[event.verdict for event in history(database, one)] for one in ids]
        assert found == [*([SAID[key]] for key in KEYS), []]
        assert queues.progress(database, queue).done == len(KEYS)
        page.press("ArrowLeft")
        wait_for(page, len(KEYS) - 1, len(KEYS) - 1)
        page.press("u")
        wait_until(lambda: len(history(database, ids[-2])) == 2)
        assert browse.frame(database, ids[-2]).status == "new"


def test_a_lane_is_drawn_saved_and_taken_back(site) -> None:
    database, last = site.world.hub.database, len(KEYS)
    frame_id = frames_of(site)[last]
    queue = make_queue(site, "one", [frame_id])
    points = [[40.0, 170.0], [90.0, 120.0], [140.0, 70.0]]
    with site.tab(f"review?queue={queue}") as tab:
        page = CanvasPage(tab)
        wait_for(page, 0, last)
        page.use("line")
        for point in points:
            page.click(*point)
        page.press("Enter", "s")
        wait_until(lambda: history(database, frame_id))
        [event] = history(database, frame_id)
        *kept, lane = event.after.shapes
        assert event.verdict == "correct" and tuple(kept) == frame_of(last).instances
        assert lane.label == "lane/line"
        assert np.abs(lane.geometry.xy - points).max() <= 0.5
        assert 0 <= lane.geometry.xy.min() and lane.geometry.xy.max() <= max(SIZE)
        tab.get_by_text("Saved as corrected").wait_for()
        page.press("u")
        wait_until(lambda: len(history(database, frame_id)) == 2)
        assert history(database, frame_id)[-1].after.shapes is None
        tab.get_by_text("Taken back").wait_for()
        page.shows(".canvas .shape", 2 * 3)
