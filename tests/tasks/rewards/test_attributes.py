import numpy as np
import pytest

from drivegrid.data.scene import Instance
from drivegrid.geometry import Box, Point
from drivegrid.tasks.rewards.goal import Goal
from drivegrid.tasks.rewards.proposal import proposal_components
from drivegrid.tasks.rewards.settings import PRESETS
from drivegrid.tokens.codec import Codec

SIZE = (320, 320)  # cells of 10 px, centres at 5, 15, ..; the reach is 32 px
OURS = PRESETS["no-decoder"]


def sign(x: float, y: float, **attributes: str) -> Instance:
    return Instance("sign", Point(np.array([x, y])), attributes)


RED = sign(15, 15, color="red", shape="round")
BLUE = sign(215, 15, color="blue", shape="square")
GOAL = Goal((RED, BLUE), SIZE)


def worth(goal: Goal, text: str) -> dict[str, float]:
    found = proposal_components(goal, [text], Codec(rounds=0), OURS)
    return {name: float(values[0]) for name, values in found.items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0.0),
        ("none", 0.0),
        # Two of four told, and right: 2 * 2 / (2 + 4).
        ("sign (color: red, shape: round): <point><grid_1_1></point>", 4 / 6),
        (
            "sign (color: red, shape: round): <point><grid_1_1></point>\n"
            "sign (color: blue, shape: square): <point><grid_21_1></point>",
            1.0,
        ),
        # Those of the wrong sign.
        (
            "sign (color: blue, shape: square): <point><grid_1_1></point>\n"
            "sign (color: red, shape: round): <point><grid_21_1></point>",
            0.0,
        ),
        # Three of four.
        (
            "sign (color: red, shape: square): <point><grid_1_1></point>\n"
            "sign (color: blue, shape: square): <point><grid_21_1></point>",
            6 / 8,
        ),
        # Left out.
        ("sign: <point><grid_1_1></point>\nsign: <point><grid_21_1></point>", 0.0),
        # Made up: 2 * 2 / (5 + 4).
        (
            "sign (color: red, shape: round, a: x, b: y, c: z): <point><grid_1_1></point>",
            4 / 9,
        ),
        # Boxes where points are asked for.
        ("sign (color: red, shape: round): <box><grid_1_1><grid_1_1></box>", 0.0),
        # Of something else, or out of reach (three cells and a half away).
        ("car (color: red, shape: round): <point><grid_1_1></point>", 0.0),
        ("sign (color: red, shape: round): <point><grid_5_1></point>", 0.0),
        ("sign (color: red, shape: round): <point><grid_4_1></point>", 4 / 6),
    ],
)
def test_by_hand(text: str, expected: float) -> None:
    assert worth(GOAL, text)["attributes"] == pytest.approx(expected)


def test_a_thing_on_one_line_states_its_attributes_once() -> None:
    car = Instance("car", Box(np.array([10.0, 10, 60, 60])), {"color": "red"})
    text = "car (color: red): <box><grid_1_1><grid_5_5></box><seg><grid_2_2></seg>"
    assert worth(Goal((car,), SIZE), text)["attributes"] == 1.0


def test_what_nobody_asked_for_is_bad_form() -> None:
    goal = Goal((sign(15, 15),), SIZE)
    plain, stuffed = (
        worth(goal, f"sign{head}: <point><grid_1_1></point>") for head in ("", " (color: red)")
    )
    assert "attributes" not in plain
    assert (plain["format"], stuffed["format"]) == (1.0, 0.0)


def test_leaving_attributes_out_never_pays() -> None:
    """The answer that says all is worth more than that which says less, by the packaged weights."""
    full = (
        "sign (color: red, shape: round): <point><grid_1_1></point>\n"
        "sign (color: blue, shape: square): <point><grid_21_1></point>"
    )
    bare = "sign: <point><grid_1_1></point>\nsign: <point><grid_21_1></point>"
    for name in PRESETS:
        totals = []
        for text in (full, bare):
            parts = proposal_components(GOAL, [text], Codec(rounds=0), PRESETS[name])
            totals.append(sum(PRESETS[name].weights.get(k, 0) * v[0] for k, v in parts.items()))
        assert totals[0] > totals[1], name
