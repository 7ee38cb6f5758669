"""Questions about a marked place: its attributes by a closed list, or all of it in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drivegrid.data.attributes import AttributeQuestion
from drivegrid.data.descriptions import ADJECTIVES, relations_for
from drivegrid.data.images import Picture
from drivegrid.data.scene import Instance
from drivegrid.geometry import Geometry, Polygon, Size
from drivegrid.labels import LabelSpace, default_label_space
from drivegrid.masks.drawing import draw_mask
from drivegrid.masks.tokenizer import MaskTokenizer
from drivegrid.tasks.base import pick
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grammar import format_geometry
from drivegrid.tokens.vocabulary import check_geometry

DESCRIBE = (
    "describe the marked place",
    "what is at the marked place?",
    "tell what can be seen at the marked place",
)
FACTS = {
    "surface": {"dry": "dry", "wet": "wet", "snow": "covered with snow", "damaged": "damaged"},
    "blockage": {"open": "open", "partial": "partly blocked", "blocked": "blocked"},
    "density": {"free": "free of traffic", "medium": "some traffic", "dense": "dense traffic"},
    "role": {"ego-left": "on our left", "ego-right": "on our right"},
}
"""Attribute values that follow the noun, in words and in this order."""
NEAR_M = 10.0
"""Distances below are told to the metre, above to five."""


@dataclass(frozen=True, slots=True)
class ClosedQuestion:
    """A question about a marked place with a closed list of answers.

    Args:
        question: The words.
        options: Possible answers.
        task: Name of the attribute task it belongs to; may be empty.
    """

    question: str
    options: tuple[str, ...]
    task: str = ""


def attribute_prompt(question: AttributeQuestion | ClosedQuestion, region: str) -> str:
    """Return the question with the place it is about, in tokens, and its options.

    Without tokens, ``region`` being empty, the place is marked in the picture.

    >>> asked = ClosedQuestion("What color is it?", ("red", "blue"))
    >>> attribute_prompt(asked, "<point><grid_3_4></point>")
    'What color is it? <point><grid_3_4></point> Options: red, blue.'
    >>> attribute_prompt(asked, "")
    'What color is it? Options: red, blue.'
    """
    place = f" {region}" if region else ""
    return f"{question.question}{place} Options: {', '.join(question.options)}."


def region_text(region: Geometry, codec: Codec, size_wh: Size) -> str:
    """Return a place as it stands in a question.

    Args:
        region: In pixels of the frame.
        codec: As places were written in training.
        size_wh: Frame size in pixels.

    Raises:
        GeometryError: If it lies outside the frame.
        TokenError: If it has too few or too many parts for tokens.
    """
    tokens = codec.encode(region, size_wh)
    check_geometry(tokens)
    return format_geometry(tokens)


def mask_text(region: Polygon, image: Picture, tokenizer: MaskTokenizer) -> str:
    """Return an outlined place as it stands in a question to a model that knows masks in words.

    Args:
        region: In pixels of the image.
        image: (H, W, 3) uint8 RGB.
        tokenizer: As places were written in training.

    Raises:
        GeometryError: If it lies outside the image.
    """
    size_wh = image.shape[1], image.shape[0]
    return tokenizer.text_of(tokenizer.encode(image, draw_mask(region, size_wh, size_wh)))


def describe_prompt(region: str, rng: np.random.Generator) -> str:
    """Draw a request to describe a place, given in tokens."""
    return f"{pick(rng, DESCRIBE)} {region}"


def describe(instance: Instance, space: LabelSpace | None = None) -> str:
    """Return in words what is known of an instance, and nothing else.

    Args:
        instance: Its label must be in the taxonomy; values outside the taxonomy are not told.
        space: The taxonomy; by default the packaged one.

    >>> from drivegrid.geometry import Box
    >>> shape = Box(np.array([0.0, 0.0, 4.0, 4.0]))
    >>> ego = {"lane": 0, "side": "ahead", "in_our_lane": True, "distance_m": 21.3}
    >>> describe(Instance("obstacle/cone", shape, {"color": "orange"}, extra={"ego": ego}))
    'orange cone, in our lane, about 20 m away'
    """
    space = space or default_label_space()
    closed = space.attributes_of(instance.label)
    known = {n: v for n, v in instance.attributes.items() if v in closed.get(n, ())}
    noun = [
        words[known[name]]
        for name, words in ADJECTIVES.items()
        if name in known and known[name] in words
    ]
    noun.append(space.words(instance.label))
    if "limit" in known:
        noun.append(f"for {known['limit']}")
    facts = [w[known[n]] for n, w in FACTS.items() if n in known and known[n] in w]
    return ", ".join([" ".join(noun), *facts, *_place(instance)])


def _place(instance: Instance) -> Sequence[str]:
    """Return where an instance is from our car, as far as its label says."""
    ego = instance.extra.get("ego")
    if not isinstance(ego, dict) or instance.label == "lane/line":
        return []
    relations = relations_for(instance.label).items()
    told = [words for words, holds in relations if holds(instance)][:1]
    distance = ego.get("distance_m")
    if isinstance(distance, int | float) and distance >= 0:
        pitch = 1.0 if distance < NEAR_M else 5.0
        told.append(f"about {round(distance / pitch) * pitch:.0f} m away")
    return told
