"""Shortcuts that rewards of other systems paid for: here none beats an honest, mediocre answer."""

import re
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from drivegrid.training.rewards import PRESETS, offset_rewards, proposal_rewards
from drivegrid.training.trivial_policies import trivial_offsets, trivial_proposals

from drivegrid.tasks.refine import Noise
from drivegrid.tasks.table import SCORED
from drivegrid.tokens.answer import AnswerItem
from drivegrid.tokens.grammar import format_answer, parse_answer
from drivegrid.tokens.grid import GridGeometry

from .test_trivial_policies import CODEC, GOALS, PROMPT, shaken

SHAPES = pytest.mark.parametrize("name", SCORED)
SETTINGS = pytest.mark.parametrize("settings", PRESETS.values(), ids=PRESETS)
SEEDS = range(5)


def ceiling(name: str, settings) -> list[AnswerItem]:
    rng = np.random.default_rng(0)
    texts = trivial_proposals(GOALS[name], PROMPT, CODEC, rng, regions=settings.regions)
    return list(parse_answer(texts["ceiling"], CODEC.grid).items)


def mediocre(name: str, settings, seed: int) -> str:
    """Return the truth with a third of the anchors shaken by a cell, on each axis."""
    rng, moved = np.random.default_rng(seed), []
    for item in ceiling(name, settings):
        cells = item.geometry.cells[0]
        shift = rng.integers(-1, 2, cells.shape) * (rng.random(cells.shape) < 0.5)
        cells = np.clip(cells + shift, 0, 31)
        cells = np.sort(cells, axis=0) if item.geometry.kind == "box" else cells
        moved.append(replace(item, geometry=GridGeometry(item.geometry.kind, (cells,))))
    return format_answer(moved, think="I look at the road.")


def totals(name: str, settings, texts) -> np.ndarray:
    return proposal_rewards(GOALS[name], texts, CODEC, settings).total


def honest(name: str, settings) -> float:
    """Return the least that a mediocre answer earns."""
    texts = [mediocre(name, settings, seed) for seed in SEEDS]
    return float(totals(name, settings, texts).min())


@SETTINGS
@SHAPES
@pytest.mark.parametrize("policy", ["empty", "none", "format", "spam", "copy"])
def test_answers_without_a_look_at_the_picture(name: str, settings, policy: str) -> None:
    rng = np.random.default_rng(0)
    texts = trivial_proposals(GOALS[name], PROMPT, CODEC, rng, regions=settings.regions)
    assert totals(name, settings, [texts[policy]])[0] < honest(name, settings)


@SETTINGS
@SHAPES
def test_more_of_the_same_never_pays(name: str, settings) -> None:
    items = ceiling(name, settings)
    aside = [_moved(item, 1) for item in items]
    texts = [format_answer(one, think="") for one in (items, items + aside, items * 2)]
    alone, stuffed, repeated = totals(name, settings, texts)
    assert alone > stuffed
    assert alone > repeated


def test_mask_cells_beside_a_box_that_nobody_asked_for() -> None:
    settings = PRESETS["no-decoder"]
    items = ceiling("objects", settings)
    cells = np.stack(np.meshgrid(np.arange(12), np.arange(10)), axis=-1).reshape(-1, 2)
    stuffing = replace(
        items[0], geometry=GridGeometry("seg", (cells,)), same_instance=True, attributes={}
    )
    texts = [format_answer(one, think="") for one in (items, [items[0], stuffing, *items[1:]])]
    alone, stuffed = totals("objects", settings, texts)
    assert alone > stuffed


def _moved(item: AnswerItem, by: int) -> AnswerItem:
    cells = tuple(np.clip(part + np.array([by, 0]), 0, 31) for part in item.geometry.cells)
    return replace(item, geometry=GridGeometry(item.geometry.kind, cells))


@SETTINGS
@pytest.mark.parametrize("num", [1, 2])
def test_one_or_two_safe_points_of_a_mask(settings, num: int) -> None:
    settings = settings.model_copy(update={"regions": "seg"})
    box, seg = ceiling("drivable", settings)
    inner = seg.geometry.cells[0][:num]
    safe = format_answer([box, replace(seg, geometry=GridGeometry("seg", (inner,)))], think="")
    full = format_answer([box, seg], think="")
    few, many = totals("drivable", settings, [safe, full])
    assert few < many - 0.2


@SETTINGS
def test_stuffing_a_mask_with_cells(settings) -> None:
    settings = settings.model_copy(update={"regions": "seg"})
    box, seg = ceiling("drivable", settings)
    (x_0, y_0), (x_1, y_1) = box.geometry.cells[0]
    cells = np.array([(x, y) for y in range(y_0, y_1 + 1) for x in range(x_0, x_1 + 1)])
    stuffed = format_answer([box, replace(seg, geometry=GridGeometry("seg", (cells,)))], think="")
    assert totals("drivable", settings, [stuffed])[0] < honest("drivable", settings)


@SETTINGS
@SHAPES
def test_repeated_sentences(name: str, settings) -> None:
    plain = mediocre(name, settings, 0)
    repeated = plain.replace("<think>", "<think>I look at the road. ")
    first, second = totals(name, settings, [plain, repeated])
    assert first > second


@SETTINGS
@pytest.mark.parametrize("policy", ["empty", "spam", "copy", "format", "random"])
@pytest.mark.parametrize("name", ["nothing", "words"])
def test_only_the_right_words_pay(name: str, settings, policy: str) -> None:
    texts = trivial_proposals(GOALS[name], PROMPT, CODEC, np.random.default_rng(0))
    found, best = totals(name, settings, [texts[policy], texts["ceiling"]])
    assert found < best - 0.5


@SETTINGS
@SHAPES
@pytest.mark.parametrize("policy", ["stay", "delete", "random"])
def test_offsets_that_take_no_skill(name: str, settings, policy: str) -> None:
    """An honest refinement gives every other anchor the right move and lets the others stay."""
    sums = np.zeros(2)
    for seed in SEEDS:
        goal, proposal, labels = shaken(name, Noise(0.6, 0.0, 0.0), seed)
        texts = trivial_offsets(proposal, goal, CODEC, np.random.default_rng(seed))
        both = [texts[policy], halved(labels)]
        sums += offset_rewards(goal, proposal, both, CODEC, settings).total
    assert sums[0] < sums[1]


def halved(labels: str) -> str:
    """Return the offsets with every other one that moves set to stay."""
    number = count()
    return re.sub(
        "<OFF_(?!0_0)[^>]*>",
        lambda move: move[0] if next(number) % 2 == 0 else "<OFF_0_0>",
        labels,
    )


def test_a_good_proposal_is_left_alone() -> None:
    for name in SCORED:
        goal, proposal, _ = shaken(name, Noise(0.0, 0.0, 0.0))
        texts = trivial_offsets(proposal, goal, CODEC, np.random.default_rng(0))
        for settings in PRESETS.values():
            total = offset_rewards(goal, proposal, list(texts.values()), CODEC, settings).total
            stay, delete, anything, best = total.tolist()
            assert best >= stay > max(delete, anything)
