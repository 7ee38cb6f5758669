"""Real pictures on our plates: only where they say the same, and no label notices."""

import pickle
from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest

from drivegrid.errors import ConfigError, FormatError
from drivegrid.scenes.assets import find_pack, pack_folder, pack_state
from drivegrid.scenes.compositor import Compositor
from drivegrid.scenes.faces import FACES, face_image, face_outline
from drivegrid.scenes.faces.colors import main_color
from drivegrid.scenes.faces.face import outline_mask
from drivegrid.scenes.pack_faces import PackFaces, choose_pictures, load_pack_faces
from drivegrid.scenes.render import render_world, view_of
from drivegrid.scenes.segments import SEGMENT
from drivegrid.scenes.sign_pack import SignFace
from drivegrid.scenes.stream import stream_scenes
from tests.scenes import faked
from tests.scenes.archiving import SIGNS, need_cairo, pack_of
from tests.scenes.worlds import world

SIDE = 64
SIZE = (320, 180)


def sign_like(key: str, gain: float = 0.9) -> SignFace:
    """A pack's face that shows a face of ours a little darker, cut to its plate."""
    face = FACES[key]
    picture = np.dstack(
        [face_image(key, 4 * SIDE) * gain, outline_mask(face.shape, 4 * SIDE) * 255.0]
    )
    corners = np.array(face_outline(face.shape))
    (left, low), (right, high) = corners.min(axis=0), corners.max(axis=0)
    top, bottom = (round((1 - y) / 2 * 4 * SIDE) for y in (high, low))
    plate = cv2.resize(picture[top:bottom], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    aspect = face.aspect * (right - left) / (high - low)
    return SignFace(face.label, face.attributes, aspect, np.rint(plate).astype(np.uint8))


def painted(sign: SignFace, color: tuple[int, int, int]) -> SignFace:
    """The same plate with one colour all over."""
    image = sign.image.copy()
    image[:, :, :3] = color
    return replace(sign, image=image)


def on_a_plate(sign: SignFace, shape: str) -> SignFace:
    """The same picture on a plate of another outline."""
    image = sign.image.copy()
    image[:, :, 3] = outline_mask(shape, SIDE) * 255
    return replace(sign, image=image)


@cache
def negatives() -> PackFaces:
    """All faces as photographic negatives: no picture stays as it is."""
    return PackFaces({key: 255 - face_image(key, SIDE) for key in FACES})


def test_an_empty_pack_changes_nothing() -> None:
    assert choose_pictures({}, SIDE) == {}
    faces = PackFaces({})
    assert all((faces(key, 24) == face_image(key, 24)).all() for key in FACES)


@pytest.mark.parametrize(
    "key",
    ["eu stop", "eu danger", "eu yield", "us bump", "eu speed limit 50", "us one way right",
     "cn guide motorway", "lit speed limit 60"],
)  # fmt: skip
def test_a_sign_takes_the_place_of_the_face_it_looks_like(key) -> None:
    chosen = choose_pictures({"a": sign_like(key)}, SIDE)
    assert list(chosen) == [key]
    inside = outline_mask(FACES[key].shape, SIDE, 0.9)
    wanted = face_image(key, SIDE) * 0.9
    assert np.abs(chosen[key] - wanted)[inside].mean() < 4


STOP, LIMIT, PARKING = (sign_like(key) for key in ("eu stop", "eu speed limit 50", "eu parking"))


@pytest.mark.parametrize(
    "sign",
    [
        replace(STOP, label="sign/regulatory/yield"),
        replace(STOP, label="sign/regulatory"),
        replace(STOP, attributes={"shape": "circle"}),
        replace(STOP, attributes={"color": "blue"}),
        replace(LIMIT, attributes={}),
        replace(LIMIT, attributes={"limit": "65"}),
        replace(STOP, attributes={"limit": "50"}),
        replace(STOP, aspect=1.11),
        replace(STOP, aspect=0.9),
        on_a_plate(STOP, "diamond"),
        on_a_plate(PARKING, "circle"),
        painted(STOP, (20, 78, 168)),
        painted(LIMIT, (235, 235, 230)),
        painted(sign_like("eu falling rocks"), (247, 190, 20)),
        painted(PARKING, (0, 230, 255)),
    ],
    ids=["label", "group", "shape said", "colour said", "no limit", "limit", "more said", "wide",
         "tall", "diamond", "disc on a square", "blue", "no red", "yellow", "far from our blue"],
)  # fmt: skip
def test_a_sign_that_differs_by_any_rule_fits_nowhere(sign) -> None:
    assert choose_pictures({"a": sign}, SIDE) == {}


def test_colours_may_differ_as_paints_do_but_no_further() -> None:
    """Of one label and one main colour, yet a yellow field is not put in place of a white one."""
    limit = sign_like("eu speed limit 50")
    white = (limit.image[:, :, :3].min(axis=2) > 150) & (limit.image[:, :, 3] > 128)
    image = limit.image.copy()
    image[white, :3] = (255, 205, 0)
    face = FACES["eu speed limit 50"]
    assert main_color(image[:, :, :3], face.shape) == face.color
    assert choose_pictures({"a": replace(limit, image=image)}, SIDE) == {}


def test_where_the_sign_is_transparent_our_face_shows() -> None:
    stop = sign_like("eu stop")
    image = stop.image.copy()
    image[: SIDE // 16, :, 3] = 0
    image[: SIDE // 16, :, :3] = (0, 255, 0)
    (picture,) = choose_pictures({"a": replace(stop, image=image)}, SIDE).values()
    own = face_image("eu stop", SIDE)
    assert (picture[: SIDE // 16] == own[: SIDE // 16]).all()
    assert (picture != own).any()


def test_no_sign_is_used_twice_and_training_chooses_first() -> None:
    stops = [key for key, face in FACES.items() if face.label == FACES["es stop"].label]
    assert {FACES[key].held_out for key in stops} == {False, True}
    few = choose_pictures({"a": sign_like("es stop"), "b": sign_like("eu stop")}, SIDE)
    assert len(few) == 2
    assert not any(FACES[key].held_out for key in few)
    every = choose_pictures({key: sign_like(key) for key in stops}, SIDE)
    assert set(every) == {key for key in stops if FACES[key].shape == "octagon"}
    assert len({picture.tobytes() for picture in every.values()}) == len(every)


def test_the_choice_does_not_depend_on_the_order_of_the_pack() -> None:
    signs = {f"{number}": sign_like("eu stop", 0.8 + number / 100) for number in range(5)}
    signs |= {f"same as {number}": signs[f"{number}"] for number in range(5)}
    chosen = choose_pictures(signs, SIDE)
    again = choose_pictures(dict(reversed(signs.items())), SIDE)
    assert chosen.keys() == again.keys()
    assert all((chosen[key] == again[key]).all() for key in chosen)


@pytest.mark.parametrize("side", [1, 8, 64, 100])
def test_pictures_come_at_any_size(side) -> None:
    picture = negatives()("eu stop", side)
    assert (picture.shape, picture.dtype) == ((side, side, 3), np.uint8)
    own = face_image("eu stop", SIDE).mean(axis=(0, 1))
    assert picture.mean(axis=(0, 1)) == pytest.approx(255 - own, abs=6)


def test_a_face_nobody_knows() -> None:
    with pytest.raises(ConfigError, match="key of FACES"):
        negatives()("nowhere", 8)


@pytest.mark.parametrize("seed", [500_006, 500_010])
def test_only_pixels_of_signs_change(seed) -> None:
    view = view_of(world(seed), SIZE)
    own, other = Compositor().draw(view), Compositor(negatives()).draw(view)
    assert (own.segments == other.segments).all()
    assert (own.instances == other.instances).all()
    signs = (own.segments == SEGMENT["sign"]).astype(np.uint8)
    changed = (own.image != other.image).any(axis=2)
    assert changed.sum() > 100
    assert not changed[cv2.dilate(signs, np.ones((3, 3))) == 0].any()  # edges are softened


@pytest.mark.parametrize("seed", [3, 500_006])
def test_labels_stay_equal_to_the_byte(seed) -> None:
    own, other = (render_world(world(seed), SIZE, Compositor(f)) for f in (face_image, negatives()))
    assert repr(own.scene) == repr(other.scene)
    assert own.segments.tobytes() == other.segments.tobytes()
    assert own.instances.tobytes() == other.instances.tobytes()


def test_workers_of_the_stream_use_the_faces() -> None:
    seed, few = 500_006, PackFaces({key: negatives().pictures[key] for key in [*FACES][:60]})
    with_faces = {"faces": few, "render": faked.render_really}
    streams = [stream_scenes(seed, SIZE, workers, ahead=1, **with_faces) for workers in (0, 1)]
    here, there = (next(stream) for stream in streams)
    for stream in streams:
        stream.close()
    assert here.image.tobytes() == there.image.tobytes()
    assert here.image.tobytes() == faked.render_really(seed, SIZE, few).image.tobytes()
    assert here.image.tobytes() != faked.render_really(seed, SIZE).image.tobytes()


def test_faces_travel_to_other_processes() -> None:
    again = pickle.loads(pickle.dumps(negatives()))
    assert (again("eu stop", 32) == negatives()("eu stop", 32)).all()


OCTAGON = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24"><path fill="#c8102e" '
    b'd="M8 1H16L23 8V16L16 23H8L1 16V8z"/><path fill="#fff" d="M6 10H18V14H6z"/></svg>'
)


def test_a_pack_from_file_to_faces(tmp_path, monkeypatch) -> None:
    need_cairo()
    files = {f"{SIGNS}/regulatory--stop--g{number}.svg": OCTAGON for number in (1, 2)}
    folder = pack_of(tmp_path, monkeypatch, files | {f"{SIGNS}/no-group-at-all.svg": b"broken"})
    faces = load_pack_faces(folder, SIDE)
    stops = {k for k, face in FACES.items() if (face.label, face.shape) == (
        "sign/regulatory/stop", "octagon")}  # fmt: skip
    assert len(faces.pictures) == 2  # the half plate of the limit fits nowhere
    assert faces.pictures.keys() < stops
    for picture in faces.pictures.values():
        assert picture[SIDE // 4, SIDE // 2] == pytest.approx((200, 16, 46), abs=2)
        assert picture[SIDE // 2, SIDE // 2] == pytest.approx((255, 255, 255), abs=2)


def test_a_missing_or_altered_pack_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DRIVEGRID_ASSETS", str(tmp_path / "nothing"))
    with pytest.raises(FormatError, match=r"pack must be here.*drivegrid scenes assets add signs"):
        load_pack_faces()
    folder = pack_of(tmp_path, monkeypatch, {})
    (folder / "new.svg").write_bytes(b"")
    with pytest.raises(FormatError, match="1 altered files"):
        load_pack_faces()


@pytest.mark.slow
def test_the_real_pack() -> None:
    if pack_state(find_pack("signs")) != "present":
        pytest.skip(f"needs the pack signs in {pack_folder(find_pack('signs')).parent}")
    need_cairo()
    pictures = load_pack_faces().pictures
    assert len(pictures) > 130
    assert len({picture.tobytes() for picture in pictures.values()}) == len(pictures)
    for key, picture in pictures.items():
        assert main_color(picture, FACES[key].shape) == FACES[key].color
