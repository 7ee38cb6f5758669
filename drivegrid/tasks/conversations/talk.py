"""A scene made ready for questions: shapes as answers give them, each encoded once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from drivegrid.data.expressions import KINDS
from drivegrid.data.queries import Query
from drivegrid.data.referring import Referring, draw_referring
from drivegrid.data.scene import Instance, Scene
from drivegrid.errors import GeometryError, TokenError
from drivegrid.geometry import Box, Geometry, Point, Polygon, Size, x_at_bottom
from drivegrid.labels import default_label_space
from drivegrid.tasks.base import Asked, answer_items
from drivegrid.tasks.conversations.coverage import coverage_of, marks_some
from drivegrid.tasks.irregular import is_region
from drivegrid.tasks.objects import MIN_SHARE, ROOTS
from drivegrid.tasks.refine import unmoved
from drivegrid.tasks.seeds import draw_for
from drivegrid.tasks.settings import ConversationConfig
from drivegrid.tasks.table import TASKS
from drivegrid.tokens.answer import AnswerItem
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grammar import format_answer, format_geometry, parse_answer
from drivegrid.tokens.grid import GridGeometry
from drivegrid.tokens.vocabulary import check_geometry

MASK_TEXT = "seg"
"""Key of an instance's extra: its mask in text, see `drivegrid.tasks.conversations.masks`."""
UNKNOWN = "unknown"
"""Value of attributes that nobody could tell; it is no answer."""
SPECK_SHARE = MIN_SHARE**2


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its answer, both final text, and the instances the answer's shapes stand for.

    ``items`` are the answer's shapes with all their offsets, where it has any; ``query`` is the
    question without tokens, as a refine turn repeats it; ``form`` is what a referring expression
    says, where that is known.
    """

    prompt: str
    answer: str
    targets: tuple[int, ...] = ()
    items: tuple[AnswerItem, ...] = ()
    query: str = ""
    form: Query | None = None


class _Memory:
    """Encodes each shape once; shapes that have no tokens fail each time."""

    def __init__(self, codec: Codec) -> None:
        self.codec, self.known = codec, dict[int, GridGeometry | GeometryError | TokenError]()

    def encode(self, geometry: Geometry, size_wh: Size) -> GridGeometry:
        found = self.known.get(id(geometry))
        if found is None:
            try:
                found = self.codec.encode(geometry, size_wh)
                check_geometry(found)
            except (GeometryError, TokenError) as error:
                found = error
            self.known[id(geometry)] = found
        if isinstance(found, GridGeometry):
            return found
        raise found


class Talk:
    """A scene and everything that questions about it share.

    Args:
        source: Labels as read. Instances whose label is not in the taxonomy are not asked about,
            nor specks (`is_speck`).
        config: Settings.
        codec: ``config.grid.codec()``, made once for many scenes.

    Attributes:
        marks_all: Whether all things of a kind are marked where any is.
        scene: The scene with shapes as answers give them (`answer_shape`).
        originals: The instances as read, in the same order.
    """

    def __init__(self, source: Scene, config: ConversationConfig, codec: Codec) -> None:
        self.config, self.codec, self.space = config, codec, default_label_space()
        known = [
            number
            for number, instance in enumerate(source.instances)
            if instance.label in self.space.labels and not is_speck(instance, source.frame.size_wh)
        ]
        self.originals = [source.instances[n] for n in known]
        shown = tuple(answer_shape(instance) for instance in self.originals)
        self.scene = replace(source, instances=shown)
        self.number = {id(i): n for i, n in zip(shown, known, strict=True)}
        """Index in the scene as read, by identity of the instance shown."""
        self.place = {n: p for p, n in enumerate(known)}
        """Index in the scene shown, by index in the scene as read."""
        self.size_wh, self.num_read = source.frame.size_wh, len(source.instances)
        self.labels = {instance.label for instance in source.instances}
        self.marks_all = not marks_some(source)
        self.coverage = coverage_of(source, config.covered, self.space)
        self.memory = _Memory(codec)
        self._regions: dict[int, str] = {}
        self._recall_masks()

    def _recall_masks(self) -> None:
        """Take over the masks that are written already: of places all, of answers the regions."""
        for place, instance in enumerate(self.scene.instances):
            text = instance.extra.get(MASK_TEXT)
            if text and isinstance(instance.geometry, Polygon):
                self._regions[place] = text
                if is_region(instance):
                    self.memory.known[id(instance.geometry)] = read_mask(text, self.codec)

    @cached_property
    def subjects(self) -> dict[str, tuple[Instance, ...]]:
        """What each task asks for, by its name; nothing where not all of it is marked."""
        if not self.marks_all:
            return dict.fromkeys(TASKS, ())
        return {name: task.instances(self.scene) for name, task in TASKS.items()}

    def rng(self, kind: str) -> np.random.Generator:
        """Return the draws of one kind, the same whatever else is asked."""
        frame = self.scene.frame
        return draw_for(self.config.seed, frame.image, frame.clip or "", kind)

    def denies(self, path: str) -> bool:
        """Tell whether "none" is a right answer where no such label is in the frame."""
        return self.coverage.can_deny(path, self.labels)

    def outlined(self, place: int) -> Instance:
        """Return an instance shown, by its true outline where its box stands for one."""
        shown, original = self.scene.instances[place], self.originals[place]
        return original if isinstance(shown.geometry, Box) else shown

    def region(self, place: int) -> str:
        """Return the shape of an instance shown in final text; empty where it has no tokens."""
        found = self._regions.get(place)
        if found is None:
            try:
                shape = self.scene.instances[place].geometry
                found = format_geometry(self.memory.encode(shape, self.size_wh))
            except (GeometryError, TokenError):
                found = ""
            self._regions[place] = found
        return found

    def turn(self, asked: Asked, *, whole: bool = False) -> Turn | None:
        """Return question and answer; None where the answer would not be right.

        Args:
            asked: Question in final words. If it names no instance the answer is "none".
            whole: Every instance must have tokens; else those outside the image are left out.
        """
        items, kept = answer_items(asked, self.memory, self.size_wh, self.space)
        if (asked.instances and not items) or (whole and len(kept) < len(asked.instances)):
            return None
        targets = tuple(self.number[id(instance)] for instance in kept)
        return Turn(asked.query, format_answer(items), targets, tuple(items), asked.query)

    def knows(self, instance: Instance, name: str) -> bool:
        """Tell whether an attribute of an instance can be stated."""
        value = instance.attributes.get(name)
        return value != UNKNOWN and value in self.space.attributes_of(instance.label).get(name, ())

    def ordered(self, instances: Iterable[Instance]) -> tuple[Instance, ...]:
        """Return instances in answer order, as the tasks have it.

        From left to right: lines by their bottom end, boxes by their left side; areas as the
        scene lists them.
        """

        def key(instance: Instance) -> float:
            points = instance.geometry.vertices()
            if not len(points):
                return 0.0
            match instance.geometry.kind:
                case "line":
                    return x_at_bottom(points, self.size_wh)
                case "point" | "box":
                    return float(points[0, 0])
            return 0.0

        return tuple(sorted(instances, key=key))

    @cached_property
    def expressions(self) -> list[Referring]:
        """Referring expressions about the scene, of all kinds; none where not all is marked."""
        if not self.marks_all:
            return []
        wanted = max(self.config.tasks.get(f"refer_{kind}", 0) for kind in ("one", "many", "none"))
        count = len(KINDS) * max(wanted, 1)
        return draw_referring(self.scene, self.rng("refer"), count, self.config.split)


def read_mask(text: str, codec: Codec) -> GridGeometry:
    """Return a mask in text as an answer gives it; its anchors, if any, stay where they are.

    Raises:
        TokenError: If the text is not one mask in anchors or words of the codec.
    """
    items = parse_answer(text, codec.grid, strict=True, words=codec.words).items
    if [item.geometry.kind for item in items] != ["seg"]:
        raise TokenError(f"text must hold one mask, got {text!r:.80}.")
    return unmoved(items[0].geometry, codec.rounds)


def is_speck(instance: Instance, size_wh: Size) -> bool:
    """Tell an outline so small that nobody asks about it: masks are full of them.

    Its bounds cover less than ``SPECK_SHARE`` of the frame: a quarter of a cell of 32 x 32.
    """
    points = instance.geometry.vertices()
    if not isinstance(instance.geometry, Polygon) or not len(points):
        return False
    width, height = np.ptp(points, axis=0).tolist()
    return bool(width * height < SPECK_SHARE * size_wh[0] * size_wh[1])


def answer_shape(instance: Instance) -> Instance:
    """Return an instance as answers give it: signs as points, outlined things as boxes.

    A sign's box stays in ``extra["box_xyxy"]``, as the renderer writes it.
    """
    shape = instance.geometry
    if not isinstance(shape, Box | Polygon) or not len(shape.vertices()):
        return instance
    points = shape.vertices()
    low, high = points.min(axis=0), points.max(axis=0)
    if instance.label.partition("/")[0] == "sign":
        extra = {**instance.extra, "box_xyxy": [*low.tolist(), *high.tolist()]}
        return replace(instance, geometry=Point((low + high) / 2), extra=extra)
    if instance.label.startswith(ROOTS) and isinstance(shape, Polygon):
        return replace(instance, geometry=Box(np.concatenate([low, high])))
    return instance
