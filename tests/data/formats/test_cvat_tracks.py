"""CVAT's videos: tracks between keyframes, edits, frames that are listed."""

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from drivegrid.data.scene import Instance
from drivegrid.geometry import Box
from tests.data.formats.cvat_text import again, box, read, track, video


def boxes_of(scenes):
    return [[one.geometry.xyxy.tolist() for one in scene.instances] for scene in scenes]


def test_boxes_move_linearly_between_keyframes_and_stay_after_the_last(tmp_path):
    drawn = track(box(1, 0, 0, 10, 10), box(3, 4, 8, 10, 20))
    scenes = read(tmp_path, video(drawn, frames=(0, 4)))
    middle = [[2, 4, 10, 15]]
    assert boxes_of(scenes) == [[], [[0, 0, 10, 10]], middle, [[4, 8, 10, 20]], [[4, 8, 10, 20]]]
    assert [scene.frame.image for scene in scenes[:2]] == ["a.mp4#000000", "a.mp4#000001"]
    assert {(scene.frame.clip, scene.frame.size_wh) for scene in scenes} == {("a.mp4", (200, 100))}
    assert again(scenes, tmp_path) == (scenes, [])
    written = ElementTree.parse(tmp_path / "b.xml").getroot().iter("box")
    assert [one.get("keyframe") for one in written] == ["1", "0", "1", "0"]


def test_outside_ends_and_a_later_keyframe_starts_again(tmp_path):
    shapes = [box(0, 0, 0, 1, 1), box(2, 9, 9, 9, 9, outside=1), box(4, 0, 0, 2, 2)]
    scenes = read(tmp_path, video(track(*shapes, box(5, 0, 0, 2, 2, outside=1)), frames=(0, 6)))
    assert [len(scene.instances) for scene in scenes] == [1, 1, 0, 0, 1, 0, 0]
    assert again(scenes, tmp_path) == (scenes, [])


def test_turned_boxes_take_the_short_way(tmp_path):
    shapes = [box(0, 0, 0, 4, 2, rotation=350), box(2, 0, 0, 4, 2, rotation=30)]
    scenes = read(tmp_path, video(track(*shapes), frames=(0, 2)))
    corner = scenes[1].instances[0].geometry.rings[0][0] - (2, 1)
    turn = np.degrees(np.arctan2(corner[1], corner[0]) - np.arctan2(-1, -2))
    assert turn == pytest.approx(10)
    assert again(scenes, tmp_path) == (scenes, [])


LINES = {
    "as many points": ("polyline", "0,8;2,4", "4,8;2,0", [[2, 8], [2, 2]]),
    "more points": ("polyline", "0,8;2,4", "4,8;2,0;9,0", [[0, 8], [2, 4]]),
    "several single points": ("points", "0,8;2,4", "4,8;2,0", [[0, 8], [2, 4]]),
    "one point": ("points", "0,8", "4,0", [[2, 4]]),
}


@pytest.mark.parametrize(("tag", "first", "last", "middle"), LINES.values(), ids=LINES)
def test_points_between_keyframes(tmp_path, tag, first, last, middle):
    shapes = (f'<{tag} frame="{f}" points="{p}"/>' for f, p in ((0, first), (2, last)))
    scenes = read(tmp_path, video(track(*shapes), frames=(0, 2)))
    assert scenes[1].instances[0].geometry.vertices().tolist() == middle
    assert again(scenes, tmp_path) == (scenes, [])


def test_an_edit_between_keyframes_becomes_a_keyframe(tmp_path):
    scenes = read(tmp_path, video(track(box(0, 0, 0, 9, 9), box(4, 4, 4, 9, 9)), frames=(0, 4)))
    moved = replace(scenes[2].instances[0], geometry=Box([5, 5, 6, 6]))
    scenes[2] = replace(scenes[2], instances=(moved,))
    found, _ = again(scenes, tmp_path)
    assert boxes_of(found) == boxes_of(scenes)
    written = [*ElementTree.parse(tmp_path / "b.xml").getroot().iter("box")]
    assert [one.get("keyframe") for one in written] == ["1", "0", "1", "0", "1"]


def test_new_and_removed_instances_in_a_video(tmp_path):
    scenes = read(tmp_path, video(track(box(0, 0, 0, 9, 9)), frames=(0, 3)))
    new = Instance("obstacle/cone", Box([1, 1, 2, 2]))
    scenes[1] = replace(scenes[1], instances=(scenes[1].instances[0], new))
    scenes[2] = replace(scenes[2], instances=())
    found, _ = again(scenes, tmp_path)
    assert boxes_of(found) == boxes_of(scenes)


def test_frames_follow_the_filter_and_what_is_listed_beyond(tmp_path):
    text = video(
        track(box(13, 0, 0, 9, 9)), frames=(10, 17), meta="<frame_filter>step=3</frame_filter>"
    )
    assert [scene.extra["cvat"]["frame"] for scene in read(tmp_path, text)] == [10, 13, 16]
    text = video(track(box(12, 0, 0, 9, 9)), frames=(0, 2))
    assert [scene.extra["cvat"]["frame"] for scene in read(tmp_path, text)] == [0, 1, 2, 12]
    bare_video = f"<annotations>{track(box(2, 0, 0, 9, 9))}</annotations>"
    scenes = read(tmp_path, bare_video)
    assert [scene.extra.get("assumed_size") for scene in scenes] == [True] * 3
    assert again(scenes, tmp_path)[0] == scenes
    assert read(tmp_path, video(frames=(0, 1)))[1].instances == ()


def test_other_tracks_stay_text(tmp_path):
    odd = track('<cuboid frame="0" xtl1="1"/>', number=5)
    scenes = read(tmp_path, video(odd, track(box(0, 0, 0, 9, 9)), frames=(0, 1)))
    assert again(scenes, tmp_path) == (scenes, [])
    assert "<cuboid" in (tmp_path / "b.xml").read_text()
