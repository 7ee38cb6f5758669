"""Referring expressions: F1 of the answers, and no-target accuracy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from drivegrid.data.scene import Instance, Scene
from drivegrid.geometry import FloatArray
from drivegrid.metrics.evaluation import Evaluation, tally_of
from drivegrid.metrics.pairing import FramePairs
from drivegrid.metrics.referring import Referred, ReferringScore, score_referring
from drivegrid.metrics.rules.settings import Settings
from drivegrid.metrics.tally import Sums, over

NOT_ANSWERED = 1
"""An expression that was not answered counts as one wrong shape: silence is no "nothing there"."""


def evaluate_expressions(pairs: FramePairs, settings: Settings) -> Evaluation:
    """Score the answers to the expressions of the truth, which meet by their words.

    Both sides hold ``extra["expressions"]``: ``text`` and ``targets``, indices of instances.
    """
    del settings
    score = ReferringScore()
    counted: list[dict[str, float]] = []
    for pred, gt in pairs.pairs.values():
        frame: dict[str, float] = {}
        for answer in _answers(pred, gt):
            score += ReferringScore((answer,))
            for kind in (answer.kind, "all"):
                frame[f"{kind}.f1"] = frame.get(f"{kind}.f1", 0.0) + answer.f1()
                frame[f"{kind}.mf1"] = frame.get(f"{kind}.mf1", 0.0) + answer.mf1
                frame[f"{kind}.n"] = frame.get(f"{kind}.n", 0.0) + 1
        counted.append(frame)
    kinds = ("single", "multiple", "none", "all")
    columns = tuple(f"{kind}.{what}" for kind in kinds for what in ("f1", "mf1", "n"))
    tally = tally_of(tuple(pairs.pairs), counted, columns, _rates)
    figures = score.as_dict() | {"n": len(score.answers)}
    figures["parameters"] |= {"rule": "expressions", "not_answered": "wrong"}
    return Evaluation(figures, tally, worst="all.f1_50")


def expressions_of(scene: Scene) -> list[tuple[str, tuple[int, ...]]]:
    """Return the words and targets of a scene's expressions; a malformed one is passed over."""
    held = scene.extra.get("expressions")
    found: list[tuple[str, tuple[int, ...]]] = []
    for entry in held if isinstance(held, list) else ():
        text = entry.get("text") if isinstance(entry, dict) else None
        targets: Any = entry.get("targets") if isinstance(entry, dict) else None
        whole = isinstance(targets, list) and all(
            type(i) is int and 0 <= i < len(scene.instances) for i in targets
        )
        if isinstance(text, str) and whole:
            found.append((text, tuple(targets)))
    return found


def _answers(pred: Scene, gt: Scene) -> Iterator[Referred]:
    given = dict(expressions_of(pred))
    for text, targets in expressions_of(gt):
        meant: list[Instance] = [gt.instances[i] for i in targets]
        if text not in given:
            yield Referred((), NOT_ANSWERED, len(meant))
            continue
        shapes = [pred.instances[i].geometry for i in given[text]]
        yield score_referring(shapes, meant, gt.frame.size_wh)


def _rates(sums: Sums) -> dict[str, FloatArray]:
    rates = {"none.accuracy": over(sums["none.f1"], sums["none.n"])}
    for kind in ("single", "multiple", "all"):
        rates[f"{kind}.f1_50"] = over(sums[f"{kind}.f1"], sums[f"{kind}.n"])
        rates[f"{kind}.mf1"] = over(sums[f"{kind}.mf1"], sums[f"{kind}.n"])
    return rates
