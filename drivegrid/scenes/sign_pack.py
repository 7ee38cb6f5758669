"""Real faces of traffic signs from the optional pack ``signs``, by taxonomy label."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from drivegrid.errors import ConfigError, FormatError, MissingExtraError
from drivegrid.labels import default_label_space
from drivegrid.labels.mapping import MappedLabel
from drivegrid.scenes.assets import altered_files, find_pack

_OVERSAMPLING = 2
_OPAQUE = 128


@dataclass(frozen=True, slots=True)
class SignFace:
    """The face of a real sign.

    Args:
        label: Taxonomy path.
        attributes: What the sign's name says beyond that, for example ``{"limit": "50"}``.
        aspect: Width / height of the plate.
        image: (side, side, 4) uint8 RGB and opacity; the plate stretched to a square.
    """

    label: str
    attributes: Mapping[str, str]
    aspect: float
    image: npt.NDArray[np.uint8]

    @property
    def is_exact(self) -> bool:
        """Whether the taxonomy knows the sign itself, not only its group."""
        return self.label.count("/") >= 2


def load_sign_faces(
    pack_dir: str | Path, side: int = 128, labels: Collection[str] | None = None
) -> dict[str, SignFace]:
    """Return the faces of the pack ``signs`` by their names there, in order of names.

    Names are mapped as ``taxonomy/map_mapillary_signs.yaml`` says; a name without a place in it is
    left out. Drawing takes about 10 ms a face.

    Args:
        pack_dir: Folder of the pack, as ``assets.add_pack`` returns it.
        side: Side of the pictures in pixels.
        labels: Taxonomy paths of the faces wanted; None for all.

    Raises:
        FormatError: If the folder is not the pack as it was added, or a face cannot be drawn.
        MissingExtraError: Without cairosvg or the cairo library it draws with.
    """
    folder = Path(pack_dir)
    if not folder.exists():
        raise FormatError("pack must be here. Run: drivegrid scenes assets add signs", folder)
    if altered := altered_files(find_pack("signs"), folder):
        raise FormatError(
            f"pack must be as it was added, got {len(altered)} altered files. "
            "Run: drivegrid scenes assets verify",
            folder / altered[0],
        )
    faces = {}
    for path in sorted(folder.glob("*.svg")):
        target = _target(path.stem)
        if target is not None and (labels is None or target.path in labels):
            aspect, image = _plate(_drawn(path, _OVERSAMPLING * side), side, path)
            faces[path.stem] = SignFace(target.path, target.attributes, aspect, image)
    return faces


def _target(name: str) -> MappedLabel | None:
    try:
        target = default_label_space().map_label("mapillary_signs", name)
    except ConfigError:
        return None
    return target if isinstance(target, MappedLabel) else None


def _drawn(path: Path, side: int) -> Image.Image:
    """Return an RGBA drawing of an SVG file; nothing it may refer to is fetched."""
    try:
        from cairosvg import svg2png
    except (ImportError, OSError) as error:  # OSError: the package is there, the library is not
        raise MissingExtraError("load_sign_faces", "cairosvg", "assets") from error
    try:
        png = svg2png(path.read_bytes(), output_width=side, output_height=side)
    except Exception as error:  # a parser of XML, CSS and paths raises nearly anything
        raise FormatError(f"face must be a drawing, got: {error}.", path) from error
    with Image.open(BytesIO(png), formats=["PNG"]) as image:
        return image.convert("RGBA")


def _plate(drawing: Image.Image, side: int, path: Path) -> tuple[float, npt.NDArray[np.uint8]]:
    """Return width / height of what is opaque, and that part as (side, side, 4)."""
    opacity = drawing.getchannel("A").point(lambda value: 255 * (value >= _OPAQUE))
    extent = opacity.getbbox()
    if extent is None:
        raise FormatError("face must be opaque somewhere.", path)
    left, top, right, bottom = extent
    plate = drawing.resize((side, side), Image.Resampling.BOX, extent)
    return (right - left) / (bottom - top), np.array(plate)
