"""Contact sheets: many pictures on one, each over its caption."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from drivegrid.errors import GeometryError
from drivegrid.plotting.canvas import ImageArray

_GAP_PX = 4
_PAPER, _INK = (24, 24, 26), (235, 235, 235)
_LEAST_FONT_PX, _LETTERS = 10, 56
"""A caption's line holds about so many letters, unless they would get too small to read."""


def contact_sheet(
    pictures: Sequence[ImageArray], captions: Sequence[str], columns: int
) -> ImageArray:
    """Return pictures in rows of ``columns``, from the left top, each over its caption.

    Args:
        pictures: At least one, all (height, width, 3) uint8 RGB of one size.
        captions: One for each; broken into lines as wide as a picture.
        columns: Pictures in a row; the last row may have fewer.

    Raises:
        GeometryError: If there is no picture, or sizes or numbers differ.
    """
    sizes = {picture.shape for picture in pictures}
    if len(sizes) != 1 or len(captions) != len(pictures) or columns < 1:
        raise GeometryError(
            f"sheet must have pictures of one size, each with a caption, got {len(pictures)} "
            f"pictures of {len(sizes)} sizes, {len(captions)} captions, {columns} columns."
        )
    height, width, _ = pictures[0].shape
    font_px = max(_LEAST_FONT_PX, round(width / _LETTERS * 2))
    font = ImageFont.load_default(size=font_px)
    texts = [_broken(caption, font, width) for caption in captions]
    line = round(1.3 * font_px)
    cell = (width + _GAP_PX, height + max(len(text) for text in texts) * line + 2 * _GAP_PX)
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * cell[0] + _GAP_PX, rows * cell[1] + _GAP_PX), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for index, (picture, text) in enumerate(zip(pictures, texts, strict=True)):
        row, column = divmod(index, columns)
        x, y = column * cell[0] + _GAP_PX, row * cell[1] + _GAP_PX
        sheet.paste(Image.fromarray(picture), (x, y))
        for number, words in enumerate(text):
            draw.text((x + 1, y + height + 1 + number * line), words, fill=_INK, font=font)
    return np.asarray(sheet).copy()


def _broken(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> list[str]:
    """Return the lines of a text, none wider than ``width`` pixels unless a single word is."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
