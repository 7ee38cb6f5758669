"""From a scene to the dialogues a model is trained on, in final text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from drivegrid.data.scene import Scene
from drivegrid.geometry import Geometry
from drivegrid.tasks.conversations.convert import ATTRIBUTES_DRAWN, TRIES, draw_turns
from drivegrid.tasks.conversations.refining import can_move, mistaken, mistakes
from drivegrid.tasks.conversations.talk import Talk, Turn
from drivegrid.tasks.refine import QUESTION as REFINE
from drivegrid.tasks.representation import Representation
from drivegrid.tasks.settings import KINDS, ConversationConfig
from drivegrid.tokens.grammar import format_answer, format_offsets

from .config import DataConfig

REFINED = "refine"
KIND_NAMES = (*KINDS, ATTRIBUTES_DRAWN)
"""Every kind of question that losses are told apart by; refined answers are `REFINED`."""
MOST_FAILURES = 20
"""Kinds in a row that a scene allows no question of, before it is given up."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and its answer in final text, and whether the answer is learnt."""

    prompt: str
    answer: str
    learnt: bool = True


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What is said about one picture.

    Args:
        kind: Of its first question (see ``KINDS``).
        exchanges: Questions and answers.
        mark: The place in pixels that must be drawn into the picture (`mark_region`), if any.
        refined: Whether an answer to the question is refined, instead of learnt.
    """

    kind: str
    exchanges: tuple[Exchange, ...]
    mark: Geometry | None = None
    refined: bool = False

    @property
    def kind_id(self) -> int:
        """Place in `KIND_NAMES` of what is learnt."""
        return KIND_NAMES.index(REFINED if self.refined else self.kind)


class DialogueDrawer:
    """Draws dialogues about scenes.

    Args:
        config: Kinds and their weights, share of refinements.
        way: How shapes are written; without rounds nothing is refined.
        in_context: Whether a refine turn follows the answer that it mends, or stands alone and
            repeats question and proposal.
    """

    def __init__(self, config: DataConfig, way: Representation, *, in_context: bool) -> None:
        # Mistakes bring their own offsets.
        self.codec, self.rounds = replace(way.codec, rounds=0), way.rounds
        self.spell, self.in_context = way.spelling.spell, in_context
        self.refine = config.refine if way.rounds else 0.0
        self.kinds = [kind for kind, weight in config.tasks.items() if weight]
        weights = np.array([config.tasks[kind] for kind in self.kinds], dtype=np.float64)
        self.shares = weights / weights.sum()

    def draw(self, scene: Scene, rng: np.random.Generator) -> Iterator[Dialogue]:
        """Yield dialogues without end, unless the scene allows no question."""
        seed = int(rng.integers(2**31))
        kinds = [kind for kind in self.kinds if kind != ATTRIBUTES_DRAWN] or ["attributes"]
        config = ConversationConfig(seed=seed, tasks=dict.fromkeys(kinds, 1))
        talk = Talk(scene, config, self.codec)
        failures = 0
        while failures < MOST_FAILURES:
            kind = str(rng.choice(self.kinds, p=self.shares))
            turns = islice(draw_turns(talk, kind, rng), TRIES)
            turn = next((turn for turn in turns if turn is not None), None)
            failures = 0 if turn is not None else failures + 1
            if turn is not None:
                place = talk.place[turn.targets[0]] if kind == ATTRIBUTES_DRAWN else None
                mark = None if place is None else talk.scene.instances[place].geometry
                refined = can_move(turn.items) and rng.random() < self.refine
                # Draws of their own: the next question is the same however this is answered.
                said = self._mended(talk, turn, rng.spawn(1)[0]) if refined else self._plain(turn)
                yield Dialogue(kind, said, mark, refined)

    def _plain(self, turn: Turn) -> tuple[Exchange, ...]:
        return (Exchange(self.spell(turn.prompt), self.spell(turn.answer)),)

    def _mended(self, talk: Talk, turn: Turn, apart: np.random.Generator) -> tuple[Exchange, ...]:
        if not self.in_context:
            mended = mistaken(talk, turn, apart, self.rounds)
            return (Exchange(mended.prompt, mended.answer),)
        items, _ = mistakes(talk, turn, apart, self.rounds)
        shapes = [item.geometry for item in items]
        # The proposal is not learnt: its mistakes are ours.
        return (
            Exchange(turn.prompt, format_answer(items), learnt=False),
            *(Exchange(REFINE, format_offsets(shapes, r + 1)) for r in range(self.rounds)),
        )
