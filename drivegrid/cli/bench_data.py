"""``drivegrid bench-data``: the frames of drivegrid-bench, the same for everybody."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from drivegrid.cli.output import counting_bar


def bench_data(
    out: Annotated[Path, typer.Option(help="new or empty folder, or that of a stopped run")],
    split: Annotated[
        Literal["train", "test"] | None,
        typer.Option(help="only this one, in the folder itself; both go to its train and test"),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="frames of each split")] = None,
    seed: Annotated[int, typer.Option(min=0, max=4, help="0 is the benchmark")] = 0,
    workers: Annotated[int | None, typer.Option(min=1, help="processes; all cores")] = None,
) -> None:
    """Render drivegrid-bench: 1,988 training and 980 test frames with labels and questions.

    A stopped run goes on where it was. The same command gives the same hashes, whatever the
    number of processes.

    Example: drivegrid bench-data --out bench
    """
    from drivegrid.data.benchmark import write_split
    from drivegrid.scenes.render import render_scene

    folders = {split: out} if split else {"train": out / "train", "test": out / "test"}
    for name, folder in folders.items():
        plan = _plan(name, limit, seed)
        with counting_bar(plan.num_frames, name) as count:
            manifest = write_split(
                folder, plan, render_scene, workers=workers or _num_cores(), on_frames=count
            )
        typer.echo(_summary(folder, manifest))


def _plan(split: str, limit: int | None, seed: int) -> Any:
    from drivegrid import __version__
    from drivegrid.data.benchmark import NUM_FRAMES, SEED_STEP, Plan
    from drivegrid.scenes.seeds import FIRST_TRAIN_SEED, TEST_SEEDS

    first = FIRST_TRAIN_SEED if split == "train" else TEST_SEEDS.start
    frames = min(limit or NUM_FRAMES[split], NUM_FRAMES[split])
    made_with = {"drivegrid": __version__, "backend": _backend()}
    return Plan(split, first + seed * SEED_STEP, frames, made_with)


def _backend() -> str:
    """Return what draws: other drivers give other pixels, and with them another content hash."""
    from drivegrid.scenes.compositor import Compositor
    from drivegrid.scenes.gl.context import gl_context
    from drivegrid.scenes.render import default_renderer

    if isinstance(default_renderer(), Compositor):
        return "opencv"
    with gl_context() as context:
        return f"opengl, {context.info['GL_RENDERER']}"


def _num_cores() -> int:
    return len(os.sched_getaffinity(0))


def _summary(folder: Path, manifest: dict[str, Any]) -> str:
    counts = manifest["counts"]
    expressions = ", ".join(f"{number} {kind}" for kind, number in counts["expressions"].items())
    return (
        f"{folder}: {manifest['benchmark']}, {manifest['split']}, {counts['frames']} frames, "
        f"{counts['instances']} instances, expressions: {expressions}, "
        f"{sum(counts['attributes'].values())} attribute questions\n"
        f"  content {manifest['content_sha256']}\n  labels  {manifest['labels_sha256']}"
    )
