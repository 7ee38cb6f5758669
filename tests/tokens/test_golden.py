"""Token vectors worked out by hand from docs/spec.md."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from drivegrid.tokens.answer import AnswerItem, Code
from drivegrid.tokens.grammar import format_answer, format_offsets, parse_answer, parse_offsets
from drivegrid.tokens.grid import DELETE, GridGeometry, GridSpec, offset_vectors
from drivegrid.tokens.vocabulary import Vocabulary

GOLDEN = Path(__file__).parents[1] / "golden"


def vectors(name: str) -> list[Any]:
    loaded = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))["vectors"]
    return [pytest.param(v, id=v.get("name", str(i))) for i, v in enumerate(loaded)]


def shape(kind: str, cells: list[list[list[int]]]) -> GridGeometry:
    return GridGeometry(kind, tuple(np.array(part, dtype=np.int64) for part in cells))


@pytest.mark.parametrize("vector", vectors("cells"))
def test_pixels_cells_and_centers(vector: dict[str, Any]) -> None:
    grid, size = GridSpec(**vector["grid"]), tuple(vector["size_wh"])
    for part, cells, centers in zip(
        vector["parts"], vector["cells"], vector["centers"], strict=True
    ):
        assert grid.cells_of(np.array(part, dtype=np.float64), size).tolist() == cells
        assert grid.centers_of(np.array(cells), size).tolist() == centers


@pytest.mark.parametrize("vector", vectors("cells"))
def test_cells_text_and_ids(vector: dict[str, Any]) -> None:
    grid, geometry = GridSpec(**vector["grid"]), shape(vector["kind"], vector["cells"])
    item = AnswerItem("", {}, geometry)
    assert format_answer([item]) == vector["text"]
    assert parse_answer(vector["text"], grid, strict=True).items == (item,)
    vocabulary = Vocabulary(grid, base_id=11)
    assert vocabulary.decode(vocabulary.encode_geometry(geometry)) == vector["text"]


@pytest.mark.parametrize("vector", vectors("answers"))
def test_answers(vector: dict[str, Any]) -> None:
    items = tuple(
        AnswerItem(label, attributes, shape(kind, cells), same)
        for label, attributes, kind, cells, same in vector["items"]
    )
    parsed = parse_answer(vector["text"], GridSpec(), strict=True)
    assert parsed.items == items and parsed.says_none == (not items)
    assert format_answer(items) == vector["text"]


@pytest.mark.parametrize("vector", vectors("vocabulary"))
def test_ids(vector: dict[str, Any]) -> None:
    vocabulary = Vocabulary(GridSpec(**vector["grid"]), vector["base_id"])
    assert len(vocabulary) == vector["length"]
    assert {token: vocabulary.id_of(token) for token in vector["ids"]} == vector["ids"]


def parsed_rounds(vector: dict[str, Any]) -> list[GridGeometry]:
    proposal = parse_answer(vector["proposal"], GridSpec(**vector["grid"]), strict=True)
    geometries = [item.geometry for item in proposal.items]
    for text in vector["rounds"]:
        geometries = list(parse_offsets(text, geometries, strict=True).geometries)
    return geometries


@pytest.mark.parametrize("vector", vectors("offsets"))
def test_offset_texts(vector: dict[str, Any]) -> None:
    (geometry,) = parsed_rounds(vector)
    found = [[part.tolist() for part in round_] for round_ in geometry.offsets]
    assert found == vector["offsets"]
    for number, text in enumerate(vector["rounds"], start=1):
        assert format_offsets([geometry], number) == text


@pytest.mark.parametrize("vector", vectors("offsets"))
def test_where_offsets_lead(vector: dict[str, Any]) -> None:
    grid, size = GridSpec(**vector["grid"]), tuple(vector["size_wh"])
    (geometry,) = parsed_rounds(vector)
    for number, ends in enumerate(vector["ends"]):
        points = grid.centers_of(geometry.cells[number], size)
        kept = np.ones(len(points), dtype=bool)
        for round_, parts in enumerate(geometry.offsets, start=1):
            kept &= parts[number] != DELETE
            moves = offset_vectors()[np.minimum(parts[number], DELETE - 1)]
            points = points + moves * grid.offset_step(size, round_)
        assert points[kept].tolist() == ends


@pytest.mark.parametrize("vector", vectors("offsets"))
def test_each_round_goes_to_the_nearest_reachable_place(vector: dict[str, Any]) -> None:
    grid, size = GridSpec(**vector["grid"]), tuple(vector["size_wh"])
    (geometry,) = parsed_rounds(vector)
    for number, target in enumerate(vector["target"] or []):
        points = grid.centers_of(geometry.cells[number], size)
        for round_, parts in enumerate(geometry.offsets, start=1):
            reach = points[:, None] + offset_vectors() * grid.offset_step(size, round_)
            nearest = np.linalg.norm(reach - np.array(target)[:, None], axis=2).argmin(axis=1)
            assert nearest.tolist() == parts[number].tolist()
            points = reach[np.arange(len(points)), nearest]


def test_the_spec_lists_every_diagnostic_and_holds_the_vectors() -> None:
    spec = (GOLDEN.parents[1] / "docs" / "spec.md").read_text(encoding="utf-8")
    section = spec.split("\n## ")[7]
    assert set(re.findall(r"^\| `(\w+)`", section, re.MULTILINE)) == set(get_args(Code))
    known = "".join(path.read_text(encoding="utf-8") for path in GOLDEN.glob("*.json"))
    table = spec.split("\n## ")[9]
    texts = re.findall(r"`(<.*?>)`", table)
    assert len(texts) >= 8 and all(text in known for text in texts if text != "<DELETE>")
