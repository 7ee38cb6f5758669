"""``drivegrid demo``: the whole thread on rendered scenes, and on your frames, as one page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from drivegrid.cli.loading import ModelOption, load_predictor
from drivegrid.cli.output import print_error, print_json, progress_bar

if TYPE_CHECKING:
    from drivegrid.inference.predictor import Predictor
    from drivegrid.inference.results import Answer
    from drivegrid.plotting.canvas import ImageArray
    from drivegrid.plotting.page import Picture

T = TypeVar("T")
FRAME_WH = (1280, 720)
NOTE = (
    "Lanes: CULane rule, 30 px wide lines on 1640 x 590. Boxes: IoU 0.5, same label. Signs: inside "
    "the true face. The ceiling is the score of perfect tokens."
)
MAX_REAL_FRAMES = 12
MAX_CLIP_FRAMES = 3
"""Of a larger folder, and of a clip in it, so many frames are picked evenly."""


def demo(
    out: Annotated[Path, typer.Option(help="folder for the page")] = Path("out/demo"),
    frames: Annotated[Path | None, typer.Option(help="also answer frames of this folder")] = None,
    scenes: Annotated[int, typer.Option(min=1, help="rendered scenes")] = 6,
    model: ModelOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the scores as JSON")] = False,
) -> None:
    """Render road scenes, find lanes, obstacles, signs and drivable area, and score them.

    Writes a page with overlays and a table of scores beside their ceilings.

    Example: drivegrid demo --frames my_frames/
    """
    from drivegrid.plotting.page import score_table, write_page

    predictor = load_predictor(model)
    pictures, scores, ceilings = _rendered(predictor, scenes)
    failed = 0
    if frames is not None:
        real, failed = _real(predictor, frames)
        pictures += real
    page = out / "index.html"
    table = score_table(f"{scenes} rendered scenes the model never saw", scores, ceilings, NOTE)
    write_page(page, "drivegrid demo", [table], pictures)
    if as_json:
        print_json({"page": str(page), "scores": scores, "ceilings": ceilings, "failed": failed})
    else:
        for name, score in scores.items():
            typer.echo(f"{name:16} {score:.3f}   ceiling {ceilings[name]:.3f}")
        typer.echo(f"page: {page}")
    if failed:
        print_error(f"{failed} frames could not be read")
        raise typer.Exit(1)


def _rendered(
    predictor: Predictor, count: int
) -> tuple[list[Picture], dict[str, float], dict[str, float]]:
    """Answer rendered scenes; return pictures, scores and ceilings."""
    from drivegrid.scenes.render import render_scene
    from drivegrid.scenes.seeds import TEST_SEEDS
    from drivegrid.tasks.scoring import asked_part, headline, perfect_answer
    from drivegrid.tokens.codec import Codec

    codec = Codec(predictor.processor.grid)
    pictures: list[Picture] = []
    truth, answers = [], []
    for seed in progress_bar(TEST_SEEDS[:count], "rendered scenes"):
        rendered = render_scene(seed, FRAME_WH)
        answer = replace(predictor.detect(rendered.image), image=f"scene-{seed}")
        scene = asked_part(rendered.scene)
        truth.append(replace(scene, frame=replace(scene.frame, image=answer.image)))
        answers.append(answer.to_scene())
        pictures.append(_picture(answer, rendered.image))
        if seed == TEST_SEEDS.start:
            pictures += _steps(answer, rendered.image, predictor)
    scores = headline(answers, truth)
    ceilings = headline([perfect_answer(scene, codec) for scene in truth], truth)
    known = [name for name, value in scores.items() if value is not None]
    return pictures, {n: scores[n] for n in known}, {n: ceilings[n] for n in known}


def _real(predictor: Predictor, folder: Path) -> tuple[list[Picture], int]:
    """Answer real frames; return pictures and how many could not be read."""
    from drivegrid.data.images import iter_frames

    failed = 0

    def good() -> Iterator[tuple[str, ImageArray]]:
        nonlocal failed
        for name, frame in iter_frames([folder]):
            if isinstance(frame, Exception):
                print_error(frame)
                failed += 1
            else:
                yield name, frame

    files = groupby(good(), lambda named: named[0].partition("#")[0])
    spread = (item for _, frames in files for item in evenly(frames, MAX_CLIP_FRAMES))
    chosen = evenly(spread, MAX_REAL_FRAMES)
    pictures = []
    for name, frame in progress_bar(chosen, "real frames"):
        answer = replace(predictor.detect(frame), image=name)
        pictures.append(_picture(answer, frame))
    return pictures, failed


def evenly(items: Iterable[T], most: int) -> list[T]:
    """Return ``most`` items, about evenly spaced, or all of fewer; never holds twice as many.

    >>> evenly(range(100), 4)
    [0, 32, 64, 96]
    """
    kept: list[T] = []
    stride = 1
    for index, item in enumerate(items):
        if index % stride == 0:
            kept.append(item)
        if len(kept) == 2 * most:
            kept, stride = kept[::2], 2 * stride
    if len(kept) <= most:
        return kept
    return [kept[i * (len(kept) - 1) // (most - 1)] for i in range(most)]


def _picture(answer: Answer, frame: ImageArray) -> Picture:
    """Return the overlay with the answer's tokens below."""
    from drivegrid.plotting.overlay import draw_scene
    from drivegrid.plotting.page import Picture

    tokens = "\n".join(f"{f.instance.label}: {' '.join(f.tokens)}" for f in answer.found)
    return Picture(draw_scene(frame, answer.to_scene()), answer.image, tokens)


def _steps(answer: Answer, frame: ImageArray, predictor: Predictor) -> list[Picture]:
    """Return a picture of lattice, proposal, offsets and result."""
    from drivegrid.plotting.overlay import draw_scene, draw_traces
    from drivegrid.plotting.page import Picture

    lines = tuple(found for found in answer.found if found.instance.geometry.kind == "line")
    lanes = draw_scene(frame, replace(answer, found=lines).to_scene(), texts=False)
    traces = [found.trace for found in lines]
    colors = "proposed (red), moved (blue), found (green), spread (white)"
    title = f"{answer.image}: lattice and anchors of the lanes: {colors}"
    return [Picture(draw_traces(lanes, traces, predictor.processor.grid), title)]
