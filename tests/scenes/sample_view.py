"""A view to try renderers on: a simple plate and a street of sample models."""

from dataclasses import replace

import cv2
import numpy as np

from drivegrid.scenes.alignment import DEPTHS_M, Alignment
from drivegrid.scenes.body import Body
from drivegrid.scenes.camera import Camera
from drivegrid.scenes.mesh import Mesh, Part, box, cylinder, ellipsoid, plate, prism
from drivegrid.scenes.meshes import Model
from drivegrid.scenes.segments import SEGMENT
from drivegrid.scenes.view import Light, Plate, View

DAY = Light((0.45, 0.75, -0.48), 0.62, 0.5, 0.06, (196.0, 208.0, 220.0), 700.0, False)
NIGHT = Light((0.3, 0.9, 0.3), 0.0, 0.06, 0.0, (14.0, 16.0, 24.0), 500.0, True)


def car() -> Mesh:
    """Return a plain car of about 400 triangles."""
    parts = [
        prism(
            [(-2.2, 0.28), (2.15, 0.28), (2.2, 0.7), (1.0, 0.95), (-2.2, 0.98)],
            [-0.85, -0.85, -0.88, -0.82, -0.84],
            [0.85, 0.85, 0.88, 0.82, 0.84],
            "paint",
        ),
        prism(
            [(-1.9, 0.95), (1.0, 0.93), (0.25, 1.42), (-1.3, 1.44)],
            [-0.8, -0.8, -0.62, -0.62],
            [0.8, 0.8, 0.62, 0.62],
            "paint",
        ),
        prism(
            [(-1.93, 1.0), (-1.8, 1.0), (-1.3, 1.4), (-1.36, 1.4)],
            [-0.7, -0.7, -0.57, -0.57],
            [0.7, 0.7, 0.57, 0.57],
            "glass",
            detail=True,
        ),
        prism(
            [(-1.5, 0.98), (0.8, 0.98), (0.2, 1.36), (-1.2, 1.36)],
            [-0.815, -0.815, -0.655, -0.655],
            [0.815, 0.815, 0.655, 0.655],
            "glass",
            detail=True,
        ),
    ]
    for x in (-0.72, 0.72):
        for z in (-1.4, 1.4):
            ends = (x - 0.12, 0.32, z), (x + 0.12, 0.32, z)
            parts.append(cylinder(*ends, (0.32, 0.32), ("tyre", "rim"), sides=20))
        low = (x - 0.14, 0.66, -2.22)
        parts.append(box(low, (x + 0.14, 0.86, -2.1), "rear lamp", detail=True))
        low = (x - 0.14, 0.55, 2.1)
        parts.append(box(low, (x + 0.14, 0.7, 2.22), "front lamp", detail=True))
    parts.append(box((-0.26, 0.45, -2.22), (0.26, 0.56, -2.1), "plate", detail=True))
    return Mesh("sample car", tuple(parts))


def tree() -> Mesh:
    """Return a tree of about 900 triangles."""
    crown: list[Part] = [cylinder((0, 0, 0), (0, 2.4, 0), (0.2, 0.14), "bark")]
    rng = np.random.default_rng(5)
    for _ in range(9):
        x, y, z = rng.uniform((-1.4, 2.6, -1.4), (1.4, 5.2, 1.4))
        r = rng.uniform(0.9, 1.5)
        crown.append(ellipsoid((x, y, z), (r, 0.8 * r, r), "foliage"))
    outlines = (Part(p.vertices, p.faces, p.materials, p.smooth) for p in crown)
    return Mesh("sample tree", tuple(outlines))


def _model(mesh: Mesh, segment: str) -> Model:
    return Model(mesh, segment)


SAMPLE_MODELS: dict[str, Model] = {
    "car": _model(car(), "vehicle"),
    "tree": _model(tree(), "vegetation"),
    "house": _model(
        Mesh("house", (box((-6, 0, -7), (6, 9, 7), ("facade",) * 4 + ("roof tiles", "concrete")),)),
        "building",
    ),
    "lamp post": _model(
        Mesh("post", (cylinder((0, 0, 0), (0, 7, 0), (0.09, 0.06), "steel", sides=8),)), "pole"
    ),
    "sign": _model(Mesh("sign", (plate([(-1, -1), (1, -1), (1, 1), (-1, 1)], "face"),)), "sign"),
    "person": _model(
        Mesh(
            "person",
            (
                box((-0.18, 0, -0.1), (0.18, 0.85, 0.1), "trousers"),
                ellipsoid((0, 1.12, 0), (0.24, 0.36, 0.16), "cloth"),
                ellipsoid((0, 1.6, 0), (0.1, 0.13, 0.11), "skin"),
            ),
        ),
        "person",
    ),
    "crate": _model(Mesh("crate", (box((-0.4, 0, -0.4), (0.4, 0.7, 0.4), "wood"),)), "obstacle"),
}
"""Stand-ins of the catalogue's models: ellipsoids count as details, as in the catalogue."""


def alignment(curve: float = 0.0, crest_m: float = 0.0) -> Alignment:
    """Return a course of curvature ``curve`` per metre that rises over a crest at 60 m."""
    height = crest_m * np.exp(-(((DEPTHS_M - 60) / 25) ** 2))
    return Alignment(curve / 2 * DEPTHS_M**2, height - height[0])


def _strip(course: Alignment, camera: Camera, left: float, right: float, z: tuple) -> np.ndarray:
    depth = np.geomspace(z[0], z[1], 120)
    skyline = np.interp(depth, DEPTHS_M, np.minimum(course.skyline(camera.height_m), 1e3))
    points = course.points(0.0, depth)
    seen = (camera.height_m - points[:, 1]) / depth <= skyline + 1e-6
    depth = depth[seen]
    sides = [course.points(left, depth), course.points(right, depth)[::-1]]
    return np.round(camera.project(np.concatenate(sides)) * 16 - 8).astype(np.int32)


def sample_plate(camera: Camera, course: Alignment, light: Light, wet: int = 0) -> Plate:
    """Paint sky, verge, asphalt and two lane lines (instances 901 and 902)."""
    width, height = camera.size_wh
    t_least, _, table = course.ground_table(camera.height_m)
    tangents = camera.slopes()[1]
    ground = tangents > t_least
    up = np.clip(-tangents * 1.6, 0, 1)[..., None]
    zenith = np.array((10.0, 12, 26) if light.night else (88.0, 132, 196))
    sky = np.array(light.haze) * (1 - up) + zenith * up
    albedo = np.where(ground[..., None], np.array((96.0, 112, 62)), sky).astype(np.uint8)
    segments = np.where(ground, SEGMENT["terrain"], SEGMENT["sky"]).astype(np.uint8)
    instances = np.zeros((height, width), np.uint16)
    paint = np.zeros((height, width, 4), np.uint8)
    road = _strip(course, camera, -5.5, 5.5, (1.0, 315.0))
    cv2.fillPoly(albedo, [road], (104, 104, 106), cv2.LINE_AA, 4)
    cv2.fillPoly(segments, [road], SEGMENT["road"], cv2.LINE_8, 4)
    dashes = [_strip(course, camera, -0.08, 0.08, (z, z + 4)) for z in np.arange(2, 150, 12.0)]
    dashes = [dash for dash in dashes if len(dash)]
    for number, lines in (
        (901, dashes),
        (902, [_strip(course, camera, 5.0, 5.15, (1.0, 200.0))]),
    ):
        cv2.fillPoly(paint, lines, (226, 226, 220, 255), cv2.LINE_AA, 4)
        cv2.fillPoly(segments, lines, SEGMENT["marking"], cv2.LINE_8, 4)
        cv2.fillPoly(instances, lines, number, cv2.LINE_8, 4)
    rough = np.where(segments == SEGMENT["terrain"], 255, 128).astype(np.uint8)
    glow = np.zeros_like(albedo)
    if light.night:
        depth = 1 / np.maximum(
            np.interp(tangents, np.linspace(t_least, 1.6, len(table)), table), 1e-4
        )
        beam = np.exp(-((camera.slopes()[0] / 0.35) ** 2)) / (1 + (depth / 22) ** 2)
        glow[:] = np.uint8(beam * 110)[..., None]
    return Plate(
        albedo=albedo,
        paint=paint,
        shade=np.full((height, width), 255, np.uint8),
        glow=glow,
        rough=rough,
        wet=np.where(ground, wet, 0).astype(np.uint8),
        segments=segments,
        instances=instances,
    )


def _street(course: Alignment, rng: np.random.Generator) -> list[Body]:
    bodies = []

    def add(mesh: str, offset: float, depth: float, part_of: int = 0, **rest: object) -> None:
        up = float(rest.pop("up_m", 0.0))
        x, y, z = course.point(offset, depth, up)
        yaw = rest.pop("yaw_rad", 0.0) + course.yaw(depth)
        segment = SEGMENT[SAMPLE_MODELS[mesh].segment]
        grade = course.grade(depth)
        bodies.append(
            Body(mesh, (x, y, z), yaw, grade=grade, part_of=part_of, segment=segment, **rest)
        )

    for i in range(10):
        wall = tuple(rng.uniform(90, 190, 3))
        scale = (1.0, rng.uniform(0.7, 1.5), 1.0)
        side = -1 if i % 2 else 1
        tints = (wall, (120.0, 70.0, 55.0))
        add("house", side * 19, 20 + 9 * i, yaw_rad=side * np.pi / 2, scale=scale, tints=tints)
    for i in range(16):
        leaf = (rng.uniform(50, 85), rng.uniform(75, 110), rng.uniform(35, 55))
        scale = (rng.uniform(0.8, 1.3),) * 3
        add("tree", (-1) ** i * rng.uniform(7.5, 11), 14 + 7 * i, scale=scale, tints=(leaf, leaf))
        if i % 2:
            add("lamp post", 6.6, 10 + 8 * i)
    for i in range(12):
        offset, away = ((2.5, 0.0), (-2.5, np.pi))[i % 2]
        color = tuple(rng.uniform(20, 220, 3))
        add("car", offset, 9 + 8 * i, i + 1, yaw_rad=away, tints=(color, color), lamps=0.8)
    for i in range(8):
        coat = tuple(rng.uniform(20, 200, 3))
        trousers = (50.0, 52.0, 70.0)
        add("person", (-1) ** i * 6.4, 12 + 6 * i, 20 + i, tints=(coat, trousers))
        add("sign", 6.6, 18 + 14 * i, 40 + i, up_m=2.6, scale=(0.35, 0.35, 1.0))
    add("crate", 1.2, 26.0, 60)
    return bodies


def sample_view(
    size_wh: tuple[int, int] = (448, 448),
    *,
    curve: float = 0.0,
    crest_m: float = 0.0,
    light: Light = DAY,
    wet: int = 0,
) -> View:
    """Return a street of 63 bodies and about 20 thousand triangles."""
    width, height = size_wh
    camera = Camera(size_wh, (0.95 * width, 0.95 * width), (width / 2, 0.47 * height), 1.45, 0.01)
    course = alignment(curve, crest_m)
    bodies = _street(course, np.random.default_rng(3))
    bodies.sort(key=lambda body: -body.position_m[2])
    return View(
        camera, course, light, sample_plate(camera, course, light, wet), tuple(bodies), 0.37, 0.4
    )


def without_bodies(view: View) -> View:
    """Return the bare ground and sky."""
    return replace(view, bodies=())
