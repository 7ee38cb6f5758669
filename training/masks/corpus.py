"""Pictures with masks on disk: rendered once, read in any order.

A corpus is a folder with one file a picture, each written whole, so that an interrupted run goes
on where it stopped.
"""

from __future__ import annotations

import multiprocessing
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from zipfile import BadZipFile

import cv2
import numpy as np
from rich.progress import track

from drivegrid.data.files import atomic_path
from drivegrid.errors import FormatError
from drivegrid.geometry import Size
from drivegrid.masks.labelled import LabelledMasks
from drivegrid.masks.packed import PackedMasks
from drivegrid.scenes.label_masks import label_masks
from drivegrid.scenes.render import render_scene

JPEG_QUALITY = 92
_NAME = re.compile(r"\d+\.npz")


@dataclass(frozen=True)
class RenderedCorpus:
    """Rendered scenes and their masks.

    Args:
        folder: Where they are kept.
        first_seed: Seed of the first scene.
        num_scenes: How many.
        size_wh: Of pictures and masks.
    """

    folder: Path
    first_seed: int
    num_scenes: int
    size_wh: Size

    def path(self, seed: int) -> Path:
        """Return where the scene of a seed is kept; the folder tells the size."""
        width, height = self.size_wh
        return self.folder / f"{width}x{height}" / f"{seed:010d}.npz"

    @property
    def paths(self) -> list[Path]:
        """Where the scenes are kept."""
        return [self.path(self.first_seed + i) for i in range(self.num_scenes)]


def build_corpus(corpus: RenderedCorpus, workers: int) -> list[Path]:
    """Render the scenes that are missing.

    Args:
        corpus: What to render.
        workers: Processes; 0 renders in this one.

    Returns:
        A path for each scene.
    """
    seeds = range(corpus.first_seed, corpus.first_seed + corpus.num_scenes)
    missing = [seed for seed in seeds if not corpus.path(seed).exists()]
    work = partial(_render, corpus)
    if workers == 0:
        for seed in track(missing, "scenes", disable=not missing):
            work(seed)
    elif missing:
        with multiprocessing.get_context("spawn").Pool(workers, cv2.setNumThreads, (0,)) as pool:
            done = pool.imap_unordered(work, missing, chunksize=16)
            for _ in track(done, "scenes", total=len(missing)):
                pass
    return corpus.paths


def _render(corpus: RenderedCorpus, seed: int) -> None:
    rendered = render_scene(seed, corpus.size_wh)
    save_masks(corpus.path(seed), LabelledMasks.of(rendered.image, label_masks(rendered)))


def save_masks(path: Path, labelled: LabelledMasks) -> None:
    """Write a picture (as JPEG) and its masks (packed bits, deflated)."""
    options = (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY)
    _, jpeg = cv2.imencode(".jpg", np.ascontiguousarray(labelled.image[:, :, ::-1]), options)
    with atomic_path(path) as part, part.open("wb") as file:
        np.savez_compressed(
            file, jpeg=jpeg, labels=np.array(labelled.labels, "U"), words=labelled.masks.words
        )


def load_masks(path: Path) -> LabelledMasks:
    """Read what `save_masks` wrote.

    Raises:
        FormatError: If the file is damaged or something else.
    """
    try:
        # Opened here: numpy leaves a damaged file open.
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            jpeg, labels, words = file["jpeg"], file["labels"], file["words"]
        image = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)[:, :, ::-1]
        masks = PackedMasks(words, (image.shape[1], image.shape[0]))
        return LabelledMasks(np.ascontiguousarray(image, np.uint8), tuple(labels.tolist()), masks)
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile, cv2.error) as error:
        raise FormatError(f"masks must be readable, got {error!r:.200}.", path) from error


def paths_in(folder: Path) -> list[Path]:
    """Return the files of a corpus folder in order.

    Raises:
        FormatError: If there are none.
    """
    found: Sequence[Path] = sorted(p for p in folder.iterdir() if _NAME.fullmatch(p.name))
    if not found:
        raise FormatError("corpus must hold at least one file of masks, got none.", folder)
    return list(found)
