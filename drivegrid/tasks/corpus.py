"""Every word the tasks can ask or answer with: what the nano tokenizer is trained on."""

from __future__ import annotations

import re
from functools import cache

from drivegrid.labels import LabelSpace, default_label_space
from drivegrid.tasks import drivable, lanes, objects, signs
from drivegrid.tasks.refine import QUESTION

PLAIN_QUESTIONS = (
    *lanes.PARAPHRASES,
    *lanes.EGO,
    *(p + lanes.STYLE_SUFFIX for p in lanes.PARAPHRASES),
    *objects.PARAPHRASES,
    *signs.PARAPHRASES,
    *(p + " with colour and shape" for p in signs.PARAPHRASES),
    *drivable.PARAPHRASES,
    QUESTION,
    "none",
)


def questions(space: LabelSpace) -> list[str]:
    """Return every question the tasks ask."""
    ordinals = [
        f"the {o} lane line from the {s}" for o in lanes.ORDINALS for s in ("left", "right")
    ]
    asked = [
        form.format(space.words(label))
        for label in objects.ASKED_CLASSES
        for form in (*objects.NEAREST, *objects.ALL_OF)
    ]
    return [*PLAIN_QUESTIONS, *ordinals, *asked]


def unfamiliar_words(query: str) -> tuple[str, ...]:
    """Return the words of a query that no question of the tasks has, in order.

    A small model that was trained on these questions does not understand others.

    >>> unfamiliar_words("the leftmost lane line")
    ('leftmost',)
    """
    known = _question_words()
    return tuple(word for word in _words(query) if word not in known)


@cache
def _question_words() -> frozenset[str]:
    space = default_label_space()
    labels = [form.format(space.words(path)) for path in space.paths for form in objects.ALL_OF]
    return frozenset(word for text in (*questions(space), *labels) for word in _words(text))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def text_corpus(space: LabelSpace) -> list[str]:
    """Return questions and answer texts without spatial tokens, frequent ones repeated."""
    words = [space.words(path) for path in space.paths]
    answers = [f"{word}: " for word in words]
    for path in space.paths:
        for name, values in space.attributes_of(path).items():
            answers += [f"{space.words(path)} ({name}: {value}): " for value in values]
    return questions(space) * 20 + [*words, *answers] * 5
