"""What a predictor is asked: pictures and questions, checked where they enter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from drivegrid.data.images import check_picture, load_image
from drivegrid.errors import ConfigError, GeometryError
from drivegrid.inference.speaker import Pixels
from drivegrid.labels import default_label_space
from drivegrid.tasks.corpus import unfamiliar_words
from drivegrid.tokens.answer import AnswerItem, Diagnostic

Image = npt.NDArray[np.uint8] | str | Path
MAX_QUERY = 500
"""Longest question, in characters."""


def open_image(image: Image) -> tuple[Pixels, str]:
    """Return an RGB picture and its name; arrays have none."""
    if isinstance(image, str | Path):
        return load_image(image), str(image)
    if not isinstance(image, np.ndarray):
        raise GeometryError(f"image must be a path or an array, got {type(image).__name__}.")
    check_picture(image)
    return image, ""


def check_query(query: str) -> None:
    """Refuse what is no question.

    Raises:
        ConfigError: If the query holds no words, is too long, or is not valid text.
    """
    if not query.strip():
        raise ConfigError(f"query must hold words, got {query!r}.")
    if len(query) > MAX_QUERY:
        raise ConfigError(f"query must have at most {MAX_QUERY} characters, got {len(query)}.")
    if not query.isascii() and any("\ud800" <= letter <= "\udfff" for letter in query):
        raise ConfigError(f"query must be valid text, got {query!r}.")


def unfamiliar_query(query: str) -> tuple[Diagnostic, ...]:
    """Return a diagnostic if the model has never been asked with some of the words."""
    words = unfamiliar_words(query)
    if not words:
        return ()
    message = f"query must use words the model was trained on, got {', '.join(words[:5])}."
    return (Diagnostic("unfamiliar_query", (0, 0), message),)


def unknown_labels(items: Sequence[AnswerItem]) -> tuple[Diagnostic, ...]:
    """Return a diagnostic for every label that the taxonomy does not know."""
    space = default_label_space()
    return tuple(
        Diagnostic(
            "unknown_label",
            item.span or (0, 0),
            f"label must be in the taxonomy, got {item.label!r}.",
        )
        for item in items
        if space.path_or_words(item.label) not in space.paths
    )
