"""Comparing in a real browser: a cell of the confusion matrix leads to exactly its frames."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

import sqlalchemy as sa
from drivegrid.dashboard.schema import matches
from drivegrid.dashboard.store.datasets import add_run
from drivegrid.dashboard.store.evaluations import evaluate

from drivegrid.data.scene import Scene
from tests.dashboard.canvas.browser import wait_until
from tests.dashboard.pages.conftest import NUM_FRAMES, World, found_in, frame_of, make_world
from tests.dashboard.pages.site import Site, click_mark, make_site

pytestmark = pytest.mark.slow

CAR, TRUCK, NOTHING = "object/vehicle/car", "object/vehicle/truck", "(nothing)"


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    with make_world(tmp_path_factory.mktemp("compare")) as world, make_site(world) as made:
        yield made


def mistaken(number: int) -> Scene:
    """Return what a run finds that takes one car for a truck and does not see the next."""
    scene = found_in(frame_of(number), 1.0)
    *lines, car = scene.instances
    if number == 1:
        return replace(scene, instances=(*lines, replace(car, label=TRUCK)))
    return replace(scene, instances=tuple(lines)) if number == 3 else scene


def evaluated(world: World) -> int:
    database, labels = world.hub.database, world.sources["labels"]
    found = [mistaken(number) for number in range(NUM_FRAMES)]
    run = add_run(database, world.dataset_id, "mistaken", found, {}).id
    ada = world.hub.someone("ada", "admin").user.id
    return evaluate(database, world.dataset_id, run, labels, "boxes", ada)


def frames_behind(world: World, evaluation: int) -> dict[tuple[str, str], set[int]]:
    """Return the frames of each cell (truth, prediction), from the rows of matches alone."""
    with world.hub.database.read() as connection:
        rows = connection.execute(sa.select(matches).where(matches.c.evaluation_id == evaluation))
        found: dict[tuple[str, str], set[int]] = {}
        for row in rows:
            cell = (row.true_label or NOTHING, row.pred_label or NOTHING)
            found.setdefault(cell, set()).add(row.frame_id)
    return found


def in_gallery(tab: Any) -> set[int]:
    links = tab.locator("a.tile").evaluate_all("all => all.map((one) => one.href)")
    return {int(link.split("frame=")[1]) for link in links}


def test_a_cell_lands_on_exactly_its_frames(site) -> None:
    number = evaluated(site.world)
    cells = frames_behind(site.world, number)
    assert len(cells) == 3
    first = site.world.evaluations["far"]
    for (truth, predicted), frames in cells.items():
        with site.tab(f"compare?first={first}&second={number}") as tab:
            chart = tab.locator("[data-testid=stVegaLiteChart]").nth(1)
            click_mark(tab, chart, {"truth": truth, "predicted": predicted})
            tab.get_by_text(f"truth {truth}, predicted {predicted}").wait_for()
            tab.get_by_role("link", name="Frames").click()
            tab.locator("a.tile").first.wait_for()
            wait_until(lambda frames=frames, tab=tab: in_gallery(tab) == frames)
