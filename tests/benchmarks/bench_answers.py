"""What the ways of decoding are worth: places, samples and the grammar, on held-out scenes.

python tests/benchmarks/bench_answers.py places [--frames 40] [--task lanes]
python tests/benchmarks/bench_answers.py samples
python tests/benchmarks/bench_answers.py constrained

Proposals are the same in all rows of ``places``; of lanes also the expected places within 5 x 5.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from drivegrid.data.scene import Scene
from drivegrid.inference import collect
from drivegrid.inference.confidence import expected_place
from drivegrid.inference.predictor import Predictor
from drivegrid.inference.results import Answer
from drivegrid.metrics.evaluate import evaluate_scenes
from drivegrid.scenes.render import RenderedScene, render_scene
from drivegrid.scenes.seeds import TEST_SEEDS
from drivegrid.tasks.scoring import asked_part
from drivegrid.tasks.table import TASKS

SIZE_WH = (1280, 720)
FIGURES = {"lanes": ("lanes", "f1_50", "f1_75", "mf1"), "objects": ("boxes", "acc_50", "acc_80")}
Asking = Callable[..., list[Answer]]
WAYS: dict[str, dict[str, dict[str, object]]] = {
    "places": {
        "cell centres": {"rounds": 0},
        "expected, 3 x 3": {"rounds": 0, "places": "expected"},
        "expected, 5 x 5": {"rounds": 0, "places": "expected", "reach": 2},
        "one refine round": {"rounds": 1},
        "two refine rounds": {"rounds": 2},
    },
    "samples": {
        "greedy": {"rounds": 1},
        "1 of 5, temperature 0.3": {"rounds": 1, "samples": 5, "temperature": 0.3},
        "1 of 5, temperature 0.7": {"rounds": 1, "samples": 5, "temperature": 0.7},
    },
    "constrained": {
        "grammar": {"rounds": 1},
        "no grammar": {"rounds": 1, "constrained": False},
    },
}


def ask_all(
    predictor: Predictor, frames: list[RenderedScene], task: str, way: dict[str, object]
) -> list[Answer]:
    """Ask a task's question about all frames in one of the ways."""
    options = dict(way)
    reach = options.pop("reach", 1)
    collect.expected_place = partial(expected_place, reach=reach)
    images = [frame.image for frame in frames]
    return predictor.ask_batch(images, [TASKS[task].question] * len(images), **options)


def figures(answers: list[Answer], truth: list[Scene], task: str) -> str:
    """Return the scores of a task in percent."""
    pairs = zip(answers, truth, strict=True)
    found = [replace(answer.to_scene(), frame=scene.frame) for answer, scene in pairs]
    kind, *names = FIGURES[task]
    scores = evaluate_scenes(found, truth)[kind]
    return "  ".join(f"{name} {100 * (scores[name] or 0.0):5.1f}" for name in names)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("compare", choices=WAYS)
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--task", choices=FIGURES, default="lanes")
    args = parser.parse_args()
    torch.set_num_threads(1)
    predictor = Predictor.from_pretrained()
    frames = [render_scene(seed, SIZE_WH) for seed in TEST_SEEDS[: args.frames]]
    views = {
        frame.image.tobytes()[:4096]: predictor.speaker.encode(frame.image) for frame in frames
    }
    predictor.encode = lambda image: views[image.tobytes()[:4096]]
    kinds = TASKS[args.task].instances
    truth = [asked_part(frame.scene) for frame in frames]
    truth = [replace(scene, instances=tuple(kinds(scene))) for scene in truth]
    print(f"{args.frames} frames, {TASKS[args.task].question!r}")
    for name, way in WAYS[args.compare].items():
        start = time.thread_time()
        answers = ask_all(predictor, frames, args.task, way)
        cost = (time.thread_time() - start) / args.frames
        formed = np.mean([answer.well_formed for answer in answers])
        print(
            f"{name:26} {figures(answers, truth, args.task)}  well-formed {100 * formed:.1f}  "
            f"{cost:.2f} CPU-s a frame",
            flush=True,
        )


if __name__ == "__main__":
    main()
