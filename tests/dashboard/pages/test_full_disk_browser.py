"""A disk that is full under open pages: told in words, nothing lost, and all goes on with room."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.serving.access import name_of_machine
from drivegrid.dashboard.store import browse, jobs
from drivegrid.dashboard.store.query import Query
from drivegrid.dashboard.store.reviews import history

from drivegrid.data.images import save_image
from tests.dashboard.canvas.browser import CanvasPage, wait_until
from tests.dashboard.pages.conftest import NUM_FRAMES, make_world
from tests.dashboard.pages.site import Site, make_site, wait_for_picture

pytestmark = pytest.mark.slow

FULL = "database must answer, got: disk I/O error"


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    with make_world(tmp_path_factory.mktemp("full")) as world:
        world.hub.someone(name_of_machine(), "admin")  # a stranger would need room
        with make_site(world) as made:
            yield made


@contextmanager
def no_room(site: Site, num_bytes: int = 0) -> Iterator[None]:
    """Let no file of the server grow beyond so many bytes."""
    limit, pid = resource.RLIMIT_FSIZE, site.server.pid
    before = resource.prlimit(pid, limit)
    resource.prlimit(pid, limit, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, limit, before)


def test_thumbnails_without_room_are_full_pictures(site) -> None:
    with no_room(site), site.tab("browse") as tab:
        tab.locator("a.tile").nth(NUM_FRAMES - 1).wait_for()
        shown = tab.locator("a.tile img")
        wide = "all => all.filter((one) => one.naturalWidth > 0).length"
        wait_until(lambda: shown.evaluate_all(wide) == NUM_FRAMES)
    assert list((site.world.hub.settings.folder / "thumbnails").rglob("*.*")) == []


def test_a_verdict_is_written_once_there_is_room(site) -> None:
    database = site.world.hub.database
    first, *_ = browse.page(database, Query(), site.world.dataset_id).frames
    with site.tab(f"review?frame={first.id}") as tab:
        wait_for_picture(tab)
        with no_room(site):
            CanvasPage(tab).press("x")
            tab.get_by_text(FULL).first.wait_for()
            assert history(database, first.id) == ()
        tab.get_by_text("is rejected").wait_for()
        assert [one.verdict for one in history(database, first.id)] == ["reject"]
        assert tab.get_by_text(FULL).count() == 0


def test_an_upload_without_room_is_told_and_can_be_given_again(site, tmp_path) -> None:
    for name in ("first.png", "again.png"):  # browsers do not send the same file twice
        save_image(tmp_path / name, np.zeros((180, 320, 3), np.uint8))
    with site.tab("ask") as tab:
        chosen = tab.locator("input[type=file]")
        chosen.wait_for(state="attached")
        with no_room(site):
            chosen.set_input_files(tmp_path / "first.png")
            tab.get_by_text("upload must be kept").wait_for()
        chosen.set_input_files(tmp_path / "again.png")
        wait_for_picture(tab)
        assert tab.get_by_text("upload must be kept").count() == 0


def test_an_export_that_found_no_room_can_be_asked_for_again(site) -> None:
    database = site.world.hub.database
    with site.tab("export") as tab:
        button = tab.get_by_role("button", name="Export", exact=True)
        tab.get_by_text("Nothing was exported yet").wait_for()
        with no_room(site):
            button.click()
            tab.get_by_text(FULL).wait_for()
        assert not jobs.list_jobs(database, 10)
        button.click()
        tab.get_by_text("Frames written").wait_for()
    assert [job.state for job in jobs.list_jobs(database, 10)] == ["done"]
