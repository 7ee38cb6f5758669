"""Data sets that mark key objects only: nothing is counted, ranked or denied."""

import json
from dataclasses import replace

import pytest

from drivegrid.data.formats import FORMATS
from drivegrid.data.scene import KEY_OBJECTS, Frame, Scene
from drivegrid.tasks.conversations import convert
from drivegrid.tasks.settings import KINDS, ConversationConfig
from tests.tasks.builders import empty, road

EVERYTHING = ConversationConfig(covered=("*",), tasks={kind: 6 for kind in KINDS})


def key_only(scene: Scene, **extra) -> Scene:
    return replace(scene, extra={**scene.extra, KEY_OBJECTS: True, **extra})


def asked(scene: Scene) -> list[tuple[str, tuple[str, ...]]]:
    return [(record.task, record.texts) for record in convert(scene, EVERYTHING)]


def test_an_empty_frame_has_no_record():
    assert asked(empty())
    assert asked(key_only(empty())) == []


def test_only_marked_places_are_asked_about():
    kinds = {kind for kind, _ in asked(road())}
    assert {"lanes", "object_query", "refer_one", "refine", "refine_mask"} <= kinds
    found = asked(key_only(road()))
    assert {kind for kind, _ in found} == {"describe"}
    assert not any("none" in answers for _, answers in found)


def test_expressions_of_the_data_set_are_asked():
    told = [{"text": "park behind it", "targets": [5], "source": "talk2car"}]
    kinds = dict(asked(key_only(road(), expressions=told)))
    assert kinds["refer_one"][0] == "park behind it"
    assert "refer_many" not in kinds


def question(text: str, answer: str, **more) -> dict:
    return {"question": text, "answer": answer, "tag": "perception", **more}


def test_names_in_questions_become_places():
    rows = [question("What is <c1> <grid_1_2>?", "A <c1>.", refers={"<c1>": 5})]
    [(_, (words, answer))] = [
        row for row in asked(key_only(road(), questions=rows)) if row[0] == "questions"
    ]
    assert words.startswith("What is <box><grid_")
    assert words.endswith(r"</box> <\grid_1_2>?")
    assert answer.startswith("A <box><grid_")


@pytest.mark.parametrize(
    "row",
    [
        question("What is <c2>?", "A car.", refers={}, elsewhere=["<c2>"]),
        question("What is <c2>?", "A car.", refers={"<c2>": 99}),
    ],
)
def test_names_that_nobody_sees_are_not_asked(row):
    kinds = [kind for kind, _ in asked(key_only(road(), questions=[row]))]
    assert "questions" not in kinds


def test_formats_of_key_objects_are_known():
    assert {f.name for f in FORMATS.values() if not f.labels_all} == {
        "drivelm", "talk2car", "referkitti",
    }  # fmt: skip


def test_their_readers_say_so(tmp_path):
    command = {"sample_token": "a", "scene_token": "s", "command": "stop", "t2c_img": "a.jpg"}
    (tmp_path / "t.json").write_text(json.dumps({"scene_tokens": ["s"], "commands": [command]}))
    [scene] = FORMATS["talk2car"].load(tmp_path / "t.json").scenes
    assert scene.extra[KEY_OBJECTS] is True


def test_one_question_is_asked_once():
    scene = replace(road(), frame=Frame("a.jpg", (640, 360)))
    texts = [words for kind, words in asked(scene) if kind != "dialogue"]
    assert len(texts) == len(set(texts))
