"""How vehicles look: a side profile drawn out across the width, with lamps, windows and wheels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivegrid.geometry import FloatArray
from drivegrid.scenes.camera import Camera
from drivegrid.scenes.canvas import Canvas, Color
from drivegrid.scenes.road import Road

# Side profiles as (share of length from the rear, share of height, material of the edge that
# starts here); listed from the rear bottom over the roof to the front bottom.
_SEDAN = (
    (0.00, 0.22, "body"), (0.0, 0.62, "body"), (0.03, 0.70, "body"), (0.14, 0.72, "glass"),
    (0.28, 0.99, "roof"), (0.55, 1.0, "glass"), (0.73, 0.70, "body"), (0.97, 0.56, "body"),
    (1.0, 0.45, "body"), (1.0, 0.2, "under"),
)
_SUV = (
    (0.0, 0.2, "body"), (0.0, 0.58, "glass"), (0.06, 0.95, "roof"), (0.10, 1.0, "roof"),
    (0.58, 1.0, "glass"), (0.73, 0.64, "body"), (0.97, 0.55, "body"), (1.0, 0.45, "body"),
    (1.0, 0.2, "under"),
)
_VAN = (
    (0.0, 0.16, "body"), (0.0, 0.55, "glass"), (0.02, 0.9, "body"), (0.04, 1.0, "roof"),
    (0.75, 1.0, "glass"), (0.9, 0.6, "body"), (1.0, 0.48, "body"), (1.0, 0.15, "under"),
)
_PICKUP = (
    (0.0, 0.28, "body"), (0.0, 0.6, "bed"), (0.38, 0.6, "glass"), (0.42, 0.98, "roof"),
    (0.6, 1.0, "glass"), (0.73, 0.64, "body"), (0.98, 0.58, "body"), (1.0, 0.25, "under"),
)
_BOX_TRUCK = (
    (0.0, 0.14, "dark"), (0.0, 0.3, "load"), (0.0, 1.0, "load"), (0.76, 1.0, "load"),
    (0.76, 0.82, "roof"), (0.9, 0.8, "glass"), (0.96, 0.5, "body"), (1.0, 0.45, "body"),
    (1.0, 0.12, "under"),
)
_BUS = (
    (0.0, 0.12, "body"), (0.0, 0.55, "glass"), (0.0, 0.88, "body"), (0.01, 1.0, "roof"),
    (0.99, 1.0, "body"), (1.0, 0.88, "glass"), (1.0, 0.42, "body"), (1.0, 0.12, "under"),
)
_MOTORCYCLE = (
    (0.0, 0.15, "dark"), (0.05, 0.45, "body"), (0.25, 0.55, "dark"), (0.3, 0.95, "dark"),
    (0.45, 1.0, "dark"), (0.6, 0.65, "body"), (0.9, 0.6, "dark"), (1.0, 0.15, "under"),
)
SHAPES = {
    "sedan": ("car", _SEDAN, (4.7, 1.82, 1.45)),
    "suv": ("car", _SUV, (4.6, 1.88, 1.72)),
    "hatchback": ("car", _SUV, (4.1, 1.76, 1.5)),
    "pickup": ("car", _PICKUP, (5.5, 1.98, 1.85)),
    "van": ("van", _VAN, (5.2, 2.0, 2.1)),
    "truck": ("truck", _BOX_TRUCK, (8.5, 2.4, 3.3)),
    "semi": ("truck", _BOX_TRUCK, (16.0, 2.5, 3.95)),
    "bus": ("bus", _BUS, (11.5, 2.5, 3.1)),
    "motorcycle": ("motorcycle", _MOTORCYCLE, (2.1, 0.75, 1.65)),
}
"""Body shape -> (taxonomy leaf, side profile, length x width x height in metres)."""


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle standing or driving on the road.

    Args:
        shape: Key of SHAPES.
        depth_m: Distance of its nearest end.
        offset_m: Lateral offset of its middle from the ego lane's centre.
        direction: +1 same as ours (its rear is seen), -1 oncoming.
        size_m: Length, width, height.
        color: Body colour.
        lights: Share of lamp brightness in [0, 1]; brake lights by day, all lamps at night.
    """

    shape: str
    depth_m: float
    offset_m: float
    direction: int
    size_m: tuple[float, float, float]
    color: Color
    lights: float

    @property
    def label(self) -> str:
        """The taxonomy path."""
        return f"object/vehicle/{SHAPES[self.shape][0]}"


@dataclass(frozen=True, slots=True)
class Light:
    """Where daylight comes from and how strong it is.

    Args:
        sun_side: Brightness gain of right-facing walls in [-1, 1]; left-facing ones get minus it.
        ambient: Overall level in (0, 1].
        haze: Colour of the far air.
        fog_m: Distance over which contrast falls to 1/e.
        hard_shadows: Strength of cast shadows in [0, 1].
    """

    sun_side: float
    ambient: float
    haze: Color
    fog_m: float
    hard_shadows: float


class Body:
    """A vehicle's frame of reference: across (m), up (m), along (m from the near end)."""

    def __init__(self, vehicle: Vehicle, camera: Camera, road: Road) -> None:
        self._camera = camera
        z = vehicle.depth_m
        self._origin = road.points(vehicle.offset_m, np.array([z]))[0]
        angle = np.arctan(road.turn(z))
        self._cos, self._sin = float(np.cos(angle)), float(np.sin(angle))
        self._rise = road.crest * z
        away = -self._origin
        self.eye_across = away[0] * self._cos - away[2] * self._sin
        self.eye_along = away[0] * self._sin + away[2] * self._cos
        self.eye_up = camera.height_m - float(self._origin[1])

    def project(self, local: FloatArray) -> FloatArray:
        """Map (N, 3) across, up, along in metres to (N, 2) reference pixels."""
        across, up, along = local.T
        world = np.stack(
            [
                self._origin[0] + across * self._cos + along * self._sin,
                self._origin[1] + up + along * self._rise,
                self._origin[2] - across * self._sin + along * self._cos,
            ],
            axis=1,
        )
        return self._camera.project(world)


def draw_vehicle(canvas: Canvas, camera: Camera, road: Road, vehicle: Vehicle, light: Light) -> list[FloatArray]:
    """Draw one vehicle and return its silhouette polygons in reference pixels."""
    body = Body(vehicle, camera, road)
    length, width, height = vehicle.size_m
    _draw_shadow(canvas, body, vehicle, light)
    profile = SHAPES[vehicle.shape][1]
    rows = profile if vehicle.direction > 0 else _mirrored(profile)
    outline = np.array([[share * length, up * height] for share, up, _ in rows])
    half = width / 2 * _taper(vehicle.shape, np.array([up for _, up, _ in rows]))
    silhouettes = []
    fade = float(np.exp(-vehicle.depth_m / light.fog_m))

    def tint(color: Color, gain: float) -> Color:
        mixed = np.array(color) * gain * light.ambient * fade + np.array(light.haze) * (1 - fade)
        red, green, blue = np.clip(mixed, 0, 255).tolist()
        return (red, green, blue)

    tires = _draw_tires(canvas, body, vehicle, tint)
    for index in reversed(range(len(rows) - 1)):
        (l1, y1), (l2, y2) = outline[index], outline[index + 1]
        normal = np.array([-(y2 - y1), l2 - l1])  # points away from the inside
        facing = (body.eye_along - l1) * normal[0] + (body.eye_up - y1) * normal[1]
        if facing <= 0:
            continue
        a, b = half[index], half[index + 1]
        face = body.project(np.array([[-a, y1, l1], [a, y1, l1], [b, y2, l2], [-b, y2, l2]]))
        steep = abs(y2 - y1) / (np.hypot(y2 - y1, l2 - l1) + 1e-6)
        canvas.poly(face, tint(_material(rows[index][2], vehicle), 1.15 - 0.4 * steep))
        silhouettes.append(face)
    side = np.sign(body.eye_across) if abs(body.eye_across) > width / 2 else 0.0
    if side:
        silhouettes.append(_draw_side(canvas, body, vehicle, (outline, half * side), tint, light))
    _draw_end(canvas, body, vehicle, tint)
    return silhouettes + tires


def _mirrored(
    profile: tuple[tuple[float, float, str], ...]
) -> tuple[tuple[float, float, str], ...]:
    """The same outline run from the front to the rear."""
    points = [(1 - share, up) for share, up, _ in reversed(profile)]
    materials = [material for _, _, material in reversed(profile[:-1])] + ["under"]
    return tuple((p[0], p[1], m) for p, m in zip(points, materials, strict=True))


def _taper(shape: str, ups: FloatArray) -> FloatArray:
    """Share of the half width at (N,) shares of the height: cabins lean inwards."""
    if shape in ("truck", "semi", "bus"):
        return np.ones_like(ups)
    lean = 0.1 if shape == "van" else 0.24
    return np.asarray(1 - lean * np.clip((ups - 0.6) / 0.4, 0, 1) - 0.04 * (ups < 0.35))


def _material(name: str, vehicle: Vehicle) -> Color:
    red, green, blue = vehicle.color
    return {
        "body": vehicle.color,
        "roof": (red * 1.1 + 8, green * 1.1 + 8, blue * 1.1 + 10),
        "glass": (38, 44, 50),
        "bed": (45, 45, 46),
        "load": (red * 0.4 + 120, green * 0.4 + 120, blue * 0.4 + 118),
        "dark": (32, 32, 34),
        "under": (15, 15, 15),
    }[name]


def _draw_shadow(canvas: Canvas, body: Body, vehicle: Vehicle, light: Light) -> None:
    """The dark patch under the car, and with sun a cast one to the side."""
    length, width, height = vehicle.size_m
    half = width / 2
    flat = np.array(
        [[-half, 0, -0.15], [half, 0, -0.15], [half, 0, length], [-half, 0, length]], dtype=float
    )
    corners = body.project(flat)
    blur = 0.12 * float(abs(corners[1, 0] - corners[0, 0])) / width
    if light.hard_shadows > 0.05:
        throw = -light.sun_side * height * 1.2
        cast = flat.copy()
        cast[:, 0] += np.array([0.0, 0.0, throw, throw]) * 0.5
        cast[0 if throw < 0 else 1, 0] += throw
        canvas.shade(body.project(cast), 0.75 * light.hard_shadows, min(blur, 12))
    canvas.shade(corners, 0.8, min(blur, 20))


def _draw_tires(canvas: Canvas, body: Body, vehicle: Vehicle, tint) -> list[FloatArray]:  # type: ignore[no-untyped-def]
    """The near tyres as seen from the end, below the body."""
    length, width, height = vehicle.size_m
    radius = 0.2 * height if vehicle.shape not in ("truck", "semi", "bus") else 0.15 * height
    boxes = []
    for side in (-1, 1):
        outer, inner = side * width * 0.47, side * width * 0.34
        box = np.array([[outer, 0, 0.1], [inner, 0, 0.1], [inner, 2 * radius, 0.1], [outer, 2 * radius, 0.1]])
        ring = body.project(box)
        canvas.poly(ring, tint((22, 22, 23), 1.0))
        boxes.append(ring)
    return boxes


def _draw_side(canvas, body, vehicle, hull, tint, light) -> FloatArray:  # type: ignore[no-untyped-def]
    """The visible flank: body, windows, wheels."""
    outline, half = hull
    length, width, height = vehicle.size_m
    side = np.sign(half[0])
    gain = 0.82 - 0.25 * light.sun_side * side
    flank = body.project(np.column_stack([half, outline[:, 1], outline[:, 0]]))
    material = "load" if vehicle.shape in ("truck", "semi") else "body"
    canvas.poly(flank, tint(_material(material, vehicle), gain))
    along = 1.0 if vehicle.direction > 0 else -1.0

    def spot(share: float) -> float:
        return float(share if along > 0 else 1 - share) * length

    windows = {
        "bus": ((0.03, 0.97, 0.5, 0.86),), "van": ((0.62, 0.84, 0.58, 0.88),), "truck": (), "semi": (),
        "motorcycle": (), "pickup": ((0.43, 0.66, 0.66, 0.93),),
        "sedan": ((0.2, 0.67, 0.72, 0.94),),
    }.get(vehicle.shape, ((0.06, 0.69, 0.63, 0.93),))
    for low, high, y1, y2 in windows:
        inset = 0.05 if vehicle.shape == "bus" else 0.75 * (y2 - y1) * height
        corners = [(spot(low), y1), (spot(high), y1), (spot(high - inset / length * 0.8), y2),
                   (spot(low + inset / length * 0.5), y2)]
        x = [side * width / 2 * float(_taper(vehicle.shape, np.array([y]))[0]) for _, y in corners]
        pane = np.array([[x[i], y * height, l] for i, (l, y) in enumerate(corners)])
        canvas.poly(body.project(pane), tint((40, 46, 52), 0.9))
    radius = (0.22 if vehicle.shape not in ("truck", "semi", "bus") else 0.15) * height
    angle = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    for share in (0.18, 0.8):
        hub = np.stack([np.full(16, side * width / 2), radius + radius * np.sin(angle),
                        spot(share) + radius * np.cos(angle)], axis=1)
        canvas.poly(body.project(hub), tint((20, 20, 21), 1.0))
        inner = np.stack([hub[:, 0], radius + 0.6 * radius * np.sin(angle),
                          spot(share) + 0.6 * radius * np.cos(angle)], axis=1)
        canvas.poly(body.project(inner), tint((110, 110, 112), 0.8))
    return flank


def _draw_end(canvas: Canvas, body: Body, vehicle: Vehicle, tint) -> None:  # type: ignore[no-untyped-def]
    """Lamps, number plate and bumper shadow of the end that faces us."""
    length, width, height = vehicle.size_m
    if vehicle.shape == "motorcycle":
        return
    rear = vehicle.direction > 0
    big = vehicle.shape in ("truck", "semi", "bus")
    up = 0.24 if big else (0.5 if rear else 0.47)
    tall = 0.05 if big else 0.12

    def panel(x1: float, x2: float, y1: float, y2: float, color: Color) -> None:
        local = np.array([[x1, y1, 0], [x2, y1, 0], [x2, y2, 0], [x1, y2, 0]], dtype=float)
        local[:, :2] *= (width / 2, height)
        canvas.poly(body.project(local), color)

    glow = vehicle.lights
    if rear:
        lamp = tint((130 + 110 * glow, 18 + 30 * glow, 20 + 20 * glow), 1.0 + 0.3 * glow)
    else:
        lamp = tint((205, 205, 200), 1.0)
    if glow > 0.5:
        lamp = (255, 70, 50) if rear else (255, 250, 235)
    for side in (-1.0, 1.0):
        panel(side * 0.94, side * 0.66, up, up + tall, lamp)
    panel(-0.27, 0.27, up - 0.10, up + 0.02, tint((205, 205, 198), 0.9))
    panel(-0.92, 0.92, 0.2 if not big else 0.1, 0.28 if not big else 0.14, tint((30, 30, 30), 1.0))
