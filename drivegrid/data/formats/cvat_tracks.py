"""Videos of CVAT's XML: tracks to frames and back.

A track lists shapes at some frames; an instance stands at each frame from one that is not
``outside`` on, until one that is. Between two listed frames CVAT moves boxes, ellipses and single
points linearly (turning them the short way) and holds the rest of a shape's words; so does this
module. Lines and polygons move point by point where both have as many points, else they stay as
they were (CVAT also matches unequal ones; what it exports lists every frame, so that nothing is
left to interpolate). After the last listed frame a shape stays to the end.

``extra["cvat"]`` of an instance holds its ``track``, the track's other attributes (``of_track``),
and for what is no keyframe ``moved``, where it was put, so that an edit shows. That of a scene
holds ``frame``, its number, ``outside``, elements that say that a track is not there, and, of the
first, ``tracks``: texts of tracks of other shapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from xml.etree.ElementTree import Element

from drivegrid.data import fields
from drivegrid.data.checks import check_image_name
from drivegrid.data.formats.cvat_frames import class_and_xml, listed_in, text_of
from drivegrid.data.formats.cvat_shapes import GEOMETRY, number_text, read_instance
from drivegrid.data.formats.drawing_tools import checked_size
from drivegrid.data.formats.frames import find_frame
from drivegrid.data.formats.losing import unread
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import Size

SIZE: Size = (1920, 1080)
"""Assumed where neither the file nor a picture says the size."""
MAX_FRAMES = 1_000_000
"""Longest video: nine hours of 30 frames a second."""
OF_TRACKS = ("frame", "outside", "keyframe")


class Video(NamedTuple):
    """What the meta of a file says of its video.

    Args:
        source: Name of the video file; empty if there is none.
        size_wh: Size of its frames, if it is told.
        frames: First and last number and the step between; None if it is not told.
    """

    source: str
    size_wh: Size | None
    frames: tuple[int, int, int] | None


@dataclass(frozen=True, slots=True)
class Track:
    """A track: its attributes and its elements by frame."""

    name: str
    xml: Mapping[str, str]
    elements: Sequence[tuple[int, Element]]


Between: TypeAlias = tuple[int, int, Element]
"""Frames of the listed elements before and after, and the latter."""
FrameEntry: TypeAlias = tuple[int, list[tuple[Track, Element, Between | None]], list[str]]
"""Number of a frame, what each track shows there, and texts of other tracks."""


def video_of(meta: Element | None) -> Video:
    """Return what a file's meta says of its video."""
    if meta is None:
        return Video("", None, None)
    source = (meta.findtext("source") or "").strip()
    sides = [meta.findtext(f".//original_size/{side}") for side in ("width", "height")]
    size = checked_size(*map(_whole, sides)) if sides != [None, None] else None
    start, stop = (_whole(meta.findtext(f".//{name}_frame")) for name in ("start", "stop"))
    step = re.search(r"step\s*=\s*([1-9][0-9]{0,6})", meta.findtext(".//frame_filter") or "")
    frames = None
    if start is not None and stop is not None:
        frames = (start, stop, int(step[1]) if step else 1)
    return Video(source, size, frames)


def _whole(text: str | None) -> int | None:
    """Return a whole number of at most nine digits that a text says."""
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def read_track(element: Element, index: int) -> Track | str:
    """Return a track, or its text where it is of shapes that become no instances.

    Raises:
        FormatError: If it lists a frame twice or in a way that cannot be read.
    """
    item = f"track {element.get('id', index)}"
    name, xml = class_and_xml(element, item)
    found: dict[int, Element] = {}
    for child in element:
        if child.tag not in GEOMETRY:
            return text_of(element)
        frame = _whole(child.get("frame"))
        if frame is None or frame in found:
            raise FormatError(
                f"shape must have a frame of its own, got {child.get('frame')!r:.50}.", item=item
            )
        found[frame] = child
    return Track(name, {"id": str(index)} | xml, sorted(found.items(), key=lambda pair: pair[0]))


def frame_numbers(video: Video, tracks: Sequence[Track]) -> Sequence[int]:
    """Return the numbers of a video's frames: as its meta says, and all that tracks list.

    Raises:
        FormatError: If there are more than ``MAX_FRAMES``.
    """
    listed = {frame for track in tracks for frame, _ in track.elements}
    if video.frames is None:
        numbers = range(max(listed, default=-1) + 1)
    else:
        start, stop, step = video.frames
        numbers = range(start, stop + 1, step)
    if len(numbers) > MAX_FRAMES:
        raise FormatError(f"video must have at most {MAX_FRAMES} frames, got {len(numbers)}.")
    beyond = [frame for frame in listed if frame not in numbers]
    return sorted([*numbers, *beyond]) if beyond else numbers


def frame_entries(video: Video, tracks: Sequence[Track], texts: list[str]) -> Iterator[FrameEntry]:
    """Yield each frame: its number, what each track shows there, and texts of other tracks."""
    coming = sorted((track for track in tracks if track.elements), key=lambda t: t.elements[0][0])
    coming.reverse()
    order = {id(track): place for place, track in enumerate(tracks)}
    running: list[list[Any]] = []
    for number in frame_numbers(video, tracks):
        while coming and coming[-1].elements[0][0] <= number:
            running.append([coming.pop(), 0])
        shown = []
        for state in running:
            track, at = state
            while at + 1 < len(track.elements) and track.elements[at + 1][0] <= number:
                at += 1
            state[1] = at
            frame, element = track.elements[at]
            if frame != number and element.get("outside") == "1":
                continue
            after = track.elements[at + 1] if at + 1 < len(track.elements) else None
            between = None if frame == number else (frame, *(after or (frame, element)))
            shown.append((track, element, between))
        running = [[t, at] for t, at in running if not _is_over(t, at)]
        shown.sort(key=lambda one: order[id(one[0])])
        yield number, shown, texts
        texts = []


def _is_over(track: Track, at: int) -> bool:
    return at + 1 == len(track.elements) and track.elements[at][1].get("outside") == "1"


def scene_of_frame(root: Path, video: Video, entry: FrameEntry) -> Scene:
    """Return the scene of a frame.

    Raises:
        FormatError: If a shape at this frame is wrong; names frame and track.
    """
    number, shown, texts = entry
    instances: list[Instance] = []
    outside: list[list[str]] = []
    for track, element, between in shown:
        item = f"frame {number}, track {track.xml['id']}"
        if element.get("outside") == "1":
            outside.append([track.xml["id"], text_of(element)])
            continue
        instances.append(_instance(track, _moved(element, between, number, item), item))
    frame, about_size = _frame(root, video, number)
    own: dict[str, Any] = {"frame": number}
    own |= {"outside": outside} if outside else {}
    own |= {"tracks": texts} if texts else {}
    of_tracks = unread("cvat", [("track", "track of other elements than shapes") for _ in texts])
    return Scene(frame, tuple(instances), {"cvat": own} | about_size | of_tracks)


def _frame(root: Path, video: Video, number: int) -> tuple[Frame, dict[str, bool]]:
    """Return a frame, named as CVAT exports it if it lies there, else as a frame of the video."""
    exported = f"frame_{number:06d}"
    places = [f"images/{exported}{suffix}" for suffix in (".png", ".jpg", ".jpeg")]
    name = f"{video.source}#{number:06d}" if video.source else f"{exported}.png"
    name = next((place for place in places if (root / place).is_file()), name)
    clip = video.source or root.name or None
    if video.size_wh is not None:
        return Frame(check_image_name(name), video.size_wh, clip=clip), {}
    frame, about_size = find_frame(root, name, SIZE)
    return replace(frame, clip=clip), about_size


def _moved(element: Element, between: Between | None, number: int, item: str) -> Element:
    """Return an element as it is at a frame, maybe between two listed ones."""
    if between is None:
        return element
    first, last, after = between
    share = (number - first) / (last - first) if last > first else 0.0
    moved = Element(element.tag, {**element.attrib, "keyframe": "0"})
    moved.extend(element)
    if after.tag == element.tag and element.tag != "mask" and share:
        moved.attrib |= _between(element, after, share, item)
    return moved


def _between(before: Element, after: Element, share: float, item: str) -> dict[str, str]:
    if "points" in GEOMETRY[before.tag]:
        old, new = (re.split("([,;])", one.get("points", "")) for one in (before, after))
        if old[1::2] != new[1::2] or (before.tag == "points" and len(old) > 3):
            return {}
        pairs = zip(old[::2], new[::2], strict=True)
        mixed = [_mix(a, b, share, item) for a, b in pairs]
        rest = [*old[1::2], ""]
        return {"points": "".join(a + b for a, b in zip(mixed, rest, strict=True))}
    names = [name for name in GEOMETRY[before.tag] if name != "rotation"]
    found = {name: _mix(before.get(name, ""), after.get(name, ""), share, item) for name in names}
    turns = [fields.number_text(one.get("rotation", "0"), item) for one in (before, after)]
    if turns != [0, 0]:
        turn = (turns[1] - turns[0] + 180) % 360 - 180  # the short way
        found["rotation"] = number_text((turns[0] + turn * share) % 360)
    return found


def _mix(a: str, b: str, share: float, item: str) -> str:
    first, last = fields.number_text(a, item), fields.number_text(b, item)
    return number_text(first + (last - first) * share)


def _instance(track: Track, element: Element, item: str) -> Instance:
    xml = {key: value for key, value in element.items() if key not in OF_TRACKS}
    if "source" not in xml and "source" in track.xml:
        xml["source"] = track.xml["source"]
    instance = read_instance(element.tag, track.name, xml, listed_in(element), item)
    own: dict[str, Any] = {"track": track.xml["id"]}
    other = {key: value for key, value in track.xml.items() if key not in ("id", "source")}
    own |= {"of_track": other} if other else {}
    if element.get("keyframe", "1") == "0":
        own["moved"] = [part.tolist() for part in instance.geometry.parts()]
    kept = instance.extra.get("cvat", {})
    return replace(instance, extra={"cvat": own | kept})
