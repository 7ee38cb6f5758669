"""Our sign faces with real pictures: those of the optional pack ``signs``, wherever one fits.

Only the picture on a plate changes. Plates, labels and attributes stay those of our own face, so
a picture may take its place only if it says the same by every rule that labels follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from drivegrid.geometry import FloatArray
from drivegrid.scenes.assets import find_pack, pack_folder
from drivegrid.scenes.faces import FACES, Face, face_image, face_outline
from drivegrid.scenes.faces.colors import main_color
from drivegrid.scenes.faces.face import UInt8Array, outline_mask
from drivegrid.scenes.sign_pack import SignFace, load_sign_faces

_LEAST_IOU = 0.82
"""Round corners cost a triangle up to 0.17; a disc on a square, another plate, has 0.785."""

_MOST_STRETCH = 1.1
_MOST_MEAN = 80.0
"""Largest difference of two mean colours in any channel. Of all pairs that passed everything
else, those up to 66 looked alike; from 108 on a yellow field stood for a white one."""

_COARSE = 10
"""Pixels a side at which pictures are compared: what they show, not how their lines run."""


@dataclass(frozen=True, eq=False)
class PackFaces:
    """Draws faces like ``face_image``, some of them with other pictures.

    Args:
        pictures: Key of ``FACES`` -> (side, side, 3) uint8 RGB.
    """

    pictures: Mapping[str, UInt8Array]

    def __call__(self, key: str, side: int = 128) -> UInt8Array:
        """Return a face's picture, (side, side, 3) uint8 RGB."""
        if key not in self.pictures:
            return face_image(key, side)
        picture = self.pictures[key]
        shrinks = side < len(picture)
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(picture, (side, side), interpolation=method), dtype=np.uint8)


def load_pack_faces(pack_dir: str | Path | None = None, side: int = 128) -> PackFaces:
    """Return our faces with the pictures of the pack ``signs`` where one fits; takes seconds.

    Pass the result on as ``faces``: to a renderer, to ``render.default_renderer`` or to
    ``stream.stream_scenes``. A face and the picture in its place have the same label and
    attributes, the same outline and proportions, and the same main colour. The same pack gives the
    same bytes as long as the same version of cairo draws it.

    Args:
        pack_dir: Folder of the pack; None for where ``drivegrid scenes assets add`` puts it.
        side: Side of the pictures in pixels.

    Raises:
        FormatError: If the folder is not the pack as it was added, or a face cannot be drawn.
        MissingExtraError: Without cairosvg or the cairo library it draws with.
    """
    folder = pack_folder(find_pack("signs")) if pack_dir is None else Path(pack_dir)
    signs = load_sign_faces(folder, side, {face.label for face in FACES.values()})
    return PackFaces(choose_pictures(signs, side))


def choose_pictures(signs: Mapping[str, SignFace], side: int) -> dict[str, UInt8Array]:
    """Return key -> picture of each face that a sign fits, the one that looks most like it.

    No sign is used twice, and faces that training may show choose first: what only tests show
    stays unseen.
    """
    by_label: dict[str, list[str]] = {}
    for name in sorted(signs):
        by_label.setdefault(signs[name].label, []).append(name)
    chosen: dict[str, UInt8Array] = {}
    for key in sorted(FACES, key=lambda key: FACES[key].held_out):
        face, own = FACES[key], face_image(key, side)
        names = by_label.get(face.label, [])
        fitting: list[tuple[float, str, UInt8Array]] = []
        for name in names:
            if says_the_same(face, signs[name]) and has_the_plate(face, signs[name]):
                picture = lay_over(own, face, signs[name])
                if looks_alike(face, own, picture):
                    fitting.append((_likeness(own, picture), name, picture))
        if fitting:
            _, name, chosen[key] = max(fitting, key=lambda found: found[:2])
            names.remove(name)
    return chosen


def says_the_same(face: Face, sign: SignFace) -> bool:
    """Return whether a sign's name says all that a face says and nothing else."""
    known = {"shape": face.shape, "color": face.color} | dict(face.attributes)
    said = {"shape": face.shape, "color": face.color} | dict(sign.attributes)
    return face.label == sign.label and known == said


def has_the_plate(face: Face, sign: SignFace) -> bool:
    """Return whether a sign's plate, stretched to a face's extent, has its outline and aspect."""
    left, top, right, bottom = _extent(face.shape)
    aspect = (right - left) / (bottom - top) * face.aspect
    if not 1 / _MOST_STRETCH <= sign.aspect / aspect <= _MOST_STRETCH:
        return False
    side = len(sign.image)
    inside = outline_mask(face.shape, side)
    opaque = _stretched(sign.image[:, :, 3].astype(np.float64), face.shape) >= 128
    return bool((inside & opaque).sum() >= _LEAST_IOU * (inside | opaque).sum())


def lay_over(own: UInt8Array, face: Face, sign: SignFace) -> UInt8Array:
    """Return a sign's picture laid over our own one, which shows where the sign is transparent."""
    opacity = sign.image[:, :, 3:] / 255
    color = _stretched(sign.image[:, :, :3] * opacity, face.shape)
    cover = _stretched(np.repeat(opacity, 3, axis=2), face.shape)
    return np.asarray(np.rint(own * (1 - cover) + color), dtype=np.uint8)


def looks_alike(face: Face, own: UInt8Array, picture: UInt8Array) -> bool:
    """Return whether a picture has the colour of a face: the main one by name, the mean about."""
    inside = outline_mask(face.shape, len(own))
    gap = np.abs(own[inside].mean(axis=0) - picture[inside].mean(axis=0)).max()
    return bool(gap <= _MOST_MEAN) and main_color(picture, face.shape) == face.color


def _extent(shape: str) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of an outline as shares of its square."""
    corners = face_outline(shape)
    across, up = [x for x, _ in corners], [y for _, y in corners]
    return (min(across) + 1) / 2, (1 - max(up)) / 2, (max(across) + 1) / 2, (1 - min(up)) / 2


def _stretched(image: FloatArray, shape: str) -> FloatArray:
    """Return an image that fills its square stretched to fill an outline's extent, else 0."""
    side = len(image)
    left, top, right, bottom = (round(share * side) for share in _extent(shape))
    stretched = np.zeros_like(image)
    size = (right - left, bottom - top)
    stretched[top:bottom, left:right] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return stretched


def _likeness(first: UInt8Array, second: UInt8Array) -> float:
    """Return the correlation of two pictures seen coarsely, in [-1, 1]."""
    size = (_COARSE, _COARSE)
    coarse = [cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in (first, second)]
    a, b = (p.ravel() - p.mean() for p in coarse)
    return float(a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1.0))
