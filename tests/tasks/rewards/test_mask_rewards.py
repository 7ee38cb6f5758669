"""Mask components of whole answers and refinements, by hand."""

from dataclasses import replace

import numpy as np
import pytest

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import ModelError
from drivegrid.geometry import Box, Polygon
from drivegrid.masks.cache import CachedSegmenter
from drivegrid.masks.drawing import draw_mask
from drivegrid.masks.oracle import OracleSegmenter
from drivegrid.tasks.rewards.goal import Goal
from drivegrid.tasks.rewards.masks import MaskDecoder, masks_apply
from drivegrid.tasks.rewards.proposal import proposal_components
from drivegrid.tasks.rewards.refinement import offset_worth
from drivegrid.tasks.rewards.settings import PRESETS
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grammar import parse_answer, parse_offsets

SIZE = (840, 840)
MASK = (192, 192)
"""A cell of 26.25 px is 6 pixels of the mask, a step of offsets is 3: masks by hand are exact."""
CODEC = Codec(rounds=0)
PAPER = PRESETS["paper"]
PICTURE = np.zeros((840, 840, 3), np.uint8)


class FillsBoxes:
    """Draws the box of a prompt, whatever the picture; without a box nothing."""

    threshold = 0.0

    def encode(self, image):
        return None

    def decode(self, handle, prompts):
        logits = np.full((len(prompts), *MASK), -1, np.float32)
        for logit, prompt in zip(logits, prompts, strict=True):
            if prompt.box is not None:
                logit[draw_mask(Box(prompt.box), SIZE, MASK)] = 1
        return logits, np.ones(len(prompts))


def offset_components(*given):
    return offset_worth(*given).components


def decoder(segmenter=None):
    counted = CachedSegmenter(segmenter or FillsBoxes(), 1)
    return MaskDecoder.of(counted, PICTURE, "a.jpg")


def outline(label, left, top, right, bottom):
    """Return an outlined rectangle, its borders in cells."""
    ring = np.array([[left, top], [right, top], [right, bottom], [left, bottom]]) * 26.25
    return Instance(label, Polygon((ring,)))


def mere_box(label, left, top, right, bottom):
    return Instance(label, Box(np.array([left, top, right, bottom]) * 26.25))


# Said are the centres of cells 4 to 11: 7 cells wide, of 25/3 that are true, so IoU .84. A step
# outwards at both sides adds a cell: .96.
CAMEL = outline("camel", 4.0, 4.5, 4.0 + 25 / 3, 9.5)
SAID = "camel: <box><grid_4_4><grid_11_9></box><seg><grid_6_6></seg>"
EXACT = outline("camel", 4.5, 4.5, 11.5, 9.5)
OTHER = "camel: <box><grid_20_20><grid_25_25></box>"


def proposed(goal, *texts, settings=PAPER, masks=None):
    masks = masks or decoder()
    return proposal_components(Goal(tuple(goal), SIZE), texts, CODEC, settings, masks)


def refined(goal, proposal, *texts, settings=PAPER, masks=None):
    items = parse_answer(proposal, CODEC.grid).items
    return offset_components(
        Goal(tuple(goal), SIZE), items, texts, CODEC, settings, masks or decoder()
    )


def test_the_figure_of_the_paper() -> None:
    # Figure M: the mask reward is 2.0 at IoU .84; the refined mask has .96 and so gains
    # (.96 - .84) / (1 - .84).
    assert proposed([CAMEL], SAID)["mask"].tolist() == [2.0]
    told = "<offset><box><OFF_-1_0><OFF_1_0></box><seg><OFF_0_0></seg></offset>"
    assert refined([CAMEL], SAID, told)["mask_gain"] == pytest.approx([0.75])


def test_masks_of_an_answer_add_up_by_hand() -> None:
    masks = decoder()
    assert masks.draw([parse_answer(SAID, CODEC.grid).items], CODEC, SIZE).sum() == 42 * 30
    # A box of 4 cells in the 25/3 that are true: IoU .48, worth .96.
    narrow = SAID.replace("<grid_11_9>", "<grid_8_9>")
    assert proposed([CAMEL], narrow)["mask"] == pytest.approx([0.96])


@pytest.mark.parametrize(
    ("text", "reward"),
    [
        ("", 0),
        ("none", 0),
        (SAID, 1),
        (f"{OTHER}\n{SAID}", 1),
        (f"{SAID}\n{OTHER}\n{OTHER}", 2 / 3),
        (f"{SAID}\n{SAID.replace('<grid_4_4>', '<grid_4_5>').replace('_11_', '_12_')}", 1),
        (SAID.replace("camel", "horse"), 0),
        (f"{SAID}\ncamel: <poly><grid_4_4><grid_11_4><grid_11_9></poly>", 1),
        (f"{SAID}\n{SAID}\ncamel: <poly><grid_4_4><grid_11_4><grid_11_9></poly>", 2 / 3),
        ("camel: <poly><grid_4_4><grid_11_4><grid_11_9><grid_4_9></poly>", 0),
    ],
)
def test_pairs_count_over_what_was_said_or_is_true(text, reward) -> None:
    far = outline("camel", 0, 28, 3, 31)
    assert proposed([EXACT, far], text)["mask"] == pytest.approx([reward])


def test_what_has_no_true_mask_does_not_count() -> None:
    car = mere_box("car", 20.5, 20.5, 25.5, 25.5)
    both = f"{SAID}\ncar: <box><grid_20_20><grid_25_25></box>"
    invented = f"{both}\ncar: <box><grid_1_1><grid_2_2></box>"
    found = proposed([EXACT, car], SAID, both, invented)
    assert found["mask"] == pytest.approx([2, 2, 1])
    told = "<offset><box><OFF_0_0><OFF_0_0></box><seg><OFF_0_0></seg><box>{}</box></offset>"
    texts = [told.format("<OFF_0_0><OFF_0_0>"), told.format("<DELETE><DELETE>")]
    assert refined([EXACT, car], both, *texts)["mask_gain"].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("offsets", "gain"),
    [
        ("<box><OFF_0_0><OFF_0_0></box><seg><OFF_0_0></seg>", 0),
        ("<box><OFF_-1_0><OFF_1_0></box><seg><DELETE></seg>", 0.75),
        ("<box><OFF_-1_0><OFF_0_0></box><seg><OFF_0_0></seg>", 0.375),
        ("<box><OFF_0_0><OFF_-1_0></box><seg><OFF_0_0></seg>", -0.375),
        ("<box><DELETE><DELETE></box><seg><DELETE></seg>", -1),
    ],
)
def test_gains_by_hand(offsets, gain) -> None:
    told = f"<offset>{offsets}</offset>"
    assert refined([CAMEL], SAID, told)["mask_gain"] == pytest.approx([gain])
    # An object that is nothing halves it, whether it is deleted or not.
    more = told.replace("</offset>", "<box><DELETE><DELETE></box></offset>")
    assert refined([CAMEL], f"{SAID}\n{OTHER}", more)["mask_gain"] == pytest.approx([gain / 2])


def test_a_further_round_gains_on_the_one_before() -> None:
    proposal = parse_answer(SAID, CODEC.grid).items
    first = "<offset><box><OFF_-1_0><OFF_0_0></box><seg><OFF_0_0></seg></offset>"
    geometries = parse_offsets(first, [item.geometry for item in proposal]).geometries
    done = [replace(i, geometry=g) for i, g in zip(proposal, geometries, strict=True)]
    # IoU .90 after the first; with steps as long as before the second gets .96.
    told = "<offset><box><OFF_0_0><OFF_1_0></box><seg><OFF_0_0></seg></offset>"
    codec = Codec(replace(CODEC.grid, gamma=1.0), rounds=0)
    found = offset_components(Goal((CAMEL,), SIZE), done, [told], codec, PAPER, decoder())
    assert found["mask_gain"] == pytest.approx([0.6])


@pytest.mark.parametrize(
    ("goal", "settings"),
    [
        ([], PAPER),
        ([mere_box("car", 1, 1, 3, 3)], PAPER),
        ([CAMEL], PRESETS["no-decoder"]),
    ],
    ids=["nothing", "mere box", "outlines are asked for"],
)
def test_elsewhere_masks_are_neither_rewarded_nor_drawn(goal, settings) -> None:
    masks = decoder()
    assert not masks_apply(Goal(tuple(goal), SIZE), settings)
    told = "<offset><box><OFF_0_0><OFF_0_0></box><seg><OFF_0_0></seg></offset>"
    assert "mask" not in proposed(goal, SAID, settings=settings, masks=masks)
    assert "mask_gain" not in refined(goal, SAID, told, settings=settings, masks=masks)
    assert masks.segmenter.num_decodes == 0


def test_without_a_decoder_the_components_do_not_apply() -> None:
    goal = Goal((CAMEL,), SIZE)
    assert "mask" not in proposal_components(goal, [SAID], CODEC, PAPER)
    items = parse_answer(SAID, CODEC.grid).items
    assert "mask_gain" not in offset_components(goal, items, [""], CODEC, PAPER)


def test_a_proposal_that_asks_for_no_mask_has_none_to_gain() -> None:
    poly = "camel: <poly><grid_4_4><grid_11_4><grid_11_9></poly>"
    told = "<offset><poly><OFF_0_0><OFF_0_0><OFF_0_0></poly></offset>"
    masks = decoder()
    assert "mask_gain" not in refined([CAMEL], poly, told, masks=masks)
    assert masks.segmenter.num_decodes == 0


def test_a_group_is_one_call_and_each_sample_is_worth_what_it_is_alone() -> None:
    rng = np.random.default_rng(0)
    scene = Scene(Frame("a.jpg", SIZE), (CAMEL, EXACT))
    masks = decoder(OracleSegmenter(scene))
    moves = ["<OFF_0_0>", "<OFF_-1_0>", "<OFF_1_0>", "<OFF_0_1>", "<DELETE>"]
    told = []
    for _ in range(12):
        a, b, c = rng.choice(moves, 3)
        told.append(f"<offset><box>{a}{b}</box><seg>{c}</seg></offset>")
    together = refined([CAMEL], SAID, *told, masks=masks)["mask_gain"]
    assert masks.segmenter.num_decodes == 1
    alone = [refined([CAMEL], SAID, one, masks=masks)["mask_gain"][0] for one in told]
    assert together == pytest.approx(alone)
    assert ((together >= -1) & (together <= 1)).all()
    texts = [SAID, f"{SAID}\n{OTHER}", "none", SAID.replace("_11_9", "_9_7")]
    together = proposed([CAMEL, EXACT], *texts, masks=masks)["mask"]
    alone = [proposed([CAMEL, EXACT], one, masks=masks)["mask"][0] for one in texts]
    assert together == pytest.approx(alone)
    assert masks.segmenter.num_encodes == 1


class Broken:
    threshold = 0.0

    def __init__(self, encodes):
        self.encodes = encodes

    def encode(self, image):
        if not self.encodes:
            raise RuntimeError("out of memory")

    def decode(self, handle, prompts):
        raise RuntimeError("out of memory")


def test_a_decoder_that_fails_is_never_a_silent_zero() -> None:
    with pytest.raises(ModelError, match=r"image must be encoded.*out of memory.*\(a\.jpg\)"):
        decoder(Broken(False))
    with pytest.raises(ModelError, match=r"masks must be decoded.*out of memory.*a\.jpg"):
        proposed([CAMEL], SAID, masks=decoder(Broken(True)))
    with pytest.raises(ModelError, match=r"masks must be decoded.*out of memory.*a\.jpg"):
        refined([CAMEL], SAID, "", masks=decoder(Broken(True)))
