"""Attributes of frames and of matched instances: top-1, macro-F1, confusion, each with its n."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from drivegrid.data.scene import Scene
from drivegrid.geometry import Box, FloatArray, Point, Polygon, Polyline
from drivegrid.metrics.choices import ChoiceScore, score_choices
from drivegrid.metrics.evaluation import Evaluation, of_kind, tally_of
from drivegrid.metrics.matching import match_pairs
from drivegrid.metrics.pairing import FramePairs
from drivegrid.metrics.referring import overlaps
from drivegrid.metrics.rules.settings import Settings
from drivegrid.metrics.tally import Sums, mean_of, over

NO_ANSWER = ""
"""Stands for the answer about an attribute the prediction does not have."""
HIT = 0.5


def evaluate_attributes(pairs: FramePairs, settings: Settings) -> Evaluation:
    """Score the attributes the truth gives, of frames and of instances that were found.

    An instance is found by a prediction of its kind and its label's first part with an overlap of
    .5 or more (lines by the CULane rule), matched one to one. An attribute the prediction lacks is
    a wrong answer, ``answered`` says how many it has; instances nobody found are not asked about,
    and ``found`` says how many were.
    """
    del settings
    answers: dict[str, list[tuple[str, str]]] = defaultdict(list)
    counted: list[dict[str, float]] = []
    asked = found = 0
    for pred, gt in pairs.pairs.values():
        frame: dict[str, float] = defaultdict(float)
        told = list(_told(pred, gt))
        asked += sum(bool(item.attributes) for item in gt.instances)
        found += len({place for place, _, _, _ in told if place is not None})
        for _, name, given, right in told:
            answers[name].append((given, right))
            frame[f"{name}.right"] += given == right
            frame[f"{name}.n"] += 1
        counted.append(dict(frame))
    scores = {name: _scored(told) for name, told in sorted(answers.items())}
    columns = tuple(f"{name}.{what}" for name in scores for what in ("right", "n"))
    tally = tally_of(tuple(pairs.pairs), counted, columns, _rates)
    whole = sum(scores.values(), ChoiceScore())
    figures = {
        "top_1": tally.rates_of()["top_1"] if scores else None,
        "n": len(whole.pairs),
        "instances_with_attributes": asked,
        "found": found,
        "per_attribute": {
            name: score.as_dict()
            | {"answered": sum(given != NO_ANSWER for given, _ in answers[name])}
            for name, score in scores.items()
        },
        "parameters": {"rule": "attributes", "found": "same kind and root, overlap >= 0.5"},
    }
    return Evaluation(figures, tally, worst="top_1")


def _scored(answers: list[tuple[str, str]]) -> ChoiceScore:
    return score_choices([given for given, _ in answers], [right for _, right in answers])


def _told(pred: Scene, gt: Scene) -> Iterator[tuple[int | None, str, str, str]]:
    """Yield (true instance or None for the frame, attribute, given, right)."""
    for name, right in gt.frame.attributes.items():
        yield None, f"frame {name}", pred.frame.attributes.get(name, NO_ANSWER), right
    for i, j in _found(pred, gt):
        true = gt.instances[j]
        root = true.label.split("/")[0]
        for name, right in true.attributes.items():
            given = pred.instances[i].attributes.get(name, NO_ANSWER)
            yield j, f"{root} {name}", given, right


def _found(pred: Scene, gt: Scene) -> Iterator[tuple[int, int]]:
    """Yield the places of the instances that go together."""
    for kind in (Box, Polyline, Point, Polygon):
        mine = of_kind(pred, kind)
        true = [pair for pair in of_kind(gt, kind) if pair[1].attributes]
        if not mine or not true:
            continue
        shapes = [item.geometry for _, item in mine]
        weights = overlaps(kind, shapes, [item for _, item in true], gt.frame.size_wh)
        roots = [np.array([item.label.split("/")[0] for _, item in side]) for side in (mine, true)]
        weights = weights * (roots[0][:, None] == roots[1][None])
        for i, j, overlap in match_pairs(weights):
            if overlap >= HIT:
                yield mine[i][0], true[j][0]


def _rates(sums: Sums) -> dict[str, FloatArray]:
    """Return the top-1 of each attribute, and their mean."""
    names = sorted({column.rpartition(".")[0] for column in sums})
    each = {name: over(sums[f"{name}.right"], sums[f"{name}.n"]) for name in names}
    if not each:
        return {}
    return {"top_1": mean_of(list(each.values())), **{f"{n}.top_1": r for n, r in each.items()}}
