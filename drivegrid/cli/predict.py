"""``drivegrid predict``: answers about files, folders and clips."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drivegrid.cli.loading import BaseOption, ModelOption, load_predictor
from drivegrid.cli.output import print_error, printable, progress_bar

if TYPE_CHECKING:
    from drivegrid.data.scene import Scene
    from drivegrid.geometry import Geometry
    from drivegrid.inference.predictor import Predictor
    from drivegrid.inference.results import Answer
    from drivegrid.plotting.canvas import ImageArray
    from drivegrid.tokens.grid import GridSpec

MAX_NAME = 120
"""Longest name of an overlay without number and suffix, in characters; the end is kept."""


def predict(  # noqa: PLR0913, PLR0917 - options of a command
    paths: Annotated[list[Path], typer.Argument(help="images, folders or video clips")],
    query: Annotated[
        list[str] | None, typer.Option("--query", "-q", help="what to ask; may be repeated")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="write all answers to this file")
    ] = None,
    scenes_file: Annotated[
        Path | None,
        typer.Option("--scenes", help="write scenes (.jsonl), for data convert"),
    ] = None,
    overlay: Annotated[
        Path | None, typer.Option(help="write pictures with the answers into this folder")
    ] = None,
    trace: Annotated[
        bool, typer.Option(help="overlays also show lattice, proposal, offsets and spread")
    ] = False,
    rounds: Annotated[int, typer.Option(min=0, max=4, help="refine turns")] = 1,
    model: ModelOption = None,
    least: Annotated[
        float, typer.Option("--min-confidence", min=0, max=1, help="leave out what is less sure")
    ] = 0.0,
    resume: Annotated[
        bool, typer.Option(help="keep the frames already in the JSON and scenes files")
    ] = False,
    batch: Annotated[int, typer.Option(min=1, help="frames answered at once")] = 1,
    base: BaseOption = None,
) -> None:
    """Answer queries about frames: lanes, obstacles, signs, drivable area.

    Without a query everything is looked for (docs/queries.md: what can be asked). Scenes name
    pictures from the folder of their file, if all lie below it, else from the one given.

    Example: drivegrid predict frame.jpg clips/ -q "all lanes from left to right" --json out.json
    """
    from drivegrid.data.images import iter_frames

    _check_queries(query or [])
    results = _Results.open(json_file, scenes_file, resume, base_of(paths, scenes_file))
    predictor = load_predictor(model, base)
    asking = _Asking(predictor, query or [], rounds, least, results, overlay, trace, batch)
    try:  # an interrupted run leaves what it has, for --resume
        for name, frame in progress_bar(iter_frames(paths), "frames"):
            asking.take(name, frame)
        asking.answer()
    finally:
        results.save()
        typer.echo(f"{results.count} answered, {asking.failed} failed", err=True)
    if asking.failed or not results.done:
        raise typer.Exit(1)


@dataclass(frozen=True)
class _Frame:
    """A frame to be answered, and the name of its overlay."""

    name: str
    picture: str
    pixels: ImageArray


@dataclass
class _Asking:
    """What is asked of every frame, and the frames that wait for their batch."""

    predictor: Predictor
    queries: list[str]
    rounds: int
    least: float
    results: _Results
    overlay: Path | None
    trace: bool
    batch: int
    waiting: list[_Frame] = field(default_factory=list)
    names: OverlayNames = field(default_factory=lambda: OverlayNames())
    failed: int = 0

    def take(self, name: str, frame: ImageArray | Exception) -> None:
        """Let a frame wait; answer as soon as the batch is full."""
        picture = self.names.name_of(name)
        if isinstance(frame, Exception):
            print_error(frame)
            self.failed += 1
        elif name not in self.results.known:
            self.waiting.append(_Frame(name, picture, frame))
        if len(self.waiting) == self.batch:
            self.answer()

    def answer(self) -> None:
        """Answer the frames that wait."""
        waiting, self.waiting = self.waiting, []
        pictures = [frame.pixels for frame in waiting]
        if self.queries:
            answers = self.predictor.ask_all(pictures, self.queries, self.rounds)
        else:
            answers = self.predictor.detect_batch(pictures, rounds=self.rounds)
        lattice = self.predictor.processor.grid if self.trace else None
        for frame, answer in zip(waiting, answers, strict=True):
            named = replace(answer.confident(self.least), image=frame.name)
            self.results.add(named)
            if self.overlay is not None:
                drawn = _draw(named, frame.pixels, self.overlay / frame.picture, lattice)
                self.failed += not drawn


@dataclass
class _Results:
    """What a run has answered so far, and where it goes."""

    json_file: Path | None
    scenes_file: Path | None
    done: list[dict[str, Any]] = field(default_factory=list)
    scenes: list[Scene] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    base: Path = Path()

    @classmethod
    def open(
        cls, json_file: Path | None, scenes_file: Path | None, resume: bool, base: Path
    ) -> _Results:
        """Refuse what cannot be written before hours are spent, and take up an earlier run."""
        from drivegrid.data.store import load_scenes

        _check_targets(json_file, scenes_file)
        results = cls(json_file, scenes_file, base=base)
        if resume:
            results.done = _finished(json_file)
            results.known = {frame["image"] for frame in results.done}
            if scenes_file is not None and scenes_file.exists():
                results.scenes = load_scenes(scenes_file)
        return results

    @property
    def count(self) -> str:
        return "1 frame" if len(self.done) == 1 else f"{len(self.done)} frames"

    def add(self, answer: Answer) -> None:
        self.known.add(answer.image)
        self.done.append(answer.to_dict())
        name = name_in_scenes(answer.image, self.base)
        self.scenes.append(replace(answer, image=name).to_scene())
        if self.json_file is None:
            _print(answer)

    def save(self) -> None:
        """Write the files, unless there is nothing: a failed run leaves an older result alone."""
        from drivegrid.data.files import write_text
        from drivegrid.data.store import save_scenes

        if self.done and self.json_file is not None:
            write_text(self.json_file, json.dumps(self.done, indent=1) + "\n")
        if self.done and self.scenes_file is not None:
            save_scenes(self.scenes, self.scenes_file)


def _check_queries(queries: list[str]) -> None:
    from drivegrid.inference.asked import check_query

    for query in queries:
        check_query(query)


def _check_targets(json_file: Path | None, scenes_file: Path | None) -> None:
    """Refuse what cannot be written before hours are spent on the answers."""
    from drivegrid.data.images import CLIP_SUFFIXES, IMAGE_SUFFIXES
    from drivegrid.data.store import SUFFIXES
    from drivegrid.errors import ConfigError

    for target in (json_file, scenes_file):
        if target is not None and target.suffix.lower() in IMAGE_SUFFIXES + CLIP_SUFFIXES:
            raise ConfigError(
                f"output must not be a picture, got {target}. Pictures are drawn by --overlay."
            )
        if target is not None and target.is_dir():
            raise ConfigError(f"output must be a file, got a folder ({target}).")
    if scenes_file is not None and not scenes_file.name.endswith(SUFFIXES):
        raise ConfigError(f"--scenes must end in one of {', '.join(SUFFIXES)}, got {scenes_file}.")


def _finished(json_file: Path | None) -> list[dict[str, Any]]:
    """Return the frames an interrupted run has left in its JSON file."""
    from drivegrid.errors import FormatError

    if json_file is None or not json_file.exists():
        return []
    try:
        done = json.loads(json_file.read_text())
        if type(done) is list and all(
            isinstance(frame["image"], str) and isinstance(frame["instances"], list)
            for frame in done
        ):
            return done
    except (ValueError, TypeError, KeyError) as error:
        raise FormatError(
            f"file to resume must be a list of frames, got {error}", json_file
        ) from error
    raise FormatError("file to resume must be a list of frames, as predict writes", json_file)


def base_of(paths: list[Path], scenes_file: Path | None) -> Path:
    """Return the folder that scenes name their pictures from: their own, if it holds them all.

    Else it is the folder given, or the one that holds everything given.
    """
    given = [Path(os.path.abspath(path)) for path in paths]
    folders = [path if path.is_dir() else path.parent for path in given]
    own = None if scenes_file is None else Path(os.path.abspath(scenes_file)).parent
    if own is not None and all(folder.is_relative_to(own) for folder in folders):
        return own
    return Path(os.path.commonpath(folders))


def name_in_scenes(name: str, base: Path) -> str:
    """Return a picture's name as a data set has it: never absolute, never climbing.

    >>> name_in_scenes("/data/drive/1/a.jpg", Path("/data/drive"))
    '1/a.jpg'
    """
    return Path(os.path.abspath(name)).relative_to(base).as_posix()


class OverlayNames:
    """Names of pictures in one flat folder; no two frames share one.

    >>> names = OverlayNames()
    >>> [names.name_of(image) for image in ("a/b.png", "../a/b.jpg", "drive.mp4#000012")]
    ['a_b.jpg', 'a_b-2.jpg', 'drive_mp4_000012.jpg']
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def name_of(self, image: str) -> str:
        """Return the name of the next frame; the same frames in the same order get the same."""
        stem = image.removesuffix(PurePosixPath(image).suffix) if "#" not in image else image
        stem = re.sub(r"[^\w-]+", "_", stem).strip("_")[-MAX_NAME:] or "frame"
        name, number = stem, 1
        while name in self._taken:
            number += 1
            name = f"{stem}-{number}"
        self._taken.add(name)
        return f"{name}.jpg"


def _draw(answer: Answer, frame: ImageArray, path: Path, lattice: GridSpec | None) -> bool:
    """Write the overlay; return whether that worked."""
    from drivegrid.data.images import save_image
    from drivegrid.plotting.overlay import draw_scene, draw_traces

    picture = draw_scene(frame, answer.to_scene())
    if lattice is not None:
        picture = draw_traces(picture, [found.trace for found in answer.found], lattice)
    try:
        save_image(path, picture)
    except OSError as error:
        print_error(f"overlay must be written, got: {error} ({answer.image})")
        return False
    return True


def _print(answer: Answer) -> None:
    typer.echo(printable(f"{answer.image}: {len(answer.found)} found"))
    for found in answer.found:
        instance = found.instance
        attributes = ", ".join(f"{k} {v}" for k, v in instance.attributes.items())
        described = f"{instance.label} ({attributes})" if attributes else instance.label
        place = _place(instance.geometry)
        typer.echo(printable(f"  {instance.confidence:.2f} {described} {place}"))
        typer.echo(f"       {''.join(found.tokens)}")
    for diagnostic in answer.diagnostics:
        typer.echo(printable(f"  note: {diagnostic.message}"))


def _place(geometry: Geometry) -> str:
    """Return where a shape is, in pixels.

    >>> from drivegrid.geometry import Point
    >>> _place(Point((12.4, 30.0)))
    'at (12, 30)'
    """
    points = geometry.vertices()
    first, last = (f"({x:.0f}, {y:.0f})" for x, y in points[[0, -1]])
    match geometry.kind:
        case "point":
            return f"at {first}"
        case "line" | "box":
            return f"from {first} to {last}"
        case _:
            (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
            return f"within ({left:.0f}, {top:.0f}) to ({right:.0f}, {bottom:.0f})"
