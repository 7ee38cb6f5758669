"""Boxes and mask anchors: GETok eq. 6 to 12."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drivegrid.data.scene import Instance
from drivegrid.geometry import FloatArray, IntArray, Polygon, Size, clip_points
from drivegrid.metrics.boxes import box_iou
from drivegrid.tasks.region import Region, fill_polygon
from drivegrid.tasks.rewards.settings import RewardSettings
from drivegrid.tasks.rewards.shapes import Objects, assign, equal_labels


@dataclass(frozen=True, slots=True)
class TrueObjects:
    """True things with a box; those of masks have their region too.

    Args:
        labels: (G,).
        boxes: (G, 4) in pixels of the stretched frame.
        regions: (G,) masks of the stretched frame, None for a mere box.
    """

    labels: tuple[str, ...]
    boxes: FloatArray
    regions: tuple[Region | None, ...]


@dataclass(frozen=True, slots=True)
class Matched:
    """Objects of N answers and the things they stand for, one to one within each answer.

    Args:
        answers: (K,) the answer each object stands in.
        pred: (M,) objects.
        true: (M,) the thing of each.
        boxes: (M,) mean of IoU and corner score, in [0, 1].
        hits: (M,) share of mask anchors inside the mask, in [0, 1].
    """

    answers: IntArray
    pred: IntArray
    true: IntArray
    boxes: FloatArray
    hits: FloatArray


def true_objects(
    instances: Sequence[Instance], size_wh: Size, settings: RewardSettings
) -> TrueObjects:
    """Return boxes and polygons as objects of the stretched frame."""
    side = round(settings.frame_px)
    boxes, regions = [], []
    for instance in instances:
        corners = clip_points(instance.geometry.vertices(), size_wh)
        boxes.append(np.concatenate([corners.min(axis=0), corners.max(axis=0)]))
        mask = None
        if isinstance(instance.geometry, Polygon):
            mask = fill_polygon(instance.geometry, size_wh, (side, side))
        regions.append(mask)
    stretched = _stretch(np.array(boxes).reshape(-1, 4), size_wh, settings)
    return TrueObjects(tuple(i.label for i in instances), stretched, tuple(regions))


def _stretch(boxes: FloatArray, size_wh: Size, settings: RewardSettings) -> FloatArray:
    scaled: FloatArray = boxes * settings.frame_px / np.tile(size_wh, 2)
    return scaled


def box_scores(boxes: FloatArray, true: FloatArray, l1_px: float) -> tuple[FloatArray, FloatArray]:
    """Return (K, G) IoU and (K, G) corner score of all pairs (eq. 6 and 8); 0 without a box.

    >>> two = np.array([[0.0, 0, 10, 10], [0, 0, 20, 10]])
    >>> [score.tolist() for score in box_scores(two[1:], two[:1], 18.0)]
    [[[0.5]], [[0.8611111111111112]]]
    """
    known = np.isfinite(boxes[:, 0])[:, None]
    filled = np.where(known, boxes, 0.0)
    gap = np.abs(filled[:, None] - true).mean(axis=2)
    closeness: FloatArray = np.maximum(1.0 - gap / l1_px, 0.0) * known
    return box_iou(filled, true) * known, closeness


def hit_ratios(
    anchors: Sequence[FloatArray], regions: Sequence[Region | None], size_wh: Size
) -> FloatArray:
    """Return (K, G) share of each object's mask anchors that lie in each mask (eq. 7)."""
    hits = np.zeros((len(anchors), len(regions)))
    counts = np.array([len(points) for points in anchors], dtype=np.int64)
    if not counts.sum():
        return hits
    owner = np.repeat(np.arange(len(anchors)), counts)
    points = np.concatenate(anchors)
    for g, region in enumerate(regions):
        if region is not None:
            held = region.holds(pixels_of(points, size_wh, region.size_wh))
            hits[:, g] = np.bincount(owner, held, len(anchors)) / np.maximum(counts, 1)
    return hits


def pixels_of(points: FloatArray, size_wh: Size, mask_wh: Size) -> IntArray:
    """Return the pixels of a mask that hold points of the frame it is stretched from."""
    scaled = np.floor(points * (np.asarray(mask_wh) / np.asarray(size_wh))).astype(np.int64)
    pixels: IntArray = np.maximum(np.minimum(scaled, np.asarray(mask_wh) - 1), 0)
    return pixels


def spread(points: FloatArray, scale: float) -> float:
    """Return mean distance to the nearest other point, over a scale, at most 1 (eq. 11).

    A single point has no neighbour and no spread.

    >>> spread(np.array([[0.0, 0.0], [3.0, 4.0]]), 10.0)
    0.5
    """
    if len(points) < 2:
        return 0.0
    gaps = np.linalg.norm(points[:, None] - points, axis=2)
    np.fill_diagonal(gaps, np.inf)
    return float(min(gaps.min(axis=1).mean() / scale, 1.0))


def point_quality(num: int, hit: float, spread_: float, settings: RewardSettings) -> float:
    """Return F of one matched pair (eq. 10), at most 1; below 0 where points are many and bad."""
    worth = settings.hit_weight * hit + settings.spread_weight * spread_
    return float(1 - np.exp(-num / settings.saturation)) * worth - settings.anchor_price * num


def match_objects(
    objects: Objects, true: TrueObjects, size_wh: Size, settings: RewardSettings
) -> Matched:
    """Match the objects of each answer with things of their label (eq. 9)."""
    iou, closeness = box_scores(
        _stretch(objects.boxes, size_wh, settings), true.boxes, settings.l1_px
    )
    hits = hit_ratios(objects.anchors, true.regions, size_wh)
    allowed = equal_labels(objects.labels, true.labels)
    pred, gt = assign(iou + hits + closeness, allowed, objects.answers)
    boxes = (iou + closeness)[pred, gt] / 2
    return Matched(objects.answers, pred, gt, boxes, hits[pred, gt])


def object_rewards(
    objects: Objects,
    true: TrueObjects,
    matched: Matched,
    size_wh: Size,
    rivals: IntArray,
    settings: RewardSettings,
) -> dict[str, FloatArray]:
    """Return `box` and, where there are masks, `critical_points` of all answers.

    Args:
        objects: Of N answers.
        true: G things.
        matched: Who belongs to whom.
        size_wh: Frame size in pixels.
        rivals: (N,) number of shapes in each answer that count as wrong objects.
        settings: Constants.

    `box` is the mean of IoU and corner score, summed over the pairs, over the larger number of
    predicted and true things, in [0, 1].
    """
    num = len(rivals)
    counts = np.bincount(objects.answers, minlength=num) + rivals
    total = np.bincount(objects.answers[matched.pred], matched.boxes, num)
    rewards = {"box": total / np.maximum(counts, len(true.labels))}
    if any(region is not None for region in true.regions):
        rewards["critical_points"] = _critical_points(
            objects, true, matched, size_wh, rivals, settings
        )
    return rewards


def _critical_points(
    objects: Objects,
    true: TrueObjects,
    matched: Matched,
    size_wh: Size,
    rivals: IntArray,
    settings: RewardSettings,
) -> FloatArray:
    """Return (N,) T of each answer (eq. 12)."""
    num_points = np.array([len(points) for points in objects.anchors], dtype=np.int64)
    stretch = settings.frame_px / np.asarray(size_wh)
    total = np.zeros(len(rivals))
    for k, g, hit in zip(matched.pred, matched.true, matched.hits.tolist(), strict=True):
        region = true.regions[g]
        if region is None or not num_points[k]:
            continue
        # The paper does not say what an object's scale r_g is: the side of a square as large.
        scale = settings.spacing * np.sqrt(max(region.num_pixels, 1))
        spread_ = spread(objects.anchors[k] * stretch, scale)
        quality = point_quality(int(num_points[k]), hit, spread_, settings)
        total[objects.answers[k]] += num_points[k] * quality
    weight = np.bincount(objects.answers, np.maximum(num_points, 1), len(rivals)) + rivals
    clipped: FloatArray = np.clip(total / np.maximum(weight, 1), 0, 1)
    return clipped
