"""Pictures drawn with OpenGL: exact ids, the same bytes, light that does what it should."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from drivegrid.scenes.body import Body
from drivegrid.scenes.faces import face_image
from drivegrid.scenes.gl import GlRenderer
from drivegrid.scenes.segments import SEGMENT
from tests.scenes.gl.ray_oracle import cast
from tests.scenes.sample_view import DAY, NIGHT, SAMPLE_MODELS, sample_view, without_bodies

SMALL = (112, 96)


def same(one, other) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("image", "segments", "instances")
    )


def box_at(x: float, z: float, part_of: int = 7, size: float = 3.0, y: float = 0.0) -> Body:
    return Body("crate", (x, y, z), scale=(size,) * 3, part_of=part_of, segment=SEGMENT["obstacle"])


def with_boxes(*boxes: Body, **rest):
    return replace(sample_view(SMALL, **rest), bodies=boxes)


def test_ids_of_the_bare_plate_pass_through(renderer) -> None:
    view = without_bodies(sample_view())
    picture = renderer.draw(view)
    assert picture.segments.dtype == np.uint8
    assert picture.instances.dtype == np.uint16
    assert np.array_equal(picture.segments, view.plate.segments)
    assert np.array_equal(picture.instances, view.plate.instances)
    sky = view.plate.segments == SEGMENT["sky"]
    assert np.array_equal(picture.image[sky], view.plate.albedo[sky])


@pytest.mark.parametrize(("curve", "crest_m"), [(0.0, 0.0), (0.004, 0.0), (-0.003, 3.0)])
def test_ids_are_those_of_the_rays(renderer, curve, crest_m) -> None:
    view = sample_view((80, 68), curve=curve, crest_m=crest_m)
    # Every body its own number, so that one hiding another wrongly shows.
    view = replace(
        view, bodies=tuple(replace(b, part_of=i + 1000) for i, b in enumerate(view.bodies))
    )
    owner = cast(view, SAMPLE_MODELS)
    seen = np.array([0, *(b.segment for b in view.bodies)])[owner + 1]
    segments = np.where(owner < 0, view.plate.segments, seen)
    instances = np.where(owner < 0, view.plate.instances, owner + 1000)
    picture = renderer.draw(view)
    wrong = (picture.segments != segments) | (picture.instances != instances)
    assert (owner >= 0).mean() > 0.2
    assert wrong.mean() < 0.005
    changes = cv2.morphologyEx(owner.astype(np.int16), cv2.MORPH_GRADIENT, np.ones((3, 3)))
    # Outlines just outside the picture are not seen in it, so its border is left out.
    assert not (wrong & (changes == 0))[1:-1, 1:-1].any()


def test_the_same_view_gives_the_same_bytes(renderer) -> None:
    view = sample_view(SMALL, wet=90)
    first = renderer.draw(view)
    assert same(first, renderer.draw(view))
    renderer.draw(sample_view((200, 64), light=NIGHT))
    assert same(first, renderer.draw(view))


def test_a_size_let_go_and_taken_up_again_changes_nothing(renderer) -> None:
    view = sample_view(SMALL)
    first = renderer.draw(view)
    for width in range(64, 72):
        renderer.draw(sample_view((width, 64)))
    assert same(first, renderer.draw(view))


@pytest.mark.parametrize("size_wh", [(64, 64), (1640, 590), (333, 217)])
def test_any_size(renderer, size_wh) -> None:
    view = sample_view(size_wh)
    picture = renderer.draw(view)
    assert picture.image.shape == (size_wh[1], size_wh[0], 3)
    assert picture.segments.shape == picture.instances.shape == (size_wh[1], size_wh[0])
    shown = set(np.unique(picture.segments))
    assert {SEGMENT["sky"], SEGMENT["road"], SEGMENT["vehicle"]} <= shown


def test_the_outside_of_things_is_seen(renderer) -> None:
    """A car that drives ahead shows its red lamps, one that comes towards us does not."""
    redness = []
    for yaw in (0.0, np.pi):
        car = Body("car", (0.0, 0.0, 7.0), yaw, part_of=7, segment=SEGMENT["vehicle"], lamps=1.0)
        picture = renderer.draw(with_boxes(car))
        shown = picture.image[picture.instances == 7].astype(int)
        redness.append(((shown[:, 0] - shown[:, 1]) > 80).sum())
    assert redness[0] > 10
    assert redness[1] == 0


def test_order_of_bodies_does_not_matter(renderer) -> None:
    view = sample_view(SMALL)
    turned = replace(view, bodies=view.bodies[::-1])
    assert np.array_equal(renderer.draw(view).instances, renderer.draw(turned).instances)


@pytest.mark.parametrize(
    ("boxes", "numbers"),
    [
        ((box_at(0, 10),), {7}),
        ((box_at(0, 20, 8), box_at(0, 10, 7, size=4.5)), {7}),
        ((box_at(0, -5),), set()),
        ((box_at(60, 10),), set()),
        ((box_at(0, 20, y=-8.0),), set()),
    ],
    ids=["seen", "behind another", "behind us", "beside", "underground"],
)
def test_hidden_bodies_stay_hidden(renderer, boxes, numbers) -> None:
    instances = renderer.draw(with_boxes(*boxes)).instances
    assert set(np.unique(instances)) - {0, 901, 902} == numbers


def test_a_crest_hides_what_stands_behind_it(renderer) -> None:
    deep = box_at(0, 120, size=2.0)
    assert (renderer.draw(with_boxes(deep)).instances == 7).any()
    assert not (renderer.draw(with_boxes(deep, crest_m=6.0)).instances == 7).any()


def test_night_is_darker_and_lamps_shine(renderer) -> None:
    day, night = (renderer.draw(sample_view(SMALL, light=light)) for light in (DAY, NIGHT))
    assert night.image.mean() < 0.5 * day.image.mean()
    assert np.array_equal(day.segments, night.segments)
    view = sample_view(SMALL, light=NIGHT)
    dark = replace(view, bodies=tuple(replace(b, lamps=0.0) for b in view.bodies))
    assert night.image.mean() > renderer.draw(dark).image.mean()


def test_fog_takes_contrast_from_the_far(renderer) -> None:
    boxes = box_at(-2, 12, 7), box_at(2, 60, 8, 6.0)
    images = {}
    for fog_m in (2000.0, 40.0):
        light = replace(DAY, fog_m=fog_m)
        images[fog_m] = renderer.draw(with_boxes(*boxes, light=light))
    clear, foggy = images[2000.0], images[40.0]
    haze = np.array(DAY.haze)
    for number, share in ((7, 0.75), (8, 0.24)):
        there = clear.instances == number
        before = np.abs(clear.image[there].mean(axis=0) - haze).mean()
        after = np.abs(foggy.image[there].mean(axis=0) - haze).mean()
        assert after / before == pytest.approx(share, abs=0.06)


def test_wet_ground_mirrors_what_stands_on_it(renderer) -> None:
    red = ((220.0, 10.0, 10.0),) * 2
    car = Body("car", (0.0, 0.0, 12.0), tints=red, part_of=7, segment=SEGMENT["vehicle"])
    wet = renderer.draw(with_boxes(car, wet=200))
    dry = renderer.draw(with_boxes(car))
    assert np.array_equal(wet.instances, dry.instances)
    rows, columns = np.nonzero(wet.instances == 7)
    below = np.s_[rows.max() + 3 : rows.max() + 9, columns.min() + 5 : columns.max() - 5]
    redness = [p.image[below][..., 0].mean() - p.image[below][..., 1].mean() for p in (wet, dry)]
    assert redness[0] > redness[1] + 10


def test_draws_make_no_objects(renderer) -> None:
    context = renderer._context
    views = sample_view((64, 64)), sample_view((96, 64), light=NIGHT, wet=90)

    def next_names() -> tuple[int, ...]:
        with context:
            made = context.texture((1, 1), 4), context.buffer(reserve=4)
            names = tuple(thing.glo for thing in made)
            for thing in made:
                thing.release()
        return names

    for view in views:
        renderer.draw(view)
    before = next_names()
    for index in range(200):
        renderer.draw(views[index % 2])
    # Drivers that never use a name twice count one up for the names just asked for.
    assert all(now - then in (0, 1) for now, then in zip(next_names(), before, strict=True))


def test_faces_are_drawn_by_what_the_renderer_was_given(renderer) -> None:
    sign = Body("sign", (0.0, 1.4, 4.0), part_of=9, segment=SEGMENT["sign"], face="eu stop")
    view = replace(sample_view(SMALL), bodies=(sign,))
    other = GlRenderer(SAMPLE_MODELS, lambda key, side: 255 - face_image(key, side))
    own, negative = renderer.draw(view), other.draw(view)
    assert np.array_equal(own.instances, negative.instances)
    inside = cv2.erode((own.instances == 9).astype(np.uint8), np.ones((3, 3))) == 1
    around = cv2.dilate((own.instances == 9).astype(np.uint8), np.ones((3, 3))) == 1
    changed = (own.image != negative.image).any(axis=2)
    assert inside.sum() > 100
    assert changed[inside].mean() > 0.9
    assert not changed[~around].any()


def test_another_context_is_not_touched(renderer) -> None:
    """Names of one context mean other things in another: memory would be written beyond its end."""
    import moderngl

    view = sample_view(SMALL)
    before = renderer.draw(view)
    other = moderngl.create_context(standalone=True, backend="egl")
    large = [other.texture((500, 400), 4, bytes([9]) * 800_000) for _ in range(30)]
    assert same(renderer.draw(view), before)
    with other:
        # A set, since pytest would look for hours at how two such long texts differ.
        assert {colour for texture in large for colour in set(texture.read())} == {9}
    other.release()
    assert same(renderer.draw(view), before)
