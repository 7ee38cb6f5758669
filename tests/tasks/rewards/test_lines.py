import numpy as np
import pytest

from drivegrid.data.scene import Instance
from drivegrid.geometry import Polyline
from drivegrid.tasks.rewards.goal import Goal
from drivegrid.tasks.rewards.lines import lane_worth
from drivegrid.tasks.rewards.proposal import proposal_components
from drivegrid.tasks.rewards.settings import RewardSettings
from drivegrid.tokens.codec import Codec

SIZE = (1640, 590)  # the canvas itself; cells of 51.25 x 18.4375 px
CODEC = Codec(rounds=0, line_encoder="fewest")
PLAIN = RewardSettings()


def upright(x: float) -> Instance:
    """Return a line from border to border, which takes two anchors."""
    return Instance("lane line", Polyline(np.array([[x, 580.78125], [x, 9.21875]])))


def answer(*cols: int, label: str = "lane line", rows=(31, 0)) -> str:
    cells = ["".join(f"<grid_{col}_{row}>" for row in rows) for col in cols]
    return "\n".join(f"{label}: <line>{line}</line>" for line in cells) or "none"


def line_rewards(instances, *texts: str, settings=PLAIN):
    goal = Goal(tuple(instances), SIZE)
    return proposal_components(goal, texts, CODEC, settings)["line"].tolist()


@pytest.mark.parametrize("bonus", [0.0, 0.5, 1.0])
def test_worth_of_an_overlap(bonus: float) -> None:
    worth = lane_worth(np.array([0.0, 0.3, 0.5, 0.51, 1.0]), bonus)
    assert worth.tolist() == pytest.approx(
        [(1 - bonus) * i + bonus * (i > 0.5) for i in (0, 0.3, 0.5, 0.51, 1)]
    )


def test_two_lines_by_hand() -> None:
    # Cell 4 is centred at 230.625, cell 20 at 1050.625. The first line is exact, worth 1. The
    # second is 6 px off: 25 of 37 px shared, IoU .67568, worth .5 * .67568 + .5 = .83784.
    truth = [upright(230.625), upright(1056.625)]
    found = line_rewards(truth, answer(4, 20), answer(20, 4), answer(4), answer(4, 20, 25), "none")
    both = 1 + 0.83784
    expected = [2 * both / 4, 2 * both / 4, 2 / 3, 2 * both / 5, 0.0]
    assert found == pytest.approx(expected, abs=2e-3)


def test_either_direction_and_only_the_same_label() -> None:
    texts = answer(4), answer(4, rows=(0, 31)), answer(4, label="kerb")
    assert line_rewards([upright(230.625)], *texts) == pytest.approx([1.0, 1.0, 0.0], abs=1e-3)


@pytest.mark.parametrize(
    ("rows", "price"),
    [((31, 0), 0.0), ((31, 10, 0), 0.02), ((31, 20, 10, 0), 0.04), (tuple(range(31, -1, -1)), 0.2)],
)
def test_surplus_anchors_cost_up_to_a_limit(rows, price: float) -> None:
    found = line_rewards([upright(230.625)], answer(4, rows=rows))
    assert found == pytest.approx([1.0 - price], abs=1e-3)


def test_surplus_is_averaged_over_the_lines() -> None:
    texts = answer(4) + "\n" + answer(20, rows=(31, 10, 0))
    assert line_rewards([upright(230.625), upright(1050.625)], texts) == pytest.approx(
        [0.99], abs=1e-3
    )


def test_a_missed_line_is_no_better_than_none() -> None:
    missed = answer(9, rows=tuple(range(31, -1, -1)))
    assert line_rewards([upright(230.625)], missed, "none", "") == [0.0, 0.0, 0.0]


def test_codec_decides_how_many_anchors_are_needed() -> None:
    goal = Goal((upright(230.625),), SIZE)
    text = answer(4, rows=tuple(range(31, -1, -1)))
    found = proposal_components(goal, [text], Codec(rounds=0, line_encoder="rows"), PLAIN)
    assert found["line"][0] == pytest.approx(1.0, abs=1e-3)
