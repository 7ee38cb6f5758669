"""Predicted and true scenes brought together by the image they show.

Frames meet by image name (a leading slash does not matter); frames without a name meet by
position. A true frame nobody predicted counts as an empty prediction, as in the official tools; a
predicted frame without truth is left out. Both are counted and named, and so is what cannot be
used (see `pair_scenes`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

from drivegrid.data.scene import Scene
from drivegrid.geometry import FloatArray, Polyline


@dataclass(frozen=True)
class FramePairs:
    """Predicted and true scenes that show the same image.

    Args:
        pairs: Frame name to (prediction, truth), in the order of the truth.
        missing: Names of true frames without a usable prediction; their prediction is empty.
        extra: Names of predicted frames without a truth; they are not scored.
        rejected: Why a frame's truth or prediction could not be used, one line each.
    """

    pairs: dict[str, tuple[Scene, Scene]]
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    rejected: tuple[str, ...] = ()

    def only(self, names: Collection[str]) -> FramePairs:
        """Return the pairs of these names; the others are neither scored nor missing nor extra."""
        kept = {name: pair for name, pair in self.pairs.items() if name in names}
        missing = tuple(name for name in self.missing if name in names)
        return FramePairs(kept, missing, (), self.rejected)

    def as_dict(self) -> dict[str, Any]:
        """Return how many frames met, the names of those that did not, and what was set aside."""
        return {
            "num_frames": len(self.pairs),
            "missing_frames": list(self.missing),
            "extra_frames": list(self.extra),
            "rejected_frames": list(self.rejected),
        }


def _by_name(scenes: Iterable[Scene], known: Collection[str] = ()) -> dict[str, list[Scene]]:
    named: dict[str, list[Scene]] = {}
    for i, scene in enumerate(scenes):
        image = scene.frame.image.lstrip("/")
        name = known_end(image, known) or image or f"#{i}"
        named.setdefault(name, []).append(scene)
    return named


def ends_of(name: str) -> list[str]:
    """Return a path and its ends, longest first.

    >>> ends_of("a/b/c.jpg")
    ['a/b/c.jpg', 'b/c.jpg', 'c.jpg']
    """
    parts = name.split("/")
    return ["/".join(parts[i:]) for i in range(len(parts))]


def known_end(name: str, known: Collection[str]) -> str | None:
    """Return the longest end of a path that is a known name, None if none is."""
    return next((end for end in ends_of(name) if end in known), None)


def pair_scenes(pred: Iterable[Scene], gt: Iterable[Scene]) -> FramePairs:
    """Bring together the scenes of the same image.

    A prediction whose name is no true one, but ends in one (``data/clips/1/20.jpg`` for
    ``clips/1/20.jpg``), is that image's. A reader that finds no picture assumes a size
    (``extra["assumed_size"]``); then the other side's size holds for both.

    What cannot be used is set aside and named, and the rest is scored. Nothing a prediction does
    takes a frame out of the count: an image predicted twice, and one of another size than its
    truth, count as not predicted at all. An image labelled twice has no known truth: it is not
    scored.

    >>> from drivegrid.data.scene import Frame
    >>> a, b = (Scene(Frame(name, (64, 48))) for name in ("/a.jpg", "b.jpg"))
    >>> pair_scenes([a], [b]).missing, pair_scenes([a], [b]).extra
    (('b.jpg',), ('a.jpg',))
    >>> pair_scenes([b, b], [b]).rejected
    ('predictions must hold each image once, got b.jpg and b.jpg',)
    """
    true = _by_name(gt)
    predicted = _by_name(pred, true)
    rejected = [
        f"{what} must hold each image once, got "
        + " and ".join(scene.frame.image or name for scene in scenes)
        for what, side in (("truth", true), ("predictions", predicted))
        for name, scenes in side.items()
        if len(scenes) > 1
    ]
    pairs, missing = {}, []
    for name, scenes in true.items():
        if len(scenes) > 1:
            continue
        found = predicted.get(name, [])
        pair = _same_size(found[0], scenes[0]) if len(found) == 1 else None
        if pair is None:
            missing.append(name)
        if len(found) == 1 and pair is None:
            rejected.append(
                f"predictions must have the size of the truth {scenes[0].frame.size_wh}, got "
                f"{found[0].frame.size_wh} for {name}"
            )
        pairs[name] = pair or (Scene(scenes[0].frame), scenes[0])
    extra = tuple(name for name in predicted if name not in true)
    return FramePairs(pairs, tuple(missing), extra, tuple(rejected))


def _same_size(pred: Scene, gt: Scene) -> tuple[Scene, Scene] | None:
    """Return both scenes in the size that is known; None if they are known to differ."""
    if pred.frame.size_wh == gt.frame.size_wh:
        return pred, gt
    if pred.extra.get("assumed_size"):
        return replace(pred, frame=replace(pred.frame, size_wh=gt.frame.size_wh)), gt
    if gt.extra.get("assumed_size"):
        return pred, replace(gt, frame=replace(gt.frame, size_wh=pred.frame.size_wh))
    return None


def lines_of(scene: Scene, label: str | None = None) -> list[FloatArray]:
    """Return the (N, 2) points of the scene's lines, all of them or those of one label."""
    return [
        i.geometry.xy
        for i in scene.instances
        if isinstance(i.geometry, Polyline) and label in (None, i.label)
    ]
