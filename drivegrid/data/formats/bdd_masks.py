"""BDD100K's masks of lane markings and drivable areas, to lines and polygons.

A pixel of a lane mask is a byte: bits 0 to 2 the class, bit 3 background, bit 4 style (1 dashed),
bit 5 direction (1 vertical); background is 255. A pixel of a drivable mask is 0 direct,
1 alternative, 2 background (255 in newer files). Lane masks are drawn from lines, one byte a
marking and a few pixels wide; what comes back are their centre lines. Sources: bdd100k/bdd100k,
eval/lane.py and label/to_mask.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

from drivegrid.data.checks import check_image_name
from drivegrid.data.files import walk_files
from drivegrid.data.formats.contract import Source
from drivegrid.data.formats.naming import label_of
from drivegrid.data.formats.peek import Peek
from drivegrid.data.formats.scalabel_labels import attributes_of
from drivegrid.data.images import load_image
from drivegrid.data.quarantine import Loaded
from drivegrid.data.rasters import outline_classes
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import BoolArray, FloatArray, Polyline, Size
from drivegrid.labels import default_label_space
from drivegrid.labels.mapping import MappedLabel

LANE_CLASSES = (
    "crosswalk",
    "double other",
    "double white",
    "double yellow",
    "road curb",
    "single other",
    "single white",
    "single yellow",
)
BACKGROUND, DASHED, VERTICAL = 8, 16, 32
DRIVABLE_CLASSES = ("direct", "alternative")
MAX_RUNS = 1_000_000
"""How many runs of equal pixels a mask may have, counted along its rows."""
SIMPLE_PX = 0.75
"""How far a centre line may leave the middle of its pixels."""
_PEAK_PX = 10
"""How far below its top both ends of a stroke must be for it to be two."""
_LEAST_ROWS = 3
_LOOK_BACK = 30
"""From how many rows of a stroke its direction is taken."""
_REACH = 2.0
"""How far from where it is expected a stroke may go on, in pixels."""
_KINDS = ("lane", "drivable")


class MaskEntry(NamedTuple):
    """The masks of one image.

    Args:
        root: Folder of the data set.
        name: Image name.
        lane: Lane mask, if there is one.
        drivable: Drivable mask, if there is one.
    """

    root: Path
    name: str
    lane: Path | None
    drivable: Path | None


def load_bdd_masks(path: str | Path) -> Loaded:
    """Return all frames of a folder of masks; ``open_bdd100k`` opens the same folders.

    A mask's kind is the last folder on its path whose name begins with ``lane`` or ``drivable``;
    masks on the same path otherwise (``lane/masks/train/x.png``, ``drivable/masks/train/x.png``)
    are one frame, ``x.jpg``. Other folders and ``colormaps`` are passed over.

    Raises:
        FormatError: If there are no such masks.
    """
    return Source(masks_of(Path(path)), parse_masks).load()


def masks_of(root: Path) -> Iterator[MaskEntry | FormatError]:
    """Yield the masks below a folder, image by image.

    Raises:
        FormatError: While iterating, if there are none.
    """
    found: dict[tuple[str, ...], dict[str, Path]] = {}
    errors: list[FormatError] = []
    for file in walk_files(root):
        if isinstance(file, FormatError):
            errors.append(file)
            continue
        parts = file.absolute().parts
        kind, place = _kind(parts)
        if kind is not None:
            found.setdefault(parts[:place] + parts[place + 1 :], {})[kind] = file
    if not found and not errors:
        raise FormatError("folder must hold lane or drivable masks (*.png), got none.", root)
    for key, masks in found.items():
        name = Path(key[-1]).with_suffix(".jpg").name
        yield MaskEntry(root, name, masks.get("lane"), masks.get("drivable"))
    yield from errors


def _kind(parts: tuple[str, ...]) -> tuple[str | None, int]:
    """Return the kind of mask a path stands for and which of its folders says so."""
    if not parts[-1].endswith(".png") or "colormaps" in parts:
        return None, 0
    for place in range(len(parts) - 2, -1, -1):
        for kind in _KINDS:
            if parts[place].startswith(kind):
                return kind, place
    return None, 0


def recognise_bdd_masks(peek: Peek) -> str | None:
    """Return why a folder holds masks of BDD100K, None if it does not.

    The first mask decides. One without background says nothing: many tools draw their own classes
    on black, which would be a crosswalk, or drivable, all over.
    """
    for file in peek.files:
        if file.name.endswith(".json"):
            return None
        parts = (peek.path.name, *file.relative_to(peek.path).parts)
        kind, _ = _kind(parts)
        if kind is not None:
            try:
                mask = _bytes_of(file)
                _check(mask, kind)
            except FormatError:
                return None
            return f"folder with {kind} masks of BDD100K" if _has_background(mask, kind) else None
    return None


def parse_masks(entry: MaskEntry) -> Scene:
    """Return the scene of one image's masks; ``extra["bdd100k"]`` says where they lie.

    Raises:
        FormatError: If one is no mask of its kind, or the two differ in size.
    """
    instances: list[Instance] = []
    own: dict[str, str] = {}
    size: Size | None = None
    for kind, file in (("lane", entry.lane), ("drivable", entry.drivable)):
        if file is None:
            continue
        mask = _bytes_of(file)
        try:
            _check(mask, kind)
            found = (mask.shape[1], mask.shape[0])
            if size is not None and found != size:
                raise FormatError(f"masks must be of one size, got {size} and {found}.")
        except FormatError as error:
            raise FormatError(error.message, file) from error
        size = found
        own[kind] = file.relative_to(entry.root).as_posix()
        instances += lanes_of(mask) if kind == "lane" else areas_of(mask)
    frame = Frame(check_image_name(entry.name), size or (1, 1))
    return Scene(frame, tuple(instances), {"bdd100k": own})


def _bytes_of(file: Path) -> npt.NDArray[np.uint8]:
    picture = load_image(file)
    grey = picture[..., 0]
    if (picture != grey[..., None]).any():
        raise FormatError("mask must be grey, got colours.", file)
    return np.ascontiguousarray(grey)


def _check(mask: npt.NDArray[np.uint8], kind: str) -> None:
    values = np.unique(mask)
    if kind == "lane":
        wrong = values[(values & BACKGROUND == 0) & (values >= 2 * VERTICAL)]
    else:
        wrong = values[(values > len(DRIVABLE_CLASSES)) & (values < 255)]
    if len(wrong):
        raise FormatError(f"{kind} mask must hold its own bytes, got {wrong[:5].tolist()}.")
    runs = int(np.count_nonzero(mask[:, 1:] != mask[:, :-1]))
    if runs > MAX_RUNS:
        raise FormatError(f"mask must have at most {MAX_RUNS} runs, got {runs}.")


def _has_background(mask: npt.NDArray[np.uint8], kind: str) -> bool:
    background = mask & BACKGROUND if kind == "lane" else mask >= len(DRIVABLE_CLASSES)
    return bool(background.any())


def lanes_of(mask: npt.NDArray[np.uint8]) -> list[Instance]:
    """Return the markings of a lane mask as lines, by their byte, then from left to right.

    Args:
        mask: (H, W) bytes.
    """
    found: list[Instance] = []
    for byte in np.unique(mask).tolist():
        if byte & BACKGROUND:
            continue
        style = "dashed" if byte & DASHED else "solid"
        name = f"{LANE_CLASSES[byte & 7]} {style}"
        target = label_of("bdd100k", name)
        assert isinstance(target, MappedLabel)
        said = {"laneDirection": "vertical" if byte & VERTICAL else "parallel"}
        facts = attributes_of(said, default_label_space().attributes_of(target.path))
        for line in centre_lines(mask == byte):
            facts_of = {**facts, **target.attributes}
            found.append(Instance(target.path, Polyline(line), facts_of))
    return found


def areas_of(mask: npt.NDArray[np.uint8]) -> list[Instance]:
    """Return the parts of a drivable mask as polygons along pixel edges, holes included.

    Args:
        mask: (H, W) bytes.
    """
    classes = np.where(mask < len(DRIVABLE_CLASSES), mask + 1, 0)
    found: list[Instance] = []
    for number, polygon in outline_classes(classes):
        target = label_of("bdd100k", DRIVABLE_CLASSES[number - 1])
        assert isinstance(target, MappedLabel)
        found.append(Instance(target.path, polygon))
    return found


def centre_lines(mask: BoolArray) -> list[FloatArray]:
    """Return (N, 2) points of the middle of each stroke of a drawing, bottom to top.

    Each connected part is followed row by row (column by column where it is flat). Strokes that
    meet go straight on below each other and come apart again on the other side; specks beside a
    stroke, of one or two rows, are part of it.

    Args:
        mask: (H, W) true where something is drawn.
    """
    import cv2  # a tenth of a second that other formats need not wait for

    if mask.size == 0:
        return []
    count, parts, boxes, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    found: list[FloatArray] = []
    for part in range(1, count):
        left, top, width, height = boxes[part, :4].tolist()
        window = parts[top : top + height, left : left + width] == part
        strokes = [
            np.array(stroke) for stroke in _strokes(window.T if _is_flat(window) else window)
        ]
        if _is_flat(window):
            strokes = [half for stroke in strokes for half in _halves(stroke[:, ::-1])]
        found += [_simple(stroke + np.array([left, top])) for stroke in strokes]
    return sorted(found, key=lambda line: tuple(line[0]))


def _is_flat(window: BoolArray) -> bool:
    """Tell whether runs of pixels are longer, thus fewer, along rows than along columns."""
    across = np.count_nonzero(np.diff(window, axis=1, prepend=False) & window)
    along = np.count_nonzero(np.diff(window, axis=0, prepend=False) & window)
    return bool(along > across)


def _halves(stroke: FloatArray) -> list[FloatArray]:
    """Return a stroke, taken apart at its top if both ends are well below: two that met there."""
    top = int(stroke[:, 1].argmin())
    if min(stroke[0, 1], stroke[-1, 1]) - stroke[top, 1] <= _PEAK_PX:
        return [stroke]
    return [stroke[: top + 1], stroke[top:]]


def _simple(stroke: FloatArray) -> FloatArray:
    """Return the points of a stroke that matter, bottom to top."""
    if len(stroke) > 1:
        stroke = np.array(shapely.LineString(stroke).simplify(SIMPLE_PX).coords)
    return stroke if stroke[0, 1] >= stroke[-1, 1] else stroke[::-1]


def _strokes(window: BoolArray) -> list[list[tuple[float, float]]]:
    """Return the middles of runs of pixels, chained into strokes from row to row."""
    edges = np.diff(np.pad(window, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(edges == 1)
    stops = np.nonzero(edges == -1)[1]
    bounds = np.searchsorted(rows, np.arange(len(window) + 1)).tolist()
    done: list[_Stroke] = []
    open_: list[_Stroke] = []
    for row in range(len(window)):
        here = slice(bounds[row], bounds[row + 1])
        runs = list(zip(starts[here].tolist(), stops[here].tolist(), strict=True))
        claims: list[list[_Stroke]] = [[] for _ in runs]
        going: list[_Stroke] = []
        for stroke in open_:
            place = stroke.next_run(runs, row + 0.5)
            if place is None:
                done.append(stroke)
            else:
                claims[place].append(stroke)
                going.append(stroke)
        for (start, stop), followers in zip(runs, claims, strict=True):
            middle = (start + stop) / 2, row + 0.5
            if not followers:
                going.append(_Stroke([middle], middle))
            for stroke in followers:
                stroke.meeting = middle
                if len(followers) == 1:
                    stroke.points.append(middle)
        open_ = going
    done += open_
    longest = max(len(stroke.points) for stroke in done)
    least = min(longest, _LEAST_ROWS)
    return [stroke.ended() for stroke in done if len(stroke.points) >= least]


@dataclass(slots=True)
class _Stroke:
    """A stroke as far as it has been followed.

    Args:
        points: x, row of the middles of runs that are its own.
        meeting: Middle of the last run, its own or one it shares with other strokes.
    """

    points: list[tuple[float, float]]
    meeting: tuple[float, float]

    def next_run(self, runs: list[tuple[int, int]], row: float) -> int | None:
        """Return which run of the next row goes on with the stroke, None if it ends."""
        x, y = self.points[-1]
        x0, y0 = self.points[-min(len(self.points), _LOOK_BACK)]
        expected = x + (x - x0) / max(y - y0, 1) * (row - y)
        off = [max(start - expected, expected - stop, 0) for start, stop in runs]
        place = min(range(len(runs)), key=off.__getitem__, default=0)
        return place if runs and off[place] <= _REACH else None

    def ended(self) -> list[tuple[float, float]]:
        """Return all points, up to where it met others for good."""
        return self.points if self.points[-1] == self.meeting else [*self.points, self.meeting]
