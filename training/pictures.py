"""Pictures of what a model answers on held-out frames while it learns, beside the labels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from torch.distributed.tensor import DTensor
from transformers import TrainerCallback

from drivegrid.data.images import Picture, save_image
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import ModelError
from drivegrid.geometry import FloatArray
from drivegrid.inference.choosing import greedy
from drivegrid.inference.decoding import Anything, propose
from drivegrid.inference.speaker import Speaker
from drivegrid.inference.talks import Talks
from drivegrid.plotting.marking import mark_region
from drivegrid.plotting.overlay import draw_scene, instance_text
from drivegrid.plotting.sheet import contact_sheet
from drivegrid.tasks.representation import Representation
from drivegrid.tokens.automaton import TokenClasses

from .examples import Dialogue, DialogueDrawer
from .student import PictureSource, Student

FOLDER = "pictures"
MOST_QUESTIONS = 8
MOST_TOKENS = 256
"""Longest answer; a model that has learnt little babbles."""
PICTURE_WH = (480, 270)
COLUMNS = 4
MOST_LETTERS = 90
"""Longest question or answer in a caption."""
_PLACE = re.compile(r"<(point|box|line|poly|seg)>.*?</\1>", re.DOTALL)
"""A place in the text of a question."""


@dataclass(frozen=True)
class Question:
    """A question about a held-out frame, with the answer that its labels give.

    Args:
        image: (H, W, 3) uint8 RGB, with the mark that the question needs, if any.
        kind: Of the question, see ``KINDS``.
        prompt: The question in final text.
        answer: The label's answer in final text.
    """

    image: Picture
    kind: str
    prompt: str
    answer: str


def draw_questions(source: PictureSource, drawers: Sequence[DialogueDrawer]) -> list[Question]:
    """Return a question of each drawer, each about another frame as far as there are some.

    Args:
        source: Held-out pictures.
        drawers: One for each kind; a kind that no frame allows is left out.
    """
    count = len(source)
    starts = np.linspace(0, count, len(drawers), endpoint=False).astype(int)
    found = (
        _first_question(source, drawer, [(start + i) % count for i in range(count)])
        for start, drawer in zip(starts.tolist(), drawers, strict=True)
    )
    return [question for question in found if question is not None]


def _first_question(
    source: PictureSource, drawer: DialogueDrawer, places: Sequence[int]
) -> Question | None:
    """Return a question about the first of some frames that allows one."""
    for place in places:
        visual, scene = source[place]
        dialogue = next(drawer.draw(scene, np.random.default_rng(place)), None)
        if dialogue is not None:
            return _question(visual["image"], dialogue)
    return None


def _question(image: Picture, dialogue: Dialogue) -> Question:
    first = dialogue.exchanges[0]
    shown = image if dialogue.mark is None else mark_region(image, dialogue.mark)
    return Question(shown, dialogue.kind, first.prompt, first.answer)


class AnswerPictures(TrainerCallback):
    """Draws a sheet whenever the model is judged: label and answer side by side.

    Answers are greedy and free, so that one also sees how well the grammar is known; offsets are
    not asked for. Nothing that a model says or fails to say ends its training.

    Args:
        student: What learns; it has the weights that are judged when it is asked.
        way: How it writes shapes.
        questions: What is asked each time.
        folder: Where the sheets go, as ``step-000500.png``.
    """

    def __init__(
        self, student: Student, way: Representation, questions: Sequence[Question], folder: Path
    ) -> None:
        self.student, self.way, self.folder = student, way, folder
        self.questions = list(questions)
        self.drawn = -1

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Draw once a step; the trainer reports each kind of question by itself."""
        del args, control, kwargs
        step = state.global_step
        # A sharded model answers on all processes together or not at all.
        sharded = any(isinstance(p, DTensor) for p in self.student.model.parameters())
        if step == self.drawn or not self.questions or sharded or not state.is_world_process_zero:
            return
        self.drawn = step
        save_image(self.folder / f"step-{step:06}.png", self.sheet())

    def sheet(self) -> Picture:
        """Return the sheet of the model as it is now."""
        pictures, captions = [], []
        for question, answer in zip(self.questions, self._answers(), strict=True):
            asked = _short(_PLACE.sub("", question.prompt))
            for text, head in (
                (question.answer, f"{question.kind}: {asked} = "),
                (answer, "Answer: "),
            ):
                named = self._read(question, text)
                pictures.append(self._drawn(question, named))
                captions.append(head + _told(named, text))
        return contact_sheet(pictures, captions, COLUMNS)

    def _answers(self) -> Iterator[str]:
        model = self.student.model
        training = model.training
        try:
            speaker = self.student.speaker()
            yield from (self._answer(speaker, question) for question in self.questions)
        finally:
            model.train(training)

    def _answer(self, speaker: Speaker, question: Question) -> str:
        processor = self.student.processor
        try:
            talks = Talks.about(speaker, [speaker.encode(question.image)])
            grammar = Anything(processor.token_classes, MOST_TOKENS)
            [said] = propose(talks, [processor.turn_ids(question.prompt)], grammar, [_likeliest])
            return processor.text_of(said.ids)
        except Exception as error:  # whatever it is, hours of training are worth more
            return f"no answer: {type(error).__name__}: {error}"

    def _read(self, question: Question, text: str) -> tuple[Instance, ...]:
        height, width, _ = question.image.shape
        return self.way.read([text], (width, height), smooth=True)[0]

    def _drawn(self, question: Question, named: Sequence[Instance]) -> Picture:
        """Return the frame at the sheet's size with instances and the place asked about."""
        height, width, _ = question.image.shape
        scale = min(PICTURE_WH[0] / width, PICTURE_WH[1] / height)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(question.image, size, interpolation=cv2.INTER_AREA)
        place = _PLACE.search(question.prompt)
        here = self._read(question, f"here: {place[0]}") if place else ()
        scene = Scene(Frame("", (width, height)), (*here, *named))
        framed = np.zeros((PICTURE_WH[1], PICTURE_WH[0], 3), np.uint8)
        framed[: size[1], : size[0]] = draw_scene(small.astype(np.uint8), scene)
        return framed


def _likeliest(chances: FloatArray, first: TokenClasses | None) -> int:
    """Choose greedily; among scores that are no numbers no token would ever be the last."""
    if not np.isfinite(chances).all():
        raise ModelError("scores must be finite, got others.")
    return greedy(chances, first)


def _told(instances: Sequence[Instance], text: str) -> str:
    """Return an answer for a caption: what it names, counted; else its words."""
    counts = Counter(instance_text(instance) for instance in instances)
    named = ", ".join(f"{count} {name}" for name, count in counts.items())
    readable = "".join(letter if letter.isprintable() else "·" for letter in text)
    return _short(named or readable or "nothing")


def _short(text: str) -> str:
    return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 3]} .."
