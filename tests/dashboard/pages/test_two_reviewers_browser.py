"""Two people at one frame, each in a browser of their own, named by the proxy in front."""

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

import sqlalchemy as sa
from drivegrid.dashboard.schema import frames
from drivegrid.dashboard.store import browse
from drivegrid.dashboard.store.query import Query
from drivegrid.dashboard.store.reviews import history

from tests.dashboard.canvas.browser import CanvasPage, wait_until
from tests.dashboard.pages.conftest import frame_of, make_world
from tests.dashboard.pages.site import Site, make_site, wait_for_picture

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    with make_world(tmp_path_factory.mktemp("two")) as world:
        world.hub.someone("bob", "reviewer")
        with make_site(world, proxy=True) as made:
            yield made


def signed_in(site: Site, name: str, frame_id: int) -> Any:
    """Open a frame as the one whom the proxy names."""
    return site.tab(f"review?frame={frame_id}", person=name)


def frame_ids(site: Site) -> list[int]:
    rows = browse.page(site.world.hub.database, Query(), site.world.dataset_id).frames
    return [row.id for row in rows]


def end_leases(site: Site) -> None:
    """Let the time of all reviewers be over."""
    with site.world.hub.database.write() as connection:
        taken = sa.update(frames).where(frames.c.lease_until.is_not(None))
        connection.execute(taken.values(lease_until=0))


def verdicts(site: Site, frame_id: int) -> list[tuple[str, str]]:
    return [(one.user, one.verdict) for one in history(site.world.hub.database, frame_id)]


def draw_line(page: CanvasPage) -> None:
    page.use("line")
    for point in ([40.0, 170.0], [90.0, 120.0], [140.0, 70.0]):
        page.click(*point)
    page.press("Enter")


def test_who_is_not_known_sees_nothing(site) -> None:
    with signed_in(site, "eve", frame_ids(site)[0]) as tab:
        tab.get_by_text("person must have a role, got 'eve' with none").wait_for()
        assert tab.locator("svg.picture").count() == 0


def test_the_lease_keeps_the_second_away(site) -> None:
    first = frame_ids(site)[0]
    with signed_in(site, "ada", first) as hers:
        wait_for_picture(hers)
        with signed_in(site, "bob", first) as his:
            his.get_by_text("ada works on this frame until").wait_for()
            his.get_by_text("frame-0.png").wait_for()
            page = CanvasPage(his)
            assert page.button("hand").count() == 1 and page.button("line").count() == 0
            page.press("x")
            CanvasPage(hers).press("a")
            hers.get_by_text("is accepted").wait_for()
            CanvasPage(hers).press("ArrowRight")  # who goes on gives the frame back
            hers.get_by_text("frame-1.png").wait_for()
            his.reload()
            his.locator("[data-command=line]").wait_for()
            assert his.get_by_text("works on this frame").count() == 0
    assert verdicts(site, first) == [("ada", "accept")]


def test_a_stale_correction_is_refused_and_both_versions_shown(site) -> None:
    second = frame_ids(site)[1]
    with signed_in(site, "ada", second) as hers:
        wait_for_picture(hers)
        page = CanvasPage(hers)
        draw_line(page)
        end_leases(site)
        with signed_in(site, "bob", second) as his:
            wait_for_picture(his)
            CanvasPage(his).press("x")
            wait_until(lambda: verdicts(site, second) == [("bob", "reject")])
        page.press("s")
        hers.get_by_text("bob said reject").wait_for()
        hers.get_by_text("You said correct, 4 shapes; that was not counted.").wait_for()
        hers.locator(".entry", has_text="yours, not saved").wait_for()
        hers.locator(".entry", has_text="review").wait_for()
        assert verdicts(site, second) == [("bob", "reject")]
        # he went away on the frame, so that it is still his
        assert hers.get_by_role("button", name="Save mine over it").is_disabled()
        end_leases(site)
        hers.get_by_role("button", name="Look again").click()
        hers.get_by_role("button", name="Save mine over it").click()
        wait_until(lambda: len(verdicts(site, second)) == 2)
    last = history(site.world.hub.database, second)[-1]
    assert (last.user, last.verdict, len(last.after.shapes)) == ("ada", "correct", 4)


def test_a_frame_that_becomes_free_has_all_its_shapes(site) -> None:
    """Else a correction would hold what was drawn alone."""
    fourth = frame_ids(site)[3]
    with signed_in(site, "ada", fourth) as hers:
        wait_for_picture(hers)
        with signed_in(site, "bob", fourth) as his:
            his.get_by_text("ada works on this frame until").wait_for()
            page = CanvasPage(his)
            num_shapes = his.locator(".shape").count()
            CanvasPage(hers).press("ArrowRight")
            hers.get_by_text("frame-4.png").wait_for()
            his.get_by_role("button", name="Look again").click()
            page.shows("[data-command=line]", 1)
            page.shows(".shape", num_shapes)
            draw_line(page)
            page.press("s")
            wait_until(lambda: verdicts(site, fourth) == [("bob", "correct")])
    kept = history(site.world.hub.database, fourth)[-1].after.shapes
    assert len(kept) == len(frame_of(3).instances) + 1


def test_what_was_drawn_stays_while_another_works_on_the_frame(site) -> None:
    third = frame_ids(site)[2]
    with signed_in(site, "ada", third) as hers:
        wait_for_picture(hers)
        page = CanvasPage(hers)
        draw_line(page)
        num_held = len(frame_of(2).instances)
        num_shapes = hers.locator(".shape").count()
        end_leases(site)
        with signed_in(site, "bob", third) as his:
            wait_for_picture(his)
            page.press("s")
            hers.get_by_text("frame must be free, got one that bob works on").wait_for()
            hers.get_by_text("Your edits are still here").wait_for()
            hers.locator(".entry", has_text="yours, not saved").wait_for()
            page.shows(".shape", num_shapes + num_held)  # hers beside those that hold
            CanvasPage(his).press("ArrowRight")
            his.get_by_text("frame-3.png").wait_for()
        hers.get_by_role("button", name="Look again").click()
        page.shows("[data-command=line]", 1)
        page.press("s")
        wait_until(lambda: verdicts(site, third) == [("ada", "correct")])
    assert len(history(site.world.hub.database, third)[-1].after.shapes) == num_held + 1
