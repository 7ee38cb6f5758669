"""From one scene to its training records: a pure function, the same in every process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from itertools import islice

import numpy as np

from drivegrid.data.scene import Scene
from drivegrid.errors import FormatError
from drivegrid.tasks.conversations.asking import (
    SUBJECTS,
    Turns,
    ask_attribute,
    ask_description,
    ask_everything,
    ask_expression,
    ask_given,
    ask_lane,
    ask_object,
    ask_region,
)
from drivegrid.tasks.conversations.record import IMAGE, Message, Record
from drivegrid.tasks.conversations.refining import ask_refine, ask_refine_mask, refine_chain
from drivegrid.tasks.conversations.talk import Talk, Turn
from drivegrid.tasks.settings import ConversationConfig, GridConfig
from drivegrid.tokens.codec import Codec

TRIES = 4
"""Turns that are drawn for one that is wanted, before a kind is given up."""

ATTRIBUTES_DRAWN = "attributes_drawn"
"""Attribute questions whose place is drawn into the picture; only training has it, on the fly."""
_EXPRESSIONS = {"refer_one": "single", "refer_many": "multiple", "refer_none": "none"}
_DRAWN: Mapping[str, Callable[[Talk, np.random.Generator], Turns]] = {
    "lane_query": ask_lane,
    "object_query": ask_object,
    "region_query": ask_region,
    "attributes": ask_attribute,
    ATTRIBUTES_DRAWN: partial(ask_attribute, drawn=True),
    "describe": ask_description,
    "questions": ask_given,
    "refine": ask_refine,
    "refine_mask": ask_refine_mask,
}
_IN_DIALOGUES = (
    *SUBJECTS, "lane_query", "object_query", "region_query", *_EXPRESSIONS,
    "attributes", "describe",
)  # fmt: skip


def convert(scene: Scene, config: ConversationConfig) -> list[Record]:
    """Return the training records of a scene; no picture is looked at.

    The draws depend on the seed, the frame's name and clip, and the kind of conversation, on
    nothing else: the same records come out in any process and any order, and kinds that are added
    or left out change no other, but that one question is asked once, by the first kind that has it.

    Args:
        scene: Labels. ``extra["expressions"]`` and ``extra["questions"]`` are used where present.
        config: Settings.

    Returns:
        At most ``config.tasks[kind]`` records of each kind, in that order. A frame that allows no
        question of a kind has none of it, and a frame without labels may have none at all: what
        was not marked is not denied (``config.covered``).

    Raises:
        FormatError: If the frame names no image, or its extras are malformed.

    >>> from drivegrid.data.scene import Frame
    >>> config = ConversationConfig(tasks={"lanes": 1}, covered=("*",))
    >>> [record] = convert(Scene(Frame("a.jpg", (640, 360))), config)
    >>> record.id, record.texts[1]
    ('a.jpg#lanes-0', 'none')
    """
    if not scene.frame.image:
        raise FormatError("frame must name its image, got ''.", item="frame")
    talk = Talk(scene, config, _codec(config.grid))
    records: dict[tuple[str, ...], Record] = {}
    for kind, count in config.tasks.items():
        for number, turns in enumerate(islice(_conversations(talk, kind, count), count)):
            asked = tuple(turn.prompt for turn in turns)
            if asked not in records:
                records[asked] = _record(talk, f"{kind}-{number}", kind, turns)
    return list(records.values())


@lru_cache(maxsize=8)
def _codec(grid: GridConfig) -> Codec:
    return grid.codec()


def _conversations(talk: Talk, kind: str, count: int) -> Iterator[list[Turn]]:
    """Yield different conversations of a kind."""
    if kind == "dialogue":
        yield from filter(None, (dialogue(talk, number) for number in range(count)))
        return
    seen = set()
    for turn in islice(draw_turns(talk, kind), TRIES * count):
        if turn is not None and turn.prompt not in seen:
            seen.add(turn.prompt)
            yield [turn]


def draw_turns(talk: Talk, kind: str, rng: np.random.Generator | None = None) -> Turns:
    """Yield questions of a kind about a scene, in a drawn order; None where a draw failed.

    Args:
        talk: The scene.
        kind: Any of ``KINDS`` but "dialogue", or `ATTRIBUTES_DRAWN`.
        rng: Source of the draws; by default the scene's own for the kind.
    """
    if kind in _EXPRESSIONS:
        return ask_expression(talk, _EXPRESSIONS[kind])
    rng = rng or talk.rng(kind)
    if kind in SUBJECTS:
        return ask_everything(talk, kind, rng)
    return _DRAWN[kind](talk, rng)


def dialogue(talk: Talk, number: int) -> list[Turn]:
    """Draw a conversation of several questions; some answers are refined at once."""
    rng = talk.rng(f"dialogue-{number}")
    fewest, most = talk.config.turns
    wanted, asked = int(rng.integers(fewest, most + 1)), 0
    turns: list[Turn] = []
    for index in rng.permutation(len(_IN_DIALOGUES)):
        drawn = islice(draw_turns(talk, _IN_DIALOGUES[index], rng), TRIES)
        turn = next((turn for turn in drawn if turn is not None), None)
        if turn is None:
            continue
        turns.append(turn)
        if turn.items and rng.random() < talk.config.refine_share:
            turns += refine_chain(turn, talk.codec.rounds)
        asked += 1
        if asked == wanted:
            break
    return turns if asked >= fewest else []


def _record(talk: Talk, name: str, kind: str, turns: Iterable[Turn]) -> Record:
    turns = list(turns)
    messages = [
        message
        for turn in turns
        for message in (Message("user", turn.prompt), Message("assistant", turn.answer))
    ]
    messages[0] = Message("user", f"{IMAGE}\n{turns[0].prompt}")
    frame = talk.scene.frame
    return Record(
        id=f"{frame.image}#{name}",
        image=frame.image,
        size_wh=frame.size_wh,
        task=kind,
        messages=tuple(messages),
        targets=tuple(turn.targets for turn in turns),
        forms=tuple(turn.form for turn in turns),
    )
