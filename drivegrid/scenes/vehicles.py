"""Kinds of vehicles: side profiles, sizes and window places; ``bodywork`` draws them."""

from __future__ import annotations

from dataclasses import dataclass

from drivegrid.scenes.canvas import Color

Profile = tuple[tuple[float, float, str], ...]

# Side profiles as (share of length from the rear, share of height, material of the edge that
# starts here); listed from the rear bottom over the roof to the front bottom.
_SEDAN: Profile = (
    (0.00, 0.22, "body"),
    (0.0, 0.62, "body"),
    (0.03, 0.70, "body"),
    (0.14, 0.72, "glass"),
    (0.28, 0.99, "roof"),
    (0.55, 1.0, "glass"),
    (0.73, 0.70, "body"),
    (0.97, 0.56, "body"),
    (1.0, 0.45, "body"),
    (1.0, 0.2, "under"),
)
_SUV = (
    (0.0, 0.2, "body"),
    (0.0, 0.58, "glass"),
    (0.06, 0.95, "roof"),
    (0.10, 1.0, "roof"),
    (0.58, 1.0, "glass"),
    (0.73, 0.64, "body"),
    (0.97, 0.55, "body"),
    (1.0, 0.45, "body"),
    (1.0, 0.2, "under"),
)
_VAN = (
    (0.0, 0.16, "body"),
    (0.0, 0.55, "glass"),
    (0.02, 0.9, "body"),
    (0.04, 1.0, "roof"),
    (0.75, 1.0, "glass"),
    (0.9, 0.6, "body"),
    (1.0, 0.48, "body"),
    (1.0, 0.15, "under"),
)
_PICKUP = (
    (0.0, 0.28, "body"),
    (0.0, 0.6, "bed"),
    (0.38, 0.6, "glass"),
    (0.42, 0.98, "roof"),
    (0.6, 1.0, "glass"),
    (0.73, 0.64, "body"),
    (0.98, 0.58, "body"),
    (1.0, 0.25, "under"),
)
_BOX_TRUCK = (
    (0.0, 0.14, "dark"),
    (0.0, 0.3, "load"),
    (0.0, 1.0, "load"),
    (0.76, 1.0, "load"),
    (0.76, 0.82, "roof"),
    (0.9, 0.8, "glass"),
    (0.96, 0.5, "body"),
    (1.0, 0.45, "body"),
    (1.0, 0.12, "under"),
)
_BUS = (
    (0.0, 0.12, "body"),
    (0.0, 0.55, "glass"),
    (0.0, 0.88, "body"),
    (0.01, 1.0, "roof"),
    (0.99, 1.0, "body"),
    (1.0, 0.88, "glass"),
    (1.0, 0.42, "body"),
    (1.0, 0.12, "under"),
)
SHAPES: dict[str, tuple[str, Profile, tuple[float, float, float]]] = {
    "sedan": ("car", _SEDAN, (4.7, 1.82, 1.45)),
    "suv": ("car", _SUV, (4.6, 1.88, 1.72)),
    "hatchback": ("car", _SUV, (4.1, 1.76, 1.5)),
    "pickup": ("car", _PICKUP, (5.5, 1.98, 1.85)),
    "van": ("van", _VAN, (5.2, 2.0, 2.1)),
    "truck": ("truck", _BOX_TRUCK, (8.5, 2.4, 3.3)),
    "semi": ("truck", _BOX_TRUCK, (16.0, 2.5, 3.95)),
    "bus": ("bus", _BUS, (11.5, 2.5, 3.1)),
    "motorcycle": ("motorcycle", (), (2.1, 0.75, 1.65)),
}
"""Body shape -> (taxonomy leaf, side profile, length x width x height in metres).

A motorcycle has no profile: it is drawn flat.
"""

_CABIN = ((0.08, 0.36, 0.64, 0.92), (0.38, 0.69, 0.64, 0.93))
WINDOWS: dict[str, tuple[tuple[float, float, float, float], ...]] = {
    "sedan": ((0.2, 0.41, 0.72, 0.93), (0.43, 0.68, 0.72, 0.94)),
    "suv": _CABIN,
    "hatchback": _CABIN,
    "pickup": ((0.43, 0.68, 0.66, 0.93),),
    "van": ((0.62, 0.84, 0.58, 0.88),),
    "truck": ((0.82, 0.92, 0.52, 0.72),),
    "semi": ((0.84, 0.93, 0.52, 0.72),),
    "bus": ((0.03, 0.34, 0.5, 0.86), (0.35, 0.66, 0.5, 0.86), (0.67, 0.97, 0.5, 0.86)),
}
"""Side windows as (rear, front) shares of the length and (low, high) shares of the height."""

HEAVY = ("truck", "semi", "bus")
"""Shapes with upright walls and small wheels."""


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
