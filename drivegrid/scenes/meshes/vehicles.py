"""Cars and vans."""

from __future__ import annotations

from drivegrid.scenes.mesh import Mesh, Part, box
from drivegrid.scenes.meshes.car_body import Car, car_parts
from drivegrid.scenes.meshes.model import Model

_CARS = {
    "sedan": Car((1.8, 1.45, 4.6)),
    "saloon long": Car(
        (1.88, 1.47, 5.0), heights=(0.8, 0.98, 1.03), bonnet=1.3, boot=0.75,
        axles=(0.88, 1.08), radius=0.34, lamp=(0.27, 0.58, 0.88), plate=0.42,
    ),
    "hatchback": Car(
        (1.76, 1.47, 4.1), heights=(0.76, 0.97, 1.0), bonnet=1.0, boot=0.2, rakes=(0.8, 0.42),
        axles=(0.85, 0.68), lamp=(0.17, 0.42, 0.95), windows=(0.14, 0.5, 0.54, 0.92),
    ),
    "wagon": Car(
        (1.82, 1.48, 4.7), heights=(0.76, 0.97, 1.0), bonnet=1.15, boot=0.14, rakes=(0.75, 0.4),
        axles=(0.9, 0.98), lamp=(0.2, 0.5, 0.92), windows=(0.1, 0.3, 0.34, 0.62, 0.65, 0.94),
    ),
    "suv": Car(
        (1.92, 1.75, 4.75), heights=(0.95, 1.12, 1.14), bonnet=1.1, boot=0.12, rakes=(0.7, 0.28),
        axles=(0.88, 0.97), radius=0.38, clearance=0.24, lamp=(0.14, 0.3, 0.98),
        windows=(0.08, 0.28, 0.32, 0.61, 0.64, 0.94), bumper="dark",
    ),
    "compact suv": Car(
        (1.83, 1.64, 4.35), heights=(0.9, 1.06, 1.08), bonnet=1.0, boot=0.14, rakes=(0.72, 0.36),
        axles=(0.86, 0.82), radius=0.35, clearance=0.22, lamp=(0.24, 0.55, 0.88), bumper="dark",
    ),
    "pickup": Car(
        (1.95, 1.8, 5.45), heights=(1.0, 1.14, 1.12), bonnet=1.3, boot=1.75, rakes=(0.65, 0.1),
        axles=(0.95, 1.2), radius=0.39, clearance=0.3, lamp=(0.07, 0.15, 0.95), plate=-1.0,
        windows=(0.08, 0.46, 0.5, 0.93), bumper="chrome",
    ),
    "coupe": Car(
        (1.84, 1.32, 4.4), heights=(0.77, 0.93, 0.97), bonnet=1.4, boot=0.35, rakes=(0.75, 1.0),
        axles=(0.9, 0.88), radius=0.32, clearance=0.15, lamp=(0.3, 0.6, 0.85), plate=-1.0,
        windows=(0.3, 0.46, 0.5, 0.92),
    ),
    "minicar": Car(
        (1.6, 1.5, 3.5), heights=(0.8, 0.98, 0.98), bonnet=0.72, boot=0.12, rakes=(0.75, 0.25),
        axles=(0.65, 0.5), radius=0.28, lamp=(0.13, 0.45, 0.98),
    ),
    "taxi": Car((1.83, 1.48, 4.75), boot=0.65, plate=0.4, lamp=(0.22, 0.45, 0.8)),
}  # fmt: skip

_VANS = {
    "van": Car(
        (1.95, 1.97, 4.95), heights=(1.0, 1.2, 1.05), bonnet=0.7, boot=0.07, rakes=(0.85, 0.1),
        axles=(0.95, 1.0), radius=0.34, lamp=(0.08, 0.2, 0.98), plate=0.5, bumper="dark",
        windows=(0.06, 0.32, 0.36, 0.62, 0.66, 0.93),
    ),
    "minivan": Car(
        (1.9, 1.74, 4.85), heights=(0.85, 1.06, 1.06), bonnet=0.85, boot=0.12, rakes=(0.95, 0.3),
        axles=(0.92, 0.98), radius=0.34, lamp=(0.13, 0.35, 0.98),
        windows=(0.08, 0.3, 0.34, 0.6, 0.63, 0.92),
    ),
    "delivery van": Car(
        (2.02, 2.6, 5.95), heights=(1.08, 1.3, 1.05), bonnet=0.75, boot=0.05, rakes=(0.95, 0.06),
        axles=(1.0, 1.25), radius=0.35, clearance=0.24, lean=0.1, lamp=(0.07, 0.3, 1.0),
        bumper="dark", glass=(0.36, 0.72), doors=True, windows=(0.79, 0.95),
    ),
}  # fmt: skip

_HELD_OUT = {"wagon", "compact suv", "minivan"}


def _extras(name: str, car: Car) -> list[Part]:
    """Return what one car has and the others lack."""
    _, height, length = car.size
    if name == "taxi":
        sign = ("yellow", "yellow", "black", "black", "dark", "dark")
        return [box((-0.3, height - 0.03, -0.3), (0.3, height + 0.15, -0.1), sign)]
    if name == "suv":
        x, start, stop = 0.62, 0.6 - length / 2, 0.5
        low = height - 0.03
        return [box((s * x - 0.02, low, start), (s * x + 0.02, low + 0.05, stop), "dark")
                for s in (-1, 1)]  # fmt: skip
    return []


def _model(name: str, car: Car, label: str) -> Model:
    mesh = Mesh(name, (*_extras(name, car), *car_parts(car)))
    return Model(mesh, "vehicle", f"object/vehicle/{label}", held_out=name in _HELD_OUT)


VEHICLES: dict[str, Model] = {
    **{name: _model(name, car, "car") for name, car in _CARS.items()},
    **{name: _model(name, car, "van") for name, car in _VANS.items()},
}
"""Model name -> model. Tint 0 is the bodywork."""
