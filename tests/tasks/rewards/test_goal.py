import numpy as np
import pytest

from drivegrid.data.scene import Instance
from drivegrid.errors import GeometryError
from drivegrid.geometry import Anchors, Point
from drivegrid.tasks.base import Asked, answer_items
from drivegrid.tasks.rewards.goal import Goal
from drivegrid.tokens.codec import Codec

from ..builders import SIZE, road


def test_an_answer_becomes_a_goal_with_the_words_it_says() -> None:
    items, kept = answer_items(Asked("", road().instances[4:8]), Codec(), SIZE)
    goal = Goal.from_answer(items, kept, SIZE)
    assert [i.label for i in goal.instances] == ["truck", "car", "warning sign", "regulatory sign"]
    assert [i.geometry for i in goal.instances] == [i.geometry for i in kept]


def test_words_and_instances_exclude_each_other() -> None:
    sign = Instance("sign", Point(np.array([3.0, 4.0])))
    assert Goal((), SIZE, "wet").words == "wet"
    with pytest.raises(GeometryError, match="must have no instances, got 1"):
        Goal((sign,), SIZE, "wet")


def test_mask_anchors_are_no_truth() -> None:
    with pytest.raises(GeometryError, match=r"must be outlined, got mask anchors \(instance 0\)"):
        Goal((Instance("car", Anchors(np.array([[3.0, 4.0]]))),), SIZE)
