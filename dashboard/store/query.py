"""Query: which frames are shown, and in which order; as JSON and as a short text for addresses."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from drivegrid.dashboard.schema import STATUSES
from drivegrid.dashboard.store.facts import MAX_FACT
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from drivegrid.errors import ConfigError

MAX_WORDS = 10
MAX_ID = 2**63 - 1
MAX_QUERY = 100_000
"""Characters of a query in an address."""


def _check_plain(text: str) -> str:
    """Refuse what no database can hold, and so no frame can have."""
    if "\0" in text:
        raise ValueError("must have no null character")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("must be UTF-8") from error
    return text


def _check_status(status: str) -> str:
    if status not in STATUSES:
        raise ValueError(f"must be one of {', '.join(STATUSES)}")
    return status


Plain = Annotated[str, AfterValidator(_check_plain)]
Word = Annotated[Plain, Field(max_length=MAX_FACT)]
Words = Annotated[tuple[Word, ...], Field(min_length=1, max_length=50)]
Status = Annotated[str, AfterValidator(_check_status)]
Count = Annotated[float, Field(allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Cell(_Strict):
    """A cell of a confusion matrix; no label on one side is a miss or a false alarm."""

    pred_label: Plain | None = None
    true_label: Plain | None = None

    @model_validator(mode="after")
    def _has_a_label(self) -> Cell:
        if self.pred_label is None and self.true_label is None:
            raise ValueError("must have a label on one side")
        return self


class OfEvaluation(_Strict):
    """How frames did in an evaluation; frames that it did not score are left out."""

    id: int = Field(ge=1, le=MAX_ID)
    score_from: Count | None = None
    score_to: Count | None = None
    misses: bool = Field(False, description="only frames with misses")
    false_alarms: bool = Field(False, description="only frames with false alarms")
    cell: Cell | None = None


class Query(_Strict):
    """Which frames are shown, and in which order. All that is said must hold.

    An order by something that a frame may lack (``reviewed_at``, ``score``) leaves out the frames
    that lack it. Letters are found in either case; beyond ASCII that depends on the database.
    """

    status: tuple[Status, ...] = Field((), max_length=len(STATUSES), description="any of these")
    facts: dict[Word, Words] = Field(
        default_factory=dict, max_length=20, description="of each name, any of the values"
    )
    text: Word = Field("", description="words, all found in the image's name or in labels")
    clip: Plain | None = None
    split: Word | None = None
    evaluation: OfEvaluation | None = None
    order: Literal["number", "status", "reviewed_at", "score"] = "number"
    descending: bool = False

    @model_validator(mode="after")
    def _can_be_answered(self) -> Query:
        if self.order == "score" and self.evaluation is None:
            raise ValueError("order score must have an evaluation")
        if len(self.words) > MAX_WORDS:
            raise ValueError(f"text must have at most {MAX_WORDS} words")
        return self

    @property
    def words(self) -> tuple[str, ...]:
        """The words that are searched for."""
        return tuple(self.text.split())

    @property
    def all_facts(self) -> dict[str, tuple[str, ...]]:
        """The facts that must hold, the split with them; no values of a name: nothing fits."""
        if self.split is None:
            return dict(self.facts)
        asked = self.facts.get("split", (self.split,))
        return {**self.facts, "split": (self.split,) if self.split in asked else ()}

    @property
    def narrows(self) -> bool:
        """Whether it leaves out any frame."""
        said = (self.status, self.facts, self.words, self.evaluation)
        named = self.clip is not None or self.split is not None
        return any(said) or named or self.order == "reviewed_at"

    @property
    def in_no_order(self) -> Query:
        """The query for the same frames in the data set's own order, if there is one."""
        keeps = self.order == "reviewed_at"  # leaves out frames that were not reviewed
        return self if keeps else self.model_copy(update={"order": "number"})

    def without(self, name: str) -> Query:
        """Return this query without what it says of one fact."""
        kept = {other: values for other, values in self.facts.items() if other != name}
        return self.model_copy(
            update={"facts": kept, "split": None if name == "split" else self.split}
        )

    def changed(self, **fields: Any) -> Query:
        """Return this query with other values (JSON) of some fields.

        Raises:
            ConfigError: If they make no query.
        """
        return Query.from_json({**self.to_json(), **fields})

    def with_fact(self, name: str, values: Iterable[str]) -> Query:
        """Return this query with other values of one fact; none: it is not asked for."""
        kept, values = self.without(name), list(values)
        return kept.changed(facts={**kept.facts, name: values}) if values else kept

    def to_json(self) -> dict[str, Any]:
        """Return what differs from the default, as JSON values."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Query:
        """Return the query of JSON values from anywhere.

        Raises:
            ConfigError: If a field or a value is unknown; names every one.
        """
        try:
            return cls._from_text(json.dumps(values))
        except (TypeError, RecursionError) as error:
            raise ConfigError(f"query must hold JSON values, got: {error}.") from error

    def to_text(self) -> str:
        """Return a short text of letters, digits, ``-`` and ``_``, for an address."""
        values = self.to_json()
        text = json.dumps(values, separators=(",", ":"), ensure_ascii=False) if values else ""
        return urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def from_text(cls, text: str) -> Query:
        """Return the query of ``to_text``.

        Raises:
            ConfigError: If it is none.
        """
        if len(text) > MAX_QUERY:
            raise ConfigError(f"query must have at most {MAX_QUERY} characters, got {len(text)}.")
        return cls._from_text(decode_text(text, "query") or "{}")

    @classmethod
    def _from_text(cls, text: str) -> Query:
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, one['loc']))}: {one['msg']}, got {one['input']!r:.100}"
                for one in error.errors()
            )
            raise ConfigError(f"query must be valid, got {problems}.") from error


def decode_text(text: str, thing: str) -> str:
    """Return what a text of an address stands for.

    Raises:
        ConfigError: If it stands for nothing.
    """
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError as error:
        raise ConfigError(f"{thing} must be one that was given out, got {text!r:.50}.") from error


def check_name(name: str) -> str:
    """Return what a person or a view may be called.

    Raises:
        ConfigError: If it is blank, too long, or holds what no database can.
    """
    try:
        _check_plain(name)
    except ValueError as error:
        raise ConfigError(f"name {error}, got {name!r:.50}.") from error
    if not name.strip() or len(name) > MAX_FACT:
        raise ConfigError(f"name must have 1 to {MAX_FACT} characters, got {name!r:.50}.")
    return name
