"""Whether reinforcement learning raised what answers to held-out questions are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from drivegrid.metrics.tally import Tally, intervals


@dataclass(frozen=True)
class Rise:
    """A mean reward before and after, over the same questions.

    Args:
        before: Before the first step.
        after: Now.
        low: Lower end of the 95 % interval of the difference; bootstrap over frames, as those
            about one are alike.
        high: Upper end.
        questions: Their number.
    """

    before: float
    after: float
    low: float
    high: float
    questions: int

    def __str__(self) -> str:
        return (
            f"{self.before:.3f} -> {self.after:.3f}, {self.after - self.before:+.3f} "
            f"(95 % {self.low:+.3f} to {self.high:+.3f}, {self.questions} questions)"
        )


def rise(
    before: Mapping[int, float], after: Mapping[int, float], frames: Sequence[str]
) -> Rise | None:
    """Compare the rewards of questions, pair by pair.

    Args:
        before: Number of a question to its reward.
        after: The same later; a question that only one of them has is left out.
        frames: Of each question the frame it is about.

    Returns:
        None if they share no question.

    >>> print(rise({0: 1.0, 1: 2.0}, {0: 1.5, 1: 2.5, 2: 9.0}, ["a.png", "b.png", "b.png"]))
    1.500 -> 2.000, +0.500 (95 % +0.500 to +0.500, 2 questions)
    """
    both = sorted(before.keys() & after.keys())
    if not both:
        return None
    one, two = (np.array([found[number] for number in both]) for found in (before, after))
    columns = {"rise": two - one, "n": np.ones(len(both))}
    table = Tally([str(n) for n in both], columns, lambda sums: {"mean": sums["rise"] / sums["n"]})
    ends = intervals(table, [frames[number] for number in both])["mean"]
    return Rise(float(one.mean()), float(two.mean()), ends.low, ends.high, len(both))


def rises(
    first: Mapping[str, Any], last: Mapping[str, Any], frames: Sequence[str]
) -> dict[str, Rise]:
    """Compare two entries of ``judged.json``: likeliest and sampled answers.

    Args:
        first: Judged before the first step.
        last: Judged later.
        frames: Of each question the frame it is about.
    """
    found = {}
    for name in ("sampled", "likeliest"):
        before, after = ({int(k): v for k, v in e[name].items()} for e in (first, last))
        one = rise(before, after, frames)
        if one is not None:
            found[name] = one
    return found


def as_json(found: Mapping[str, Rise]) -> dict[str, Any]:
    """Return rises as JSON values."""
    return {name: asdict(one) for name, one in found.items()}
