"""A reviewed data set for the tests of training: rendered frames in clips, all accepted."""

from dataclasses import replace
from pathlib import Path

from drivegrid.dashboard.database import Database
from drivegrid.dashboard.store import browse
from drivegrid.dashboard.store.datasets import add_dataset
from drivegrid.dashboard.store.people import User, ensure_user
from drivegrid.dashboard.store.query import Query
from drivegrid.dashboard.store.reviews import Verdict, verdict

from drivegrid.data.images import save_image
from drivegrid.data.scene import Frame, Scene
from drivegrid.data.store import save_scenes
from drivegrid.scenes.render import render_scene
from drivegrid.scenes.seeds import TEST_SEEDS
from drivegrid.tasks.scoring import asked_part

SIZE = (480, 270)
A_CLIP = 2
"""Frames of each clip."""


def drive_scene(folder: Path, number: int, name: str = "images/{}.png") -> Scene:
    """Render a frame, save its picture and return its labels."""
    rendered = render_scene(TEST_SEEDS[number], SIZE)
    image = name.format(number)
    save_image(folder / image, rendered.image)
    scene = asked_part(rendered.scene)
    frame = Frame(image, SIZE, scene.frame.attributes, clip=f"clip {number // A_CLIP}")
    return replace(scene, frame=frame)


def add_drive(database: Database, folder: Path, scenes: list[Scene]) -> int:
    """Store scenes as the data set ``drive``; return its id."""
    save_scenes(scenes, folder / "labels.jsonl")
    return add_dataset(database, "drive", folder / "labels.jsonl").id


def accept_all(database: Database, dataset_id: int) -> User:
    """Accept every frame; return who did."""
    ada = ensure_user(database, "ada", "admin")
    for row in browse.page(database, Query(), dataset_id).frames:
        verdict(database, row.id, ada.id, Verdict("accept", row.version, f"token-{row.id:06}"))
    return ada
