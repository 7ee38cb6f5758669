"""Masks to polygons and to run lengths, and back, without losing a pixel.

An outline's rings run along pixel edges, so that it says the same as its mask. Run lengths are
those of COCO: columns first, the first run outside (source: cocodataset/cocoapi, maskApi.c).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from drivegrid.data.images import MAX_PIXELS
from drivegrid.errors import FormatError, GeometryError
from drivegrid.geometry import BoolArray, FloatArray, IntArray, Polygon, Size

MAX_MASK_PIXELS = MAX_PIXELS // 2
"""Largest mask, in pixels; what is worked out on it takes several times its memory."""
MAX_CORNERS = 2**22
"""How many corners the outlines of a mask may have; noise has one a pixel."""
MAX_CROSSINGS = 2**20
"""How many crossings of edges and pixel rows are worked on at once."""
FARTHEST_PX = 1e12
"""Corners farther out are moved in, so that no sum overflows."""

_BITS = np.array([[1, 2, 4, 8]])
"""Weights of the pixels around a corner: upper left, upper right, lower left, lower right."""
_FALLING, _RISING = 1 + 8, 2 + 4
"""Corners where a part meets itself across: upper left to lower right, and the other way."""
_TURNS = np.array([count in (1, 3) for count in map(int.bit_count, range(16))])
_TURNS[[_FALLING, _RISING]] = True


def outline(mask: BoolArray) -> tuple[Polygon, ...]:
    """Return one polygon for each part of a mask; pixels that share an edge are one part.

    Args:
        mask: (H, W).

    Returns:
        Polygons by their first pixel in reading order. Rings run along pixel edges, so that
        ``fill`` gives the mask back, pixel by pixel; the shell first, then its holes. Each starts
        at the left end of its uppermost edge and keeps only points where it turns. Polygons are
        valid: no ring crosses or touches itself (pixels that only meet at a corner are joined
        where they belong to one part); holes may touch their shell or another hole at a corner.

    Raises:
        GeometryError: If there are more than ``MAX_CORNERS`` corners: noise, not regions.

    >>> [ring.tolist() for ring in outline(np.array([[True, True]]))[0].rings]
    [[[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]]]
    """
    return tuple(polygon for _, polygon in outline_classes(mask.astype(np.uint8)))


def outline_classes(classes: npt.NDArray[np.integer]) -> list[tuple[int, Polygon]]:
    """Return (class, polygon) for each part of a picture of classes, as ``outline`` does.

    Args:
        classes: (H, W) class ids; 0 is background and gives no polygons.

    Raises:
        GeometryError: As ``outline``.

    >>> [(number, len(part.rings)) for number, part in outline_classes(np.array([[3, 0, 3, 2]]))]
    [(3, 1), (3, 1), (2, 1)]
    """
    parts, class_ids = _parts(classes)
    part, corners, across, along = _corners(parts)
    rings: list[list[FloatArray]] = [[] for _ in class_ids]
    points = corners.astype(np.float64)
    owner = part.tolist()
    for ring in _rings(across.tolist(), along.tolist()):
        rings[owner[ring[0]] - 1].append(points[ring])
    found = [(number, Polygon(tuple(own))) for number, own in zip(class_ids, rings, strict=True)]
    return sorted(found, key=lambda known: tuple(known[1].rings[0][0, ::-1]))


def _parts(classes: npt.NDArray[np.integer]) -> tuple[npt.NDArray[np.int32], list[int]]:
    """Return (H, W) numbers of connected parts from 1, 0 outside, and the class of each.

    Works on runs of equal pixels in a row, so that many classes cost no more than two.
    """
    # A tenth of a second that other users of this module need not wait for.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if classes.size == 0:
        return np.zeros(classes.shape, np.int32), []
    starts = np.ones(classes.shape, np.bool_)
    starts[:, 1:] = classes[:, 1:] != classes[:, :-1]
    runs = np.cumsum(starts, dtype=np.int32).reshape(classes.shape) - 1
    # Runs of one class that lie above each other are linked once, where the second begins.
    linked = (classes[1:] == classes[:-1]) & (starts[1:] | starts[:-1])
    above, below = runs[:-1][linked], runs[1:][linked]
    num_runs = int(runs[-1, -1]) + 1
    links = coo_array((np.ones(len(above), np.bool_), (above, below)), (num_runs, num_runs))
    num_parts, part_of_run = connected_components(links, directed=False)
    class_of_part = np.zeros(num_parts, np.int64)
    class_of_part[part_of_run] = classes[starts]
    numbers = np.cumsum(class_of_part != 0, dtype=np.int32) * (class_of_part != 0)
    return numbers[part_of_run][runs], class_of_part[class_of_part != 0].tolist()


def _corners(
    parts: npt.NDArray[np.int32],
) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Return every corner of every part, and its neighbours along the rings.

    Returns:
        (N,) part, by which corners are sorted, then by row and column; (N, 2) x, y; (N,) which
        corner is the other end of its horizontal edge; (N,) and of its vertical edge.
    """
    padded = np.pad(parts, 1)
    flat = padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    straight = ((flat[0] == flat[1]) & (flat[2] == flat[3])) | (
        (flat[0] == flat[2]) & (flat[1] == flat[3])
    )
    rows, columns = np.nonzero(~straight)
    if len(rows) > MAX_CORNERS:
        raise GeometryError(f"mask must have at most {MAX_CORNERS} corners, got {len(rows)}.")
    around = np.stack([quarter[rows, columns] for quarter in flat], axis=1)
    found = []
    for place in range(4):
        same = around == around[:, place : place + 1]
        bits = (same * _BITS).sum(axis=1)
        new = _TURNS[bits] & (around[:, place] > 0) & ~same[:, :place].any(axis=1)
        found.append(np.stack([around[new, place], rows[new], columns[new], bits[new]], axis=1))
    corners = np.concatenate(found)
    # Where a part meets itself across, two rings pass: the corner counts twice.
    meets = np.isin(corners[:, 3], (_FALLING, _RISING))
    corners = np.repeat(corners, 1 + meets, axis=0)
    second = np.zeros(len(corners), np.int64)
    second[np.cumsum(1 + meets)[meets] - 1] = 1
    order = np.lexsort((second, corners[:, 2], corners[:, 1], corners[:, 0]))
    corners, second = corners[order], second[order]
    # The first of the two has the edge to the left; at a falling corner it takes the lower one.
    lower = np.where(corners[:, 3] == _FALLING, 1 - second, second)
    by_column = np.lexsort((lower, corners[:, 1], corners[:, 2], corners[:, 0]))
    across, along = np.arange(len(corners)) ^ 1, np.empty(len(corners), np.int64)
    along[by_column] = by_column[np.arange(len(corners)) ^ 1]
    return corners[:, 0].astype(np.int64), corners[:, [2, 1]], across, along


def _rings(across: list[int], along: list[int]) -> Iterator[list[int]]:
    """Yield the corners of each ring, from its first to the right and round."""
    seen = bytearray(len(across))
    for first in range(len(across)):
        if seen[first]:
            continue
        ring, corner = [], first
        while not seen[corner]:
            end = across[corner]
            seen[corner] = seen[end] = 1
            ring += [corner, end]
            corner = along[end]
        yield ring


def fill(polygon: Polygon, size_wh: Size) -> BoolArray:
    """Return (H, W) the pixels whose centres lie in a polygon, even-odd.

    A centre on a left or upper edge lies inside, on a right or lower one outside, so that
    polygons that share an edge share no pixel.

    Args:
        polygon: Rings may leave the image and cross; fewer than three points fill nothing.
        size_wh: Size of the mask in pixels.

    Raises:
        GeometryError: If the size is negative or above ``MAX_MASK_PIXELS`` pixels.

    >>> fill(Polygon((np.array([[0.4, 0.0], [2.4, 0.0], [2.4, 1.0], [0.4, 1.0]]),)), (3, 1))
    array([[ True,  True, False]])
    """
    mask = np.zeros(mask_shape(size_wh), np.bool_)
    paint(mask, polygon, True)
    return mask


def mask_shape(size_wh: Size) -> tuple[int, int]:
    """Return (H, W) of a mask that memory has room for.

    Raises:
        GeometryError: If the size is negative or above ``MAX_MASK_PIXELS`` pixels.
    """
    width, height = size_wh
    if min(size_wh) < 0 or width * height > MAX_MASK_PIXELS:
        raise GeometryError(
            f"mask must have at most {MAX_MASK_PIXELS} pixels, got {width}x{height}. "
            "Scale the frame down."
        )
    return height, width


def paint(picture: npt.NDArray[np.generic], polygon: Polygon, value: int) -> None:
    """Give a value to the pixels of a (H, W, ...) picture that ``fill`` finds in a polygon."""
    start, end = _edges(polygon)
    if not len(start):
        return
    height, width = picture.shape[:2]
    top, bottom = np.clip(np.ceil([start[:, 1].min() - 0.5, end[:, 1].max() - 0.5]), 0, height)
    xs = np.concatenate([start[:, 0], end[:, 0]])
    left, right = np.clip(np.ceil([xs.min() - 0.5, xs.max() - 0.5]), 0, width)
    x0, x1, y0, y1 = int(left), int(right), int(top), int(bottom)
    flips = np.zeros((y1 - y0, x1 - x0 + 1), np.uint8)
    for rows, columns in _crossings(start, end, (y0, y1)):
        places = (rows - y0) * (x1 - x0 + 1) + np.clip(columns, x0, x1).astype(np.int64) - x0
        np.bitwise_xor.at(flips.ravel(), places, 1)
    inside = np.bitwise_xor.accumulate(flips[:, :-1], axis=1).view(np.bool_)
    picture[y0:y1, x0:x1][inside] = value


def ring_edges(rings: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Return the (N, 2) starts and ends of all edges of rings, each closed to its first vertex.

    Args:
        rings: At least one, each (M, 2) with M >= 1.

    >>> ring_edges([np.array([[0.0, 0.0], [2.0, 0.0]])])[1].tolist()
    [[2.0, 0.0], [0.0, 0.0]]
    """
    points, lengths = np.concatenate(rings), np.array([len(ring) for ring in rings])
    following, last = np.arange(1, len(points) + 1), np.cumsum(lengths) - 1
    following[last] = last + 1 - lengths
    return points, points[following]


def _edges(polygon: Polygon) -> tuple[FloatArray, FloatArray]:
    """Return (N, 2) upper and lower ends of all edges that are not level."""
    rings = [ring for ring in polygon.rings if len(ring)]
    if not rings:
        return np.zeros((0, 2)), np.zeros((0, 2))
    start, end = (np.clip(ends, -FARTHEST_PX, FARTHEST_PX) for ends in ring_edges(rings))
    swap = start[:, 1] > end[:, 1]
    start[swap], end[swap] = end[swap], start[swap]
    sloped = start[:, 1] < end[:, 1]
    return start[sloped], end[sloped]


def _crossings(
    start: FloatArray, end: FloatArray, rows: tuple[int, int]
) -> Iterator[tuple[IntArray, FloatArray]]:
    """Yield where edges cross the middles of pixel rows: row, and first pixel right of it."""
    first = np.clip(np.ceil(start[:, 1] - 0.5), *rows).astype(np.int64)
    count = np.clip(np.ceil(end[:, 1] - 0.5), *rows).astype(np.int64) - first
    cuts = np.flatnonzero(np.diff(np.cumsum(count) // MAX_CROSSINGS)) + 1
    for edges in _split(len(start), cuts.tolist()):
        total = int(count[edges].sum())
        which = np.repeat(np.arange(edges.start, edges.stop), count[edges])
        before = np.repeat(np.cumsum(count[edges]) - count[edges], count[edges])
        row = np.arange(total) - before + first[which]
        (x0, y0), (x1, y1) = start[which].T, end[which].T
        x = x0 + (x1 - x0) * ((row + 0.5 - y0) / (y1 - y0))
        yield row, np.ceil(x - 0.5)


def _split(length: int, cuts: Iterable[int]) -> Iterator[slice]:
    begin = 0
    for cut in (*cuts, length):
        yield slice(begin, cut)
        begin = cut


def rle_encode(mask: BoolArray) -> list[int]:
    """Return the run lengths of a (H, W) mask: outside and inside in turn, down each column.

    >>> rle_encode(np.array([[True, False], [True, True]]))
    [0, 2, 1, 1]
    """
    column = mask.T.ravel()
    ends = np.flatnonzero(column[1:] != column[:-1]) + 1
    bounds = [0] if column.size == 0 or not column[0] else [0, 0]
    runs: list[int] = np.diff(np.concatenate([bounds, ends, [column.size]])).astype(int).tolist()
    return runs


def rle_decode(counts: list[int] | str, size_wh: Size) -> BoolArray:
    """Return the (H, W) mask of run lengths; sizes are checked before memory is taken.

    Args:
        counts: Run lengths, or the text that ``rle_to_text`` makes of them.
        size_wh: Width and height in pixels; COCO's ``size`` has them the other way round.

    Raises:
        FormatError: If the size is above ``MAX_MASK_PIXELS``, a run is no whole number from 0,
            or the runs do not fill the mask.

    >>> rle_decode([0, 2, 1, 1], (2, 2)).tolist()
    [[True, False], [True, True]]
    """
    try:
        height, width = mask_shape(size_wh)
    except GeometryError as error:
        raise FormatError(str(error), item="mask") from error
    runs = rle_from_text(counts) if isinstance(counts, str) else counts
    if not all(type(run) is int and 0 <= run <= MAX_MASK_PIXELS for run in runs):
        raise FormatError(f"runs must be whole numbers from 0, got {runs!r:.100}.", item="mask")
    if sum(runs) != width * height:
        raise FormatError(f"runs must fill {width}x{height} pixels, got {sum(runs)}.", item="mask")
    inside = np.arange(len(runs)) % 2 == 1
    return np.ascontiguousarray(np.repeat(inside, runs).reshape(width, height).T)


def rle_to_text(counts: list[int]) -> str:
    """Return COCO's text of run lengths: 5 bits a character, differences to the run before last.

    >>> rle_to_text([0, 2, 1, 1])
    '021O'
    """
    letters = []
    for index, count in enumerate(counts):
        value = count - counts[index - 2] if index > 2 else count
        more = True
        while more:
            five, value = value & 31, value >> 5
            more = value != (-1 if five & 16 else 0)
            letters.append(chr(48 + five + 32 * more))
    return "".join(letters)


def rle_from_text(text: str) -> list[int]:
    """Return the run lengths of COCO's text.

    Raises:
        FormatError: If a character is none of it, the last number is cut off, or one is too long.

    >>> rle_from_text("021O")
    [0, 2, 1, 1]
    """
    values: list[int] = []
    value = shift = 0
    for letter in text:
        code = ord(letter) - 48
        if not 0 <= code < 64 or shift > 30:  # six letters hold more than MAX_MASK_PIXELS
            raise FormatError(f"runs must be COCO's text, got {text!r:.100}.", item="mask")
        value |= (code & 31) << shift
        shift += 5
        if code < 32:
            value -= (1 << shift) if code & 16 else 0
            values.append(value + (values[-2] if len(values) > 2 else 0))
            value = shift = 0
    if shift:
        raise FormatError(f"runs must end with a whole number, got {text!r:.100}.", item="mask")
    return values
