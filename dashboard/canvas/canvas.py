"""The component: shows a picture with layers, returns what the person did.

The browser keeps the edits; Python hears of a commit, a selection, a verdict or a region. A
message stays in the component's state until Python tells the browser that it heard it, and only
then the browser sends the next: nothing is lost where one run of a page interrupts another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import streamlit as st
from drivegrid.dashboard.canvas.layers import CanvasError, Layer, Picture, check_layers
from drivegrid.dashboard.canvas.said import MAX_TEXT, Said, Shown, parse_said, token_of

from drivegrid.tokens.grid import MAX_SIDE

Tool: TypeAlias = Literal["select", "hand", "point", "box", "line", "poly", "region"]
Fate: TypeAlias = Literal["saved", "failed", "conflict", "dropped"]

VIEWING: tuple[Tool, ...] = ("select", "hand")
DRAWING: tuple[Tool, ...] = ("point", "box", "line", "poly")

FOLDER = Path(__file__).parent
SCRIPTS = (
    "geometry", "view", "edits", "svg", "drawing", "trace", "outbox", "drafts", "tools", "chrome",
    "keys", "canvas", "mount",
)  # fmt: skip
"""In the order in which they need each other: together they are one module of the browser."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a person can do on a canvas.

    Args:
        tools: Those offered; drawing needs an editable layer and labels.
        labels: What new shapes can be called; the keys 1 to 9 pick the first nine.
        lattice: Columns and rows of the lattice that can be shown and snapped to.
        keyboard: Whether keys act on the canvas while no text field has the focus.
        verdicts: Whether accept, reject, undo and the steps of a queue are offered.
        height: Of the picture on the screen, in pixels; None follows width and window.

    Raises:
        CanvasError: If a tool is unknown, or drawing has no labels.
    """

    tools: tuple[Tool, ...] = VIEWING
    labels: tuple[str, ...] = ()
    lattice: tuple[int, int] | None = (32, 32)
    keyboard: bool = True
    verdicts: bool = False
    height: int | None = None

    def __post_init__(self) -> None:
        unknown = set(self.tools) - set(get_args(Tool))
        if unknown:
            raise CanvasError(f"tools must be of {get_args(Tool)}, got {sorted(unknown)!r:.100}.")
        if set(self.tools) & set(DRAWING) and not self.labels:
            raise CanvasError("drawing must have labels to choose from, got none.")
        if not all(1 <= len(label) <= MAX_TEXT for label in self.labels):
            raise CanvasError(f"labels must have 1 to {MAX_TEXT} characters, got another.")
        if self.lattice and not 1 <= min(self.lattice) <= max(self.lattice) <= MAX_SIDE:
            raise CanvasError(f"lattice must be 1 to {MAX_SIDE} a side, got {self.lattice}.")

    def to_data(self) -> dict[str, Any]:
        """Return the JSON form for the browser."""
        return {
            "tools": list(self.tools),
            "labels": list(self.labels),
            "lattice": None if self.lattice is None else list(self.lattice),
            "keyboard": self.keyboard,
            "verdicts": self.verdicts,
            "height": self.height,
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a commit, once it is over.

    Args:
        token: Of the commit.
        fate: ``saved`` where the store has written it; ``failed`` where it could not, so that
            the edits stay as they are; ``conflict`` where another version came first and the
            page shows both; ``dropped`` where its giver then let it go.
    """

    token: str
    fate: Fate


_component = st.components.v2.component(
    "drivegrid_canvas",
    js="\n".join((FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS),
    css=(FOLDER / "canvas.css").read_text(encoding="utf-8"),
)


@dataclass(frozen=True, slots=True)
class View:
    """A canvas as it is shown.

    Args:
        key: Name of the canvas in the session.
        picture: What is shown.
        layers: From the lowest to the topmost.
        revision: Rises whenever the editable layer is saved. Edits in the browser live as long
            as it stays; what is said about another one is marked as stale.
        settings: What the person can do.
        outcome: Of the last commit; until it is told, the browser says that it is being saved.

    Raises:
        CanvasError: If layers or settings contradict each other.
    """

    key: str
    picture: Picture
    layers: Sequence[Layer]
    revision: int
    settings: Settings
    outcome: Outcome | None = None

    def __post_init__(self) -> None:
        if check_layers(self.layers) is None and set(self.settings.tools) & set(DRAWING):
            raise CanvasError("drawing must have an editable layer, got none.")

    def locked(self) -> View:
        """Return the same where one can only look.

        What a person drew before stays in the browser, and can be tried to be saved: hear the view
        as it was, and let the store decide.
        """
        settings = replace(self.settings, tools=VIEWING, labels=(), verdicts=False)
        layers = [replace(layer, editable=False) for layer in self.layers]
        return replace(self, layers=layers, settings=settings)

    def to_data(self) -> dict[str, Any]:
        """Return the JSON form for the browser."""
        return {
            "picture": self.picture.to_data(),
            "revision": self.revision,
            "layers": [layer.to_data() for layer in self.layers],
            "settings": self.settings.to_data(),
            "outcome": None if self.outcome is None else asdict(self.outcome),
        }


def canvas(
    picture: Picture,
    layers: Sequence[Layer],
    *,
    revision: int,
    key: str,
    settings: Settings | None = None,
    outcome: Outcome | None = None,
) -> Said | None:
    """Show a picture with its layers; return what the person did, once.

    What is returned must be acted on before the page calls Streamlit again: a run can be
    interrupted there. What must not be lost is better heard first and shown when it is done.

    Args:
        picture: What is shown.
        layers: From the lowest to the topmost.
        revision: See `View`.
        key: Name of the canvas in the session.
        settings: What the person can do; by default look and select.
        outcome: See `View`.

    Raises:
        CanvasError: If layers or settings contradict each other, or the browser sent what it
            never should.
    """
    view = View(key, picture, layers, revision, settings or Settings(), outcome)
    try:
        return hear(view)
    finally:
        show(view)


def hear(view: View) -> Said | None:
    """Return what the person did, once; the browser learns that it was heard by `show`.

    Raises:
        CanvasError: If the browser sent what it never should.
    """
    message = _message(view.key)
    token = token_of(message)
    if message is None or (token is not None and _heard(view.key) == token):
        return None
    st.session_state[f"{view.key}:heard"] = token
    layer = check_layers(view.layers)
    return parse_said(message, Shown(view.picture, view.revision, layer, view.settings.labels))


def forget(key: str) -> None:
    """Take it that the last message was not heard: the browser says it again after a while."""
    st.session_state.pop(f"{key}:heard", None)


def show(view: View) -> None:
    """Show a canvas."""
    st.session_state[f"{view.key}:shown"] = data = view.to_data()
    _show(view.key, data)


def show_again(key: str) -> None:
    """Show a canvas as it was shown last, if it was: what is drawn on it stays."""
    data = st.session_state.get(f"{key}:shown")
    if data is not None:
        _show(key, data)


def _show(key: str, data: Mapping[str, Any]) -> None:
    _component(key=key, data={**data, "heard": _heard(key)}, on_said_change=_nothing)


def _heard(key: str) -> object:
    return st.session_state.get(f"{key}:heard")


def _message(key: str) -> object:
    """Return the last message of the browser."""
    state = st.session_state.get(key)
    return state.get("said") if isinstance(state, Mapping) else None


def _nothing() -> None:
    """Streamlit keeps the states of a component that have a callback."""
