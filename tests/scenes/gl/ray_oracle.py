"""Which body each pixel's ray meets first, by intersecting rays with convex solids one by one."""

import numpy as np

from drivegrid.scenes.alignment import DEPTHS_M


def cast(view, models):
    """Return (H, W) the index of the body that each pixel centre sees, -1 for the plate."""
    across, down = (plane.astype(np.float64) for plane in view.camera.slopes())
    eye = np.array([0.0, view.camera.height_m, 0.0])
    rays = np.stack([across, -down, np.ones_like(across)], axis=-1).reshape(-1, 3)
    nearest = _ground_depth(view, rays)
    owner = np.full(len(rays), -1)
    for index, body in enumerate(view.bodies):
        for part in models[body.mesh].mesh.parts:
            depth = _entry(part, body, eye, rays)
            nearer = depth < nearest
            nearest[nearer], owner[nearer] = depth[nearer], index
    return owner.reshape(across.shape)


def _ground_depth(view, rays):
    """Return the first Z at which each ray is under the ground, on a fine grid of Z."""
    z = np.linspace(1.0, DEPTHS_M[-1], 3000)
    ground = np.interp(z, DEPTHS_M, view.alignment.height_m)
    under = view.camera.height_m + rays[:, 1:2] * z < ground - 0.03
    return np.where(under.any(axis=1), z[under.argmax(axis=1)], np.inf)


def _entry(part, body, eye, rays):
    """Return the Z at which each ray enters a solid, inf where it misses."""
    vertices = body.to_world(part.vertices)
    center = vertices.mean(axis=0)
    enter, leave = np.full(len(rays), 0.8), np.full(len(rays), np.inf)
    for face in part.faces:
        corners = vertices[list(face)]
        normal = np.cross(corners, np.roll(corners, -1, axis=0)).sum(axis=0)
        normal *= np.sign(normal @ (corners[0] - center))
        speed, gap = rays @ normal, normal @ (corners[0] - eye)
        with np.errstate(divide="ignore", invalid="ignore"):
            at = gap / speed
        enter = np.where(speed < 0, np.maximum(enter, at), enter)
        leave = np.where(speed > 0, np.minimum(leave, at), leave)
        leave[(speed == 0) & (gap < 0)] = -np.inf
    return np.where(enter < leave, enter, np.inf)
