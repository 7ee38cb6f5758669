"""Draw a vehicle: its side profile drawn out across the width, with lamps, windows and wheels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivegrid.geometry import FloatArray
from drivegrid.scenes.camera import Camera
from drivegrid.scenes.canvas import Canvas, Color
from drivegrid.scenes.road import Road
from drivegrid.scenes.vehicles import HEAVY, SHAPES, WINDOWS, Profile, Vehicle
from drivegrid.scenes.weather import Light

Face = tuple[FloatArray, Color]
"""(N, 3) across, up, along in metres, and its final colour."""

_DETAIL_M = 45.0
"""Beyond this distance a vehicle is a few boxes: its parts are a pixel or two."""

_CIRCLE = np.linspace(0, 2 * np.pi, 14, endpoint=False)


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
        self.eye_across = float(away[0] * self._cos - away[2] * self._sin)
        self.eye_along = float(away[0] * self._sin + away[2] * self._cos)
        self.eye_up = camera.height_m - float(self._origin[1])

    def project(self, local: FloatArray) -> FloatArray:
        """Map (N, 3) across, up, along in metres to (N, 2) reference pixels."""
        across, up, along = local.T
        world = np.empty_like(local)
        world[:, 0] = self._origin[0] + across * self._cos + along * self._sin
        world[:, 1] = self._origin[1] + up + along * self._rise
        world[:, 2] = self._origin[2] - across * self._sin + along * self._cos
        return self._camera.project(world)


@dataclass(frozen=True, slots=True)
class Tint:
    """Daylight and air between a surface and the camera."""

    light: Light
    clear: float

    def __call__(self, color: Color, gain: float) -> Color:
        """Return the colour seen; ``gain`` is the surface's share of daylight."""
        keep = gain * self.light.ambient * self.clear
        red, green, blue = (
            min(max(c * keep + h * (1 - self.clear), 0.0), 255.0)
            for c, h in zip(color, self.light.haze, strict=True)
        )
        return (red, green, blue)


def draw_vehicle(
    canvas: Canvas, camera: Camera, road: Road, vehicle: Vehicle, light: Light
) -> list[FloatArray]:
    """Draw one vehicle and return its silhouette polygons in reference pixels.

    The list is empty, and nothing is drawn, if the vehicle is out of the picture.
    """
    body = Body(vehicle, camera, road)
    if vehicle.shape == "motorcycle":
        return _draw_motorcycle(canvas, body, vehicle, light)
    if vehicle.depth_m > _DETAIL_M:
        return _draw_far(canvas, body, vehicle, light)
    tint = Tint(light, float(np.exp(-vehicle.depth_m / light.fog_m)))
    profile = SHAPES[vehicle.shape][1]
    rows = profile if vehicle.direction > 0 else _mirrored(profile)
    length, width, height = vehicle.size_m
    shares = np.array([[along, up] for along, up, _ in rows])
    half = width / 2 * _taper(vehicle.shape, shares)
    hull = np.column_stack([half, shares[:, 1] * height, shares[:, 0] * length])
    outline = _tires(vehicle, tint) + _shell(body, vehicle, hull, [row[2] for row in rows], tint)
    details: list[Face] = []
    if abs(body.eye_across) > width / 2:
        side = float(np.sign(body.eye_across))
        material = "load" if vehicle.shape in ("truck", "semi") else "body"
        gain = 0.82 - 0.25 * light.sun_side * side
        outline.append((hull * (side, 1, 1), tint(_material(material, vehicle), gain)))
        details += _flank(vehicle, side, tint, gain)
    details += _end(vehicle, tint)
    faces = outline + details
    points = body.project(np.concatenate([face for face, _ in faces]))
    rings = np.split(points, np.cumsum([len(face) for face, _ in faces])[:-1])
    if not canvas.sees(points):
        return []
    _draw_shadow(canvas, body, vehicle, light)
    canvas.polys(rings, [color for _, color in faces])
    if light.night and details:
        _halo(canvas, rings[-2:], vehicle)
    return rings[: len(outline)]


def _draw_motorcycle(
    canvas: Canvas, body: Body, vehicle: Vehicle, light: Light
) -> list[FloatArray]:
    """A rider on a narrow machine, flat, as seen from its end."""
    tint = Tint(light, float(np.exp(-vehicle.depth_m / light.fog_m)))
    _, width, height = vehicle.size_m
    lamp = (200.0, 30.0, 25.0) if vehicle.direction > 0 else (235.0, 235.0, 225.0)
    dark = (30.0, 30.0, 33.0)
    shapes: list[tuple[list[tuple[float, float]], Color]] = [
        ([(-0.09, 0.0), (0.09, 0.0), (0.09, 0.42), (-0.09, 0.42)], dark),
        ([(-0.3, 0.2), (0.3, 0.2), (0.26, 0.5), (-0.26, 0.5)], vehicle.color),
        ([(-0.5, 0.53), (0.5, 0.53), (0.42, 0.6), (-0.42, 0.6)], dark),
        ([(-0.4, 0.3), (-0.2, 0.3), (-0.1, 0.55), (-0.36, 0.55)], (45, 48, 60)),
        ([(0.4, 0.3), (0.2, 0.3), (0.1, 0.55), (0.36, 0.55)], (45, 48, 60)),
        ([(-0.3, 0.5), (0.3, 0.5), (0.4, 0.8), (0.2, 0.86), (-0.2, 0.86), (-0.4, 0.8)], dark),
        ([(0.2 * np.cos(a), 0.91 + 0.09 * np.sin(a)) for a in _CIRCLE], vehicle.color),
        ([(-0.1, 0.42), (0.1, 0.42), (0.1, 0.48), (-0.1, 0.48)], lamp),
    ]
    rings = []
    for shape, _ in shapes:
        flat = np.array(shape) * (width, height)
        rings.append(body.project(np.column_stack([flat, np.zeros(len(flat))])))
    if not canvas.sees(np.concatenate(rings)):
        return []
    _draw_shadow(canvas, body, vehicle, light)
    canvas.polys(rings, [tint(color, 0.95) for _, color in shapes])
    if light.night:
        _halo(canvas, rings[-1:], vehicle)
    return rings[:-1]


def _draw_far(canvas: Canvas, body: Body, vehicle: Vehicle, light: Light) -> list[FloatArray]:
    """Shadow, flank, body, window and lamps of a distant vehicle."""
    tint = Tint(light, float(np.exp(-vehicle.depth_m / light.fog_m)))
    length, width, height = vehicle.size_m
    x, top = width / 2, height * (1.0 if vehicle.shape in HEAVY else 0.65)
    cabin = x * (0.98 if vehicle.shape in HEAVY else 0.8)
    side = x if body.eye_across > 0 else -x
    solid = "load" if vehicle.shape in ("truck", "semi") else "body"
    rear = tint((150, 25, 25), 1.0) if vehicle.direction > 0 else tint((215, 215, 210), 1.0)
    if light.night or vehicle.lights > 0.3:
        rear = (255, 70, 50) if vehicle.direction > 0 else (255, 250, 235)
    deep = 0.7 * length
    corners = [
        (-x, x, 0.0, 0.25 * height, tint((14, 14, 15), 1.0)),
        (-x, x, 0.15 * height, top, tint(_material(solid, vehicle), 0.85)),
        (-cabin, cabin, top, height, tint(_material("glass", vehicle), 1.0)),
        (-cabin, cabin, 0.93 * height, height, tint(_material("roof", vehicle), 1.0)),
        (-0.95 * x, -0.6 * x, 0.42 * top, 0.6 * top, rear),
        (0.6 * x, 0.95 * x, 0.42 * top, 0.6 * top, rear),
    ]
    local = [(side, 0.15 * height, 0.0), (side, top, 0.0), (side, top, length)]
    local += [(side, 0.15 * height, length)]
    local += [(side, top, 0.1 * length), (side * 0.8, height, 0.2 * length)]
    local += [(side * 0.8, height, deep), (side, top, deep)]
    for x1, x2, low, high, _ in corners:
        local += [(x1, low, 0.0), (x2, low, 0.0), (x2, high, 0.0), (x1, high, 0.0)]
    points = body.project(np.array(local))
    if not canvas.sees(points):
        return []
    rings = np.split(points, len(points) // 4)
    flank = tint(_material(solid, vehicle), 0.8 - 0.2 * light.sun_side * np.sign(side))
    colors = [flank, tint((50, 55, 60), 0.9), *(color for *_, color in corners)]
    canvas.polys(rings, colors)
    return rings[:6]


def _halo(canvas: Canvas, lamps: list[FloatArray], vehicle: Vehicle) -> None:
    """Glare around both lamps at night."""
    color: Color = (255, 60, 40) if vehicle.direction > 0 else (255, 248, 225)
    reach = (0.6, 1.2) if vehicle.direction > 0 else (1.0, 2.4, 5.0)
    ring = np.stack([np.cos(_CIRCLE), np.sin(_CIRCLE)], axis=1)
    for lamp in lamps:
        middle, wide = lamp.mean(axis=0), np.ptp(lamp[:, 0]) + 3
        for scale in reach:
            canvas.poly(middle + ring * scale * wide, color, 0.3 / scale)


def _mirrored(profile: Profile) -> Profile:
    """The same outline run from the front to the rear."""
    points = [(1 - share, up) for share, up, _ in reversed(profile)]
    materials = [material for _, _, material in reversed(profile[:-1])] + ["under"]
    return tuple((p[0], p[1], m) for p, m in zip(points, materials, strict=True))


def _taper(shape: str, shares: FloatArray) -> FloatArray:
    """Share of the half width at (N, 2) shares of length and height: cabins lean inwards."""
    along, up = shares.T
    if shape in HEAVY:
        return np.ones_like(up)
    lean = 0.1 if shape == "van" else 0.22
    ends = 0.06 * np.clip(1 - np.minimum(along, 1 - along) / 0.08, 0, 1)
    return np.asarray(1 - lean * np.clip((up - 0.6) / 0.4, 0, 1) - 0.04 * (up < 0.35) - ends)


def _material(name: str, vehicle: Vehicle) -> Color:
    red, green, blue = vehicle.color
    return {
        "body": vehicle.color,
        "roof": (red * 1.1 + 8, green * 1.1 + 8, blue * 1.1 + 10),
        "glass": (46, 52, 58),
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
        [[-half, 0, -0.1], [half, 0, -0.1], [half, 0, length], [-half, 0, length]], dtype=float
    )
    corners = body.project(flat)
    blur = 0.08 * float(abs(corners[1, 0] - corners[0, 0])) / width
    if light.hard_shadows > 0.05:
        throw = -light.sun_side * height * 1.2
        cast = flat + np.array([throw / 2, 0, 0])
        cast[0 if throw < 0 else 1, 0] += throw / 2
        canvas.shade(body.project(cast), 0.7 * light.hard_shadows, min(blur, 8))
    canvas.shade(corners, 0.85, min(blur, 12))


def _tires(vehicle: Vehicle, tint: Tint) -> list[Face]:
    """The near tyres as seen from the end, below the body."""
    _, width, height = vehicle.size_m
    top = (0.3 if vehicle.shape in HEAVY else 0.4) * height
    color = tint((22, 22, 23), 1.0)
    faces: list[Face] = []
    for side in (-1, 1):
        a, b = side * width * 0.46, side * width * 0.34
        faces.append((np.array([[a, 0, 0.2], [b, 0, 0.2], [b, top, 0.2], [a, top, 0.2]]), color))
    return faces


def _shell(
    body: Body, vehicle: Vehicle, hull: FloatArray, materials: list[str], tint: Tint
) -> list[Face]:
    """The faces across the width that look at the camera, from far to near."""
    faces: list[Face] = []
    for index in reversed(range(len(hull) - 1)):
        (a, y1, l1), (b, y2, l2) = hull[index], hull[index + 1]
        if (body.eye_up - y1) * (l2 - l1) - (body.eye_along - l1) * (y2 - y1) <= 0:
            continue
        steep = abs(y2 - y1) / (abs(y2 - y1) + abs(l2 - l1) + 1e-6)
        gain = 1.15 - 0.35 * steep
        ring = np.array([[-a, y1, l1], [a, y1, l1], [b, y2, l2], [-b, y2, l2]])
        material = materials[index]
        faces.append((ring, tint(_material(material, vehicle), gain)))
        if material == "glass":  # pillars, then sky in the pane
            inner = ring * (0.9, 1, 1)
            frame = _material("body", vehicle)
            faces[-1] = (ring, tint(frame, 0.8 * gain))
            faces.append((inner, tint(_material("glass", vehicle), gain)))
            upper = inner.copy()
            upper[:2] = inner[:2] * 0.35 + inner[[3, 2]] * 0.65
            faces.append((upper, tint((78, 86, 94), gain)))
    return faces


def _flank(vehicle: Vehicle, side: float, tint: Tint, gain: float) -> list[Face]:
    """Windows, sill and wheels of the visible side."""
    length, width, height = vehicle.size_m
    flip = vehicle.direction < 0
    heavy = vehicle.shape in HEAVY
    faces: list[Face] = []
    for rear, front, low, high in WINDOWS[vehicle.shape]:
        slant = 0.0 if heavy else 0.35 * (high - low) * height / length
        shares = np.array([[rear, low], [front, low], [front - slant, high], [rear + slant, high]])
        x = side * width / 2 * _taper(vehicle.shape, shares)
        along = 1 - shares[:, 0] if flip else shares[:, 0]
        pane = np.column_stack([x, shares[:, 1] * height, along * length])
        faces.append((pane, tint((44, 50, 56), gain)))
    radius = (0.15 if heavy else 0.22) * height
    wall = side * width / 2
    for share in (0.18, 0.8):
        hub = (1 - share if flip else share) * length
        for scale, color in ((1.25, (16, 16, 17)), (0.97, (30, 30, 31)), (0.6, (125, 125, 128))):
            ring = np.column_stack(
                [
                    np.full(len(_CIRCLE), wall),
                    radius * (1 + scale * np.sin(_CIRCLE)).clip(0.02),
                    hub + radius * scale * np.cos(_CIRCLE),
                ]
            )
            faces.append((ring, tint(color, 0.9)))
    return faces


def _end(vehicle: Vehicle, tint: Tint) -> list[Face]:
    """Lamps, number plate and bumper of the end that faces us."""
    width, height = vehicle.size_m[1:]
    rear, heavy = vehicle.direction > 0, vehicle.shape in HEAVY
    glow = max(vehicle.lights, 0.6 * tint.light.night)
    low = 0.22 if heavy else (0.5 if rear else 0.47)
    high = low + (0.05 if heavy else 0.11)
    lamp = tint((120, 20, 22), 1.0) if rear else tint((190, 192, 190), 1.0)
    if glow > 0.3:
        lamp = (255, 60 + 40 * glow, 45) if rear else (255, 250, 235)
    dark = tint((34, 34, 35), 1.0)
    panels = [(-0.9, 0.9, 0.1 if heavy else 0.2, 0.14 if heavy else 0.3, dark)]
    if not rear and not heavy:
        panels.append((-0.5, 0.5, 0.32, 0.46, dark))
    panels.append((-0.25, 0.25, low - 0.1, low + 0.01, tint((190, 190, 184), 0.9)))
    panels += [(side * 0.92, side * 0.62, low, high, lamp) for side in (-1.0, 1.0)]
    faces: list[Face] = []
    for x1, x2, y1, y2, color in panels:
        ring = np.array([[x1, y1, 0], [x2, y1, 0], [x2, y2, 0], [x1, y2, 0]])
        faces.append((ring * (width / 2, height, 1), color))
    return faces
