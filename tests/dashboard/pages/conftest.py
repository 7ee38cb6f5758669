"""A hub over a small world: six frames, their labels, two model runs and an evaluation of each."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

import sqlalchemy as sa
from drivegrid.dashboard.hub import Hub, HubSettings, open_hub
from drivegrid.dashboard.schema import datasets
from drivegrid.dashboard.store.datasets import add_dataset, add_run, list_sources
from drivegrid.dashboard.store.evaluations import evaluate
from streamlit.components.v2 import manifest_scanner

from drivegrid.data.images import save_image
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.data.store import save_scenes
from drivegrid.geometry import Box, Polyline

SIZE = (320, 180)
NUM_FRAMES = 6


@dataclass(frozen=True)
class World:
    """What the pages are opened on; `sources` by name, `evaluations` by the name of the run."""

    hub: Hub
    dataset_id: int
    sources: dict[str, int]
    evaluations: dict[str, int]


def frame_of(number: int) -> Scene:
    """Return a frame with two lane lines, and a car in every second one."""
    lines = [
        Instance("lane/line", Polyline(np.array([[100.0 + 100 * k, 180], [150.0 + 20 * k, 60]])))
        for k in range(2)
    ]
    car = Instance("object/vehicle/car", Box(np.array([40.0, 80, 90 + number, 120])))
    weather = "rain" if number % 3 == 0 else "clear"
    frame = Frame(f"frame-{number}.png", SIZE, {"weather": weather}, clip="drive")
    return Scene(frame, (*lines, *([car] if number % 2 else [])))


def found_in(scene: Scene, shift: float) -> Scene:
    """Return what a run finds: everything, moved to the right by some pixels."""
    found = [
        replace(one, geometry=_moved(one, shift), confidence=0.9 - 0.1 * place, source="model")
        for place, one in enumerate(scene.instances)
    ]
    return replace(scene, instances=tuple(found))


def _moved(instance: Instance, shift: float) -> Box | Polyline:
    if isinstance(instance.geometry, Box):
        return Box(instance.geometry.xyxy + np.array([shift, 0, shift, 0]))
    return Polyline(instance.geometry.xy + np.array([shift, 0]))


@contextmanager
def make_world(folder: Path, num_frames: int = NUM_FRAMES, database: str = "") -> Iterator[World]:
    """Open a hub over a world of so many frames, in a folder."""
    scenes = [frame_of(number) for number in range(num_frames)]
    for number, scene in enumerate(scenes):
        picture = np.full((SIZE[1], SIZE[0], 3), 255 * number // num_frames, dtype=np.uint8)
        save_image(folder / "drive" / scene.frame.image, picture)
    save_scenes(scenes, folder / "drive" / "labels.jsonl")
    hub = open_hub(HubSettings(folder / "hub", database))
    dataset_id = add_dataset(hub.database, "drive", folder / "drive" / "labels.jsonl").id
    for name, shift in (("near", 2.0), ("far", 40.0)):
        add_run(hub.database, dataset_id, name, [found_in(s, shift) for s in scenes], {})
    sources = {source.name: source.id for source in list_sources(hub.database, dataset_id)}
    actor = hub.someone("ada", "admin")
    evaluations = {
        name: evaluate(
            hub.database, dataset_id, sources[name], sources["labels"], "boxes", actor.user.id
        )
        for name in ("near", "far")
    }
    yield World(hub, dataset_id, sources, evaluations)
    hub.close()


@pytest.fixture(scope="session", autouse=True)
def components_are_looked_for_once() -> Iterator[None]:
    """Each page that is run without a browser would look through all installed packages."""
    with pytest.MonkeyPatch.context() as patched:
        name = "scan_component_manifests"
        patched.setattr(manifest_scanner, name, cache(getattr(manifest_scanner, name)))
        yield


@pytest.fixture(scope="session")
def pattern(tmp_path_factory) -> tuple[Path, World]:
    """Return a world that was made and closed, to be copied, and its folder."""
    folder = tmp_path_factory.mktemp("pattern")
    with make_world(folder) as made:
        return folder, made


@pytest.fixture
def world(tmp_path: Path, pattern) -> Iterator[World]:
    """Return an open hub; pages that are run find it."""
    folder, made = pattern
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    hub = open_hub(HubSettings(tmp_path / "hub"))
    with hub.database.write() as connection:
        connection.execute(sa.update(datasets).values(root=str(tmp_path / "drive")))
    yield replace(made, hub=hub)
    hub.close()
