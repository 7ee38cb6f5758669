"""CVAT's own XML, version 1.1: pictures with shapes, or a video with tracks.

Source: docs.cvat.ai, "XML annotation format", and the files that CVAT itself exports and imports.
Points are continuous pixels. ``extra["cvat"]`` of a picture's scene holds ``image``, attributes of
``<image>`` beside name and size, ``name`` where the picture lies in another place, and ``kept``,
places and texts of elements that are no instances; see ``cvat_shapes`` and ``cvat_tracks`` too.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain, count, islice
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from drivegrid.data.files import atomic_path, fill_lines
from drivegrid.data.formats.contract import Format, Place, Source
from drivegrid.data.formats.cvat_frames import image_lines, scene_of_image
from drivegrid.data.formats.cvat_meta import UsedLabels, meta_lines
from drivegrid.data.formats.cvat_tracks import (
    Track,
    Video,
    frame_entries,
    read_track,
    scene_of_frame,
    video_of,
)
from drivegrid.data.formats.cvat_tracks_out import Tracks, is_of_video
from drivegrid.data.formats.cvat_xml import iter_pieces
from drivegrid.data.formats.holding import write_each
from drivegrid.data.formats.peek import Peek
from drivegrid.data.quarantine import Loaded, Loss, Saved
from drivegrid.data.scene import Scene
from drivegrid.errors import FormatError

FILE_NAME = "annotations.xml"


def open_cvat(path: str | Path) -> Source:
    """Open an XML file of CVAT, for images or for video, or the folder that holds annotations.xml.

    - box: box, turned ones polygon. polygon: polygon. polyline: polyline; a ``lane/line`` drawn
      downwards is turned round. points: one is a point, several are anchors (``seg``).
    - mask, ellipse: polygon. cuboid, skeleton and what is unknown: text in ``extra["cvat"]``.
    - tag: frame attributes by its label ("rain") or its attributes ("weather", "rain").
    - occluded: ``visible_state`` "partly hidden", where the label has it and nothing else is said.
    - attribute: an attribute where the taxonomy has name and value, else in ``extra["cvat"]``.
    - source: "manual" and "file" are ``"label"``, others as they are.

    Pictures are found by their name, or as CVAT exports them in ``images``. Of a video every frame
    is a scene, with boxes interpolated between keyframes (``cvat_tracks`` says how); its tracks
    are held in memory, pictures are not. Entities and document types are refused.

    Raises:
        FormatError: While iterating, if the file cannot be read.
    """
    path = Path(path)
    file = path / FILE_NAME if path.is_dir() else path
    return Source(_entries(file), partial(_parse, file), lambda _: Place(file))


def load_cvat(path: str | Path) -> Loaded:
    """Return all frames at once; see ``open_cvat``."""
    return open_cvat(path).load()


def recognise_cvat(peek: Peek) -> str | None:
    """Return why a path holds XML of CVAT, None if it does not."""
    file = peek.path / FILE_NAME if peek.is_folder else peek.path
    if not file.is_file():
        return None
    head = (Peek(file) if peek.is_folder else peek).head
    return "XML with <annotations>" if b"<annotations" in head else None


def _entries(file: Path) -> Iterator[Any]:
    """Yield elements of images as they come, then frames of a video with its meta."""
    meta: Element | None = None
    tracks: list[Track] = []
    texts: list[str] = []
    num_images = num_tracks = 0
    for piece in iter_pieces(file):
        if piece.tag == "meta":
            meta = piece
        elif piece.tag == "image":
            num_images += 1
            yield piece
        elif piece.tag == "track":
            track = _track(piece, num_tracks, file)
            num_tracks += 1
            tracks += [track] if isinstance(track, Track) else []
            texts += [track] if isinstance(track, str) else []
    mode = meta.findtext(".//mode") if meta is not None else None
    if num_tracks or (mode == "interpolation" and not num_images):
        try:
            video = video_of(meta)
            for entry in frame_entries(video, tracks, texts):
                yield video, entry
        except FormatError as error:
            raise error.at(file) from error


def _track(piece: Element, index: int, file: Path) -> Track | str:
    """Return a track; a wrong one spoils every frame it may be in, so the file cannot be read."""
    try:
        return read_track(piece, index)
    except FormatError as error:
        raise error.at(file) from error


def _parse(file: Path, entry: Element | tuple[Video, Any]) -> Scene:
    try:
        if isinstance(entry, Element):
            return scene_of_image(file.parent, entry)
        return scene_of_frame(file.parent, *entry)
    except FormatError as error:
        item = error.item or (f"image {error.path}" if error.path else None)
        raise FormatError(error.message, file, item=item) from error


def save_cvat(scenes: Iterable[Scene], path: str | Path) -> Saved:
    """Write an XML file that CVAT imports, atomically.

    Scenes that were read from a video of CVAT become tracks again; the first scene decides.
    ``<meta>`` declares the labels that occur, each with the attributes and values that the
    taxonomy has for it. Every number is exact. A polygon of several rings becomes a mask.

    Args:
        scenes: Any scenes.
        path: Target.

    Returns:
        What could not be held; and set aside, frames without a usable image name, texts that XML
        cannot hold, and in a video frames that are not its own.

    Raises:
        OSError: If the disk is full or a file cannot be written; then nothing is written.
    """
    path, saved = Path(path), Saved()
    coming = iter(scenes)
    first = list(islice(coming, 1))
    coming = chain(first, coming)
    with atomic_path(path) as part:
        if first and _is_of_video(first[0]):
            tracks = Tracks()
            write_each(coming, tracks.add, path, saved)
            fill_lines(part, tracks.lines(), packed=False)
            return saved
        with tempfile.TemporaryFile() as body:  # labels, which stand first, are known last
            used, numbers = UsedLabels(), count()

            def write(scene: Scene) -> list[Loss]:
                lines, losses = image_lines(scene, next(numbers), used)
                body.writelines(f"{line}\n".encode() for line in lines)
                return losses

            write_each(coming, write, path, saved)
            body.seek(0)
            size = {"size": str(saved.quarantine.num_kept), "mode": "annotation"}
            with part.open("wb") as file:
                file.writelines(f"{line}\n".encode() for line in meta_lines(used, size))
                shutil.copyfileobj(body, file)
                file.write(b"</annotations>\n")
    return saved


def _is_of_video(scene: Scene) -> bool:
    try:
        return is_of_video(scene)
    except FormatError:
        return False


CVAT = Format(
    name="cvat",
    title="CVAT for images and for video (XML 1.1)",
    path_is="file",
    open=open_cvat,
    save=save_cvat,
    recognise=recognise_cvat,
    holds="boxes, polygons, lines, points, masks, tracks, attributes, frame attributes as tags",
    lost_in="what the meta says of task, owner and jobs; cuboids, skeletons and unknown elements "
    "(kept for CVAT alone)",
    lost_out="confidence, visibility, clip; polygons of several rings become masks of pixels",
    suffix=".xml",
)
