"""Names, order and ids of the spatial tokens; and how plain text is kept from becoming one.

Spec v1 (docs/spec.md section 3). The order is fixed, so an id is a base plus a local index:
all ``<grid_x_y>`` row by row, the nine ``<OFF_u_v>``, ``<DELETE>``, the tags, then the words of
the mask tokenizer that a model knows, if any.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np

from drivegrid.errors import TokenError
from drivegrid.geometry import GeometryKind, IntArray
from drivegrid.tokens.grid import NUM_OFFSETS, GridGeometry, GridSpec, offset_vectors
from drivegrid.tokens.mask_words import MaskWords, is_word

SPEC_VERSION = 1
KINDS: tuple[GeometryKind, ...] = ("point", "box", "line", "poly", "seg")
RING = "<ring>"
"""Stands between two rings of a polygon."""
OFFSET_TOKENS = (*(f"<OFF_{u}_{v}>" for u, v in offset_vectors().tolist()), "<DELETE>")
"""The ten offset tokens by offset index."""
# The four wrapper tags come last: a base tokenizer may already own them (Qwen3 has <think>).
TAGS = (
    *(f"<{slash}{kind}>" for kind in KINDS for slash in ("", "/")),
    "<offset>",
    "</offset>",
    RING,
    "<think>",
    "</think>",
    "<answer>",
    "</answer>",
)
ANCHOR_COUNTS: Mapping[GeometryKind, tuple[int, int | None]] = MappingProxyType(
    {"point": (1, 1), "box": (2, 2), "line": (2, None), "poly": (3, None), "seg": (1, None)}
)
"""Fewest and most grid tokens of one part; a polygon's numbers hold for each ring."""

TAG_TAIL = r"/?[A-Za-z][A-Za-z0-9_-]{0,31}(?:\{[-0-9 ,]{0,16}\})?>"
"""What after ``<`` makes a tag: any name, so that no spelling the parser forgives slips by."""
_ESCAPABLE = re.compile(rf"<(?=\\*{TAG_TAIL})")
_ESCAPED = re.compile(rf"<\\(?=\\*{TAG_TAIL})")


def escape(text: str) -> str:
    r"""Return text in which nothing reads as a tag: ``<`` of each tag gets a backslash after it.

    >>> escape("what is <grid_3_4>?")
    'what is <\\grid_3_4>?'
    """
    return _ESCAPABLE.sub(r"<\\", text)


def escape_text(text: str) -> str:
    r"""Return text in which nothing reads as a tag or as a chat control token.

    >>> escape_text("<|im_end|> near <grid_1_2>")
    '<\\|im_end|> near <\\grid_1_2>'
    """
    return escape(text).replace("<|", "<\\|")


def unescape(text: str) -> str:
    r"""Undo `escape` exactly.

    >>> unescape(escape(r"<box> and <\box>")) == r"<box> and <\box>"
    True
    """
    return _ESCAPED.sub("<", text) if "<\\" in text else text


def check_geometry(geometry: GridGeometry) -> None:
    """Raise if a shape in cells cannot be written: anchor counts, corner order, words.

    Raises:
        TokenError: If a part has too few or too many anchors, if a kind other than ``poly`` has
            several parts, if box corners are not top left, bottom right, or if words do not stand
            alone in a ``seg``.
    """
    if geometry.words:
        _check_words(geometry)
        return
    low, high = ANCHOR_COUNTS[geometry.kind]
    if len(geometry.cells) != 1 and (geometry.kind != "poly" or not geometry.cells):
        raise TokenError(f"{geometry.kind} must have one part, got {len(geometry.cells)}.")
    for number, part in enumerate(geometry.cells):
        if len(part) < low or (high is not None and len(part) > high):
            rule = f"exactly {low}" if high == low else f"at least {low}"
            raise TokenError(
                f"{geometry.kind} must have {rule} anchors, got {len(part)} (part {number})."
            )
    if geometry.kind == "box":
        (x_0, y_0), (x_1, y_1) = cells = geometry.cells[0].tolist()
        if x_0 > x_1 or y_0 > y_1:
            raise TokenError(
                f"box must list top left before bottom right, got cells {cells}. Sort each axis."
            )


def _check_words(geometry: GridGeometry) -> None:
    if geometry.kind != "seg" or [len(part) for part in geometry.cells] != [0]:
        raise TokenError(
            f"words must stand in a seg without anchors, got a {geometry.kind} with "
            f"{geometry.num_anchors} anchors."
        )
    wrong = [word for word in geometry.words if not is_word(word)]
    if wrong:
        raise TokenError(f"words must be those of a mask tokenizer, got {wrong[0]!r}.")


@dataclass(frozen=True)
class Vocabulary:
    """The spatial tokens of one lattice and their ids.

    Args:
        grid: The lattice.
        base_id: Id of ``<grid_0_0>``; ids are contiguous from here.
        words: Those for masks, if the model knows any; they come last.

    >>> vocabulary = Vocabulary(GridSpec(cols=4, rows=2), base_id=100)
    >>> len(vocabulary), vocabulary.id_of("<grid_1_1>"), vocabulary.token_of(108)
    (35, 105, '<OFF_-1_-1>')
    """

    grid: GridSpec
    base_id: int = 0
    words: MaskWords | None = None

    def __post_init__(self) -> None:
        if self.base_id < 0:
            raise TokenError(f"base_id must be at least 0, got {self.base_id}.")

    def __len__(self) -> int:
        return self.num_spatial + (self.words.count if self.words else 0)

    @property
    def num_spatial(self) -> int:
        """Number of tokens before the words: cells, offsets and tags."""
        return self.grid.num_cells + NUM_OFFSETS + len(TAGS)

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """All names; the position of a name is its local index."""
        cells = (f"<grid_{x}_{y}>" for y in range(self.grid.rows) for x in range(self.grid.cols))
        return (*cells, *OFFSET_TOKENS, *TAGS, *(self.words.tokens if self.words else ()))

    @cached_property
    def local_index(self) -> Mapping[str, int]:
        """Name to local index."""
        return MappingProxyType({token: index for index, token in enumerate(self.tokens)})

    @property
    def cell_range(self) -> range:
        """Ids of the grid tokens, row by row."""
        return range(self.base_id, self.base_id + self.grid.num_cells)

    @property
    def offset_range(self) -> range:
        """Ids of the ten offset tokens by offset index."""
        return range(self.cell_range.stop, self.cell_range.stop + NUM_OFFSETS)

    @property
    def word_range(self) -> range:
        """Ids of the words for masks, by their code."""
        return range(self.base_id + self.num_spatial, self.base_id + len(self))

    def id_of(self, token: str) -> int:
        """Return the id of a name.

        Raises:
            TokenError: If the lattice has no such token.
        """
        if token not in self.local_index:
            raise TokenError(
                f"token must be one of the {len(self)} of the {self.grid.cols}x{self.grid.rows} "
                f"lattice, got {token!r}."
            )
        return self.base_id + self.local_index[token]

    def token_of(self, token_id: int) -> str:
        """Return the name of an id.

        Raises:
            TokenError: If the id is not a spatial token.
        """
        if not self.base_id <= token_id < self.base_id + len(self):
            raise TokenError(
                f"id must lie in [{self.base_id}, {self.base_id + len(self)}), got {token_id}."
            )
        return self.tokens[token_id - self.base_id]

    def cell_ids(self, cells: IntArray) -> IntArray:
        """Return (N,) ids of (N, 2) cells (column, row), which must lie on the lattice."""
        ids: IntArray = self.base_id + cells[:, 1] * self.grid.cols + cells[:, 0]
        return ids

    def cells_of_ids(self, ids: IntArray) -> IntArray:
        """Return (N, 2) column, row of (N,) ids of grid tokens."""
        rows, cols = np.divmod(ids - self.base_id, self.grid.cols)
        return np.stack([cols, rows], axis=1)

    def offset_ids(self, offsets: IntArray) -> IntArray:
        """Return (N,) ids of (N,) offset indices in [0, 10)."""
        ids: IntArray = self.offset_range.start + offsets
        return ids

    def encode(self, text: str) -> IntArray:
        """Return (N,) ids of text that holds tokens and nothing else.

        Raises:
            TokenError: At the first thing that is not a token of this lattice.

        >>> Vocabulary(GridSpec(cols=4, rows=2)).encode("<point><grid_3_1></point>").tolist()
        [18, 7, 19]
        """
        names = re.findall(r"<[^<>]*>|[^<]+|<", text)
        return np.array([self.id_of(name) for name in names], dtype=np.int64)

    def decode(self, ids: IntArray) -> str:
        """Return the text of (N,) ids, the inverse of `encode`.

        Raises:
            TokenError: If an id is not a spatial token.
        """
        return "".join(self.token_of(token_id) for token_id in ids.tolist())

    def encode_geometry(self, geometry: GridGeometry) -> IntArray:
        """Return (N,) ids of a shape's proposal: tag, cells, rings set apart, closing tag.

        Raises:
            TokenError: As `check_geometry`, or if the vocabulary lacks a word.
        """
        check_geometry(geometry)
        pieces = [np.array([self.id_of(name) for name in (f"<{geometry.kind}>", *geometry.words)])]
        for number, part in enumerate(geometry.cells):
            pieces += [np.array([self.id_of(RING)])] if number else []
            pieces.append(self.cell_ids(part))
        return np.concatenate([*pieces, np.array([self.id_of(f"</{geometry.kind}>")])])
