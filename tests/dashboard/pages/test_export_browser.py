"""Exporting in a real browser: what was written comes back as it was."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.store import browse
from drivegrid.dashboard.store.datasets import add_dataset, export_scenes
from drivegrid.dashboard.store.pictures import find_picture
from drivegrid.dashboard.store.query import Query
from drivegrid.dashboard.store.reviews import Verdict

from drivegrid.data.formats import find_format
from drivegrid.data.scene import Scene
from drivegrid.data.sources import find_source
from tests.dashboard.pages.conftest import NUM_FRAMES, frame_of, make_world
from tests.dashboard.pages.site import Site, make_site

pytestmark = pytest.mark.slow

Labels: TypeAlias = list[tuple[str, Any]]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    with make_world(tmp_path_factory.mktemp("export")) as world, make_site(world) as made:
        yield made


@pytest.fixture(scope="module")
def holding(site) -> dict[str, Labels]:
    """Let a reviewer leave one lane in the last frame; return what holds then."""
    labels = {f"frame-{number}": labels_of(frame_of(number)) for number in range(NUM_FRAMES)}
    lane = frame_of(NUM_FRAMES - 1).instances[:1]
    ada, database = site.world.hub.someone("ada", "admin"), site.world.hub.database
    last = browse.page(database, Query(), site.world.dataset_id).frames[-1]
    ada.verdict(last.id, Verdict("correct", 0, "one lane", lane))
    return labels | {f"frame-{NUM_FRAMES - 1}": labels[f"frame-{NUM_FRAMES - 1}"][:1]}


def labels_of(scene: Scene) -> Labels:
    """Return labels and points, which every format that can hold them gives back."""
    return [
        (one.label, [part.tolist() for part in one.geometry.parts()]) for one in scene.instances
    ]


def by_frame(scenes: Iterable[Scene]) -> dict[str, Labels]:
    return {Path(scene.frame.image).stem: labels_of(scene) for scene in scenes}


@pytest.mark.parametrize("name", ["scene", "cvat"])
def test_an_export_that_is_read_back_is_equal(site, holding, name) -> None:
    with site.tab("export") as tab:
        tab.get_by_label("Format").click()
        tab.get_by_role("option", name=find_format(name).title, exact=True).click()
        tab.get_by_text("Copy", exact=True).click()
        tab.get_by_role("button", name="Export", exact=True).click()
        tab.get_by_text("Frames written").wait_for()
        folder = Path(tab.locator("[data-testid=stCode]").inner_text().strip())
    found = find_source(folder, name)
    loaded = found.format.open(found.path).load()
    assert by_frame(loaded.scenes) == holding
    database = site.world.hub.database
    back = add_dataset(database, f"read back from {name}", folder)
    assert back.added == NUM_FRAMES and not back.quarantine.num_rejected
    assert by_frame(export_scenes(database, back.id)) == holding
    for frame in browse.page(database, Query(), back.id).frames:
        root, image = find_picture(database, frame.id)
        original = site.world.hub.settings.folder.parent / "drive" / Path(image).name
        assert (root / image).read_bytes() == original.read_bytes()
