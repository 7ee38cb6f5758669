"""A database that goes away under open pages, and comes back: told in words, nothing lost."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.exporting import EXPORT
from drivegrid.dashboard.store import browse, jobs
from drivegrid.dashboard.store.query import Query
from drivegrid.dashboard.store.reviews import history

from tests.dashboard.canvas.browser import CanvasPage
from tests.dashboard.conftest import PostgresServer, run_postgres
from tests.dashboard.pages.conftest import NUM_FRAMES, make_world
from tests.dashboard.pages.site import Site, make_site, wait_for_picture

pytestmark = pytest.mark.slow

GONE = "database must answer"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with run_postgres() as made:
        yield made


@pytest.fixture(scope="module")
def site(tmp_path_factory, server) -> Iterator[Site]:
    with make_world(tmp_path_factory.mktemp("gone"), database=server.url) as world:
        with make_site(world) as made:
            yield made


def told(tab: Any) -> None:
    """Wait until the page says it in words."""
    tab.get_by_text(GONE).first.wait_for()
    assert "Traceback" not in tab.inner_text("body")


def test_what_was_drawn_is_saved_when_the_database_is_back(site, server) -> None:
    database = site.world.hub.database
    first, second, *_ = browse.page(database, Query(), site.world.dataset_id).frames
    with site.tab(f"review?frame={first.id}") as tab:
        wait_for_picture(tab)
        page = CanvasPage(tab)
        page.use("line")
        for point in ([40.0, 170.0], [90.0, 120.0], [140.0, 70.0]):
            page.click(*point)
        page.press("Enter")
        with server.away():
            page.press("s")
            told(tab)
            page.shows(".canvas .shape", 2 * 3 + 1)
        tab.get_by_text("Saved as corrected").wait_for()
        [event] = history(database, first.id)
        assert (event.verdict, len(event.after.shapes)) == ("correct", 3)
        tab.get_by_text(GONE).first.wait_for(state="hidden")
        page.press("ArrowRight")
        tab.get_by_text(second.image).wait_for()


PAGES = {
    "browse": "6 frames",
    "compare": "Click a cell",
    "frame?frame=2": "Nobody has reviewed this frame yet.",
}


def test_pages_work_again_without_a_restart(site, server) -> None:
    with ExitStack() as stack:
        tabs = {stack.enter_context(site.tab(one)): text for one, text in PAGES.items()}
        for tab, text in tabs.items():
            tab.get_by_text(text).first.wait_for()
        with server.away():
            for tab in tabs:
                tab.reload()
                told(tab)
        for tab, text in tabs.items():
            tab.reload()
            tab.get_by_text(text).first.wait_for()
            tab.get_by_text(GONE).first.wait_for(state="hidden")


def test_a_page_that_looks_by_itself_and_the_worker_go_on(site, server) -> None:
    ada = site.world.hub.someone("ada", "admin")
    with site.tab("export") as tab:
        tab.get_by_text("Nothing was exported yet").wait_for()
        with server.away():
            told(tab)
        parameters = {"dataset_id": site.world.dataset_id, "format": "scene"}
        number = ada.enqueue(EXPORT, parameters)
        tab.get_by_text(f"done: {NUM_FRAMES} frames").wait_for()
        tab.get_by_text(GONE).first.wait_for(state="hidden")
    assert jobs.get_job(site.world.hub.database, number).state == "done"
