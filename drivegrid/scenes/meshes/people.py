"""People on foot, on wheels and at work."""

from __future__ import annotations

from drivegrid.scenes.mesh import Mesh, Part, box, cylinder
from drivegrid.scenes.meshes.figures import Look, Pose, by_depth, figure, moved, scaled
from drivegrid.scenes.meshes.model import Model
from drivegrid.scenes.meshes.solids import hub, hull, limb, pair, plan, wheel

_STANDING = Pose()
_WALKING = Pose((26.0, -20.0), (8.0, 12.0), (-22.0, 22.0), (12.0, 18.0), lean=3.0)
_STRIDING = Pose((-16.0, 22.0), (22.0, 4.0), (18.0, -20.0), (15.0, 10.0), lean=2.0)
_RUNNING = Pose((48.0, -22.0), (62.0, 48.0), (-48.0, 40.0), (80.0, 85.0), lean=10.0)
_PUSHING = Pose((22.0, -18.0), (6.0, 14.0), (28.0, 28.0), (42.0, 42.0), lean=6.0, reach=0.4)
_SITTING = Pose((82.0, 82.0), (78.0, 78.0), (8.0, 8.0), (62.0, 62.0), lean=-4.0)

_MAN = Look()
_CASUAL = Look(sleeves="skin", shoes="white")
_WOMAN = Look(hat="long hair", broad=0.88)
_SKIRT = Look(hat="long hair", broad=0.88, skirt=True, shanks="skin", sleeves="skin")
_CHILD = Look(head=1.3, sleeves="skin", shoes="white")
_WORKER = Look("vest", "orange", "orange", "orange", hat="helmet", hat_material="white",
               bands="white")  # fmt: skip
_OFFICER = Look("blue", "blue", "black", "black", hat="cap", hat_material="blue")
_RUNNER = Look(sleeves="skin", legs="trousers", shanks="skin", shoes="orange")


def _man_standing() -> list[Part]:
    return figure(_STANDING, _MAN)


def _man_walking() -> list[Part]:
    return figure(_WALKING, _CASUAL)


def _woman_standing() -> list[Part]:
    return scaled(figure(_STANDING, _SKIRT), 0.95)


def _woman_walking() -> list[Part]:
    return scaled(figure(_STRIDING, _WOMAN), 0.95)


def _child() -> list[Part]:
    return scaled(figure(_WALKING, _CHILD), 0.68)


def _worker() -> list[Part]:
    return figure(Pose(arms=(30.0, -4.0), elbows=(40.0, 8.0), spread=0.3), _WORKER)


def _police_officer() -> list[Part]:
    return figure(Pose(arms=(85.0, 0.0), elbows=(50.0, 6.0), spread=0.28), _OFFICER)


def _with_bag() -> list[Part]:
    pack = hull([*plan(1.05, (-0.34, -0.1), 0.15), *plan(1.5, (-0.28, -0.1), 0.13)], "blue")
    bag = box((0.22, 0.42, -0.12), (0.34, 0.76, 0.2), "white")
    return [*figure(_STRIDING, _MAN), pack, bag]


def _runner() -> list[Part]:
    return figure(_RUNNING, _RUNNER)


def _wheelchair_user() -> list[Part]:
    seat = [
        box((-0.24, 0.42, -0.25), (0.24, 0.5, 0.25), "dark"),
        box((-0.23, 0.5, -0.3), (0.23, 0.95, -0.24), "dark"),
        box((-0.2, 0.04, 0.5), (0.2, 0.09, 0.68), "dark"),
    ]
    casters = pair(wheel(0.24, 0.42, 0.09, 0.04), *hub(0.24, 0.42, 0.09))
    wheels = pair(wheel(0.33, -0.08, 0.31, 0.04), *hub(0.33, -0.08, 0.31, rim="spokes"))
    body = figure(_SITTING, _MAN, hip=(0.0, 0.58, -0.1))
    return [*casters, *body, *seat, *wheels]


def _stroller() -> list[Part]:
    tub = hull([*plan(0.4, (0.55, 1.05), 0.18), *plan(0.72, (0.45, 1.2), 0.24)], "blue")
    hood = hull([*plan(0.72, (0.4, 0.85), 0.24), *plan(1.02, (0.5, 0.72), 0.2)], "dark")
    bars = pair(limb((0.22, 1.02, 0.36), (0.22, 0.2, 0.95), (0.018, 0.018), "steel"))
    frame = pair(limb((0.22, 0.6, 0.6), (0.22, 0.12, 0.5), (0.018, 0.018), "steel"))
    wheels = pair(*(p for z in (0.5, 1.05) for p in
                    (wheel(0.26, z, 0.12, 0.04), *hub(0.26, z, 0.12))))  # fmt: skip
    walker = scaled(figure(_PUSHING, _WOMAN), 0.95)
    return moved([*walker, *wheels, *frame, tub, hood, *bars], (0.0, 0.0, -0.4))


def _kick_scooter_rider() -> list[Part]:
    pose = Pose((12.0, -6.0), (10.0, 6.0), (30.0, 30.0), (30.0, 30.0), lean=4.0, spread=0.14,
                reach=0.44)  # fmt: skip
    deck = box((-0.08, 0.1, -0.35), (0.08, 0.16, 0.4), "dark")
    stem = limb((0, 0.1, 0.48), (0, 1.08, 0.34), (0.03, 0.025), "dark")
    bar = limb((-0.25, 1.06, 0.34), (0.25, 1.06, 0.34), (0.02, 0.02), "black")
    wheels = [cylinder((-0.025, 0.11, z), (0.025, 0.11, z), (0.11, 0.11), "tyre", sides=12)
              for z in (-0.45, 0.5)]  # fmt: skip
    lamp = box((-0.04, 0.2, -0.46), (0.04, 0.26, -0.42), "rear lamp")
    return [*wheels, deck, *moved(figure(pose, _CASUAL), (0.0, 0.15, -0.1)), stem, bar, lamp]


_BUILDERS = {
    "man standing": (_man_standing, "pedestrian"),
    "man walking": (_man_walking, "pedestrian"),
    "woman standing": (_woman_standing, "pedestrian"),
    "woman walking": (_woman_walking, "pedestrian"),
    "pedestrian with bag": (_with_bag, "pedestrian"),
    "runner": (_runner, "pedestrian"),
    "child": (_child, "child"),
    "worker": (_worker, "construction_worker"),
    "police officer": (_police_officer, "police_officer"),
    "wheelchair user": (_wheelchair_user, "wheelchair"),
    "stroller": (_stroller, "stroller"),
    "kick scooter rider": (_kick_scooter_rider, "personal_mobility"),
}

_HELD_OUT = {"pedestrian with bag", "runner"}

PEOPLE: dict[str, Model] = {
    name: Model(
        Mesh(name, tuple(by_depth(build()))), "person", f"object/person/{label}", name in _HELD_OUT
    )
    for name, (build, label) in _BUILDERS.items()
}
"""Model name -> model. Tint 0 is the upper clothes, tint 1 the trousers or skirt."""
