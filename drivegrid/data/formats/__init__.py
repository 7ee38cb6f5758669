"""Label formats: each opens a data set as a ``Source`` of scenes and writes scenes back.

>>> [name for name in FORMATS if FORMATS[name].path_is == "folder"][:1]
['culane']
"""

from __future__ import annotations

from pathlib import Path

from drivegrid.data.formats.bdd100k import load_bdd100k, save_bdd100k
from drivegrid.data.formats.cityscapes import load_cityscapes, save_cityscapes
from drivegrid.data.formats.coco import load_coco
from drivegrid.data.formats.coco_write import save_coco
from drivegrid.data.formats.contract import Format, Source, parse_entry
from drivegrid.data.formats.culane import load_culane, save_culane
from drivegrid.data.formats.curvelanes import load_curvelanes, save_curvelanes
from drivegrid.data.formats.cvat import load_cvat, save_cvat
from drivegrid.data.formats.drivelm import load_drivelm
from drivegrid.data.formats.gtsrb import load_gtsrb, save_gtsrb
from drivegrid.data.formats.kitti import load_kitti, save_kitti
from drivegrid.data.formats.labelme import load_labelme, save_labelme
from drivegrid.data.formats.labelstudio import load_labelstudio, save_labelstudio
from drivegrid.data.formats.mask_painting import save_masks
from drivegrid.data.formats.masks import load_masks
from drivegrid.data.formats.mtsd import load_mtsd, save_mtsd
from drivegrid.data.formats.nuimages import load_nuimages
from drivegrid.data.formats.nuimages_write import save_nuimages
from drivegrid.data.formats.openlane import load_openlane, save_openlane
from drivegrid.data.formats.peek import Peek
from drivegrid.data.formats.referkitti import load_referkitti
from drivegrid.data.formats.scalabel import load_scalabel, save_scalabel
from drivegrid.data.formats.table import FORMATS
from drivegrid.data.formats.talk2car import load_talk2car, save_talk2car
from drivegrid.data.formats.tusimple import load_tusimple, save_tusimple
from drivegrid.data.formats.vistas import load_vistas, save_vistas
from drivegrid.data.formats.voc import load_voc, save_voc
from drivegrid.data.formats.yolo import load_yolo, save_yolo
from drivegrid.errors import FormatError

__all__ = [
    "FORMATS",
    "Format",
    "Source",
    "detect_format",
    "find_format",
    "load_bdd100k",
    "load_cityscapes",
    "load_coco",
    "load_culane",
    "load_curvelanes",
    "load_cvat",
    "load_drivelm",
    "load_gtsrb",
    "load_kitti",
    "load_labelme",
    "load_labelstudio",
    "load_masks",
    "load_mtsd",
    "load_nuimages",
    "load_openlane",
    "load_referkitti",
    "load_scalabel",
    "load_talk2car",
    "load_tusimple",
    "load_vistas",
    "load_voc",
    "load_yolo",
    "parse_entry",
    "possible_formats",
    "save_bdd100k",
    "save_cityscapes",
    "save_coco",
    "save_culane",
    "save_curvelanes",
    "save_cvat",
    "save_gtsrb",
    "save_kitti",
    "save_labelme",
    "save_labelstudio",
    "save_masks",
    "save_mtsd",
    "save_nuimages",
    "save_openlane",
    "save_scalabel",
    "save_talk2car",
    "save_tusimple",
    "save_vistas",
    "save_voc",
    "save_yolo",
]


def find_format(name: str) -> Format:
    """Return the format of a name.

    Raises:
        FormatError: If the name is unknown; lists the known ones.
    """
    if name not in FORMATS:
        raise FormatError(f"format must be one of {', '.join(FORMATS)}, got {name!r}.")
    return FORMATS[name]


def detect_format(path: str | Path) -> tuple[str, str]:
    """Return (name of the format, why) of a file or folder, from its content.

    Raises:
        FormatError: If it looks like none of the known formats, or like several; lists them.
    """
    peek = Peek(Path(path))
    found = _recognising(peek)
    if len(found) == 1:
        return next(iter(found.items()))
    if found:
        told = "; ".join(f"{name} ({reason})" for name, reason in found.items())
        raise FormatError(f"labels must be of one format, got {told}. Say which: --from.", path)
    raise FormatError(
        f"labels must be of a known format, got {_sight(peek)}. "
        f"Known are {', '.join(FORMATS)}; --from says which.",
        path,
    )


def possible_formats(path: str | Path) -> list[str]:
    """Return the names of all formats that a file or folder looks like; perhaps none.

    Raises:
        FormatError: If it is missing or cannot be read.
    """
    return list(_recognising(Peek(Path(path))))


def _recognising(peek: Peek) -> dict[str, str]:
    if not peek.path.exists():
        raise FormatError("labels must exist, got no such file or folder.", peek.path)
    reasons = {name: entry.recognise(peek) for name, entry in FORMATS.items()}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def _sight(peek: Peek) -> str:
    """Say what a path looks like that is of no known format."""
    if peek.is_folder:
        endings = sorted({_ending(file) for file in peek.files if file.suffix})
        return f"a folder with *{', *'.join(endings[:8])} files" if endings else "an empty folder"
    if isinstance(peek.json, dict):
        return f"JSON with the keys {sorted(peek.json)!s:.200}"
    if peek.line:
        return f"JSON lines with the keys {sorted(peek.line)!s:.200}"
    if peek.head.startswith(_PICTURES):
        return "a picture"
    return f"a file that begins with {peek.head[:40]!r}" if peek.head else "an empty file"


def _ending(file: Path) -> str:
    """Return the last suffix, with a short one before it: ``.lines.txt``."""
    before = "".join(file.suffixes[:-1][-1:])
    return (before if len(before) < 8 else "") + file.suffix


_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"BM")
