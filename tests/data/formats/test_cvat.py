"""CVAT: files by hand, every shape, tags, tracks between keyframes, hostile XML, round trips."""

import os
import pickle
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings

from drivegrid.data.formats.cvat import load_cvat, open_cvat, recognise_cvat, save_cvat
from drivegrid.data.formats.peek import Peek
from drivegrid.data.images import save_image
from drivegrid.data.scene import Instance
from drivegrid.errors import FormatError
from drivegrid.geometry import Anchors, Box, Point, Polygon, Polyline
from tests.data.builders import SHAPES, make_lane, make_scene
from tests.data.formats.drawn import bare, broken, drawn_scenes


def images(*bodies):
    frames = "".join(
        f'<image id="{i}" name="{i}.jpg" width="200" height="100">{body}</image>'
        for i, body in enumerate(bodies)
    )
    return f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>{frames}</annotations>'


def video(*tracks, frames=(0, 9), meta="", source="a.mp4"):
    task = f"<start_frame>{frames[0]}</start_frame><stop_frame>{frames[1]}</stop_frame>{meta}"
    size = "<original_size><width>200</width><height>100</height></original_size>"
    head = (
        f"<meta><task><mode>interpolation</mode>{task}{size}</task><source>{source}</source></meta>"
    )
    return f"<annotations>{head}{''.join(tracks)}</annotations>"


def box(frame, *xyxy, outside=0, keyframe=1, **more):
    told = dict(zip(("xtl", "ytl", "xbr", "ybr"), xyxy, strict=True)) | more
    told |= {"frame": frame, "outside": outside, "keyframe": keyframe, "occluded": 0}
    return "<box " + " ".join(f'{key}="{value}"' for key, value in told.items()) + "/>"


def track(*shapes, label="car", number=0):
    return f'<track id="{number}" label="{label}">{"".join(shapes)}</track>'


def load(folder, text):
    path = folder / "a.xml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_cvat(path)


def read(folder, text):
    loaded = load(folder, text)
    assert loaded.quarantine.rejected == []
    return loaded.scenes


def again(scenes, folder):
    """Return scenes written and read, and what was lost."""
    saved = save_cvat(iter(scenes), folder / "b.xml")
    assert saved.quarantine.rejected == []
    loaded = load_cvat(folder / "b.xml")
    assert loaded.quarantine.rejected == []
    return loaded.scenes, [loss.message for loss in saved.losses]


SQUARE = [[0, 0], [2, 0], [2, 2], [0, 2]]
ELEMENTS = {
    "box": ('<box label="cone" xtl="1.5" ytl="2" xbr="3" ybr="4.25"/>', Box([1.5, 2, 3, 4.25])),
    "turned box": (
        '<box label="cone" xtl="0" ytl="1" xbr="4" ybr="3" rotation="90"/>',
        Polygon(([[3, 0], [3, 4], [1, 4], [1, 0]],)),
    ),
    "polygon": ('<polygon label="wall" points="0,0;2,0;2,2;0,2"/>', Polygon((SQUARE,))),
    "polyline": ('<polyline label="curb" points="0,-9.125;2,0"/>', Polyline([[0, -9.125], [2, 0]])),
    "lane down": ('<polyline label="lane line" points="5,1;2,9"/>', Polyline([[2, 9], [5, 1]])),
    "point": ('<points label="stop sign" points="5,1"/>', Point([5, 1])),
    "points": ('<points label="wall" points="5,1;2,9"/>', Anchors([[5, 1], [2, 9]])),
    "mask": (
        '<mask label="wall" rle="1, 2, 1" left="10" top="20" width="2" height="2"/>',
        Polygon(
            (
                [[11, 20], [12, 20], [12, 21], [11, 21]],
                [[10, 21], [11, 21], [11, 22], [10, 22]],
            )
        ),
    ),
}


@pytest.mark.parametrize(("element", "geometry"), ELEMENTS.values(), ids=ELEMENTS)
def test_every_shape_is_read_and_written_with_its_numbers(tmp_path, element, geometry):
    scenes = read(tmp_path, images(element))
    found = scenes[0].instances[0].geometry
    np.testing.assert_allclose(found.vertices(), geometry.vertices(), atol=1e-9)
    assert type(found) is type(geometry)
    assert again(scenes, tmp_path) == (scenes, [])
    drawn = ElementTree.parse(tmp_path / "b.xml").getroot().find("image")[0]
    for key, value in ElementTree.fromstring(element).attrib.items():
        numbers = [drawn.get(key).split(";"), value.split(";")]
        if key not in ("label", "rle"):
            drawn_numbers, old = (
                [float(n) for p in side for n in p.split(",")] for side in numbers
            )
            assert drawn_numbers == old


def test_an_ellipse_is_a_polygon_and_comes_back(tmp_path):
    scenes = read(tmp_path, images('<ellipse label="manhole" cx="50" cy="40" rx="9" ry="3"/>'))
    points = scenes[0].instances[0].geometry.vertices() - (50, 40)
    np.testing.assert_allclose((points / (9, 3) ** np.array(1)) ** 2 @ [1, 1], 1)
    assert again(scenes, tmp_path) == (scenes, [])
    assert '<ellipse label="manhole" cx="50"' in (tmp_path / "b.xml").read_text()


def test_other_elements_stay_text_in_their_places(tmp_path):
    cuboid = '<cuboid label="car" xtl1="1"><attribute name="a">&lt;b&gt;</attribute></cuboid>'
    skeleton = '<skeleton label="person"><points label="1" points="1,1"/></skeleton>'
    text = images(f"{cuboid}{ELEMENTS['box'][0]}{skeleton}{ELEMENTS['polygon'][0]}")
    scenes = read(tmp_path, text)
    assert len(scenes[0].instances) == 2
    assert again(scenes, tmp_path) == (scenes, [])
    image = ElementTree.parse(tmp_path / "b.xml").getroot().find("image")
    assert [child.tag for child in image] == ["cuboid", "box", "skeleton", "polygon"]


ATTRIBUTES = {
    "none": ("", 'occluded="0"', {}, False),
    "known": ('<attribute name="color">orange</attribute>', "", {"color": "orange"}, False),
    "unknown": ('<attribute name="state">new</attribute>', "", {}, True),
    "unset": ('<attribute name="color">__undefined__</attribute>', "", {}, True),
    "occluded": ("", 'occluded="1"', {"visible_state": "partly hidden"}, False),
    "occluded and said": (
        '<attribute name="visible_state">mostly hidden</attribute>',
        'occluded="1"',
        {"visible_state": "mostly hidden"},
        False,
    ),
}


@pytest.mark.parametrize(
    ("listed", "xml", "attributes", "kept"), ATTRIBUTES.values(), ids=ATTRIBUTES
)
def test_attributes(tmp_path, listed, xml, attributes, kept):
    element = f'<box label="cone" {xml} xtl="1" ytl="2" xbr="3" ybr="4" z_order="3">{listed}</box>'
    scenes = read(tmp_path, images(element))
    [cone] = scenes[0].instances
    assert cone.attributes == attributes
    assert ("attributes" in cone.extra["cvat"]) == kept
    assert again(scenes, tmp_path) == (scenes, [])
    clear = replace(cone, attributes={"visible_state": "fully visible"})
    [changed] = again([replace(scenes[0], instances=(clear,))], tmp_path)[0]
    assert changed.instances[0].attributes == clear.attributes


def test_tags_are_frame_attributes(tmp_path):
    ours = '<tag label="frame"><attribute name="surface">wet</attribute></tag>'
    scenes = read(tmp_path, images(f'<tag label="rain"/>{ours}<tag label="odd" source="x"/>', ""))
    assert scenes[0].frame.attributes == {"weather": "rain", "surface": "wet"}
    assert again(scenes, tmp_path) == (scenes, [])
    dry = replace(scenes[0], frame=replace(scenes[0].frame, attributes={"surface": "dry"}))
    [found] = again([dry], tmp_path)[0]
    assert found.frame.attributes == {"surface": "dry"}
    assert [text for _, text in found.extra["cvat"]["kept"]] == ['<tag label="odd" source="x" />']


def test_who_drew_it(tmp_path):
    drawn = [
        ELEMENTS["box"][0].replace("/>", f' source="{s}"/>') for s in ("auto", "file", "manual")
    ]
    scenes = read(tmp_path, images("".join(drawn)))
    assert [one.source for one in scenes[0].instances] == ["auto", "label", "label"]
    assert again(scenes, tmp_path) == (scenes, [])
    model = make_scene(Instance("obstacle/cone", SHAPES["box"], source="model 7"))
    found, losses = again([model], tmp_path)
    assert (found[0].instances[0].source, losses) == ("auto", ["source left out"])


def test_pictures_are_found_where_cvat_puts_them(tmp_path):
    save_image(tmp_path / "images" / "Train" / "0.jpg", np.zeros((100, 200, 3), np.uint8))
    text = images("", "").replace('id="0"', 'id="0" subset="Train"')
    scenes = read(tmp_path, text)
    assert [scene.frame.image for scene in scenes] == ["images/Train/0.jpg", "1.jpg"]
    assert again(scenes, tmp_path) == (scenes, [])
    assert 'name="0.jpg"' in (tmp_path / "b.xml").read_text()


def test_rings_become_a_mask(tmp_path):
    rings = ([[1, 1], [9, 1], [9, 9], [1, 9]], [[3, 3], [5, 3], [5, 5], [3, 5]])
    area = Instance("area/drivable", Polygon(rings))
    found, losses = again([make_scene(area)], tmp_path)
    assert losses == ["polygon of several rings rounded to a mask of pixels"]
    corners = [{tuple(xy) for xy in ring.tolist()} for ring in found[0].instances[0].geometry.rings]
    assert corners == [{tuple(xy) for xy in ring} for ring in rings]
    assert again(found, tmp_path) == (found, [])


def test_meta_declares_labels_with_the_taxonomy_s_values(tmp_path):
    cone = Instance("obstacle/cone", SHAPES["box"], {"color": "orange"})
    again([make_scene(cone)], tmp_path)
    [label] = ElementTree.parse(tmp_path / "b.xml").getroot().iter("label")
    assert label.findtext("name") == "obstacle/cone"
    color = next(a for a in label.iter("attribute") if a.findtext("name") == "color")
    assert color.findtext("values").splitlines()[:3] == ["__undefined__", "orange", "red"]


# Videos -------------------------------------------------------------------------------------------


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


def test_entries_are_parsed_by_other_processes(tmp_path):
    for text in (images(ELEMENTS["box"][0]), video(track(box(0, 0, 0, 9, 9)), frames=(0, 1))):
        (tmp_path / "a.xml").write_text(text)
        source = open_cvat(tmp_path / "a.xml")
        parse = pickle.loads(pickle.dumps(source.parse))
        entries = [pickle.loads(pickle.dumps(entry)) for entry in source.entries]
        assert [parse(entry) for entry in entries] == load_cvat(tmp_path / "a.xml").scenes


# Wrong files --------------------------------------------------------------------------------------


def mask(rle, side=2):
    return f'<mask label="x" rle="{rle}" left="0" top="0" width="{side}" height="{side}"/>'


BAD = {
    "no label": ('<box xtl="0" ytl="0" xbr="1" ybr="1"/>', "label"),
    "no corner": ('<box label="x" xtl="0" ytl="0" xbr="1"/>', "ybr"),
    "no number": ('<box label="x" xtl="0" ytl="nan" xbr="1" ybr="1"/>', "number"),
    "far": ('<box label="x" xtl="0" ytl="-1e99" xbr="1" ybr="1"/>', "number"),
    "corners turned round": ('<box label="x" xtl="5" ytl="0" xbr="1" ybr="1"/>', "upper left"),
    "half a pair": ('<polygon label="x" points="1,2;3"/>', "pairs"),
    "three in a pair": ('<polygon label="x" points="1,2,3"/>', "pairs"),
    "huge mask": (mask("1", 99999), "pixels"),
    "short mask": (mask("1,2"), "fill"),
    "endless run": (mask("9999999999"), "whole"),
    "no run": (mask("-1"), "whole"),
}


@pytest.mark.parametrize(("element", "message"), BAD.values(), ids=BAD)
def test_a_wrong_image_is_set_aside_and_the_rest_loads(tmp_path, element, message):
    loaded = load(tmp_path, images("", element, ""))
    assert [scene.frame.image for scene in loaded.scenes] == ["0.jpg", "2.jpg"]
    [rejected] = loaded.quarantine.rejected
    assert message in rejected.message
    assert rejected.item.startswith("image 1.jpg")


@pytest.mark.parametrize("old", ['width="200"', 'height="100"', 'name="0.jpg"'])
@pytest.mark.parametrize("value", ["", "0", "-5", "1e3", "../a", "999999999999", "²"])
def test_wrong_sizes_and_names(tmp_path, old, value):
    name = old.partition("=")[0]
    loaded = load(tmp_path, images("").replace(old, f'{name}="{value}"'))
    good = name == "name" and value not in ("", "../a")
    assert (loaded.quarantine.num_kept, loaded.quarantine.num_rejected) == (good, not good)


BOMB = '<!DOCTYPE a [<!ENTITY x "xx"><!ENTITY y "&x;&x;">]>'
HOSTILE = {
    "bomb": (f"{BOMB}<annotations>&y;</annotations>", "document type"),
    "outside": ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotations/>', "document type"),
    "unknown entity": ("<annotations>&y;</annotations>", "XML"),
    "deep": ("<annotations>" + "<a>" * 50_000, "levels"),
    "cut off": ("<annotations><image", "XML"),
    "other root": ("<annotation/>", "root"),
    "empty": ("", "XML"),
    "encoding": ('<?xml version="1.0" encoding="no-such"?><annotations/>', "XML"),
    "not UTF-8": (b"<annotations>\xff</annotations>", "XML"),
    "long video": (video(frames=(0, 999_999_999)), "1000000 frames"),
    "frame twice": (video(track(box(0, 0, 0, 1, 1), box(0, 0, 0, 1, 1))), "frame of its own"),
    "no frame": (video(track(box("x", 0, 0, 1, 1))), "frame of its own"),
    "no label": (video('<track id="0"/>'), "label"),
}


@pytest.mark.parametrize(("text", "message"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_files_are_refused(tmp_path, text, message):
    with pytest.raises(FormatError, match=message) as caught:
        load(tmp_path, text)
    assert str(caught.value.path).endswith("a.xml")


def test_missing_files_and_pipes_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in ("absent", "pipe", "."):
        with pytest.raises(FormatError):
            load_cvat(tmp_path / name)


def test_what_cannot_be_written_is_set_aside(tmp_path):
    lane = make_lane([[1, 2], [3, 4]])
    scenes = [
        make_scene(lane),
        make_scene(image=""),
        make_scene(replace(lane, label="\x00")),
        make_scene(replace(lane, attributes={"a": "\ud800"})),
        make_scene(replace(lane, extra={"cvat": {"xml": {"a b": "c"}}})),
        make_scene(replace(lane, extra={"cvat": {"element": ["box", 1]}})),
        make_scene(extra={"cvat": {"kept": [[0, "<a"]]}}),
        make_scene(extra={"cvat": {"kept": [[0, "<!DOCTYPE a><a/>"]]}}),
        make_scene(extra={"cvat": {"image": {"id": 5}}}),
        make_scene(extra={"cvat": []}),
    ]
    saved = save_cvat(iter(scenes), tmp_path / "a.xml")
    assert [bad.item for bad in saved.quarantine.rejected] == [f"scene {i}" for i in range(1, 10)]
    assert len(load_cvat(tmp_path / "a.xml").scenes) == 1
    frames = [make_scene(extra={"cvat": {"frame": n}}) for n in (3, 3, 4)]
    frames.append(make_scene(size_wh=(5, 5), extra={"cvat": {"frame": 7}}))
    frames.append(make_scene())
    saved = save_cvat(frames, tmp_path / "b.xml")
    assert [bad.item for bad in saved.quarantine.rejected] == ["scene 1", "scene 3", "scene 4"]


def test_what_is_lost_is_told(tmp_path):
    cone = Instance("obstacle/cone", SHAPES["box"], confidence=0.5, visibility=0.5)
    losses = again([make_scene(cone, Instance("lane", SHAPES["line of no point"]))], tmp_path)[1]
    assert losses == [
        "confidence left out",
        "visibility left out",
        "instance left out: it has no points",
    ]


def test_recognised_and_nothing_else(tmp_path):
    (tmp_path / "annotations.xml").write_text(images())
    assert recognise_cvat(Peek(tmp_path)) and recognise_cvat(Peek(tmp_path / "annotations.xml"))
    (tmp_path / "b.xml").write_text("<annotation><folder/></annotation>")
    assert recognise_cvat(Peek(tmp_path / "b.xml")) is None
    (tmp_path / "empty").mkdir()
    assert recognise_cvat(Peek(tmp_path / "empty")) is None


@pytest.mark.parametrize(
    "name",
    [
        "for_images/export_project/annotations",
        "for_images/export_task/train",
        "for_video/annotations",
    ],
)
def test_exports_of_cvat_come_back(realdata, tmp_path, name):
    path = realdata / "format_fixtures" / "cvat" / f"{name}.xml"
    scenes = load_cvat(path).scenes
    assert scenes
    assert again(scenes, tmp_path) == (scenes, [])
    old, new = (ElementTree.parse(file).getroot() for file in (path, tmp_path / "b.xml"))
    for tag in ("box", "polygon", "polyline", "points"):
        pairs = zip(old.iter(tag), new.iter(tag), strict=True)
        assert all(one.attrib.keys() == other.attrib.keys() for one, other in pairs)


@settings(max_examples=60)
@given(scene=drawn_scenes)
def test_drawn_scenes_come_back(tmp_path_factory, scene):
    folder = tmp_path_factory.mktemp("drawn")
    first, losses = again([scene], folder)
    assert ([bare(one) for one in first], losses) == ([scene], [])
    assert again(first, folder) == (first, [])


GOOD = images(
    "".join(element for element, _ in ELEMENTS.values()) + '<tag label="rain"/>',
    '<cuboid label="car" xtl1="1"/><box label="cone" occluded="1" xtl="1" ytl="2" xbr="3" ybr="4">'
    '<attribute name="color">orange</attribute></box>',
).encode()
FILM = video(
    track(box(1, 0, 0, 10, 10), box(3, 4, 8, 10, 20, rotation=5), box(4, 0, 0, 1, 1, outside=1)),
    track('<polyline frame="0" points="1,2;3,4"/>', number=1),
    frames=(0, 5),
).encode()


@settings(max_examples=200)
@given(content=broken(GOOD) | broken(FILM))
def test_broken_files_are_read_or_refused(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("broken")
    (folder / "a.xml").write_bytes(content)
    try:
        scenes = load_cvat(folder / "a.xml").scenes
    except FormatError:
        return
    save_cvat(scenes, folder / "b.xml")
