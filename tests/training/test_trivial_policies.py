from dataclasses import replace

import numpy as np
import pytest
from drivegrid.training.rewards import PRESETS, Goal, offset_rewards, preset, proposal_rewards
from drivegrid.training.trivial_policies import trivial_offsets, trivial_proposals

from drivegrid.data.scene import Instance
from drivegrid.geometry import Polygon
from drivegrid.tasks.base import Asked, answer_items
from drivegrid.tasks.refine import Noise, noisy_proposal
from drivegrid.tasks.table import SCORED
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grammar import format_offsets, parse_answer, parse_offsets
from drivegrid.tokens.grid import DELETE, STAY, GridGeometry, GridSpec

from ..tasks.builders import SIZE, road

CODEC = Codec(rounds=0)
PROMPT = "what is it? <point><grid_3_4></point> Options: wet, dry."


def goal_of(name: str) -> Goal:
    items, kept = answer_items(Asked("", SCORED[name].instances(road())), CODEC, SIZE)
    return Goal.from_answer(items, kept, SIZE)


GOALS = {name: goal_of(name) for name in SCORED} | {
    "nothing": Goal((), SIZE),
    "words": Goal((), SIZE, "wet"),
}


def policies(goal: Goal, regions="poly", codec=CODEC) -> dict[str, str]:
    return trivial_proposals(goal, PROMPT, codec, np.random.default_rng(0), regions=regions)


@pytest.mark.parametrize("name", GOALS)
@pytest.mark.parametrize("settings", PRESETS.values(), ids=PRESETS)
def test_the_ceiling_is_the_highest(name: str, settings) -> None:
    texts = policies(GOALS[name], settings.regions)
    total = proposal_rewards(GOALS[name], list(texts.values()), CODEC, settings).total
    by_name = dict(zip(texts, total.tolist(), strict=True))
    ceiling = by_name.pop("ceiling")
    assert ceiling == max(ceiling, *by_name.values())
    assert ceiling > by_name["empty"] + 0.5


@pytest.mark.parametrize("name", SCORED)
@pytest.mark.parametrize("regions", ["poly", "seg"])
def test_all_that_should_be_are_well_formed(name: str, regions) -> None:
    for policy, text in policies(GOALS[name], regions).items():
        parsed = parse_answer(text, CODEC.grid)
        assert bool(parsed.diagnostics) == (policy in ("empty", "copy")), policy


def test_spam_and_random_name_what_is_asked_for() -> None:
    texts = policies(GOALS["objects"])
    spam, anywhere = (parse_answer(texts[name], CODEC.grid).items for name in ("spam", "random"))
    assert {item.label for item in spam} == {"car", "truck"}
    assert len(spam) == 2 * 36
    assert [item.label for item in anywhere] == ["truck", "car"]


def test_the_road_as_it_usually_lies_is_the_area_to_beat() -> None:
    texts = policies(GOALS["drivable"])
    rewards = proposal_rewards(GOALS["drivable"], list(texts.values()), CODEC, preset("no-decoder"))
    worth = dict(zip(texts, rewards.total, strict=True))
    assert max(worth, key=lambda name: worth[name] if name != "ceiling" else 0) == "ahead"
    assert "ahead" not in policies(GOALS["lanes"])


def test_a_mask_between_the_centres_gets_one_anchor() -> None:
    speck = Polygon((np.array([[22.0, 8.0], [28.0, 8.0], [25.0, 11.0]]),))
    goal = Goal((Instance("leaf", speck),), SIZE)
    text = policies(goal, "seg")["ceiling"]
    assert "leaf: <box><grid_1_0><grid_1_0></box><seg><grid_1_0></seg>" in text


def test_a_small_lattice_holds_every_policy() -> None:
    codec = Codec(GridSpec(cols=4, rows=4, offset_cols=8, offset_rows=8), rounds=0)
    texts = policies(GOALS["objects"], codec=codec)
    for policy in ("format", "spam", "random", "ceiling"):
        assert not parse_answer(texts[policy], codec.grid).diagnostics


NOISE = Noise(0.5, 0.05, 0.5)


def shaken(name: str, noise: Noise = NOISE, seed: int = 0):
    goal, rng = GOALS[name], np.random.default_rng(seed)
    items, kept = answer_items(Asked("", SCORED[name].instances(road())), CODEC, SIZE)
    noisy = noisy_proposal(items, kept, CODEC.grid, SIZE, rng, noise)
    bare = [replace(i, geometry=GridGeometry(i.geometry.kind, i.geometry.cells)) for i in noisy]
    return goal, bare, format_offsets([item.geometry for item in noisy])


@pytest.mark.parametrize("name", SCORED)
@pytest.mark.parametrize("seed", range(3))
def test_the_best_offsets_are_the_labels_of_supervised_training(name: str, seed: int) -> None:
    # Boxes and points: as long as no corner was lost, which the labels delete alone.
    noise = Noise(0.5, 0.05 if name in ("lanes", "drivable") else 0.0, 0.5)
    goal, proposal, labels = shaken(name, noise, seed)
    assert trivial_offsets(proposal, goal, CODEC, np.random.default_rng(0))["best"] == labels


@pytest.mark.parametrize("name", SCORED)
@pytest.mark.parametrize("rewarded", PRESETS)
def test_the_best_offsets_pay_most(name: str, rewarded: str) -> None:
    goal, proposal, _ = shaken(name)
    texts = trivial_offsets(proposal, goal, CODEC, np.random.default_rng(0))
    total = offset_rewards(goal, proposal, list(texts.values()), CODEC, preset(rewarded)).total
    assert list(texts) == ["stay", "delete", "random", "best"]
    assert total.argmax() == 3


def test_later_rounds_keep_what_is_deleted() -> None:
    goal, proposal, _ = shaken("lanes")
    done = []
    for item in proposal:
        told = np.full(item.geometry.num_anchors, STAY)
        told[0] = DELETE
        done.append(replace(item, geometry=replace(item.geometry, offsets=((told,),))))
    for text in trivial_offsets(done, goal, CODEC, np.random.default_rng(0)).values():
        assert not parse_offsets(text, [item.geometry for item in done]).diagnostics
