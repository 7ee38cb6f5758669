"""Groups of answers that a toy nano samples, for tests of reinforcement learning."""

import numpy as np
from drivegrid.training.grpo_config import GrpoConfig
from drivegrid.training.policy import NanoPolicy
from drivegrid.training.questions import Question
from drivegrid.training.rollouts import Asked, Rollouts

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.geometry import Box, Point
from drivegrid.tasks.conversations.talk import Talk, Turn
from drivegrid.tasks.representation import representation
from drivegrid.tasks.rewards.goal import Goal
from drivegrid.tasks.settings import ConversationConfig
from drivegrid.tokens.grammar import parse_answer
from drivegrid.tokens.grid import GridSpec
from tests.toy import GRID

SIZE = (128, 96)
ANSWERS = ("car: <box><grid_1_2><grid_4_6></box>", "car: <point><grid_5_5></point>")


def settings(**changes) -> GrpoConfig:
    """Return settings of a small run; ``changes`` by section."""
    base = {
        "rollout": {"questions": 2, "group": 4, "most_tokens": 16},
        "optim": {"steps": 2, "learning_rate": 1e-3, "warmup_steps": 0, "rows_at_once": 2},
    }
    merged = {part: {**base.get(part, {}), **changes.get(part, {})} for part in {*base, *changes}}
    return GrpoConfig.model_validate(merged)


def question(number: int, answer: str = ANSWERS[0], grid: GridSpec = GRID) -> Question:
    """Return a question about a picture of noise whose right answer is given."""
    image = np.random.default_rng(number).integers(0, 255, (96, 128, 3)).astype(np.uint8)
    way = representation("grid+offset", grid)
    items = parse_answer(answer, grid).items
    shapes = [way.codec.decode(item.geometry, SIZE) for item in items]
    instances = tuple(
        Instance(item.label, shape, extra=_box(shape))
        for item, shape in zip(items, shapes, strict=True)
    )
    scene = Scene(Frame(f"{number}.png", SIZE), instances)
    talk = Talk(scene, ConversationConfig(), way.codec)
    turn = Turn("car", answer, tuple(range(len(items))), tuple(items), "car")
    return Question(f"{number}.png", "objects", {"image": image}, turn, Goal(instances, SIZE), talk)


def _box(shape) -> dict:
    if isinstance(shape, Point):
        return {"box_xyxy": [*(shape.xy - 6.0), *(shape.xy + 6.0)]}
    assert isinstance(shape, Box)
    return {}


def sampler(toy, config: GrpoConfig) -> Rollouts:
    """Return a toy policy that samples."""
    policy = NanoPolicy(*toy, config.optim, cached=False)
    way = representation("grid+offset", policy.grid)
    return Rollouts(policy, way, config.rollout, config.rewards)


def groups_of(rollouts: Rollouts, seed: int = 0, turns=("grid", "offset"), answers=ANSWERS):
    """Return groups of two questions, with rewards that differ."""
    grid = rollouts.policy.grid
    questions = [question(number, answer, grid) for number, answer in enumerate(answers)]
    asked = Asked(questions, rollouts.policy.look([one.visual for one in questions]))
    rngs = [np.random.default_rng((seed, number)) for number in range(len(questions))]
    found = []
    if "grid" in turns:
        draws = rollouts.proposals(asked, rngs)
        found += [group for _, group in draws.groups]
    if "offset" in turns:
        proposals = [rollouts.named(answer) for answer in answers]
        found += [group for _, group in rollouts.refinements(asked, proposals, rngs).groups]
    return found
