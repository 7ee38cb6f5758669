"""Score a checkpoint beside its ceiling and beside two predictors that know nothing of tokens.

    python -m drivegrid.training.evaluate                      # the shipped model, rendered scenes
    python -m drivegrid.training.evaluate runs/nano-cpu/checkpoint --scenes 200 --json out.json

*Ceiling*: perfect tokens, encoded and decoded. *Average scene*: of some training scenes the one
whose labels fit the others best, given as the answer every time. *Nearest scene*: the labels of
the training scene whose picture looks most alike.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import numpy.typing as npt
import typer
from rich.progress import track

from drivegrid.data.scene import Instance, Scene
from drivegrid.errors import GeometryError
from drivegrid.inference.predictor import Predictor
from drivegrid.metrics.evaluate import evaluate_scenes
from drivegrid.scenes.render import render_scene
from drivegrid.scenes.stream import TEST_SEEDS, TRAIN_SEEDS
from drivegrid.tasks.table import TASKS
from drivegrid.tokens.codec import Codec

FRAME_WH = (1280, 720)
TRAINING_SCENES = 1024
MEDOID_CANDIDATES, MEDOID_OTHERS = 32, 64
THUMBNAIL_WH = (48, 27)

Pixels = npt.NDArray[np.uint8]


def asked_part(scene: Scene) -> Scene:
    """Return the scene with only what the tasks ask for, in their order."""
    instances = tuple(i for task in TASKS.values() for i in task.instances(scene))
    return replace(scene, instances=instances)


def perfect_tokens(scene: Scene, codec: Codec) -> Scene:
    """Return the scene after encoding and decoding: the best any model on this lattice can say."""
    size_wh = scene.frame.size_wh
    kept: list[Instance] = []
    for instance in scene.instances:
        try:
            shape = codec.decode(codec.encode(instance.geometry, size_wh), size_wh)
        except GeometryError:
            continue
        if shape is not None:
            kept.append(replace(instance, geometry=shape, confidence=1.0))
    return replace(scene, instances=tuple(kept))


def thumbnail(image: Pixels) -> npt.NDArray[np.float32]:
    """Return a small grey picture with mean 0 and deviation 1, to compare looks."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, THUMBNAIL_WH, interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    return (small - small.mean()) / (small.std() + 1e-6)


class TrainingScenes:
    """Some training scenes with their looks, rendered small; labels scale to any frame."""

    def __init__(self, count: int = TRAINING_SCENES) -> None:
        size = (FRAME_WH[0] // 4, FRAME_WH[1] // 4)
        first = TRAIN_SEEDS.start
        frames = [
            render_scene(seed, size) for seed in track(range(first, first + count), "neighbours")
        ]
        self.looks = np.stack([thumbnail(frame.image) for frame in frames])
        self.scenes = [scale_scene(asked_part(frame.scene), FRAME_WH) for frame in frames]

    def nearest(self, image: Pixels) -> Scene:
        """Return the scene that looks most like the image."""
        gaps = ((self.looks - thumbnail(image)) ** 2).sum(axis=1)
        return self.scenes[int(gaps.argmin())]

    def average(self) -> Scene:
        """Return the scene whose labels answer the other scenes best, by the mean of the scores."""
        others = self.scenes[MEDOID_CANDIDATES : MEDOID_CANDIDATES + MEDOID_OTHERS]
        scores = [
            np.mean(list(headline(evaluate_scenes(given(candidate, others), others)).values()))
            for candidate in track(self.scenes[:MEDOID_CANDIDATES], "average scene")
        ]
        return self.scenes[int(np.argmax(scores))]


def scale_scene(scene: Scene, size_wh: tuple[int, int]) -> Scene:
    """Return the scene in a frame of another size."""
    from drivegrid.geometry import from_parts

    ratio = np.asarray(size_wh) / scene.frame.size_wh
    instances = tuple(
        replace(i, geometry=from_parts(i.geometry.kind, tuple(p * ratio for p in i.geometry.parts())))
        for i in scene.instances
    )
    return replace(scene, frame=replace(scene.frame, size_wh=size_wh), instances=instances)


def given(answer: Scene, frames: Sequence[Scene]) -> list[Scene]:
    """Return the same answer for every frame."""
    return [
        replace(scale_scene(answer, scene.frame.size_wh), frame=scene.frame) for scene in frames
    ]
