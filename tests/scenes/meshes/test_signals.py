"""Sign plates and lights: centred, facing the camera, one lit lamp for each named state."""

import numpy as np
import pytest

from drivegrid.scenes.mesh import MATERIALS
from drivegrid.scenes.meshes.signals import PLATES, SIGNALS
from tests.scenes.meshes.rules import check_model, normals

ARROWS = [
    f"light arrow {way} {c}" for way in ("left", "right", "straight") for c in ("red", "green")
]
LIGHTS = {
    **{f"light vehicle {s}": "vehicle" for s in ("red", "yellow", "green", "red-yellow", "off")},
    **{f"light vehicle horizontal {s}": "vehicle" for s in ("red", "yellow", "green")},
    **dict.fromkeys(ARROWS, "vehicle"),
    **{f"light pedestrian {s}": "pedestrian" for s in ("red", "green")},
    **{f"light bicycle {s}": "bicycle" for s in ("red", "green")},
    **{f"beacon {s}": "warning" for s in ("on", "off")},
}


def test_all_keys() -> None:
    assert set(SIGNALS) == set(PLATES) | set(LIGHTS)
    shapes = (
        "circle",
        "triangle",
        "inverted triangle",
        "octagon",
        "diamond",
        "square",
        "rectangle",
    )
    assert set(PLATES) == {f"plate {shape}" for shape in shapes}


@pytest.mark.parametrize("name", PLATES)
def test_plate(name: str) -> None:
    model = SIGNALS[name]
    check_model(model, (8, 80))
    assert (model.segment, model.label, model.held_out) == ("sign", None, False)
    (part,) = model.mesh.parts
    shown = normals(part)[[material == "face" for material in part.materials]]
    assert np.allclose(shown, [[0, 0, -1]])
    assert np.allclose(
        part.vertices[:, :2].max(axis=0), -part.vertices[:, :2].min(axis=0), atol=0.01
    )
    assert np.abs(part.vertices[:, 0]).max() == pytest.approx(1, abs=1e-9)
    assert 0.86 <= np.abs(part.vertices[:, 1]).max() <= 1 + 1e-9


@pytest.mark.parametrize("name", LIGHTS)
def test_light(name: str) -> None:
    model = SIGNALS[name]
    check_model(model, (30, 240))
    assert (model.segment, model.label) == ("light", f"light/{LIGHTS[name]}")
    points = np.concatenate(model.mesh.outline_vertices())
    assert np.allclose(points[:, :2].max(axis=0), -points[:, :2].min(axis=0))
    size = np.ptp(points, axis=0)
    assert 0.2 <= size[0] <= 0.9
    assert 0.3 <= size[1] <= 0.9


@pytest.mark.parametrize("name", LIGHTS)
def test_lit_lamps_are_those_of_the_name(name: str) -> None:
    state = {"on": "yellow", "off": ""}.get(name.split()[-1], name.split()[-1])
    lit, heights = set(), {}
    for part in SIGNALS[name].mesh.parts:
        for material, normal in zip(part.materials, normals(part), strict=True):
            if material.startswith("lamp"):
                assert np.allclose(normal, [0, 0, -1])
                heights[material.split()[1]] = part.vertices[:, :2].mean(axis=0)
            if MATERIALS[material].glow:
                lit.add(material.split()[1])
    assert lit == set(filter(None, state.split("-")))
    if "red" in heights and "green" in heights:
        along = 0 if "horizontal" in name else 1
        first, last = heights["red"][along], heights["green"][along]
        assert first < last if along == 0 else first > last


@pytest.mark.parametrize("way, sign", [("left", -1), ("right", 1)])
def test_arrow_points_its_way(way: str, sign: int) -> None:
    heads = [
        part.vertices
        for part in SIGNALS[f"light arrow {way} green"].mesh.parts
        if part.materials == ("lamp green lit",) and len(part.vertices) == 3
    ]
    (head,) = heads
    tip = head[np.abs(head[:, 0]).argmax()]
    assert np.sign(tip[0]) == sign


def test_horizontal_lights_are_held_out() -> None:
    assert {name for name, model in SIGNALS.items() if model.held_out} == {
        name for name in SIGNALS if "horizontal" in name
    }
