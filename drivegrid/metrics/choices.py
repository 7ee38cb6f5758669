"""Questions with a closed list of answers: top-1 accuracy and macro-F1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from drivegrid.errors import GeometryError
from drivegrid.metrics.matching import Counts, plain, ratio


@dataclass(frozen=True, slots=True)
class ChoiceScore:
    """Answers to one question; scores add up with ``+``.

    Args:
        pairs: (given, right) answer of each place asked about.
    """

    pairs: tuple[tuple[str, str], ...] = ()

    def __add__(self, other: ChoiceScore) -> ChoiceScore:
        return ChoiceScore(self.pairs + other.pairs)

    @property
    def top_1(self) -> float:
        """Share of right answers; nan over nothing."""
        return ratio(sum(given == right for given, right in self.pairs), len(self.pairs))

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the answers that are right at least once; nan over nothing."""
        rates = [counts.f1 for counts in self.by_answer().values()]
        return ratio(sum(rates), len(rates))

    def by_answer(self) -> dict[str, Counts]:
        """Return TP, FP, FN of each answer that is right at least once, by name."""
        hits = Counter(given for given, right in self.pairs if given == right)
        said = Counter(given for given, _ in self.pairs)
        true = Counter(right for _, right in self.pairs)
        return {
            answer: Counts(hits[answer], said[answer] - hits[answer], number - hits[answer])
            for answer, number in sorted(true.items())
        }

    def confusion(self) -> dict[str, dict[str, int]]:
        """Return how often each answer was given, by the right one: ``[right][given]``."""
        table: dict[str, dict[str, int]] = {}
        for (given, right), number in sorted(Counter(self.pairs).items()):
            table.setdefault(right, {})[given] = number
        return table

    def as_dict(self) -> dict[str, Any]:
        """Return top-1, macro-F1, n, how often each answer is right, and the confusion."""
        return {
            "top_1": plain(self.top_1),
            "macro_f1": plain(self.macro_f1),
            "n": len(self.pairs),
            "per_label": {name: counts.as_dict() for name, counts in self.by_answer().items()},
            "confusion": self.confusion(),
        }


def score_choices(given: Sequence[str], right: Sequence[str]) -> ChoiceScore:
    """Score answers; one that is no option is simply wrong.

    Raises:
        GeometryError: If there are not as many answers as questions.

    >>> score = score_choices(["wet", "dry", "dry"], ["wet", "wet", "dry"])
    >>> round(score.top_1, 3), round(score.macro_f1, 3)
    (0.667, 0.667)
    """
    if len(given) != len(right):
        raise GeometryError(f"answers must be one a question, got {len(given)} for {len(right)}.")
    return ChoiceScore(tuple(zip(given, right, strict=True)))
