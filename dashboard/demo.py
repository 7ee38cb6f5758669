"""A data set to begin with: rendered scenes, their labels, two runs of the model, evaluations."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from drivegrid.dashboard.runs import run_of
from drivegrid.dashboard.service import Actor
from drivegrid.dashboard.store.datasets import (
    LABELS,
    add_dataset,
    add_run,
    list_datasets,
    list_sources,
)
from drivegrid.dashboard.store.evaluations import list_evaluations

from drivegrid.data.images import Picture, load_image, save_image
from drivegrid.data.scene import Frame
from drivegrid.data.store import load_scenes, save_scenes
from drivegrid.scenes.render import render_scene
from drivegrid.scenes.seeds import TEST_SEEDS
from drivegrid.tasks.scoring import asked_part

if TYPE_CHECKING:
    from drivegrid.inference.predictor import Predictor

NAME = "Demo drive"
NUM_FRAMES = 24
SIZE_WH = (960, 540)
LABEL_FILE = "labels.jsonl"
RUNS = {"nano, proposals": 0, "nano, refined": 1}
"""Name of a run to its refine turns."""
RULES = ("culane", "boxes")

Shown: TypeAlias = Callable[[Sequence[Any], str], Iterable[Any]]
"""Passes things on and shows how many are done, under a title."""


def make_demo(actor: Actor, folder: Path, load: Callable[[], Predictor], shown: Shown) -> int:
    """Fill the store with the demo; what is there already is kept.

    Args:
        actor: Who evaluates.
        folder: Where pictures and labels go.
        load: Loads the model; not called where both runs are there.
        shown: Shows progress.

    Returns:
        The data set's id.
    """
    _render(folder, shown)
    dataset_id = add_dataset(actor.database, NAME, folder / LABEL_FILE, actor.user.id).id
    known = {source.name: source.id for source in list_sources(actor.database, dataset_id)}
    missing = [name for name in RUNS if name not in known]
    if missing:
        predictor = load()
        scenes = load_scenes(folder / LABEL_FILE)
        for name in missing:
            images = shown([scene.frame.image for scene in scenes], name)
            found = list(run_of(predictor, _pictures(folder, images), RUNS[name]))
            traces = [trace for _, trace in found]
            details = {"model": "nano", "rounds": RUNS[name]}
            run = add_run(
                actor.database, dataset_id, name, [one for one, _ in found], details, traces
            )
            known[name] = run.id
    done = {(one.pred_id, one.rule) for one in list_evaluations(actor.database, dataset_id)}
    for name in RUNS:
        for rule in RULES:
            if (known[name], rule) not in done:
                actor.evaluate(dataset_id, known[name], known[LABELS], rule)
    return dataset_id


def has_data(actor: Actor) -> bool:
    """Tell whether the store holds any data set with frames."""
    return any(one.num_frames for one in list_datasets(actor.database))


def _render(folder: Path, shown: Shown) -> None:
    """Render scenes with their labels, whole or not at all."""
    if (folder / LABEL_FILE).is_file():
        return
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    scenes = []
    for number, seed in enumerate(shown(TEST_SEEDS[:NUM_FRAMES], "rendered scenes")):
        rendered = render_scene(seed, SIZE_WH)
        image = f"images/{number:03}.png"
        save_image(part / image, rendered.image)
        scene = asked_part(rendered.scene)
        frame = Frame(image, SIZE_WH, scene.frame.attributes, clip=f"clip {number // 8}")
        scenes.append(replace(scene, frame=frame))
    save_scenes(scenes, part / LABEL_FILE)
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)


def _pictures(folder: Path, images: Iterable[str]) -> Iterator[tuple[str, Picture]]:
    for image in images:
        yield image, load_image(folder / image)
