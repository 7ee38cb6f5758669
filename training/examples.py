"""From a scene to the token rows a model is trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from drivegrid.data.scene import Scene
from drivegrid.model.anchor_hints import anchor_hints
from drivegrid.model.nano_processor import NanoProcessor
from drivegrid.tasks.base import Asked, answer_items
from drivegrid.tasks.refine import QUESTION as REFINE
from drivegrid.tasks.refine import noisy_proposal
from drivegrid.tasks.table import TASKS
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grammar import format_answer, format_offsets

from .config import DataConfig

IGNORE_INDEX = -100


@dataclass(frozen=True)
class Conversation:
    """One conversation in tokens.

    Args:
        ids: (T,) input tokens.
        labels: (T,) the token that follows each, where it is to be learnt; else -100.
        hints: (T, 3) as ``anchor_hints`` returns.
    """

    ids: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    hints: npt.NDArray[np.float64]


class ExampleBuilder:
    """Draws questions about a scene and writes them down as conversations."""

    def __init__(self, processor: NanoProcessor, codec: Codec, config: DataConfig) -> None:
        self.processor, self.codec, self.config = processor, codec, config

    def conversations(self, scene: Scene, rng: np.random.Generator) -> list[Conversation]:
        """Return conversations about one scene that fill a row; at least one."""
        names = list(self.config.tasks)
        weights = np.array(list(self.config.tasks.values()))
        drawn: list[Conversation] = []
        room = self.config.row_tokens
        while room > 0:
            task = TASKS[str(rng.choice(names, p=weights / weights.sum()))]
            conversation = self._conversation(task.ask(scene, rng), scene, rng)
            room -= len(conversation.ids)
            if room >= 0 or not drawn:
                drawn.append(conversation)
        return drawn

    def _conversation(self, asked: Asked, scene: Scene, rng: np.random.Generator) -> Conversation:
        size_wh = scene.frame.size_wh
        items, instances = answer_items(asked, self.codec, size_wh)
        if not items or rng.random() >= self.config.refine:
            return self._write([(asked.query, format_answer(items), True)])
        proposal = noisy_proposal(items, instances, self.codec.grid, size_wh, rng)
        mended = format_offsets([item.geometry for item in proposal])
        turns = [(asked.query, format_answer(proposal), False), (REFINE, mended, True)]
        return self._write(turns)

    def _write(self, turns: list[tuple[str, str, bool]]) -> Conversation:
        """Write (query, answer, learnt) turns as tokens."""
        ids: list[int] = []
        learnt: list[bool] = []
        for query, answer, learn in turns:
            prompt, reply = self.processor.prompt_ids(query), self.processor.reply_ids(answer)
            ids += prompt + reply
            learnt += [False] * len(prompt) + [learn] * len(reply)
        row = np.array(ids)
        labels = np.where(learnt[1:], row[1:], IGNORE_INDEX)
        processor = self.processor
        hints = anchor_hints(ids[:-1], processor.grid, processor.base_id, processor.special_ids)
        return Conversation(row[:-1], labels, hints)
