"""The cv2 renderer against a plain ray-per-pixel oracle, and what it must show."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from drivegrid.scenes.alignment import DEPTHS_M, STEP_M
from drivegrid.scenes.body import Body
from drivegrid.scenes.compositor import Compositor
from drivegrid.scenes.mesh import Mesh, box, cylinder, ellipsoid
from drivegrid.scenes.meshes import CATALOGUE, Model
from drivegrid.scenes.segments import SEGMENT
from drivegrid.scenes.view import View
from tests.scenes.sample_view import DAY, NIGHT, SAMPLE_MODELS, sample_view, without_bodies

SOLIDS = {
    "test box": Mesh("test box", (box((-1, 0, -2), (1, 1.5, 2), "paint"),)),
    "test ball": Mesh("test ball", (ellipsoid((0, 1, 0), (1, 1, 1), "paint"),)),
    "test post": Mesh("test post", (cylinder((0, 0, 0), (0, 5, 0), (0.2, 0.2), "steel"),)),
    "test step": Mesh(
        "test step",
        (box((-1, 0, -1), (1, 1, 1), "paint"), box((-0.4, 1, -0.4), (0.4, 2, 0.4), "red")),
    ),
    "test tail": Mesh(
        "test tail",
        (
            box((-1, 0, -2), (1, 1.5, 2), "blue"),
            box((-0.8, 0.5, 1.9), (0.8, 1.2, 2.01), "red", detail=True),
        ),
    ),
}


@pytest.fixture(autouse=True)
def _models(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, model in SAMPLE_MODELS.items():
        monkeypatch.setitem(CATALOGUE, f"sample {name}", model)
    for name, mesh in SOLIDS.items():
        monkeypatch.setitem(CATALOGUE, name, Model(mesh, "obstacle"))


def street(size_wh: tuple[int, int] = (448, 448), **rest: object) -> View:
    view = sample_view(size_wh, **rest)
    bodies = tuple(replace(body, mesh=f"sample {body.mesh}") for body in view.bodies)
    return replace(view, bodies=bodies)


def with_bodies(view: View, *bodies: Body) -> View:
    ordered = sorted(bodies, key=lambda body: -body.position_m[2])
    return replace(view, bodies=tuple(ordered))


def stand(view: View, mesh: str, offset: float, depth: float, **rest: object) -> Body:
    x, y, z = view.alignment.point(offset, depth)
    return Body(mesh, (x, y, z), segment=SEGMENT["obstacle"], **rest)


def oracle(view: View) -> np.ndarray:
    """Return (H, W) part_of of the first body each pixel centre's ray meets, 0 for none.

    Bodies are tried far to near, as a painter would; each convex part is met where the ray's
    interval inside all of its planes is not empty; ground is met where a ray dips under it.
    """
    aside, down = (plane.astype(np.float64).ravel() for plane in view.camera.slopes())
    rays = np.stack([aside, -down, np.ones_like(aside)], axis=1)
    eye = np.array([0.0, view.camera.height_m, 0.0])
    found = np.zeros(len(rays), dtype=int)
    first_ground = np.full(len(rays), np.inf)
    for depth, height in zip(DEPTHS_M[::-1], view.alignment.height_m[::-1], strict=True):
        if depth > 0:
            first_ground[view.camera.height_m - down * depth < height] = depth
    for body in view.bodies:
        for part in CATALOGUE[body.mesh].mesh.parts:
            if part.detail:
                continue
            near, far = np.full(len(rays), 0.05), np.full(len(rays), np.inf)
            corners = body.to_world(part.vertices)
            middle = corners.mean(axis=0)
            for face in part.faces:
                a, b, c = corners[list(face[:3])]
                normal = np.cross(b - a, c - a)
                normal *= -np.sign(normal @ (middle - a))
                reach, rate = normal @ (a - eye), rays @ normal
                with np.errstate(divide="ignore"):
                    cross = reach / rate
                near = np.where(rate < 0, np.maximum(near, cross), near)
                far = np.where(rate > 0, np.minimum(far, cross), far)
            met = (near <= far) & (near < first_ground + 2 * STEP_M)
            found[met] = body.part_of
    return found.reshape(view.plate.segments.shape)


def near_border(ids: np.ndarray, others: np.ndarray) -> np.ndarray:
    return _borders(ids) | _borders(others)


def _borders(ids: np.ndarray) -> np.ndarray:
    grown = cv2.dilate(ids.astype(np.uint8), np.ones((3, 3), np.uint8))
    shrunk = cv2.erode(ids.astype(np.uint8), np.ones((3, 3), np.uint8))
    return grown != shrunk


def drawn_ids(view: View) -> np.ndarray:
    ids = Compositor().draw(view).instances.astype(int)
    return np.where(ids > 900, 0, ids)


@pytest.mark.parametrize("curve", [0.0, 0.004], ids=["straight", "curved"])
@pytest.mark.parametrize("mesh", ["test box", "test ball", "test post", "test step"])
def test_ids_follow_pixel_centres(mesh: str, curve: float) -> None:
    view = sample_view((160, 120), curve=curve)
    places = [(-3.0, 9.0, 0.3), (2.5, 12.0, 1.1), (-1.0, 20.0, 2.0), (3.0, 35.0, 0.0)]
    bodies = [
        stand(view, mesh, x, z, yaw_rad=yaw, part_of=i + 1) for i, (x, z, yaw) in enumerate(places)
    ]
    view = with_bodies(view, *bodies)
    expected, found = oracle(view), drawn_ids(view)
    differ = expected != found
    assert (expected > 0).sum() > 100
    assert differ.mean() <= 0.01
    assert not (differ & ~near_border(expected, found)).any()


def test_ids_of_a_whole_street() -> None:
    view = street((144, 108))
    view = replace(
        view, bodies=tuple(replace(body, part_of=i + 1) for i, body in enumerate(view.bodies))
    )
    expected, found = oracle(view), drawn_ids(view)
    differ = expected != found
    assert differ.mean() <= 0.03  # posts and people thinner than a pixel are all border
    assert (differ & ~near_border(expected, found)).mean() <= 0.001


def test_no_bodies_leave_the_plate_ids() -> None:
    view = without_bodies(sample_view((96, 64)))
    picture = Compositor().draw(view)
    assert np.array_equal(picture.segments, view.plate.segments)
    assert np.array_equal(picture.instances, view.plate.instances)
    sky = view.plate.segments == SEGMENT["sky"]
    assert np.array_equal(picture.image[sky], view.plate.albedo[sky])


@pytest.mark.parametrize("size_wh", [(64, 64), (65, 97), (448, 448), (1640, 590)])
def test_sizes(size_wh: tuple[int, int]) -> None:
    picture = Compositor().draw(street(size_wh))
    assert picture.image.shape == (size_wh[1], size_wh[0], 3)
    assert picture.segments.shape == picture.instances.shape == (size_wh[1], size_wh[0])
    assert picture.image.dtype == picture.segments.dtype == np.uint8
    assert picture.instances.dtype == np.uint16


def test_same_view_same_bytes() -> None:
    compositor, view = Compositor(), street((200, 150), wet=120)
    first = compositor.draw(view)
    compositor.draw(street((96, 64), light=NIGHT))
    second = compositor.draw(view)
    for a, b in ((first.image, second.image), (first.instances, second.instances)):
        assert np.array_equal(a, b)


def test_the_view_is_left_as_it_is() -> None:
    view = street((128, 96), wet=80)
    before = [getattr(view.plate, name).copy() for name in ("albedo", "segments", "instances")]
    Compositor().draw(view)
    for name, copy in zip(("albedo", "segments", "instances"), before, strict=True):
        assert np.array_equal(getattr(view.plate, name), copy)


def test_nearer_bodies_hide_farther_ones() -> None:
    view = sample_view((160, 120))
    far, near = (stand(view, "test box", 0, z, part_of=n) for z, n in ((30.0, 1), (12.0, 2)))
    assert 1 not in drawn_ids(with_bodies(view, far, near))
    assert 1 in drawn_ids(with_bodies(view, far))


def test_a_crest_hides_feet() -> None:
    view = sample_view((320, 240), crest_m=2.5)
    bodies = [stand(view, "test post", 1.0, z, part_of=n) for z, n in ((45.0, 1), (110.0, 2))]
    view = with_bodies(view, *bodies)
    expected, found = oracle(view), drawn_ids(view)
    for number in (1, 2):
        rows, found_rows = (
            np.flatnonzero((ids == number).any(axis=1)) for ids in (expected, found)
        )
        assert abs(rows.max() - found_rows.max()) <= 1
    low = view.camera.project(np.array([bodies[1].position_m]))[0, 1]
    assert np.flatnonzero((found == 2).any(axis=1)).max() < low - 3


def test_a_deep_dip_hides_all() -> None:
    view = sample_view((160, 120), crest_m=6.0)
    low = stand(view, "test box", 0.0, 120.0, part_of=1)
    assert 1 not in drawn_ids(with_bodies(view, low))


def test_lamps_at_the_back_do_not_shine_through() -> None:
    view = sample_view((160, 120))
    away, towards = (
        stand(view, "test tail", 0, 10.0, yaw_rad=yaw, part_of=1) for yaw in (0.0, np.pi)
    )
    for body, red_seen in ((away, False), (towards, True)):
        picture = Compositor().draw(with_bodies(view, body))
        inside = picture.instances == 1
        red, _, blue = picture.image[inside].astype(int).T
        assert (red > blue + 30).any() == red_seen


def test_night_is_darker() -> None:
    day, night = (
        Compositor().draw(street((128, 128), light=light)).image for light in (DAY, NIGHT)
    )
    assert night.mean() < 0.5 * day.mean()


def test_fog_takes_contrast_with_distance() -> None:
    foggy = replace(DAY, fog_m=30.0)
    clear, fog = (without_bodies(street((128, 128), light=light)) for light in (DAY, foggy))
    ground = slice(66, 69)
    haze = np.array(DAY.haze)
    away_clear = np.abs(Compositor().draw(clear).image[ground] - haze).mean()
    away_fog = np.abs(Compositor().draw(fog).image[ground] - haze).mean()
    assert away_fog < 0.6 * away_clear


def test_shade_darkens_the_ground() -> None:
    view = without_bodies(sample_view((128, 128)))
    shade = view.plate.shade.copy()
    shade[100:, :64] = 0
    image = Compositor().draw(replace(view, plate=replace(view.plate, shade=shade))).image
    plain = Compositor().draw(view).image
    assert image[105:, :60].mean() < 0.75 * plain[105:, :60].mean()
    assert np.array_equal(image[:, 70:], plain[:, 70:])


def test_worn_paint_is_thinner() -> None:
    view = without_bodies(sample_view((256, 256)))
    fresh, worn = (Compositor().draw(replace(view, wear=wear)).image for wear in (0.0, 1.0))
    painted = view.plate.paint[:, :, 3] == 255
    assert worn[painted].mean() < fresh[painted].mean() - 5
    assert np.array_equal(
        fresh[~(view.plate.paint[:, :, 3] > 0)], worn[view.plate.paint[:, :, 3] == 0]
    )


def test_wet_ground_mirrors() -> None:
    dry, wet = (
        Compositor().draw(without_bodies(street((128, 128), wet=w))).image for w in (0, 200)
    )
    ground = slice(100, 128)
    zenith_blue = wet[ground].mean(axis=(0, 1))
    assert zenith_blue[2] - zenith_blue[0] > 20 > dry[ground].mean(axis=(0, 1))[2] - 100


def test_more_bodies_than_a_byte_counts() -> None:
    view = sample_view((300, 90))
    bodies = [
        stand(view, "test box", (i % 30 - 15) * 2.4, 40 + 2.0 * (i // 30), part_of=i + 1)
        for i in range(270)
    ]
    expected, found = (f(with_bodies(view, *bodies)) for f in (oracle, drawn_ids))
    assert (expected != found).mean() < 0.03
    assert {n for n in np.unique(expected) if (expected == n).sum() > 30} <= set(np.unique(found))
