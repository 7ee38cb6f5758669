"""GTSRB: pictures of one traffic sign each, listed in CSV files with ``;`` between columns.

``Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId``. The region of interest (Roi) is
kept as continuous pixels, as its numbers are: with them the border that the data set promises, a
tenth of the picture and at least 5 px, is the same on both sides. Read too: files with commas, with
columns in another order or spelling (``Path``, ``class_id``), with further columns, without
``ClassId`` (the test set) and without Roi (crops: the sign is the whole picture). Source: the
readme of the German Traffic Sign Recognition Benchmark.

What a scene cannot say stays in ``extra["gtsrb"]``: of an instance the text of ``class`` where it
is not the plain number, of its ``roi`` where they are not the shortest, and further columns
(``rest``).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, partial
from itertools import chain, groupby
from pathlib import Path
from typing import Any, NamedTuple

from drivegrid.data import fields
from drivegrid.data.checks import check_image_name
from drivegrid.data.files import atomic_path, fill_lines, read_lines, walk_files
from drivegrid.data.formats.boxes import coarser, left_out, plain_number
from drivegrid.data.formats.contract import Format, Place, Source
from drivegrid.data.formats.holding import held
from drivegrid.data.formats.losing import frame_losses, instance_losses
from drivegrid.data.formats.naming import class_implied, label_of
from drivegrid.data.formats.peek import Peek
from drivegrid.data.quarantine import Loaded, Loss, Saved
from drivegrid.data.scene import MAX_SIDE_PX, Frame, Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import Box
from drivegrid.labels import DroppedLabel, MappedLabel

HEADER = ("Filename", "Width", "Height", "Roi.X1", "Roi.Y1", "Roi.X2", "Roi.Y2", "ClassId")
LABELS_NAME = "labels.csv"
SIGN = "sign"
"""Label of a sign whose class is not said."""
NUM_CLASSES = 43

_FILE, _WIDTH, _HEIGHT, *_ROI, _CLASS = (
    "filename", "width", "height", "roix1", "roiy1", "roix2", "roiy2", "classid"
)  # fmt: skip
_KNOWN = (_FILE, _WIDTH, _HEIGHT, *_ROI, _CLASS)
_OTHER_NAMES = {"file": _FILE, "path": _FILE}
_TRACK = re.compile(r"(.*\d{5})_\d{5}\.\w+")


class Row(NamedTuple):
    """A line of a file.

    Args:
        number: 1-based line.
        values: Column to text, the known columns under plain names.
    """

    number: int
    values: Mapping[str, str]


class Picture(NamedTuple):
    """The lines of one picture: one, unless somebody labelled several signs in it."""

    file: Path
    rows: tuple[Row, ...]


def open_gtsrb(path: str | Path) -> Source:
    """Open a CSV file of signs, or every one of GTSRB's below a folder, ``GT-*.csv``, by path.

    Every sign is a box. Images are named relative to the folder given, or the file's; lines of one
    picture that follow each other are one frame. The clip is the track, thirty pictures of one
    sign in GTSRB's training set: ``00000/00001`` of ``00000/00001_00029.ppm``.

    Raises:
        FormatError: If there is no such file, it has another header, or a folder has none.
    """
    path = Path(path)
    if path.is_dir():
        return Source(_walk(path), partial(_parse, path), _place)
    return Source(_pictures(path), partial(_parse, path.parent), _place)


def load_gtsrb(path: str | Path) -> Loaded:
    """Return all frames at once; see ``open_gtsrb``."""
    return open_gtsrb(path).load()


def recognise_gtsrb(peek: Peek) -> str | None:
    """Return why a path holds GTSRB's lists of signs, None if it does not."""
    file = next((file for file in peek.files if _is_list(file)), None)
    if peek.is_folder and file is None:
        return None
    look = Peek(file) if file else peek
    line = look.head.split(b"\n", 1)[0].decode("utf-8", "replace").strip()
    try:
        columns = _columns(line)
    except FormatError:
        return None
    if _CLASS not in columns and _ROI[0] not in columns:
        return None
    return f"CSV of signs with {line.count(';') + line.count(',') + 1} columns"


def _is_list(file: Path) -> bool:
    return file.name.endswith(".csv") and (file.name.startswith("GT-") or file.name == LABELS_NAME)


def _walk(root: Path) -> Iterator[Picture | FormatError]:
    found = False
    for file in walk_files(root):
        if isinstance(file, FormatError):
            yield file
        elif _is_list(file):
            found = True
            try:
                yield from _pictures(file)
            except FormatError as error:
                yield error
    if not found:
        raise FormatError(f"folder must hold GT-*.csv or {LABELS_NAME}, got none.", root)


def _columns(line: str) -> dict[str, int]:
    """Return the known columns of a header by place, others under their own names.

    Raises:
        FormatError: If a column that must be there is missing, or one is there twice.
    """
    names = []
    for written in _split(line, _delimiter(line)):
        plain = re.sub(r"[\W_]", "", written).lower()
        plain = _OTHER_NAMES.get(plain, plain)
        names.append(plain if plain in _KNOWN else written)
    needed = [_FILE, _WIDTH, _HEIGHT, *(_ROI if set(_ROI) & set(names) else [])]
    missing = [name for name in needed if name not in names]
    if missing or len(set(names)) < len(names):
        raise FormatError(
            f"header must name file, width, height and either all of Roi or none, each once, got "
            f"{line!r:.200}."
        )
    return {name: place for place, name in enumerate(names)}


def _delimiter(line: str) -> str:
    return ";" if ";" in line else ","


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise FormatError(f"line must be CSV, got: {error}.") from error


def _pictures(file: Path) -> Iterator[Picture | FormatError]:
    """Yield the pictures of a file; raises FormatError if its header is wrong."""
    lines = read_lines(file)
    _, first = next(lines, (1, b""))
    try:
        header = _text(first)
        columns, delimiter = _columns(header), _delimiter(header)
    except FormatError as error:
        raise error.at(file, 1) from error
    rows = (_row(file, number, line, columns, delimiter) for number, line in lines if line)
    for name, group in groupby(rows, _name_of):
        if name is None:
            yield from (row for row in group if isinstance(row, FormatError))
        else:
            yield Picture(file, tuple(row for row in group if isinstance(row, Row)))


def _text(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"line must be UTF-8, got {line!r:.100}.") from error


def _row(
    file: Path, number: int, line: bytes, columns: Mapping[str, int], delimiter: str
) -> Row | FormatError:
    try:
        words = _split(_text(line), delimiter)
        if len(words) != len(columns):
            raise FormatError(f"line must have {len(columns)} columns, got {len(words)}.")
    except FormatError as error:
        return error.at(file, number)
    return Row(number, {name: words[place] for name, place in columns.items()})


def _place(picture: Picture) -> Place:
    return Place(picture.file, picture.rows[0].number)


def _name_of(row: Row | FormatError) -> str | None:
    return row.values[_FILE] if isinstance(row, Row) else None


def _parse(root: Path, picture: Picture) -> Scene:
    instances: list[Instance] = []
    try:
        first = picture.rows[0].values
        folder = picture.file.parent.relative_to(root).as_posix()
        name = check_image_name(first[_FILE])
        frame = _frame(name if folder == "." else f"{folder}/{name}", first)
        for _, values in picture.rows:
            if any(values[side] != first[side] for side in (_WIDTH, _HEIGHT)):
                raise FormatError("lines of one picture must give it one size, got two.")
            instances.append(_instance(values, frame))
    except FormatError as error:
        raise error.at(picture.file, picture.rows[len(instances)].number) from error
    return Scene(frame, tuple(instances))


def _frame(image: str, values: Mapping[str, str]) -> Frame:
    sides = (_whole(values[_WIDTH], "Width"), _whole(values[_HEIGHT], "Height"))
    if not 1 <= min(sides) <= max(sides) <= MAX_SIDE_PX:
        raise FormatError(f"Width and Height must be 1 to {MAX_SIDE_PX}, got {sides}.", item="size")
    return Frame(image, sides, clip=_clip_of(image))


def _clip_of(image: str) -> str | None:
    track = _TRACK.fullmatch(image)
    return track[1] if track else None


def _whole(text: str, item: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise FormatError(f"{item} must be a whole number, got {text!r:.50}.", item=item)
    return int(text)


def _instance(values: Mapping[str, str], frame: Frame) -> Instance:
    own: dict[str, Any] = {}
    texts = [values[name] for name in _ROI if name in values]
    roi = [fields.number_text(text, "Roi") for text in texts] or [0.0, 0.0, *frame.size_wh]
    if texts and texts != [plain_number(number) for number in roi]:
        own["roi"] = texts
    written = values.get(_CLASS, "")
    label, attributes = SIGN, dict[str, str]()
    if written:
        index = _whole(written, "ClassId")
        if index >= NUM_CLASSES:
            raise FormatError(
                f"ClassId must be 0 to {NUM_CLASSES - 1}, got {index}.", item="ClassId"
            )
        target = _targets()[index]
        assert not isinstance(target, DroppedLabel)  # the map has a label for each
        label, attributes = target.path, dict(target.attributes)
        if written != str(index):
            own["class"] = written
    if rest := {name: text for name, text in values.items() if name not in _KNOWN}:
        own["rest"] = rest
    box = fields.box(roi[0], roi[1], roi[2], roi[3], "Roi")
    return Instance(label, box, attributes, extra={"gtsrb": own} if own else {})


def save_gtsrb(scenes: Iterable[Scene], path: str | Path) -> Saved:
    """Write one CSV file, atomically, as GTSRB writes them; a line for each sign.

    Further columns are those that the first sign has.

    Args:
        scenes: Any scenes; only boxes of the 43 signs, and of signs of no class, can be held.
        path: The file; in a folder that exists, ``labels.csv``.

    Returns:
        What could not be held; and set aside, frames without any such sign or a usable image name.

    Raises:
        OSError: If the disk is full or the file cannot be written.
    """
    path, saved = Path(path), Saved()
    if path.is_dir():
        path = path / LABELS_NAME

    sheet = _Sheet()
    frames = held(scenes, sheet.lines_of, path, saved)

    def lines() -> Iterator[str]:
        first = next(frames, [])
        yield sheet.head
        yield from chain(first, chain.from_iterable(frames))

    with atomic_path(path) as part:
        fill_lines(part, lines(), packed=False)
    return saved


class _Sheet:
    """Lines of signs, with the further columns that the first sign has."""

    def __init__(self) -> None:
        self.head = _joined(HEADER)
        self._further: list[str] | None = None

    def lines_of(self, scene: Scene) -> tuple[list[str], list[Loss]]:
        """Return a line for each sign of a scene, and what is lost."""
        rows, losses = _rows(scene)
        further = _further(rows) if self._further is None else self._further
        head = _joined([*HEADER, *further])
        lines = [
            _joined([*words, *(rest.get(name, "") for name in further)]) for words, rest in rows
        ]
        self.head, self._further = head, further
        lost = {name for _, rest in rows for name in rest if name not in further}
        image = scene.frame.image
        return lines, losses + [Loss(image, f"column {name} left out") for name in sorted(lost)]


def _rows(scene: Scene) -> tuple[list[tuple[list[str], dict[str, str]]], list[Loss]]:
    """Return the columns and the further columns of each sign, and what is lost."""
    image = check_image_name(scene.frame.image)
    rows, losses = [], frame_losses(scene, "gtsrb", _clip_of(image))
    for index, instance in enumerate(scene.instances):
        if not isinstance(instance.geometry, Box):
            losses.append(left_out(scene, index, "no box"))
            continue
        own = fields.own_extra(instance, "gtsrb")
        name = class_implied("gtsrb", instance)
        if name is None and instance.label != SIGN:
            losses.append(left_out(scene, index, "GTSRB has no class for it"))
            continue
        index_text = "" if name is None else _class_text(name.name, own)
        losses += coarser(scene, index, name.path, f"ClassId {name.name}") if name else []
        losses += instance_losses(scene, index, name.says if name else frozenset())
        sides = map(str, scene.frame.size_wh)
        rest = fields.as_kind(own.get("rest", {}), dict, "extra gtsrb, rest")
        rest = {key: fields.as_kind(text, str, "extra gtsrb, rest") for key, text in rest.items()}
        words = [image, *sides, *_roi_texts(instance.geometry, own), index_text]
        rows.append((words, rest))
    if not rows:
        raise FormatError("frame must have a sign that GTSRB knows, got none.")
    return rows, losses


def _class_text(name: str, own: Mapping[str, Any]) -> str:
    """Return the ClassId of a class by any of its names, with the zeros it was read with."""
    plain = str(_targets().index(label_of("gtsrb", name)))
    text = fields.as_kind(own.get("class", plain), str, "extra gtsrb, class")
    return text if re.fullmatch(f"0*{plain}", text) else plain


@cache
def _targets() -> list[MappedLabel | DroppedLabel]:
    """Labels by ClassId."""
    return [label_of("gtsrb", str(index)) for index in range(NUM_CLASSES)]


def _roi_texts(box: Box, own: Mapping[str, Any]) -> list[str]:
    """Return the corners, as they were read where they are still the same."""
    texts = fields.as_kind(own.get("roi", []), list, "extra gtsrb, roi")
    texts = [fields.as_kind(text, str, "extra gtsrb, roi") for text in texts]
    if [fields.number_text(text, "extra gtsrb, roi") for text in texts] == box.xyxy.tolist():
        return texts
    return [plain_number(value) for value in box.xyxy.tolist()]


def _further(rows: Iterable[tuple[list[str], dict[str, str]]]) -> list[str]:
    """Return the further columns that the first sign has."""
    names = list(next(iter(rows))[1])
    _columns(_joined([*HEADER, *names]))
    return names


def _joined(words: Iterable[str]) -> str:
    """Return a line of CSV; a word with a line break or control character is refused."""
    words = list(words)
    for word in words:
        if any(ord(char) < 32 or 0xD800 <= ord(char) <= 0xDFFF for char in word):
            raise FormatError(f"column must hold a line of text, got {word!r:.100}.")
    return ";".join(
        f'"{word.replace(chr(34), chr(34) * 2)}"' if re.search('[;"]', word) else word
        for word in words
    )


GTSRB = Format(
    name="gtsrb",
    title="GTSRB signs (GT-*.csv), a file or a folder of them",
    path_is="file or folder",
    open=open_gtsrb,
    save=save_gtsrb,
    recognise=recognise_gtsrb,
    holds="boxes of 43 kinds of traffic signs",
    lost_in="",
    lost_out="all but boxes of those signs; frames without one; other attributes; clips",
    suffix=".csv",
)
