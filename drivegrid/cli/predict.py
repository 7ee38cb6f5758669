"""``drivegrid predict``: answers about files, folders and clips."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drivegrid.cli.loading import load_predictor
from drivegrid.cli.output import print_error, progress_bar

if TYPE_CHECKING:
    from drivegrid.data.scene import Scene
    from drivegrid.inference.predictor import Predictor
    from drivegrid.inference.results import Answer
    from drivegrid.plotting.canvas import ImageArray


def predict(  # noqa: PLR0913, PLR0917 - options of a command
    paths: Annotated[list[Path], typer.Argument(help="images, folders or video clips")],
    query: Annotated[
        list[str] | None, typer.Option("--query", "-q", help="what to ask; may be repeated")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="write all answers to this file")
    ] = None,
    scenes_file: Annotated[
        Path | None, typer.Option("--scenes", help="write scenes (.jsonl), for data convert")
    ] = None,
    overlay: Annotated[
        Path | None, typer.Option(help="write pictures with the answers into this folder")
    ] = None,
    trace: Annotated[
        bool, typer.Option(help="overlays also show lattice, proposal, offsets and spread")
    ] = False,
    rounds: Annotated[int, typer.Option(min=0, max=4, help="refine turns")] = 1,
    model: Annotated[
        Path | None, typer.Option(help="checkpoint folder; default: the shipped nano")
    ] = None,
    resume: Annotated[
        bool, typer.Option(help="keep the frames already in the JSON and scenes files")
    ] = False,
) -> None:
    """Answer queries about frames: lanes, obstacles, signs, drivable area.

    Without a query everything is looked for.

    Example: drivegrid predict frame.jpg clips/ -q "all lanes from left to right" --json out.json
    """
    from drivegrid.data.images import iter_frames
    from drivegrid.data.store import load_scenes

    done = _finished(json_file) if resume else []
    known = {frame["image"] for frame in done}
    scenes = load_scenes(scenes_file) if resume and scenes_file and scenes_file.exists() else []
    predictor = load_predictor(model)
    failed = 0
    try:
        for name, frame in progress_bar(iter_frames(paths), "frames"):
            if isinstance(frame, Exception):
                print_error(frame)
                failed += 1
            elif name not in known:
                answer = replace(_answer(predictor, frame, query or [], rounds), image=name)
                done.append(answer.to_dict())
                scenes.append(answer.to_scene())
                _show(answer, frame, overlay, predictor if trace else None, json_file is None)
    finally:  # an interrupted run leaves what it has, for --resume
        _write(json_file, done, scenes_file, scenes)
    typer.echo(f"{len(done)} frames answered, {failed} failed", err=True)
    if failed or not done:
        raise typer.Exit(1)


def _write(
    json_file: Path | None,
    done: list[dict[str, Any]],
    scenes_file: Path | None,
    scenes: list[Scene],
) -> None:
    from drivegrid.data.files import write_text
    from drivegrid.data.store import save_scenes

    if json_file is not None:
        write_text(json_file, json.dumps(done, indent=1) + "\n")
    if scenes_file is not None:
        save_scenes(scenes, scenes_file)


def _finished(json_file: Path | None) -> list[dict[str, Any]]:
    """Return the frames an interrupted run has left in its JSON file."""
    from drivegrid.errors import FormatError

    if json_file is None or not json_file.exists():
        return []
    try:
        done = json.loads(json_file.read_text())
        if all(isinstance(frame["image"], str) for frame in done):
            return list(done)
    except (ValueError, TypeError, KeyError) as error:
        raise FormatError(
            f"file to resume must be a list of frames, got {error}", json_file
        ) from error
    raise FormatError("file to resume must be a list of frames with an image each", json_file)


def _answer(predictor: Predictor, frame: ImageArray, queries: list[str], rounds: int) -> Answer:
    if not queries:
        return predictor.detect(frame, rounds=rounds)
    answer = predictor.ask(frame, queries[0], rounds)
    for more in queries[1:]:
        answer = answer + predictor.ask(frame, more, rounds)
    return answer


def _show(
    answer: Answer,
    frame: ImageArray,
    overlay: Path | None,
    traced: Predictor | None,
    printed: bool,
) -> None:
    if overlay is not None:
        _draw(answer, frame, overlay, traced)
    if printed:
        _print(answer)


def _draw(answer: Answer, frame: ImageArray, folder: Path, traced: Predictor | None) -> None:
    from drivegrid.data.images import save_image
    from drivegrid.plotting.overlay import draw_scene, draw_traces

    picture = draw_scene(frame, answer.to_scene())
    if traced is not None:
        traces = [found.trace for found in answer.found]
        picture = draw_traces(picture, traces, traced.processor.grid)
    # One flat folder: path and suffix are part of the name, so that no two frames meet.
    flat = answer.image.lstrip("./").replace("/", "_").replace("#", "_")
    save_image(folder / f"{flat}.jpg", picture)


def _print(answer: Answer) -> None:
    typer.echo(f"{answer.image}: {len(answer.found)} found")
    for found in answer.found:
        instance = found.instance
        attributes = ", ".join(f"{k} {v}" for k, v in instance.attributes.items())
        described = f"{instance.label} ({attributes})" if attributes else instance.label
        typer.echo(f"  {instance.confidence:.2f} {described}: {''.join(found.tokens)}")
