"""drivegrid-bench: fixed frames with labels, referring expressions and attribute questions.

A split is a folder::

    images/000000.png ..   pictures
    scenes.jsonl           one scene a line, as `drivegrid.data.store` writes it
    expressions.jsonl      scene, text, kind, targets, root
    attributes.jsonl       scene, instance, task, question, options, answer
    manifest.json          how it was made, counts, the sha256 of every file and of all together

It is made frame by frame: a stopped run goes on where it was, and the number of processes changes
nothing. Whoever draws the pictures is given as a function, so that this module knows no renderer.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import multiprocessing
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Thread
from typing import Any, Protocol

import cv2
import numpy as np

from drivegrid.data.attributes import attribute_questions
from drivegrid.data.expressions import KINDS, refer
from drivegrid.data.files import check_regular, parse_json, write_lines, write_text
from drivegrid.data.images import Picture, save_image
from drivegrid.data.scene import Scene
from drivegrid.data.store import scene_to_record
from drivegrid.errors import ConfigError, FormatError
from drivegrid.geometry import from_parts

VERSION = "drivegrid-bench v1"
NUM_FRAMES = {"train": 1988, "test": 980}
"""Frames of each split, as many as GETok's private driving set has."""
SEED_STEP = 100_000
"""How far apart the first seeds of two choices of ``--seed`` lie."""
EXPRESSIONS_PER_FRAME = 6
LABEL_FILES = ("scenes.jsonl", "expressions.jsonl", "attributes.jsonl")
MANIFEST = "manifest.json"
DECIMALS = 3
"""Coordinates and distances are written to this many decimals, so that the last bits of a
machine's arithmetic do not change a hash."""

_PARTS, _PLAN = ".parts", "plan.json"
_EXPRESSION_STREAM = 7


class RenderedFrame(Protocol):
    """A picture with its labels."""

    @property
    def image(self) -> Picture:
        """(H, W, 3) uint8 RGB."""

    @property
    def scene(self) -> Scene:
        """Labels in pixels of the picture."""


Render = Callable[[int], RenderedFrame]
"""Draws the frame of a seed; defined at the top of a module, so that processes can share it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a split is made of; equal plans give equal files.

    Args:
        split: "train" or "test".
        first_seed: Seed of the first frame; the others follow.
        num_frames: Number of frames, at least 1.
        made_with: What draws the pictures, by name: version of drivegrid, backend.

    Raises:
        ConfigError: If the number of frames is not positive.
    """

    split: str
    first_seed: int
    num_frames: int
    made_with: Mapping[str, str]

    def __post_init__(self) -> None:
        if self.num_frames < 1:
            raise ConfigError(f"num_frames must be at least 1, got {self.num_frames}.")

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as it stands in a manifest."""
        return {
            "benchmark": VERSION,
            "split": self.split,
            "seeds": {"first": self.first_seed, "count": self.num_frames},
            "expressions_per_frame": EXPRESSIONS_PER_FRAME,
            "made_with": dict(self.made_with),
        }


def write_split(
    folder: str | Path,
    plan: Plan,
    render: Render,
    *,
    workers: int = 1,
    on_frames: Callable[[int], None] = lambda count: None,
) -> dict[str, Any]:
    """Make a split, or what is missing of it, and return its manifest.

    Args:
        folder: Where; new, empty, or left by a run of the same plan.
        plan: What it holds.
        render: Draws a frame.
        workers: Processes; 1 draws in this one.
        on_frames: Told how many frames have just been done.

    Raises:
        FormatError: If the folder holds anything else, or was made otherwise.
        OSError: If the disk is full or the folder cannot be written.
    """
    folder = Path(folder)
    if (folder / MANIFEST).exists():
        manifest = read_manifest(folder)
        _check_plan(manifest, plan, folder / MANIFEST)
        on_frames(plan.num_frames)
        shutil.rmtree(folder / _PARTS, ignore_errors=True)  # left if the last run was killed here
        return manifest
    parts = _open_parts(folder, plan)
    with _alone(parts / _PLAN):
        for left in (folder / "images").glob(".*.part"):  # half a picture of a run that was killed
            left.unlink()
        missing = [i for i in range(plan.num_frames) if not _part(parts, i).exists()]
        on_frames(plan.num_frames - len(missing))
        with _mapped(workers) as run:
            for _ in run(partial(_write_frame, folder, plan, render), missing):
                on_frames(1)
        manifest = _join(folder, plan)
        write_text(folder / MANIFEST, json.dumps(manifest, indent=1) + "\n")
        shutil.rmtree(parts)
    return manifest


@contextmanager
def _alone(plan: Path) -> Iterator[None]:
    """Hold the folder's lock: two runs that write into each other's folder spoil both."""
    with plan.open() as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FormatError("folder must be written by one run at a time.", plan) from None
        yield


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a split.

    Raises:
        FormatError: If it is missing, not JSON, or of another benchmark.
    """
    path = folder / MANIFEST
    manifest = _read_json(path)
    if not isinstance(manifest, dict) or manifest.get("benchmark") != VERSION:
        raise FormatError(f"manifest must be one of {VERSION}, got another.", path)
    return manifest


def content_hash(files: Mapping[str, str]) -> str:
    """Return one sha256 for files given as name to sha256, whatever their order.

    >>> content_hash({"a": "1", "b": "2"}) == content_hash({"b": "2", "a": "1"})
    True
    """
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def file_hash(path: Path) -> str:
    """Return the sha256 of a regular file; raises OSError for anything else."""
    check_regular(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def image_name(index: int) -> str:
    """Return the name of a picture, relative to the split's folder."""
    return f"images/{index:06d}.png"


def _read_json(path: Path) -> Any:
    try:
        return parse_json(path.read_bytes())
    except FormatError as error:
        raise error.at(path) from error
    except OSError as error:
        raise FormatError(f"file must be readable, got: {error.strerror}.", path) from error


def _check_plan(found: object, plan: Plan, path: Path) -> None:
    wanted = plan.as_dict()
    held = {key: found.get(key) for key in wanted} if isinstance(found, dict) else found
    if held != wanted:
        raise FormatError(
            f"folder must be made by the same command, got {held}, not {wanted}. "
            "Choose another folder.",
            path,
        )


def _part(parts: Path, index: int) -> Path:
    return parts / f"{index:06d}.json"


def _open_parts(folder: Path, plan: Plan) -> Path:
    """Return the folder of finished frames' labels; refuse a folder with anything else in it."""
    parts = folder / _PARTS
    if (parts / _PLAN).exists():
        _check_plan(_read_json(parts / _PLAN), plan, parts / _PLAN)
    elif folder.exists() and any(
        entry != parts or any(parts.iterdir()) for entry in folder.iterdir()
    ):
        raise FormatError(
            "folder must be new or empty, or of the same run. Choose another.", folder
        )
    else:
        write_text(parts / _PLAN, json.dumps(plan.as_dict()))
    return parts


@contextmanager
def _mapped(workers: int) -> Iterator[Callable[..., Iterable[None]]]:
    """Give a ``map`` over processes; an error in one stops all."""
    if workers <= 1:
        yield map
        return
    spawn = multiprocessing.get_context("spawn")  # a renderer's GPU context does not survive a fork
    with ProcessPoolExecutor(workers, spawn, _start_worker) as pool:
        try:
            yield partial(pool.map, chunksize=4)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _start_worker() -> None:
    """Keep to one core, and end with the parent even if it is killed."""
    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    if parent is not None:
        Thread(target=_follow, args=(parent,), daemon=True).start()


def _follow(parent: BaseProcess) -> None:
    """End this process as soon as its parent has ended."""
    parent.join()
    os._exit(1)


def _write_frame(folder: Path, plan: Plan, render: Render, index: int) -> None:
    """Write a picture, then its labels: where they are, the frame is done."""
    seed = plan.first_seed + index
    rendered = render(seed)
    scene = _written_form(rendered.scene, image_name(index))
    path = folder / scene.frame.image
    save_image(path, rendered.image)
    rng = np.random.default_rng([seed, _EXPRESSION_STREAM])
    rows = [
        [scene_to_record(scene)],
        [{"scene": index, **asdict(e)} for e in refer(scene, rng, EXPRESSIONS_PER_FRAME)],
        [{"scene": index, **asdict(question)} for question in attribute_questions(scene)],
    ]
    lines = [[json.dumps(row, allow_nan=False, separators=(",", ":")) for row in f] for f in rows]
    part = {"sha256": file_hash(path), "lines": lines}
    write_text(_part(folder / _PARTS, index), json.dumps(part))


def _written_form(scene: Scene, image: str) -> Scene:
    """Return a scene with its picture's name, coordinates and distances rounded."""
    instances = tuple(
        replace(
            instance,
            geometry=from_parts(
                instance.geometry.kind,
                tuple(part.round(DECIMALS) for part in instance.geometry.parts()),
            ),
            extra=_rounded(instance.extra),
        )
        for instance in scene.instances
    )
    return replace(
        scene,
        frame=replace(scene.frame, image=image),
        instances=instances,
        extra=_rounded(scene.extra),
    )


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DECIMALS)
    if isinstance(value, Mapping):
        return {key: _rounded(entry) for key, entry in value.items()}
    return [_rounded(entry) for entry in value] if isinstance(value, list | tuple) else value


def _join(folder: Path, plan: Plan) -> dict[str, Any]:
    """Write the label files from the parts and return the manifest."""
    parts = [_read_json(_part(folder / _PARTS, index)) for index in range(plan.num_frames)]
    for place, name in enumerate(LABEL_FILES):
        write_lines(folder / name, (line for part in parts for line in part["lines"][place]))
    labels = {name: file_hash(folder / name) for name in LABEL_FILES}
    pictures = {image_name(index): part["sha256"] for index, part in enumerate(parts)}
    files = labels | pictures
    scenes, expressions, questions = (
        [json.loads(line) for part in parts for line in part["lines"][place]] for place in range(3)
    )
    return {
        **plan.as_dict(),
        "counts": count_rows(scenes, expressions, questions),
        "labels_sha256": content_hash(labels),
        "content_sha256": content_hash(files),
        "files": files,
    }


def count_rows(
    scenes: Sequence[Mapping[str, Any]],
    expressions: Sequence[Mapping[str, Any]],
    questions: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the counts of a manifest from the rows of the three label files."""
    kinds = Counter(row["kind"] for row in expressions)
    tasks = Counter(row["task"] for row in questions)
    return {
        "frames": len(scenes),
        "instances": sum(len(scene["instances"]) for scene in scenes),
        "expressions": {kind: kinds[kind] for kind in KINDS},
        "attributes": dict(sorted(tasks.items())),
    }
