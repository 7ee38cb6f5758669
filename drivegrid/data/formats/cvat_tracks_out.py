"""Scenes of a video to tracks of CVAT's XML."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import count
from typing import Any

from drivegrid.data import fields
from drivegrid.data.checks import check_image_name
from drivegrid.data.formats.cvat_frames import drawn_instances, text_of
from drivegrid.data.formats.cvat_meta import UsedLabels, meta_lines
from drivegrid.data.formats.cvat_shapes import (
    GEOMETRY,
    Listed,
    attribute_text,
    check_xml_name,
    element_lines,
    own_extra,
    texts,
)
from drivegrid.data.formats.cvat_tracks import SIZE
from drivegrid.data.formats.cvat_xml import parse_text
from drivegrid.data.formats.losing import frame_losses
from drivegrid.data.quarantine import Loss
from drivegrid.data.scene import Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import Size


def is_of_video(scene: Scene) -> bool:
    """Tell whether a scene was read from a video of CVAT."""
    return "frame" in fields.own_extra(scene, "cvat")


class Tracks:
    """Tracks that grow frame by frame; a video's file begins with them all, so they are held."""

    def __init__(self) -> None:
        self.used = UsedLabels()
        self._heads: dict[str, str] = {}
        self._lines: dict[str, list[str]] = {}
        self._open: dict[str, tuple[str, dict[str, str], Listed]] = {}
        self._frames: list[int] = []
        self._size: tuple[Size, bool] | None = None
        self._source = ""
        self._texts: list[str] = []
        self._fresh = count()

    def add(self, scene: Scene) -> list[Loss]:
        """Take a frame in, and return what was lost.

        Raises:
            FormatError: If it is no frame of this video, or an extra is not what the reader
                leaves; then nothing of it is taken.
        """
        own = fields.own_extra(scene, "cvat")
        number = fields.field(own, "frame", int, "extra cvat")
        if not (self._frames or [-1])[-1] < number <= 10**9:
            raise FormatError(f"frames must be in order, got {number} after {self._frames[-1:]}.")
        size = (scene.frame.size_wh, scene.extra.get("assumed_size") is True)
        if self._size not in (None, size):
            raise FormatError(f"frames of a video must be of one size, got {size[0]}.")
        source = check_image_name(scene.frame.image).rpartition("#")[0]
        kept = [
            parse_text(fields.as_kind(text, str, "extra cvat, tracks"))
            for text in fields.as_kind(own.get("tracks", []), list, "extra cvat, tracks")
        ]
        if any(element.tag != "track" for element in kept):
            raise FormatError("extra cvat, tracks must hold tracks, got others.")
        outside = _outside(own)
        drawn, losses = drawn_instances(scene, scene.frame.size_wh)
        shown: dict[str, tuple[str, str, dict[str, str], Listed]] = {}
        for instance, tag, xml, listed in drawn:
            track, head, shape = self._track_of(instance, xml, shown.keys() | outside.keys())
            shape |= {"frame": str(number), "outside": "0", "keyframe": _keyframe(instance)}
            lines = "\n".join(element_lines(tag, shape, listed, "    "))
            shown[track] = (head, lines, {"tag": tag, **shape}, listed)
            self.used.note(xml["label"], listed)
        message = "end of a track that never began left out"
        losses += [
            Loss(scene.frame.image, message) for track in outside if track not in self._lines
        ]
        losses += frame_losses(scene, "cvat", source or scene.frame.clip)
        self._take(number, shown, outside)
        self._size, self._source = size, self._source or source
        self._texts += fields.as_kind(own.get("tracks", []), list, "tracks")
        return losses

    def _track_of(
        self, instance: Instance, xml: dict[str, str], taken: set[str]
    ) -> tuple[str, str, dict[str, str]]:
        """Return the id of an instance's track, its beginning, and the attributes of its shape."""
        own = own_extra(instance)
        name = xml["label"]
        shape = {key: value for key, value in xml.items() if key not in ("label", "source")}
        told = {"label": name} | {key: xml[key] for key in ("source",) if key in xml}
        for key, value in texts(own.get("of_track", {}), "extra cvat, of_track").items():
            told.setdefault(check_xml_name(key), value)
        rest = " ".join(f"{key}={attribute_text(value)}" for key, value in told.items())
        track = own.get("track")
        known = isinstance(track, str) and self._heads.get(track, rest) == rest
        if not known or track in taken:
            track = next(f"new {n}" for n in self._fresh if f"new {n}" not in self._heads)
        return str(track), rest, shape

    def _take(self, number: int, shown: dict[str, Any], outside: dict[str, Any]) -> None:
        for track, (tag, xml, listed) in self._open.items():
            if track not in shown and track not in outside:  # it ended before this frame
                gone = xml | {"frame": str(number), "outside": "1", "keyframe": "1"}
                self._lines[track].append("\n".join(element_lines(tag, gone, listed, "    ")))
        for track, text in outside.items():
            if track in self._lines:
                self._lines[track].append(text)
        self._open = {}
        for track, (head, lines, shape, listed) in shown.items():
            self._heads.setdefault(track, head)
            self._lines.setdefault(track, []).append(lines)
            tag = shape.pop("tag")
            self._open[track] = (tag, shape, listed)
        self._frames.append(number)

    def lines(self) -> Iterator[str]:
        """Yield the lines of the file."""
        gaps = [b - a for a, b in zip(self._frames, self._frames[1:], strict=False)]
        step = math.gcd(*gaps) or 1
        size, assumed = self._size or (SIZE, True)
        task = {
            "size": str(len(self._frames)),
            "mode": "interpolation",
            "start_frame": str(self._frames[0] if self._frames else 0),
            "stop_frame": str(self._frames[-1] if self._frames else 0),
            "frame_filter": f"step={step}" if step > 1 else "",
        }
        if not assumed:
            task["original_size"] = f"<width>{size[0]}</width><height>{size[1]}</height>"
        yield from meta_lines(self.used, task, self._source)
        for place, (track, head) in enumerate(sorted(self._heads.items(), key=_by_number)):
            yield f'  <track id="{place}" {head}>'
            yield from self._lines[track]
            yield "  </track>"
        yield from (f"  {text}" for text in self._texts)
        yield "</annotations>"


def _by_number(track: tuple[str, str]) -> tuple[float, str]:
    """Return what tracks are sorted by: their numbers, then new ones."""
    number = track[0]
    return (float(number) if number.isdigit() else math.inf), number


def _keyframe(instance: Instance) -> str:
    """Return "0" for a shape that stands where interpolation put it, else "1"."""
    moved = own_extra(instance).get("moved")
    return "0" if moved == [part.tolist() for part in instance.geometry.parts()] else "1"


def _outside(own: dict[str, Any]) -> dict[str, str]:
    """Return the lines of elements that say that a track is not there, by track."""
    found: dict[str, str] = {}
    for pair in fields.as_kind(own.get("outside", []), list, "extra cvat, outside"):
        if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)):
            raise FormatError(f"outside must hold tracks and texts, got {pair!r:.100}.")
        element = parse_text(fields.as_kind(pair[1], str, "extra cvat, outside"))
        if element.tag not in GEOMETRY or element.get("frame") != str(own["frame"]):
            raise FormatError(f"outside must hold shapes of its frame, got {pair[1]!r:.100}.")
        found[pair[0]] = f"    {text_of(element)}"
    return found
