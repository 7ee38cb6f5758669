"""CVAT: files by hand, every shape, tags, real exports, round trips."""

import pickle
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings

from drivegrid.data.formats.cvat import load_cvat, open_cvat, recognise_cvat
from drivegrid.data.formats.peek import Peek
from drivegrid.data.images import save_image
from drivegrid.data.scene import Instance
from drivegrid.geometry import Polygon
from tests.data.builders import SHAPES, make_scene
from tests.data.formats.cvat_text import ELEMENTS, again, box, images, read, track, video
from tests.data.formats.drawn import bare, drawn_scenes


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


def test_entries_are_parsed_by_other_processes(tmp_path):
    for text in (images(ELEMENTS["box"][0]), video(track(box(0, 0, 0, 9, 9)), frames=(0, 1))):
        (tmp_path / "a.xml").write_text(text)
        source = open_cvat(tmp_path / "a.xml")
        parse = pickle.loads(pickle.dumps(source.parse))
        entries = [pickle.loads(pickle.dumps(entry)) for entry in source.entries]
        assert [parse(entry) for entry in entries] == load_cvat(tmp_path / "a.xml").scenes


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
