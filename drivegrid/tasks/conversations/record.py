"""One training record, and its forms for the trainers people use.

Text of a message is final: words from outside are escaped, tags are spatial tokens. ``<image>``
stands once, at the start of the first message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from drivegrid.data.fields import as_kind, field
from drivegrid.data.queries import Query, query_from_json
from drivegrid.errors import FormatError
from drivegrid.geometry import Size

RECORD_VERSION = 1
IMAGE = "<image>"
Role: TypeAlias = Literal["user", "assistant"]
INVENTED = -1
"""Target of a shape in a proposal that stands for nothing."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Record:
    """One conversation about one frame; every answer in it is right and may be learnt.

    Args:
        id: Frame, kind and number, for example ``"a/1.jpg#lanes-0"``.
        image: Path as the data set writes it, relative to its root.
        size_wh: Frame size in pixels.
        task: Kind of conversation, one of ``settings.KINDS``.
        messages: User and assistant in turns, the user first.
        targets: For each assistant turn the indices of the scene's instances that its shapes
            stand for, in the order of the shapes; -1 for an invented one. A turn about a marked
            place has its instance.
        forms: For each assistant turn the logical form of its question, where that is a referring
            expression that has one; it means the targets in any order.
    """

    id: str
    image: str
    size_wh: Size
    task: str
    messages: tuple[Message, ...]
    targets: tuple[tuple[int, ...], ...]
    forms: tuple[Query | None, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """The contents in order, without the picture's placeholder."""
        return tuple(message.content.removeprefix(f"{IMAGE}\n") for message in self.messages)


def to_dict(record: Record) -> dict[str, Any]:
    """Return a record as JSON values, drivegrid's own form."""
    return {
        "schema": RECORD_VERSION,
        "id": record.id,
        "image": record.image,
        "size_wh": list(record.size_wh),
        "task": record.task,
        "messages": [{"role": m.role, "content": m.content} for m in record.messages],
        "targets": [list(indices) for indices in record.targets],
        "forms": [None if form is None else form.to_json() for form in record.forms],
    }


def from_dict(value: object) -> Record:
    """Return the record of ``to_dict``.

    Raises:
        FormatError: If a key is missing or of a wrong kind.
    """
    row = as_kind(value, dict, "record")
    if row.get("schema") != RECORD_VERSION:
        raise FormatError(
            f"record must have schema {RECORD_VERSION}, got {row.get('schema')!r:.50}.",
            item="schema",
        )
    size = field(row, "size_wh", list)
    if len(size) != 2:
        raise FormatError(f"size_wh must be two numbers, got {size!r:.100}.", item="size_wh")
    return Record(
        id=field(row, "id", str),
        image=field(row, "image", str),
        size_wh=(as_kind(size[0], int, "size_wh"), as_kind(size[1], int, "size_wh")),
        task=field(row, "task", str),
        messages=tuple(_message(m, f"message {i}") for i, m in enumerate(_all(row, "messages"))),
        targets=tuple(
            tuple(as_kind(index, int, "targets") for index in as_kind(indices, list, "targets"))
            for indices in _all(row, "targets")
        ),
        forms=tuple(None if form is None else query_from_json(form) for form in _all(row, "forms")),
    )


def _all(row: Mapping[str, Any], key: str) -> Sequence[Any]:
    found: list[Any] = field(row, key, list)
    return found


def _message(value: object, item: str) -> Message:
    row = as_kind(value, dict, item)
    role = field(row, "role", str, item)
    if role not in get_args(Role):
        raise FormatError(f"role must be user or assistant, got {role!r:.50}.", item=item)
    return Message("user" if role == "user" else "assistant", field(row, "content", str, item))


def to_swift(record: Record) -> dict[str, Any]:
    """Return ms-swift's standard form: ``messages`` with ``<image>``, and ``images``.

    Source: ms-swift, docs/source_en/Customization/Custom-dataset.md, Multimodal.
    """
    messages = [{"role": m.role, "content": m.content} for m in record.messages]
    return {"messages": messages, "images": [record.image]}


def to_llava(record: Record) -> dict[str, Any]:
    """Return LLaVA's form: ``id``, ``image``, and ``conversations`` between human and gpt.

    Source: LLaVA, docs/Finetune_Custom_Data.md.
    """
    names = {"user": "human", "assistant": "gpt"}
    turns = [{"from": names[m.role], "value": m.content} for m in record.messages]
    return {"id": record.id, "image": record.image, "conversations": turns}


def to_trl(record: Record) -> dict[str, Any]:
    """Return TRL's conversational vision form: lists of parts, the picture one of them.

    Source: TRL, docs/source/dataset_formats.md, Vision datasets. ``images`` are paths; cast the
    column to ``datasets.List(datasets.Image())`` to load them.
    """
    messages = []
    for number, (message, text) in enumerate(zip(record.messages, record.texts, strict=True)):
        parts: list[dict[str, str]] = [] if number else [{"type": "image"}]
        messages.append({"role": message.role, "content": [*parts, {"type": "text", "text": text}]})
    return {"messages": messages, "images": [record.image]}
