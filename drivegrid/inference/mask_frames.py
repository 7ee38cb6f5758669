"""Pictures with true masks: rendered ones, and those of a labelled data set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from drivegrid.data.images import load_image
from drivegrid.data.quarantine import Quarantine
from drivegrid.data.scene import Scene
from drivegrid.data.sources import LabelSource
from drivegrid.errors import FormatError
from drivegrid.geometry import Size
from drivegrid.masks.labelled import LabelledMasks, draw_labelled
from drivegrid.scenes.label_masks import LEAST_PIXELS, label_masks
from drivegrid.scenes.render import render_scene
from drivegrid.scenes.seeds import TEST_SEEDS

RENDERED_WH = (512, 288)


def rendered_frames(count: int, size_wh: Size = RENDERED_WH) -> Iterator[LabelledMasks]:
    """Yield the first test scenes, which no training sees.

    Args:
        count: How many.
        size_wh: Of pictures and masks.
    """
    for seed in TEST_SEEDS[:count]:
        rendered = render_scene(seed, size_wh)
        yield LabelledMasks.of(rendered.image, label_masks(rendered))


def labelled_frames(
    source: LabelSource, root: Path | None, quarantine: Quarantine
) -> Iterator[tuple[Scene, LabelledMasks]]:
    """Yield the frames of a data set with the masks of their polygons, at the pictures' size.

    Frames without polygons come with no mask.

    Args:
        source: Labels.
        root: Folder of the pictures; None for that of the labels.
        quarantine: Counts the frames; gets those whose labels or picture cannot be read.

    Raises:
        FormatError: If the labels cannot be read at all.
    """
    folder = source.root if root is None else root
    for _, record in source.placed():
        try:
            if isinstance(record, FormatError):
                raise record
            found = draw_frame(record, folder)
        except FormatError as error:
            quarantine.reject(error)
            continue
        quarantine.keep()
        yield record, found


def draw_frame(scene: Scene, folder: Path) -> LabelledMasks:
    """Return the picture of a frame with the masks of its polygons.

    Raises:
        FormatError: If the picture cannot be read, or has not the size that the labels tell.
    """
    path = folder / scene.frame.image
    image = load_image(path)
    size_wh = image.shape[1], image.shape[0]
    if size_wh != tuple(scene.frame.size_wh):
        raise FormatError(
            f"picture must have the size of its labels, {scene.frame.size_wh}, got {size_wh}.", path
        )
    return draw_labelled(image, scene, size_wh)


def without_specks(labelled: LabelledMasks) -> LabelledMasks:
    """Return a picture with those of its masks that a rendered thing could have.

    Labels of every pixel come as connected pieces, three in four of them a few pixels where two
    classes meet. A mean over masks would tell of nothing else.

    Returns:
        Masks of at least `LEAST_PIXELS` pixels.
    """
    kept = np.flatnonzero(labelled.masks.areas >= LEAST_PIXELS)
    labels = tuple(labelled.labels[place] for place in kept)
    return LabelledMasks(labelled.image, labels, labelled.masks[kept])
