"""Score a checkpoint beside its ceiling and beside two predictors that know nothing of tokens.

    python -m drivegrid.training.evaluate                      # the shipped model, rendered scenes
    python -m drivegrid.training.evaluate runs/nano-cpu/checkpoint --scenes 200 --json out.json

*Ceiling*: perfect tokens, encoded and decoded. *Average scene*: of some training scenes the one
whose labels fit the others best, given as the answer every time. *Nearest scene*: the labels of
the training scene whose picture looks most alike.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import numpy.typing as npt
import typer
from rich.progress import track

from drivegrid.data.files import write_text
from drivegrid.data.formats.tusimple import load_tusimple
from drivegrid.data.images import load_image
from drivegrid.data.scene import Scene
from drivegrid.inference.predictor import Predictor
from drivegrid.metrics.evaluate import evaluate_lanes, evaluate_scenes
from drivegrid.scenes.render import render_scene
from drivegrid.scenes.seeds import FIRST_TRAIN_SEED, TEST_SEEDS
from drivegrid.tasks.baselines import average_scene, given, scale_scene
from drivegrid.tasks.scoring import asked_part, headline_of, perfect_answer
from drivegrid.tasks.table import TASKS
from drivegrid.tokens.codec import Codec

FRAME_WH = (1280, 720)
TRAINING_SCENES = 1024
THUMBNAIL_WH = (48, 27)

Pixels = npt.NDArray[np.uint8]


def thumbnail(image: Pixels) -> npt.NDArray[np.float32]:
    """Return a small grey picture with mean 0 and deviation 1, to compare looks."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, THUMBNAIL_WH, interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    return (small - small.mean()) / (small.std() + 1e-6)


class TrainingScenes:
    """Some training scenes with their looks, rendered small; labels scale to any frame."""

    def __init__(self, count: int = TRAINING_SCENES) -> None:
        size = (FRAME_WH[0] // 4, FRAME_WH[1] // 4)
        seeds = range(FIRST_TRAIN_SEED, FIRST_TRAIN_SEED + count)
        frames = [render_scene(seed, size) for seed in track(seeds, "training scenes")]
        self.looks = np.stack([thumbnail(frame.image) for frame in frames])
        self.scenes = [scale_scene(asked_part(frame.scene), FRAME_WH) for frame in frames]

    def nearest(self, image: Pixels) -> Scene:
        """Return the scene that looks most like the image."""
        gaps = ((self.looks - thumbnail(image)) ** 2).sum(axis=1)
        return self.scenes[int(gaps.argmin())]

    def average(self) -> Scene:
        """Return the scene whose labels answer the other scenes best, by the mean of the scores."""
        return average_scene(self.scenes)


def evaluate_rendered(
    predictor: Predictor, count: int, training: TrainingScenes, codec: Codec
) -> dict[str, Any]:
    """Score a predictor on held-out rendered scenes.

    Args:
        predictor: The model.
        count: Scenes, from the first test seed on.
        training: Scenes for the trivial predictors.
        codec: Gives the ceiling; its rounds are the predictor's refine turns.

    Returns:
        ``scores``: column name to `evaluate_scenes`; columns are "model", "ceiling", "average
        scene", "nearest scene".
    """
    truth: list[Scene] = []
    answers: dict[str, list[Scene]] = {"model": [], "ceiling": [], "nearest scene": []}
    for seed in track(TEST_SEEDS[:count], "held-out scenes"):
        rendered = render_scene(seed, FRAME_WH)
        scene = asked_part(rendered.scene)
        truth.append(scene)
        predicted = predictor.detect(rendered.image, rounds=codec.rounds).to_scene()
        answers["model"].append(replace(predicted, frame=scene.frame))
        answers["ceiling"].append(perfect_answer(scene, codec))
        answers["nearest scene"] += given(training.nearest(rendered.image), [scene])
    answers["average scene"] = given(training.average(), truth)
    return {name: evaluate_scenes(scenes, truth) for name, scenes in answers.items()}


def evaluate_real(predictor: Predictor, label_file: Path, codec: Codec) -> dict[str, Any]:
    """Score lanes on real TuSimple frames: the model beside the ceiling.

    Args:
        predictor: The model.
        label_file: ``label_data.json``; pictures stand beside it under their ``raw_file``.
        codec: Gives the ceiling.
    """
    truth = [asked_part(scene) for scene in load_tusimple(label_file).scenes]
    answers: dict[str, list[Scene]] = {"model": [], "ceiling": []}
    for scene in track(truth, "real frames"):
        image = load_image(label_file.parent / scene.frame.image)
        predicted = predictor.ask(image, TASKS["lanes"].question, codec.rounds).to_scene()
        answers["model"].append(replace(predicted, frame=scene.frame))
        answers["ceiling"].append(perfect_answer(scene, codec))
    result: dict[str, Any] = {}
    for name, scenes in answers.items():
        result[name] = {
            "culane": evaluate_lanes(scenes, truth, "culane", densify_px=10.0),
            "tusimple": evaluate_lanes(scenes, truth, "tusimple"),
        }
    return result


def main() -> None:
    """Entry point of ``python -m drivegrid.training.evaluate``."""
    typer.run(_command)


def _command(
    model: Annotated[Path | None, typer.Argument(help="checkpoint; default: shipped")] = None,
    scenes: Annotated[int, typer.Option(min=1, help="held-out rendered scenes")] = 200,
    real: Annotated[Path | None, typer.Option(help="TuSimple label file with pictures")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="write all figures")] = None,
    rounds: Annotated[int, typer.Option(min=0, help="refine turns")] = 1,
) -> None:
    """Score a checkpoint on held-out scenes.

    Example: python -m drivegrid.training.evaluate --scenes 200
    """
    predictor = Predictor.from_pretrained(model)
    codec = Codec(predictor.processor.grid, rounds=rounds)
    report: dict[str, Any] = {
        "rendered": evaluate_rendered(predictor, scenes, TrainingScenes(), codec)
    }
    columns = report["rendered"]
    typer.echo(f"{'percent, ' + str(scenes) + ' scenes':24}" + "".join(f"{c:>15}" for c in columns))
    for name in headline_of(columns["model"]):
        figures = [headline_of(column)[name] or 0.0 for column in columns.values()]
        typer.echo(f"{name:24}" + "".join(f"{100 * figure:15.1f}" for figure in figures))
    if real is not None:
        report["real"] = evaluate_real(predictor, real, codec)
        for name, rules in report["real"].items():
            shown = [f"F1@50 {100 * rules['culane']['f1_50']:.1f}"]
            shown += [f"{key} {rules['tusimple'][key]:.3f}" for key in ("accuracy", "fp", "fn")]
            typer.echo(f"real frames, {name}: " + ", ".join(shown))
    if json_file is not None:
        write_text(json_file, json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
