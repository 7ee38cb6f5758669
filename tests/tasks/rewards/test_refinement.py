from dataclasses import replace

import numpy as np
import pytest

from drivegrid.data.scene import Instance
from drivegrid.geometry import Box, Point, Polygon, Polyline
from drivegrid.metrics.boxes import box_iou
from drivegrid.metrics.regions import polygon_overlap
from drivegrid.tasks.base import Asked, answer_items
from drivegrid.tasks.refine import Noise, noisy_proposal
from drivegrid.tasks.rewards.anchors import UNMATCHED
from drivegrid.tasks.rewards.goal import Goal
from drivegrid.tasks.rewards.refinement import offset_worth, prepare
from drivegrid.tasks.rewards.settings import RewardSettings
from drivegrid.tasks.table import SCORED
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grammar import format_offsets, parse_answer, parse_offsets
from drivegrid.tokens.grid import DELETE, STAY, GridGeometry

from ..builders import SIZE as ROAD_SIZE
from ..builders import road

SIZE = (320, 320)  # cells of 10 px, centres at 5, 15, ..; steps of 5 px
CODEC = Codec(rounds=0)
OURS = RewardSettings(stay=0.25)


def offset_components(*given):
    return offset_worth(*given).components


def items(text: str):
    return list(parse_answer(text, CODEC.grid, strict=True).items)


def off(kind: str, *moves) -> str:
    """Return the offsets of one shape: pairs (u, v), None deletes."""
    told = "".join("<DELETE>" if m is None else f"<OFF_{m[0]}_{m[1]}>" for m in moves)
    return f"<{kind}>{told}</{kind}>"


def components(instances, proposal: str, *texts: str, settings=OURS):
    texts = [f"<offset>{text}</offset>" for text in texts]
    goal = Goal(tuple(instances), SIZE)
    found = offset_components(goal, items(proposal), texts, CODEC, settings)
    return {name: values.tolist() for name, values in found.items()}


@pytest.mark.parametrize("words", [None, "wet"])
def test_where_nothing_is_all_is_to_be_deleted(words) -> None:
    goal = Goal((), SIZE, words)
    text = "car: <box><grid_1_1><grid_5_5></box>\ncar: <seg><grid_2_2></seg>"
    texts = [
        f"<offset>{off('box', *box)}{off('seg', *seg)}</offset>"
        for box, seg in (([(0, 0)] * 2, [(0, 0)]), ([None] * 2, [None]))
    ]
    found = offset_components(goal, items(text), texts, CODEC, OURS)
    assert found.pop("box_gain").tolist() == [0, 0]
    assert {name: values.tolist() for name, values in found.items()} == {
        "format": [1, 1],
        "point_refinement": [0, 1],
        "anchor_refinement": [0, 1],
        "gain": [0, 1],
    }


def square(x: float, y: float, side: float) -> Polygon:
    return Polygon((np.array([[x, y], [x + side, y], [x + side, y + side], [x, y + side]]),))


def test_nothing_to_refine() -> None:
    found = offset_components(Goal((), SIZE), [], ["<offset></offset>", "x"], CODEC, OURS)
    assert {name: values.tolist() for name, values in found.items()} == {"format": [1, 0]}


# A square mask of 20..60; cell 1 is centred at 15 (a step outside), 2 at 25, 0 at 5, 5 at 55.
SEG = "car: <seg><grid_2_2><grid_1_2><grid_0_2></seg>"


@pytest.mark.parametrize(
    ("moves", "scores"),
    [
        ([(0, 0), (0, 0), (0, 0)], [0.25, 0, 0]),  # stays inside; stays outside twice
        ([(1, 1), (1, 0), None], [0.25, 1, 1]),  # inside still; enters; rightly deleted
        ([(-1, 0), (-1, 0), (1, 0)], [0.25, 0, 0]),  # x = 20 is inside still
        ([None, None, (0, 0)], [-1, 0, 0]),  # inside, and in reach: not to be deleted
    ],
)
def test_points_of_masks_by_hand(moves, scores) -> None:
    found = components([Instance("car", square(20, 20, 40))], SEG, off("seg", *moves))
    assert found["point_refinement"] == pytest.approx([np.mean(scores)])
    assert list(found) == ["format", "point_refinement"]


def test_a_move_that_leaves_the_mask_costs() -> None:
    # Of a mask of 22..60 the anchor at 25 leaves by a step to the left.
    found = components(
        [Instance("car", square(22, 22, 38))], "car: <seg><grid_2_2></seg>", off("seg", (-1, 0))
    )
    assert found["point_refinement"] == [-1.0]


def test_the_paper_pays_for_staying_inside_what_it_pays_for_entering() -> None:
    text = off("seg", (0, 0), (1, 0), None)
    car = Instance("car", square(20, 20, 40))
    assert components([car], SEG, text, settings=RewardSettings())["point_refinement"] == [1.0]


# Corners at 15 and 55; the true box is 19..51: the first should move by (1, 1), as .8 > .5 steps,
# the second by (-1, -1).
BOX, TRUE_BOX = (
    "car: <box><grid_1_1><grid_5_5></box>",
    Instance("car", Box(np.array([19.0, 19, 51, 51]))),
)


@pytest.mark.parametrize(
    ("moves", "anchor", "gain", "rises"),
    [
        ([(0, 0), (0, 0)], 0.0, 0.0, 0),
        # 20..50 in 19..51: .8789 where 15..55 has .64.
        ([(1, 1), (-1, -1)], 1.0, (900 / 1024 - 0.64) / 0.36, 1),
        # 10..55 has .5057.
        ([(-1, -1), (0, 0)], -0.5, (1024 / 2025 - 0.64) / 0.36, 0),
        # 20..55 squared holds 31 * 31 of 32 * 32 + 35 * 35 - 31 * 31.
        ([(1, 1), (0, 0)], 0.5, (961 / 1288 - 0.64) / 0.36, 1),
        # Nothing is left of a box without a corner.
        ([None, None], -1.0, -1.0, 0),
        ([(1, 1), None], 0.0, -1.0, 0),
    ],
)
def test_boxes_by_hand(moves, anchor, gain, rises) -> None:
    found = components([TRUE_BOX], BOX, off("box", *moves))
    expected = {"format": 1.0, "anchor_refinement": anchor, "gain": gain, "box_gain": rises}
    assert {name: values[0] for name, values in found.items()} == pytest.approx(expected)


@pytest.mark.parametrize(
    ("move", "score"),
    [((0, 0), 0.25), ((1, 0), -1.0), (None, -1.0)],
)
def test_a_right_anchor_should_stay(move, score) -> None:
    # 2 px from the centre at 15: less than half a step.
    found = components(
        [Instance("sign", Point(np.array([17.0, 15.0])))],
        "sign: <point><grid_1_1></point>",
        off("point", move),
    )
    assert found["anchor_refinement"] == [score]


@pytest.mark.parametrize(
    ("moves", "anchor", "gain"),
    [([(0, 0), (0, 0)], 0.0, 0.0), ([None, None], 1.0, 1.0), ([None, (0, 0)], 0.5, 0.0)],
)
@pytest.mark.parametrize("label", ["bus", "car"])
def test_what_belongs_to_nothing_is_to_be_deleted_whole(moves, anchor, gain, label) -> None:
    far = f"{label}: <box><grid_20_20><grid_24_24></box>"
    found = components([TRUE_BOX], far, off("box", *moves))
    assert found["anchor_refinement"] == [anchor]
    assert found["gain"] == [gain]


def test_points_gain_by_their_closeness() -> None:
    # 30 px away, 14 beyond the radius: closeness 1 - 14 / 32; a step nearer 1 - 9 / 32.
    sign = Instance("sign", Point(np.array([45.0, 15.0])))
    proposal = "sign: <point><grid_2_1></point>"  # 25: 20 px away, 4 beyond: two cells are in reach
    found = components(
        [sign], proposal, off("point", (0, 0)), off("point", (1, 0)), off("point", None)
    )
    assert found["gain"] == pytest.approx([0.0, 1.0, -1.0])


def test_an_anchor_far_from_a_line_is_to_be_deleted_or_brought_nearer() -> None:
    line = Instance("line", Polyline(np.array([[105.0, 315], [105, 5]])))
    proposal = "line: <line><grid_10_31><grid_14_15><grid_10_0></line>"
    texts = [off("line", (0, 0), move, (0, 0)) for move in ((0, 0), (-1, 0), (1, 0), None)]
    found = components([line], proposal, *texts)
    assert found["anchor_refinement"] == pytest.approx([0.5 / 3, 1.5 / 3, -0.5 / 3, 1.5 / 3])
    assert found["gain"][3] == pytest.approx(1.0)
    assert found["gain"][0] == 0.0 < found["gain"][1] < 0.5


def test_lines_may_be_told_from_either_end() -> None:
    line = Instance("line", Polyline(np.array([[105.0, 315], [105, 5]])))
    cells = ["<grid_10_31>", "<grid_11_15>", "<grid_10_1>"]
    moves = [(0, 0), (-1, 0), (0, -1)]
    there = components([line], f"line: <line>{''.join(cells)}</line>", off("line", *moves))
    back = components(
        [line], f"line: <line>{''.join(cells[::-1])}</line>", off("line", *moves[::-1])
    )
    assert (
        there["anchor_refinement"] == back["anchor_refinement"] == pytest.approx([(0.25 + 2) / 3])
    )


def test_box_and_anchors_of_one_line_go_together() -> None:
    near, far = square(20, 20, 40), square(200, 200, 40)
    proposal = items("car: <box><grid_20_20><grid_23_23></box><seg><grid_3_3></seg>")
    goal = Goal((Instance("car", near), Instance("car", far)), SIZE)
    # The box says the far one (IoU .58 and near), the one anchor the near one.
    assert prepare(goal, proposal, CODEC, OURS).partners.tolist() == [1, 1]


def test_earlier_rounds_count_and_what_is_deleted_stays_out() -> None:
    # After a move by (1, 1) the first corner is at 20; the next step is 2.5 px.
    proposal = items(BOX)
    rounds = ((np.array([8, STAY]),),)
    done = [replace(proposal[0], geometry=replace(proposal[0].geometry, offsets=rounds))]
    texts = [f"<offset>{off('box', (0, 0), (-1, -1))}</offset>"]
    found = offset_components(Goal((TRUE_BOX,), SIZE), done, texts, CODEC, OURS)
    assert found["anchor_refinement"].tolist() == [(0.25 + 1.0) / 2]
    before, after = 961 / 1288, 31**2 / (32**2 + 32.5**2 - 31**2)
    assert found["gain"][0] == pytest.approx((after - before) / (1 - before))
    gone = [replace(done[0], geometry=replace(done[0].geometry, offsets=((np.array([9, 9]),),)))]
    found = offset_components(Goal((TRUE_BOX,), SIZE), gone, texts, CODEC, OURS)
    assert found["format"].tolist() == [0.0]  # revives what is deleted
    assert list(found) == ["format"]


@pytest.mark.parametrize(
    "text", ["", "<offset>", "none", "<DELETE>" * 9, BOX, "<offset><line></line></offset>"]
)
def test_any_text_is_a_refinement(text: str) -> None:
    found = offset_components(Goal((TRUE_BOX,), SIZE), items(BOX), [text], CODEC, OURS)
    assert found["format"].tolist() == [0.0]
    assert all(np.isfinite(values).all() for values in found.values())


def random_round(proposal, rng) -> str:
    shapes = [item.geometry for item in proposal]
    return format_offsets(
        [
            replace(s, offsets=(*s.offsets, tuple(rng.integers(0, 10, len(p)) for p in s.cells)))
            for s in shapes
        ]
    )


@pytest.mark.parametrize("name", ["objects", "drivable"])
@pytest.mark.parametrize("seed", range(4))
def test_gain_equals_that_of_the_decoded_shapes(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    clean, kept = answer_items(Asked("", SCORED[name].instances(road())), CODEC, ROAD_SIZE)
    shaken = noisy_proposal(clean, kept, CODEC.grid, ROAD_SIZE, rng, Noise(0.5, 0, 0))
    proposal = [
        replace(i, geometry=GridGeometry(i.geometry.kind, i.geometry.cells)) for i in shaken
    ]
    goal = Goal.from_answer(clean, kept, ROAD_SIZE)
    texts = [random_round(proposal, rng) for _ in range(4)]
    found = offset_components(goal, proposal, texts, CODEC, OURS)
    partners = prepare(goal, proposal, CODEC, OURS).partners
    assert (partners == np.arange(len(proposal))).all()
    for number, text in enumerate(texts):
        refined = parse_offsets(text, [item.geometry for item in proposal]).geometries
        gains = []
        for new, old, one in zip(refined, proposal, goal.instances, strict=True):
            before = score(old.geometry, one)
            gone = CODEC.decode(new, ROAD_SIZE) is None
            gains.append(-1 if gone else (score(new, one) - before) / (1 - before))
        assert found["gain"][number] == pytest.approx(np.clip(gains, -1, 1).mean())


def score(tokens: GridGeometry, instance: Instance) -> float:
    shape = CODEC.decode(tokens, ROAD_SIZE)
    if tokens.kind == "poly":
        return polygon_overlap(shape.parts(), instance.geometry.parts()).iou
    return float(
        box_iou(shape.vertices().reshape(1, 4), instance.geometry.vertices().reshape(1, 4))[0, 0]
    )


@pytest.mark.parametrize("name", SCORED)
def test_invented_items_have_no_partner(name: str) -> None:
    rng = np.random.default_rng(5)
    clean, kept = answer_items(Asked("", SCORED[name].instances(road())), CODEC, ROAD_SIZE)
    shaken = noisy_proposal(clean, kept, CODEC.grid, ROAD_SIZE, rng, Noise(0.3, 0, 1))
    goal = Goal.from_answer(clean, kept, ROAD_SIZE)
    invented = [all((p == DELETE).all() for p in i.geometry.offsets[0]) for i in shaken]
    proposal = [
        replace(i, geometry=GridGeometry(i.geometry.kind, i.geometry.cells)) for i in shaken
    ]
    partners = prepare(goal, proposal, CODEC, OURS).partners
    assert (partners == UNMATCHED).tolist() == invented


def test_the_means_are_those_of_the_anchors():
    """Item by item; an anchor deleted before has no part in them."""
    goal = Goal((TRUE_BOX,), SIZE)
    proposal = items(BOX)
    texts = ["<offset><box><OFF_1_1><DELETE></box></offset>", "x", ""]
    found = offset_worth(goal, proposal, texts, CODEC, OURS)
    assert found.parts == ("anchor_refinement",) * 2
    assert found.anchors.shape == (3, 2)
    assert found.anchors.mean(axis=1) == pytest.approx(found.components["anchor_refinement"])
    assert found.anchors[0].tolist() == [1.0, -1.0]
    nothing = offset_worth(Goal((), SIZE), [], texts, CODEC, OURS)
    assert (nothing.anchors.shape, nothing.parts) == ((3, 0), ())


@pytest.mark.parametrize(
    ("moves", "changed", "gain", "fits"),
    [
        # A box that belongs to the truth, and one that belongs to nothing.
        ("stays", [0, 0], [0.0, 0.0], (0.64, 0.64)),
        ("nearer", [1, 0], [(961 / 1288 - 0.64) / 0.36, 0.0], (0.64, 961 / 1288)),
        ("spare gone", [0, 1], [0.0, 1.0], (0.64, 0.64)),
        ("spare moved", [0, 1], [0.0, 0.0], (0.64, 0.64)),
    ],
)
def test_what_became_of_each_shape(moves, changed, gain, fits) -> None:
    stay, near, gone, moved = (
        off("box", *pair)
        for pair in (
            [(0, 0), (0, 0)],
            [(1, 1), (0, 0)],
            [None, None],
            [(1, 0), (0, 0)],
        )
    )
    told = {
        "stays": stay + stay,
        "nearer": near + stay,
        "spare gone": stay + gone,
        "spare moved": stay + moved,
    }[moves]
    proposal = items(BOX + "\ncar: <box><grid_20_20><grid_24_24></box>")
    goal = Goal((TRUE_BOX,), SIZE)
    found = offset_worth(goal, proposal, [f"<offset>{told}</offset>"], CODEC, OURS).refined
    assert found.changed[:, 0].tolist() == changed
    assert found.gain[:, 0] == pytest.approx(gain)
    assert (found.fit_before[0], found.fit_after[0, 0]) == pytest.approx(fits)
    assert found.belongs.tolist() == [True, False]
    means = {name: values.tolist() for name, values in found.told().items()}
    assert means["changed"] == changed[:1]
    assert means["improved"] == [1] * changed[0]
    assert means["spare_deleted"] == [gain[1] > 0]


def test_nothing_became_of_no_shapes() -> None:
    gone = replace(items(BOX)[0].geometry, offsets=((np.array([DELETE, DELETE]),),))
    proposal = [replace(items(BOX)[0], geometry=gone)]
    found = offset_worth(Goal((TRUE_BOX,), SIZE), proposal, ["x", "y"], CODEC, OURS).refined
    assert (found.changed.shape, found.fit_after.shape) == ((0, 2), (0, 2))
    assert all(len(values) == 0 for values in found.told().values())


def test_a_line_is_not_deleted_anchor_by_anchor() -> None:
    """Two of its three anchors are lost; without both nothing would be left of it."""
    line = Instance("line", Polyline(np.array([[155.0, 315], [155, 5]])))
    proposal = items("line: <line><grid_15_31><grid_19_15><grid_20_0></line>")
    moves = [(0, 0), None, None]
    stay, gone = (f"<offset>{off('line', *told)}</offset>" for told in ([(0, 0)] * 3, moves))
    found = offset_worth(Goal((line,), SIZE), proposal, [stay, gone], CODEC, OURS)
    assert (found.anchors[1, 1:] <= found.anchors[0, 1:]).all()
    assert found.components["gain"].tolist() == [0.0, -1.0]
