"""All that moves: shapes, sizes, names and labels."""

from collections import Counter

import numpy as np
import pytest

from drivegrid.labels import default_label_space
from drivegrid.scenes.mesh import MATERIALS, Mesh, box
from drivegrid.scenes.meshes import CATALOGUE, Model
from drivegrid.scenes.meshes.animals import ANIMALS
from drivegrid.scenes.meshes.buses import BUSES
from drivegrid.scenes.meshes.machines import MACHINES
from drivegrid.scenes.meshes.people import PEOPLE
from drivegrid.scenes.meshes.trucks import TRUCKS
from drivegrid.scenes.meshes.two_wheelers import TWO_WHEELERS
from drivegrid.scenes.meshes.vehicles import VEHICLES
from drivegrid.scenes.segments import SEGMENT
from tests.scenes.meshes.shape_checks import bulge_m, first_corners_agree, stands_out_m

GROUPS = (VEHICLES, TRUCKS, BUSES, MACHINES, TWO_WHEELERS, PEOPLE, ANIMALS)
MODELS: dict[str, Model] = {name: model for group in GROUPS for name, model in group.items()}

# name: least and greatest width, height, length in metres; widths include mirrors and wheels
SIZES = {
    "sedan": ((1.7, 2.2), (1.4, 1.5), (4.3, 4.8)),
    "saloon long": ((1.8, 2.2), (1.4, 1.55), (4.8, 5.2)),
    "hatchback": ((1.7, 2.1), (1.4, 1.6), (3.9, 4.4)),
    "wagon": ((1.7, 2.2), (1.4, 1.6), (4.5, 4.95)),
    "suv": ((1.85, 2.3), (1.65, 1.9), (4.5, 5.0)),
    "compact suv": ((1.75, 2.2), (1.55, 1.75), (4.1, 4.6)),
    "pickup": ((1.85, 2.3), (1.7, 2.0), (5.1, 6.0)),
    "coupe": ((1.75, 2.2), (1.2, 1.4), (4.2, 4.7)),
    "minicar": ((1.5, 1.9), (1.4, 1.6), (2.7, 3.7)),
    "taxi": ((1.7, 2.2), (1.55, 1.75), (4.5, 5.0)),
    "van": ((1.85, 2.3), (1.85, 2.1), (4.7, 5.4)),
    "minivan": ((1.8, 2.2), (1.65, 1.9), (4.5, 5.2)),
    "delivery van": ((1.95, 2.5), (2.4, 2.9), (5.4, 7.0)),
    "box truck": ((2.3, 3.0), (3.2, 4.0), (7.0, 10.0)),
    "flatbed": ((2.3, 3.0), (2.5, 3.2), (7.0, 10.0)),
    "tipper": ((2.3, 3.0), (2.7, 3.6), (7.0, 9.5)),
    "semi": ((2.45, 3.1), (3.8, 4.2), (15.5, 18.75)),
    "tanker": ((2.3, 3.0), (2.8, 3.8), (8.0, 11.0)),
    "garbage truck": ((2.3, 3.0), (3.0, 3.8), (8.0, 10.5)),
    "trailer": ((1.5, 2.2), (1.2, 2.2), (3.0, 5.0)),
    "caravan": ((2.0, 2.5), (2.4, 2.7), (5.5, 7.5)),
    "city bus": ((2.5, 3.1), (2.9, 3.3), (11.0, 12.5)),
    "coach": ((2.5, 3.1), (3.4, 3.9), (11.5, 14.0)),
    "school bus": ((2.3, 3.0), (2.9, 3.3), (9.0, 12.2)),
    "tram": ((2.2, 2.7), (3.4, 5.5), (20.0, 35.0)),
    "excavator": ((2.4, 3.2), (2.8, 4.5), (5.0, 9.5)),
    "road roller": ((1.6, 2.3), (2.7, 3.3), (4.0, 5.5)),
    "wheel loader": ((2.3, 3.0), (3.1, 3.6), (6.5, 8.5)),
    "ambulance": ((2.0, 2.5), (2.5, 3.0), (5.4, 7.0)),
    "police car": ((1.7, 2.2), (1.5, 1.75), (4.5, 5.0)),
    "fire engine": ((2.4, 3.0), (2.9, 3.5), (7.0, 9.5)),
    "boat": ((2.0, 2.6), (1.9, 2.6), (5.5, 7.5)),
    "handcart": ((0.8, 1.3), (1.0, 1.5), (1.5, 2.6)),
    "motorcycle with rider": ((0.7, 1.0), (1.4, 1.8), (1.9, 2.3)),
    "scooter with rider": ((0.6, 0.9), (1.4, 1.8), (1.7, 2.2)),
    "bicycle with rider": ((0.45, 0.7), (1.5, 1.9), (1.6, 1.9)),
    "motorcycle": ((0.7, 1.0), (1.1, 1.3), (1.9, 2.3)),
    "bicycle": ((0.45, 0.7), (0.9, 1.15), (1.6, 1.9)),
    "man standing": ((0.4, 0.75), (1.65, 1.9), (0.2, 0.5)),
    "man walking": ((0.4, 0.75), (1.6, 1.9), (0.6, 1.1)),
    "woman standing": ((0.4, 0.7), (1.55, 1.8), (0.2, 0.5)),
    "woman walking": ((0.4, 0.7), (1.5, 1.8), (0.6, 1.1)),
    "child": ((0.25, 0.55), (1.0, 1.4), (0.35, 0.8)),
    "worker": ((0.4, 0.75), (1.7, 2.0), (0.3, 0.9)),
    "police officer": ((0.4, 0.8), (1.7, 2.0), (0.3, 0.9)),
    "wheelchair user": ((0.55, 0.8), (1.2, 1.5), (0.9, 1.3)),
    "stroller": ((0.45, 0.7), (1.5, 1.8), (1.3, 2.0)),
    "kick scooter rider": ((0.4, 0.7), (1.7, 2.0), (0.9, 1.4)),
    "pedestrian with bag": ((0.45, 0.8), (1.6, 1.9), (0.6, 1.1)),
    "runner": ((0.4, 0.75), (1.5, 1.85), (0.7, 1.3)),
    "deer": ((0.3, 0.8), (1.4, 2.1), (1.5, 2.2)),
    "dog": ((0.2, 0.4), (0.6, 0.95), (0.8, 1.3)),
    "cow": ((0.6, 0.9), (1.3, 1.8), (2.1, 2.9)),
    "horse": ((0.45, 0.7), (1.7, 2.2), (2.2, 2.9)),
    "bird": ((0.1, 0.4), (0.2, 0.5), (0.3, 0.7)),
}

MODEL = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


def test_empty_mesh_has_no_triangles() -> None:
    assert Model(Mesh("nothing", ()), "obstacle").num_triangles == 0


def test_a_box_has_twelve_triangles() -> None:
    crate = Mesh("crate", (box((0, 0, 0), (1, 1, 1), "wood"),))
    assert Model(crate, "obstacle").num_triangles == 12


def test_every_name_is_there_and_no_other() -> None:
    assert set(MODELS) == set(SIZES)
    assert sum(map(len, GROUPS)) == len(MODELS)
    assert all(CATALOGUE[name] is model for name, model in MODELS.items())
    assert all(model.mesh.name == name for name, model in MODELS.items())


@MODEL
def test_parts_are_convex_and_look_outwards(model: Model) -> None:
    for number, part in enumerate(model.mesh.parts):
        assert bulge_m(part) < 0.02, number
        assert first_corners_agree(part), number


@MODEL
def test_faces_have_known_materials(model: Model) -> None:
    for part in model.mesh.parts:
        assert len(part.materials) == len(part.faces)
        assert set(part.materials) <= set(MATERIALS)


@MODEL
def test_size_is_real(model: Model) -> None:
    for size, (least, greatest) in zip(model.mesh.size_m(), SIZES[model.mesh.name], strict=True):
        assert least <= size <= greatest, model.mesh.size_m()


@MODEL
def test_stands_on_the_ground_about_its_origin(model: Model) -> None:
    points = np.concatenate(model.mesh.outline_vertices())
    assert abs(points[:, 1].min()) < 0.02
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    assert np.all(np.abs(middle[[0, 2]]) < np.maximum(0.3 * model.mesh.size_m()[[0, 2]], 0.25))


@MODEL
def test_details_stay_within_the_outline(model: Model) -> None:
    assert stands_out_m(model.mesh) < 0.03


@MODEL
def test_budget(model: Model) -> None:
    assert 60 <= model.num_triangles <= 760
    assert 1 <= len(model.mesh.outline_vertices()) <= 32


@MODEL
def test_label_and_segment_are_known(model: Model) -> None:
    assert model.label is not None
    assert default_label_space().label(model.label).path.startswith("object/")
    assert model.segment in SEGMENT


def test_a_fifth_is_held_out_but_never_the_only_one_of_a_label() -> None:
    labels = Counter(model.label for model in MODELS.values())
    shown = Counter(model.label for model in MODELS.values() if not model.held_out)
    assert set(shown) == set(labels)
    assert 0.12 <= 1 - sum(shown.values()) / len(MODELS) <= 0.25


@pytest.mark.parametrize("group", [VEHICLES, TRUCKS, BUSES], ids=["cars", "trucks", "buses"])
def test_rear_lamps_and_a_plate_look_back(group: dict[str, Model]) -> None:
    for name, model in group.items():
        back = {
            material
            for part in model.mesh.parts
            for face, material in zip(part.faces, part.materials, strict=True)
            if part.vertices[list(face), 2].max() < 0
            and _normal_z(part.vertices[list(face)]) < -0.5
        }
        assert "rear lamp" in back, name
        assert "plate" in back or name == "tram", name


def _normal_z(corners: np.ndarray) -> float:
    normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
    return float(normal[2] / np.linalg.norm(normal))
