"""Pascal VOC: one XML file a picture, ``Annotations/x.xml`` for ``JPEGImages/x.jpg``.

Corners: the VOC development kit counts pixels from 1 and includes the last; most tools that write
the format count from 0. A file does not say which, so the numbers are kept as they are. Names are
free. Source: the annotation files of VOC2007 to VOC2012 and labelImg.

What a scene cannot say stays in ``extra["voc"]``. Of an instance: ``class`` where the name is not
the label, the texts of ``pose``, ``truncated``, ``occluded`` and ``difficult``, those of the
corners (``bndbox``) where they are not the shortest, and other elements (``rest``). Of the scene:
the texts of ``folder``, ``filename`` and ``segmented``, ``depth`` where it is not 3, other elements
and attributes, and the label's ``file`` where it is not named after the picture.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from drivegrid.data import fields
from drivegrid.data.checks import check_image_name
from drivegrid.data.formats.boxes import allowed_only, left_out, plain_number, word_for
from drivegrid.data.formats.contract import Format, Place, Source
from drivegrid.data.formats.label_tree import FrameFiles, save_label_tree
from drivegrid.data.formats.losing import frame_losses, instance_losses
from drivegrid.data.formats.naming import label_of_word
from drivegrid.data.formats.peek import Peek
from drivegrid.data.formats.twins import Twins, find_labels, label_heads, still_frame
from drivegrid.data.formats.voc_xml import (
    add_text,
    checked_name,
    checked_text,
    from_json,
    one_child,
    print_xml,
    read_xml,
    text_of,
    to_json,
)
from drivegrid.data.quarantine import Loaded, Loss, Saved
from drivegrid.data.scene import MAX_SIDE_PX, Frame, Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import Box, Size

SIZE: Size = (500, 375)
"""Assumed where neither the file nor a picture says the size: VOC's usual one."""
CORNERS = ("xmin", "ymin", "xmax", "ymax")
FLAGS = ("truncated", "occluded", "difficult")
TWINS = Twins(
    (("Annotations", "JPEGImages"), ("annotations", "images")), ".xml", ".jpg", lists="ImageSets"
)

_FRAME_TEXTS = ("folder", "filename", "segmented")
_OBJECT_TEXTS = ("pose", *FLAGS)
_USUAL = {"pose": "Unspecified", "truncated": "0", "occluded": "0", "difficult": "0"}
_SAYING = {
    "cut off": {"truncated": "1", "occluded": "0"},
    "partly hidden": {"truncated": "0", "occluded": "1"},
}


def open_voc(path: str | Path) -> Source:
    """Open Pascal VOC annotations.

    Args:
        path: A folder with ``Annotations`` or ``annotations`` folders in it, such a folder itself,
            any folder of ``*.xml``; or a list of ``ImageSets``. Pictures are looked for in
            ``JPEGImages``, in ``images``, then beside the annotation, by the name it says and then
            by its own.

    Labels are taxonomy paths or words. ``truncated`` 1 is the visible state cut off, ``occluded`` 1
    partly hidden; 0, which tools write unasked, says nothing. The size is the file's, else the
    picture's, else 500x375. A file with anything wrong is set aside whole.

    Raises:
        FormatError: If there are no annotation files.
    """
    root, files = find_labels(Path(path), TWINS, lambda _: False)
    return Source(files, partial(_parse, root), Place)


def load_voc(path: str | Path) -> Loaded:
    """Return all frames at once; see ``open_voc``."""
    return open_voc(path).load()


def recognise_voc(peek: Peek) -> str | None:
    """Return why a path holds Pascal VOC annotations, None if it does not."""
    for look in label_heads(peek, TWINS):
        if re.search(rb"<annotation[\s>]", look.head):
            return f"<annotation> in {look.path.name}"
    return None


def _parse(root: Path, label: Path) -> Scene:
    try:
        return _scene(read_xml(label, "annotation"), root, label)
    except FormatError as error:
        item = error.item or (f"image {error.path}" if error.path not in (None, label) else None)
        raise FormatError(error.message, label, item=item) from error


def _scene(record: Element, root: Path, label: Path) -> Scene:
    objects = record.findall("object")
    instances = tuple(_instance(found, f"object {i}") for i, found in enumerate(objects))
    written = (text_of(record, "filename") or "").replace("\\", "/")
    image = TWINS.image_name(root, label, PurePosixPath(written).name)
    extra: dict[str, Any] = _texts(record, _FRAME_TEXTS)
    size = _size(record, extra)
    if size is None:
        frame, about_size = still_frame(root, image, SIZE)
    else:
        frame, about_size = Frame(image, size), {}
    beside = label.relative_to(root).as_posix()
    if beside != TWINS.label_name(image):
        extra["file"] = check_image_name(beside)
    known = (*_FRAME_TEXTS, "object", "size")
    if rest := [to_json(child) for child in record if child.tag not in known]:
        extra["rest"] = rest
    if record.attrib:
        extra["attributes"] = {checked_name(name): value for name, value in record.attrib.items()}
    return Scene(frame, instances, {"voc": extra} | about_size)


def _size(record: Element, extra: dict[str, Any]) -> Size | None:
    """Return the size a file says, None if it says none or zero, as some tools do."""
    if record.find("size") is None:
        return None
    size = one_child(record, "size", "size")
    sides = [text_of(size, tag) or "0" for tag in ("width", "height")]
    if (depth := text_of(size, "depth")) != "3":
        extra["depth"] = depth
    if not all(side.isascii() and side.isdecimal() and len(side) < 10 for side in sides):
        raise FormatError(f"size must be two whole numbers, got {sides!s:.100}.", item="size")
    width, height = map(int, sides)
    if max(width, height) > MAX_SIDE_PX:
        raise FormatError(f"sides must be at most {MAX_SIDE_PX}, got {sides}.", item="size")
    return (width, height) if width and height else None


def _texts(record: Element, tags: Iterable[str]) -> dict[str, str]:
    """Return the texts of children that are there."""
    found = {tag: text_of(record, tag) for tag in tags}
    return {tag: text for tag, text in found.items() if text is not None}


def _instance(found: Element, item: str) -> Instance:
    name = text_of(found, "name")
    if not name:
        raise FormatError(f"{item} must have a name, got {name!r}.", item=item)
    corners = one_child(found, "bndbox", item)
    texts = [(one_child(corners, tag, item).text or "").strip() for tag in CORNERS]
    numbers = [fields.number_text(text, f"{item}, bndbox") for text in texts]
    own: dict[str, Any] = _texts(found, _OBJECT_TEXTS)
    label = label_of_word(name)
    if name != label:
        own["class"] = name
    if texts != [plain_number(number) for number in numbers]:
        own["bndbox"] = texts
    known = ("name", "bndbox", *_OBJECT_TEXTS)
    if rest := [to_json(child) for child in found if child.tag not in known]:
        own["rest"] = rest
    attributes = allowed_only(label, _visible_state(own))
    left, top, right, bottom = numbers
    box = fields.box(left, top, right, bottom, item)
    return Instance(label, box, attributes, extra={"voc": own})


def _visible_state(own: Mapping[str, str]) -> dict[str, str]:
    if own.get("truncated") == "1":
        return {"visible_state": "cut off"}
    return {"visible_state": "partly hidden"} if own.get("occluded") == "1" else {}


def save_voc(scenes: Iterable[Scene], path: str | Path) -> Saved:
    """Write an annotation file for each frame.

    A picture in ``JPEGImages`` has its file in ``Annotations`` beside that, one in ``images`` in
    ``annotations``, any other picture beside itself; the first frame decides which a data set does.
    In a folder with content, such as the pictures, each file appears for itself. Names are those
    that were read while they mean the label, else taxonomy paths.

    Args:
        scenes: Any scenes; only boxes can be held.
        path: Root folder, made if absent.

    Returns:
        What could not be held, and the frames without a usable image name.

    Raises:
        OSError: If the disk is full or the folder cannot be written.
    """
    return save_label_tree(scenes, path, TWINS.one_layout(_files))


def _files(scene: Scene) -> FrameFiles:
    own = fields.own_extra(scene, "voc")
    image = PurePosixPath(scene.frame.image)
    record = Element("annotation")
    for name, value in fields.as_kind(own.get("attributes", {}), dict, "extra voc").items():
        record.set(checked_name(name), checked_text(fields.as_kind(value, str, "extra voc")))
    new = "voc" not in scene.extra
    folder = fields.as_kind(own.get("folder", image.parent.name), str, "extra voc, folder")
    if new or "folder" in own:
        add_text(record, "folder", folder)
    if new or "filename" in own:
        add_text(record, "filename", _filename(own, image))
    for held in fields.as_kind(own.get("rest", []), list, "extra voc, rest"):
        from_json(record, held)
    _add_size(record, scene, own)
    if new or "segmented" in own:
        add_text(record, "segmented", fields.as_kind(own.get("segmented", "0"), str, "segmented"))
    losses = frame_losses(scene, "voc", None)
    for index in range(len(scene.instances)):
        losses += _add_object(record, scene, index)
    return FrameFiles({_file(own, scene.frame.image): print_xml(record)}, "", losses)


def _filename(own: Mapping[str, Any], image: PurePosixPath) -> str:
    """Return the picture's name, as the file wrote it where that still leads to the picture."""
    written = fields.as_kind(own.get("filename", image.name), str, "extra voc, filename")
    leads = PurePosixPath(written.replace("\\", "/")).name
    elsewhere = leads.lower().endswith(image.suffix.lower()) and leads != image.name
    return image.name if elsewhere else written


def _file(own: Mapping[str, Any], image: str) -> str:
    """Return the name of the annotation file: as it was, or after the picture."""
    usual = TWINS.label_name(image)
    file = check_image_name(own.get("file", usual))
    return file if file.endswith(TWINS.suffix) else usual


def _add_size(record: Element, scene: Scene, own: Mapping[str, Any]) -> None:
    """Add the size, unless it was assumed."""
    if scene.extra.get("assumed_size") is True:
        return
    size = SubElement(record, "size")
    for tag, side in zip(("width", "height"), scene.frame.size_wh, strict=True):
        add_text(size, tag, str(side))
    depth = own.get("depth", "3")
    if depth is not None:
        add_text(size, "depth", fields.as_kind(depth, str, "extra voc, depth"))


def _add_object(record: Element, scene: Scene, index: int) -> list[Loss]:
    """Add an instance, and return what is lost of it."""
    instance = scene.instances[index]
    if not isinstance(instance.geometry, Box):
        return [left_out(scene, index, "no box")]
    own = fields.own_extra(instance, "voc")
    was_read = "voc" in instance.extra
    texts = {tag: own[tag] for tag in _OBJECT_TEXTS if tag in own} if was_read else dict(_USUAL)
    state = instance.attributes.get("visible_state")
    if allowed_only(instance.label, _visible_state(texts)).get("visible_state") != state:
        texts |= _SAYING.get(state or "", {"truncated": "0", "occluded": "0"})
    found = SubElement(record, "object")
    name = word_for(instance, own.get("class"))
    if name.strip() != name or not name:
        raise FormatError(f"class name must be text without blanks around, got {name!r:.100}.")
    add_text(found, "name", name)
    for tag in _OBJECT_TEXTS:
        if tag in texts:
            add_text(found, tag, fields.as_kind(texts[tag], str, f"extra voc, {tag}"))
    corners = SubElement(found, "bndbox")
    for tag, text in zip(CORNERS, _corner_texts(instance.geometry, own), strict=True):
        add_text(corners, tag, text)
    for held in fields.as_kind(own.get("rest", []), list, "extra voc, rest"):
        from_json(found, held)
    return instance_losses(scene, index, {"visible_state"} if state in _SAYING else frozenset())


def _corner_texts(box: Box, own: Mapping[str, Any]) -> list[str]:
    """Return the corners, as they were read where they are still the same."""
    texts = fields.as_kind(own.get("bndbox", []), list, "extra voc, bndbox")
    texts = [fields.as_kind(text, str, "extra voc, bndbox") for text in texts]
    values = box.xyxy.tolist()
    if [fields.number_text(text, "extra voc, bndbox") for text in texts] == values:
        return texts
    return [plain_number(value) for value in values]


VOC = Format(
    name="voc",
    title="Pascal VOC (Annotations/*.xml beside JPEGImages), a folder or a list in ImageSets",
    path_is="folder",
    open=open_voc,
    save=save_voc,
    recognise=recognise_voc,
    holds="boxes of any name, cut off and partly hidden, size",
    lost_in="",
    lost_out="all but boxes; other attributes; confidence; clips",
)
