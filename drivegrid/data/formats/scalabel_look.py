"""Telling Scalabel files and BDD100K's generations of them from each other and from all else.

A file is BDD100K's if it is a list of frames whose classes are all BDD100K's, or an object with a
name and frames of ``objects``. An object with ``frames`` of labels is Scalabel's, whatever they
are, and so is a list with other classes.
"""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path

from drivegrid.data.files import parse_json
from drivegrid.data.formats.peek import Peek
from drivegrid.data.formats.scalabel_shapes import Record
from drivegrid.data.json_stream import array_items
from drivegrid.errors import FormatError
from drivegrid.labels import default_label_space

_SOME = 50
"""How many frames are looked at."""
_FRAME_FACTS = {"weather", "scene", "timeofday"}
_FRAME_KEYS = {"attributes", "videoName", "frameIndex", "timestamp", "url"}


def is_json(file: Path) -> bool:
    """Tell a JSON file by its name."""
    return file.name.endswith((".json", ".json.gz"))


def recognise_scalabel(peek: Peek) -> str | None:
    """Return why a path holds Scalabel frames, None if it does not."""
    look = _json_file(peek)
    if look is None:
        return None
    if _is_object(look):
        if isinstance(look.json, dict) and look.json.get("frames") == []:
            known = look.json.keys() <= {"frames", "groups", "config"}
            return "JSON object with an empty list of frames" if known else None
        frames = _first_frames(look, "frames")
        found = bool(frames) and all(map(_is_frame, frames))
        return "JSON object with frames of names and labels" if found else None
    frames = _first_frames(look, None)
    found = bool(frames) and all(map(_is_frame, frames)) and not _are_bdd(frames)
    return "JSON list of frames with names and labels" if found else None


def recognise_bdd_json(peek: Peek) -> str | None:
    """Return why a path holds labels of BDD100K as JSON, None if it does not."""
    look = _json_file(peek)
    if look is None:
        return None
    if _is_object(look):
        first = next(iter(_first_frames(look, "frames")), {})
        found = isinstance(first.get("objects"), list) and b'"name"' in look.head
        return "JSON object with a name and frames of objects" if found else None
    frames = _first_frames(look, None)
    found = bool(frames) and all(map(_is_frame, frames)) and _are_bdd(frames)
    return "JSON list of frames with names and classes of BDD100K" if found else None


def _json_file(peek: Peek) -> Peek | None:
    """Return a look at a file, or at a folder's first JSON file, if it may hold JSON."""
    file = next(filter(is_json, peek.files), None) if peek.is_folder else peek.path
    look = None if file is None else Peek(file)
    return look if look and look.head.lstrip()[:1] in (b"[", b"{") else None


def _is_object(look: Peek) -> bool:
    return look.head.lstrip()[:1] == b"{"


def _first_frames(look: Peek, key: str | None) -> list[Record]:
    """Return the first frames of a file; none if they are no objects."""
    if key is not None and not re.search(rb'"%s"\s*:\s*\[' % key.encode(), look.head):
        return []  # large arrays may stand before it
    frames: list[Record] = []
    try:
        for _, text in islice(array_items(look.path, key), _SOME):
            frames.append(parse_json(text))
    except FormatError:  # what came before may tell
        pass
    return frames if all(isinstance(frame, dict) for frame in frames) else []


def _is_frame(frame: Record) -> bool:
    """Tell a frame: a name, and labels with a class or number; without labels other keys."""
    labels = frame.get("labels")
    if not isinstance(frame.get("name"), str):
        return False
    if isinstance(labels, list):
        return all(
            isinstance(label, dict) and not label.keys().isdisjoint(("category", "id"))
            for label in labels
        )
    return labels is None and not frame.keys().isdisjoint(_FRAME_KEYS)


def _are_bdd(frames: list[Record]) -> bool:
    """Tell whether every class is BDD100K's; without labels its frame attributes tell."""
    known = default_label_space().maps["bdd100k"].labels
    names = [label.get("category") for frame in frames for label in frame.get("labels") or ()]
    if names:
        return all(isinstance(name, str) and name in known for name in names)
    facts = [frame.get("attributes") for frame in frames]
    return any(isinstance(found, dict) and found.keys() & _FRAME_FACTS for found in facts)
