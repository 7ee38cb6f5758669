"""What an answer is rewarded against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from drivegrid.data.scene import Instance
from drivegrid.errors import GeometryError
from drivegrid.geometry import Anchors, Size
from drivegrid.tokens.answer import AnswerItem

_WORDS = "mask_words"


@dataclass(frozen=True)
class Goal:
    """The right answer to one question about a frame.

    Args:
        instances: In answer order; shapes in pixels of the frame, labels as the answer gives
            them, attributes as far as the answer shall state them. Empty where nothing is there.
        size_wh: Frame size in pixels.
        words: The right answer to a question that is answered in words; then there are no
            instances.

    Raises:
        GeometryError: If there are both, or an instance is given by mask anchors: those are an
            answer's way to a mask, the truth is its outline.
    """

    instances: tuple[Instance, ...]
    size_wh: Size
    words: str | None = None

    def __post_init__(self) -> None:
        if self.words is not None and self.instances:
            raise GeometryError(
                f"a goal in words must have no instances, got {len(self.instances)}."
            )
        for number, instance in enumerate(self.instances):
            if isinstance(instance.geometry, Anchors):
                raise GeometryError(
                    f"a goal must be outlined, got mask anchors (instance {number}). "
                    "Give the polygon of its mask."
                )

    @classmethod
    def from_answer(
        cls, items: Sequence[AnswerItem], instances: Sequence[Instance], size_wh: Size
    ) -> Goal:
        """Return the goal of what `answer_items` returned: instances named as the answer does.

        Args:
            items: (N,) the right answer.
            instances: (N,) what stands behind each item.
            size_wh: Frame size in pixels.
        """
        pairs = zip(items, instances, strict=True)
        return cls(tuple(as_answered(one, item) for item, one in pairs), size_wh)


def as_answered(instance: Instance, item: AnswerItem) -> Instance:
    """Return an instance under the label and with the attributes that the right answer states.

    If that tells it by words for masks, they are noted, see `true_words`.
    """
    words = {_WORDS: item.geometry.words} if item.geometry.words else {}
    return replace(
        instance,
        label=item.label,
        attributes=dict(item.attributes),
        extra={**instance.extra, **words},
    )


def true_words(instance: Instance) -> tuple[str, ...]:
    """Return the words for masks by which the right answer tells an instance; may be none."""
    words: tuple[str, ...] = instance.extra.get(_WORDS, ())
    return words
