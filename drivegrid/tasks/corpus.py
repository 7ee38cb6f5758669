"""Every word the tasks can ask or answer with: what the nano tokenizer is trained on."""

from __future__ import annotations

from drivegrid.labels import LabelSpace
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


def text_corpus(space: LabelSpace) -> list[str]:
    """Return questions and answer texts without spatial tokens, frequent ones repeated."""
    ordinals = [
        f"the {o} lane line from the {s}" for o in lanes.ORDINALS for s in ("left", "right")
    ]
    words = [space.words(path) for path in space.paths]
    answers = [f"{word}: " for word in words]
    for path in space.paths:
        for name, values in space.attributes_of(path).items():
            answers += [f"{space.words(path)} ({name}: {value}): " for value in values]
    asked = [
        form.format(space.words(label))
        for label in objects.ASKED_CLASSES
        for form in (*objects.NEAREST, *objects.ALL_OF)
    ]
    return [*PLAIN_QUESTIONS, *ordinals, *asked] * 20 + [*words, *answers] * 5
