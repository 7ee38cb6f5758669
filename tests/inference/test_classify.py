"""Options of attribute questions: scored as a plain forward pass would, asked as in training."""

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from drivegrid.data.attributes import attribute_questions  # noqa: E402
from drivegrid.errors import ConfigError, GeometryError, ModelError  # noqa: E402
from drivegrid.geometry import Anchors, Box, Point, Polygon, Polyline  # noqa: E402
from drivegrid.inference import classify as module  # noqa: E402
from drivegrid.inference.calibration import CALIBRATION_FILE  # noqa: E402
from drivegrid.inference.classify import (  # noqa: E402
    ClassifySettings,
    classify,
    classify_all,
    reply_scores,
)
from drivegrid.inference.predictor import Predictor  # noqa: E402
from drivegrid.inference.qwen_speaker import QwenSpeaker  # noqa: E402
from drivegrid.labels import default_label_space  # noqa: E402
from drivegrid.model.adapter import load_adapter  # noqa: E402
from drivegrid.model.processor import QwenProcessor  # noqa: E402
from drivegrid.plotting.marking import mark_region  # noqa: E402
from drivegrid.tasks.conversations.convert import draw_turns  # noqa: E402
from drivegrid.tasks.conversations.talk import Talk  # noqa: E402
from drivegrid.tasks.regions import ClosedQuestion  # noqa: E402
from drivegrid.tasks.settings import ConversationConfig  # noqa: E402
from tests.data.toy_world import area, scene, sign, thing  # noqa: E402
from tests.model.conftest import trained_ones  # noqa: E402, F401

BOX = Box(np.array([20.0, 20.0, 100.0, 60.0]))
TASKS = ("sign_color", "road_blockage")
REGIONS = {
    "point": Point((30.0, 40.0)),
    "box": BOX,
    "line": Polyline([[20.0, 80.0], [40.0, 30.0]]),
    "poly": Polygon((np.array([[10.0, 10], [90, 10], [90, 80], [10, 80]]),)),
    "seg": Anchors([[10.0, 10.0], [50.0, 40.0]]),
}


@pytest.fixture(scope="module")
def predictor(toy):
    return Predictor(*toy)


@pytest.fixture
def frame():
    return np.random.default_rng(0).integers(0, 255, (90, 160, 3)).astype(np.uint8)


def slow_score(predictor, frame, prompt, reply):
    """One option in one plain pass, without a cache."""
    with torch.inference_mode():
        ids = torch.tensor([prompt + reply])
        logits = predictor.model(ids, image_features=predictor.encode(frame)).logits[0]
    chances = logits.double().log_softmax(-1)
    return sum(float(chances[len(prompt) - 1 + i, t]) for i, t in enumerate(reply))


@pytest.mark.parametrize(
    "options", [["car"], ["car", "none"], ["c", "car", "a car: none, lane line", "lanes"]]
)
def test_scores_are_those_of_plain_passes(predictor, frame, options) -> None:
    processor = predictor.processor
    prompt = processor.prompt_ids("all lanes")
    replies = [processor.reply_ids(option) for option in options]
    view = predictor.encode(frame)
    [scores] = reply_scores(predictor.speaker, [view], [prompt], [replies])
    slow = [slow_score(predictor, frame, prompt, reply) for reply in replies]
    np.testing.assert_allclose(scores, slow, atol=1e-4)


def test_qwen_scores_are_those_of_plain_passes(trained_ones, frame) -> None:  # noqa: F811
    base, adapter, _, _ = trained_ones(True)
    model, tokenizer, manifest = load_adapter(base, adapter)
    processor = QwenProcessor(tokenizer, manifest.vocabulary, (112, 84))
    speaker = QwenSpeaker(model.get_base_model(), processor)
    prompt = "What is it? <point><grid_1_2></point> Options: car, lane line."
    replies = [processor.reply_ids(option) for option in ("car", "lane line")]
    view, ids = speaker.encode(frame), processor.turn_ids(prompt)
    [scores] = reply_scores(speaker, [view], [ids], [replies])
    turn = {"role": "user", "content": [{"type": "tokens", "text": prompt}]}
    for score, reply in zip(scores, replies, strict=True):
        inputs = processor([frame], [[turn]])
        more = torch.tensor([reply])
        for name, fill in (
            ("input_ids", more),
            ("attention_mask", more * 0 + 1),
            ("mm_token_type_ids", more * 0),
        ):
            inputs[name] = torch.cat([inputs[name], fill], dim=1)
        with torch.inference_mode():
            chances = speaker.model(**inputs).logits[0].double().log_softmax(-1)
        told = chances[-len(reply) - 1 : -1].gather(1, more.T)
        assert score == pytest.approx(float(told.sum()), abs=1e-3)


def test_replies_of_one_token_need_no_second_pass(predictor, frame) -> None:
    image, prompt = predictor.encode(frame), predictor.processor.prompt_ids("car")
    size = len(predictor.processor.tokenizer)
    [scores] = reply_scores(predictor.speaker, [image], [prompt], [[[i] for i in range(size)]])
    assert np.exp(scores).sum() == pytest.approx(1.0)


@pytest.mark.parametrize("kind", REGIONS)
def test_every_shape_can_mark_a_place(predictor, frame, kind) -> None:
    choice = classify(predictor, frame, REGIONS[kind], "sign_color")
    assert choice.options == default_label_space().tasks["sign_color"].options
    assert choice.probabilities.sum() == pytest.approx(1.0)
    assert choice.answer == choice.options[int(choice.probabilities.argmax())]


def test_temperature_changes_how_sure_but_not_what(predictor, frame) -> None:
    question = ClosedQuestion("What is it?", ("car", "lane", "none"), "mine")
    plain, warm = (
        classify(predictor, frame, BOX, question, ClassifySettings(temperatures=heats))
        for heats in ({}, {"mine": 50.0})
    )
    assert plain.answer == warm.answer
    assert np.ptp(warm.probabilities) < np.ptp(plain.probabilities)
    np.testing.assert_allclose(
        plain.probabilities, np.exp(plain.scores) / np.exp(plain.scores).sum()
    )


def test_the_question_is_the_one_of_training(predictor, frame, monkeypatch) -> None:
    """What classify feeds the model for a scene's instances is what conversations say of them."""
    world = scene(
        area(), thing("obstacle/cone", 60.0, 40.0, 30.0), sign("sign/regulatory/stop", 30.0)
    )
    labels = {"surface": "dry", "blockage": "open", "density": "free", "color": "red"}
    told = tuple(
        replace(i, attributes={**i.attributes, **labels, "visible_state": "fully visible"})
        for i in world.instances
    )
    world = replace(world, instances=told)
    settings = ClassifySettings()
    talk = Talk(world, ConversationConfig(), settings.codec(predictor.processor.grid))
    turns = [t for t in draw_turns(talk, "attributes", np.random.default_rng(0)) if t]
    asked = []
    plain = predictor.processor.turn_ids
    monkeypatch.setattr(
        predictor.processor, "turn_ids", lambda text: asked.append(text) or plain(text)
    )
    picture = np.zeros((*world.frame.size_wh[::-1], 3), np.uint8)
    for question in attribute_questions(talk.scene):
        classify(predictor, picture, talk.scene.instances[question.instance].geometry, question)
    assert len(asked) >= 4
    assert sorted(asked) == sorted(turn.prompt for turn in turns)


@pytest.mark.parametrize("regions", ["tokens", "drawn"])
@pytest.mark.parametrize("rows", [1, 3, 16])
def test_many_questions_have_the_answers_of_single_ones(
    predictor, frame, monkeypatch, regions, rows
) -> None:
    monkeypatch.setattr(module, "ROWS", rows)
    settings = ClassifySettings({"sign_color": 2.0}, regions=regions)
    assert classify_all(predictor, frame, [], settings) == []
    asked = [(region, task) for region in REGIONS.values() for task in TASKS]
    asked.insert(3, (Point((500.0, 10.0)), "sign_color"))  # nowhere in the picture
    many = classify_all(predictor, frame, asked, settings)
    assert many.pop(3) is None and asked.pop(3)
    for found, (region, task) in zip(many, asked, strict=True):
        alone = classify(predictor, frame, region, task, settings)
        assert (found.options, found.answer) == (alone.options, alone.answer)
        np.testing.assert_allclose(found.scores, alone.scores, atol=1e-4)
        np.testing.assert_allclose(found.probabilities, alone.probabilities, atol=1e-4)


def test_a_drawn_place_needs_no_tokens(predictor, frame, monkeypatch) -> None:
    seen = []
    plain = predictor.encode
    monkeypatch.setattr(predictor, "encode", lambda image: seen.append(image) or plain(image))
    question = ClosedQuestion("What is at the marked place?", ("car", "lane"))
    classify(predictor, frame, BOX, question, ClassifySettings(regions="drawn"))
    np.testing.assert_array_equal(seen[0], mark_region(frame, BOX))


def test_words_cannot_pass_for_tokens(predictor, frame) -> None:
    question = ClosedQuestion("What <grid_1_1> is it?", ("<grid_3_4>", "car"))
    assert classify(predictor, frame, BOX, question).options == question.options


@pytest.mark.parametrize(
    "asked",
    [
        "cloud_color",
        ClosedQuestion("What?", ()),
        ClosedQuestion("What?", ("a", "a")),
        ClosedQuestion("What?", ("a", "")),
        ClosedQuestion(" ", ("a", "b")),
        ClosedQuestion("What?", tuple(map(str, range(65)))),
    ],
    ids=["task", "no option", "twice", "empty option", "no words", "too many"],
)
def test_what_cannot_be_asked_is_refused(predictor, frame, asked) -> None:
    with pytest.raises(ConfigError):
        classify(predictor, frame, BOX, asked)


@pytest.mark.parametrize("regions", ["tokens", "drawn"])
def test_places_outside_the_picture_are_refused(predictor, frame, regions) -> None:
    with pytest.raises(GeometryError):
        classify(
            predictor, frame, Point((500.0, 10.0)), "sign_color", ClassifySettings(regions=regions)
        )


def test_settings_come_from_beside_the_checkpoint(tmp_path) -> None:
    assert ClassifySettings.from_checkpoint(tmp_path) == ClassifySettings()
    record = {"config": {"lattice": {"line_encoder": "fewest", "every": 3}}}
    (tmp_path / "training.json").write_text(json.dumps(record))
    (tmp_path / CALIBRATION_FILE).write_text('{"sign_color": 2}')
    settings = ClassifySettings.from_checkpoint(tmp_path, "drawn")
    assert settings == ClassifySettings({"sign_color": 2.0}, "fewest", 3, "drawn")
    (tmp_path / "training.json").write_text("[]")
    (tmp_path / CALIBRATION_FILE).write_text('{"sign_color": 0}')
    with pytest.raises(ModelError, match="positive"):
        ClassifySettings.from_checkpoint(tmp_path)
