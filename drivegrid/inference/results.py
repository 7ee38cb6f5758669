"""What the predictor answers, and the forms other tools know."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from drivegrid.data.rasters import rle_encode, rle_to_text
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import MissingExtraError
from drivegrid.geometry import BoolArray, FloatArray, Polygon, Size
from drivegrid.labels import default_label_space
from drivegrid.masks.shapes import box_of
from drivegrid.plotting.trace import AnchorTrace
from drivegrid.tokens.answer import Diagnostic

if TYPE_CHECKING:
    import supervision


NOT_OF_FORM = frozenset(("empty_mask", "repeated", "unfamiliar_query", "unknown_label"))
"""Codes of diagnostics that are not about the grammar."""


@dataclass(frozen=True)
class Found:
    """One instance of an answer.

    Args:
        instance: Label, geometry in pixels of the frame, attributes, confidence.
        tokens: Its grid tokens as text, then one offset text for each round.
        trace: Where its anchors were proposed and where they went.
        query: The question it answers.
        mask: (H, W) its pixels, of the frame's size, where it was told or drawn by a mask.
        mask_score: How good the segmenter that drew it thinks it is, an IoU in [0, 1]; None
            without one.
        number: Of the instance in its answer, which several shapes may tell of; None if unknown.
    """

    instance: Instance
    tokens: tuple[str, ...]
    trace: AnchorTrace
    query: str = ""
    mask: BoolArray | None = None
    mask_score: float | None = None
    number: int | None = None


@dataclass(frozen=True)
class Answer:
    """The answer to one or more queries about a frame.

    Args:
        queries: What was asked.
        size_wh: Frame size in pixels.
        found: The instances, in the model's order.
        texts: What the model wrote, turn by turn.
        diagnostics: Where that departs from the grammar.
        image: Name of the frame, may be empty.
    """

    queries: tuple[str, ...]
    size_wh: Size
    found: tuple[Found, ...]
    texts: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
    image: str = ""

    @property
    def instances(self) -> tuple[Instance, ...]:
        """The instances found."""
        return tuple(found.instance for found in self.found)

    @property
    def well_formed(self) -> bool:
        """Whether all the model wrote follows the grammar, whatever it says."""
        return all(diagnostic.code in NOT_OF_FORM for diagnostic in self.diagnostics)

    def __add__(self, other: Answer) -> Answer:
        """Join the answers to two questions about the same frame."""
        return Answer(
            self.queries + other.queries,
            self.size_wh,
            self.found + other.found,
            self.texts + other.texts,
            self.diagnostics + other.diagnostics,
            self.image,
        )

    def confident(self, least: float) -> Answer:
        """Return the answer without instances less confident than ``least`` in [0, 1]."""
        found = tuple(f for f in self.found if (f.instance.confidence or 0.0) >= least)
        return replace(self, found=found)

    def to_scene(self) -> Scene:
        """Return the answer as a scene, for metrics, pictures and exports."""
        return Scene(Frame(self.image, self.size_wh), self.instances)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form that ``drivegrid predict --json`` writes."""
        return {
            "image": self.image,
            "size_wh": list(self.size_wh),
            "queries": list(self.queries),
            "instances": [
                {
                    "query": found.query,
                    "label": found.instance.label,
                    "geometry": found.instance.geometry.kind,
                    "points": points_of(found.instance),
                    "tokens": list(found.tokens),
                    "confidence": found.instance.confidence,
                    "attributes": dict(found.instance.attributes),
                    **_mask_json(found),
                }
                for found in self.found
            ],
            "diagnostics": [{"code": d.code, "message": d.message} for d in self.diagnostics],
        }

    def to_coco(self, image_id: int = 1, first_id: int = 1) -> list[dict[str, Any]]:
        """Return COCO annotations of boxes, polygons and masks; COCO has no lines or points.

        Boxes are x, y, width, height in pixels; see `category_ids` for the ids.
        """
        ids = category_ids()
        annotations = []
        for found in self.found:
            instance, mask = found.instance, found.mask
            if instance.geometry.kind not in ("box", "poly") and not _shows(mask):
                continue
            low, high = extent(found)
            annotation: dict[str, Any] = {
                "id": first_id + len(annotations),
                "image_id": image_id,
                "category_id": ids.get(instance.label, 0),
                "bbox": [*low.tolist(), *(high - low).tolist()],
                "area": float(np.prod(high - low)),
                "iscrowd": 0,
                "score": instance.confidence,
                "attributes": dict(instance.attributes),
            }
            if mask is not None and _shows(mask):
                annotation["segmentation"] = rle_of(mask)
                annotation["area"] = float(mask.sum())
            elif isinstance(instance.geometry, Polygon):
                rings = instance.geometry.rings
                annotation["segmentation"] = [ring.ravel().tolist() for ring in rings]
                annotation["area"] = abs(sum(map(signed_area, rings[:1])))
            annotations.append(annotation)
        return annotations

    def to_supervision(self) -> supervision.Detections:
        """Return the boxes as ``supervision.Detections``; with masks, those that have one.

        Raises:
            MissingExtraError: If supervision is not installed.
        """
        try:
            import supervision as sv
        except ImportError as error:
            raise MissingExtraError("to_supervision()", "supervision", "dev") from error
        masked = [found for found in self.found if _shows(found.mask)]
        shown = masked or [found for found in self.found if found.instance.geometry.kind == "box"]
        if not shown:
            return sv.Detections.empty()
        ids, instances = category_ids(), [found.instance for found in shown]
        return sv.Detections(
            xyxy=np.stack([np.concatenate(extent(found)) for found in shown]),
            mask=np.stack([found.mask for found in masked]) if masked else None,
            confidence=np.array([i.confidence for i in instances]),
            class_id=np.array([ids.get(i.label, 0) for i in instances]),
            data={"class_name": np.array([i.label for i in instances])},
        )


def category_ids() -> dict[str, int]:
    """Return label path to number: its place in the taxonomy from 1; 0 is for unknown labels."""
    return {path: i for i, path in enumerate(default_label_space().paths, start=1)}


def points_of(instance: Instance) -> list[Any]:
    """Return [[x, y], ..] in pixels; for polygons one such list a ring."""
    parts = [part.round(2).tolist() for part in instance.geometry.parts()]
    return parts if instance.geometry.kind == "poly" else parts[0]


def extent(found: Found) -> tuple[FloatArray, FloatArray]:
    """Return the (2,) least and greatest x, y of what is known of an instance: mask or shape."""
    if found.mask is None or not found.mask.any():
        return bounds(found.instance.geometry.vertices())
    box = box_of(found.mask)
    return box[:2], box[2:]


def rle_of(mask: BoolArray) -> dict[str, Any]:
    """Return a mask (H, W) as COCO's run lengths.

    >>> rle_of(np.array([[True, False], [True, True]]))
    {'size': [2, 2], 'counts': '021O'}
    """
    return {"size": list(mask.shape), "counts": rle_to_text(rle_encode(mask))}


def _shows(mask: BoolArray | None) -> bool:
    return mask is not None and bool(mask.any())


def _mask_json(found: Found) -> dict[str, Any]:
    if found.mask is None:
        return {}
    return {"mask": rle_of(found.mask), "mask_score": found.mask_score}


def bounds(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the (2,) least and greatest x, y of (N, 2) points."""
    return points.min(axis=0), points.max(axis=0)


def signed_area(ring: FloatArray) -> float:
    """Return the area of an (N, 2) ring by the shoelace formula, in square pixels."""
    x, y = ring.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)
