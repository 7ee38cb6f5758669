"""How shapes are written in answers: five ways under one interface, to be compared.

    grid          cells of the lattice
    grid+offset   the same, then 1 to 3 rounds of offsets, each a turn of its own
    grid64        cells of a 64 x 64 lattice, and no offsets
    text          plain digits, "(412, 733)"
    bins          1-D location tokens, "<loc_412><loc_733>"

Labels, tags and order are those of the answer grammar in all of them. Text and bins write the
points of the same places as the lattice does (one in every so many lattice rows of a line), at the
precision of their format.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np

from drivegrid.data.scene import Instance, Scene
from drivegrid.errors import ConfigError
from drivegrid.geometry import Size
from drivegrid.labels import default_label_space
from drivegrid.metrics.ceiling import CeilingReport, ceiling
from drivegrid.tasks.base import Asked, answer_items
from drivegrid.tokens.answer import AnswerItem, Diagnostic
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grammar import format_answer, format_offsets, parse_offsets
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.mask_words import MaskWords
from drivegrid.tokens.spelling import Spelling, count_tokens

RepresentationName: TypeAlias = Literal["grid", "grid+offset", "grid64", "text", "bins"]
NAMES: tuple[RepresentationName, ...] = get_args(RepresentationName)
WITH_CELLS = ("grid", "grid+offset", "grid64")
"""Those whose tokens are cells of the model's lattice."""
DEFAULT_LATTICE = GridSpec()
GRID64 = GridSpec(64, 64, 128, 128)
MAX_ROUNDS = 3


@dataclass(frozen=True)
class Representation:
    """One way to write shapes.

    Args:
        name: Which.
        lattice: The model's lattice.
        codec: Turns shapes into cells of what the spelling can name, and back.
        spelling: How a cell is spelt.
    """

    name: RepresentationName
    lattice: GridSpec
    codec: Codec
    spelling: Spelling

    @property
    def tokens(self) -> tuple[str, ...]:
        """Names that a tokenizer must know."""
        return self.spelling.tokens

    @property
    def rounds(self) -> int:
        """Turns of offsets that follow an answer."""
        return self.codec.rounds

    def write(self, instances: Sequence[Instance], size_wh: Size) -> tuple[str, ...]:
        """Return the answer that names these instances: its text, then one for each round.

        Args:
            instances: In answer order, with all their attributes; what has no tokens (outside
                the frame) is left out.
            size_wh: Frame size in pixels.
        """
        return self._texts(self._items(instances, size_wh))

    def _items(self, instances: Sequence[Instance], size_wh: Size) -> list[AnswerItem]:
        found = (
            answer_items(Asked("", (one,), tuple(one.attributes), exact=True), self.codec, size_wh)
            for one in instances
        )
        return [item for items, _ in found for item in items]

    def _texts(self, items: Sequence[AnswerItem]) -> tuple[str, ...]:
        shapes = [item.geometry for item in items]
        rounds = range(1, self.rounds + 1) if items else ()
        answer = self.spelling.spell(format_answer(items))
        return (answer, *(format_offsets(shapes, number) for number in rounds))

    def read(
        self, texts: Sequence[str], size_wh: Size, strict: bool = False, *, smooth: bool = False
    ) -> tuple[tuple[Instance, ...], tuple[Diagnostic, ...]]:
        """Return the instances that an answer names, and where it departs from the grammar.

        Args:
            texts: What the model wrote, turn by turn; never an error unless strict.
            size_wh: Frame size in pixels.
            strict: Raise at the first departure from the grammar.
            smooth: Draw lines as smooth curves, as `Codec.decode` does.

        Raises:
            TokenError: Only if strict.
        """
        parsed = self.spelling.parse(texts[0] if texts else "", strict)
        shapes = tuple(item.geometry for item in parsed.items)
        diagnostics = list(parsed.diagnostics)
        for text in texts[1:]:
            refined = parse_offsets(text, shapes, strict)
            shapes, diagnostics = refined.geometries, [*diagnostics, *refined.diagnostics]
        found, space = [], default_label_space()
        for item, tokens in zip(parsed.items, shapes, strict=True):
            shape = self.codec.decode(tokens, size_wh, smooth=smooth)
            if shape is not None:
                label = space.path_or_words(item.label)
                found.append(Instance(label, shape, dict(item.attributes)))
        return tuple(found), tuple(diagnostics)

    def ceiling(self, scenes: Iterable[Scene]) -> CeilingReport:
        """Score perfect answers; no model does better but by luck."""
        return ceiling(scenes, self.codec)

    def tokens_per_instance(self, scenes: Iterable[Scene]) -> float:
        """Return the mean tokens of an instance, tags and offsets included, its label not.

        Digits count one by one, as do brackets, commas and spaces.
        """
        counts = [
            sum(map(count_tokens, self._texts([replace(item, label="", attributes={})])))
            for scene in scenes
            for item in self._items(scene.instances, scene.frame.size_wh)
        ]
        return float(np.mean(counts)) if counts else 0.0


def representation(
    name: RepresentationName,
    lattice: GridSpec = DEFAULT_LATTICE,
    *,
    rounds: int = 1,
    every: int = 2,
    line_encoder: Literal["rows", "fewest"] = "rows",
    words: MaskWords | None = None,
) -> Representation:
    """Return a representation.

    Args:
        name: Which; ``"grid64"`` has a lattice of its own.
        lattice: The model's lattice.
        rounds: Rounds of ``"grid+offset"``, 1 to 3; the others have none.
        every: Lines have an anchor in every k-th row of the lattice.
        line_encoder: ``"fewest"`` sets anchors where the lattice is reached, so it goes with cells.
        words: Those for masks that stand beside; all representations write them alike.

    Raises:
        ConfigError: If there is no such representation, or the settings do not go together.

    >>> representation("text").spelling.spell("<grid_5_7>"), representation("grid64").lattice.cols
    ('(5, 7)', 64)
    """
    if name not in NAMES:
        raise ConfigError(f"representation must be one of {', '.join(NAMES)}, got {name!r}.")
    if not 1 <= rounds <= MAX_ROUNDS:
        raise ConfigError(f"rounds must lie in 1 to {MAX_ROUNDS}, got {rounds}.")
    if name in WITH_CELLS:
        lattice = GRID64 if name == "grid64" else lattice
        rounds = rounds if name == "grid+offset" else 0
        codec = Codec(lattice, line_encoder, rounds, every, words=words)
        return Representation(name, lattice, codec, Spelling("grid", lattice, words))
    spelling = Spelling("text" if name == "text" else "bins", words=words)
    codec = Codec(spelling.grid, line_encoder, 0, every, sampling=lattice, words=words)
    return Representation(name, lattice, codec, spelling)
