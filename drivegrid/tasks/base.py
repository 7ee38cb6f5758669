"""A task: what is asked, what the right answer is, and how an answer is scored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

import numpy as np

from drivegrid.data.scene import Instance, Scene
from drivegrid.errors import GeometryError, TokenError
from drivegrid.geometry import Geometry, GeometryKind, Size
from drivegrid.labels import LabelSpace, default_label_space
from drivegrid.tokens.answer import AnswerItem
from drivegrid.tokens.grid import GridGeometry
from drivegrid.tokens.vocabulary import check_geometry


@dataclass(frozen=True, slots=True)
class Asked:
    """A question in words about one scene, and the instances that answer it, in order."""

    query: str
    instances: tuple[Instance, ...]
    attributes: tuple[str, ...] = ()
    """Names of the attributes the answer must state."""
    exact: bool = False
    """Whether the answer gives labels as they are, where plain ones stop at the basic level."""


class Task(ABC):
    """One family of questions. Training, evaluation and prediction share it.

    Attributes:
        name: Short name, used in configs and reports.
        kind: Geometry its answers hold.
        question: The plain question that asks for everything.
        paraphrases: All plain questions, `question` first.
    """

    name: ClassVar[str]
    kind: ClassVar[GeometryKind]
    question: ClassVar[str]
    paraphrases: ClassVar[tuple[str, ...]]

    def wordings(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return every way to ask for everything, each with the attributes the answer states."""
        return tuple((words, ()) for words in self.paraphrases)

    @abstractmethod
    def instances(self, scene: Scene) -> tuple[Instance, ...]:
        """Return everything the plain question asks for, in answer order."""

    @abstractmethod
    def ask(self, scene: Scene, rng: np.random.Generator) -> Asked:
        """Draw a question about the scene: the plain one, a paraphrase, or a narrower one."""


class Encoder(Protocol):
    """Turns shapes into cells: `Codec`, or what remembers its answers."""

    def encode(self, geometry: Geometry, size_wh: Size) -> GridGeometry:
        """Return the tokens of a shape, as `Codec.encode` does."""


def answer_items(
    asked: Asked, codec: Encoder, size_wh: Size, space: LabelSpace | None = None
) -> tuple[list[AnswerItem], tuple[Instance, ...]]:
    """Return the answer in tokens, with the instances it names.

    Instances that have no tokens (outside the image, or cut down to a single point) are left out
    of both.

    Args:
        asked: Question and instances, geometry in pixels of the frame.
        codec: Turns geometry into cells; offsets are added by the refine turn.
        size_wh: Frame size in pixels.
        space: Label words; the packaged taxonomy by default.
    """
    space = space or default_label_space()
    items, kept = [], []
    for instance in asked.instances:
        try:
            geometry = codec.encode(instance.geometry, size_wh)
            check_geometry(geometry)
        except (GeometryError, TokenError):
            continue
        known = {k: instance.attributes[k] for k in asked.attributes if k in instance.attributes}
        label = instance.label if asked.exact else space.basic(instance.label)
        items.append(AnswerItem(space.words(label), known, geometry))
        kept.append(instance)
    return items, tuple(kept)


def at_basic_level(instance: Instance, space: LabelSpace | None = None) -> Instance:
    """Return an instance under the name that plain answers give it.

    Of all signs at once nobody asks their 120 meanings; what a sign says is asked of that sign.
    """
    label = (space or default_label_space()).basic(instance.label)
    return instance if label == instance.label else replace(instance, label=label)


def pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    """Return one of the options at random."""
    return options[int(rng.integers(len(options)))]
