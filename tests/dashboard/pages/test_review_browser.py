"""Reviewing in a real browser, by keyboard; what is said is looked up in the store."""

from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from drivegrid.dashboard.store import browse, queues  # noqa: E402
from drivegrid.dashboard.store.query import Query  # noqa: E402
from drivegrid.dashboard.store.queues import Plan, Ranked  # noqa: E402
from drivegrid.dashboard.store.reviews import history  # noqa: E402

from tests.dashboard.canvas.browser import ARGUMENTS, CanvasPage, chromium, wait_until  # noqa: E402
from tests.dashboard.pages.conftest import NUM_FRAMES, SIZE, frame_of  # noqa: E402
from tests.dashboard.pages.served import serve  # noqa: E402

pytestmark = pytest.mark.slow


@pytest.fixture
def opened(world) -> Iterator:
    """Return a queue's id, its frames, and the page that is open at the first of them."""
    program = chromium()
    if program is None:
        pytest.skip("Chromium is not installed (apt install chromium)")
    ids = [row.id for row in browse.page(world.hub.database, Query(), world.dataset_id).frames]
    maker = world.hub.someone("ada", "admin")
    plan = Plan("all", "number", NUM_FRAMES)
    queue = maker.make_queue(world.dataset_id, plan, [Ranked(one) for one in ids])
    folder = world.hub.settings.folder
    with serve(folder) as url, playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=ARGUMENTS)
        context = browser.new_context(viewport={"width": 1280, "height": 720})
        page = CanvasPage(context, f"{url}/review?queue={queue}")
        yield queue, ids, page
        assert page.errors == []
        browser.close()


def wait_for(page: CanvasPage, number: int) -> None:
    """Wait until a frame is shown, its picture loaded."""
    page.page.get_by_text(f"{number + 1}. frame-{number}.png").wait_for(timeout=30_000)
    page.page.locator("svg.picture image:not(.hidden)").wait_for(state="attached")
    page.page.locator(".status:not(:has-text('saving'))").wait_for()


def test_five_frames_by_keyboard(world, opened) -> None:
    queue, ids, page = opened
    keys = ["a", "x", "a", "a", "x"]
    for number, key in enumerate(keys):
        wait_for(page, number)
        page.press(key)
    wait_for(page, 5)
    found = [[event.verdict for event in history(world.hub.database, one)] for one in ids]
    assert found == [["accept"], ["reject"], ["accept"], ["accept"], ["reject"], []]
    assert queues.progress(world.hub.database, queue).done == 5
    page.press("ArrowLeft")
    wait_for(page, 4)
    page.press("u")
    wait_until(lambda: len(history(world.hub.database, ids[4])) == 2)
    assert browse.frame(world.hub.database, ids[4]).status == "new"


def test_a_lane_is_drawn_saved_and_taken_back(world, opened) -> None:
    _, (first, *_), page = opened
    wait_for(page, 0)
    points = [[40.0, 170.0], [90.0, 120.0], [140.0, 70.0]]
    page.use("line")
    for point in points:
        page.click(*point)
    page.press("Enter", "s")
    wait_until(lambda: history(world.hub.database, first))
    [event] = history(world.hub.database, first)
    *kept, lane = event.after.shapes
    assert event.verdict == "correct" and tuple(kept) == frame_of(0).instances
    assert lane.label == "lane/line"
    assert np.abs(lane.geometry.xy - points).max() <= 0.5
    assert 0 <= lane.geometry.xy.min() and lane.geometry.xy.max() <= max(SIZE)
    page.page.get_by_text("Saved as corrected").wait_for()
    page.press("u")
    wait_until(lambda: len(history(world.hub.database, first)) == 2)
    assert history(world.hub.database, first)[-1].after.shapes is None
    page.page.get_by_text("Taken back").wait_for()
    wait_until(lambda: page.page.locator(".canvas .shape").count() == 2 * 3)
