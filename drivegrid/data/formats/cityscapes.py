"""Cityscapes: labelled polygons, a JSON file a frame, later ones over earlier ones.

``gtFine/<split>/<city>/<city>_<seq>_<frame>_gtFine_polygons.json`` beside the picture
``leftImg8bit/<split>/<city>/<city>_<seq>_<frame>_leftImg8bit.png``; ``gtCoarse`` likewise.
Source: mcordts/cityscapesScripts, README.md, helpers/annotation.py and helpers/labels.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from drivegrid.data.formats.contract import Format, Place, Source
from drivegrid.data.formats.peek import Peek
from drivegrid.data.formats.polygon_files import Dialect, parse_file, save_files, walk_labels
from drivegrid.data.quarantine import Loaded, Saved
from drivegrid.data.scene import Scene
from drivegrid.errors import FormatError

FINE, COARSE, PICTURES = "gtFine", "gtCoarse", "leftImg8bit"

_FILE = re.compile(r"(?:(?P<stem>.*)_)?(?P<kind>gtFine|gtCoarse)_polygons\.json")
_STEM = re.compile(r"(?P<clip>.+_\d{6})_\d{6}")
"""City, number of the sequence, number of the frame."""


def open_cityscapes(path: str | Path) -> Source:
    """Open a folder of Cityscapes polygons.

    A name in ``group`` (``cargroup``: several that nobody told apart) is kept as the class of
    ``extra["cityscapes"]``. Objects without a label of ours (void, the own car, licence plates)
    and deleted ones are kept in the frame's extra. The clip is city and sequence. Label pictures
    (``labelIds``, ``instanceIds``, ``color``) are painted from the polygons and not read.

    Args:
        path: The data set's folder, or one inside it, for example ``gtFine/val``; picture names
            are relative to it. A folder that holds ``gtFine`` and ``gtCoarse`` stands for
            ``gtFine``, since many frames have both; open ``gtCoarse`` for the coarse ones.

    Raises:
        FormatError: While iterating, if there are no such files.
    """
    root = Path(path)
    return Source(
        _files(root), partial(parse_file, root, DIALECT), lambda entry: Place(root / entry)
    )


def load_cityscapes(path: str | Path) -> Loaded:
    """Return all frames of a folder at once; see ``open_cityscapes``."""
    return open_cityscapes(path).load()


def save_cityscapes(scenes: Iterable[Scene], path: str | Path) -> Saved:
    """Write polygons into a folder, laid out as Cityscapes is.

    Args:
        scenes: Any scenes; only polygons of one ring can be held. Their order is kept: later ones
            lie over earlier ones. A label without a class takes that of the label above it.
        path: The folder; it must be new or empty, and appears whole or not at all.

    A picture that Cityscapes would call otherwise is named under ``drivegrid_image``.

    Raises:
        OSError: If the disk is full or the folder cannot be written.
    """
    return save_files(scenes, Path(path), DIALECT)


def recognise_cityscapes(peek: Peek) -> str | None:
    """Return why a path holds Cityscapes polygons, None if it does not."""
    file = next((file for file in peek.files if _is_file(file.name)), None)
    return f"folder with {file.relative_to(peek.path)}" if file else None


def _files(root: Path) -> Iterator[str | FormatError]:
    both = (root / FINE).is_dir() and (root / COARSE).is_dir()
    for file in walk_labels(root, DIALECT):
        if not (both and isinstance(file, str) and file.startswith(f"{COARSE}/")):
            yield file


def _is_file(name: str) -> bool:
    return _FILE.fullmatch(PurePosixPath(name).name) is not None


def _image_of(file: str) -> str:
    """Return the picture of a label file.

    >>> _image_of("gtFine/val/lindau/lindau_000000_000019_gtFine_polygons.json")
    'leftImg8bit/val/lindau/lindau_000000_000019_leftImg8bit.png'
    """
    folder, match = PurePosixPath(file).parent, _FILE.fullmatch(PurePosixPath(file).name)
    assert match is not None
    parts = (PICTURES if part == match["kind"] else part for part in folder.parts)
    return str(PurePosixPath(*parts, f"{_joined(match['stem'])}{PICTURES}.png"))


def _file_of(image: str) -> str:
    """Return the label file of a picture, the other way round from ``_image_of``."""
    name, folder = PurePosixPath(image), PurePosixPath(image).parent
    parts = [FINE if part == PICTURES else part for part in folder.parts]
    top = [] if FINE in parts else [FINE]
    stem = name.stem.removesuffix(PICTURES).removesuffix("_")
    return str(PurePosixPath(*top, *parts, f"{_joined(stem)}{FINE}_polygons.json"))


def _joined(stem: str | None) -> str:
    return f"{stem}_" if stem else ""


def _clip_of(file: str) -> str | None:
    """Return city and sequence, else the folder."""
    match = _FILE.fullmatch(PurePosixPath(file).name)
    sequence = _STEM.fullmatch((match and match["stem"]) or "")
    return sequence["clip"] if sequence else str(PurePosixPath(file).parent)


DIALECT = Dialect(
    name="cityscapes",
    source="cityscapes",
    width="imgWidth",
    height="imgHeight",
    image_of=_image_of,
    file_of=_file_of,
    is_file=_is_file,
    clip_of=_clip_of,
    stand_ins={
        "object/person": "person",
        "object/person/cyclist": "rider",
        "object/person/motorcyclist": "rider",
        "object/vehicle/van": "car",
    },
)

CITYSCAPES = Format(
    name="cityscapes",
    title="Cityscapes polygons (gtFine, gtCoarse)",
    path_is="folder",
    open=open_cityscapes,
    save=save_cityscapes,
    recognise=recognise_cityscapes,
    holds="regions as polygons, their order",
    lost_in="",
    lost_out="all but polygons; holes; all attributes; labels below its classes; "
    "clips that are not the folder",
)
