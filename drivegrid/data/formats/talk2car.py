"""Talk2Car: commands to the car, each about one object of a nuScenes front picture.

``{"scene_tokens": [...], "commands": [{"scene_token", "sample_token", "command", "obj_name",
"box_token", "command_token", "2d_box": [x, y, w, h], "t2c_img", "translation", ...}]}``: a box is
its upper left corner, width and height in pixels of 1600x900; ``obj_name`` a nuScenes class.
Commands of the test split have no object. Source: talk2car/Talk2Car, data/README.md, the files
beside it, and utils/visualize.py.

Commands of one ``sample_token`` are one scene: the data set has a copy of its picture for each
command, and the first names the frame. A box that several commands mean is one instance. Commands
with an object are ``extra["expressions"]``; what else a command says stays under ``talk2car``
there. Commands without, whose target nobody knows, stay in ``extra["talk2car"]["open"]`` whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np

from drivegrid.data import fields
from drivegrid.data.checks import check_image_name
from drivegrid.data.files import atomic_path, fill_lines, parse_json
from drivegrid.data.formats.boxes import coarser, left_out
from drivegrid.data.formats.contract import Format, Source, in_entry
from drivegrid.data.formats.frames import find_frame, object_file
from drivegrid.data.formats.holding import held
from drivegrid.data.formats.losing import frame_losses, instance_losses
from drivegrid.data.formats.naming import class_of, label_of
from drivegrid.data.formats.peek import Peek
from drivegrid.data.json_stream import array_items
from drivegrid.data.quarantine import Loaded, Loss, Saved
from drivegrid.data.scene import KEY_OBJECTS, Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import Box, Size
from drivegrid.labels import DroppedLabel, MappedLabel

SIZE: Size = (1600, 900)
_Commands = list[tuple[int, dict[str, Any]]]


def open_talk2car(path: str | Path, root: str | Path | None = None) -> Source:
    """Open a file of Talk2Car commands (``.json`` or ``.json.gz``), which is held in memory.

    Args:
        path: The file.
        root: Folder of the pictures; default: the file's folder. Without a picture there the size
            is 1600x900.

    A frame with anything wrong in one of its commands is set aside whole; a command without a
    ``sample_token`` is set aside alone.

    Raises:
        FormatError: If there is no such file, or it holds no object.
    """
    path, folder = object_file(path, root, "with commands")
    return Source(_entries(path), partial(_parse, path, folder))


def load_talk2car(path: str | Path, root: str | Path | None = None) -> Loaded:
    """Return all frames at once; see ``open_talk2car``."""
    return open_talk2car(path, root).load()


def recognise_talk2car(peek: Peek) -> str | None:
    """Return why a path holds Talk2Car's commands, None if it does not."""
    is_object = peek.head.lstrip()[:1] == b"{"
    if is_object and b'"commands"' in peek.head and b'"command_token"' in peek.head:
        return "JSON object of commands with command_token"
    return None


def _entries(path: Path) -> Iterator[_Commands | FormatError]:
    """Yield the commands of each frame, frames in the order in which they are first named."""
    frames: dict[str, _Commands] = {}
    broken: list[FormatError] = []
    try:
        for number, text in array_items(path, "commands"):
            try:
                command = fields.as_kind(parse_json(text), dict, "command")
                token = fields.field(command, "sample_token", str)
            except FormatError as error:
                broken.append(FormatError(error.message, path, item=f"command {number}"))
                continue
            frames.setdefault(token, []).append((number, command))
    except FormatError as error:
        broken.append(error)
    yield from frames.values()
    yield from broken


def _parse(path: Path, root: Path, commands: _Commands) -> Scene:
    instances: list[Instance] = []
    expressions: list[dict[str, Any]] = []
    unknown: list[dict[str, Any]] = []
    try:
        for number, command in commands:
            item = f"command {number}"
            text = fields.field(command, "command", str)
            if command.get("2d_box") is None:
                unknown.append(command)
                continue
            found = _instance(command)
            if found not in instances:
                instances.append(found)
            rest = {k: v for k, v in command.items() if k not in ("command", "2d_box", "obj_name")}
            expressions.append(
                {"text": text, "targets": [instances.index(found)], "source": "talk2car"}
                | {"talk2car": rest}
            )
        item = f"command {commands[0][0]}"
        return _scene(root, commands[0][1], instances, expressions, unknown)
    except FormatError as error:
        raise in_entry(error, path, item) from error


def _scene(
    root: Path,
    first: dict[str, Any],
    instances: list[Instance],
    expressions: list[dict[str, Any]],
    unknown: list[dict[str, Any]],
) -> Scene:
    """Return the scene of a frame; a file of the first version names its frame by its token."""
    image = first.get("t2c_img", f"{first['sample_token']}.jpg")
    frame, about_size = find_frame(root, check_image_name(image), SIZE)
    clip = first.get("scene_token")
    frame = replace(frame, clip=None if clip is None else fields.as_kind(clip, str, "scene_token"))
    extra: dict[str, Any] = {"expressions": expressions, KEY_OBJECTS: True} | about_size
    return Scene(
        frame, tuple(instances), extra | ({"talk2car": {"open": unknown}} if unknown else {})
    )


def _instance(command: dict[str, Any]) -> Instance:
    sides = fields.as_kind(command["2d_box"], list, "2d_box")
    name = fields.field(command, "obj_name", str)
    target = label_of("nuscenes", name)
    target = MappedLabel(name, {}) if isinstance(target, DroppedLabel) else target
    own = {"class": name, "2d_box": sides, "box_token": command.get("box_token")}
    return Instance(target.path, _box(sides), target.attributes, extra={"talk2car": own})


def _box(sides: list[Any]) -> Box:
    if len(sides) != 4:
        raise FormatError(f"2d_box must be x, y, width and height, got {sides!s:.100}.")
    x, y, width, height = (fields.number(side, "2d_box") for side in sides)
    return fields.box(
        x, y, fields.number(x + width, "2d_box"), fields.number(y + height, "2d_box"), "2d_box"
    )


def save_talk2car(scenes: Iterable[Scene], path: str | Path) -> Saved:
    """Write commands: every expression about exactly one box, and those whose target is unknown.

    Args:
        scenes: Any scenes.
        path: Target; ``.gz`` compresses.

    Returns:
        What could not be held, and the frames without a usable image name.

    Raises:
        OSError: If the disk is full or the file cannot be written; then nothing is written.
    """
    path, saved = Path(path), Saved()
    clips: dict[str, None] = {}
    numbers = count()

    def hold(scene: Scene) -> tuple[list[dict[str, Any]], list[Loss]]:
        commands, losses = _commands(scene, next(numbers))
        if scene.frame.clip:
            clips[scene.frame.clip] = None
        return commands, losses

    def lines() -> Iterator[str]:
        before = '{"commands": ['
        for command in chain.from_iterable(held(scenes, hold, path, saved, in_detail=True)):
            yield before + json.dumps(command)
            before = ","
        yield ("" if before == "," else before) + '], "scene_tokens": ' + json.dumps([*clips]) + "}"

    with atomic_path(path) as part:
        fill_lines(part, lines(), packed=path.suffix == ".gz")
    return saved


def _commands(scene: Scene, index: int) -> tuple[list[dict[str, Any]], list[Loss]]:
    """Return the commands of a scene, and what they leave out.

    Raises:
        FormatError: If its image name or its ``extra`` cannot be used, or nothing is asked of it.
    """
    image = check_image_name(scene.frame.image)
    losses, said = frame_losses(scene, "talk2car", scene.frame.clip), set[int]()
    commands: list[dict[str, Any]] = []
    token = f"{index:08d}-{image}"
    for number, entry in enumerate(
        fields.as_kind(scene.extra.get("expressions", []), list, "expressions")
    ):
        item = f"expression {number}"
        text = fields.field(fields.as_kind(entry, dict, item), "text", str, item)
        targets = fields.field(entry, "targets", list, item)
        target = _target(scene, targets, item)
        if target is None:
            losses.append(Loss(image, "expression left out: not about exactly one box", item))
            continue
        facts, lost = _object(scene, target)
        losses += lost if target not in said else []
        said.add(target)
        rest = fields.as_kind(entry.get("talk2car", {}), dict, item)
        commands.append(
            {"scene_token": scene.frame.clip or "", "sample_token": token, "t2c_img": image}
            | {"command_token": f"{token}-{number}"} | rest | {"command": text} | facts
        )  # fmt: skip
    unknown = fields.as_kind(fields.own_extra(scene, "talk2car").get("open", []), list, "open")
    commands += [fields.as_kind(one, dict, "extra talk2car") for one in unknown]
    if not commands:
        raise FormatError("frame must have a command about one box, got none.")
    others = (i for i in range(len(scene.instances)) if i not in said)
    return commands, losses + [left_out(scene, i, "no command is about it") for i in others]


def _target(scene: Scene, targets: list[Any], item: str) -> int | None:
    """Return which box an expression is about, None where it is not one."""
    for index in targets:
        if not 0 <= fields.as_kind(index, int, item) < len(scene.instances):
            raise FormatError(f"targets must be instances of the scene, got {index}.", item=item)
    if len(targets) != 1 or scene.instances[targets[0]].geometry.kind != "box":
        return None
    return int(targets[0])


def _object(scene: Scene, index: int) -> tuple[dict[str, Any], list[Loss]]:
    """Return what a command says of its object, and what it cannot say."""
    instance = scene.instances[index]
    own = fields.own_extra(instance, "talk2car")
    found = class_of("nuscenes", instance, own.get("class"))
    name = found.name if found else instance.label
    losses = instance_losses(scene, index, found.says if found else frozenset())
    losses += coarser(scene, index, found.path, name) if found else []
    corners = instance.geometry.vertices()
    sides = own.get("2d_box")
    if not isinstance(sides, list) or not np.array_equal(_box(sides).vertices(), corners):
        (x, y), (width, height) = corners[0].tolist(), (corners[1] - corners[0]).tolist()
        sides = [x, y, width, height]
    return {"obj_name": name, "2d_box": sides}, losses


TALK2CAR = Format(
    name="talk2car",
    title="Talk2Car commands (.json, .json.gz)",
    path_is="file",
    open=open_talk2car,
    save=save_talk2car,
    recognise=recognise_talk2car,
    holds="boxes that a command is about, the commands, clip",
    lost_in="",
    lost_out="things that no command is about; expressions about none or several; attributes",
    labels_all=False,
)
