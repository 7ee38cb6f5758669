"""Tunnels: walls, ceiling, lamps, and the light inside."""

from __future__ import annotations

import math

from drivegrid.scenes.body import Body
from drivegrid.scenes.draws import Draws
from drivegrid.scenes.placing import Occupancy, Spot, Thing, stand
from drivegrid.scenes.road import Road
from drivegrid.scenes.view import Light

SURFACES = {"dry": 0.8, "damaged": 0.12, "wet": 0.08}
"""Condition of a road that no rain reaches."""

_ELEMENT_M = 4.0
_FIRST_M = 2.0
_LAMP_STEP_M = 26.0


def tunnel_light(d: Draws) -> Light:
    """Draw the light of lamps in a tunnel: no sun, warm or white air, headlights on."""
    level, warmth = d.between(40, 110), d.between(0.0, 0.35)
    haze = (level * (1 + 0.4 * warmth), level, level * (1 - warmth))
    return Light(
        (0.0, 1.0, 0.0), 0.0, d.between(0.28, 0.6), warmth, haze, d.between(160, 600), True
    )


def sample_tunnel(d: Draws, road: Road, taken: Occupancy) -> Thing:
    """Draw the tube from beside us to beyond what is seen, as one thing whose walls take ground."""
    bodies: list[Body] = []
    left, right = road.verges
    end = d.between(60, 140) if d.chance(0.25) else 150.0
    z = _FIRST_M
    while z < end:
        factor = 1.0 if z < 34 else 2.0 if z < 66 else 4.0
        long = _ELEMENT_M * factor
        middle, scale = z + long / 2, (1.0, 1.0, factor)
        q = left.here(middle), right.here(middle)
        half, center = (q[1] - q[0]) / 2, (q[0] + q[1]) / 2
        for offset, turn in ((q[0] - 0.02, math.pi), (q[1] + 0.02, 0.0)):
            spot = Spot(offset, middle, turn)
            bodies.append(stand(road, "tunnel wall", spot, scale=scale))
            taken.take(spot, (0.3, long), -0.05)
        spot = Spot(center, middle, up_m=-road.raised_m(center, middle))
        bodies.append(stand(road, "tunnel ceiling", spot, scale=(half + 0.5, 1.0, factor)))
        z += long
    return Thing("region/tunnel", tuple(bodies), Spot(left.here(10.0), 10.0))


def tunnel_lamps(road: Road) -> list[tuple[float, float]]:
    """Return offset and Z of the middles of the lamps' light pools on the road."""
    left, right = road.verges
    depths = [6.0 + _LAMP_STEP_M * number for number in range(4)]
    return [((left.here(z) + right.here(z)) / 2, z) for z in depths]
