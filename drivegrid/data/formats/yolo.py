"""YOLO labels as Ultralytics has them: ``labels/x.txt`` for ``images/x.jpg``, names in data.yaml.

An instance a line, told apart by the count of numbers: ``class cx cy w h`` is a box, with a sixth
number its confidence; ``class x y x y x y ...`` is a polygon, with an odd number more than that its
confidence. All but class and confidence are shares of the picture's width and height. A picture
without a label file has nothing in it. Source: the Ultralytics documentation of detection,
segmentation and oriented box data sets.

What a scene cannot say stays in ``extra["yolo"]``: of the scene the data set's ``names``; of an
instance ``class`` where the name is not the label, and the texts of the ``numbers`` and of the
``confidence`` where the writer would choose others, or where the size was assumed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from drivegrid.data import fields
from drivegrid.data.checks import check_image_name
from drivegrid.data.files import read_lines, walk_files
from drivegrid.data.formats.boxes import left_out, word_for
from drivegrid.data.formats.contract import Format, Place, Source
from drivegrid.data.formats.label_tree import FrameFiles, save_label_tree
from drivegrid.data.formats.losing import frame_losses, instance_losses, item_of
from drivegrid.data.formats.naming import label_of_word
from drivegrid.data.formats.peek import Peek
from drivegrid.data.formats.twins import (
    Twins,
    find_labels,
    has_label_folder,
    label_heads,
    still_frame,
)
from drivegrid.data.formats.yolo_names import (
    DATA_FILE,
    MAX_CLASSES,
    NAME_FILES,
    NameTable,
    find_data_file,
    find_names,
    own_names,
    print_data_file,
    read_data_file,
    split_of,
)
from drivegrid.data.images import IMAGE_SUFFIXES
from drivegrid.data.quarantine import Loaded, Loss, Saved
from drivegrid.data.scene import Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import Box, Polygon, Size

SIZE: Size = (1280, 720)
"""Assumed without a picture, since the labels do not say the size."""
TWINS = Twins((("labels", "images"),), ".txt", ".jpg")
MAX_SHARE = 3.0
"""How far shares of a file may lie from 0 for it to be recognised as YOLO's."""

_OTHERS = (*NAME_FILES, "train.txt", "val.txt", "valid.txt", "test.txt", "requirements.txt")


def open_yolo(path: str | Path) -> Source:
    """Open YOLO labels of boxes or polygons.

    Args:
        path: A ``data.yaml`` or its folder; or any folder of labels. Labels lie in folders
            ``labels`` (``labels/train`` or ``train/labels``), their pictures in ``images`` beside
            those; without such folders, beside their pictures. ``path``, ``train`` and ``val`` of
            ``data.yaml`` are not followed: they name folders of another machine as often as not.

    Class names are those of ``data.yaml``, ``classes.txt`` or ``obj.names``, else the numbers
    themselves; labels are taxonomy paths or words. Pictures without a label file come too, with
    nothing in them. Without a picture the size is 1280x720. A file with anything wrong, a class
    without a name included, is set aside whole.

    Raises:
        FormatError: If there are no label files, or the names are wrong.
    """
    path = Path(path)
    given = path.is_file() and path.suffix in (".yaml", ".yml")
    root, files = find_labels(path.parent if given else path, TWINS, _is_other)
    names = find_names(root)
    return Source(
        _with_empty(root, files),
        partial(_parse, root, names),
        lambda entry: Place(entry[1] or root / entry[0]),
    )


def load_yolo(path: str | Path) -> Loaded:
    """Return all frames at once; see ``open_yolo``."""
    return open_yolo(path).load()


def recognise_yolo(peek: Peek) -> str | None:
    """Return why a path holds YOLO labels, None if it does not."""
    if not peek.is_folder:
        is_data = peek.path.suffix in (".yaml", ".yml") and _has_names(peek.path)
        return "YAML with names and pictures" if is_data else None
    data_file = find_data_file(peek.path)
    if data_file is not None and _has_names(data_file):
        return f"names and pictures in {data_file.name}"
    for look in label_heads(peek, TWINS):
        if _is_other(look.path):
            continue
        words = look.head.split(b"\n", 1)[0].decode("utf-8", "replace").split()
        try:
            numbers, confidence = _numbers(words, "line")
        except FormatError:
            continue
        near = all(abs(float(number)) <= MAX_SHARE for number in numbers)
        if near and (confidence is None or 0 <= confidence <= 1):
            return f"class and shares of the picture in {look.path.name}"
    return None


def _has_names(file: Path) -> bool:
    try:
        content = read_data_file(file)
    except FormatError:
        return False
    return "names" in content and bool({"train", "val", "test", "nc"} & content.keys())


def _is_other(file: Path) -> bool:
    """Tell text files of other formats; those of Refer-KITTI have six columns as well."""
    ends = file.name.endswith(".lines.txt") or file.name.startswith("README")
    return ends or file.name in _OTHERS or "labels_with_ids" in file.parts


def _with_empty(
    root: Path, files: Iterator[Path | FormatError]
) -> Iterator[tuple[str, Path | None] | FormatError]:
    """Yield image and label file of each frame, then pictures without a label file."""
    for label in files:
        try:
            yield (
                label if isinstance(label, FormatError) else (TWINS.image_name(root, label), label)
            )
        except FormatError as error:
            yield error.at(label) if isinstance(label, Path) else error
    apart = has_label_folder(root, root, TWINS)
    for file in walk_files(root):
        if not isinstance(file, Path) or not file.name.lower().endswith(IMAGE_SUFFIXES):
            continue
        image = file.relative_to(root).as_posix()
        label_name = TWINS.label_name(image)
        if apart and not TWINS.is_label(Path(label_name)):
            continue
        if not (root / label_name).is_file():
            yield image, None


def _parse(root: Path, names: list[str] | None, entry: tuple[str, Path | None]) -> Scene:
    image, label = entry
    frame, about_size = still_frame(root, check_image_name(image), SIZE)
    instances: list[Instance] = []
    for number, line in read_lines(label) if label else ():
        item = f"instance {len(instances)}"
        try:
            words = line.decode("utf-8", "replace").split()
            if words:
                instances.append(_instance(words, names, frame.size_wh, bool(about_size)))
        except FormatError as error:
            raise FormatError(error.message, label, number, item) from error
    extra = {"yolo": {"names": names}} if names is not None else {}
    return Scene(frame, tuple(instances), extra | about_size)


def _numbers(words: list[str], item: str) -> tuple[list[str], float | None]:
    """Return the texts of the shares on a line, and the confidence.

    Raises:
        FormatError: If the count is of neither box nor polygon, or a word is no number.
    """
    count = len(words)
    if count < 5:
        raise FormatError(f"{item} must be a class and 4 numbers or more, got {count} words.")
    if not (words[0].isascii() and words[0].isdecimal() and len(words[0]) < 6):
        raise FormatError(f"class must be a whole number, got {words[0]!r:.50}.")
    for word in words[1:]:
        fields.number_text(word, item)
    if count % 2:
        return words[1:], None
    return words[1:-1], float(words[-1])


def _instance(
    words: list[str], names: list[str] | None, size_wh: Size, is_assumed: bool
) -> Instance:
    texts, confidence = _numbers(words, "shares")
    index = int(words[0])
    if index >= (MAX_CLASSES if names is None else len(names)):
        raise FormatError(f"class must have a name, got {index}.")
    if confidence is not None and not 0 <= confidence <= 1:
        raise FormatError(f"confidence must be in [0, 1], got {words[-1]}.")
    name = str(index) if names is None else names[index]
    label, geometry = label_of_word(name), _shape(texts, size_wh)
    own: dict[str, Any] = {} if name == label else {"class": name}
    if is_assumed or texts != _texts(geometry, size_wh):
        own["numbers"] = texts
    if confidence is not None and words[-1] != repr(confidence):
        own["confidence"] = words[-1]
    extra = {"yolo": own} if own else {}
    return Instance(label, geometry, confidence=confidence, extra=extra)


def _shape(texts: Sequence[str], size_wh: Size) -> Box | Polygon:
    """Return the shape of shares of the picture; four are a box."""
    shares = np.array([float(text) for text in texts]).reshape(-1, 2)
    if len(texts) > 4:
        points = shares * size_wh
        fields.points(points.tolist(), "polygon")
        return Polygon((points,))
    center, extent = shares
    first, last = (center - extent / 2) * size_wh, (center + extent / 2) * size_wh
    for value in (*first, *last):
        fields.number(float(value), "corner in pixels")
    return fields.box(first[0], first[1], last[0], last[1], "box")


def _texts(shape: Box | Polygon, size_wh: Size) -> list[str]:
    """Return the shares of a shape: six decimals where they give it back, else all."""
    if isinstance(shape, Box):
        first, last = shape.parts()[0] / size_wh
        shares = np.concatenate([(first + last) / 2, last - first])
    else:
        shares = (shape.rings[0] / size_wh).ravel()
    short = [f"{share:.6f}" for share in shares.tolist()]
    same = np.array_equal(_shape(short, size_wh).parts()[0], shape.parts()[0])
    return short if same else [repr(share) for share in shares.tolist()]


def save_yolo(scenes: Iterable[Scene], path: str | Path) -> Saved:
    """Write a label file for each frame, and ``data.yaml``.

    A picture in a folder ``images`` has its label in the folder ``labels`` beside that, any other
    picture beside itself; the first frame decides which of the two a data set does. Classes keep
    the ids they were read with unless those are taken; others get the next. The names of
    ``data.yaml`` are those that were read, while they mean the label, else taxonomy paths; where
    all are mere numbers there is no ``data.yaml``. In a folder with content, such as the pictures,
    each file appears for itself.

    Args:
        scenes: Any scenes; only boxes and polygons can be held, of a polygon its first ring.
        path: Root folder, made if absent.

    Returns:
        What could not be held, and the frames without a usable image name.

    Raises:
        OSError: If the disk is full or the folder cannot be written.
    """
    table, folders = NameTable(), set[tuple[str, str]]()

    def files_of(scene: Scene) -> FrameFiles:
        files = _files(scene, table)
        folders.add(split_of(scene.frame.image))
        return files

    def data_file() -> Mapping[str, str]:
        if table.are_numbers():
            return {}
        return {DATA_FILE: print_data_file(table.to_list(), folders)}

    return save_label_tree(scenes, path, TWINS.one_layout(files_of), last=data_file)


def _files(scene: Scene, table: NameTable) -> FrameFiles:
    table.add_all(own_names(fields.own_extra(scene, "yolo")))
    lines, losses = [], frame_losses(scene, "yolo", None)
    for index in range(len(scene.instances)):
        line, lost = _line(scene, index, table)
        lines += [line] if line else []
        losses += lost
    losses += TWINS.losses(scene, SIZE)
    text = "".join(f"{line}\n" for line in lines)
    return FrameFiles({TWINS.label_name(scene.frame.image): text}, "", losses)


def _line(scene: Scene, index: int, table: NameTable) -> tuple[str | None, list[Loss]]:
    instance = scene.instances[index]
    shape, losses = instance.geometry, instance_losses(scene, index, also={"confidence"})
    if isinstance(shape, Polygon) and len(shape.rings) and len(shape.rings[0]) >= 3:
        if len(shape.rings) > 1:
            message = "rings after the first left out"
            losses.append(Loss(scene.frame.image, message, item_of(index, instance)))
    elif not isinstance(shape, Box):
        return None, [left_out(scene, index, "no box or polygon")]
    own = fields.own_extra(instance, "yolo")
    texts = _own_texts(own, shape, scene.frame.size_wh) or _texts(shape, scene.frame.size_wh)
    words = [str(table.id_of(word_for(instance, own.get("class")))), *texts]
    if instance.confidence is not None:
        text = _checked_word(own.get("confidence", repr(instance.confidence)))
        words.append(text if float(text) == instance.confidence else repr(instance.confidence))
    return " ".join(words), losses


def _own_texts(own: Mapping[str, Any], shape: Box | Polygon, size_wh: Size) -> list[str]:
    """Return the numbers as they were read, if they still give the shape back; else none."""
    texts = fields.as_kind(own.get("numbers", []), list, "extra yolo, numbers")
    texts = [_checked_word(text) for text in texts]
    if len(texts) < 4 or len(texts) % 2:
        return []
    return texts if np.array_equal(_shape(texts, size_wh).parts()[0], shape.parts()[0]) else []


def _checked_word(text: object) -> str:
    """Return a number's text that the reader left; FormatError if it could not have."""
    word = fields.as_kind(text, str, "extra yolo")
    if word.split() != [word]:
        raise FormatError(f"extra yolo must hold words, got {word!r:.50}.")
    fields.number_text(word, "extra yolo")
    return word


YOLO = Format(
    name="yolo",
    title="YOLO (labels/*.txt beside images, data.yaml), a folder or its data.yaml",
    path_is="folder",
    open=open_yolo,
    save=save_yolo,
    recognise=recognise_yolo,
    holds="boxes and polygons of any name, confidence",
    lost_in="paths, links and texts of data.yaml",
    lost_out="points and lines; holes; attributes; clips; sizes",
    shares=True,
)
