"""Answers in the form that users of Florence-2 know, with lines and points beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drivegrid.data.scene import Instance
from drivegrid.geometry import Size
from drivegrid.labels import default_label_space
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grammar import parse_answer, parse_offsets
from drivegrid.tokens.grid import GridSpec


def post_process_generation(
    text: str, image_size: Size, grid: GridSpec | None = None, offsets: Sequence[str] = ()
) -> dict[str, list[Any]]:
    """Turn a model's text into shapes in pixels; never raises on what the model wrote.

    Args:
        text: The proposal, spatial tokens included.
        image_size: Width and height of the frame in pixels.
        grid: Lattice of the model; 32 x 32 by default.
        offsets: The text of each refine turn.

    Returns:
        As `florence_dict`, and ``diagnostics``: the codes of what departs from the grammar.

    >>> post_process_generation("car: <box><grid_0_0><grid_31_31></box>", (64, 64))["bboxes"]
    [[1.0, 1.0, 63.0, 63.0]]
    """
    grid = grid or GridSpec()
    parsed = parse_answer(text, grid)
    geometries = [item.geometry for item in parsed.items]
    diagnostics = list(parsed.diagnostics)
    for turn in offsets:
        mended = parse_offsets(turn, geometries)
        geometries = list(mended.geometries)
        diagnostics += mended.diagnostics
    codec = Codec(grid)
    instances = []
    for item, geometry in zip(parsed.items, geometries, strict=True):
        shape = codec.decode(geometry, image_size)
        if shape is not None:
            label = default_label_space().path_or_words(item.label)
            instances.append(Instance(label, shape, dict(item.attributes), source="text"))
    result = florence_dict(instances)
    result["diagnostics"] = [diagnostic.code for diagnostic in diagnostics]
    return result


def florence_dict(instances: Sequence[Instance]) -> dict[str, list[Any]]:
    """Return instances as Florence-2's ``post_process_generation`` users know them.

    Returns:
        ``bboxes`` (x1, y1, x2, y2), ``polygons`` (rings of flat x, y lists), and beside them
        ``polylines`` and ``points``, each with its ``.._labels`` and ``.._attributes``; all in
        pixels.
    """
    result: dict[str, list[Any]] = {}
    names = {"box": "bboxes", "poly": "polygons", "line": "polylines", "point": "points"}
    for kind, name in names.items():
        chosen = [i for i in instances if i.geometry.kind == kind]
        match kind:
            case "poly":
                shapes = [[ring.ravel().tolist() for ring in i.geometry.parts()] for i in chosen]
            case "line":
                shapes = [i.geometry.vertices().tolist() for i in chosen]
            case _:
                shapes = [i.geometry.vertices().ravel().tolist() for i in chosen]
        result[name] = shapes
        result[f"{name}_labels"] = [i.label for i in chosen]
        result[f"{name}_attributes"] = [dict(i.attributes) for i in chosen]
    return result
