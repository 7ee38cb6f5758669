"""Real and rendered frames with class maps, all in one set of classes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from drivegrid.data.scene import Scene
from drivegrid.scenes.render import render_scene
from drivegrid.scenes.segments import SEGMENTS
from drivegrid.scenes.world import sample_world

UInt8Array = npt.NDArray[np.uint8]

CLASSES = ("road", "car", "sign", "pedestrian", "background")
IGNORE = 255
ROOT = Path(__file__).parents[3]

# CamVid 11 classes -> CLASSES; Unlabelled and whatever has no counterpart is not scored.
_CAMVID = {3: 0, 8: 1, 6: 2, 9: 3, 0: 4, 1: 4, 2: 4, 4: 4, 5: 4, 7: 4, 10: 4}
_SEGMENT = {"road": 0, "marking": 0, "vehicle": 1, "sign": 2, "light": 2, "person": 3}
_UNSCORED = ("bonnet",)


@dataclass(frozen=True, slots=True)
class LabelledFrame:
    """A picture, its classes, and where it comes from.

    Args:
        image: (H, W, 3) uint8 RGB.
        classes: (H, W) uint8 indices into ``CLASSES``, ``IGNORE`` where unknown.
        segments: (H, W) uint8 classes of the source: CamVid's eleven, or ``SEGMENTS``.
        marking: (H, W) bool road paint; None where the source does not label it.
        scene: Labels of a rendered scene.
    """

    image: UInt8Array
    classes: UInt8Array
    segments: UInt8Array
    marking: npt.NDArray[np.bool_] | None = None
    scene: Scene | None = None


def real_root() -> Path:
    """Return the folder of real frames: $DRIVEGRID_REALDATA or ../shared/realdata."""
    return Path(os.environ.get("DRIVEGRID_REALDATA", ROOT.parent / "shared/realdata"))


def peer_root() -> Path:
    """Return the folder of foreign weights: $DRIVEGRID_PEERS or ../shared/weights."""
    return Path(os.environ.get("DRIVEGRID_PEERS", ROOT.parent / "shared/weights"))


def trunk_path() -> Path:
    """Return the file of EfficientNet-Lite0's ImageNet weights."""
    return peer_root() / "efficientnet_lite0/efficientnet-lite0-57934424.pth"


def read_rgb(path: Path) -> UInt8Array:
    """Read a picture as (H, W, 3) uint8 RGB."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise FileNotFoundError(path)
    return np.ascontiguousarray(image[..., ::-1], dtype=np.uint8)


def _table(mapping: dict[int, int], rest: int) -> UInt8Array:
    table = np.full(256, rest, dtype=np.uint8)
    table[list(mapping)] = list(mapping.values())
    return table


def camvid_frames(*splits: str) -> Iterator[LabelledFrame]:
    """Yield CamVid's frames (480, 360) of the splits, in order of name."""
    table = _table(_CAMVID, IGNORE)
    for split in splits:
        for path in sorted((real_root() / "camvid11" / split).iterdir()):
            mask = path.parents[1] / f"{split}annot" / f"{path.stem}.png"
            segments = np.asarray(cv2.imread(str(mask), cv2.IMREAD_GRAYSCALE), dtype=np.uint8)
            yield LabelledFrame(read_rgb(path), table[segments], segments)


def tusimple_frames() -> Iterator[tuple[UInt8Array, list[npt.NDArray[np.float64]]]]:
    """Yield TuSimple's frames (1280, 720) with their lanes, each (N, 2) pixels."""
    root = real_root() / "tusimple"
    for line in (root / "label_data.json").read_text().splitlines():
        record = json.loads(line)
        y = np.array(record["h_samples"], dtype=np.float64)
        columns = [np.array(lane, dtype=np.float64) for lane in record["lanes"]]
        lanes = [np.stack([x, y], axis=1)[x >= 0] for x in columns]
        yield read_rgb(root / record["raw_file"]), [lane for lane in lanes if len(lane) >= 2]


def rendered_frames(seeds: Iterable[int], width: int) -> Iterator[LabelledFrame]:
    """Yield rendered frames of the seeds, ``width`` wide, in their cameras' aspect ratios."""
    table = np.full(256, CLASSES.index("background"), dtype=np.uint8)
    for index, name in enumerate(SEGMENTS):
        table[index] = IGNORE if name in _UNSCORED else _SEGMENT.get(name, table[index])
    for seed in seeds:
        full = sample_world(seed).camera.size_wh
        rendered = render_scene(seed, (width, 4 * round(width * full[1] / full[0] / 4)))
        segments = rendered.segments
        yield LabelledFrame(
            rendered.image,
            table[segments],
            segments,
            segments == SEGMENTS.index("marking"),
            rendered.scene,
        )
