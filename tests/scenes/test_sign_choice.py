"""Which face a post shows: every label in turn, nothing held out in training scenes."""

from collections import Counter

import pytest

from drivegrid.scenes.draws import Draws
from drivegrid.scenes.faces import FACES
from drivegrid.scenes.sign_choice import Faces

MESSAGES = {
    (face.label, face.attributes.get("limit"))
    for face in FACES.values()
    if face.label != "sign/regulatory/lane_control"
}


def test_test_scenes_show_all_labels_and_limits_alike():
    d, found = Draws(1), Counter()
    for turn in range(len(MESSAGES)):
        faces = Faces(test=True, turn=turn)
        shown = [FACES[faces.in_turn(d)] for _ in range(faces.least)]
        found.update((face.label, face.attributes.get("limit")) for face in shown)
    assert set(found) == MESSAGES
    assert set(found.values()) == {faces.least}


def test_the_fifth_face_of_a_test_scene_goes_through_all_colors():
    d, colors = Draws(1), {face.color for face in FACES.values()}
    for turn in range(len(colors)):
        faces = Faces(test=True, turn=turn)
        colors.discard([FACES[faces.in_turn(d)] for _ in range(5)][-1].color)
    assert not colors


@pytest.mark.parametrize("way", ["roadside", "in_turn"])
def test_training_scenes_show_nothing_held_out(way):
    d, faces = Draws(2), Faces(test=False)
    assert faces.least == 0
    keys = {getattr(faces, way)(d) for _ in range(600)}
    assert not any(FACES[key].held_out for key in keys)
    assert not any(FACES[key].label == "sign/regulatory/lane_control" for key in keys)
    assert {FACES[key].color for key in keys} == {face.color for face in FACES.values()}


@pytest.mark.parametrize("guides", [True, False])
def test_overhead_faces_make_sense(guides):
    d, faces = Draws(3), Faces(test=True)
    shown = [FACES[faces.overhead(d, guides=guides)] for _ in range(200)]
    labels = {face.label for face in shown}
    assert labels == {"sign/regulatory/lane_control"} | (
        {"sign/information/direction"} if guides else set()
    )
    assert {f.color for f in shown if f.label.endswith("direction")} <= {"blue", "green"}
