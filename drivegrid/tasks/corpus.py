"""Every word the tasks can ask or answer with: what the nano tokenizer is trained on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from drivegrid.data.blanks import COUNTS, METRES
from drivegrid.data.descriptions import ADJECTIVES, RELATIONS
from drivegrid.data.phrasing import templates
from drivegrid.labels import LabelSpace, default_label_space
from drivegrid.tasks import drivable, irregular, lanes, objects, regions, signs
from drivegrid.tasks.refine import QUESTION

PLAIN_QUESTIONS = (
    *lanes.PARAPHRASES,
    *lanes.EGO,
    *(p + lanes.STYLE_SUFFIX for p in lanes.PARAPHRASES),
    *objects.PARAPHRASES,
    *signs.PARAPHRASES,
    *(p + signs.LOOKS_SUFFIX for p in signs.PARAPHRASES),
    *drivable.PARAPHRASES,
    *irregular.PARAPHRASES,
    *regions.DESCRIBE,
    QUESTION,
    "none",
)
_BLANK = re.compile(r"\{[^{}]*\}")


def questions(space: LabelSpace) -> list[str]:
    """Return every plain question the tasks ask."""
    ordinals = [
        f"the {o} lane line from the {s}" for o in lanes.ORDINALS for s in ("left", "right")
    ]
    nearest = [
        form.format(space.words(label))
        for label in objects.ASKED_CLASSES
        for form in objects.NEAREST
    ]
    every = [
        objects.all_of(form, label)
        for label in (*objects.ASKED_CLASSES, *irregular.ASKED_REGIONS)
        for form in objects.ALL_OF
    ]
    return [*PLAIN_QUESTIONS, *ordinals, *nearest, *every]


def referring_words() -> list[str]:
    """Return the wordings of referring expressions for training, and what fills their blanks."""
    wordings = [_BLANK.sub(" ", words) for t in templates() for words in t.wordings("train")]
    looks = [word for values in ADJECTIVES.values() for word in values.values()]
    numbers = ["both", *COUNTS.values(), *map(str, METRES)]
    return [*wordings, *looks, *RELATIONS, *numbers, *lanes.ORDINALS]


def region_words(space: LabelSpace) -> list[str]:
    """Return the questions about marked places, and the words their answers are made of."""
    asked = [
        f"{task.question} Options: {', '.join(task.options)}." for task in space.tasks.values()
    ]
    facts = [word for values in regions.FACTS.values() for word in values.values()]
    return [*asked, *facts, *(f"about {metres} m away" for metres in (5, 9, 10, 25, 60, 100))]


def unfamiliar_words(query: str) -> tuple[str, ...]:
    """Return the words of a query that no question of the tasks has, in order.

    A small model that was trained on these questions does not understand others.

    >>> unfamiliar_words("the quickest lane line")
    ('quickest',)
    """
    known = _question_words()
    return tuple(word for word in _words(query) if word not in known)


@cache
def _question_words() -> frozenset[str]:
    space = default_label_space()
    labels = [words for label in space.labels.values() for words in (label.words, label.plural)]
    texts = (*questions(space), *referring_words(), *region_words(space), *labels)
    return frozenset(word for text in texts for word in _words(text))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def text_corpus(space: LabelSpace) -> list[str]:
    """Return questions and answer texts without spatial tokens, frequent ones repeated."""
    often = [*questions(space), *region_words(space)]
    return [
        text.lower() for text in (*often * 20, *referring_words() * 5, *list(_answers(space)) * 5)
    ]


def _answers(space: LabelSpace) -> Iterator[str]:
    for label in space.labels.values():
        yield from (label.words, label.plural, f"{label.words}: ")
        for name, values in label.attributes.items():
            yield from (f"{label.words} ({name}: {value}): " for value in values)
