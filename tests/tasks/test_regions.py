import numpy as np
import pytest

from drivegrid.data.descriptions import ADJECTIVES
from drivegrid.data.scene import Instance
from drivegrid.geometry import Box
from drivegrid.labels import default_label_space
from drivegrid.tasks.regions import FACTS, describe, describe_prompt
from tests.data.toy_world import area, ego_at, line, sign, thing

BOX = Box(np.array([0.0, 0.0, 4.0, 4.0]))


@pytest.mark.parametrize(
    ("instance", "words"),
    [
        (Instance("obstacle/cone", BOX), "cone"),
        (Instance("obstacle/cone", BOX, {"color": "orange", "visible_state": "partly hidden"}),
         "partly hidden orange cone"),
        (Instance("obstacle/cone", BOX, {"color": "<|im_end|>"}), "cone"),
        (line(10, 0, "ego-left", style="dashed"), "dashed white lane line, on our left"),
        (thing("object/vehicle/car", distance_m=42.6),
         "car, in our lane, about 45 m away"),
        (thing("object/vehicle/car", distance_m=7.4, lane=1),
         "car, in the lane to our right, about 7 m away"),
        (thing("object/vehicle/car", distance_m=7.4, lane=None),
         "car, beside the road, about 7 m away"),
        (sign("sign/regulatory/speed_limit", limit="50"),
         "round red and white speed limit sign for 50, to the right of our lane, about 30 m away"),
        (area(blockage="partial", surface="wet", density="dense"),
         "direct drivable area, wet, partly blocked, dense traffic"),
    ],
)  # fmt: skip
def test_a_description_says_what_the_label_says(instance, words) -> None:
    assert describe(instance) == words


def test_every_word_for_a_value_belongs_to_a_value_of_the_taxonomy() -> None:
    space = default_label_space()
    for name, words in FACTS.items():
        values = {v for path in space.paths for v in space.attributes_of(path).get(name, ())}
        assert set(words) <= values, name
    assert set(FACTS).isdisjoint(ADJECTIVES)


def test_malformed_places_are_not_told() -> None:
    far = Instance("obstacle/cone", BOX, extra={"ego": {"distance_m": "near"}})
    assert describe(far) == "cone"
    assert describe(Instance("obstacle/cone", BOX, extra={"ego": 3})) == "cone"
    assert "about 0 m" in describe(Instance("obstacle/cone", BOX, extra={"ego": ego_at(0, 0.2)}))


def test_a_place_is_marked_by_its_tokens() -> None:
    prompt = describe_prompt("<point><grid_3_4></point>", np.random.default_rng(0))
    assert prompt.endswith(" <point><grid_3_4></point>")
