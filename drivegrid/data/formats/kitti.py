"""KITTI objects: ``label_2/000001.txt`` for ``image_2/000001.png``, an object a line.

Fifteen columns: type truncated occluded alpha left top right bottom height width length x y z
rotation_y; detections have a score as sixteenth. Corners count from 0, in pixels with two
decimals, and are kept as they are. Source: the readme of the KITTI object development kit.

What a scene cannot say stays, as the texts that were read, in ``extra["kitti"]`` of an instance
under the names of the columns; ``DontCare`` lines in ``extra["kitti"]["dont_care"]`` of the scene,
as [place, line] pairs. So an unchanged scene is written byte for byte, single blanks provided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from drivegrid.data import fields
from drivegrid.data.files import read_lines
from drivegrid.data.formats.boxes import allowed_only, coarser, left_out
from drivegrid.data.formats.contract import Format, Place, Source
from drivegrid.data.formats.label_tree import FrameFiles, save_label_tree
from drivegrid.data.formats.losing import frame_losses, instance_losses
from drivegrid.data.formats.naming import class_of, label_of
from drivegrid.data.formats.peek import Peek
from drivegrid.data.formats.twins import Twins, find_labels, label_heads, still_frame
from drivegrid.data.quarantine import Loaded, Loss, Saved
from drivegrid.data.scene import Instance, Scene
from drivegrid.errors import ConfigError, FormatError
from drivegrid.geometry import Box, Size
from drivegrid.labels import DroppedLabel, default_label_space

SIZE: Size = (1242, 375)
"""Assumed without a picture: most of KITTI's have it."""
TYPES = ("Car", "Van", "Truck", "Pedestrian", "Person_sitting", "Cyclist", "Tram", "Misc")
COLUMNS = (
    "type", "truncated", "occluded", "alpha", "left", "top", "right", "bottom",
    "height", "width", "length", "x", "y", "z", "rotation_y", "score",
)  # fmt: skip
CORNERS = COLUMNS[4:8]
CUT_OFF = 0.2
"""Share beyond the image from which an object is cut off: less of it is missing from one that the
taxonomy calls fully visible."""
TWINS = Twins((("label_2", "image_2"),), ".txt", ".png", lists="ImageSets")

_UNKNOWN = dict(zip(COLUMNS[1:4], ("-1", "-1", "-10"), strict=True)) | dict(
    zip(COLUMNS[8:15], ("-1", "-1", "-1", "-1000", "-1000", "-1000", "-10"), strict=True)
)
"""What the development kit writes for what is not known."""
_SAYING = {
    "fully visible": {"truncated": "0.00", "occluded": "0"},
    "partly hidden": {"truncated": "0.00", "occluded": "1"},
    "mostly hidden": {"truncated": "0.00", "occluded": "2"},
    "cut off": {"truncated": "1.00", "occluded": "3"},
    None: {"truncated": "-1", "occluded": "-1"},
}


def open_kitti(path: str | Path) -> Source:
    """Open KITTI object labels or detections.

    Args:
        path: A folder with ``label_2`` folders in it (``training/label_2`` beside
            ``training/image_2``), such a folder itself, any folder of label files, whose pictures
            are looked for beside them; or a list of ``ImageSets``. Images are named relative to
            the folder given, or the one above ``label_2`` or ``ImageSets``.

    ``occluded`` becomes the visible state; more than a fifth ``truncated`` is cut off. A score in
    [0, 1] is the confidence. ``DontCare`` regions are no instances, but are kept. Without a picture
    the size is 1242x375, and ``.png`` its ending. A file with anything wrong is set aside whole.

    Raises:
        FormatError: If there are no label files.
    """
    root, files = find_labels(Path(path), TWINS, _is_other)
    return Source(files, partial(_parse, root), Place)


def load_kitti(path: str | Path) -> Loaded:
    """Return all frames at once; see ``open_kitti``."""
    return open_kitti(path).load()


def recognise_kitti(peek: Peek) -> str | None:
    """Return why a path holds KITTI objects, None if it does not."""
    if any(TWINS.is_label(file.relative_to(peek.path.parent)) for file in peek.files):
        return "folder label_2 with *.txt"
    for look in label_heads(peek, TWINS):
        words = look.head.split(b"\n", 1)[0].decode("utf-8", "replace").split()
        try:
            _check_words(words)
        except FormatError:
            continue
        return f"objects of {len(words)} columns in {look.path.name}"
    return None


def _is_other(file: Path) -> bool:
    return file.parent.name in ("calib", "ImageSets") or file.name.endswith(".lines.txt")


def _parse(root: Path, label: Path) -> Scene:
    instances: list[Instance] = []
    dont_care: list[list[Any]] = []
    for number, line in read_lines(label):
        if not line:
            continue
        item = f"object {len(instances) + len(dont_care)}"
        try:
            words = line.decode("utf-8", "replace").split()
            instance = _instance(words, item)
        except FormatError as error:
            raise FormatError(error.message, label, number, item) from error
        if instance is None:
            dont_care.append([len(instances) + len(dont_care), " ".join(words)])
        else:
            instances.append(instance)
    frame, about_size = still_frame(root, TWINS.image_name(root, label), SIZE)
    extra = {"kitti": {"dont_care": dont_care}} if dont_care else {}
    return Scene(frame, tuple(instances), extra | about_size)


def _check_words(words: list[str]) -> None:
    """Raise FormatError for what is no line of a label file."""
    if len(words) not in (15, 16):
        raise FormatError(f"object must have 15 or 16 columns, got {len(words)}.")
    for column, word in islice(zip(COLUMNS, words, strict=False), 1, None):
        fields.number_text(word, column)
    if not words[0][0].isalpha() or "\ufffd" in words[0]:
        raise FormatError(f"type must be a name, got {words[0]!r:.50}.")


def _instance(words: list[str], item: str) -> Instance | None:
    """Return the object of a line, None for a region that the labels leave open."""
    _check_words(words)
    target = label_of("kitti", words[0])
    if isinstance(target, DroppedLabel):
        return None
    own = dict(zip(COLUMNS, words, strict=False))
    left, top, right, bottom = (float(own[column]) for column in CORNERS)
    box = fields.box(left, top, right, bottom, item)
    attributes = dict(target.attributes) | allowed_only(target.path, _visible_state(own))
    confidence = _confidence(own)
    for column in CORNERS if confidence is None else (*CORNERS, "score"):
        if own[column] == _two_decimals(float(own[column])):
            del own[column]
    return Instance(target.path, box, attributes, confidence=confidence, extra={"kitti": own})


def _visible_state(own: Mapping[str, str]) -> Mapping[str, str]:
    if float(own["truncated"]) > CUT_OFF:
        return {"visible_state": "cut off"}
    try:
        level = default_label_space().map_attribute(
            "kitti", "occluded", f"{float(own['occluded']):g}"
        )
    except ConfigError:
        return {}
    return {} if isinstance(level, DroppedLabel) else level


def _confidence(own: Mapping[str, str]) -> float | None:
    """Return the score of an object where it can be read as one in [0, 1]."""
    score = float(own.get("score", "-1"))
    return score if 0 <= score <= 1 else None


def _two_decimals(value: float) -> str:
    """Return a number as KITTI writes it, with all its decimals where two do not give it back."""
    text = f"{value:.2f}"
    return text if float(text) == value else repr(value)


def save_kitti(scenes: Iterable[Scene], path: str | Path) -> Saved:
    """Write a label file for each frame.

    A picture in a folder ``image_2`` has its label in the folder ``label_2`` beside that, any other
    picture beside itself; the first frame decides which of the two a data set does. In a folder
    with content, such as the pictures, each file appears for itself. What the columns ask and a
    scene does not say (3D box, angles) is written as the development kit's "not known".

    Args:
        scenes: Any scenes; only boxes that KITTI has a type for can be held.
        path: Root folder, made if absent.

    Returns:
        What could not be held, and the frames without a usable image name.

    Raises:
        OSError: If the disk is full or the folder cannot be written.
    """
    return save_label_tree(scenes, path, TWINS.one_layout(_files))


def _files(scene: Scene) -> FrameFiles:
    lines, losses = [], frame_losses(scene, "kitti", None)
    for index in range(len(scene.instances)):
        line, lost = _line(scene, index)
        lines += [line] if line else []
        losses += lost
    kept = fields.own_extra(scene, "kitti").get("dont_care", [])
    fields.put_back(lines, kept, "extra kitti, dont_care")
    for _, line in kept:
        words = fields.as_kind(line, str, "extra kitti, dont_care").split(" ")
        if len(words) not in (15, 16) or words != line.split() or _instance(words, "region"):
            raise FormatError(f"extra kitti must hold DontCare lines, got {line!r:.100}.")
    losses += TWINS.losses(scene, SIZE)
    text = "".join(f"{line}\n" for line in lines)
    return FrameFiles({TWINS.label_name(scene.frame.image): text}, "", losses)


def _line(scene: Scene, index: int) -> tuple[str | None, list[Loss]]:
    instance = scene.instances[index]
    if not isinstance(instance.geometry, Box):
        return None, [left_out(scene, index, "no box")]
    own = _checked(fields.own_extra(instance, "kitti"))
    name = class_of("kitti", instance, own.get("type"))
    if name is None or name.name not in (*TYPES, own.get("type")):
        return None, [left_out(scene, index, "KITTI has no type for it")]
    words = {**_UNKNOWN, **own, "type": name.name}
    state = instance.attributes.get("visible_state")
    said = allowed_only(instance.label, _visible_state(words))
    if said.get("visible_state") != state and state in _SAYING:
        words |= _SAYING[state]
    numbers = dict(zip(CORNERS, instance.geometry.xyxy.tolist(), strict=True))
    if instance.confidence is not None:
        numbers["score"] = instance.confidence
    elif _confidence(own) is not None:
        del words["score"]
    for column, value in numbers.items():
        if column not in own or float(own[column]) != value:
            words[column] = _two_decimals(value)
    losses = coarser(scene, index, name.path, name.name)
    held = name.says | ({"visible_state"} if state in _SAYING else set())
    losses += instance_losses(scene, index, held, {"confidence"})
    return " ".join(words[column] for column in COLUMNS if column in words), losses


def _checked(own: dict[str, Any]) -> dict[str, str]:
    """Return the columns that were read, each a word; FormatError if they could not have been."""
    for column in COLUMNS:
        if column in own:
            text = fields.as_kind(own[column], str, f"extra kitti, {column}")
            if text.split() != [text]:
                raise FormatError(f"extra kitti, {column} must be a word, got {text!r:.50}.")
            if column != "type":
                fields.number_text(text, f"extra kitti, {column}")
    return own


KITTI = Format(
    name="kitti",
    title="KITTI objects (label_2/*.txt beside image_2), a folder or a list in ImageSets",
    path_is="folder",
    open=open_kitti,
    save=save_kitti,
    recognise=recognise_kitti,
    holds="boxes of eight types of road users, visible state, confidence",
    lost_in="",
    lost_out="all but boxes of road users; other attributes; clips",
)
